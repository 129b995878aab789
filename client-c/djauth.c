/* djauth.c: a connection to the daemon, and one question at a time over it. */
#include "djauth.h"
#include "djauth_wire.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* The most octets a username and a password may have: PROTOCOL.md section 4, "too-long". */
#define USERNAME_MAX 1024
#define PASSWORD_MAX 32768

#define DEADLINE_MAX_MS 600000
#define TRIES_MAX 3

/* In how many seconds a daemon that is away may be back: it is restarted within one or two. */
#define AWAY_RETRY_AFTER 5

/* The longest that a status page may wait before it fetches itself anew, in seconds. */
#define REFRESH_MAX_S 86400

struct djauth {
    struct sockaddr_un address;
    int fd; /* -1: not connected */
    uint32_t last_id;
    djauth_octets frame; /* what is sent; wiped after each question */
    djauth_octets body;  /* what is received */
    djauth_octets texts; /* what the answer points at */
    char error[512];     /* the sentence that the answer points at where the fault is ours */
};

/* How one attempt ended. */
typedef enum outcome {
    ANSWERED,
    GONE,   /* the connection was closed before any of the reply came: another one may do better */
    FAILED, /* the answer says why */
} outcome;

djauth *djauth_new(const char *socket_path)
{
    const char *path = socket_path != NULL ? socket_path : DJAUTH_DEFAULT_SOCKET;
    djauth *handle;

    if (path[0] == '\0') {
        errno = EINVAL;
        return NULL;
    }
    if (strlen(path) >= sizeof(handle->address.sun_path)) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    handle = calloc(1, sizeof(*handle));
    if (handle == NULL) {
        return NULL;
    }
    handle->address.sun_family = AF_UNIX;
    memcpy(handle->address.sun_path, path, strlen(path) + 1);
    handle->fd = -1;
    return handle;
}

static void disconnect(djauth *handle)
{
    if (handle->fd >= 0) {
        close(handle->fd);
        handle->fd = -1;
    }
}

void djauth_free(djauth *handle)
{
    if (handle == NULL) {
        return;
    }
    disconnect(handle);
    djauth_octets_free(&handle->frame);
    djauth_octets_free(&handle->body);
    djauth_octets_free(&handle->texts);
    free(handle);
}

const char *djauth_status_name(djauth_status status)
{
    static const char *const names[] = {"granted", "denied", "unknown-user", "busy", "error", "bad-request"};

    return (unsigned)status < sizeof(names) / sizeof(names[0]) ? names[status] : "?";
}

const char *djauth_version(void)
{
    return DJAUTH_VERSION;
}

/* ---- Answers of our own ---- */

static void answer_init(djauth_answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    answer->status = DJAUTH_ERROR;
    answer->reason = answer->id = answer->username = answer->email = answer->first_name = answer->last_name = "";
    answer->page_type = answer->page = "";
}

__attribute__((format(printf, 4, 5)))
static outcome fail(djauth *handle, djauth_answer *answer, djauth_status status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(handle->error, sizeof(handle->error), format, arguments);
    va_end(arguments);
    disconnect(handle); /* a late reply must never be taken for that of the next question */
    answer_init(answer);
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

    return fail(handle, answer, DJAUTH_ERROR, "cannot %s %s: %s", tried, handle->address.sun_path, text);
}

static outcome fail_late(djauth *handle, djauth_answer *answer, const char *tried, int timeout_ms)
{
    fail(handle, answer, DJAUTH_ERROR, "cannot %s %s: %d ms were not enough", tried, handle->address.sun_path,
         timeout_ms);
    return away(answer);
}

/* ---- Time ---- */

static int64_t now_ms(void)
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
        int64_t left = until - now_ms();
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

/* ---- The connection ---- */

static outcome connect_to(djauth *handle, djauth_answer *answer)
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
            return fail(handle, answer, DJAUTH_BUSY, "connect-queue-full");
        }
        if (errno == ENOENT || errno == ECONNREFUSED || errno == ECONNRESET) {
            fail_errno(handle, answer, "connect to");
            return away(answer);
        }
        return fail_errno(handle, answer, "connect to");
    }
    return ANSWERED;
}

/* Whether a kept connection is still good: quiet and open. */
static int is_quiet(int fd)
{
    struct pollfd looked = {.fd = fd, .events = POLLIN};

    return poll(&looked, 1, 0) == 0;
}

static int is_gone(int error)
{
    return error == EPIPE || error == ECONNRESET || error == ENOTCONN;
}

