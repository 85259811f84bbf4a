/*
 * The Tidegate plugin ABI, version 1.2.
 *
 * A plugin is a shared library that exports one constant: `tidegate_plugin`. Everything else is found from it. README.md
 * beside this file's folder tells the same contract in prose; this header is the contract.
 *
 * Ground rules
 *   - 64-bit little-endian Linux, the C calling convention, fixed-width integers only. Text is UTF-8 without a closing zero.
 *   - Times (`int64_t …_time`, `time`) are milliseconds since 1970. Durations (`…_ms`) are milliseconds from the call, so that
 *     a clock that is set harms nothing.
 *   - A pointer is never null unless it is marked [nullable]. An empty tg_str (len 0) may have any ptr. Fields named `reserved`
 *     are zero and not read.
 *   - No struct ever grows. A change is an extension with a new id, served beside the old one.
 *   - A hook is the plugin's function, a callback is the host's. No C++ exception, no Rust panic, no longjmp leaves either.
 *
 * The brackets at each function pointer
 *   [hook thread]   the host calls it on its thread for this instance, one hook at a time, never from inside a callback. It
 *                   must return at once (tens of milliseconds): work goes to threads of the plugin's own.
 *   [any thread]    may be called from every thread at once, from inside hooks too. It never calls back into the plugin.
 *   [after create]  from the moment `create` was called until `destroy` returns.
 *   [after start]   from the call of `start` until the plugin is stopped (`stop` answered OK, or `stopped` was called).
 *                   Callbacks answer TG_CLOSED before and after, and the plugin's hooks are not called.
 *   [blocks]        may wait, up to the time-out given. What is not so marked never waits for a disk, a network or a lock held
 *                   over one.
 *   [borrowed]      the pointer and all it leads to hold for the call. Copy what is needed longer.
 *   [given]         a tg_buf that changes hands when the call answers TG_OK; on any other status it is still the caller's.
 */
#ifndef TIDEGATE_PLUGIN_H
#define TIDEGATE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A library of the same major loads, whatever its minor; one of another major is refused. */
#define TG_ABI_MAJOR UINT32_C(1)
#define TG_ABI_MINOR UINT32_C(2)

/* The name of the symbol that a library exports. */
#define TG_PLUGIN_SYMBOL "tidegate_plugin"

/* ------------------------------------------------------------------------------------------------------------ data */

/* Every answer across the boundary. A value that is not listed here is an error. */
typedef int32_t tg_status;
#define TG_OK          INT32_C(0) /* done */
#define TG_BUSY        INT32_C(1) /* not now: try again after `resume`; from `stop`: it goes on */
#define TG_DENIED      INT32_C(2) /* not allowed to this plugin, or to the principal */
#define TG_INVALID     INT32_C(3) /* malformed, over a limit, or against a schema */
#define TG_NOT_FOUND   INT32_C(4) /* no such key, session, request or room */
#define TG_CONFLICT    INT32_C(5) /* another revision, holder or answer was first */
#define TG_TIMEOUT     INT32_C(6) /* the time-out given has passed; it may or may not have happened */
#define TG_CLOSED      INT32_C(7) /* not started, stopped, cancelled, or answered already */
#define TG_UNSUPPORTED INT32_C(8) /* this host or plugin does not do that */
#define TG_INTERNAL    INT32_C(9) /* the callee's own fault; told in its log */

/* Text or bytes that are lent [borrowed]. */
typedef struct tg_str {
    const char *ptr;
    uint64_t len;
} tg_str;

/*
 * Bytes that are given away. The receiver calls `release(owner)` exactly once when it needs them no more: the host on the
 * instance's hook thread and before `destroy`, the plugin on any thread. `free` fits where owner is the block itself.
 * What a plugin has given away and is not yet released counts against its byte budget; past it, callbacks answer TG_BUSY.
 * What the host has given to the plugin and is not yet released counts as waiting in the plugin's queue.
 */
typedef struct tg_buf {
    const void *ptr;
    uint64_t len;
    void *owner;                   /* [nullable] */
    void (*release)(void *owner);  /* [nullable] null: nothing to release (constants) */
} tg_buf;

/* A name and its value: headers, parameters, tags, labels, log fields. */
typedef struct tg_pair {
    tg_str name;
    tg_str value;
} tg_pair;

