/* verdict.c: one question per client request, and what the log says of it. */
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
    char *password; /* NULL: somebody else has authenticated the user */
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

static int same_names(const char *const *one, size_t one_count, const char *const *other, size_t other_count)
{
    size_t i;

    for (i = 0; one_count == other_count && i < one_count; i++) {
        if (strcmp(one[i], other[i]) != 0) {
            return 0;
        }
    }
    return one_count == other_count;
}

static int same_wanted(const django_wanted *one, const django_wanted *other)
{
    return one->staff == other->staff && one->superuser == other->superuser && same(one->site, other->site)
           && same_names(one->permissions, one->permissions_count, other->permissions, other->permissions_count)
           && same_names(one->groups, one->groups_count, other->groups, other->groups_count);
}

static const char *const *copy_names(apr_pool_t *pool, const char *const *names, size_t count)
{
    const char **copied = apr_palloc(pool, (count > 0 ? count : 1) * sizeof(*copied));
    size_t i;

    for (i = 0; i < count; i++) {
        copied[i] = apr_pstrdup(pool, names[i]);
    }
    return copied;
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
        return answer->retry_after != 0 ? HTTP_SERVICE_UNAVAILABLE : HTTP_INTERNAL_SERVER_ERROR;
    case DJAUTH_BAD_REQUEST:
        break;
    }
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* Without control characters: people choose their names themselves, and a line feed would begin another header. */
static const char *plain(apr_pool_t *pool, const char *text)
{
    char *made = apr_pstrdup(pool, text);
    char *at;

    for (at = made; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            *at = ' ';
        }
    }
    return made;
}

/* One text of all names, which splits at its commas into those names and no others. */
static const char *join(apr_pool_t *pool, const char *const *names, size_t count)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t room = 1;
    size_t i;
    char *made;
    char *to;

    for (i = 0; i < count; i++) {
        room += 3 * strlen(names[i]) + 1;
    }
    made = to = apr_palloc(pool, room);
    for (i = 0; i < count; i++) {
        const char *from;

        if (i > 0) {
            *to++ = ',';
        }
        for (from = names[i]; *from != '\0'; from++) {
            unsigned char octet = (unsigned char)*from;

            if (octet < ' ' || octet == 0x7f || octet == ',' || octet == '%') {
                *to++ = '%';
                *to++ = digits[octet >> 4];
                *to++ = digits[octet & 15];
            } else {
                *to++ = *from;
            }
        }
    }
    *to = '\0';
    return made;
}

/* What must outlive the answer, whose texts are the handle's. */
static const django_account *account_of(apr_pool_t *pool, const djauth_answer *answer)
{
    django_account *account = apr_palloc(pool, sizeof(*account));

    account->id = plain(pool, answer->id);
    account->username = plain(pool, answer->username);
    account->email = plain(pool, answer->email);
    account->first_name = plain(pool, answer->first_name);
    account->last_name = plain(pool, answer->last_name);
    account->groups = join(pool, answer->groups, answer->groups_count);
    account->is_staff = answer->is_staff;
    account->is_superuser = answer->is_superuser;
    return account;
}

/* httpd escapes what it logs. `line`: the Require line that asks, NULL where a password is checked. */
static void report(request_rec *r, const django_memo *memo, const char *line, const djauth_answer *answer)
{
    const char *site = memo->wanted.site != NULL ? memo->wanted.site : "(the only one)";
    const char *user = memo->user;

    switch (answer->status) {
    case DJAUTH_GRANTED:
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "user '%.*s' of site %s %s%s", LOGGED_USER_MAX, user, site,
                      line == NULL ? "is let in" : "meets Require ", line == NULL ? "" : line);
        break;
    case DJAUTH_DENIED:
    case DJAUTH_UNKNOWN_USER:
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "user '%.*s' of site %s %s%s: %.*s", LOGGED_USER_MAX, user, site,
                      line == NULL ? "is refused" : "does not meet Require ", line == NULL ? "" : line,
                      LOGGED_REASON_MAX, answer->reason);
        break;
    case DJAUTH_BUSY:
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "no verdict on user '%.*s' of site %s: djauthd is busy: %.*s",
                      LOGGED_USER_MAX, user, site, LOGGED_REASON_MAX, answer->reason);
        break;
    default:
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "no verdict on a user of site %s from djauthd at %s: %.*s", site,
                      memo->socket, LOGGED_REASON_MAX, answer->reason);
        break;
    }
}

