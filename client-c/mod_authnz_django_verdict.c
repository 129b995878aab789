/* mod_authnz_django_verdict.c: one question per client request, and what the log says of it. */
#include "mod_authnz_django.h"

#include "apr_strings.h"

APLOG_USE_MODULE(authnz_django);

/* Names in the log are the client's: they get no more room than this. */
#define LOGGED_USER_MAX 128
#define LOGGED_REASON_MAX 512

/* A question that was asked in this client request, and its verdict. */
typedef struct django_memo {
    const char *socket;
    const char *user;
    char *password;
    django_wanted wanted;
    django_verdict verdict;
    struct django_memo *next;
} django_memo;

/*
 * The request that the client sent. Subrequests and internal redirects have records of their own, with nothing in
 * them of what we kept with the first.
 */
static request_rec *initial_of(request_rec *r)
{
    while (!ap_is_initial_req(r)) {
        r = r->prev != NULL ? r->prev : r->main;
    }
    return r;
}

static int same(const char *one, const char *other)
{
    return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

/* A freed pool's memory is handed to the next request as it is. */
static apr_status_t wipe(void *of)
{
    volatile char *at = of;

    while (*at != '\0') {
        *at++ = '\0';
    }
    return APR_SUCCESS;
}

static int http_status_of(const djauth_answer *answer)
{
    switch (answer->status) {
    case DJAUTH_GRANTED:
        return OK;
    case DJAUTH_DENIED:
    case DJAUTH_UNKNOWN_USER:
        return HTTP_UNAUTHORIZED;
    case DJAUTH_BUSY:
        return strcmp(answer->reason, "throttled") == 0 ? HTTP_TOO_MANY_REQUESTS : HTTP_SERVICE_UNAVAILABLE;
    case DJAUTH_ERROR:
    case DJAUTH_BAD_REQUEST:
        break;
    }
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* httpd escapes what it logs. */
static void report(request_rec *r, const char *user, const django_wanted *wanted, const char *socket,
                   const djauth_answer *answer)
{
    const char *site = wanted->site != NULL ? wanted->site : "(the only one)";

    switch (answer->status) {
    case DJAUTH_GRANTED:
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "user '%.*s' of site %s is let in", LOGGED_USER_MAX, user, site);
        break;
    case DJAUTH_DENIED:
    case DJAUTH_UNKNOWN_USER:
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "user '%.*s' of site %s is refused: %.*s", LOGGED_USER_MAX, user,
                      site, LOGGED_REASON_MAX, answer->reason);
        break;
    case DJAUTH_BUSY:
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "no verdict on user '%.*s' of site %s: djauthd is busy: %.*s",
                      LOGGED_USER_MAX, user, site, LOGGED_REASON_MAX, answer->reason);
        break;
    default:
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "no verdict on a user of site %s from djauthd at %s: %.*s", site,
                      socket, LOGGED_REASON_MAX, answer->reason);
        break;
    }
}

static django_verdict ask(request_rec *r, const char *user, const char *password, const django_wanted *wanted)
{
    const django_server *server = django_server_of(r->server);
    djauth_question question = DJAUTH_QUESTION_INIT;
    djauth_answer answer = {.status = DJAUTH_ERROR, .reason = "no memory for a connection"};
    django_verdict verdict = {DJAUTH_ERROR, HTTP_INTERNAL_SERVER_ERROR, 0};
    djauth *handle = django_connection_acquire(server->connections);

    question.site = wanted->site;
    question.username = user;
    question.username_length = strlen(user);
    question.password = password;
    question.password_length = strlen(password);
    question.require_staff = wanted->staff;
    question.require_superuser = wanted->superuser;
    question.permissions = &wanted->permission;
    question.permissions_count = wanted->permission != NULL ? 1 : 0;
    question.client_address = compat_client_address(r);
    question.service = "apache";
    question.timeout_ms = server->timeout_ms == DJANGO_UNSET ? DJAUTH_DEFAULT_TIMEOUT_MS : server->timeout_ms;

    if (handle != NULL) {
        djauth_check(handle, &question, &answer);
    }
    verdict.status = answer.status;
    verdict.http_status = http_status_of(&answer);
    verdict.retry_after = answer.status == DJAUTH_BUSY ? answer.retry_after : 0;
    report(r, user, wanted, django_socket_of(r->server), &answer);
    if (handle != NULL) {
        django_connection_release(server->connections, handle); /* the answer's texts were the handle's */
    }
    return verdict;
}

django_request *django_request_of(request_rec *r)
{
    django_request *kept = ap_get_module_config(r->request_config, &authnz_django_module);

    if (kept == NULL) {
        kept = apr_pcalloc(r->pool, sizeof(*kept));
        ap_set_module_config(r->request_config, &authnz_django_module, kept);
    }
    return kept;
}

const django_verdict *django_check(request_rec *r, const char *user, const char *password)
{
    request_rec *initial = initial_of(r);
    django_request *kept = django_request_of(initial);
    const char *socket = django_socket_of(r->server);
    django_wanted wanted = django_wanted_of(r);
    django_memo *memo;

    for (memo = kept->memos; memo != NULL; memo = memo->next) {
        if (memo->wanted.staff == wanted.staff && memo->wanted.superuser == wanted.superuser
            && same(memo->wanted.site, wanted.site) && same(memo->wanted.permission, wanted.permission)
            && same(memo->socket, socket) && same(memo->user, user) && same(memo->password, password)) {
            return &memo->verdict;
        }
    }

    /* In the client's request's pool: that of a subrequest is gone before the next one asks. */
    memo = apr_pcalloc(initial->pool, sizeof(*memo));
    memo->socket = socket;
    memo->user = apr_pstrdup(initial->pool, user);
    memo->password = apr_pstrdup(initial->pool, password);
    apr_pool_cleanup_register(initial->pool, memo->password, wipe, apr_pool_cleanup_null);
    memo->wanted = wanted;
    memo->wanted.site = wanted.site != NULL ? apr_pstrdup(initial->pool, wanted.site) : NULL;
    memo->wanted.permission = wanted.permission != NULL ? apr_pstrdup(initial->pool, wanted.permission) : NULL;
    memo->verdict = ask(r, user, password, &wanted);
    memo->next = kept->memos;
    kept->memos = memo;
    return &memo->verdict;
}
