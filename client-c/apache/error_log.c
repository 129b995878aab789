/*
 * error_log.c: what the error log says of a verdict.
 *
 * Lines begin with words of this file alone; what a client chose (its name, and the Referer that httpd appends) comes
 * after everything that a program reads. So no name can make a line look like another. httpd escapes what it logs.
 * docs/apache.md lists the lines, and conf/fail2ban/ reads them.
 */
#include "mod_authnz_django.h"

#include "apr_strings.h"

APLOG_USE_MODULE(authnz_django);

/* No more of a username or a site is logged than this, in octets. */
#define LOGGED_NAME_MAX 128
#define LOGGED_REASON_MAX 512

/*
 * The client's address is repeated here: httpd 2.4 writes an IPv6 address and the port without a boundary between them,
 * so that a reader cannot always tell them apart.
 */
static const char *who(request_rec *r, const char *site, const char *user)
{
    const char *known = apr_psprintf(r->pool, "client %s, site %.*s", compat_client_address(r), LOGGED_NAME_MAX,
                                     site != NULL ? site : "(default)");

    return user == NULL ? known : apr_psprintf(r->pool, "%s, user '%.*s'", known, LOGGED_NAME_MAX, user);
}

/* What the password's owner lacks, and which directive requires it; "" if the reason says nothing of the password. */
static const char *explain(request_rec *r, const char *reason)
{
    const django_section *section = django_section_of(r);

    if (strcmp(reason, "not-staff") == 0) {
        return section->staff == DJANGO_UNSET
                   ? ": the password is right, but DjangoRequireStaffStatus On (the default) requires is_staff"
                   : ": the password is right, but DjangoRequireStaffStatus On requires is_staff";
    }
    if (strcmp(reason, "not-superuser") == 0) {
        return ": the password is right, but DjangoRequireSuperuserStatus On requires is_superuser";
    }
    if (strcmp(reason, "no-permission") == 0) {
        return apr_psprintf(r->pool, ": the password is right, but DjangoPermissionName requires the permission %.*s",
                            LOGGED_NAME_MAX, section->permission != NULL ? section->permission : "");
    }
    if (strcmp(reason, "inactive") == 0) {
        return ": the password is right, but the account is not active";
    }
    if (strcmp(reason, "unverifiable-password") == 0) {
        return ": djauthd's hash policy for the site does not accept the account's encoded hash";
    }
    return "";
}

/* People type their password into the field for the username: a name that may be no account's is not logged. */
static int names_account(const djauth_answer *answer)
{
    return strcmp(answer->reason, "too-long") != 0;
}

/* That one question found no such user. It lives as long as the client's request. */
typedef struct django_unknown {
    const char *text;
    int settled;                  /* 1: logged, or another provider or module has authenticated the user */
    struct django_unknown *next;  /* of the same request */
    struct django_unknown *other; /* of all requests of the client's */
} django_unknown;

/*
 * The next provider may know the user: whoever reads the log would take each request of such a user for a guess. A
 * subrequest's pool is destroyed before it is known.
 */
static void note_unknown(request_rec *r, const char *site, const char *reason)
{
    request_rec *initial = django_initial_request_of(r);
    django_request *all = django_request_of(initial);
    django_request *kept = django_request_of(r);
    django_unknown *unknown = apr_pcalloc(initial->pool, sizeof(*unknown));

    unknown->text = apr_psprintf(initial->pool, "authentication denied: %.*s: %s", LOGGED_REASON_MAX, reason,
                                 who(r, site, NULL));
    unknown->next = kept->unknown;
    unknown->other = all->all_unknown;
    kept->unknown = unknown;
    all->all_unknown = unknown;
}

/* Runs when a module has authenticated the user of r. */
static int forget_unknown(request_rec *r)
{
    const django_request *kept = ap_get_module_config(r->request_config, &authnz_django_module);
    django_unknown *unknown;

    for (unknown = kept != NULL ? kept->unknown : NULL; unknown != NULL; unknown = unknown->next) {
        unknown->settled = 1;
    }
    return DECLINED;
}

static void log_unknown(request_rec *r)
{
    request_rec *initial = django_initial_request_of(r);
    const django_request *kept = ap_get_module_config(initial->request_config, &authnz_django_module);
    django_unknown *unknown;

    for (unknown = kept != NULL ? kept->all_unknown : NULL; unknown != NULL; unknown = unknown->other) {
        if (!unknown->settled) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, initial, "%s", unknown->text);
            unknown->settled = 1;
        }
    }
}

