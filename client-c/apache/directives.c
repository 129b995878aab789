/* directives.c: the directives. */
#include "directives.h"

#include "apr_lib.h"
#include "apr_strings.h"

APLOG_USE_MODULE(authnz_django);

/* A Unix socket's address holds so many octets and a NUL. */
#define SOCKET_PATH_MAX 107

/* The longest a daemon waits: PROTOCOL.md, deadline_ms. */
#define TIMEOUT_MAX_MS 600000

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
    return django_read_settings_module(command->pool, "DjangoSettingsModule", value,
                                &((django_section *)section)->settings_module);
}

static const char *set_staff(cmd_parms *command, void *section, const char *value)
{
    django_mention(command);
    return django_read_switch(command->pool, "DjangoRequireStaffStatus", value, &((django_section *)section)->staff);
}

static const char *set_superuser(cmd_parms *command, void *section, const char *value)
{
    django_mention(command);
    return django_read_switch(command->pool, "DjangoRequireSuperuserStatus", value, &((django_section *)section)->superuser);
}

static const char *set_permission(cmd_parms *command, void *section, const char *line)
{
    const char *value = only_word(command, line);

    django_mention(command);
    if (value == NULL) {
        return not_one_word(command);
    }
    return django_read_permission(command->pool, "DjangoPermissionName", value, &((django_section *)section)->permission);
}

static const char *set_canonical_user(cmd_parms *command, void *section, const char *value)
{
    django_mention(command);
    return django_read_switch(command->pool, "DjangoAuthCanonicalUser", value, &((django_section *)section)->canonical_user);
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
    return django_read_switch(command->pool, "AuthzDjangoAuthoritative", value, &((django_section *)section)->authoritative);
}

/* The directive is mod_auth_basic's, and comes to us too: whoever names the provider means our socket, also where no other directive says so. */
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
    AP_INIT_ITERATE("PythonAuthenHandler", django_set_old_handler, NULL, SECTION,
                    DJANGO_OLD_HANDLER ": let people in with their Django accounts, as that handler did"),
    AP_INIT_TAKE12("PythonOption", django_set_option, NULL, SECTION,
                   "an option of the handler " DJANGO_OLD_HANDLER ", and its value"),
    AP_INIT_ITERATE("AuthBasicProvider", see_provider, NULL, OR_AUTHCFG, "django: ask djauthd"),
    AP_INIT_TAKE12("SetEnv", django_set_variable, NULL, OR_FILEINFO,
                   DJANGO_SETTINGS_VARIABLE " and the Django site whose accounts are let in"),
    AP_INIT_ITERATE("UnsetEnv", django_unset_variable, NULL, OR_FILEINFO,
                    DJANGO_SETTINGS_VARIABLE ": take back the site named around this section"),
    AP_INIT_ITERATE("PassEnv", django_pass_variable, NULL, OR_FILEINFO,
                    DJANGO_SETTINGS_VARIABLE ": take the site's name from httpd's own environment"),
    {.name = NULL},
};
