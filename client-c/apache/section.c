/* section.c: the configuration of sections and servers, how it is inherited, and what it amounts to. */
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
    section->python_handler = DJANGO_UNSET;
    section->forbidden = DJANGO_UNSET;
    section->canonical_user = DJANGO_UNSET;
    section->authoritative = DJANGO_UNSET;
    return section;
}

static void inherit_text(const char **inner, const char *outer)
{
    if (*inner == NULL) {
        *inner = outer;
    }
}

static void inherit_number(int *inner, int outer)
{
    if (*inner == DJANGO_UNSET) {
        *inner = outer;
    }
}

void *django_section_merge(apr_pool_t *pool, void *outer_section, void *inner_section)
{
    const django_section *outer = outer_section;
    django_section *merged = apr_pmemdup(pool, inner_section, sizeof(*merged));

    inherit_text(&merged->settings_module, outer->settings_module);
    inherit_text(&merged->option_module, outer->option_module);
    inherit_text(&merged->environment_module, outer->environment_module);
    inherit_text(&merged->permission, outer->permission);
    inherit_number(&merged->staff, outer->staff);
    inherit_number(&merged->superuser, outer->superuser);
    inherit_number(&merged->python_handler, outer->python_handler);
    inherit_number(&merged->forbidden, outer->forbidden);
    inherit_number(&merged->canonical_user, outer->canonical_user);
    inherit_number(&merged->authoritative, outer->authoritative);
    return merged;
}

void *django_server_create(apr_pool_t *pool, server_rec *server)
{
    django_server *made = apr_pcalloc(pool, sizeof(*made));

    (void)server;
    made->timeout_ms = DJANGO_UNSET;
    made->max_waiting = DJANGO_UNSET;
    made->max_waiting_percent = DJANGO_UNSET;
    made->leases = DJANGO_LEASES_DEFAULT;
    return made;
}

void *django_server_merge(apr_pool_t *pool, void *main_server, void *virtual_host)
{
    const django_server *outer = main_server;
    django_server *merged = apr_pmemdup(pool, virtual_host, sizeof(*merged));

    inherit_text(&merged->socket, outer->socket);
    inherit_number(&merged->timeout_ms, outer->timeout_ms);
    return merged;
}

/* Inside <AuthnProviderAlias>, httpd exchanges per_dir_config during the call: it must be read again each time. */
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

int django_timeout_of(const server_rec *server)
{
    int timeout_ms = django_server_of(server)->timeout_ms;

    return timeout_ms != DJANGO_UNSET ? timeout_ms : DJAUTH_DEFAULT_TIMEOUT_MS;
}

static int is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/*
 * DjangoSettingsModule comes first, then the order of Django's mod_python handler: PythonOption before the environment.
 * An empty value counts as none. The environment is that of SetEnv, which this module parses itself, and never what is in
 * the request's: SetEnvIf and RewriteRule put there what the client sent, or what an author without AuthConfig wants.
 */
const char *django_site_of(const request_rec *r)
{
    const django_section *section = django_section_of(r);

    if (is_set(section->settings_module)) {
        return section->settings_module;
    }
    if (is_set(section->option_module)) {
        return section->option_module;
    }
    return is_set(section->environment_module) ? section->environment_module : NULL;
}

/*
 * A subrequest's environment is a copy of one that mod_env has filled in the meantime: only that of the client's own
 * request shows that the administrator wanted SetEnvIf or RewriteRule to name the site.
 */
int django_environment_names_site(request_rec *r)
{
    return django_site_of(r) == NULL && ap_is_initial_req(r)
           && is_set(apr_table_get(r->subprocess_env, DJANGO_SETTINGS_VARIABLE));
}

django_requirements django_requirements_of(request_rec *r)
{
    django_section *section = django_section_of(r);
    django_requirements requirements = {.site = django_site_of(r)};

    requirements.staff = section->staff != 0; /* On by default */
    requirements.superuser = section->superuser == 1;
    if (is_set(section->permission)) {
        requirements.permissions = &section->permission;
        requirements.permissions_count = 1;
    }
    return requirements;
}

static void warn_of_missing_sockets(apr_pool_t *pool, server_rec *server)
{
    const char *warned = NULL;

    for (; server != NULL; server = server->next) {
        const char *socket = django_socket_of(server);
        apr_finfo_t found;

        if (!django_server_of(server)->in_use || (warned != NULL && strcmp(warned, socket) == 0)) {
            continue;
        }
        warned = socket;
        if (apr_stat(&found, socket, APR_FINFO_TYPE, pool) != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
                         "DjangoAuthSocket %s: no such socket; protected pages answer 503 until djauthd creates it",
                         socket);
        } else if (found.filetype != APR_SOCK) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server, "DjangoAuthSocket %s: not a socket", socket);
        }
    }
}

void django_log_warnings(apr_pool_t *pool, server_rec *server)
{
    server_rec *next;
    int i;

    for (next = server; next != NULL; next = next->next) {
        const apr_array_header_t *warnings = django_server_of(next)->warnings;

        for (i = 0; warnings != NULL && i < warnings->nelts; i++) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, next, "%s", APR_ARRAY_IDX(warnings, i, const char *));
        }
    }
    warn_of_missing_sockets(pool, server);
}

/*
 * .htaccess is parsed while other threads serve requests: nothing may be written then, and the warnings that depend on
 * this have long been logged.
 */
void django_mark_in_use(cmd_parms *command)
{
    if (!compat_in_htaccess(command)) {
        django_server_of(command->server)->in_use = 1;
    }
}

/* Not for .htaccess: it would be logged with every request. */
void django_warn_at_start(cmd_parms *command, const char *text)
{
    django_server *server = django_server_of(command->server);

    if (compat_in_htaccess(command)) {
        return;
    }
    if (server->warnings == NULL) {
        server->warnings = apr_array_make(command->pool, 4, sizeof(const char *));
    }
    APR_ARRAY_PUSH(server->warnings, const char *)
        = apr_psprintf(command->pool, "%s on line %d of %s: %s", command->cmd->name, command->directive->line_num,
                       command->directive->filename, text);
}
