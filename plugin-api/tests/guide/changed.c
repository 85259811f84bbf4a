/*
 * hello: greets people, counts them, and tells a room. In C11, with nothing but the header.
 *
 * Read it from its end: the exported constant, `extension`, `create` to `destroy`, then the hooks. Hooks come on one thread
 * of the gateway's, one at a time, and return at once: what takes time goes to a thread of the plugin's own.
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    const tg_store *store;
    uint64_t every_ms;
    uint64_t saved; /* the count that is in the store: our thread's */
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows: hooks and our thread share it */
    pthread_cond_t changed;
    uint64_t count;
    int is_stopping;
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

/* Publishes an event to our room. `data` is from malloc. */
static tg_status publish(tg_instance *self, const char *type, char *data) {
    tg_str room = tg_text(self->room), why;
    tg_event event;
    tg_status status;
    uint64_t taken = 0;
    if (!data) return TG_INTERNAL;
    memset(&event, 0, sizeof event);
    event.targets = &room;
    event.targets_len = 1;
    event.type = tg_text(type);
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

/* Counts somebody, and publishes it. `name` is JSON already, quotes and all. */
static tg_status publish_greeted(tg_instance *self, tg_str name) {
    char *data = malloc(name.len + 64);
    uint64_t count;
    pthread_mutex_lock(&self->lock);
    count = ++self->count;
    pthread_cond_signal(&self->changed); /* our thread stores it */
    pthread_mutex_unlock(&self->lock);
    if (data)
        snprintf(data, name.len + 64, "{\"name\":%.*s,\"count\":%llu}", BYTES(name), (unsigned long long)count);
    return publish(self, "hello_greeted", data);
}

/* ------------------------------------------------------------------------------------------------- a thread of our own */

/* The time `ms` milliseconds from now. */
static struct timespec in_ms(uint64_t ms) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += (time_t)(ms / 1000);
    time.tv_nsec += (long)(ms % 1000) * 1000000;
    if (time.tv_nsec >= 1000000000) time.tv_sec++, time.tv_nsec -= 1000000000;
    return time;
}

static int is_over(struct timespec time) {
    struct timespec now = in_ms(0);
    return now.tv_sec > time.tv_sec || (now.tv_sec == time.tv_sec && now.tv_nsec >= time.tv_nsec);
}

/* Keeps the count. The store blocks, so this is for our thread. */
static tg_status save(tg_instance *self, uint64_t count) {
    char text[32];
    tg_store_op op;
    tg_store_result result;
    tg_status status;
    snprintf(text, sizeof text, "%llu", (unsigned long long)count);
    memset(&op, 0, sizeof op);
    op.kind = TG_STORE_PUT;
    op.key = tg_text("count");
    op.value = tg_text(text);
    status = self->store->run(self->host, &op, 1, &result, 5000);
    if (status == TG_OK && result.release) result.release(result.owner);
    return status == TG_OK ? result.status : status;
}

/* Stores each count, and tells the room every now and then. */
static void *run(void *argument) {
    tg_instance *self = argument;
    struct timespec due = in_ms(0);
    pthread_mutex_lock(&self->lock);
    while (!self->is_stopping || self->saved != self->count) {
        uint64_t count = self->count;
        if (self->saved == count && !is_over(due)) {
            pthread_cond_timedwait(&self->changed, &self->lock, &due);
            continue;
        }
        pthread_mutex_unlock(&self->lock); /* nothing is held while the gateway is called */
        if (self->saved != count && save(self, count) != TG_OK) say(self, TG_LOG_ERROR, "the count is not stored");
        self->saved = count;
        if (is_over(due)) {
            char *data = malloc(64);
            if (data) snprintf(data, 64, "{\"count\":%llu}", (unsigned long long)count);
            publish(self, "hello_counted", data);
            due = in_ms(self->every_ms);
        }
        pthread_mutex_lock(&self->lock);
    }
    pthread_mutex_unlock(&self->lock);
    self->host->stopped(self->host); /* our last call */
    return NULL;
}

/* -------------------------------------------------------------------------------------------------------------- hooks */

