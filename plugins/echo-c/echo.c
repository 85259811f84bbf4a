/*
 * The smallest Tidegate plugin in C11, with nothing but the header and pthreads: it publishes what it is sent, and answers
 * what it is asked. It does what `plugins/echo` does in Rust; their tests are the same.
 *
 * Hooks return at once: each makes a job, which the instance's own thread carries out. A publish is its own job's beginning:
 * `committed` makes the answer.
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tidegate_plugin.h"

static const char MANIFEST[] =
    "{\"manifest\":1,\"name\":\"echo\",\"version\":\"0.1.0\",\"description\":\"Says what it is told: the smallest plugin, "
    "and the reference for authors.\",\"license\":\"Apache-2.0\",\"needs\":[\"tidegate.publish/1\",\"tidegate.reply/1\"],"
    "\"events\":[{\"type\":\"echoed\",\"summary\":\"What was sent to `POST /echo/{room}`.\",\"schema\":{\"description\":"
    "\"Any JSON.\",\"examples\":[{\"hello\":\"world\"}]}}],\"routes\":[{\"method\":\"POST\",\"path\":\"/echo/{room}\","
    "\"summary\":\"Publishes the body, any JSON value, to the room as the event `echoed`.\",\"scope\":\"publish\","
    "\"params\":{\"room\":{\"description\":\"The room's name.\",\"type\":\"string\",\"minLength\":1,\"maxLength\":200,"
    "\"pattern\":\"^[^\\\\u0000-\\\\u001f\\\\u007f-\\\\u009f]+$\",\"examples\":[\"lobby\"]}},\"request\":{\"description\":"
    "\"Any JSON.\",\"examples\":[{\"hello\":\"world\"}]},\"responses\":{\"200\":{\"description\":"
    "\"The place of the event in the room.\",\"type\":\"object\",\"required\":[\"epoch\",\"offset\"],\"properties\":{"
    "\"epoch\":{\"description\":\"One life of the room.\",\"type\":\"string\"},\"offset\":{\"type\":\"integer\",\"minimum\""
    ":1}},\"examples\":[{\"epoch\":\"31e9b05e9ae4b9c6\",\"offset\":42}]},\"422\":{\"description\":\"The body is no JSON.\""
    "}}}],\"calls\":[{\"name\":\"echo\",\"summary\":\"Answers with what it is sent.\",\"request\":{\"description\":"
    "\"Any JSON.\",\"examples\":[{\"hello\":\"world\"}]},\"response\":{\"description\":\"The same.\",\"examples\":[{"
    "\"hello\":\"world\"}]}},{\"name\":\"echo_stream\",\"summary\":\"Answers with `data`, `pieces` times piece by piece "
    "and then whole.\",\"streams\":true,\"request\":{\"type\":\"object\",\"properties\":{\"data\":{},\"pieces\":{\"type\":"
    "\"integer\",\"minimum\":0,\"default\":3},\"every_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":60000,"
    "\"default\":0}},\"examples\":[{\"data\":\"hello\",\"pieces\":2}]},\"response\":{\"description\":"
    "\"`data`, in every piece and whole.\",\"examples\":[\"hello\"]}}],\"rooms\":[],\"commands\":[{\"name\":\"say\","
    "\"summary\":\"Prints the words, with --again once more every tenth of a second until it is interrupted.\",\"usage\":"
    "\"[--again] WORD...\"}],\"config\":{\"type\":\"object\","
    "\"properties\":{\"calls\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":1},\"default\":[],"
    "\"description\":\"More names for the call `echo`.\"}},\"additionalProperties\":false},\"follows\":[]}";

enum { CALL_ECHO = 0, CALL_ECHO_STREAM = 1 }; /* indices in the manifest's `calls` */

