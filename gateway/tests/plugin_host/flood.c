/*
 * A plugin that counts: many threads publish at once, and each buffer that was taken must come back once, on the hook
 * thread. -DTHREADS and -DEVENTS say how many; -DFOLLOWS names a room to follow; -DNO_DECLARATIONS leaves all that two
 * instances could not both declare; -DHOLD keeps the first event that it is handed for so many milliseconds; -DKEY names what
 * its events hold; -DNEVER leaves requests unanswered, for which the manifest gives twenty milliseconds.
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tidegate_plugin.h"

#ifndef THREADS
#define THREADS 300
#endif
#ifndef EVENTS
#define EVENTS 100
#endif
#ifndef FOLLOWS
#define FOLLOWS ""
#endif
#ifndef HOLD
#define HOLD 0
#endif
#ifndef KEY
#define KEY "n"
#endif

struct tg_instance {
    const tg_host *host;
    const tg_publish *publish;
    const tg_reply *reply;
    const tg_refusal *refusal;
    pthread_t hook_thread;
    pthread_t coordinator;
    tg_request request;
    int has_coordinator;
    atomic_ullong given, released, elsewhere, refused, committed, resumed, followed, gaps, missed, last, backwards,
        dropped, explained;
};

/* A buffer of ours: whom it counts for, and the bytes behind it. */
struct block {
    tg_instance *instance;
    char bytes[32];
};

static void nap(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

static void release(void *owner) {
    struct block *block = owner;
    tg_instance *this = block->instance;
    if (!pthread_equal(pthread_self(), this->hook_thread)) atomic_fetch_add(&this->elsewhere, 1);
    atomic_fetch_add(&this->released, 1);
    memset(block->bytes, 'x', sizeof block->bytes); /* whoever still reads it sends no JSON */
    free(block);
}

static tg_buf give(tg_instance *this, unsigned long long number) {
    struct block *block = malloc(sizeof *block);
    tg_buf buf;
    block->instance = this;
    buf.ptr = block->bytes;
    buf.len = (uint64_t)snprintf(block->bytes, sizeof block->bytes, "{\"" KEY "\":%llu}", number);
    buf.owner = block;
    buf.release = release;
    return buf;
}

/* Whether the host explains a refusal, and only where there was one. */
static int is_explained(tg_instance *this, int refused) {
    tg_str text;
    if (!refused) return this->refusal->last(this->host, &text) == TG_NOT_FOUND;
    return this->refusal->last(this->host, &text) == TG_OK &&
           tg_str_eq(text, tg_text("event 'flooded': n: \"n\" is a required property"));
}

static void *publisher(void *argument) {
    tg_instance *this = argument;
    for (int i = 0; i < EVENTS; i++) {
        tg_str room = tg_text("flood");
        tg_str rooms[2] = {room, room}; /* named twice, it counts once */
        tg_event event = {.targets = rooms, .targets_len = 1 + i % 2, .type = tg_text("flooded")};
        uint64_t taken = 7;
        event.data = give(this, (unsigned long long)i);
        while (1) {
            tg_status status = this->publish->publish(this->host, &event, 1, 1, &taken);
            if (status == TG_OK && taken == 1) {
                atomic_fetch_add(&this->given, 1);
                if (is_explained(this, 0)) atomic_fetch_add(&this->explained, 1);
                break;
            }
            if (status != TG_BUSY || taken != 0) { /* nothing else may happen here */
                atomic_fetch_add(&this->refused, 1);
                if (is_explained(this, 1)) atomic_fetch_add(&this->explained, 1);
                free(event.data.owner);
                break;
            }
            nap(1);
        }
    }
    return NULL;
}

static void *coordinate(void *argument) {
    tg_instance *this = argument;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, publisher, this);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    this->reply->respond(this->host, this->request, 200, NULL, 0, tg_constant(tg_text("true")));
    return NULL;
}

static tg_status request(tg_instance *this, const tg_http_request *request) {
    tg_release(request->body);
    if (this->has_coordinator) pthread_join(this->coordinator, NULL);
    this->request = request->request;
    this->has_coordinator = 0;
#ifdef NEVER
    return TG_OK;
#endif
    this->has_coordinator = 1;
    return pthread_create(&this->coordinator, NULL, coordinate, this) == 0 ? TG_OK : TG_INTERNAL;
}

static void cancelled(tg_instance *this, tg_request request) {
    (void)request;
    this->dropped++;
}

