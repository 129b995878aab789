/*
 * directives.c: the table of directives.
 *
 * A directive is one row of the table at the end; docs/apache.md is generated from it (scripts/directives.mjs). A switch
 * or a text of a section needs nothing else but its field in django_section and its line in django_section_merge.
 */
#include "directives.h"

#include "apr_lib.h"
#include "apr_strings.h"
#include "lib/limits.h"

APLOG_USE_MODULE(authnz_django);

/* The address of a Unix socket has room for this many octets and a NUL. */
#define SOCKET_PATH_MAX 107

static const char *set_socket(cmd_parms *command, void *unused, const char *value)
{
    (void)unused;
    if (value[0] != '/') {
        return apr_psprintf(command->pool, "DjangoAuthSocket '%s': invalid path; accepted: an absolute path, such as %s",
                            value, DJAUTH_DEFAULT_SOCKET);
    }
    if (strlen(value) > SOCKET_PATH_MAX) {
        return apr_psprintf(command->pool, "DjangoAuthSocket '%s': path too long (%d octets); the limit is %d octets",
                            value, (int)strlen(value), SOCKET_PATH_MAX);
    }
    django_server_of(command->server)->socket = value;
    django_mark_in_use(command);
    return NULL;
}

static const char *set_timeout(cmd_parms *command, void *unused, const char *value)
{
    char *unit = NULL;
    apr_int64_t number = -1;

    (void)unused;
    if (apr_isdigit(value[0])) {
        /* Out of range it returns the largest number, which is rejected below before it is multiplied. */
        number = apr_strtoi64(value, &unit, 10);
    }
    if (number > DJAUTH_DEADLINE_MAX_MS) {
        number = -1;
    } else if (unit != NULL && (*unit == '\0' || strcasecmp(unit, "s") == 0)) {
        number *= 1000;
    } else if (unit == NULL || strcasecmp(unit, "ms") != 0) {
        number = -1;
    }
    if (number < 1 || number > DJAUTH_DEADLINE_MAX_MS) {
        return apr_psprintf(command->pool,
                            "DjangoAuthTimeout '%s': invalid time; accepted: 1ms to %ds, a whole number of seconds or "
                            "milliseconds such as 5, 5s or 500ms",
                            value, DJAUTH_DEADLINE_MAX_MS / 1000);
    }
    django_server_of(command->server)->timeout_ms = (int)number;
    django_mark_in_use(command);
    return NULL;
}

/* One limit for all virtual hosts: they share the workers. */
static const char *set_max_waiting(cmd_parms *command, void *unused, const char *value)
{
    django_server *server = django_server_of(command->server);
    const char *misplaced = ap_check_cmd_context(command, GLOBAL_ONLY);
    char *unit = NULL;
    apr_int64_t number = apr_isdigit(value[0]) ? apr_strtoi64(value, &unit, 10) : -1;
    int is_share = unit != NULL && strcmp(unit, "%") == 0;

    (void)unused;
    if (misplaced != NULL) {
        return misplaced;
    }
    if (strcasecmp(value, "off") == 0) {
        number = 0;
    } else if (number < 0 || (!is_share && *unit != '\0') || (is_share && (number < 1 || number > 100))
               || number > DJANGO_MAX_WAITING_LIMIT) {
        return apr_psprintf(command->pool,
                            "DjangoAuthMaxWaiting '%s': invalid limit; accepted: a number of threads up to %d such as 40, a "
                            "share of all threads such as 50%%, or Off",
                            value, DJANGO_MAX_WAITING_LIMIT);
    }
    server->max_waiting = is_share ? DJANGO_UNSET : (int)number;
    server->max_waiting_percent = is_share ? (int)number : DJANGO_UNSET;
    django_mark_in_use(command);
    return NULL;
}

/* One table for all virtual hosts: it is made before there are children. */
static const char *set_leases(cmd_parms *command, void *unused, const char *value)
{
    const char *misplaced = ap_check_cmd_context(command, GLOBAL_ONLY);
    char *end = NULL;
    apr_int64_t number = apr_isdigit(value[0]) ? apr_strtoi64(value, &end, 10) : -1;

    (void)unused;
    if (misplaced != NULL) {
        return misplaced;
    }
    if (strcasecmp(value, "off") == 0) {
        number = 0;
    } else if (number < 0 || *end != '\0' || number > DJANGO_LEASES_MAX) {
        return apr_psprintf(command->pool,
                            "DjangoAuthLeases '%s': invalid number; accepted: a number of leases up to %d such as %d, or Off",
                            value, DJANGO_LEASES_MAX, DJANGO_LEASES_DEFAULT);
    }
    django_server_of(command->server)->leases = (int)number;
    django_mark_in_use(command);
    return NULL;
}

