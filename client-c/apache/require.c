/*
 * require.c: Require django-staff, django-superuser, django-permission and django-group.
 *
 * They check r->user, whichever module has authenticated it. httpd 2.4 parses a line when it reads its configuration and
 * calls a provider; httpd 2.2 keeps the text and leaves the parsing to the modules.
 */
#include "require.h"

static const django_verdict empty = {DJAUTH_DENIED, HTTP_UNAUTHORIZED, 0, "empty-expression", NULL};
static const django_verdict fault = {DJAUTH_ERROR, HTTP_INTERNAL_SERVER_ERROR, 0, "invalid expression", NULL};

/* Checks r->user, which is set, against the line. */
static const django_verdict *judge(request_rec *r, const django_require_line *line)
{
    django_requirements requirements = {.site = django_site_of(r)};
    const django_verdict *verdict;
    size_t count;
    const char *const *names = django_require_names(r, line, &count);

    if (names == NULL) {
        return &fault;
    }
    switch (line->keyword) {
    case DJANGO_STAFF:
        requirements.staff = 1;
        break;
    case DJANGO_SUPERUSER:
        requirements.superuser = 1;
        break;
    case DJANGO_PERMISSION:
        requirements.permissions = names;
        requirements.permissions_count = count;
        break;
    case DJANGO_GROUP:
    case DJANGO_KEYWORDS:
        requirements.groups = names;
        requirements.groups_count = count;
        break;
    }
    if (count == 0 && !requirements.staff && !requirements.superuser) {
        /* Every expression evaluated to nothing: a question without names would require nothing. */
        verdict = &empty;
    } else {
        verdict = django_authorize(r, &requirements, django_keywords[line->keyword]);
    }
    if (verdict->status == DJAUTH_GRANTED) {
        django_environment_fill(r, verdict->account);
    } else if (verdict->http_status == HTTP_UNAUTHORIZED) {
        django_note_unmet(r, django_keywords[line->keyword], verdict->reason);
    }
    return verdict;
}

#if HTTPD_24

static const char *parse(cmd_parms *command, django_keyword keyword, const char *rest, const void **parsed)
{
    const django_require_line *line = NULL;
    const char *error = django_require_parse(command, keyword, rest, &line);

    *parsed = line;
    return error;
}

static const char *parse_staff(cmd_parms *command, const char *rest, const void **parsed)
{
    return parse(command, DJANGO_STAFF, rest, parsed);
}

static const char *parse_superuser(cmd_parms *command, const char *rest, const void **parsed)
{
    return parse(command, DJANGO_SUPERUSER, rest, parsed);
}

static const char *parse_permission(cmd_parms *command, const char *rest, const void **parsed)
{
    return parse(command, DJANGO_PERMISSION, rest, parsed);
}

static const char *parse_group(cmd_parms *command, const char *rest, const void **parsed)
{
    return parse(command, DJANGO_GROUP, rest, parsed);
}

/* A fault must be an error, which ends authorization: "denied" would become a grant under `Require not`. */
static authz_status check(request_rec *r, const char *rest, const void *parsed)
{
    const django_verdict *verdict;

    (void)rest;
    if (r->user == NULL) {
        return AUTHZ_DENIED_NO_USER; /* called before authentication */
    }
    verdict = judge(r, parsed);
    switch (verdict->status) {
    case DJAUTH_GRANTED:
        return AUTHZ_GRANTED;
    case DJAUTH_DENIED:
    case DJAUTH_UNKNOWN_USER:
        return AUTHZ_DENIED;
    case DJAUTH_BUSY:
    case DJAUTH_ERROR:
    case DJAUTH_BAD_REQUEST:
        break;
    }
    django_status_remember(r, verdict);
    return AUTHZ_GENERAL_ERROR;
}

static const authz_provider providers[DJANGO_KEYWORDS] = {
    {check, parse_staff}, {check, parse_superuser}, {check, parse_permission}, {check, parse_group}};

void django_require_register(apr_pool_t *pool)
{
    int i;

    for (i = 0; i < DJANGO_KEYWORDS; i++) {
        ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, django_keywords[i], AUTHZ_PROVIDER_VERSION, &providers[i],
                                  AP_AUTH_INTERNAL_PER_CONF);
    }
}

#else /* 2.2 */

/* The lines of a section are alternatives. Only those of this module are judged here; the first that is met grants. */
static int authorize(request_rec *r)
{
    const apr_array_header_t *lines = ap_requires(r);
    int has_own_line = 0;
    int i;

    for (i = 0; lines != NULL && i < lines->nelts; i++) {
        const require_line *line = &APR_ARRAY_IDX(lines, i, require_line);
        const char *rest = line->requirement;
        const django_verdict *verdict;
        django_keyword keyword;

        if ((line->method_mask & (AP_METHOD_BIT << r->method_number)) == 0
            || (keyword = django_require_keyword(r->pool, &rest)) == DJANGO_KEYWORDS) {
            continue;
        }
        has_own_line = 1;
        if (r->user == NULL) {
            break;
        }
        verdict = judge(r, django_require_reparse(r, keyword, rest));
        if (verdict->status == DJAUTH_GRANTED) {
            return OK;
        }
        if (verdict->http_status != HTTP_UNAUTHORIZED) {
            return django_status_of_fault(r, verdict);
        }
    }
    if (!has_own_line || django_section_of(r)->authoritative == 0) {
        return DECLINED;
    }
    ap_note_auth_failure(r);
    return HTTP_UNAUTHORIZED;
}

void django_require_register(apr_pool_t *pool)
{
    static const char *const before_these[] = {"mod_authz_user.c", "mod_authz_groupfile.c", "mod_authz_owner.c", NULL};

    (void)pool;
    ap_hook_auth_checker(authorize, NULL, before_these, APR_HOOK_MIDDLE);
}

#endif
