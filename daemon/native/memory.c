/* Keeps the memory of this process to itself: no other process of the same user may read it, and no core file has it. */
#define _GNU_SOURCE
#include <errno.h>
#include <node_api.h>
#include <string.h>
#include <sys/prctl.h>

/* protect(): throws an error with the reason if that fails. */
static napi_value protect(napi_env env, napi_callback_info info)
{
    (void)info;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        napi_throw_error(env, NULL, strerror(errno));
    }
    return NULL;
}

NAPI_MODULE_INIT()
{
    napi_value function;

    if (napi_create_function(env, "protect", NAPI_AUTO_LENGTH, protect, NULL, &function) != napi_ok
        || napi_set_named_property(env, exports, "protect", function) != napi_ok) {
        return NULL;
    }
    return exports;
}