/* The field of the section that the row of the table names. */
static void *field_of(cmd_parms *command, void *section)
{
    return (char *)section + (apr_size_t)command->info;
}

static const char *set_switch(cmd_parms *command, void *section, const char *value)
{
    django_mark_in_use(command);
    return django_parse_switch(command->pool, command->cmd->name, value, field_of(command, section));
}

typedef const char *parse_text(apr_pool_t *pool, const char *name, const char *value, const char **result);

/* One argument, which may be "": httpd's own TAKE1 rejects that. */
static const char *set_text(cmd_parms *command, void *section, const char *line, parse_text *parse)
{
    const char *value = line[0] == '\0' ? NULL : ap_getword_conf(command->pool, &line);

    django_mark_in_use(command);
    if (value == NULL || line[0] != '\0') {
        return apr_pstrcat(command->pool, command->cmd->name, " takes one argument, ", command->cmd->errmsg, NULL);
    }
    return parse(command->pool, command->cmd->name, value, field_of(command, section));
}

static const char *set_settings_module(cmd_parms *command, void *section, const char *line)
{
    return set_text(command, section, line, django_parse_settings_module);
}

static const char *set_permission(cmd_parms *command, void *section, const char *line)
{
    return set_text(command, section, line, django_parse_permission);
}

static const char *set_authoritative(cmd_parms *command, void *section, const char *value)
{
    if (HTTPD_24) {
        django_warn_at_start(command, "ignored by httpd 2.4: combine Require lines with <RequireAll>, <RequireAny> and "
                                      "<RequireNone>");
    }
    return set_switch(command, section, value);
}

/* The directive is mod_auth_basic's. A server that names the provider uses the socket, even if no other directive does. */
static const char *note_provider(cmd_parms *command, void *section, const char *name)
{
    (void)section;
    if (ap_find_linked_module("mod_auth_basic.c") == NULL) {
        return "AuthBasicProvider: mod_auth_basic is not loaded";
    }
    if (strcmp(name, "django") == 0) {
        django_mark_in_use(command);
    }
    return NULL;
}

/*
 * Which daemon is asked is up to the administrator: in .htaccess, an author could name a daemon of their own. What is
 * required in .htaccess is up to its author, if AllowOverride AuthConfig is set.
 */
#define SECTION (OR_AUTHCFG | RSRC_CONF)

#define SERVER_ONLY RSRC_CONF

#define FIELD(name) ((void *)APR_OFFSETOF(django_section, name))

#define NEEDS_AUTHCONFIG "; in .htaccess it only does so with AuthConfig as well (a directive of mod_env)"
#define IGNORED "ignored, with a warning at start: it configured Python inside httpd"
#define REPLACE "not supported without mod_python: remove the line, and "
#define REMOVE "not supported without mod_python: remove the line"
#define AUTHORITATIVE "Off is ignored, with a warning at start; On is an error (a directive of httpd 2.0 or 2.2)"

