/* environment.c: the variables AUTHENTICATE_*, and the spelling of REMOTE_USER. */
#include "mod_authnz_django.h"

#include "apr_strings.h"

#define VARIABLES 9

typedef struct variable {
    const char *name;
    const char *value;
} variable;

/*
 * A value that is NULL is not set: groups that are unknown must not look like none. GROUPS_OMITTED is then 1, and is not
 * set otherwise.
 */
static void variables_of(const django_account *account, variable variables[VARIABLES])
{
    const variable all[VARIABLES] = {
        {AUTHN_PREFIX "ID", account->id},
        {AUTHN_PREFIX "USERNAME", account->username},
        {AUTHN_PREFIX "EMAIL", account->email},
        {AUTHN_PREFIX "FIRST_NAME", account->first_name},
        {AUTHN_PREFIX "LAST_NAME", account->last_name},
        {AUTHN_PREFIX "IS_STAFF", account->is_staff ? "1" : "0"},
        {AUTHN_PREFIX "IS_SUPERUSER", account->is_superuser ? "1" : "0"},
        {AUTHN_PREFIX "GROUPS", account->groups},
        {AUTHN_PREFIX "GROUPS_OMITTED", account->groups == NULL ? "1" : NULL},
    };

    memcpy(variables, all, sizeof(all));
}

static void set_variables(request_rec *r, const django_account *account)
{
    variable variables[VARIABLES];
    int i;

    variables_of(account, variables);
    for (i = 0; i < VARIABLES; i++) {
        if (variables[i].value == NULL) {
            apr_table_unset(r->subprocess_env, variables[i].name);
        } else {
            apr_table_setn(r->subprocess_env, variables[i].name, variables[i].value);
        }
    }
}

/* What was typed becomes a header too, and must not look like another account's escaped name. */
static int is_plain(request_rec *r, const char *typed)
{
    return strcmp(django_escape(r->pool, typed), typed) == 0;
}

void django_environment_set(request_rec *r, const django_account *account)
{
    if ((django_section_of(r)->canonical_user != 0 || !is_plain(r, r->user)) && account->username[0] != '\0') {
        r->user = apr_pstrdup(r->pool, account->username);
    }
    django_request_of(r)->account = account;
    set_variables(r, account);
}

/* A module for LDAP or certificates may have set what it knows: that is kept. */
void django_environment_fill(request_rec *r, const django_account *account)
{
    variable variables[VARIABLES];
    int i;

    if (django_request_of(r)->account == NULL) {
        django_request_of(r)->account = account;
    }
    variables_of(account, variables);
    for (i = 0; i < VARIABLES; i++) {
        if (variables[i].value != NULL && apr_table_get(r->subprocess_env, variables[i].name) == NULL) {
            apr_table_setn(r->subprocess_env, variables[i].name, variables[i].value);
        }
    }
}

const char *django_username_of(const request_rec *r)
{
    const request_rec *outer;

    for (outer = r; outer != NULL; outer = outer->prev != NULL ? outer->prev : outer->main) {
        const django_request *kept = ap_get_module_config(outer->request_config, &authnz_django_module);

        if (kept != NULL && kept->account != NULL) {
            return strcmp(r->user, kept->account->username) == 0 ? kept->account->spelling : r->user;
        }
    }
    return r->user;
}

/*
 * A subrequest or internal redirect in the same section is not authenticated again: httpd passes r->user on, but renames
 * the variables of a redirect to REDIRECT_*.
 */
static int inherit_environment(request_rec *r)
{
    const request_rec *outer = r;

    while (r->user != NULL && (outer = outer->prev != NULL ? outer->prev : outer->main) != NULL) {
        const django_request *outer_kept = ap_get_module_config(outer->request_config, &authnz_django_module);
        const django_request *kept = ap_get_module_config(r->request_config, &authnz_django_module);

        if (kept != NULL && kept->account != NULL) {
            break;
        }
        if (outer_kept != NULL && outer_kept->account != NULL) {
            if (outer->user != NULL && strcmp(outer->user, r->user) == 0) {
                set_variables(r, outer_kept->account);
            }
            break;
        }
    }
    return DECLINED;
}

void django_environment_register(void)
{
    ap_hook_fixups(inherit_environment, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
