/* A library that may be almost a plugin: -DMAJOR, -DSIZE, -DMANIFEST and -DNO_SYMBOL say in what it is not. */
#include "tidegate_plugin.h"

#ifndef MAJOR
#define MAJOR TG_ABI_MAJOR
#endif
#ifndef SIZE
#define SIZE sizeof(tg_plugin)
#endif
#ifndef MANIFEST
#define MANIFEST "{\"manifest\":1,\"name\":\"odd\",\"version\":\"1\"}"
#endif
#ifndef START
#define START TG_OK
#endif

struct tg_instance {
    int nothing;
};

static tg_instance only;

static tg_status create(const tg_host *host, tg_str name, tg_str config, tg_instance **instance, tg_buf *error) {
    (void)host, (void)name, (void)config, (void)error;
    *instance = &only;
    return TG_OK;
}

static tg_status start(tg_instance *instance, tg_buf *error) {
    (void)instance;
    if (START != TG_OK) *error = tg_constant(tg_text("it will not"));
    return START;
}

static tg_status stop(tg_instance *instance, uint64_t deadline_ms) {
    (void)instance, (void)deadline_ms;
    return TG_OK;
}

#ifdef NO_DESTROY
#define destroy NULL
#else
static void destroy(tg_instance *instance) {
    (void)instance;
}
#endif

static const void *extension(tg_instance *instance, tg_str id) {
    (void)instance, (void)id;
    return NULL;
}

#ifdef NO_SYMBOL
#define tidegate_plugin not_a_plugin
#endif
extern const tg_plugin tidegate_plugin;
const tg_plugin tidegate_plugin = {
    MAJOR, 7, SIZE, {MANIFEST, sizeof(MANIFEST) - 1}, create, start, stop, destroy, extension,
};

#ifdef NO_SYMBOL
/* What is there is used, or the compiler warns. */
const void *odd_address(void);
const void *odd_address(void) {
    return &tidegate_plugin;
}
#endif
