/* djauth.c: a handle, and one question at a time. */
#include "connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The most octets a username and a password may have: PROTOCOL.md section 4, "too-long". */
#define USERNAME_MAX 1024
#define PASSWORD_MAX 32768

#define DEADLINE_MAX_MS 600000
#define TRIES_MAX 3

/* The longest that a status page may wait before it fetches itself anew, in seconds. */
#define REFRESH_MAX_S 86400

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

void djauth_free(djauth *handle)
{
    if (handle == NULL) {
        return;
    }
    djauth_disconnect(handle);
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
    int64_t left = until - djauth_now_ms();
    int encoded;
    outcome came;

    handle->last_id++;
    encoded = encode(handle, asked, left > 1 ? (uint32_t)left : 1);
    if (encoded == -2) {
        /* Names and passwords were measured before: it is the site, permissions or groups that are too many. */
        came = djauth_fail(handle, answer, DJAUTH_ERROR, "the question does not fit a frame of %d octets", DJAUTH_FRAME_MAX);
    } else if (encoded != 0) {
        came = djauth_fail(handle, answer, DJAUTH_ERROR, "no memory for the question");
    } else {
        came = djauth_send(handle, answer, again, until, timeout_ms);
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
        || (came = djauth_receive(handle, answer, first, sizeof(first), 0, again, until, timeout_ms)) != ANSWERED) {
        return came;
    }
    length = djauth_wire_length(first);
    if (length == 0) {
        return djauth_fail(handle, answer, DJAUTH_ERROR, "the reply of %s has a length that is not allowed",
                    handle->address.sun_path);
    }
    handle->body.length = 0;
    if (djauth_octets_reserve(&handle->body, length) != 0) {
        return djauth_fail(handle, answer, DJAUTH_ERROR, "no memory for the reply of %s", handle->address.sun_path);
    }
    if ((came = djauth_receive(handle, answer, handle->body.at, length, 1, again, until, timeout_ms)) != ANSWERED) {
        return came;
    }
    wrong = decode(handle, length, asked, answer);
    if (wrong != NULL) {
        return djauth_fail(handle, answer, DJAUTH_ERROR, "%s: %s", handle->address.sun_path, wrong);
    }
    if (answer->status == DJAUTH_BAD_REQUEST) {
        djauth_disconnect(handle); /* the daemon does so too */
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
    until = djauth_now_ms() + timeout_ms;
    djauth_answer_init(answer);

    if (handle->fd >= 0 && !djauth_is_quiet(handle->fd)) {
        djauth_disconnect(handle); /* closed meanwhile, or it says what nobody asked */
    }
    /* A daemon that ends leaves what it has not answered to its successor, which may not have come up yet. */
    for (tries = 1; handle->fd >= 0 || djauth_connect(handle, answer) == ANSWERED; tries++) {
        if (attempt(handle, asked, answer, tries < TRIES_MAX, until, timeout_ms) != GONE) {
            break;
        }
        djauth_disconnect(handle);
    }
    return answer->status;
}

static djauth_status ask_about(djauth *handle, djauth_operation operation, const djauth_question *question,
                               djauth_answer *answer)
{
    const exchange asked = {.operation = operation, .question = question};

    if (question->size != sizeof(*question)) {
        djauth_fail(handle, answer, DJAUTH_ERROR, "the question was not begun with DJAUTH_QUESTION_INIT of this library");
        return answer->status;
    }
    if ((question->username == NULL && question->username_length > 0)
        || (question->password == NULL && question->password_length > 0)) {
        djauth_fail(handle, answer, DJAUTH_ERROR, "the question gives the length of a text, but no text");
        return answer->status;
    }
    if (question->username_length > USERNAME_MAX
        || (operation == DJAUTH_CHECK && question->password_length > PASSWORD_MAX)) {
        djauth_answer_init(answer);
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
        djauth_fail(handle, answer, DJAUTH_ERROR, "a status page in format %u is not known", (unsigned)format);
        return answer->status;
    }
    return ask(handle, &asked, timeout_ms, answer);
}
