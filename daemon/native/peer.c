/*
 * Says which process has connected: the credentials that the kernel noted at connect(2), and whether it has closed its end; and
 * where a socket is that somebody else has bound. Node tells none of these.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <node_api.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "export.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59 /* Linux 4.13; <asm-generic/socket.h>; libraries of that time do not know it */
#endif

/* NGROUPS_MAX of Linux: a process cannot be in more. */
#define GROUPS_MAX 65536

/* Appends a number to an array. 0 if that fails. */
static int append(napi_env env, napi_value array, uint32_t index, int64_t number)
{
    napi_value value;

    return napi_create_int64(env, number, &value) == napi_ok
        && napi_set_element(env, array, index, value) == napi_ok;
}

/*
 * The supplementary groups, in *groups, which the caller frees; their number, or -1 with errno. An old kernel does not
 * know the option: none then.
 */
static int groups_of(int fd, gid_t **groups)
{
    socklen_t length = 32 * sizeof(gid_t);

    *groups = NULL;
    for (;;) {
        gid_t *larger = realloc(*groups, length);

        if (larger == NULL) {
            return -1;
        }
        *groups = larger;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, *groups, &length) == 0) {
            return (int)(length / sizeof(gid_t));
        }
        /* With ERANGE the kernel has said how long the list is. */
        if (errno != ERANGE || length > GROUPS_MAX * sizeof(gid_t)) {
            return errno == ENOPROTOOPT ? 0 : -1;
        }
    }
}

/* peer(fd): [pid, uid, gid, supplementary groups...]; throws an error with the reason if the kernel does not tell. */
static napi_value peer(napi_env env, napi_callback_info info)
{
    napi_value argument, result;
    size_t count = 1;
    int32_t fd;
    struct ucred credentials;
    socklen_t length = sizeof(credentials);
    gid_t *groups = NULL;
    int number, i, made;

    if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok || count != 1
        || napi_get_value_int32(env, argument, &fd) != napi_ok) {
        napi_throw_type_error(env, NULL, "peer needs a descriptor");
        return NULL;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
        napi_throw_error(env, NULL, strerror(errno));
        return NULL;
    }
    number = groups_of(fd, &groups);
    if (number < 0) {
        free(groups);
        napi_throw_error(env, NULL, strerror(errno));
        return NULL;
    }
    made = napi_create_array(env, &result) == napi_ok && append(env, result, 0, credentials.pid)
        && append(env, result, 1, credentials.uid) && append(env, result, 2, credentials.gid);
    for (i = 0; made && i < number; i++) {
        made = append(env, result, (uint32_t)(3 + i), groups[i]);
    }
    free(groups);
    return made ? result : NULL;
}

/*
 * gone(fd): whether the peer has closed the connection. One that has only ended its side (shutdown(2)) still reads. What
 * Node reports is the same for both.
 */
static napi_value gone(napi_env env, napi_callback_info info)
{
    napi_value argument, result;
    size_t count = 1;
    struct pollfd watched = {.events = 0};
    int32_t fd;

    if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok || count != 1
        || napi_get_value_int32(env, argument, &fd) != napi_ok) {
        napi_throw_type_error(env, NULL, "gone needs a descriptor");
        return NULL;
    }
    watched.fd = fd;
    return napi_get_boolean(env, poll(&watched, 1, 0) > 0 && (watched.revents & POLLHUP) != 0, &result) == napi_ok
        ? result
        : NULL;
}

/* path(fd): the path that a Unix socket is bound to; "" if it is no Unix socket, or has none. */
static napi_value path(napi_env env, napi_callback_info info)
{
    napi_value argument, result;
    size_t count = 1, size = 0;
    struct sockaddr_un address;
    socklen_t length = sizeof(address);
    int32_t fd;

    if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok || count != 1
        || napi_get_value_int32(env, argument, &fd) != napi_ok) {
        napi_throw_type_error(env, NULL, "path needs a descriptor");
        return NULL;
    }
    memset(&address, 0, sizeof(address));
    if (getsockname(fd, (struct sockaddr *)&address, &length) == 0 && address.sun_family == AF_UNIX) {
        /* A path of the full length has no NUL; the name of an abstract socket begins with one. */
        size = strnlen(address.sun_path, sizeof(address.sun_path));
    }
    return napi_create_string_utf8(env, address.sun_path, size, &result) == napi_ok ? result : NULL;
}

NAPI_MODULE_INIT()
{
    return export_function(env, exports, "peer", peer) && export_function(env, exports, "gone", gone)
                   && export_function(env, exports, "path", path)
               ? exports
               : NULL;
}