/* Requests, sessions, leases and metrics are numbers that carry a generation: an old one is a status, never a crash. 0 is none. */
typedef uint64_t tg_request;
typedef uint64_t tg_session;
typedef uint64_t tg_lease_id;
typedef uint64_t tg_metric;

/* Where an event stands in its room. Offsets of one epoch only grow; those of two epochs do not compare. */
typedef struct tg_cursor {
    tg_str epoch;
    uint64_t offset;
} tg_cursor;

/* Who asks. */
typedef struct tg_principal {
    tg_str user;               /* empty: anonymous */
    const tg_str *roles;
    uint64_t roles_len;
    const tg_str *permissions; /* scopes */
    uint64_t permissions_len;
} tg_principal;

/* An event to publish. */
typedef struct tg_event {
    const tg_str *targets;     /* rooms; a user is "user:<id>", a role "role:<r>"; none: every session that takes broadcasts */
    uint64_t targets_len;
    tg_str type;               /* declared in the manifest or by `declare` */
    tg_str source;             /* empty: the instance's name */
    tg_str key;                /* what it is about, for "latest" rules; empty: none */
    tg_str id;                 /* makes it idempotent in its rooms; empty: none */
    const tg_pair *tags;       /* for filters */
    uint64_t tags_len;
    tg_buf data;               /* [given] one JSON value */
    int64_t time;              /* 0: when it is taken */
    tg_str origin;             /* the source's own position; empty: none */
} tg_event;

/* ------------------------------------------------------------------------------------------------------------ core */

/* What a plugin keeps of one instance: each plugin defines `struct tg_instance` for itself. Nothing is kept in globals. */
typedef struct tg_instance tg_instance;

/* The host, as one instance sees it. Lives until `destroy` returns. */
typedef struct tg_host tg_host;
struct tg_host {
    uint32_t abi_major;
    uint32_t abi_minor;
    uint64_t size;        /* sizeof(tg_host) of the host */
    void *context;        /* [nullable] the host's own */
    tg_str product;       /* for logs, "tidegate"; holds as long as the host */
    tg_str version;

    /* [any thread] [after create] The host's extension `id`, or null [nullable]; holds as long as the host. */
    const void *(*extension)(const tg_host *host, tg_str id);

    /* [any thread] Ends a `stop` that answers TG_BUSY: the plugin's own threads are out of every callback. The plugin's last
     * call but for the log. It may come before `stop` has returned. */
    void (*stopped)(const tg_host *host);
};

/* The exported constant. */
typedef struct tg_plugin {
    uint32_t abi_major;   /* TG_ABI_MAJOR */
    uint32_t abi_minor;   /* TG_ABI_MINOR */
    uint64_t size;        /* sizeof(tg_plugin) */
    tg_str manifest;      /* JSON; holds as long as the library */

    /* [hook thread] Makes an instance from its part of the configuration (a JSON object, checked against the manifest's schema).
     * May be called while other instances live. On any status but TG_OK, `*instance` is not read, and `*error` may be set to a
     * text for the operator [given]; the host has zeroed it. No callback but the log may be used yet. */
    tg_status (*create)(const tg_host *host, tg_str instance_name, tg_str config_json, tg_instance **instance, tg_buf *error);

    /* [hook thread] [blocks] Called once. From here on callbacks answer, and after TG_OK hooks come. No other hook (`committed` and
     * `resume` too) comes before it has returned. `*error` as in `create`. */
    tg_status (*start)(tg_instance *instance, tg_buf *error);

    /* [hook thread] Takes no new work. TG_OK: the plugin's own threads are out of every callback. TG_BUSY: it goes on, and
     * `stopped` is called within `deadline_ms` from now; until then hooks, `committed` and `release` go on. */
    tg_status (*stop)(tg_instance *instance, uint64_t deadline_ms);

    /* [hook thread] [blocks] The end: after a `create` that answered TG_OK, and, where it was started, after it has stopped, every
     * buffer that it gave was released and every request answered. */
    void (*destroy)(tg_instance *instance);

    /* [hook thread] [after create] The plugin's extension `id`, or null [nullable]; holds until `destroy`. */
    const void *(*extension)(tg_instance *instance, tg_str id);
} tg_plugin;

/* ------------------------------------------------------------------------------------------- the plugin's extensions */

