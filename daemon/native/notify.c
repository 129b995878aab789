/*
 * Does what sd_notify(3) does: sends one datagram to the socket of the service manager. Node has no datagrams on Unix
 * sockets, and a program started for each message would not be the process from which systemd accepts messages.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <node_api.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TEXT_MAX 4096

/* 0, or an errno. */
static int send_text(const char *path, size_t path_length, const char *text, size_t text_length)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_length);
    int fd, error = 0;

    if (path_length == 0 || path_length >= sizeof(address.sun_path)) {
        return ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, path_length);
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; /* the length of an abstract name of Linux is explicit */
    } else {
        length++;
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return errno;
    }
    if (sendto(fd, text, text_length, MSG_NOSIGNAL, (const struct sockaddr *)&address, length) < 0) {
        error = errno;
    }
    close(fd);
    return error;
}

/* notify(path, text): sends the text; throws an error with the reason if that fails. */
static napi_value notify(napi_env env, napi_callback_info info)
{
    napi_value arguments[2];
    size_t count = 2, path_length, text_length;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1], text[TEXT_MAX + 1];
    int error;

    if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count != 2
        || napi_get_value_string_utf8(env, arguments[0], path, sizeof(path), &path_length) != napi_ok
        || napi_get_value_string_utf8(env, arguments[1], text, sizeof(text), &text_length) != napi_ok) {
        napi_throw_type_error(env, NULL, "notify needs a path and a text");
        return NULL;
    }
    error = send_text(path, path_length, text, text_length);
    if (error != 0) {
        napi_throw_error(env, NULL, strerror(error));
    }
    return NULL;
}

NAPI_MODULE_INIT()
{
    napi_value function;

    if (napi_create_function(env, "notify", NAPI_AUTO_LENGTH, notify, NULL, &function) != napi_ok
        || napi_set_named_property(env, exports, "notify", function) != napi_ok) {
        return NULL;
    }
    return exports;
}
