/*
 * The plugin in a small host of its own: it is linked into this program, and meets callbacks that only remember. The real
 * gateway's are in `make check`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "tidegate_plugin.h"

extern const tg_plugin tidegate_plugin;

#define EXPECT(what) \
    do { \
        if (!(what)) { \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
            exit(1); \
        } \
    } while (0)

/* What the plugin last did, and what publishing answers. */
static char type[64], room[64], event[512], answer[512];
static uint32_t code;
static tg_status publishing = TG_OK;

static void keep(char *place, size_t size, tg_str text) { snprintf(place, size, "%.*s", (int)text.len, text.ptr); }

/* Keeps what was given, and releases it. */
static void take(char *place, size_t size, tg_buf buf) {
    tg_str text = {buf.ptr, buf.len};
    keep(place, size, text);
    tg_release(buf);
}

static tg_status publish(const tg_host *host, const tg_event *events, uint64_t count, uint64_t token, uint64_t *taken) {
    (void)host, (void)token;
    *taken = 0;
    if (publishing != TG_OK) return publishing;
    EXPECT(count == 1 && events[0].targets_len == 1);
    keep(type, sizeof type, events[0].type);
    keep(room, sizeof room, events[0].targets[0]);
    take(event, sizeof event, events[0].data);
    *taken = 1;
    return TG_OK;
}

static tg_status respond(const tg_host *host, tg_request request, uint32_t status, const tg_pair *headers, uint64_t len,
                         tg_buf body) {
    (void)host, (void)request, (void)headers, (void)len;
    code = status;
    take(answer, sizeof answer, body);
    return TG_OK;
}

static tg_status finish(const tg_host *host, tg_request request, tg_str message, tg_buf data) {
    (void)host, (void)request, (void)message;
    take(answer, sizeof answer, data);
    return TG_OK;
}

static const void *host_extension(const tg_host *host, tg_str id) {
    static const tg_publish PUBLISH = {publish};
    static const tg_reply REPLY = {respond, NULL, NULL, finish, NULL};
    (void)host;
    if (tg_str_eq(id, tg_text(TG_EXT_PUBLISH))) return &PUBLISH;
    if (tg_str_eq(id, tg_text(TG_EXT_REPLY))) return &REPLY;
    return NULL; /* it has to do without the others */
}

static void stopped(const tg_host *host) { (void)host; }

static tg_status greet(tg_instance *plugin, const char *data) {
    const tg_calls *calls = tidegate_plugin.extension(plugin, tg_text(TG_EXT_CALLS));
    tg_call call;
    memset(&call, 0, sizeof call);
    call.request = 1;
    call.name = tg_text("{{word}}_greet");
    call.data = tg_constant(tg_text(data));
    answer[0] = 0;
    return calls->call(plugin, &call);
}

int main(void) {
    tg_host host = {TG_ABI_MAJOR, TG_ABI_MINOR, sizeof host, NULL, tg_text("test"), tg_text("1"), host_extension, stopped};
    tg_instance *plugin = NULL;
    tg_buf error = tg_constant(tg_text(""));
    tg_str config = tg_text("{\"greeting\": \"Good \\\"day\\\" \\u00e9\", \"room\": \"hall\"}");
    tg_http_request request;
    EXPECT(tidegate_plugin.create(&host, tg_text("test"), config, &plugin, &error) == TG_OK);
    EXPECT(tidegate_plugin.start(plugin, &error) == TG_OK);

    EXPECT(greet(plugin, "{\"other\": [{}, \"]\"], \"name\": \"Ada\"}") == TG_OK);
    EXPECT(strcmp(type, "{{word}}_greeted") == 0 && strcmp(room, "hall") == 0);
    EXPECT(strcmp(event, "{\"name\":\"Ada\",\"count\":1}") == 0);
    EXPECT(strcmp(answer, "\"Good \\\"day\\\" \xc3\xa9, Ada!\"") == 0);

    memset(&request, 0, sizeof request);
    EXPECT(((const tg_http *)tidegate_plugin.extension(plugin, tg_text(TG_EXT_HTTP)))->request(plugin, &request) == TG_OK);
    EXPECT(code == 200 && strcmp(answer, "{\"count\":1}") == 0);

    publishing = TG_BUSY; /* then the call is answered so, and nothing is leaked */
    EXPECT(greet(plugin, "{\"name\": \"Bob\"}") == TG_BUSY && answer[0] == 0);

    EXPECT(tidegate_plugin.stop(plugin, 1000) == TG_OK);
    tidegate_plugin.destroy(plugin);
    puts("ok");
    return 0;
}
