/* connection.c: octets to the daemon and back, until the time is over. */
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

/* In how many seconds a daemon that is away may be back: it is restarted within one or two. */
#define AWAY_RETRY_AFTER 5

void djauth_disconnect(djauth *handle)
{
    if (handle->fd >= 0) {
        close(handle->fd);
        handle->fd = -1;
    }
}

void djauth_answer_init(djauth_answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    answer->status = DJAUTH_ERROR;
    answer->reason = answer->id = answer->username = answer->email = answer->first_name = answer->last_name = "";
    answer->page_type = answer->page = "";
}

outcome djauth_fail(djauth *handle, djauth_answer *answer, djauth_status status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(handle->error, sizeof(handle->error), format, arguments);
    va_end(arguments);
    djauth_disconnect(handle); /* a late reply must never be taken for that of the next question */
    djauth_answer_init(answer);
    answer->status = status;
    answer->reason = handle->error;
    answer->retry_after = status == DJAUTH_BUSY ? 1 : 0;
    return FAILED;
}

/* The daemon is away, or too slow: nothing is wrong with the question, and it may be asked again. */
static outcome away(djauth_answer *answer)
{
    answer->retry_after = AWAY_RETRY_AFTER;
    return FAILED;
}

static outcome fail_errno(djauth *handle, djauth_answer *answer, const char *tried)
{
    char why[128];
    /* The GNU strerror_r: strerror is not for threads. */
    const char *text = strerror_r(errno, why, sizeof(why));

    return djauth_fail(handle, answer, DJAUTH_ERROR, "cannot %s %s: %s", tried, handle->address.sun_path, text);
}

static outcome fail_late(djauth *handle, djauth_answer *answer, const char *tried, int timeout_ms)
{
    djauth_fail(handle, answer, DJAUTH_ERROR, "cannot %s %s: %d ms were not enough", tried, handle->address.sun_path,
         timeout_ms);
    return away(answer);
}

int64_t djauth_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for events. Returns 1 when they are there, 0 when time is over, -1 with errno. */
static int await(int fd, short events, int64_t until)
{
    for (;;) {
        struct pollfd waited = {.fd = fd, .events = events};
        int64_t left = until - djauth_now_ms();
        int ready;

        if (left <= 0) {
            return 0;
        }
        ready = poll(&waited, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (ready > 0) {
            return 1; /* an error or a hang-up too: reading or writing tells which */
        }
        if (ready < 0 && errno != EINTR) {
            return -1;
        }
    }
}

outcome djauth_connect(djauth *handle, djauth_answer *answer)
{
    handle->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (handle->fd < 0) {
        return fail_errno(handle, answer, "make a socket for");
    }
    while (connect(handle->fd, (const struct sockaddr *)&handle->address, sizeof(handle->address)) != 0) {
        if (errno == EINTR) {
            continue;
        }
        /* For a Unix socket this means that its queue is full; there is nothing to wait for with poll(). */
        if (errno == EAGAIN) {
            return djauth_fail(handle, answer, DJAUTH_BUSY, "connect-queue-full");
        }
        if (errno == ENOENT || errno == ECONNREFUSED || errno == ECONNRESET) {
            fail_errno(handle, answer, "connect to");
            return away(answer);
        }
        return fail_errno(handle, answer, "connect to");
    }
    return ANSWERED;
}

int djauth_is_quiet(int fd)
{
    struct pollfd looked = {.fd = fd, .events = POLLIN};

    return poll(&looked, 1, 0) == 0;
}

static int is_gone(int error)
{
    return error == EPIPE || error == ECONNRESET || error == ENOTCONN;
}

/* ANSWERED: there is something to read, or room to write. `tried` and timeout_ms are for the sentence. */
static outcome wait_for(djauth *handle, djauth_answer *answer, short events, const char *tried, int64_t until,
                        int timeout_ms)
{
    int ready = await(handle->fd, events, until);

    if (ready == 0) {
        return fail_late(handle, answer, tried, timeout_ms);
    }
    return ready > 0 ? ANSWERED : fail_errno(handle, answer, "wait for");
}

outcome djauth_send(djauth *handle, djauth_answer *answer, int again, int64_t until, int timeout_ms)
{
    size_t sent = 0;

    while (sent < handle->frame.length) {
        ssize_t written = send(handle->fd, handle->frame.at + sent, handle->frame.length - sent, MSG_NOSIGNAL);
        if (written >= 0) {
            sent += (size_t)written;
        } else if (errno == EAGAIN) {
            outcome ready = wait_for(handle, answer, POLLOUT, "send the question to", until, timeout_ms);
            if (ready != ANSWERED) {
                return ready;
            }
        } else if (errno != EINTR) {
            if (is_gone(errno)) {
                if (again) {
                    return GONE;
                }
                fail_errno(handle, answer, "send the question to");
                return away(answer);
            }
            return fail_errno(handle, answer, "send the question to");
        }
    }
    return ANSWERED;
}

outcome djauth_receive(djauth *handle, djauth_answer *answer, unsigned char *into, size_t length, int began, int again,
                       int64_t until, int timeout_ms)
{
    size_t got = 0;

    while (got < length) {
        ssize_t taken = recv(handle->fd, into + got, length - got, 0);
        if (taken > 0) {
            got += (size_t)taken;
        } else if (taken == 0 || is_gone(errno)) {
            if (again && !began && got == 0) {
                return GONE;
            }
            djauth_fail(handle, answer, DJAUTH_ERROR, "the daemon at %s closed the connection %s", handle->address.sun_path,
                 began || got > 0 ? "in the middle of its reply" : "without a reply");
            return away(answer);
        } else if (errno == EAGAIN) {
            outcome ready = wait_for(handle, answer, POLLIN, "get a reply from", until, timeout_ms);
            if (ready != ANSWERED) {
                return ready;
            }
        } else if (errno != EINTR) {
            return fail_errno(handle, answer, "read the reply of");
        }
    }
    return ANSWERED;
}