void django_log_check(request_rec *r, const char *site, const char *user, const djauth_answer *answer)
{
    switch (answer->status) {
    case DJAUTH_GRANTED:
        if (compat_logs_debug(r)) {
            ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "authentication granted: %s", who(r, site, user));
        }
        break;
    case DJAUTH_DENIED:
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "authentication denied: %.*s: %s%s", LOGGED_REASON_MAX,
                      answer->reason, who(r, site, names_account(answer) ? user : NULL), explain(r, answer->reason));
        break;
    case DJAUTH_UNKNOWN_USER:
        note_unknown(r, site, answer->reason);
        break;
    case DJAUTH_BUSY:
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "authentication failed: djauthd is busy: %.*s: %s",
                      LOGGED_REASON_MAX, answer->reason, who(r, site, NULL));
        break;
    default:
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "authentication failed: %s: no verdict from djauthd at %s: %.*s",
                      who(r, site, NULL), django_socket_of(r->server), LOGGED_REASON_MAX, answer->reason);
        break;
    }
}

/* One of several Require lines need not be met: what was unmet is logged above info only if the request was refused. */
void django_log_require(request_rec *r, const char *site, const char *line, const djauth_answer *answer)
{
    switch (answer->status) {
    case DJAUTH_GRANTED:
        if (compat_logs_debug(r)) {
            ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "Require %s granted: %s", line, who(r, site, r->user));
        }
        break;
    case DJAUTH_DENIED:
    case DJAUTH_UNKNOWN_USER:
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "Require %s denied: %.*s: %s", line, LOGGED_REASON_MAX,
                      answer->reason, who(r, site, r->user));
        break;
    case DJAUTH_BUSY:
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "Require %s failed: djauthd is busy: %.*s: %s", line,
                      LOGGED_REASON_MAX, answer->reason, who(r, site, r->user));
        break;
    default:
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "Require %s failed: %s: no verdict from djauthd at %s: %.*s", line,
                      who(r, site, NULL), django_socket_of(r->server), LOGGED_REASON_MAX, answer->reason);
        break;
    }
}

void django_log_leased(request_rec *r, const char *site, const char *user, const char *line)
{
    if (!compat_logs_debug(r)) {
        return;
    }
    if (line == NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "authentication granted on lease: %s", who(r, site, user));
    } else {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "Require %s granted on lease: %s", line, who(r, site, r->user));
    }
}

void django_log_site_refused(request_rec *r)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  "authentication failed: client %s: the site is not taken from the variable " DJANGO_SETTINGS_VARIABLE
                  ", which SetEnvIf or RewriteRule has set for this request; name it with DjangoSettingsModule or SetEnv",
                  compat_client_address(r));
}

void django_note_unmet(request_rec *r, const char *line, const char *reason)
{
    django_request *kept = django_request_of(r);
    const char *unmet = apr_psprintf(r->pool, "%.*s (Require %s)", LOGGED_REASON_MAX, reason, line);

    if (kept->unmet == NULL) {
        kept->unmet = unmet;
    } else if (strstr(kept->unmet, unmet) == NULL) {
        kept->unmet = apr_pstrcat(r->pool, kept->unmet, ", ", unmet, NULL);
    }
}

/* The client's request has ended; internal redirects, if any, are the following ones. */
static int log_refusals(request_rec *r)
{
    log_unknown(r);
    for (; r != NULL; r = r->next) {
        const django_request *kept = ap_get_module_config(r->request_config, &authnz_django_module);

        if (kept != NULL && kept->unmet != NULL && r->user != NULL
            && (r->status == HTTP_UNAUTHORIZED || r->status == HTTP_FORBIDDEN)) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "authorization denied: %s: %s", kept->unmet,
                          who(r, django_site_of(r), r->user));
        }
    }
    return DECLINED;
}

void django_error_log_register(void)
{
    compat_hook_authorize(forget_unknown, APR_HOOK_REALLY_FIRST);
    ap_hook_insert_error_filter(log_unknown, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_log_transaction(log_refusals, NULL, NULL, APR_HOOK_MIDDLE);
}