/* tidegate.calls/1: `hello_greet`. The data fits the schema in plugin.json before it comes here. */
static tg_status call(tg_instance *self, const tg_call *call) {
    tg_str data = {call->data.ptr, call->data.len}, name = json_member(data, "name"), inside = json_inside(name);
    size_t room = name.len + sizeof self->greeting * 6 + 8;
    char *answer = malloc(room);
    tg_status status;
    if (!answer) return TG_INTERNAL;
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

/* tidegate.http/1: `GET /hello/count`. */
static tg_status http(tg_instance *self, const tg_http_request *request) {
    char *body = malloc(64);
    tg_pair type = {tg_text("content-type"), tg_text("application/json")};
    uint64_t count;
    if (!body) return TG_INTERNAL;
    pthread_mutex_lock(&self->lock);
    count = self->count;
    pthread_mutex_unlock(&self->lock);
    snprintf(body, 64, "{\"count\":%llu}", (unsigned long long)count);
    tg_release(request->body);
    if (self->reply->respond(self->host, request->request, 200, &type, 1, owned(body)) != TG_OK) free(body);
    return TG_OK;
}

/* Every request is answered before its hook returns: there is nothing to call off. */
static void cancelled(tg_instance *self, tg_request request) { (void)self, (void)request; }

/* tidegate.follow/1: who has arrived is greeted. */
static tg_status followed(tg_instance *self, const tg_followed *event) {
    tg_str data = {event->data.ptr, event->data.len}, name = json_member(data, "name");
    if (tg_str_eq(event->type, tg_text("hello_arrived")) && name.len > 0) publish_greeted(self, name);
    tg_release(event->data);
    return TG_OK;
}

/* Some were not handed over, as we were too slow: they go without a greeting. */
static void gap(tg_instance *self, const tg_gap *gap) { (void)self, (void)gap; }

static tg_status create(const tg_host *host, tg_str name, tg_str config, tg_instance **instance, tg_buf *error) {
    tg_instance *self = calloc(1, sizeof *self);
    pthread_condattr_t by_our_clock;
    (void)name; /* the gateway marks what is ours with it */
    if (self) {
        self->host = host;
        self->publish = host->extension(host, tg_text(TG_EXT_PUBLISH));
        self->reply = host->extension(host, tg_text(TG_EXT_REPLY));
        self->refusal = host->extension(host, tg_text(TG_EXT_REFUSAL));
        self->log = host->extension(host, tg_text(TG_EXT_LOG));
        self->store = host->extension(host, tg_text(TG_EXT_STORE));
    }
    if (!self || !self->publish || !self->reply || !self->store) {
        free(self);
        *error = tg_constant(tg_text("no memory, or a gateway without what plugin.json needs"));
        return TG_INTERNAL;
    }
    json_text(json_member(config, "greeting"), "Hello", self->greeting, sizeof self->greeting);
    json_text(json_member(config, "room"), "hello", self->room, sizeof self->room);
    self->every_ms = json_count(json_member(config, "every_ms"), 60000);
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_init(&by_our_clock);
    pthread_condattr_setclock(&by_our_clock, CLOCK_MONOTONIC);
    pthread_cond_init(&self->changed, &by_our_clock);
    pthread_condattr_destroy(&by_our_clock);
    *instance = self;
    return TG_OK;
}

static tg_status start(tg_instance *self, tg_buf *error) {
    tg_store_op op;
    tg_store_result result;
    memset(&op, 0, sizeof op);
    op.kind = TG_STORE_GET;
    op.key = tg_text("count");
    if (self->store->run(self->host, &op, 1, &result, 5000) != TG_OK) {
        *error = tg_constant(tg_text("the store does not answer"));
        return TG_INTERNAL;
    }
    if (result.status == TG_OK) self->count = self->saved = json_count(result.entries[0].value, 0);
    if (result.release) result.release(result.owner);
    if (pthread_create(&self->thread, NULL, run, self) != 0) {
        *error = tg_constant(tg_text("no thread can be had"));
        return TG_INTERNAL;
    }
    say(self, TG_LOG_INFO, "ready to greet");
    return TG_OK;
}

static tg_status stop(tg_instance *self, uint64_t deadline_ms) {
    (void)deadline_ms;
    pthread_mutex_lock(&self->lock);
    self->is_stopping = 1;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
    return TG_BUSY; /* our thread calls `stopped` */
}

static void destroy(tg_instance *self) {
    if (self->is_stopping) pthread_join(self->thread, NULL); /* else it was never started */
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static const void *extension(tg_instance *self, tg_str id) {
    static const tg_calls CALLS = {call, cancelled};
    static const tg_http HTTP = {http, cancelled};
    static const tg_follow FOLLOW = {followed, gap};
    (void)self;
    if (tg_str_eq(id, tg_text(TG_EXT_CALLS))) return &CALLS;
    if (tg_str_eq(id, tg_text(TG_EXT_HTTP))) return &HTTP;
    if (tg_str_eq(id, tg_text(TG_EXT_FOLLOW))) return &FOLLOW;
    return NULL;
}

const tg_plugin tidegate_plugin = {
    TG_ABI_MAJOR, TG_ABI_MINOR, sizeof(tg_plugin), {MANIFEST, sizeof MANIFEST - 1}, create, start, stop, destroy, extension,
};
