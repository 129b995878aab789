/*
 * Does what sd_notify(3) and sd_pid_notify_with_fds(3) do: sends one datagram to the socket of the service manager. Node has no datagrams on Unix
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

#include "export.h"

#define TEXT_MAX 4096

/* Sends a descriptor with the text unless it is negative. 0, or an errno. */
static int send_text(const char *path, size_t path_length, char *text, size_t text_length, int passed)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_length);
    struct iovec content = {.iov_base = text, .iov_len = text_length};
    struct msghdr message = {.msg_name = &address, .msg_iov = &content, .msg_iovlen = 1};
    union {
        struct cmsghdr header;
        char octets[CMSG_SPACE(sizeof passed)];
    } control;
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
    message.msg_namelen = length;
    if (passed >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.octets;
        message.msg_controllen = sizeof control.octets;
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof passed);
        memcpy(CMSG_DATA(&control.header), &passed, sizeof passed);
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return errno;
    }
    if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0) {
        error = errno;
    }
    close(fd);
    return error;
}

/* notify(path, text, fd): sends them, no descriptor if fd is -1; throws an error with the reason if that fails. */
static napi_value notify(napi_env env, napi_callback_info info)
{
    napi_value arguments[3];
    size_t count = 3, path_length, text_length;
    int32_t passed;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1], text[TEXT_MAX + 1];
    int error;

    if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count != 3
        || napi_get_value_string_utf8(env, arguments[0], path, sizeof(path), &path_length) != napi_ok
        || napi_get_value_string_utf8(env, arguments[1], text, sizeof(text), &text_length) != napi_ok
        || napi_get_value_int32(env, arguments[2], &passed) != napi_ok) {
        napi_throw_type_error(env, NULL, "notify needs a path, a text and a descriptor");
        return NULL;
    }
    error = send_text(path, path_length, text, text_length, passed);
    if (error != 0) {
        napi_throw_error(env, NULL, strerror(error));
    }
    return NULL;
}

NAPI_MODULE_INIT()
{
    return export_function(env, exports, "notify", notify) ? exports : NULL;
}
