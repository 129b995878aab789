/* environment.c: AUTHENTICATE_*, and how REMOTE_USER is spelled. */
#include "mod_authnz_django.h"

#include "apr_strings.h"

#define VARIABLES 8

typedef struct variable {
    const char *name;
    const char *value;
} variable;

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
    };

    memcpy(variables, all, sizeof(all));
}

static void set(request_rec *r, const django_account *account)
{
    variable variables[VARIABLES];
    int i;

    variables_of(account, variables);
    for (i = 0; i < VARIABLES; i++) {
        apr_table_setn(r->subprocess_env, variables[i].name, variables[i].value);
    }
}

void django_environment_let_in(request_rec *r, const django_account *account)
{
    if (django_section_of(r)->canonical_user != 0 && account->username[0] != '\0') {
        r->user = apr_pstrdup(r->pool, account->username);
    }
    django_request_of(r)->account = account;
    set(r, account);
}

/* LDAP or a certificate's module may have filled in what it knows: that stays. */
void django_environment_add(request_rec *r, const django_account *account)
{
    variable variables[VARIABLES];
    int i;

    if (django_request_of(r)->account == NULL) {
        django_request_of(r)->account = account;
    }
    variables_of(account, variables);
    for (i = 0; i < VARIABLES; i++) {
        if (apr_table_get(r->subprocess_env, variables[i].name) == NULL) {
            apr_table_setn(r->subprocess_env, variables[i].name, variables[i].value);
        }
    }
}

/*
 * A subrequest or internal redirect in the same section is not authenticated anew: httpd hands down r->user, but
 * renames the variables of a redirect to REDIRECT_*.
 */
static int hand_down(request_rec *r)
{
    const request_rec *from = r;

    while (r->user != NULL && (from = from->prev != NULL ? from->prev : from->main) != NULL) {
        const django_request *kept = ap_get_module_config(from->request_config, &authnz_django_module);
        const django_request *own = ap_get_module_config(r->request_config, &authnz_django_module);

        if (own != NULL && own->account != NULL) {
            break;
        }
        if (kept != NULL && kept->account != NULL) {
            if (from->user != NULL && strcmp(from->user, r->user) == 0) {
                set(r, kept->account);
            }
            break;
        }
    }
    return DECLINED;
}

void django_environment_register(void)
{
    ap_hook_fixups(hand_down, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