#define TG_EXT_DECLARE "tidegate.declare/1"

/* What this instance adds to the manifest. */
typedef struct tg_declare {
    /* [hook thread] Between `create` and `start`. `*json` [given]: `{"events":[…],"follows":[…],"calls":[…]}`, each as in the
     * manifest and each optional. `*error` as in `create`. */
    tg_status (*declare)(tg_instance *instance, tg_buf *json, tg_buf *error);
} tg_declare;

#define TG_EXT_HTTP "tidegate.http/1"

/* A request to one of the manifest's routes. [borrowed] but for the body. */
typedef struct tg_http_request {
    tg_request request;
    uint32_t route;               /* index in the manifest's `routes` */
    uint32_t reserved;
    tg_str method;
    tg_str path;                  /* as it came, without the query */
    tg_str query;                 /* as it came, without the `?`; may be empty */
    const tg_pair *params;        /* the path's parameters, percent-decoded */
    uint64_t params_len;
    const tg_pair *headers;       /* names in lower case; no credentials among them */
    uint64_t headers_len;
    tg_principal principal;
    tg_str request_id;            /* the answer's x-request-id */
    tg_str address;               /* the client's */
    uint64_t timeout_ms;          /* until the host answers 504 itself */
    tg_buf body;                  /* [given] whole; may be empty */
} tg_http_request;

typedef struct tg_http {
    /* [hook thread] [after start] TG_OK: the answer comes through `tidegate.reply/1`, now or later. Another status is the answer
     * (see `fail` there). */
    tg_status (*request)(tg_instance *instance, const tg_http_request *request);

    /* [hook thread] [after start] Nobody waits for this answer any more; replies to it are TG_CLOSED. */
    void (*cancelled)(tg_instance *instance, tg_request request);
} tg_http;

#define TG_EXT_CALLS "tidegate.calls/1"

#define TG_CALL_STREAMS UINT32_C(1) /* tg_call.flags: the caller takes a streamed answer */

/* A client's request by a name that the plugin declared. [borrowed] but for the data. */
typedef struct tg_call {
    tg_request request;
    uint32_t call;                /* index in the manifest's `calls`, those of `declare` following */
    uint32_t flags;               /* TG_CALL_STREAMS; others are not read */
    tg_str name;
    tg_session session;           /* 0: not from a session */
    tg_str connection_id;         /* the session's name for people; empty: none */
    tg_str room;                  /* the request's `room`; empty: none */
    tg_principal principal;
    uint64_t timeout_ms;          /* until the host answers with an error itself */
    tg_buf data;                  /* [given] the request's `data`: one JSON value; `null` where there was none */
} tg_call;

typedef struct tg_calls {
    /* [hook thread] [after start] As tg_http.request. */
    tg_status (*call)(tg_instance *instance, const tg_call *call);

    /* [hook thread] [after start] As tg_http.cancelled. */
    void (*cancelled)(tg_instance *instance, tg_request request);
} tg_calls;

#define TG_EXT_FOLLOW "tidegate.follow/1"

/* An event of a room that the plugin follows, once for each such room. [borrowed] but for the data. */
typedef struct tg_followed {
    tg_str room;                  /* empty: published to everyone */
    tg_str type;
    tg_str source;
    tg_str key;                   /* empty: none */
    tg_str id;                    /* empty: none */
    const tg_pair *tags;
    uint64_t tags_len;
    int64_t time;
    tg_cursor cursor;
    tg_buf data;                  /* [given] one JSON value */
} tg_followed;

/* Events of a room that were not handed over, because the plugin's queue was full. [borrowed] */
typedef struct tg_gap {
    tg_str room;
    uint64_t count;               /* how many; 0: not known */
    tg_cursor after;              /* the last that was handed over; offset 0: none */
    tg_cursor until;              /* the last that was not: what follows comes after it */
} tg_gap;

typedef struct tg_follow {
    /* [hook thread] [after start] In the order of the room, and in one order with the requests: an event that was published
     * before a request arrived is handed over before it. */
    tg_status (*event)(tg_instance *instance, const tg_followed *event);

    /* [hook thread] [after start] Read on from the store or take what follows as new. */
    void (*gap)(tg_instance *instance, const tg_gap *gap);
} tg_follow;

#define TG_EXT_WATCH "tidegate.watch/1"

