/*
 * A plugin that watches sessions: each moment that it asked for it publishes as the event `seen` in the room `watched`. It asks
 * for all kinds, in rooms that begin with `a`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tidegate_plugin.h"

struct tg_instance {
    const tg_host *host;
    const tg_publish *publish;
};

static tg_status select_moments(tg_instance *this, tg_buf *json, tg_buf *error) {
    (void)this, (void)error;
    *json = tg_constant(tg_text("{\"kinds\":[\"open\",\"join\",\"leave\",\"close\"],\"rooms\":[\"a*\"]}"));
    return TG_OK;
}

#define TEXT(s) (int)(s).len, (s).ptr

static void told(tg_instance *this, const tg_session_event *moment) {
    static const char *const KINDS[] = {"", "open", "join", "leave", "close"};
    tg_str room = tg_text("watched");
    tg_event event = {.targets = &room, .targets_len = 1, .type = tg_text("seen")};
    uint64_t taken = 0;
    char *json = malloc(1024);
    int length = snprintf(json, 1024, "{\"what\":\"%s %.*s\",\"who\":\"%.*s\",\"user\":\"%.*s\",\"endpoint\":\"%.*s\",\"code\":%" PRIu32
                          ",\"session\":%s}", KINDS[moment->kind], TEXT(moment->room), TEXT(moment->connection_id),
                          TEXT(moment->principal.user), TEXT(moment->endpoint), moment->code, moment->session ? "true" : "false");
    event.data.ptr = event.data.owner = json;
    event.data.len = (uint64_t)length;
    event.data.release = free;
    if (this->publish->publish(this->host, &event, 1, 0, &taken) != TG_OK) free(json);
}

static tg_status create(const tg_host *host, tg_str name, tg_str config, tg_instance **instance, tg_buf *error) {
    (void)name, (void)config, (void)error;
    *instance = malloc(sizeof **instance);
    (*instance)->host = host;
    (*instance)->publish = host->extension(host, tg_text(TG_EXT_PUBLISH));
    return TG_OK;
}

static tg_status start(tg_instance *this, tg_buf *error) { return (void)this, (void)error, TG_OK; }
static tg_status stop(tg_instance *this, uint64_t deadline_ms) { return (void)this, (void)deadline_ms, TG_OK; }
static void destroy(tg_instance *this) { free(this); }

static const void *extension(tg_instance *this, tg_str id) {
    static const tg_watch WATCH = {select_moments, told};
    (void)this;
    return tg_str_eq(id, tg_text(TG_EXT_WATCH)) ? &WATCH : NULL;
}

static const char MANIFEST[] = "{\"manifest\":1,\"name\":\"watcher\",\"events\":[{\"type\":\"seen\",\"summary\":\"A moment.\"}]}";

const tg_plugin tidegate_plugin = {
    TG_ABI_MAJOR, TG_ABI_MINOR, sizeof(tg_plugin), {MANIFEST, sizeof MANIFEST - 1}, create, start, stop, destroy, extension,
};