/* An answer that is being made. */
struct job {
    struct job *next;
    tg_request request;
    tg_buf data;       /* ours until it is given away with the end */
    int is_http;
    int is_endless;
    uint64_t pieces;   /* to be sent before the end */
    uint64_t every_ms; /* to wait after each piece */
    uint64_t due_ms;   /* not before, by our clock */
    uint64_t resumed;  /* how often the host has said that there is room */
    int is_busy;       /* waits for that */
    int is_cancelled;
};

struct tg_instance {
    const tg_host *host;
    const tg_publish *publish;
    const tg_reply *reply;
    char *config;
    uint64_t config_len;
    pthread_t thread;
    int has_thread;
    pthread_mutex_t lock; /* over all that follows */
    pthread_cond_t changed;
    struct job *first;
    uint64_t publishing; /* requests whose event is not yet committed */
    int is_stopping;
    uint64_t give_up_ms; /* when stopping: no longer than this, by our clock */
};

/* ------------------------------------------------------------------------------------------------------------ JSON */

static const char *skip_space(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) p++;
    return p;
}

/* Past the string that begins at p. */
static const char *skip_string(const char *p, const char *end) {
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\' && p + 1 < end) p++;
    return p < end ? p + 1 : end;
}

/* Past the value that begins at p. The host hands over well-formed JSON; what is not does at least no harm here. */
static const char *skip_value(const char *p, const char *end) {
    int depth = 0;
    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
        } else {
            if (*p == '{' || *p == '[') depth++;
            if (*p == '}' || *p == ']') depth--;
            if (depth < 0 || (depth == 0 && *p == ',')) return p;
            p++;
        }
        if (depth == 0 && p < end && (p[-1] == '"' || p[-1] == '}' || p[-1] == ']')) return p;
    }
    return end;
}

/* The next value of a list or object whose inside begins at *p; 0 at its end. */
static int next_value(const char **p, const char *end, tg_str *value) {
    const char *start = skip_space(*p, end);
    if (start < end && (*start == ',' || *start == ':')) start = skip_space(start + 1, end);
    if (start >= end || *start == ']' || *start == '}') return 0;
    if (*start == '"')
        *p = skip_string(start, end);
    else
        *p = skip_value(start, end);
    value->ptr = start;
    value->len = (uint64_t)(*p - start);
    while (value->len > 0 && strchr(" \t\r\n", start[value->len - 1])) value->len--;
    return 1;
}

/* Whether it begins with that character; *p is what follows. */
static int opens(tg_str json, char with, const char **p) {
    *p = skip_space(json.ptr, json.ptr + json.len);
    return *p < json.ptr + json.len && *(*p)++ == with;
}

/* The value of an object's member; empty where it has none. */
static tg_str member(tg_str object, const char *quoted_name) {
    tg_str name, value = {NULL, 0}, none = {NULL, 0};
    const char *p, *end = object.ptr + object.len;
    if (!opens(object, '{', &p)) return none;
    while (next_value(&p, end, &name) && next_value(&p, end, &value))
        if (tg_str_eq(name, tg_text(quoted_name))) return value;
    return none;
}

/* An integer from 0 to `most`; `otherwise` where there is none; 0 where it is something else. */
static int integer(tg_str json, uint64_t otherwise, uint64_t most, uint64_t *value) {
    uint64_t i;
    *value = json.len ? 0 : otherwise;
    for (i = 0; i < json.len; i++) {
        if (json.ptr[i] < '0' || json.ptr[i] > '9') return 0;
        *value = *value * 10 + (uint64_t)(json.ptr[i] - '0');
        if (*value > most) return 0;
    }
    return 1;
}

/* ---------------------------------------------------------------------------------------------------- own thread */

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Bytes of our own, to be given away. */
static tg_buf copy_of(const void *bytes, uint64_t len) {
    tg_buf buf = {NULL, 0, NULL, NULL};
    void *memory = malloc(len ? len : 1);
    if (!memory) return buf;
    memcpy(memory, bytes, len);
    buf.ptr = buf.owner = memory;
    buf.len = len;
    buf.release = free;
    return buf;
}

