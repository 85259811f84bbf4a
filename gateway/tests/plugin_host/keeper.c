/*
 * A plugin that keeps: calls of the store and of leases, each answered at once from the hook with `[status, number]`. Its calls
 * take a JSON text or nothing; the text's first character says what for: see `work`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tidegate_plugin.h"

#ifndef READS
#define READS ""
#endif

struct tg_instance {
    const tg_host *host;
    const tg_store *store;
    const tg_lease *lease;
    const tg_reply *reply;
    const tg_sessions *sessions;
    tg_lease_id held;
    uint64_t lost;
};

static void lost(tg_instance *this, tg_lease_id lease) {
    if (lease == this->held) this->lost++;
}

static tg_status store(tg_instance *this, uint32_t kind, const char *plugin, const char *key, uint32_t expect, uint64_t *number) {
    tg_store_op op = {.kind = kind, .expect = expect, .plugin = tg_text(plugin), .key = tg_text(key), .limit = 10};
    tg_store_result result;
    tg_status status;
    op.value = tg_text("kept");
    status = this->store->run(this->host, &op, 1, &result, 10000);
    if (status != TG_OK) return status;
    *number = kind == TG_STORE_LIST ? result.entries_len : result.entries_len ? result.entries[0].revision : result.revision;
    if (result.release) result.release(result.owner);
    return result.status;
}

static tg_status acquire(tg_instance *this, uint64_t ttl_ms, uint64_t timeout_ms, uint64_t *number) {
    tg_grant grant = {0, 0, 0};
    tg_status status = this->lease->acquire(this->host, tg_text("it"), ttl_ms, timeout_ms, lost, &grant);
    if (status == TG_OK) {
        this->held = grant.lease;
        *number = grant.number;
    }
    return status;
}

static tg_status work(tg_instance *this, char what, uint64_t *number) {
    tg_grant grant = {0, 0, 0};
    switch (what) {
        case 'p': return store(this, TG_STORE_PUT, "", "shared/key", TG_EXPECT_ABSENT, number);
        case 'P': return store(this, TG_STORE_PUT, "", "own", TG_EXPECT_ANY, number);
        case 'g': return store(this, TG_STORE_GET, "", "shared/key", TG_EXPECT_ANY, number);
        case 'l': return store(this, TG_STORE_LIST, "", "", TG_EXPECT_ANY, number);
        case 'o': return store(this, TG_STORE_GET, "keeper", "shared/key", TG_EXPECT_ANY, number);
        case 'O': return store(this, TG_STORE_GET, "keeper", "own", TG_EXPECT_ANY, number);
        case 'w': return store(this, TG_STORE_PUT, "keeper", "shared/key", TG_EXPECT_ANY, number);
        case 'a': return acquire(this, 3600000, 0, number);
        case 'b': return acquire(this, 100, 0, number);
        case 'r': return this->lease->renew(this->host, this->held, 1000, &grant);
        case 'f': return this->lease->release(this->host, this->held, 1000);
        case 'x': *number = this->lost; return TG_OK;
        case 's': return this->sessions->close(this->host, 77, 3000, tg_text("why"));
        default: return TG_UNSUPPORTED;
    }
}

static tg_status call(tg_instance *this, const tg_call *call) {
    uint64_t number = 0;
    char text[64];
    tg_buf data;
    tg_status status = work(this, ((const char *)call->data.ptr)[1], &number);
    tg_release(call->data);
    data.len = (uint64_t)snprintf(text, sizeof text, "[%" PRId32 ",%" PRIu64 "]", status, number);
    data.ptr = data.owner = memcpy(malloc(data.len), text, data.len);
    data.release = free;
    if (this->reply->finish(this->host, call->request, tg_text(""), data) != TG_OK) free(data.owner);
    return TG_OK;
}

static void cancelled(tg_instance *this, tg_request request) {
    (void)this, (void)request;
}

static tg_status create(const tg_host *host, tg_str name, tg_str config, tg_instance **instance, tg_buf *error) {
    tg_instance *this = calloc(1, sizeof *this);
    (void)name, (void)config, (void)error;
    this->host = host;
    this->store = host->extension(host, tg_text(TG_EXT_STORE));
    this->lease = host->extension(host, tg_text(TG_EXT_LEASE));
    this->reply = host->extension(host, tg_text(TG_EXT_REPLY));
    this->sessions = host->extension(host, tg_text(TG_EXT_SESSIONS));
    *instance = this;
    return TG_OK;
}

static tg_status start(tg_instance *this, tg_buf *error) {
    (void)this, (void)error;
    return TG_OK;
}

static tg_status stop(tg_instance *this, uint64_t deadline_ms) {
    (void)this, (void)deadline_ms;
    return TG_OK;
}

static void destroy(tg_instance *this) {
    free(this);
}

static const void *extension(tg_instance *this, tg_str id) {
    static const tg_calls calls = {call, cancelled};
    (void)this;
    return tg_str_eq(id, tg_text(TG_EXT_CALLS)) ? &calls : NULL;
}

#define MANIFEST \
    "{\"manifest\":1,\"name\":\"keeper\",\"version\":\"1\",\"calls\":[{\"name\":\"" CALL "\"}],\"reads\":[" READS "]}"

extern const tg_plugin tidegate_plugin;
const tg_plugin tidegate_plugin = {
    TG_ABI_MAJOR, TG_ABI_MINOR, sizeof(tg_plugin), {MANIFEST, sizeof(MANIFEST) - 1}, create, start, stop, destroy, extension,
};
