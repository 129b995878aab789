/* section.c: what sections and servers say, how they inherit it, and what it comes to. */
#include "mod_authnz_django.h"

#include "apr_file_info.h"
#include "apr_strings.h"

APLOG_USE_MODULE(authnz_django);

void *django_section_create(apr_pool_t *pool, char *path)
{
    django_section *section = apr_pcalloc(pool, sizeof(*section));

    (void)path;
    section->staff = DJANGO_UNSET;
    section->superuser = DJANGO_UNSET;
    section->old_handler = DJANGO_UNSET;
    section->canonical_user = DJANGO_UNSET;
    section->authoritative = DJANGO_UNSET;
    return section;
}

void *django_section_merge(apr_pool_t *pool, void *around, void *within)
{
    const django_section *base = around;
    const django_section *add = within;
    django_section *merged = apr_pmemdup(pool, add, sizeof(*add));

    if (add->settings_module == NULL) {
        merged->settings_module = base->settings_module;
    }
    if (add->option_module == NULL) {
        merged->option_module = base->option_module;
    }
    if (add->environment_module == NULL) {
        merged->environment_module = base->environment_module;
    }
    if (add->permission == NULL) {
        merged->permission = base->permission;
    }
    if (add->staff == DJANGO_UNSET) {
        merged->staff = base->staff;
    }
    if (add->superuser == DJANGO_UNSET) {
        merged->superuser = base->superuser;
    }
    if (add->old_handler == DJANGO_UNSET) {
        merged->old_handler = base->old_handler;
    }
    if (add->canonical_user == DJANGO_UNSET) {
        merged->canonical_user = base->canonical_user;
    }
    if (add->authoritative == DJANGO_UNSET) {
        merged->authoritative = base->authoritative;
    }
    return merged;
}

void *django_server_create(apr_pool_t *pool, server_rec *server)
{
    django_server *made = apr_pcalloc(pool, sizeof(*made));

    (void)server;
    made->timeout_ms = DJANGO_UNSET;
    return made;
}

void *django_server_merge(apr_pool_t *pool, void *around, void *within)
{
    const django_server *base = around;
    const django_server *add = within;
    django_server *merged = apr_pmemdup(pool, add, sizeof(*add));

    if (add->socket == NULL) {
        merged->socket = base->socket;
    }
    if (add->timeout_ms == DJANGO_UNSET) {
        merged->timeout_ms = base->timeout_ms;
    }
    return merged;
}

/* Inside <AuthnProviderAlias> httpd exchanges per_dir_config during the call: it must be read anew each time. */
django_section *django_section_of(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &authnz_django_module);
}

django_server *django_server_of(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &authnz_django_module);
}

const char *django_socket_of(const server_rec *server)
{
    const char *socket = django_server_of(server)->socket;

    return socket != NULL ? socket : DJAUTH_DEFAULT_SOCKET;
}

static int given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/*
 * The site: our own directive first, then as the old handler read it: the option before the environment, and an
 * empty text is none. mod_env fills the environment only after authentication, so SetEnv is read by a directive of
 * ours; what SetEnvIf and RewriteRule set is already there.
 */
const char *django_site_of(const request_rec *r)
{
    const django_section *section = django_section_of(r);
    const char *variable;

    if (given(section->settings_module)) {
        return section->settings_module;
    }
    if (given(section->option_module)) {
        return section->option_module;
    }
    if (given(section->environment_module)) {
        return section->environment_module;
    }
    variable = apr_table_get(r->subprocess_env, DJANGO_SETTINGS_VARIABLE);
    return given(variable) ? variable : NULL;
}

django_wanted django_wanted_of(request_rec *r)
{
    django_section *section = django_section_of(r);
    django_wanted wanted = {.site = django_site_of(r)};

    wanted.staff = section->staff != 0; /* On unless switched off */
    wanted.superuser = section->superuser == 1;
    if (given(section->permission)) {
        wanted.permissions = &section->permission;
        wanted.permissions_count = 1;
    }
    return wanted;
}

void django_warn_of_missing_sockets(apr_pool_t *pool, server_rec *server)
{
    const char *warned = NULL;

    for (; server != NULL; server = server->next) {
        const char *socket = django_socket_of(server);
        apr_finfo_t found;

        if (!django_server_of(server)->mentioned || (warned != NULL && strcmp(warned, socket) == 0)) {
            continue;
        }
        warned = socket;
        if (apr_stat(&found, socket, APR_FINFO_TYPE, pool) != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
                         "DjangoAuthSocket %s: there is no such socket; until djauthd makes it, nobody is let in",
                         socket);
        } else if (found.filetype != APR_SOCK) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server, "DjangoAuthSocket %s: that is not a socket", socket);
        }
    }
}

/*
 * Notes that the server uses us. .htaccess is read while requests are served by other threads: nothing may be
 * written then, and the warnings that this is for are long past.
 */
void django_mention(cmd_parms *command)
{
    if (!compat_in_htaccess(command)) {
        django_server_of(command->server)->mentioned = 1;
    }
}