/* Puts a job at the end, so that all get their turn. */
static void append(tg_instance *self, struct job *job) {
    struct job **last = &self->first;
    while (*last) last = &(*last)->next;
    job->next = NULL;
    *last = job;
    pthread_cond_signal(&self->changed);
}

static void unlink_job(tg_instance *self, struct job *job) {
    struct job **place = &self->first;
    while (*place != job) place = &(*place)->next;
    *place = job->next;
}

/* The first job that has something to do; without one, when to look again (0: when something changes). */
static struct job *next_job(tg_instance *self, uint64_t *wake_ms) {
    struct job *job;
    uint64_t now = now_ms();
    *wake_ms = 0;
    for (job = self->first; job; job = job->next) {
        if (self->is_stopping || job->is_cancelled) return job;
        if (job->is_busy) continue;
        if (job->due_ms <= now) return job;
        if (!*wake_ms || job->due_ms < *wake_ms) *wake_ms = job->due_ms;
    }
    return NULL;
}

/* Answers with an error. */
static void give_up(tg_instance *self, tg_request request, tg_status status, const char *why) {
    tg_str nothing = {NULL, 0};
    self->reply->fail(self->host, request, status, tg_text(why), tg_constant(nothing));
}

/* Gives the job's data away as the end of its answer. */
static tg_status finish(tg_instance *self, struct job *job) {
    tg_pair type;
    tg_str no_message = {NULL, 0};
    if (!job->is_http) return self->reply->finish(self->host, job->request, no_message, job->data);
    type.name = tg_text("content-type");
    type.value = tg_text("application/json");
    return self->reply->respond(self->host, job->request, 200, &type, 1, job->data);
}

/* Sends a copy of the job's data as the next piece of its answer. */
static tg_status send_piece(tg_instance *self, struct job *job) {
    tg_buf piece = copy_of(job->data.ptr, job->data.len);
    tg_status status = piece.owner ? self->reply->chunk(self->host, job->request, piece) : TG_INTERNAL;
    if (status != TG_OK) {
        tg_release(piece);
        return status;
    }
    if (job->pieces) job->pieces--;
    job->due_ms = now_ms() + job->every_ms;
    return TG_OK;
}

/* Takes a job a step further; 0 where that was its last. Called with the lock, which it gives up meanwhile: the job stays where
 * it is, since only this thread takes one out. */
static int work(tg_instance *self, struct job *job) {
    uint64_t seen = job->resumed;
    int is_cancelled = job->is_cancelled, is_stopping = self->is_stopping;
    int is_end = !job->is_endless && job->pieces == 0;
    tg_status status = TG_OK;
    pthread_mutex_unlock(&self->lock);
    if (is_cancelled) {
        status = TG_CLOSED;
    } else if (is_stopping && (!is_end || job->is_busy)) {
        give_up(self, job->request, TG_BUSY, "the plugin is stopping");
        status = TG_CLOSED;
    } else if (is_end) {
        status = finish(self, job);
    } else {
        status = send_piece(self, job);
    }
    if (status != TG_OK && status != TG_BUSY && status != TG_CLOSED)
        give_up(self, job->request, TG_INTERNAL, "the answer was refused");
    /* At its end the data was given away: only what was refused is still ours. */
    if (status != TG_OK && status != TG_BUSY) tg_release(job->data);
    pthread_mutex_lock(&self->lock);
    /* A `resume` may have come before we saw the BUSY: then there is nothing to wait for. */
    job->is_busy = status == TG_BUSY && job->resumed == seen;
    return status == TG_BUSY || (status == TG_OK && !is_end);
}

/* Waits until something changes, or until then by our clock (0: no matter how long). */
static void wait_until(tg_instance *self, uint64_t wake_ms) {
    struct timespec until;
    if (!wake_ms) {
        pthread_cond_wait(&self->changed, &self->lock);
        return;
    }
    until.tv_sec = (time_t)(wake_ms / 1000);
    until.tv_nsec = (long)(wake_ms % 1000) * 1000000;
    pthread_cond_timedwait(&self->changed, &self->lock, &until);
}

