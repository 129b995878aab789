/* mod_authnz_django_config.c: the directives, how sections inherit them, and what they come to. */
#include "mod_authnz_django.h"

#include "apr_file_info.h"
#include "apr_lib.h"
#include "apr_strings.h"

APLOG_USE_MODULE(authnz_django);

#define SETTINGS_VARIABLE "DJANGO_SETTINGS_MODULE"
#define OLD_HANDLER "django.contrib.auth.handlers.modpython"

/* A Unix socket's address holds so many octets and a NUL. */
#define SOCKET_PATH_MAX 107

/* The longest a daemon waits: PROTOCOL.md, deadline_ms. */
#define TIMEOUT_MAX_MS 600000

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
    variable = apr_table_get(r->subprocess_env, SETTINGS_VARIABLE);
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

/*
 * The functions below read one value each. `said` is the directive as it stands, for the sentence that they return
 * where the value is not understood; NULL means that it is.
 */

static const char *read_switch(apr_pool_t *pool, const char *said, const char *value, int *into)
{
    static const char *const yes[] = {"on", "1", "true", "yes", NULL};
    static const char *const no[] = {"off", "0", "false", "no", NULL};
    int i;

    for (i = 0; yes[i] != NULL; i++) {
        if (strcasecmp(value, yes[i]) == 0) {
            *into = 1;
            return NULL;
        }
        if (strcasecmp(value, no[i]) == 0) {
            *into = 0;
            return NULL;
        }
    }
    return apr_psprintf(pool, "%s '%s': On or Off is needed (1, true, yes and 0, false, no are understood too)", said,
                        value);
}

static const char *read_permission(apr_pool_t *pool, const char *said, const char *value, const char **into)
{
    if (value[0] == '\0' || strcasecmp(value, "none") == 0) {
        *into = "";
        return NULL;
    }
    if (!django_is_permission(value)) {
        return apr_psprintf(pool,
                            "%s '%s': app_label.codename is needed, such as polls.can_vote, or none, which requires "
                            "no permission",
                            said, value);
    }
    *into = value;
    return NULL;
}

static const char *read_settings_module(apr_pool_t *pool, const char *said, const char *value, const char **into)
{
    if (!django_is_utf8(value)) {
        return apr_psprintf(pool, "%s '%s': the name of a Django settings module is needed, in UTF-8", said, value);
    }
    *into = value;
    return NULL;
}

static const char *set_socket(cmd_parms *command, void *unused, const char *value)
{
    (void)unused;
    if (value[0] != '/') {
        return apr_psprintf(command->pool, "DjangoAuthSocket '%s': an absolute path is needed, such as %s", value,
                            DJAUTH_DEFAULT_SOCKET);
    }
    if (strlen(value) > SOCKET_PATH_MAX) {
        return apr_psprintf(command->pool, "DjangoAuthSocket '%s': a socket's path has at most %d octets, this one has %d",
                            value, SOCKET_PATH_MAX, (int)strlen(value));
    }
    django_server_of(command->server)->socket = value;
    django_mention(command);
    return NULL;
}

static const char *set_timeout(cmd_parms *command, void *unused, const char *value)
{
    char *unit = NULL;
    apr_int64_t number = -1;

    (void)unused;
    if (apr_isdigit(value[0])) {
        /* Past its range this gives the largest number, which is refused below before it is multiplied. */
        number = apr_strtoi64(value, &unit, 10);
    }
    if (number > TIMEOUT_MAX_MS) {
        number = -1;
    } else if (unit != NULL && (*unit == '\0' || strcasecmp(unit, "s") == 0)) {
        number *= 1000;
    } else if (unit == NULL || strcasecmp(unit, "ms") != 0) {
        number = -1;
    }
    if (number < 1 || number > TIMEOUT_MAX_MS) {
        return apr_psprintf(command->pool,
                            "DjangoAuthTimeout '%s': a whole number of seconds or milliseconds from 1ms to %ds is "
                            "needed, such as 5, 5s or 500ms",
                            value, TIMEOUT_MAX_MS / 1000);
    }
    django_server_of(command->server)->timeout_ms = (int)number;
    django_mention(command);
    return NULL;
}

/* The one word of the line; "" is one, which httpd's own way of taking one argument refuses. NULL: not one word. */
static const char *only_word(cmd_parms *command, const char *line)
{
    const char *word = line[0] == '\0' ? NULL : ap_getword_conf(command->pool, &line);

    return line[0] == '\0' ? word : NULL;
}

