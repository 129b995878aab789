/*
 * Sends on a socket at once what the kernel takes at once. Node's own way makes a request object, a callback and two more turns
 * of its queues for each write, which take longer than the system call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <node_api.h>
#include <stdint.h>
#include <sys/socket.h>

#include "export.h"

/* send(fd, octets): how many the kernel took; -1 if it took none, for whatever reason. */
static napi_value send_now(napi_env env, napi_callback_info info)
{
    napi_value arguments[2], result;
    size_t count = 2, length;
    napi_typedarray_type type;
    void *octets;
    int32_t fd;
    ssize_t sent;

    if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count != 2
        || napi_get_value_int32(env, arguments[0], &fd) != napi_ok
        || napi_get_typedarray_info(env, arguments[1], &type, &length, &octets, NULL, NULL) != napi_ok
        || type != napi_uint8_array) {
        napi_throw_type_error(env, NULL, "send takes a descriptor and octets");
        return NULL;
    }
    do {
        sent = send(fd, octets, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return napi_create_int32(env, (int32_t)sent, &result) == napi_ok ? result : NULL;
}

NAPI_MODULE_INIT()
{
    return export_function(env, exports, "send", send_now) ? exports : NULL;
}