static void *run(void *argument) {
    tg_instance *self = argument;
    struct job *job;
    uint64_t wake_ms;
    pthread_mutex_lock(&self->lock);
    for (;;) {
        job = next_job(self, &wake_ms);
        if (job) {
            int goes_on = work(self, job);
            unlink_job(self, job);
            if (goes_on)
                append(self, job);
            else
                free(job);
        } else if (!self->is_stopping) {
            wait_until(self, wake_ms);
        } else if (self->publishing && now_ms() < self->give_up_ms) {
            wait_until(self, self->give_up_ms);
        } else {
            break;
        }
    }
    pthread_mutex_unlock(&self->lock);
    self->host->stopped(self->host); /* the last callback: nobody of ours is in another */
    return NULL;
}

/* Makes a job and hands it over; its data is taken with TG_OK alone. */
static tg_status add_job(tg_instance *self, const struct job *job) {
    struct job *made = malloc(sizeof *made);
    int is_late;
    if (!made) return TG_INTERNAL;
    *made = *job;
    pthread_mutex_lock(&self->lock);
    /* When stopping, the thread waits for what was published, and for nothing new. */
    is_late = self->is_stopping && !job->is_http;
    if (!is_late) append(self, made);
    pthread_mutex_unlock(&self->lock);
    if (is_late) free(made);
    return is_late ? TG_BUSY : TG_OK;
}

/* ----------------------------------------------------------------------------------------------------------- hooks */

/* tidegate.http/1: the body becomes the event's data as it is, without a copy, and the request's number the batch's token. */
static tg_status http_request(tg_instance *self, const tg_http_request *request) {
    tg_event event;
    uint64_t taken = 0;
    tg_status status;
    if (request->params_len != 1) return TG_INTERNAL;
    memset(&event, 0, sizeof event);
    event.targets = &request->params[0].value;
    event.targets_len = 1;
    event.type = tg_text("echoed");
    event.data = request->body;
    pthread_mutex_lock(&self->lock);
    if (self->is_stopping) {
        pthread_mutex_unlock(&self->lock);
        return TG_BUSY;
    }
    self->publishing++;
    pthread_mutex_unlock(&self->lock);
    status = self->publish->publish(self->host, &event, 1, request->request, &taken);
    if (status != TG_OK) {
        pthread_mutex_lock(&self->lock);
        self->publishing--;
        pthread_mutex_unlock(&self->lock);
    }
    return status; /* refused: the body is still the host's, and the status is its answer */
}

/* The answer to a request whose event is safe. An epoch is the host's word, and needs no escape but these. */
static int cursor_json(const tg_cursor *cursor, tg_buf *json) {
    char *text = malloc(cursor->epoch.len * 2 + 64), *p = text;
    uint64_t i;
    if (!text) return 0;
    p += sprintf(p, "{\"epoch\":\"");
    for (i = 0; i < cursor->epoch.len; i++) {
        if (cursor->epoch.ptr[i] == '"' || cursor->epoch.ptr[i] == '\\') *p++ = '\\';
        *p++ = cursor->epoch.ptr[i];
    }
    p += sprintf(p, "\",\"offset\":%llu}", (unsigned long long)cursor->offset);
    json->ptr = json->owner = text;
    json->len = (uint64_t)(p - text);
    json->release = free;
    return 1;
}

