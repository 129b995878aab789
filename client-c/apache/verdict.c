/* verdict.c: asks the daemon, once per client request for each question. */
#include "mod_authnz_django.h"

#include "apr_strings.h"

/* The verdict on a question of this client request. The question is known by its key: no password is kept. */
typedef struct django_cached_verdict {
    unsigned char key[DJANGO_LEASE_KEY_OCTETS];
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

static djauth_question wire_question_of(request_rec *r, const django_question *question)
{
    const django_requirements *requirements = question->requirements;
    djauth_question asked = DJAUTH_QUESTION_INIT;

    asked.site = requirements->site;
    asked.username = question->user;
    asked.username_length = strlen(question->user);
    if (question->password != NULL) {
        asked.password = question->password;
        asked.password_length = strlen(question->password);
    }
    asked.require_staff = requirements->staff;
    asked.require_superuser = requirements->superuser;
    asked.permissions = requirements->permissions;
    asked.permissions_count = requirements->permissions_count;
    asked.groups = requirements->groups;
    asked.groups_count = requirements->groups_count;
    asked.client_address = compat_client_address(r);
    asked.service = "apache";
    asked.timeout_ms = django_timeout_of(r->server);
    return asked;
}

static void put(djauth *handle, const djauth_question *asked, djauth_answer *answer)
{
    if (asked->password != NULL) {
        djauth_check(handle, asked, answer);
    } else {
        djauth_authorize(handle, asked, answer);
    }
}

/*
 * Asks, and asks again without leases if it is them that make no sense to the daemon: one that is older than this module, in
 * the middle of an upgrade, refuses every question with an argument that it does not know, and names the argument.
 */
static void put_to_any(request_rec *r, djauth *handle, djauth_question *asked, djauth_answer *answer)
{
    put(handle, asked, answer);
    if (answer->status == DJAUTH_BAD_REQUEST && asked->want_lease && strstr(answer->reason, "lease") != NULL) {
        asked->want_lease = 0;
        asked->leased = 0;
        put(handle, asked, answer);
        if (answer->status != DJAUTH_BAD_REQUEST) {
            django_lease_unknown(r);
        }
    }
}

/* key: of the question; NULL: there is none. */
static void ask(request_rec *r, apr_pool_t *pool, const django_question *question, const unsigned char *key,
                const char *line, django_verdict *verdict)
{
    const django_server *server = django_server_of(r->server);
    djauth_question asked = wire_question_of(r, question);
    djauth_answer answer = {.status = DJAUTH_ERROR, .reason = "out of memory"};
    django_lease_request lease = {.is_wanted = 0};
    djauth *handle;
    int place = 0;

    if (key != NULL) {
        django_lease_begin(r, question, &asked, &lease);
    }
    handle = django_connection_acquire(server->connections);
    if (handle != NULL) {
        django_waiting_begin(handle, &place);
        put_to_any(r, handle, &asked, &answer);
        django_waiting_end(handle, &place);
    }
    verdict->status = answer.status;
    verdict->http_status = http_status_of(&answer);
    verdict->retry_after = answer.retry_after;
    verdict->account = answer.status == DJAUTH_GRANTED ? django_account_copy(pool, &answer) : NULL;
    verdict->reason = apr_pstrdup(pool, answer.reason);
    django_lease_end(r, &lease, handle, &asked, &answer, verdict->account, key);
    if (line == NULL) {
        django_log_check(r, question->requirements->site, question->user, &answer);
    } else {
        django_log_require(r, question->requirements->site, line, &answer);
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

static const django_verdict *verdict_of(request_rec *r, const django_question *question, const char *line)
{
    static const django_verdict unnamed = {DJAUTH_ERROR, HTTP_INTERNAL_SERVER_ERROR, 0, "site of the environment", NULL};
    request_rec *initial = django_initial_request_of(r);
    apr_pool_t *pool = initial->pool; /* a subrequest's pool is destroyed before the next subrequest asks */
    django_request *kept = django_request_of(initial);
    django_cached_verdict *cached;
    unsigned char key[DJANGO_LEASE_KEY_OCTETS];
    int has_key;

    if (django_environment_names_site(r)) {
        django_log_site_refused(r);
        return &unnamed;
    }
    has_key = django_question_key(question, key) == 0;
    for (cached = kept->verdicts; has_key && cached != NULL; cached = cached->next) {
        if (memcmp(cached->key, key, sizeof(key)) == 0) {
            return &cached->verdict;
        }
    }

    cached = apr_pcalloc(pool, sizeof(*cached));
    if (has_key && (cached->verdict.account = django_lease_find(r, key, pool)) != NULL) {
        cached->verdict.status = DJAUTH_GRANTED;
        cached->verdict.http_status = OK;
        cached->verdict.reason = "";
        django_log_leased(r, question->requirements->site, question->user, line);
    } else {
        ask(r, pool, question, has_key ? key : NULL, line, &cached->verdict);
    }
    if (has_key) {
        memcpy(cached->key, key, sizeof(key));
        cached->next = kept->verdicts;
        kept->verdicts = cached;
    }
    return &cached->verdict;
}

const django_verdict *django_check(request_rec *r, const char *user, const char *password)
{
    const django_requirements requirements = django_requirements_of(r);
    const django_question question = {django_socket_of(r->server), user, password, &requirements};

    return verdict_of(r, &question, NULL);
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
    const django_question question = {django_socket_of(r->server), django_username_of(r), NULL, requirements};

    return verdict_of(r, &question, line);
}