static tg_status call(tg_instance *this, const tg_call *call) {
    char text[512];
    tg_buf data;
    tg_status status;
    tg_release(call->data);
    snprintf(text, sizeof text,
             "{\"given\":%llu,\"released\":%llu,\"elsewhere\":%llu,\"refused\":%llu,\"committed\":%llu,\"resumed\":%llu,"
             "\"followed\":%llu,\"gaps\":%llu,\"missed\":%llu,\"last\":%llu,\"backwards\":%llu,"
             "\"dropped\":%llu,\"explained\":%llu}",
             this->given, this->released, this->elsewhere, this->refused, this->committed, this->resumed, this->followed,
             this->gaps, this->missed, this->last, this->backwards, this->dropped, this->explained);
    data.len = strlen(text);
    data.ptr = data.owner = memcpy(malloc(data.len), text, data.len);
    data.release = free;
    status = this->reply->finish(this->host, call->request, tg_text(""), data);
    if (status != TG_OK) free(data.owner);
    return TG_OK;
}

static tg_status event(tg_instance *this, const tg_followed *event) {
    if (event->cursor.offset <= this->last) this->backwards++;
    this->last = event->cursor.offset;
    if (this->followed++ == 0) nap(HOLD);
    tg_release(event->data);
    return TG_OK;
}

static void gap(tg_instance *this, const tg_gap *gap) {
    if (gap->after.offset != this->last || gap->until.offset != gap->after.offset + gap->count) this->backwards++;
    this->gaps++;
    this->missed += gap->count;
    this->last = gap->until.offset;
}

static void resume(tg_instance *this, tg_request request) {
    (void)request;
    this->resumed++;
}

static void committed(tg_instance *this, uint64_t token, uint64_t first, uint64_t count, const tg_cursor *cursors,
                      uint64_t cursors_len, tg_status status) {
    if (token == 1 && first == 0 && count == 1 && (cursors_len == 1 || cursors_len == 2) && status == TG_OK &&
        cursors[0].offset == cursors[cursors_len - 1].offset)
        this->committed += cursors_len;
}

static tg_status create(const tg_host *host, tg_str name, tg_str config, tg_instance **instance, tg_buf *error) {
    tg_instance *this = calloc(1, sizeof *this);
    (void)name, (void)config, (void)error;
    this->host = host;
    this->publish = host->extension(host, tg_text(TG_EXT_PUBLISH));
    this->reply = host->extension(host, tg_text(TG_EXT_REPLY));
    this->refusal = host->extension(host, tg_text(TG_EXT_REFUSAL));
    this->hook_thread = pthread_self();
    *instance = this;
    return TG_OK;
}

static tg_status start(tg_instance *this, tg_buf *error) {
    (void)this, (void)error;
    return TG_OK;
}

static tg_status stop(tg_instance *this, uint64_t deadline_ms) {
    (void)deadline_ms;
    if (this->has_coordinator) pthread_join(this->coordinator, NULL);
    return TG_OK;
}

static void destroy(tg_instance *this) {
    if (this->given != this->released) abort(); /* before `destroy` each buffer was released */
    free(this);
}

static const void *extension(tg_instance *this, tg_str id) {
    static const tg_http http = {request, cancelled};
    static const tg_calls calls = {call, cancelled};
    static const tg_follow follow = {event, gap};
    static const tg_flow flow = {resume, committed};
    (void)this;
    if (tg_str_eq(id, tg_text(TG_EXT_HTTP))) return &http;
    if (tg_str_eq(id, tg_text(TG_EXT_CALLS))) return &calls;
    if (tg_str_eq(id, tg_text(TG_EXT_FOLLOW))) return &follow;
    if (tg_str_eq(id, tg_text(TG_EXT_FLOW))) return &flow;
    return NULL;
}

#ifdef NEVER
#define TIMEOUT ",\"timeout_ms\":20"
#else
#define TIMEOUT ""
#endif
#ifdef NO_DECLARATIONS
#define DECLARATIONS ""
#else
#define DECLARATIONS \
    ",\"routes\":[{\"method\":\"POST\",\"path\":\"/flood\"" TIMEOUT "}],\"calls\":[{\"name\":\"counts\"}],\"follows\":[\"" FOLLOWS "\"]"
#endif
#define MANIFEST \
    "{\"manifest\":1,\"name\":\"flood\",\"version\":\"1\",\"events\":[{\"type\":\"flooded\"," \
    "\"schema\":{\"required\":[\"n\"]}}]" DECLARATIONS "}"

extern const tg_plugin tidegate_plugin;
const tg_plugin tidegate_plugin = {
    TG_ABI_MAJOR, TG_ABI_MINOR, sizeof(tg_plugin), {MANIFEST, sizeof(MANIFEST) - 1}, create, start, stop, destroy, extension,
};