/* tidegate.flow/1 */
static void committed(tg_instance *self, uint64_t token, uint64_t first, uint64_t count, const tg_cursor *cursors,
                      uint64_t cursors_len, tg_status status) {
    struct job job;
    (void)first, (void)count; /* a batch has one event here */
    memset(&job, 0, sizeof job);
    job.request = token;
    job.is_http = 1;
    if (status == TG_OK && (cursors_len != 1 || !cursor_json(&cursors[0], &job.data))) status = TG_INTERNAL;
    if (status == TG_OK) {
        status = add_job(self, &job);
        if (status != TG_OK) tg_release(job.data);
    }
    if (status != TG_OK) give_up(self, token, status, "the event was lost");
    pthread_mutex_lock(&self->lock);
    self->publishing--;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

static void resume(tg_instance *self, tg_request request) {
    struct job *job;
    pthread_mutex_lock(&self->lock);
    for (job = self->first; job; job = job->next)
        if (job->request == request) {
            job->resumed++;
            job->is_busy = 0;
        }
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

static void cancelled(tg_instance *self, tg_request request) {
    struct job *job;
    pthread_mutex_lock(&self->lock);
    for (job = self->first; job; job = job->next)
        if (job->request == request) job->is_cancelled = 1;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

/* tidegate.calls/1: `echo` and its other names give the data back as it came; `echo_stream` a part of it. */
static tg_status call(tg_instance *self, const tg_call *call) {
    struct job job;
    memset(&job, 0, sizeof job);
    job.request = call->request;
    job.data = call->data;
    if (call->call == CALL_ECHO_STREAM) {
        tg_str sent, data;
        const char *inside;
        sent.ptr = call->data.ptr;
        sent.len = call->data.len;
        data = member(sent, "\"data\"");
        if (!opens(sent, '{', &inside) || !integer(member(sent, "\"pieces\""), 3, UINT64_MAX / 16, &job.pieces) ||
            !integer(member(sent, "\"every_ms\""), 0, 60000, &job.every_ms))
            return TG_INVALID;
        job.is_endless = job.pieces == 0;
        /* A slice of the buffer, with its owner: it goes back whole. */
        job.data.ptr = data.len ? data.ptr : "null";
        job.data.len = data.len ? data.len : 4;
    }
    return add_job(self, &job);
}

/* tidegate.declare/1: a call for each name of the setting `calls`. */
static tg_status declare(tg_instance *self, tg_buf *json, tg_buf *error) {
    static const char BEFORE[] = "{\"name\":", AFTER[] = ",\"summary\":\"As `echo`.\"}";
    tg_str config, name;
    const char *p;
    char *text, *out;
    uint64_t names = 0;
    config.ptr = self->config;
    config.len = self->config_len;
    config = member(config, "\"calls\"");
    if (opens(config, '[', &p))
        while (next_value(&p, config.ptr + config.len, &name)) names++;
    text = out = malloc(config.len + names * (sizeof BEFORE + sizeof AFTER) + 32);
    if (!text) {
        *error = tg_constant(tg_text("no memory"));
        return TG_INTERNAL;
    }
    out += sprintf(out, "{\"calls\":[");
    if (opens(config, '[', &p))
        while (next_value(&p, config.ptr + config.len, &name)) {
            if (out[-1] == '}') *out++ = ',';
            out += sprintf(out, "%s", BEFORE);
            memcpy(out, name.ptr, name.len);
            out += name.len;
            out += sprintf(out, "%s", AFTER);
        }
    out += sprintf(out, "]}");
    json->ptr = json->owner = text;
    json->len = (uint64_t)(out - text);
    json->release = free;
    return TG_OK;
}

/* -------------------------------------------------------------------------------------------------------- commands */

#ifdef TG_EXT_COMMANDS /* since 1.2: this is also built against the header of 1.0 */
/* Prints the words and ends the line. */
static tg_status print_words(const tg_command *command, uint64_t first) {
    tg_status status = TG_OK;
    uint64_t i;
    for (i = first; status == TG_OK && i < command->arguments_len; i++) {
        if (i > first) status = command->print(command->context, tg_text(" "));
        if (status == TG_OK) status = command->print(command->context, command->arguments[i]);
    }
    return status == TG_OK ? command->print(command->context, tg_text("\n")) : status;
}

/* tidegate.commands/1: `say`, in the place of `start`; it may block. */
static tg_status run_command(tg_instance *self, const tg_command *command, tg_buf *error) {
    static const struct timespec AGAIN = {0, 100000000};
    int again = command->arguments_len > 0 && tg_str_eq(command->arguments[0], tg_text("--again"));
    tg_status status;
    (void)self;
    if (command->arguments_len == (uint64_t)again) {
        *error = tg_constant(tg_text("say what?"));
        return TG_INVALID;
    }
    do {
        status = print_words(command, (uint64_t)again);
        if (again) nanosleep(&AGAIN, NULL);
    } while (again && status == TG_OK && !command->interrupted(command->context));
    return status;
}
#endif

/* ------------------------------------------------------------------------------------------------------------ life */

static tg_status create(const tg_host *host, tg_str name, tg_str config, tg_instance **instance, tg_buf *error) {
    tg_instance *self = calloc(1, sizeof *self);
    pthread_condattr_t by_our_clock;
    (void)name; /* the host marks what is ours with it */
    if (self) self->config = malloc(config.len + 1);
    if (!self || !self->config) {
        free(self);
        *error = tg_constant(tg_text("no memory"));
        return TG_INTERNAL;
    }
    memcpy(self->config, config.ptr, config.len);
    self->config_len = config.len;
    self->host = host;
    self->publish = host->extension(host, tg_text(TG_EXT_PUBLISH));
    self->reply = host->extension(host, tg_text(TG_EXT_REPLY));
    if (!self->publish || !self->reply) {
        free(self->config);
        free(self);
        *error = tg_constant(tg_text("the host has no " TG_EXT_PUBLISH " or no " TG_EXT_REPLY));
        return TG_UNSUPPORTED;
    }
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_init(&by_our_clock);
    pthread_condattr_setclock(&by_our_clock, CLOCK_MONOTONIC);
    pthread_cond_init(&self->changed, &by_our_clock);
    pthread_condattr_destroy(&by_our_clock);
    *instance = self;
    return TG_OK;
}

static tg_status start(tg_instance *self, tg_buf *error) {
    self->has_thread = pthread_create(&self->thread, NULL, run, self) == 0;
    if (self->has_thread) return TG_OK;
    *error = tg_constant(tg_text("no thread could be made"));
    return TG_INTERNAL;
}

static tg_status stop(tg_instance *self, uint64_t deadline_ms) {
    if (!self->has_thread) return TG_OK;
    pthread_mutex_lock(&self->lock);
    self->is_stopping = 1;
    self->give_up_ms = now_ms() + deadline_ms / 10 * 9;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
    return TG_BUSY; /* the thread calls `stopped` */
}

static void destroy(tg_instance *self) {
    struct job *job;
    if (self->has_thread) pthread_join(self->thread, NULL);
    while ((job = self->first)) { /* committed later than the deadline for stopping */
        self->first = job->next;
        tg_release(job->data);
        free(job);
    }
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self->config);
    free(self);
}

static const void *extension(tg_instance *self, tg_str id) {
    static const tg_declare DECLARE = {declare};
    static const tg_http HTTP = {http_request, cancelled};
    static const tg_calls CALLS = {call, cancelled};
    static const tg_flow FLOW = {resume, committed};
#ifdef TG_EXT_COMMANDS
    static const tg_commands COMMANDS = {run_command};
    if (tg_str_eq(id, tg_text(TG_EXT_COMMANDS))) return &COMMANDS;
#endif
    (void)self;
    if (tg_str_eq(id, tg_text(TG_EXT_DECLARE))) return &DECLARE;
    if (tg_str_eq(id, tg_text(TG_EXT_HTTP))) return &HTTP;
    if (tg_str_eq(id, tg_text(TG_EXT_CALLS))) return &CALLS;
    if (tg_str_eq(id, tg_text(TG_EXT_FLOW))) return &FLOW;
    return NULL;
}

const tg_plugin tidegate_plugin = {
    TG_ABI_MAJOR, TG_ABI_MINOR, sizeof(tg_plugin), {MANIFEST, sizeof MANIFEST - 1}, create, start, stop, destroy, extension,
};