#define TG_WATCH_OPEN  UINT32_C(1)
#define TG_WATCH_JOIN  UINT32_C(2)
#define TG_WATCH_LEAVE UINT32_C(3)
#define TG_WATCH_CLOSE UINT32_C(4)

/* Something in the life of a session. [borrowed] */
typedef struct tg_session_event {
    uint32_t kind;                /* TG_WATCH_…; ignore one that is not known */
    uint32_t code;                /* CLOSE: the close code; else 0 */
    tg_session session;
    tg_str connection_id;
    tg_str endpoint;              /* the path of its endpoint */
    tg_str room;                  /* JOIN and LEAVE; else empty */
    tg_str reason;                /* CLOSE; else empty */
    tg_principal principal;
    int64_t time;
} tg_session_event;

typedef struct tg_watch {
    /* [hook thread] Between `create` and `start`: which are asked for. `*json` [given]:
     * `{"kinds":["open","join","leave","close"],"rooms":[patterns],"endpoints":[paths]}`; `rooms` and `endpoints` are optional,
     * left out: all. `*error` as in `create`. */
    tg_status (*select)(tg_instance *instance, tg_buf *json, tg_buf *error);

    /* [hook thread] [after start] In the order of the session. */
    void (*session)(tg_instance *instance, const tg_session_event *event);
} tg_watch;

#define TG_EXT_FLOW "tidegate.flow/1"

typedef struct tg_flow {
    /* [hook thread] [after start] After each TG_BUSY at least once: `request` 0 for publish and sessions, else for that request's
     * answer. It may come before the caller has seen the TG_BUSY: remember it, and try again after it. */
    void (*resume)(tg_instance *instance, tg_request request);

    /* [hook thread] [after start] The events `first` to `first + count - 1` of the batch published with `token` (not 0) are as safe as
     * their rooms promise: TG_OK, with one cursor for each target of each event in order (one for an event without targets)
     * [borrowed]; or they are lost: another status, without cursors. Each event taken is told of exactly once. It may come
     * before `publish` has returned. */
    void (*committed)(tg_instance *instance, uint64_t token, uint64_t first, uint64_t count, const tg_cursor *cursors,
                      uint64_t cursors_len, tg_status status);
} tg_flow;

#define TG_EXT_HEALTH "tidegate.health/1"

typedef struct tg_health {
    /* [hook thread] [after start] Asks how the plugin is; `tidegate.reply/1` `finish` answers `{"status":"healthy" | "degraded" |
     * "unhealthy","details":{…}}`. No answer in time, or a failure: unhealthy. */
    tg_status (*check)(tg_instance *instance, tg_request request);
} tg_health;

#define TG_EXT_CHECKPOINT "tidegate.checkpoint/1"

/* Hands a running instance's state to its successor when a new version is swapped in. */
typedef struct tg_checkpoint {
    /* [hook thread] [after start] Take no more from the source, wait for what is not yet committed, give up the leases; then `finish`
     * with the state (any bytes) through `tidegate.reply/1`. */
    tg_status (*pause)(tg_instance *instance, tg_request request);

    /* [hook thread] [after start] The swap failed: go on. */
    tg_status (*unpause)(tg_instance *instance);

    /* [hook thread] Between `create` and `start` of the successor: the state that `pause` gave. `*error` as in `create`. */
    tg_status (*restore)(tg_instance *instance, tg_str state, tg_buf *error);
} tg_checkpoint;

#define TG_EXT_COMMANDS "tidegate.commands/1" /* since 1.2 */

/* A command of an operator's at a terminal: `tidegate plugin <instance> <command> [arguments]`. [borrowed] */
typedef struct tg_command {
    uint32_t command;             /* index in the manifest's `commands` */
    uint32_t reserved;
    tg_str name;
    const tg_str *arguments;      /* what was typed behind the name */
    uint64_t arguments_len;
    void *context;                /* [nullable] for the two callbacks, which hold until `run` returns */

    /* [any thread] Writes to standard output, as it is. TG_CLOSED: nobody reads it any more. */
    tg_status (*print)(void *context, tg_str text);

    /* [any thread] 1 once the operator wants the command to end (SIGINT, SIGTERM), else 0. */
    uint32_t (*interrupted)(void *context);
} tg_command;

