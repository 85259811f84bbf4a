/*
 * The plugin in a small host of its own: it is linked into this program, and meets callbacks that only remember. They may
 * come from any thread. The real gateway's are in `make check`.
 */
#include <pthread.h>
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
static char type[64], room[64], event[512], answer[512], stored[512];
static uint32_t code;
static tg_status publishing = TG_OK;
static int has_stopped;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over all of these */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void keep(char *place, size_t size, tg_str text) { snprintf(place, size, "%.*s", (int)text.len, text.ptr); }

/* Keeps what was given, and releases it. */
static void take(char *place, size_t size, tg_buf buf) {
    tg_str text = {buf.ptr, buf.len};
    keep(place, size, text);
    tg_release(buf);
}

static tg_status publish(const tg_host *host, const tg_event *events, uint64_t count, uint64_t token, uint64_t *taken) {
    tg_status status;
    (void)host, (void)token;
    pthread_mutex_lock(&lock);
    status = publishing;
    *taken = status == TG_OK ? 1 : 0;
    EXPECT(count == 1 && events[0].targets_len == 1);
    if (status == TG_OK && tg_str_eq(events[0].type, tg_text("{{word}}_greeted"))) {
        keep(type, sizeof type, events[0].type);
        keep(room, sizeof room, events[0].targets[0]);
        take(event, sizeof event, events[0].data);
    } else if (status == TG_OK) {
        tg_release(events[0].data);
    }
    pthread_mutex_unlock(&lock);
    return status;
}

/* A store of one value. */
static tg_status store_run(const tg_host *host, const tg_store_op *ops, uint64_t count, tg_store_result *results,
                           uint64_t timeout_ms) {
    uint64_t i;
    (void)host, (void)timeout_ms;
    pthread_mutex_lock(&lock);
    for (i = 0; i < count; i++) {
        memset(&results[i], 0, sizeof results[i]);
        if (ops[i].kind == TG_STORE_PUT)
            keep(stored, sizeof stored, ops[i].value);
        else
            results[i].status = TG_NOT_FOUND; /* nothing was there before the test */
    }
    pthread_mutex_unlock(&lock);
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
    static const tg_store STORE = {store_run};
    (void)host;
    if (tg_str_eq(id, tg_text(TG_EXT_PUBLISH))) return &PUBLISH;
    if (tg_str_eq(id, tg_text(TG_EXT_REPLY))) return &REPLY;
    if (tg_str_eq(id, tg_text(TG_EXT_STORE))) return &STORE;
    return NULL; /* it has to do without the others */
}

static void stopped(const tg_host *host) {
    (void)host;
    pthread_mutex_lock(&lock);
    has_stopped = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

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

    pthread_mutex_lock(&lock);
    publishing = TG_BUSY; /* then the call is answered so, and nothing is leaked */
    pthread_mutex_unlock(&lock);
    EXPECT(greet(plugin, "{\"name\": \"Bob\"}") == TG_BUSY && answer[0] == 0);

    if (tidegate_plugin.stop(plugin, 1000) == TG_BUSY) { /* it has a thread, which says when it has ended */
        pthread_mutex_lock(&lock);
        while (!has_stopped) pthread_cond_wait(&changed, &lock);
        pthread_mutex_unlock(&lock);
    }
    tidegate_plugin.destroy(plugin);
    puts("ok");
    return 0;
}
