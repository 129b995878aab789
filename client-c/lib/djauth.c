/* djauth.c: the functions of djauth.h. */
#include "connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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
    djauth_octets_free(&handle->reply);
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

/* The sizes of the structures before leases: the first member that was added ends them. */
#define QUESTION_SIZE_0 offsetof(djauth_question, want_lease)
#define ANSWER_SIZE_0 offsetof(djauth_answer, lease_ms)

/* What the library answers without asking, or asks the daemon. */
static void run_question(djauth_exchange *exchange)
{
    const djauth_question *question = exchange->request.question;

    if (question->size == 0) {
        djauth_fail(exchange, DJAUTH_ERROR, "the question was not initialized with DJAUTH_QUESTION_INIT of this library");
    } else if ((question->username == NULL && question->username_length > 0)
               || (question->password == NULL && question->password_length > 0)) {
        djauth_fail(exchange, DJAUTH_ERROR, "the question has the length of a text that is NULL");
    } else if (question->username_length > DJAUTH_USERNAME_MAX
               || (exchange->request.operation == DJAUTH_OPERATION_CHECK
                   && question->password_length > DJAUTH_PASSWORD_MAX)) {
        exchange->reply = (djauth_reply){.status = DJAUTH_DENIED, .reason = "too-long"};
    } else {
        djauth_exchange_run(exchange, question->timeout_ms);
    }
}

static djauth_status ask(djauth *handle, djauth_operation operation, const djauth_question *question,
                         djauth_answer *answer)
{
    djauth_question known = {.size = 0};
    djauth_answer full = {.id = "", .username = "", .email = "", .first_name = "", .last_name = ""};
    djauth_exchange exchange = {.handle = handle, .request = {.operation = operation, .question = &known}};
    const djauth_reply *reply = &exchange.reply;

    /* A program that was compiled before leases has shorter structures: nothing is read or written beyond their ends. */
    if (question->size == sizeof(known) || question->size == QUESTION_SIZE_0) {
        memcpy(&known, question, question->size);
    }
    run_question(&exchange);
    if (reply->status == DJAUTH_GRANTED) {
        full = reply->granted.answer;
    }
    full.status = reply->status;
    full.reason = reply->reason;
    full.retry_after = reply->retry_after;
    memcpy(answer, &full, known.size == sizeof(known) ? sizeof(full) : ANSWER_SIZE_0);
    return reply->status;
}

djauth_status djauth_check(djauth *handle, const djauth_question *question, djauth_answer *answer)
{
    return ask(handle, DJAUTH_OPERATION_CHECK, question, answer);
}

djauth_status djauth_authorize(djauth *handle, const djauth_question *question, djauth_answer *answer)
{
    return ask(handle, DJAUTH_OPERATION_AUTHORIZE, question, answer);
}

djauth_status djauth_ping(djauth *handle, int timeout_ms, djauth_server *server)
{
    djauth_exchange exchange = {.handle = handle, .request = {.operation = DJAUTH_OPERATION_PING}};
    const djauth_reply *reply = &exchange.reply;

    djauth_exchange_run(&exchange, timeout_ms);
    *server = (djauth_server){.name = ""};
    if (reply->status == DJAUTH_GRANTED) {
        *server = reply->granted.server;
    }
    server->status = reply->status;
    server->reason = reply->reason;
    server->retry_after = reply->retry_after;
    return reply->status;
}

djauth_status djauth_groups(djauth *handle, const char *site, const char *after, int timeout_ms, djauth_groups_page *page)
{
    djauth_exchange exchange = {
        .handle = handle, .request = {.operation = DJAUTH_OPERATION_GROUPS, .site = site, .after = after}};
    const djauth_reply *reply = &exchange.reply;

    djauth_exchange_run(&exchange, timeout_ms);
    *page = (djauth_groups_page){.groups = NULL};
    if (reply->status == DJAUTH_GRANTED) {
        *page = reply->granted.groups;
    }
    page->status = reply->status;
    page->reason = reply->reason;
    page->retry_after = reply->retry_after;
    return reply->status;
}

djauth_status djauth_status_page(djauth *handle, djauth_page_format format, unsigned refresh, int timeout_ms,
                                 djauth_page *page)
{
    djauth_exchange exchange = {
        .handle = handle,
        .request = {.operation = DJAUTH_OPERATION_STATUS,
                    .format = format,
                    .refresh = refresh > DJAUTH_REFRESH_MAX_S ? DJAUTH_REFRESH_MAX_S : refresh},
    };
    const djauth_reply *reply = &exchange.reply;

    if ((unsigned)format > DJAUTH_PAGE_JSON) {
        djauth_fail(&exchange, DJAUTH_ERROR, "unknown format of a status page: %u", (unsigned)format);
    } else {
        djauth_exchange_run(&exchange, timeout_ms);
    }
    *page = (djauth_page){.media_type = "", .body = ""};
    if (reply->status == DJAUTH_GRANTED) {
        *page = reply->granted.page;
    }
    page->status = reply->status;
    page->reason = reply->reason;
    page->retry_after = reply->retry_after;
    return reply->status;
}