typedef struct tg_commands {
    /* [hook thread] [blocks] In the place of `start`, for as long as it takes: the process serves nobody, the instance is destroyed
     * after it, and of the host's extensions the log alone answers. TG_INVALID: the arguments are wrong; another status: it
     * failed; `*error` as in `create`. */
    tg_status (*run)(tg_instance *instance, const tg_command *command, tg_buf *error);
} tg_commands;

/* --------------------------------------------------------------------------------------------- the host's extensions */

#define TG_EXT_PUBLISH "tidegate.publish/1"

typedef struct tg_publish {
    /* [any thread] [after start] Takes the batch in order, up to the first event that is refused: `*taken` says how many were taken,
     * and the status is TG_OK (all) or why event `*taken` was not. Data is [given] for those taken alone. TG_INVALID: not JSON, an
     * undeclared type, against its schema, a bad room name. `token` not 0: `committed` will tell of each event that was taken. */
    tg_status (*publish)(const tg_host *host, const tg_event *events, uint64_t count, uint64_t token, uint64_t *taken);
} tg_publish;

#define TG_EXT_REFUSAL "tidegate.refusal/1" /* since 1.1 */

typedef struct tg_refusal {
    /* [any thread] [after start] Why this thread's last `publish` or `send` answered TG_INVALID: for people, as
     * `event 'load_measured': load: null is not of type "number"`. `*text` holds until this thread publishes or sends again.
     * TG_NOT_FOUND: it did not. */
    tg_status (*last)(const tg_host *host, tg_str *text);
} tg_refusal;

#define TG_EXT_REPLY "tidegate.reply/1"

/* Answers. A request that is finished, cancelled or timed out is TG_CLOSED to each of these, a number that never was one of the
 * instance's is TG_NOT_FOUND. TG_INVALID: not JSON where JSON is due, or the wrong way (`respond` to a call, `finish` of a route
 * without `head`); the request still waits for its answer. */
typedef struct tg_reply {
    /* [any thread] [after start] The whole answer to an HTTP request. `status` 200–599. Names of headers in lower case; length and
     * transfer headers are the host's. */
    tg_status (*respond)(const tg_host *host, tg_request request, uint32_t status, const tg_pair *headers, uint64_t headers_len,
                         tg_buf body /* [given] */);

    /* [any thread] [after start] The head of an HTTP answer whose body follows by `chunk`s and `finish`. */
    tg_status (*head)(const tg_host *host, tg_request request, uint32_t status, const tg_pair *headers, uint64_t headers_len);

    /* [any thread] [after start] The next piece of a streamed answer: bytes of an HTTP body after `head`, or one JSON value of a
     * call. TG_BUSY: its reader is slow, try again after `resume`. TG_UNSUPPORTED: the caller takes no stream. */
    tg_status (*chunk)(const tg_host *host, tg_request request, tg_buf data /* [given] */);

    /* [any thread] [after start] The end. Call: `message` (empty: the call's name) and `data`, one JSON value (empty: null). Streamed
     * HTTP body: `data` is its last bytes and may be empty. Health and pause: `data` is the answer. */
    tg_status (*finish)(const tg_host *host, tg_request request, tg_str message, tg_buf data /* [given] */);

    /* [any thread] [after start] The end, as an error. HTTP: a problem with `message` as its detail: BUSY 503, DENIED 403, INVALID
     * 422, NOT_FOUND 404, CONFLICT 409, TIMEOUT 504, UNSUPPORTED 501, others 500; a streamed body is cut. Call: `success` false,
     * the message, and `data` (one JSON value; empty: null). */
    tg_status (*fail)(const tg_host *host, tg_request request, tg_status status, tg_str message, tg_buf data /* [given] */);
} tg_reply;

#define TG_EXT_SESSIONS "tidegate.sessions/1"