static const char *not_one_word(cmd_parms *command)
{
    return apr_pstrcat(command->pool, command->cmd->name, " takes one argument, ", command->cmd->errmsg, NULL);
}

static const char *set_settings_module(cmd_parms *command, void *section, const char *line)
{
    const char *value = only_word(command, line);

    django_mention(command);
    if (value == NULL) {
        return not_one_word(command);
    }
    return read_settings_module(command->pool, "DjangoSettingsModule", value,
                                &((django_section *)section)->settings_module);
}

static const char *set_staff(cmd_parms *command, void *section, const char *value)
{
    django_mention(command);
    return read_switch(command->pool, "DjangoRequireStaffStatus", value, &((django_section *)section)->staff);
}

static const char *set_superuser(cmd_parms *command, void *section, const char *value)
{
    django_mention(command);
    return read_switch(command->pool, "DjangoRequireSuperuserStatus", value, &((django_section *)section)->superuser);
}

static const char *set_permission(cmd_parms *command, void *section, const char *line)
{
    const char *value = only_word(command, line);

    django_mention(command);
    if (value == NULL) {
        return not_one_word(command);
    }
    return read_permission(command->pool, "DjangoPermissionName", value, &((django_section *)section)->permission);
}

static const char *set_canonical_user(cmd_parms *command, void *section, const char *value)
{
    django_mention(command);
    return read_switch(command->pool, "DjangoAuthCanonicalUser", value, &((django_section *)section)->canonical_user);
}

static const char *set_authoritative(cmd_parms *command, void *section, const char *value)
{
    django_mention(command);
    if (HTTPD_24 && !compat_in_htaccess(command)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, command->server,
                     "AuthzDjangoAuthoritative on line %d of %s means nothing since httpd 2.4: <RequireAll>, "
                     "<RequireAny> and <RequireNone> say how Require lines go together",
                     command->directive->line_num, command->directive->filename);
    }
    return read_switch(command->pool, "AuthzDjangoAuthoritative", value, &((django_section *)section)->authoritative);
}

static const char *set_old_handler(cmd_parms *command, void *section, const char *value)
{
    if (strcmp(value, OLD_HANDLER) != 0) {
        return apr_psprintf(command->pool, "PythonAuthenHandler '%s': the only handler understood is " OLD_HANDLER,
                            value);
    }
    ((django_section *)section)->old_handler = 1;
    django_mention(command);
    return NULL;
}

/* As with mod_python, an option without a value takes back what a section around this one says. */
static const char *set_option(cmd_parms *command, void *of, const char *name, const char *value)
{
    django_section *section = of;

    django_mention(command);
    if (strcasecmp(name, SETTINGS_VARIABLE) == 0) {
        return read_settings_module(command->pool, "PythonOption " SETTINGS_VARIABLE, value != NULL ? value : "",
                                    &section->option_module);
    }
    if (strcasecmp(name, "DjangoRequireStaffStatus") == 0) {
        return read_switch(command->pool, "PythonOption DjangoRequireStaffStatus", value != NULL ? value : "on",
                           &section->staff);
    }
    if (strcasecmp(name, "DjangoRequireSuperuserStatus") == 0) {
        return read_switch(command->pool, "PythonOption DjangoRequireSuperuserStatus", value != NULL ? value : "off",
                           &section->superuser);
    }
    if (strcasecmp(name, "DjangoPermissionName") == 0) {
        return read_permission(command->pool, "PythonOption DjangoPermissionName", value != NULL ? value : "",
                               &section->permission);
    }
    return apr_psprintf(command->pool,
                        "PythonOption '%s': the only options understood are " SETTINGS_VARIABLE
                        ", DjangoRequireStaffStatus, DjangoRequireSuperuserStatus and DjangoPermissionName",
                        name);
}

/*
 * SetEnv, UnsetEnv and PassEnv belong to mod_env. httpd hands a directive to every module that names it, so both see
 * it. Where mod_env is not there, what we do not use ourselves must stay the error that it was.
 */
static const char *other_variable(cmd_parms *command, const char *name)
{
    if (ap_find_linked_module("mod_env.c") != NULL) {
        return NULL;
    }
    return apr_psprintf(command->pool,
                        "%s '%s': mod_env is not loaded, and without it " SETTINGS_VARIABLE
                        " is the only variable understood",
                        command->cmd->name, name);
}

/* Likewise of mod_auth_basic: whoever names the provider means our socket, also where no other directive says so. */
static const char *see_provider(cmd_parms *command, void *section, const char *name)
{
    (void)section;
    if (ap_find_linked_module("mod_auth_basic.c") == NULL) {
        return "AuthBasicProvider: mod_auth_basic is not loaded";
    }
    if (strcmp(name, "django") == 0) {
        django_mention(command);
    }
    return NULL;
}

