/* export.h: gives an addon its functions. Each addon is a program of one file; this is what all have in common. */
#ifndef EXPORT_H
#define EXPORT_H

#include <node_api.h>
#include <stdbool.h>

/* Puts a function into the exports; false, with an exception pending, if that fails. */
static inline bool export_function(napi_env env, napi_value exports, const char *name, napi_callback callback)
{
    napi_value function;

    return napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function) == napi_ok
        && napi_set_named_property(env, exports, name, function) == napi_ok;
}

#endif