/* Commands are put in order with the events of the session; TG_OK means that they will be carried out while it lives. */
typedef struct tg_sessions {
    /* [any thread] [after start] An event to one session; `targets` is not read. */
    tg_status (*send)(const tg_host *host, tg_session session, const tg_event *event);
    /* [any thread] [after start] A session that was joined gets what is published after this call returned. */
    tg_status (*join)(const tg_host *host, tg_session session, tg_str room);
    /* [any thread] [after start] */
    tg_status (*leave)(const tg_host *host, tg_session session, tg_str room);
    /* [any thread] [after start] `code`: 1000, 1001, 1008, 1011–1013 or 3000–4999. */
    tg_status (*close)(const tg_host *host, tg_session session, uint32_t code, tg_str reason);
    /* [any thread] [after start] The session of that connection id. */
    tg_status (*find)(const tg_host *host, tg_str connection_id, tg_session *session);
    /* [any thread] [after start] The sessions of a user: up to `capacity` are written, `*count` is how many there are. */
    tg_status (*of_user)(const tg_host *host, tg_str user, tg_session *sessions, uint64_t capacity, uint64_t *count);
    /* [any thread] [after start] `*json` [given]: `{"connection_id","endpoint","dialect","user_id","roles","permissions",
     * "connected_at"}`. */
    tg_status (*info)(const tg_host *host, tg_session session, tg_buf *json);
} tg_sessions;

#define TG_EXT_STORE "tidegate.store/1"

#define TG_STORE_GET    UINT32_C(1)
#define TG_STORE_PUT    UINT32_C(2)
#define TG_STORE_DELETE UINT32_C(3)
#define TG_STORE_LIST   UINT32_C(4)

#define TG_EXPECT_ANY      UINT32_C(0) /* whatever is there */
#define TG_EXPECT_ABSENT   UINT32_C(1) /* PUT: nothing is there */
#define TG_EXPECT_REVISION UINT32_C(2) /* exactly that revision is there */

/* One operation. [borrowed] Keys are 1–512 bytes of UTF-8, values at most 1 MiB. */
typedef struct tg_store_op {
    uint32_t kind;                /* TG_STORE_… */
    uint32_t expect;              /* PUT, DELETE: TG_EXPECT_… */
    tg_str plugin;                /* empty: the instance's own part; else GET and LIST of keys under "shared/" of an instance that the
                                     manifest's `reads` names */
    tg_str key;                   /* LIST: the prefix, may be empty */
    tg_str after;                 /* LIST: only keys after this one; empty: from the first */
    tg_str value;                 /* PUT */
    uint64_t revision;            /* with TG_EXPECT_REVISION */
    uint64_t ttl_ms;              /* PUT: kept to a second; 0: for ever */
    uint64_t limit;               /* LIST: 1–10,000 */
} tg_store_op;

typedef struct tg_store_entry {
    tg_str key;
    tg_str value;
    uint64_t revision;
} tg_store_entry;

/* What came of one operation. Where `release` is set, the plugin calls it once, with `owner`, when it needs the entries no more. */
typedef struct tg_store_result {
    tg_status status;             /* GET: NOT_FOUND; PUT, DELETE: CONFLICT, and NOT_FOUND for a DELETE of nothing */
    uint32_t more;                /* LIST: 1 where the limit cut it */
    uint64_t revision;            /* PUT: the new one. CONFLICT: the one that is there, 0 for none */
    const tg_store_entry *entries; /* GET: one; LIST: by key order */
    uint64_t entries_len;
    void *owner;                  /* [nullable] */
    void (*release)(void *owner); /* [nullable] any thread */
} tg_store_result;

typedef struct tg_store {
    /* [any thread] [after start] [blocks] Runs the operations in order, each for itself: no transaction over keys, a list is no
     * snapshot. TG_OK: each of the `count` results is set. Another status: none is, and a TG_TIMEOUT may have written. */
    tg_status (*run)(const tg_host *host, const tg_store_op *ops, uint64_t count, tg_store_result *results, uint64_t timeout_ms);
} tg_store;

#define TG_EXT_LEASE "tidegate.lease/1"

typedef struct tg_grant {
    tg_lease_id lease;
    uint64_t number;              /* only grows for this name; store it beside what the lease guards */
    uint64_t valid_ms;            /* counted from before the call: stop by your own clock at its end */
} tg_grant;

typedef struct tg_lease {
    /* [any thread] [after start] [blocks] Takes the name, waiting for it up to `timeout_ms` (0: no wait, TG_CONFLICT where it is held).
     * `lost` [nullable] [hook thread] is called when the lease was lost before it was given up. */
    tg_status (*acquire)(const tg_host *host, tg_str name, uint64_t ttl_ms, uint64_t timeout_ms,
                         void (*lost)(tg_instance *instance, tg_lease_id lease), tg_grant *grant);
    /* [any thread] [after start] [blocks] Another `ttl_ms`. TG_CLOSED: it was lost. */
    tg_status (*renew)(const tg_host *host, tg_lease_id lease, uint64_t timeout_ms, tg_grant *grant);
    /* [any thread] [after start] [blocks] Gives it up. What is held when the plugin has stopped, the host gives up. */
    tg_status (*release)(const tg_host *host, tg_lease_id lease, uint64_t timeout_ms);
} tg_lease;