static const char *set_variable(cmd_parms *command, void *section, const char *name, const char *value)
{
    if (strcmp(name, SETTINGS_VARIABLE) != 0) {
        return other_variable(command, name);
    }
    return read_settings_module(command->pool, "SetEnv " SETTINGS_VARIABLE, value != NULL ? value : "",
                                &((django_section *)section)->environment_module);
}

static const char *unset_variable(cmd_parms *command, void *section, const char *name)
{
    if (strcmp(name, SETTINGS_VARIABLE) != 0) {
        return other_variable(command, name);
    }
    ((django_section *)section)->environment_module = "";
    return NULL;
}

static const char *pass_variable(cmd_parms *command, void *section, const char *name)
{
    const char *value;

    if (strcmp(name, SETTINGS_VARIABLE) != 0) {
        return other_variable(command, name);
    }
    value = getenv(name);
    if (value == NULL) {
        return NULL; /* mod_env warns of it and goes on */
    }
    return read_settings_module(command->pool, "PassEnv " SETTINGS_VARIABLE, apr_pstrdup(command->pool, value),
                                &((django_section *)section)->environment_module);
}

/*
 * Where the daemon is asked is the administrator's to say: in .htaccess it would let an author name a daemon of his
 * own. What is required there is the author's, with AllowOverride AuthConfig.
 */
#define SECTION (OR_AUTHCFG | RSRC_CONF)

const command_rec django_directives[] = {
    AP_INIT_TAKE1("DjangoAuthSocket", set_socket, NULL, RSRC_CONF,
                  "the socket of djauthd; " DJAUTH_DEFAULT_SOCKET " without it"),
    AP_INIT_TAKE1("DjangoAuthTimeout", set_timeout, NULL, RSRC_CONF,
                  "how long to wait for a verdict in all, such as 5, 5s or 500ms; 5s without it"),
    AP_INIT_RAW_ARGS("DjangoSettingsModule", set_settings_module, NULL, SECTION,
                     "the Django site whose accounts are let in; the daemon's only one without it"),
    AP_INIT_TAKE1("DjangoRequireStaffStatus", set_staff, NULL, SECTION,
                  "On or Off: whether the account must be of the staff; On without it"),
    AP_INIT_TAKE1("DjangoRequireSuperuserStatus", set_superuser, NULL, SECTION,
                  "On or Off: whether the account must be a superuser; Off without it"),
    AP_INIT_RAW_ARGS("DjangoPermissionName", set_permission, NULL, SECTION,
                     "app_label.codename of the permission that the account must have; none without it"),
    AP_INIT_TAKE1("DjangoAuthCanonicalUser", set_canonical_user, NULL, SECTION,
                  "On or Off: whether REMOTE_USER is spelled as the database spells it; On without it"),
    AP_INIT_TAKE1("AuthzDjangoAuthoritative", set_authoritative, NULL, SECTION,
                  "On or Off: whether a Require django-… line that is not met is the last word (httpd 2.2 only); On "
                  "without it"),
#if !HTTPD_24
    /* httpd 2.2 takes any text, and hands the directive to every module that names it. */
    AP_INIT_RAW_ARGS("Require", django_require_read, NULL, OR_AUTHCFG,
                     "django-staff, django-superuser, django-permission and django-group are read here too"),
#endif
    AP_INIT_ITERATE("PythonAuthenHandler", set_old_handler, NULL, SECTION,
                    OLD_HANDLER ": let people in with their Django accounts, as that handler did"),
    AP_INIT_TAKE12("PythonOption", set_option, NULL, SECTION,
                   "an option of the handler " OLD_HANDLER ", and its value"),
    AP_INIT_ITERATE("AuthBasicProvider", see_provider, NULL, OR_AUTHCFG, "django: ask djauthd"),
    AP_INIT_TAKE12("SetEnv", set_variable, NULL, OR_FILEINFO,
                   SETTINGS_VARIABLE " and the Django site whose accounts are let in"),
    AP_INIT_ITERATE("UnsetEnv", unset_variable, NULL, OR_FILEINFO,
                    SETTINGS_VARIABLE ": take back the site named around this section"),
    AP_INIT_ITERATE("PassEnv", pass_variable, NULL, OR_FILEINFO,
                    SETTINGS_VARIABLE ": take the site's name from httpd's own environment"),
    {.name = NULL},
};
