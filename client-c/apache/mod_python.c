/*
 * mod_python.c: the configuration of Django's mod_python handler: PythonAuthenHandler, PythonOption, and the variable
 * that names the site.
 */
#include "directives.h"

#include "apr_strings.h"

/* The second form names the function that the first form means. */
const char *django_set_python_handler(cmd_parms *command, void *section, const char *value)
{
    if (strcmp(value, DJANGO_PYTHON_HANDLER) != 0 && strcmp(value, DJANGO_PYTHON_HANDLER "::authenhandler") != 0) {
        if (django_has_mod_python()) {
            return NULL;
        }
        return apr_psprintf(command->pool,
                            "PythonAuthenHandler '%s': unknown handler; accepted: " DJANGO_PYTHON_HANDLER
                            ". Remove the line, and authenticate with another module",
                            value);
    }
    ((django_section *)section)->python_handler = 1;
    django_mark_in_use(command);
    return NULL;
}

/* As in mod_python, an option without a value cancels what is inherited. */
const char *django_set_option(cmd_parms *command, void *of, const char *name, const char *value)
{
    django_section *section = of;

    django_mark_in_use(command);
    if (strcasecmp(name, DJANGO_SETTINGS_VARIABLE) == 0) {
        return django_parse_settings_module(command->pool, "PythonOption " DJANGO_SETTINGS_VARIABLE,
                                            value != NULL ? value : "", &section->option_module);
    }
    if (strcasecmp(name, "DjangoRequireStaffStatus") == 0) {
        return django_parse_switch(command->pool, "PythonOption DjangoRequireStaffStatus", value != NULL ? value : "on",
                                   &section->staff);
    }
    if (strcasecmp(name, "DjangoRequireSuperuserStatus") == 0) {
        return django_parse_switch(command->pool, "PythonOption DjangoRequireSuperuserStatus",
                                   value != NULL ? value : "off", &section->superuser);
    }
    if (strcasecmp(name, "DjangoPermissionName") == 0) {
        return django_parse_permission(command->pool, "PythonOption DjangoPermissionName", value != NULL ? value : "",
                                       &section->permission);
    }
    if (strncasecmp(name, "mod_python.", 11) == 0 || strcasecmp(name, "django.root") == 0) {
        return django_ignore_directive(command, section, name); /* for the interpreter, and for a site's PythonHandler */
    }
    if (django_has_mod_python()) {
        return NULL;
    }
    return apr_psprintf(command->pool,
                        "PythonOption '%s': unknown option; accepted: " DJANGO_SETTINGS_VARIABLE
                        ", DjangoRequireStaffStatus, DjangoRequireSuperuserStatus and DjangoPermissionName",
                        name);
}

/*
 * SetEnv, UnsetEnv and PassEnv belong to mod_env. httpd passes a directive to every module that lists it, so both see
 * it. Without mod_env, other variables must remain the error that they would be without this module.
 */
static const char *check_other_variable(cmd_parms *command, const char *name)
{
    if (ap_find_linked_module("mod_env.c") != NULL) {
        return NULL;
    }
    return apr_psprintf(command->pool,
                        "%s '%s': mod_env is not loaded; accepted without it: " DJANGO_SETTINGS_VARIABLE,
                        command->cmd->name, name);
}

/*
 * In .htaccess these directives need FileInfo, but the site is a matter of authentication: an author who may not say who
 * is let in must not choose whose accounts are checked. The variable itself is set all the same, by mod_env.
 */
static int may_name_site(cmd_parms *command)
{
    return !compat_in_htaccess(command) || (command->override & OR_AUTHCFG) != 0;
}

const char *django_set_variable(cmd_parms *command, void *section, const char *name, const char *value)
{
    if (strcmp(name, DJANGO_SETTINGS_VARIABLE) != 0) {
        return check_other_variable(command, name);
    }
    if (!may_name_site(command)) {
        return NULL;
    }
    return django_parse_settings_module(command->pool, "SetEnv " DJANGO_SETTINGS_VARIABLE, value != NULL ? value : "",
                                        &((django_section *)section)->environment_module);
}

const char *django_unset_variable(cmd_parms *command, void *section, const char *name)
{
    if (strcmp(name, DJANGO_SETTINGS_VARIABLE) != 0) {
        return check_other_variable(command, name);
    }
    if (may_name_site(command)) {
        ((django_section *)section)->environment_module = "";
    }
    return NULL;
}

const char *django_pass_variable(cmd_parms *command, void *section, const char *name)
{
    const char *value;

    if (strcmp(name, DJANGO_SETTINGS_VARIABLE) != 0) {
        return check_other_variable(command, name);
    }
    value = getenv(name);
    if (value == NULL || !may_name_site(command)) {
        return NULL; /* if there is none, mod_env warns about it and continues */
    }
    return django_parse_settings_module(command->pool, "PassEnv " DJANGO_SETTINGS_VARIABLE,
                                        apr_pstrdup(command->pool, value),
                                        &((django_section *)section)->environment_module);
}