const command_rec django_directives[] = {
    AP_INIT_TAKE1("DjangoAuthSocket", set_socket, NULL, RSRC_CONF,
                  "the path of djauthd's Unix socket (default " DJAUTH_DEFAULT_SOCKET ")"),
    AP_INIT_TAKE1("DjangoAuthTimeout", set_timeout, NULL, RSRC_CONF,
                  "the time limit for one verdict, such as 5, 5s or 500ms (default 5s)"),
    AP_INIT_TAKE1("DjangoAuthMaxWaiting", set_max_waiting, NULL, SERVER_ONLY,
                  "how many threads of the whole server may wait for djauthd to hash a password, as a number or a share such "
                  "as 50%; further questions are answered 503 at once; Off: no limit (default 50%)"),
    AP_INIT_TAKE1("DjangoAuthLeases", set_leases, NULL, SERVER_ONLY,
                  "how many grants the whole server keeps for the moment for which djauthd lets it use them again "
                  "(cache.lease), without asking; a number of up to 65536, or Off (default 4096)"),
    AP_INIT_RAW_ARGS("DjangoSettingsModule", set_settings_module, FIELD(settings_module), SECTION,
                     "the Django site whose accounts are checked, as djauthd's configuration names it (default: its only "
                     "site)"),
    AP_INIT_TAKE1("DjangoRequireStaffStatus", set_switch, FIELD(staff), SECTION,
                  "On or Off: the account must have is_staff (default On)"),
    AP_INIT_TAKE1("DjangoRequireSuperuserStatus", set_switch, FIELD(superuser), SECTION,
                  "On or Off: the account must have is_superuser (default Off)"),
    AP_INIT_RAW_ARGS("DjangoPermissionName", set_permission, FIELD(permission), SECTION,
                     "the permission that the account must have, as app_label.codename, or none (default none)"),
    AP_INIT_TAKE1("DjangoForbidden", set_switch, FIELD(forbidden), SECTION,
                  "On or Off: 403 instead of 401 for a user whose password is right but who is not staff, no superuser or "
                  "without the permission that the directives above require (default Off)"),
    AP_INIT_TAKE1("DjangoAuthCanonicalUser", set_switch, FIELD(canonical_user), SECTION,
                  "On or Off: REMOTE_USER is the username as the database spells it, not as it was typed (default On)"),
    AP_INIT_TAKE1("AuthzDjangoAuthoritative", set_authoritative, FIELD(authoritative), SECTION,
                  "On or Off: an unmet Require django-... line denies access even if another module's line is met; "
                  "httpd 2.2 only (default On)"),
    AP_INIT_ITERATE("AuthBasicProvider", note_provider, NULL, OR_AUTHCFG,
                    "django: check HTTP Basic credentials with djauthd (a directive of mod_auth_basic)"),
#if !HTTPD_24
    /* httpd 2.2 accepts any text, and passes the directive to every module that lists it. */
    AP_INIT_RAW_ARGS("Require", django_check_require, NULL, OR_AUTHCFG,
                     "django-staff, django-superuser, django-permission or django-group (a directive of httpd)"),
#endif
    AP_INIT_ITERATE("PythonAuthenHandler", django_set_python_handler, NULL, SECTION,
                    DJANGO_PYTHON_HANDLER ": authenticate with djauthd as this handler of Django 1.4 did"),
    AP_INIT_TAKE12("PythonOption", django_set_option, NULL, SECTION,
                   DJANGO_SETTINGS_VARIABLE ", DjangoRequireStaffStatus, DjangoRequireSuperuserStatus or "
                   "DjangoPermissionName, and its value"),
    AP_INIT_TAKE12("SetEnv", django_set_variable, NULL, OR_FILEINFO,
                   DJANGO_SETTINGS_VARIABLE " and the Django site whose accounts are checked" NEEDS_AUTHCONFIG),
    AP_INIT_ITERATE("UnsetEnv", django_unset_variable, NULL, OR_FILEINFO,
                    DJANGO_SETTINGS_VARIABLE ": cancels the inherited site" NEEDS_AUTHCONFIG),
    AP_INIT_ITERATE("PassEnv", django_pass_variable, NULL, OR_FILEINFO,
                    DJANGO_SETTINGS_VARIABLE ": takes the site from httpd's own environment" NEEDS_AUTHCONFIG),
    AP_INIT_RAW_ARGS("PythonAutoReload", django_ignore_directive, NULL, OR_ALL, IGNORED),
    AP_INIT_RAW_ARGS("PythonDebug", django_ignore_directive, NULL, OR_ALL, IGNORED),
    AP_INIT_RAW_ARGS("PythonEnablePdb", django_ignore_directive, NULL, OR_ALL, IGNORED),
    AP_INIT_RAW_ARGS("PythonInterpPerDirectory", django_ignore_directive, NULL, OR_ALL, IGNORED),
    AP_INIT_RAW_ARGS("PythonInterpPerDirective", django_ignore_directive, NULL, OR_ALL, IGNORED),
    AP_INIT_RAW_ARGS("PythonInterpreter", django_ignore_directive, NULL, OR_ALL, IGNORED),
    AP_INIT_RAW_ARGS("PythonPath", django_ignore_directive, NULL, OR_ALL, IGNORED),
    AP_INIT_RAW_ARGS("PythonImport", django_ignore_directive, NULL, RSRC_CONF, IGNORED),
    AP_INIT_RAW_ARGS("PythonOptimize", django_ignore_directive, NULL, RSRC_CONF, IGNORED),
    AP_INIT_RAW_ARGS("PythonHandler", django_reject_handler, NULL, OR_ALL,
                     REPLACE "serve the site with mod_wsgi or mod_proxy"),
    AP_INIT_RAW_ARGS("PythonHandlerModule", django_reject_handler, NULL, OR_ALL,
                     REPLACE "name the authentication handler with PythonAuthenHandler"),
    AP_INIT_RAW_ARGS("PythonAccessHandler", django_reject_handler, NULL, OR_ALL,
                     REPLACE "use Require lines"),
    AP_INIT_RAW_ARGS("PythonAuthzHandler", django_reject_handler, NULL, OR_ALL,
                     REPLACE "use Require lines, such as Require django-permission"),
    AP_INIT_RAW_ARGS("PythonTypeHandler", django_reject_handler, NULL, OR_ALL,
                     REPLACE "use mod_mime"),
    AP_INIT_RAW_ARGS("PythonLogHandler", django_reject_handler, NULL, OR_ALL,
                     REPLACE "use mod_log_config"),
    AP_INIT_RAW_ARGS("PythonTransHandler", django_reject_handler, NULL, RSRC_CONF,
                     REPLACE "use mod_rewrite"),
    AP_INIT_RAW_ARGS("PythonInitHandler", django_reject_handler, NULL, OR_ALL, REMOVE),
    AP_INIT_RAW_ARGS("PythonHeaderParserHandler", django_reject_handler, NULL, OR_ALL, REMOVE),
    AP_INIT_RAW_ARGS("PythonFixupHandler", django_reject_handler, NULL, OR_ALL, REMOVE),
    AP_INIT_RAW_ARGS("PythonCleanupHandler", django_reject_handler, NULL, OR_ALL, REMOVE),
    AP_INIT_RAW_ARGS("PythonPostReadRequestHandler", django_reject_handler, NULL, RSRC_CONF, REMOVE),
    AP_INIT_RAW_ARGS("PythonConnectionHandler", django_reject_handler, NULL, RSRC_CONF, REMOVE),
    AP_INIT_RAW_ARGS("PythonInputFilter", django_reject_handler, NULL, RSRC_CONF | ACCESS_CONF, REMOVE),
    AP_INIT_RAW_ARGS("PythonOutputFilter", django_reject_handler, NULL, RSRC_CONF | ACCESS_CONF, REMOVE),
    AP_INIT_TAKE1("SetHandler", django_check_set_handler, NULL, OR_FILEINFO,
                  "mod_python and python-program are errors (a directive of httpd)"),
    AP_INIT_ITERATE2("AddHandler", django_check_add_handler, NULL, OR_FILEINFO,
                     "mod_python and python-program are errors (a directive of mod_mime)"),
    AP_INIT_FLAG("AuthAuthoritative", django_ignore_authoritative, NULL, OR_AUTHCFG, AUTHORITATIVE),
#if HTTPD_24
    AP_INIT_FLAG("AuthDefaultAuthoritative", django_ignore_authoritative, NULL, OR_AUTHCFG, AUTHORITATIVE),
    AP_INIT_FLAG("AuthzDBMAuthoritative", django_ignore_authoritative, NULL, OR_AUTHCFG, AUTHORITATIVE),
    AP_INIT_FLAG("AuthzDefaultAuthoritative", django_ignore_authoritative, NULL, OR_AUTHCFG, AUTHORITATIVE),
    AP_INIT_FLAG("AuthzGroupFileAuthoritative", django_ignore_authoritative, NULL, OR_AUTHCFG, AUTHORITATIVE),
    AP_INIT_FLAG("AuthzLDAPAuthoritative", django_ignore_authoritative, NULL, OR_AUTHCFG, AUTHORITATIVE),
    AP_INIT_FLAG("AuthzOwnerAuthoritative", django_ignore_authoritative, NULL, OR_AUTHCFG, AUTHORITATIVE),
    AP_INIT_FLAG("AuthzUserAuthoritative", django_ignore_authoritative, NULL, OR_AUTHCFG, AUTHORITATIVE),
#endif
    {.name = NULL},
};
