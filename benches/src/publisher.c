/*
 * A plugin that publishes as fast as it can: its call `publish` takes [how many events, how many at a time, which of the
 * two kinds of events, into which of the two rooms], and answers when they are published. Their bytes are the same each
 * time, so that what is measured is the way; but each is given away and comes back, as an event's own would.
 */
#include <stdlib.h>

#include "tidegate_plugin.h"

#define BATCH 64

static const char DATA[] =
    "{\"agent_id\":\"scout\",\"status\":\"active\",\"health\":0.93,\"load\":0.4,\"energia\":99.5,\"detected\":12,"
    "\"created_at\":\"2026-01-01T12:00:00.000Z\",\"config\":{\"area\":\"north\",\"mode\":\"patrol\",\"tags\":[\"a\",\"b\"]}}";

struct tg_instance {
    const tg_host *host;
    const tg_publish *publish;
    const tg_reply *reply;
    uint64_t given, returned;
};

#define X9 "xxxxxxxxx"
#define X63 X9 X9 X9 X9 X9 X9 X9
#define X189 X63 X63 X63

static const char TEXT[] = "{\"text\":\"" X189 "\"}";
static const tg_str ROOMS[] = {{"nobody's", 8}, {"bench", 5}};

static void release(void *owner) { ++*(uint64_t *)owner; }

/* Known by its name to whoever counts its instructions. */
__attribute__((noinline)) tg_status publish_them(tg_instance *self, tg_event *events, uint64_t left, uint64_t at_a_time) {
    uint64_t taken;
    for (; left > 0; left -= taken, self->given += taken)
        if (self->publish->publish(self->host, events, left < at_a_time ? left : at_a_time, 0, &taken) != TG_OK)
            return TG_INTERNAL;
    return TG_OK;
}

/* In the hook itself: nothing else waits for this plugin. */
static tg_status call(tg_instance *self, const tg_call *call) {
    const char *digits = call->data.ptr;
    uint64_t asked[4] = {0}, i, n = 0;
    tg_event events[BATCH] = {0};
    for (i = 0; i < call->data.len; i++) {
        if (digits[i] == ',') n++;
        if (digits[i] >= '0' && digits[i] <= '9' && n < 4) asked[n] = asked[n] * 10 + (uint64_t)(digits[i] - '0');
    }
    tg_release(call->data);
    if (asked[1] < 1 || asked[1] > BATCH || asked[2] > 1 || asked[3] > 1) return TG_INVALID;
    for (i = 0; i < BATCH; i++) {
        events[i].targets = &ROOMS[asked[3]];
        events[i].targets_len = 1;
        events[i].type = asked[2] ? tg_text("plain") : tg_text("measured");
        events[i].data = tg_constant(asked[2] ? tg_text(TEXT) : tg_text(DATA));
        events[i].data.owner = &self->returned;
        events[i].data.release = release;
    }
    if (publish_them(self, events, asked[0], asked[1]) != TG_OK)
        abort(); /* the bench has asked for more than the plugin's budget holds */
    self->reply->finish(self->host, call->request, tg_text(""), tg_constant(tg_text("true")));
    return TG_OK;
}

static void cancelled(tg_instance *self, tg_request request) { (void)self, (void)request; }

static tg_status create(const tg_host *host, tg_str name, tg_str config, tg_instance **instance, tg_buf *error) {
    (void)name, (void)config, (void)error;
    if (!(*instance = calloc(1, sizeof **instance))) return TG_INTERNAL;
    (*instance)->host = host;
    (*instance)->publish = host->extension(host, tg_text(TG_EXT_PUBLISH));
    (*instance)->reply = host->extension(host, tg_text(TG_EXT_REPLY));
    return TG_OK;
}

static tg_status start(tg_instance *self, tg_buf *error) { (void)self, (void)error; return TG_OK; }
static tg_status stop(tg_instance *self, uint64_t deadline_ms) { (void)self, (void)deadline_ms; return TG_OK; }

/* What is measured must be true: each buffer has come back. */
static void destroy(tg_instance *self) {
    if (self->given != self->returned) abort();
    free(self);
}

static const void *extension(tg_instance *self, tg_str id) {
    static const tg_calls CALLS = {call, cancelled};
    (void)self;
    return tg_str_eq(id, tg_text(TG_EXT_CALLS)) ? &CALLS : NULL;
}

static const char MANIFEST[] =
    "{\"manifest\":1,\"name\":\"publisher\",\"version\":\"1\",\"calls\":[{\"name\":\"publish\"}],"
    "\"events\":[{\"type\":\"measured\",\"schema\":" SCHEMA "},{\"type\":\"plain\"}]}";

const tg_plugin tidegate_plugin = {
    TG_ABI_MAJOR, TG_ABI_MINOR, sizeof(tg_plugin), {MANIFEST, sizeof MANIFEST - 1}, create, start, stop, destroy, extension,
};
