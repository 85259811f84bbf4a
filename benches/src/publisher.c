/*
 * A plugin that publishes as fast as it can: its call `publish` takes a number of events, and answers when they are
 * published, in batches, to a room that nobody is in. Their data are constant, so that what is measured is the way.
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
};

/* Known by its name to whoever counts its instructions. */
__attribute__((noinline)) tg_status publish_them(tg_instance *self, tg_event *events, uint64_t left) {
    uint64_t taken;
    for (; left > 0; left -= taken)
        if (self->publish->publish(self->host, events, left < BATCH ? left : BATCH, 0, &taken) != TG_OK)
            return TG_INTERNAL;
    return TG_OK;
}

/* In the hook itself: nothing else waits for this plugin. */
static tg_status call(tg_instance *self, const tg_call *call) {
    const char *digits = call->data.ptr;
    uint64_t left = 0, i;
    tg_event events[BATCH] = {0};
    tg_str room = tg_text("nobody's");
    for (i = 0; i < call->data.len; i++) left = left * 10 + (uint64_t)(digits[i] - '0');
    tg_release(call->data);
    for (i = 0; i < BATCH; i++) {
        events[i].targets = &room;
        events[i].targets_len = 1;
        events[i].type = tg_text("measured");
        events[i].data = tg_constant(tg_text(DATA));
    }
    if (publish_them(self, events, left) != TG_OK) return TG_INTERNAL;
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
static void destroy(tg_instance *self) { free(self); }

static const void *extension(tg_instance *self, tg_str id) {
    static const tg_calls CALLS = {call, cancelled};
    (void)self;
    return tg_str_eq(id, tg_text(TG_EXT_CALLS)) ? &CALLS : NULL;
}

static const char MANIFEST[] =
    "{\"manifest\":1,\"name\":\"publisher\",\"version\":\"1\",\"calls\":[{\"name\":\"publish\"}],"
    "\"events\":[{\"type\":\"measured\",\"schema\":" SCHEMA "}]}";

const tg_plugin tidegate_plugin = {
    TG_ABI_MAJOR, TG_ABI_MINOR, sizeof(tg_plugin), {MANIFEST, sizeof MANIFEST - 1}, create, start, stop, destroy, extension,
};
