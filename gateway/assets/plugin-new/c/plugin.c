/*
 * {{name}}: greets people, counts them, and tells a room. In C11, with nothing but the header.
 *
 * Read it from its end: the exported constant, `extension`, `create` to `destroy`, then the hooks. Hooks come on one thread
 * of the gateway's, one at a time, so nothing here needs a lock. They return at once: what takes time goes to a thread of
 * the plugin's own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "tidegate_plugin.h"

/* plugin.json, as the Makefile makes a text of it. */
static const char MANIFEST[] =
#include "manifest.h"
    ;

/* One configured instance. Nothing is in globals: another instance may live in the same process. */
struct tg_instance {
    const tg_host *host;
    const tg_publish *publish;
    const tg_reply *reply;
    const tg_refusal *refusal; /* null where the gateway is older than 1.1 */
    const tg_log *log;
    char greeting[401]; /* the settings: their schema allows a hundred characters, each of up to four bytes */
    char room[401];
    uint64_t count;
};

static void say(tg_instance *self, uint32_t level, const char *text) {
    if (self->log) self->log->write(self->host, level, tg_text(text), NULL, 0);
}

/* Text of our own, to be given away: the gateway calls free. */
static tg_buf owned(char *text) {
    tg_buf buf = {text, 0, text, free};
    if (text) buf.len = strlen(text);
    return buf;
}

/* Bytes of a text: "%.*s" wants a pair. */
#define BYTES(s) (int)(s).len, (s).ptr

/* Publishes that somebody was greeted. `name` is JSON already, quotes and all. */
static tg_status publish_greeted(tg_instance *self, tg_str name) {
    char *data = malloc(name.len + 64);
    tg_str room = tg_text(self->room), why;
    tg_event event;
    tg_status status;
    uint64_t taken = 0;
    if (!data) return TG_INTERNAL;
    snprintf(data, name.len + 64, "{\"name\":%.*s,\"count\":%llu}", BYTES(name), (unsigned long long)self->count);
    memset(&event, 0, sizeof event);
    event.targets = &room;
    event.targets_len = 1;
    event.type = tg_text("{{word}}_greeted");
    event.data = owned(data);
    status = self->publish->publish(self->host, &event, 1, 0, &taken);
    if (status == TG_OK) return TG_OK;
    tg_release(event.data); /* what was not taken is still ours */
    if (self->refusal && self->refusal->last(self->host, &why) == TG_OK) {
        char text[500];
        snprintf(text, sizeof text, "refused: %.*s", BYTES(why));
        say(self, TG_LOG_ERROR, text);
    }
    return status;
}

/* tidegate.calls/1: `{{word}}_greet`. The data fits the schema in plugin.json before it comes here. */
static tg_status call(tg_instance *self, const tg_call *call) {
    tg_str data = {call->data.ptr, call->data.len}, name = json_member(data, "name"), inside = json_inside(name);
    size_t room = name.len + sizeof self->greeting * 6 + 8;
    char *answer = malloc(room);
    tg_status status;
    if (!answer) return TG_INTERNAL;
    self->count++;
    status = publish_greeted(self, name);
    if (status != TG_OK) {
        free(answer);
        return status; /* this is the answer, and the data is still the gateway's */
    }
    json_quote(self->greeting, answer, room);
    /* In the place of its closing quote. */
    snprintf(answer + strlen(answer) - 1, room - strlen(answer), ", %.*s!\"", BYTES(inside));
    tg_release(call->data);
    if (self->reply->finish(self->host, call->request, tg_text(""), owned(answer)) != TG_OK) free(answer);
    return TG_OK;
}

/* tidegate.http/1: `GET /{{name}}/count`. */
static tg_status http(tg_instance *self, const tg_http_request *request) {
    char *body = malloc(64);
    tg_pair type = {tg_text("content-type"), tg_text("application/json")};
    if (!body) return TG_INTERNAL;
    snprintf(body, 64, "{\"count\":%llu}", (unsigned long long)self->count);
    tg_release(request->body);
    if (self->reply->respond(self->host, request->request, 200, &type, 1, owned(body)) != TG_OK) free(body);
    return TG_OK;
}

/* Every request is answered before its hook returns: there is nothing to call off. */
static void cancelled(tg_instance *self, tg_request request) { (void)self, (void)request; }

static tg_status create(const tg_host *host, tg_str name, tg_str config, tg_instance **instance, tg_buf *error) {
    tg_instance *self = calloc(1, sizeof *self);
    (void)name; /* the gateway marks what is ours with it */
    if (self) {
        self->host = host;
        self->publish = host->extension(host, tg_text(TG_EXT_PUBLISH));
        self->reply = host->extension(host, tg_text(TG_EXT_REPLY));
        self->refusal = host->extension(host, tg_text(TG_EXT_REFUSAL));
        self->log = host->extension(host, tg_text(TG_EXT_LOG));
    }
    if (!self || !self->publish || !self->reply) {
        free(self);
        *error = tg_constant(tg_text("no memory, or a gateway without " TG_EXT_PUBLISH " or " TG_EXT_REPLY));
        return TG_INTERNAL;
    }
    json_text(json_member(config, "greeting"), "Hello", self->greeting, sizeof self->greeting);
    json_text(json_member(config, "room"), "{{name}}", self->room, sizeof self->room);
    *instance = self;
    return TG_OK;
}

static tg_status start(tg_instance *self, tg_buf *error) {
    (void)error;
    say(self, TG_LOG_INFO, "ready to greet");
    return TG_OK;
}

static tg_status stop(tg_instance *self, uint64_t deadline_ms) { (void)self, (void)deadline_ms; return TG_OK; }
static void destroy(tg_instance *self) { free(self); }

static const void *extension(tg_instance *self, tg_str id) {
    static const tg_calls CALLS = {call, cancelled};
    static const tg_http HTTP = {http, cancelled};
    (void)self;
    if (tg_str_eq(id, tg_text(TG_EXT_CALLS))) return &CALLS;
    if (tg_str_eq(id, tg_text(TG_EXT_HTTP))) return &HTTP;
    return NULL;
}

const tg_plugin tidegate_plugin = {
    TG_ABI_MAJOR, TG_ABI_MINOR, sizeof(tg_plugin), {MANIFEST, sizeof MANIFEST - 1}, create, start, stop, destroy, extension,
};
