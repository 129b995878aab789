/*
 * mod_authnz_django.c: Apache authenticates users with their Django accounts, by asking djauthd.
 *
 * There are two ways to use it: `AuthBasicProvider django`, where mod_auth_basic calls the provider, and the
 * configuration of Django's mod_python handler, where the module does Basic authentication itself.
 */
#include "mod_authnz_django.h"

#include "apr_strings.h"

APLOG_USE_MODULE(authnz_django);

static authn_status check_password(request_rec *r, const char *user, const char *password)
{
    const django_verdict *verdict = django_as_configured(r, django_check(r, user, password));

    switch (verdict->status) {
    case DJAUTH_GRANTED:
        django_environment_set(r, verdict->account);
        return AUTH_GRANTED;
    case DJAUTH_DENIED:
        if (verdict->http_status == HTTP_UNAUTHORIZED) {
            return AUTH_DENIED;
        }
        break; /* a provider has no word for 403 either */
    case DJAUTH_UNKNOWN_USER:
        return AUTH_USER_NOT_FOUND;
    case DJAUTH_BUSY:
    case DJAUTH_ERROR:
    case DJAUTH_BAD_REQUEST:
        break;
    }
    django_status_remember(r, verdict);
    return AUTH_GENERAL_ERROR;
}

/* Digest authentication needs the password in a form that Django does not store. */
static const authn_provider provider = {&check_password, NULL};

/* mod_auth_basic adds the challenge to a 401 of its own scheme; if it is not loaded, this adds it. */
static int challenge(request_rec *r)
{
    const char *header = r->proxyreq == PROXYREQ_PROXY ? "Proxy-Authenticate" : "WWW-Authenticate";

    ap_note_basic_auth_failure(r);
    if (apr_table_get(r->err_headers_out, header) == NULL) {
        apr_table_setn(r->err_headers_out, header,
                       apr_pstrcat(r->pool, "Basic realm=\"", ap_auth_name(r), "\"", NULL));
    }
    return HTTP_UNAUTHORIZED; /* which httpd turns into 407 for a forward proxy */
}

/*
 * PythonAuthenHandler django.contrib.auth.handlers.modpython. It must run before mod_auth_basic, whose verdict (from an
 * AuthUserFile /dev/null, for example) would be final.
 */
static int authenticate(request_rec *r)
{
    const char *type;
    const char *password;
    const django_verdict *verdict;
    int status;

    if (django_section_of(r)->python_handler != 1) {
        return DECLINED;
    }

    /* Declining would leave the verdict to a module that knows nothing of Django's accounts. */
    type = ap_auth_type(r);
    if (type == NULL || strcasecmp(type, "Basic") != 0) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "PythonAuthenHandler requires AuthType Basic, but AuthType is %s",
                      type == NULL ? "not set" : type);
        return HTTP_INTERNAL_SERVER_ERROR;
    }

    status = ap_get_basic_auth_pw(r, &password);
    if (status == HTTP_UNAUTHORIZED) {
        return challenge(r);
    }
    if (status != OK) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }

    verdict = django_as_configured(r, django_check(r, r->user, password));
    if (verdict->http_status == HTTP_UNAUTHORIZED) {
        return challenge(r);
    }
    if (verdict->status == DJAUTH_GRANTED) {
        django_environment_set(r, verdict->account);
        return OK;
    }
    return django_status_of_fault(r, verdict);
}

/*
 * With AuthBasicAuthoritative Off, mod_auth_basic passes a fault on as it does an unknown user, and httpd 2.2 would end
 * in a 401. When this runs, every other module that might have authenticated the user has been asked.
 */
static int end_in_fault(request_rec *r)
{
    const django_request *kept = ap_get_module_config(r->request_config, &authnz_django_module);

    return kept != NULL && kept->failed != NULL ? django_status_of_fault(r, kept->failed) : DECLINED;
}

/* A denial is final even then: no later module is asked about the user. */
static int end_in_denial(request_rec *r)
{
    const django_request *kept = ap_get_module_config(r->request_config, &authnz_django_module);

    return kept != NULL && kept->failed != NULL && kept->failed->status == DJAUTH_DENIED
               ? django_status_of_fault(r, kept->failed)
               : DECLINED;
}

static void prepare_child(apr_pool_t *child, server_rec *server)
{
    django_connections_prepare(child, server);
    django_leases_prepare_child(child, server);
}

static int finish_configuration(apr_pool_t *pool, apr_pool_t *log, apr_pool_t *temporary, server_rec *server)
{
    static const char first[] = "mod_authnz_django: configured once";
    void *seen = NULL;

    (void)log;
    /* httpd reads its configuration twice when it starts, but should warn once; and only the second one is used. */
    apr_pool_userdata_get(&seen, first, server->process->pool);
    if (seen == NULL) {
        apr_pool_userdata_set(first, first, apr_pool_cleanup_null, server->process->pool);
        return OK;
    }
    django_log_warnings(temporary, server);
    django_waiting_prepare(pool, server);
    django_leases_prepare(pool, server);
    return OK;
}

static void register_hooks(apr_pool_t *pool)
{
    static const char *const before_these[] = {"mod_auth_basic.c", "mod_auth_digest.c", "mod_auth_form.c", NULL};
    static const char *const after_this[] = {"mod_auth_basic.c", NULL};
    static const char *const before_last[] = {"mod_authn_core.c", "mod_authn_default.c", NULL};

    compat_register_authn_provider(pool, "django", &provider);
    compat_hook_authenticate(authenticate, NULL, before_these, APR_HOOK_MIDDLE);
    compat_hook_authenticate(end_in_denial, after_this, NULL, APR_HOOK_MIDDLE);
    compat_hook_authenticate(end_in_fault, NULL, before_last, APR_HOOK_LAST);
    django_require_register(pool);
    django_environment_register();
    django_error_log_register();
    django_status_register(pool);
    django_status_page_register(pool);
    ap_hook_child_init(prepare_child, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(finish_configuration, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_test_config(django_log_warnings, NULL, NULL, APR_HOOK_MIDDLE);
}

/* The one symbol that httpd looks up; everything else in the shared object is hidden. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
module AP_MODULE_DECLARE_DATA authnz_django_module = {
    STANDARD20_MODULE_STUFF,
    .create_dir_config = django_section_create,
    .merge_dir_config = django_section_merge,
    .create_server_config = django_server_create,
    .merge_server_config = django_server_merge,
    .cmds = django_directives,
    .register_hooks = register_hooks,
};
