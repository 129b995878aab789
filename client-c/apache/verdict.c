/* verdict.c: asks the daemon, once per client request for each question. */
#include "mod_authnz_django.h"

#include "apr_strings.h"

/* A question of this client request, and its verdict. */
typedef struct django_cached_verdict {
    const char *socket;
    const char *user;
    char *password; /* NULL: another module has authenticated the user */
    django_requirements requirements;
    django_verdict verdict;
    struct django_cached_verdict *next;
} django_cached_verdict;

/*
 * The request that the client sent. Subrequests and internal redirects have request records of their own, which have
 * nothing of what is kept with the first.
 */
request_rec *django_initial_request_of(request_rec *r)
{
    while (!ap_is_initial_req(r)) {
        r = r->prev != NULL ? r->prev : r->main;
    }
    return r;
}

static int same_text(const char *one, const char *other)
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

static int same_requirements(const django_requirements *one, const django_requirements *other)
{
    return one->staff == other->staff && one->superuser == other->superuser && same_text(one->site, other->site)
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

/* The memory of a freed pool is handed to the next request as it is. */
static apr_status_t wipe(void *password)
{
    volatile char *next = password;

    while (*next != '\0') {
        *next++ = '\0';
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

static void ask(request_rec *r, request_rec *initial, const char *line, django_cached_verdict *cached)
{
    const django_server *server = django_server_of(r->server);
    const django_requirements *requirements = &cached->requirements;
    djauth_question question = DJAUTH_QUESTION_INIT;
    djauth_answer answer = {.status = DJAUTH_ERROR, .reason = "out of memory"};
    djauth *handle = django_connection_acquire(server->connections);
    int place = 0;

    question.site = requirements->site;
    question.username = cached->user;
    question.username_length = strlen(cached->user);
    question.require_staff = requirements->staff;
    question.require_superuser = requirements->superuser;
    question.permissions = requirements->permissions;
    question.permissions_count = requirements->permissions_count;
    question.groups = requirements->groups;
    question.groups_count = requirements->groups_count;
    question.client_address = compat_client_address(r);
    question.service = "apache";
    question.timeout_ms = django_timeout_of(r->server);

    if (handle != NULL) {
        django_waiting_begin(handle, &place);
    }
    if (handle != NULL && cached->password != NULL) {
        question.password = cached->password;
        question.password_length = strlen(cached->password);
        djauth_check(handle, &question, &answer);
    } else if (handle != NULL) {
        djauth_authorize(handle, &question, &answer);
    }
    if (handle != NULL) {
        django_waiting_end(handle, &place);
    }
    cached->verdict.status = answer.status;
    cached->verdict.http_status = http_status_of(&answer);
    cached->verdict.retry_after = answer.retry_after;
    cached->verdict.account = answer.status == DJAUTH_GRANTED ? django_account_copy(initial->pool, &answer) : NULL;
    cached->verdict.reason = apr_pstrdup(initial->pool, answer.reason);
    if (line == NULL) {
        django_log_check(r, requirements->site, cached->user, &answer);
    } else {
        django_log_require(r, requirements->site, line, &answer);
    }
    if (handle != NULL) {
        django_connection_release(server->connections, handle); /* the answer's texts belonged to it */
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

static const django_verdict *verdict_of(request_rec *r, const char *user, const char *password,
                                        const django_requirements *requirements, const char *line)
{
    static const django_verdict unnamed = {DJAUTH_ERROR, HTTP_INTERNAL_SERVER_ERROR, 0, "site of the environment", NULL};
    request_rec *initial = django_initial_request_of(r);
    apr_pool_t *pool = initial->pool; /* a subrequest's pool is destroyed before the next subrequest asks */
    django_request *kept = django_request_of(initial);
    const char *socket = django_socket_of(r->server);
    django_cached_verdict *cached;

    if (django_environment_names_site(r)) {
        django_log_site_refused(r);
        return &unnamed;
    }
    for (cached = kept->verdicts; cached != NULL; cached = cached->next) {
        if (same_requirements(&cached->requirements, requirements) && same_text(cached->socket, socket)
            && same_text(cached->user, user) && same_text(cached->password, password)) {
            return &cached->verdict;
        }
    }

    cached = apr_pcalloc(pool, sizeof(*cached));
    cached->socket = socket;
    cached->user = apr_pstrdup(pool, user);
    if (password != NULL) {
        cached->password = apr_pstrdup(pool, password);
        apr_pool_cleanup_register(pool, cached->password, wipe, apr_pool_cleanup_null);
    }
    cached->requirements = *requirements;
    cached->requirements.site = requirements->site != NULL ? apr_pstrdup(pool, requirements->site) : NULL;
    cached->requirements.permissions = copy_names(pool, requirements->permissions, requirements->permissions_count);
    cached->requirements.groups = copy_names(pool, requirements->groups, requirements->groups_count);
    ask(r, initial, line, cached);
    cached->next = kept->verdicts;
    kept->verdicts = cached;
    return &cached->verdict;
}

const django_verdict *django_check(request_rec *r, const char *user, const char *password)
{
    django_requirements requirements = django_requirements_of(r);

    return verdict_of(r, user, password, &requirements, NULL);
}

/*
 * Only reasons that the daemon gives after it has found the password right. An inactive account is not told apart from a
 * wrong password: it is no longer its user's. Words that are not known here may mean anything.
 */
static int lacks_right(const char *reason)
{
    return strcmp(reason, "not-staff") == 0 || strcmp(reason, "not-superuser") == 0
           || strcmp(reason, "no-permission") == 0 || strcmp(reason, "no-group") == 0;
}

const django_verdict *django_as_configured(request_rec *r, const django_verdict *verdict)
{
    static const django_verdict forbidden = {DJAUTH_DENIED, HTTP_FORBIDDEN, 0, "forbidden", NULL};

    return verdict->status == DJAUTH_DENIED && django_section_of(r)->forbidden == 1 && lacks_right(verdict->reason)
               ? &forbidden
               : verdict;
}

const django_verdict *django_authorize(request_rec *r, const django_requirements *requirements, const char *line)
{
    return verdict_of(r, django_username_of(r), NULL, requirements, line);
}