static outcome send_frame(djauth *handle, djauth_answer *answer, int again, int64_t until, int timeout_ms)
{
    size_t sent = 0;

    while (sent < handle->frame.length) {
        ssize_t written = send(handle->fd, handle->frame.at + sent, handle->frame.length - sent, MSG_NOSIGNAL);
        if (written >= 0) {
            sent += (size_t)written;
        } else if (errno == EAGAIN) {
            int ready = await(handle->fd, POLLOUT, until);
            if (ready == 0) {
                return fail_late(handle, answer, "send the question to", timeout_ms);
            }
            if (ready < 0) {
                return fail_errno(handle, answer, "wait for");
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

/* Reads exactly `length` octets. `began`: some of the reply has come already. `again`: another connection may be tried. */
static outcome receive(djauth *handle, djauth_answer *answer, unsigned char *into, size_t length, int began, int again,
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
            fail(handle, answer, DJAUTH_ERROR, "the daemon at %s closed the connection %s", handle->address.sun_path,
                 began || got > 0 ? "in the middle of its reply" : "without a reply");
            return away(answer);
        } else if (errno == EAGAIN) {
            int ready = await(handle->fd, POLLIN, until);
            if (ready == 0) {
                return fail_late(handle, answer, "get a reply from", timeout_ms);
            }
            if (ready < 0) {
                return fail_errno(handle, answer, "wait for");
            }
        } else if (errno != EINTR) {
            return fail_errno(handle, answer, "read the reply of");
        }
    }
    return ANSWERED;
}

/* ---- Questions ---- */

/* What is asked, and where its answer goes. */
typedef struct exchange {
    djauth_operation operation;
    const djauth_question *question; /* of a check and an authorize */
    const char *site;                /* these three are of groups */
    const char *after;
    djauth_groups_page *page;
    djauth_page_format format; /* and this of a status page */
    unsigned refresh;
} exchange;

static int encode(djauth *handle, const exchange *asked, uint32_t deadline_ms)
{
    if (asked->operation == DJAUTH_GROUPS) {
        return djauth_wire_encode_groups(&handle->frame, handle->last_id, asked->site, asked->after);
    }
    if (asked->operation == DJAUTH_STATUS) {
        return djauth_wire_encode_status(&handle->frame, handle->last_id, asked->format, asked->refresh);
    }
    return djauth_wire_encode(&handle->frame, handle->last_id, asked->operation, asked->question, deadline_ms);
}

static const char *decode(djauth *handle, size_t length, const exchange *asked, djauth_answer *answer)
{
    const char *wrong;

    if (asked->operation != DJAUTH_GROUPS) {
        return djauth_wire_decode(handle->body.at, length, handle->last_id, asked->operation, &handle->texts, answer);
    }
    wrong = djauth_wire_decode_groups(handle->body.at, length, handle->last_id, &handle->texts, asked->page);
    answer->status = asked->page->status;
    answer->reason = asked->page->reason;
    answer->retry_after = asked->page->retry_after;
    return wrong;
}

/*
 * Encodes, sends, and wipes at once: the password need not lie here while the daemon thinks. Under an id of its own, and
 * with the time that is left: the daemon drops a question whose asker has gone.
 */
static outcome send_question(djauth *handle, const exchange *asked, djauth_answer *answer, int again, int64_t until,
                             int timeout_ms)
{
    int64_t left = until - now_ms();
    int encoded;
    outcome came;

    handle->last_id++;
    encoded = encode(handle, asked, left > 1 ? (uint32_t)left : 1);
    if (encoded == -2) {
        /* Names and passwords were measured before: it is the site, permissions or groups that are too many. */
        came = fail(handle, answer, DJAUTH_ERROR, "the question does not fit a frame of %d octets", DJAUTH_FRAME_MAX);
    } else if (encoded != 0) {
        came = fail(handle, answer, DJAUTH_ERROR, "no memory for the question");
    } else {
        came = send_frame(handle, answer, again, until, timeout_ms);
    }
    if (handle->frame.at != NULL) {
        explicit_bzero(handle->frame.at, handle->frame.room);
    }
    return came;
}

static outcome attempt(djauth *handle, const exchange *asked, djauth_answer *answer, int again, int64_t until,
                       int timeout_ms)
{
    unsigned char first[DJAUTH_LENGTH_OCTETS];
    const char *wrong;
    uint32_t length;
    outcome came;

    if ((came = send_question(handle, asked, answer, again, until, timeout_ms)) != ANSWERED
        || (came = receive(handle, answer, first, sizeof(first), 0, again, until, timeout_ms)) != ANSWERED) {
        return came;
    }
    length = djauth_wire_length(first);
    if (length == 0) {
        return fail(handle, answer, DJAUTH_ERROR, "the reply of %s has a length that is not allowed",
                    handle->address.sun_path);
    }
    handle->body.length = 0;
    if (djauth_octets_reserve(&handle->body, length) != 0) {
        return fail(handle, answer, DJAUTH_ERROR, "no memory for the reply of %s", handle->address.sun_path);
    }
    if ((came = receive(handle, answer, handle->body.at, length, 1, again, until, timeout_ms)) != ANSWERED) {
        return came;
    }
    wrong = decode(handle, length, asked, answer);
    if (wrong != NULL) {
        return fail(handle, answer, DJAUTH_ERROR, "%s: %s", handle->address.sun_path, wrong);
    }
    if (answer->status == DJAUTH_BAD_REQUEST) {
        disconnect(handle); /* the daemon does so too */
    }
    return ANSWERED;
}

static djauth_status ask(djauth *handle, const exchange *asked, int timeout_ms, djauth_answer *answer)
{
    int64_t until;
    int tries;

    if (timeout_ms <= 0) {
        timeout_ms = DJAUTH_DEFAULT_TIMEOUT_MS;
    }
    if (timeout_ms > DEADLINE_MAX_MS) {
        timeout_ms = DEADLINE_MAX_MS;
    }
    until = now_ms() + timeout_ms;
    answer_init(answer);

    if (handle->fd >= 0 && !is_quiet(handle->fd)) {
        disconnect(handle); /* closed meanwhile, or it says what nobody asked */
    }
    /* A daemon that ends leaves what it has not answered to its successor, which may not have come up yet. */
    for (tries = 1; handle->fd >= 0 || connect_to(handle, answer) == ANSWERED; tries++) {
        if (attempt(handle, asked, answer, tries < TRIES_MAX, until, timeout_ms) != GONE) {
            break;
        }
        disconnect(handle);
    }
    return answer->status;
}

static djauth_status ask_about(djauth *handle, djauth_operation operation, const djauth_question *question,
                               djauth_answer *answer)
{
    const exchange asked = {.operation = operation, .question = question};

    if (question->size != sizeof(*question)) {
        fail(handle, answer, DJAUTH_ERROR, "the question was not begun with DJAUTH_QUESTION_INIT of this library");
        return answer->status;
    }
    if ((question->username == NULL && question->username_length > 0)
        || (question->password == NULL && question->password_length > 0)) {
        fail(handle, answer, DJAUTH_ERROR, "the question gives the length of a text, but no text");
        return answer->status;
    }
    if (question->username_length > USERNAME_MAX
        || (operation == DJAUTH_CHECK && question->password_length > PASSWORD_MAX)) {
        answer_init(answer);
        answer->status = DJAUTH_DENIED;
        answer->reason = "too-long";
        return answer->status;
    }
    return ask(handle, &asked, question->timeout_ms, answer);
}

djauth_status djauth_check(djauth *handle, const djauth_question *question, djauth_answer *answer)
{
    return ask_about(handle, DJAUTH_CHECK, question, answer);
}

djauth_status djauth_authorize(djauth *handle, const djauth_question *question, djauth_answer *answer)
{
    return ask_about(handle, DJAUTH_AUTHORIZE, question, answer);
}

djauth_status djauth_ping(djauth *handle, int timeout_ms, djauth_answer *answer)
{
    const exchange asked = {.operation = DJAUTH_PING};

    return ask(handle, &asked, timeout_ms, answer);
}

djauth_status djauth_groups(djauth *handle, const char *site, const char *after, int timeout_ms, djauth_groups_page *page)
{
    const exchange asked = {.operation = DJAUTH_GROUPS, .site = site, .after = after, .page = page};
    djauth_answer answer;

    memset(page, 0, sizeof(*page));
    page->status = DJAUTH_ERROR;
    page->reason = "";
    if (ask(handle, &asked, timeout_ms, &answer) != DJAUTH_GRANTED) {
        /* A page that broke off is none. */
        memset(page, 0, sizeof(*page));
        page->status = answer.status;
        page->reason = answer.reason;
        page->retry_after = answer.retry_after;
    }
    return page->status;
}

djauth_status djauth_status_page(djauth *handle, djauth_page_format format, unsigned refresh, int timeout_ms,
                                 djauth_answer *answer)
{
    const exchange asked = {
        .operation = DJAUTH_STATUS,
        .format = format,
        .refresh = refresh > REFRESH_MAX_S ? REFRESH_MAX_S : refresh,
    };

    if ((unsigned)format > DJAUTH_PAGE_JSON) {
        fail(handle, answer, DJAUTH_ERROR, "a status page in format %u is not known", (unsigned)format);
        return answer->status;
    }
    return ask(handle, &asked, timeout_ms, answer);
}