#define TG_EXT_LOG "tidegate.log/1"

#define TG_LOG_TRACE UINT32_C(1)
#define TG_LOG_DEBUG UINT32_C(2)
#define TG_LOG_INFO  UINT32_C(3)
#define TG_LOG_WARN  UINT32_C(4)
#define TG_LOG_ERROR UINT32_C(5)

typedef struct tg_log {
    /* [any thread] [after create] 1 where lines of that level are written, else 0. */
    uint32_t (*enabled)(const tg_host *host, uint32_t level);
    /* [any thread] [after create] A line in the host's log, marked with the instance. */
    tg_status (*write)(const tg_host *host, uint32_t level, tg_str message, const tg_pair *fields, uint64_t fields_len);
    /* [any thread] [after create] A panic or exception that the plugin caught in `place`: logged, and counted against the plugin. */
    tg_status (*panicked)(const tg_host *host, tg_str place, tg_str message);
} tg_log;

#define TG_EXT_METRICS "tidegate.metrics/1"

#define TG_METRIC_COUNTER   UINT32_C(1)
#define TG_METRIC_GAUGE     UINT32_C(2)
#define TG_METRIC_HISTOGRAM UINT32_C(3)

/* A time series. [borrowed] Shown as `tidegate_plugin_<name>` with the label `plugin`. */
typedef struct tg_metric_spec {
    uint32_t kind;                /* TG_METRIC_… */
    uint32_t reserved;
    tg_str name;                  /* [a-z][a-z0-9_]*, without the kind's suffix */
    tg_str help;
    const tg_pair *labels;        /* few, and of few values: they are what a series costs */
    uint64_t labels_len;
    uint64_t per_unit;            /* how many make one of what is shown: 1, or 1,000,000 for microseconds shown as seconds; not 0 */
    const int64_t *buckets;       /* HISTOGRAM: upper bounds, growing; none: the host's for durations */
    uint64_t buckets_len;
} tg_metric_spec;

typedef struct tg_metrics {
    /* [any thread] [after start] The same name and labels again give the same number. */
    tg_status (*open)(const tg_host *host, const tg_metric_spec *spec, tg_metric *metric);
    /* [any thread] [after start] COUNTER: adds (not negative). GAUGE: sets. HISTOGRAM: observes. */
    tg_status (*record)(const tg_host *host, tg_metric metric, int64_t value);
} tg_metrics;

#define TG_EXT_CLOCK "tidegate.clock/1"

typedef struct tg_now {
    int64_t time;                 /* milliseconds since 1970; may be set back */
    uint64_t monotonic_ns;        /* nanoseconds since some start; never goes back */
} tg_now;

typedef struct tg_clock {
    /* [any thread] [after start] The time as the host counts it. */
    tg_status (*now)(const tg_host *host, tg_now *now);
} tg_clock;

/* --------------------------------------------------------------------------------------------------- small conveniences */

/* The text of a C string. */
static inline tg_str tg_text(const char *text) {
    tg_str s;
    s.ptr = text;
    s.len = 0;
    while (text[s.len] != 0) s.len++;
    return s;
}

/* 1 where both hold the same bytes. */
static inline int tg_str_eq(tg_str a, tg_str b) {
    uint64_t i;
    if (a.len != b.len) return 0;
    for (i = 0; i < a.len; i++)
        if (a.ptr[i] != b.ptr[i]) return 0;
    return 1;
}

/* A buffer over bytes that never go away. */
static inline tg_buf tg_constant(tg_str s) {
    tg_buf b;
    b.ptr = s.ptr;
    b.len = s.len;
    b.owner = NULL;
    b.release = NULL;
    return b;
}

/* Releases a buffer that was given to us. */
static inline void tg_release(tg_buf b) {
    if (b.release) b.release(b.owner);
}

#ifdef __cplusplus
}
#endif

#endif /* TIDEGATE_PLUGIN_H */