static void ask(request_rec *r, request_rec *initial, const char *line, django_memo *memo)
{
    const django_server *server = django_server_of(r->server);
    const django_wanted *wanted = &memo->wanted;
    djauth_question question = DJAUTH_QUESTION_INIT;
    djauth_answer answer = {.status = DJAUTH_ERROR, .reason = "no memory for a connection"};
    djauth *handle = django_connection_acquire(server->connections);

    question.site = wanted->site;
    question.username = memo->user;
    question.username_length = strlen(memo->user);
    question.require_staff = wanted->staff;
    question.require_superuser = wanted->superuser;
    question.permissions = wanted->permissions;
    question.permissions_count = wanted->permissions_count;
    question.groups = wanted->groups;
    question.groups_count = wanted->groups_count;
    question.client_address = compat_client_address(r);
    question.service = "apache";
    question.timeout_ms = server->timeout_ms == DJANGO_UNSET ? DJAUTH_DEFAULT_TIMEOUT_MS : server->timeout_ms;

    if (handle != NULL && memo->password != NULL) {
        question.password = memo->password;
        question.password_length = strlen(memo->password);
        djauth_check(handle, &question, &answer);
    } else if (handle != NULL) {
        djauth_authorize(handle, &question, &answer);
    }
    memo->verdict.status = answer.status;
    memo->verdict.http_status = http_status_of(&answer);
    memo->verdict.retry_after = answer.retry_after;
    memo->verdict.account = answer.status == DJAUTH_GRANTED ? account_of(initial->pool, &answer) : NULL;
    report(r, memo, line, &answer);
    if (handle != NULL) {
        django_connection_release(server->connections, handle); /* the answer's texts were the handle's */
    }
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

static const django_verdict *decide(request_rec *r, const char *user, const char *password,
                                    const django_wanted *wanted, const char *line)
{
    request_rec *initial = initial_of(r);
    django_request *kept = django_request_of(initial);
    const char *socket = django_socket_of(r->server);
    django_memo *memo;

    for (memo = kept->memos; memo != NULL; memo = memo->next) {
        if (same_wanted(&memo->wanted, wanted) && same(memo->socket, socket) && same(memo->user, user)
            && same(memo->password, password)) {
            return &memo->verdict;
        }
    }

    /* In the client's request's pool: that of a subrequest is gone before the next one asks. */
    memo = apr_pcalloc(initial->pool, sizeof(*memo));
    memo->socket = socket;
    memo->user = apr_pstrdup(initial->pool, user);
    if (password != NULL) {
        memo->password = apr_pstrdup(initial->pool, password);
        apr_pool_cleanup_register(initial->pool, memo->password, wipe, apr_pool_cleanup_null);
    }
    memo->wanted = *wanted;
    memo->wanted.site = wanted->site != NULL ? apr_pstrdup(initial->pool, wanted->site) : NULL;
    memo->wanted.permissions = copy_names(initial->pool, wanted->permissions, wanted->permissions_count);
    memo->wanted.groups = copy_names(initial->pool, wanted->groups, wanted->groups_count);
    ask(r, initial, line, memo);
    memo->next = kept->memos;
    kept->memos = memo;
    return &memo->verdict;
}

const django_verdict *django_check(request_rec *r, const char *user, const char *password)
{
    django_wanted wanted = django_wanted_of(r);

    return decide(r, user, password, &wanted, NULL);
}

const django_verdict *django_authorize(request_rec *r, const django_wanted *wanted, const char *line)
{
    return decide(r, r->user, NULL, wanted, line);
}
