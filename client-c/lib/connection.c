/* connection.c: octets to the daemon and back, before the deadline. */
#include "connection.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* When to ask a daemon again that is away, in seconds: a restart takes one or two. */
#define AWAY_RETRY_AFTER 5

int64_t djauth_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void djauth_disconnect(djauth *handle)
{
    if (handle->fd >= 0) {
        close(handle->fd);
        handle->fd = -1;
    }
}

djauth_outcome djauth_fail(djauth_exchange *exchange, djauth_status status, const char *format, ...)
{
    djauth *handle = exchange->handle;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(handle->error, sizeof(handle->error), format, arguments);
    va_end(arguments);
    djauth_disconnect(handle); /* a late reply must never be taken for the reply to the next request */
    exchange->reply = (djauth_reply){
        .status = status, .reason = handle->error, .retry_after = status == DJAUTH_BUSY ? 1 : 0};
    return DJAUTH_FAILED;
}

/* For a daemon that is away or too slow: nothing is wrong with the request, so it may be sent again later. */
static djauth_outcome later(djauth_exchange *exchange)
{
    exchange->reply.retry_after = AWAY_RETRY_AFTER;
    return DJAUTH_FAILED;
}

/* `attempt` is what failed, such as "connect to". */
static djauth_outcome fail_errno(djauth_exchange *exchange, const char *attempt)
{
    char buffer[128];
    /* The GNU strerror_r; strerror is not thread-safe. */
    const char *text = strerror_r(errno, buffer, sizeof(buffer));

    return djauth_fail(exchange, DJAUTH_ERROR, "cannot %s %s: %s", attempt, exchange->handle->address.sun_path, text);
}

/* What is to be done about it: whoever reads the message is the one who can. */
static const char *remedy_of(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return "; this user must be in the socket's group, which listen.group or SocketGroup= of djauthd.socket sets, and may "
               "need to enter its directory";
    case ENOENT:
        return "; djauthd is not running, or its listen.socket is another one";
    case ECONNREFUSED:
        return "; djauthd is not running: djauthd check-config says why it does not start";
    default:
        return "";
    }
}

static djauth_outcome fail_connect(djauth_exchange *exchange)
{
    char buffer[128];
    int error = errno;
    const char *text = strerror_r(error, buffer, sizeof(buffer));

    return djauth_fail(exchange, DJAUTH_ERROR, "cannot connect to %s: %s%s", exchange->handle->address.sun_path, text,
                       remedy_of(error));
}

static djauth_outcome fail_late(djauth_exchange *exchange, const char *attempt)
{
    djauth_fail(exchange, DJAUTH_ERROR, "cannot %s %s: timed out after %d ms", attempt,
                exchange->handle->address.sun_path, exchange->timeout_ms);
    return later(exchange);
}

void djauth_set_patience(djauth *handle, int patience_ms, int (*may_wait)(void *context), void *context)
{
    handle->patience_ms = patience_ms;
    handle->may_wait = may_wait;
    handle->may_wait_context = context;
}

/* Waits until the socket can be read or written. */
static djauth_outcome await(djauth_exchange *exchange, short events, const char *attempt)
{
    const djauth *handle = exchange->handle;

    for (;;) {
        struct pollfd waited = {.fd = handle->fd, .events = events};
        int64_t now = djauth_now_ms();
        int64_t left = exchange->deadline - now;
        int ready;

        if (left <= 0) {
            return fail_late(exchange, attempt);
        }
        if (exchange->patience != 0 && exchange->patience <= now) {
            if (!handle->may_wait(handle->may_wait_context)) {
                return djauth_fail(exchange, DJAUTH_BUSY, "max-waiting");
            }
            exchange->patience = 0;
        }
        if (exchange->patience != 0 && exchange->patience - now < left) {
            left = exchange->patience - now;
        }
        ready = poll(&waited, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (ready > 0) {
            return DJAUTH_DONE; /* for an error or a hang-up too: reading or writing tells which */
        }
        if (ready < 0 && errno != EINTR) {
            return fail_errno(exchange, "wait for");
        }
    }
}

djauth_outcome djauth_connect(djauth_exchange *exchange)
{
    djauth *handle = exchange->handle;

    handle->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (handle->fd < 0) {
        return fail_errno(exchange, "create a socket for");
    }
    while (connect(handle->fd, (const struct sockaddr *)&handle->address, sizeof(handle->address)) != 0) {
        if (errno == EINTR) {
            continue;
        }
        /* For a Unix socket this means a full backlog; poll() cannot wait for it. */
        if (errno == EAGAIN) {
            return djauth_fail(exchange, DJAUTH_BUSY, "connect-queue-full");
        }
        if (errno == ENOENT || errno == ECONNREFUSED || errno == ECONNRESET) {
            fail_connect(exchange);
            return later(exchange);
        }
        return fail_connect(exchange);
    }
    return DJAUTH_DONE;
}

static int is_gone(int error)
{
    return error == EPIPE || error == ECONNRESET || error == ENOTCONN;
}

djauth_outcome djauth_send(djauth_exchange *exchange)
{
    static const char attempt[] = "send the request to";
    const djauth *handle = exchange->handle;
    size_t sent = 0;

    while (sent < handle->frame.length) {
        ssize_t written = send(handle->fd, handle->frame.data + sent, handle->frame.length - sent, MSG_NOSIGNAL);

        if (written >= 0) {
            sent += (size_t)written;
        } else if (errno == EAGAIN) {
            djauth_outcome ready = await(exchange, POLLOUT, attempt);

            if (ready != DJAUTH_DONE) {
                return ready;
            }
        } else if (is_gone(errno)) {
            if (exchange->may_retry) {
                return DJAUTH_GONE;
            }
            fail_errno(exchange, attempt);
            return later(exchange);
        } else if (errno != EINTR) {
            return fail_errno(exchange, attempt);
        }
    }
    return DJAUTH_DONE;
}

/* Waits before each recv(): nothing is there right after the request was sent, and all of most replies at once later. */
djauth_outcome djauth_receive(djauth_exchange *exchange, size_t wanted)
{
    djauth *handle = exchange->handle;
    djauth_octets *reply = &handle->reply;

    while (reply->length < wanted) {
        djauth_outcome ready = await(exchange, POLLIN, "receive a reply from");
        ssize_t taken;

        if (ready != DJAUTH_DONE) {
            return ready;
        }
        taken = recv(handle->fd, reply->data + reply->length, reply->capacity - reply->length, 0);
        if (taken > 0) {
            reply->length += (size_t)taken;
        } else if (taken == 0 || is_gone(errno)) {
            if (exchange->may_retry && reply->length == 0) {
                return DJAUTH_GONE;
            }
            djauth_fail(exchange, DJAUTH_ERROR, "the daemon at %s closed the connection %s", handle->address.sun_path,
                        reply->length > 0 ? "in the middle of its reply" : "without a reply");
            return later(exchange);
        } else if (errno != EAGAIN && errno != EINTR) {
            return fail_errno(exchange, "receive a reply from");
        }
    }
    return DJAUTH_DONE;
}
