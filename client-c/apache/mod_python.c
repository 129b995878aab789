/*
 * mod_python.c: the directives of Django's old handler: mod_python's, and how the site was named in the
 * environment.
 */
#include "directives.h"

#include "apr_strings.h"

const char *django_set_old_handler(cmd_parms *command, void *section, const char *value)
{
    if (strcmp(value, DJANGO_OLD_HANDLER) != 0) {
        return apr_psprintf(command->pool, "PythonAuthenHandler '%s': the only handler understood is " DJANGO_OLD_HANDLER,
                            value);
    }
    ((django_section *)section)->old_handler = 1;
    django_mention(command);
    return NULL;
}

/* As with mod_python, an option without a value takes back what a section around this one says. */
const char *django_set_option(cmd_parms *command, void *of, const char *name, const char *value)
{
    django_section *section = of;

    django_mention(command);
    if (strcasecmp(name, DJANGO_SETTINGS_VARIABLE) == 0) {
        return django_read_settings_module(command->pool, "PythonOption " DJANGO_SETTINGS_VARIABLE, value != NULL ? value : "",
                                    &section->option_module);
    }
    if (strcasecmp(name, "DjangoRequireStaffStatus") == 0) {
        return django_read_switch(command->pool, "PythonOption DjangoRequireStaffStatus", value != NULL ? value : "on",
                           &section->staff);
    }
    if (strcasecmp(name, "DjangoRequireSuperuserStatus") == 0) {
        return django_read_switch(command->pool, "PythonOption DjangoRequireSuperuserStatus", value != NULL ? value : "off",
                           &section->superuser);
    }
    if (strcasecmp(name, "DjangoPermissionName") == 0) {
        return django_read_permission(command->pool, "PythonOption DjangoPermissionName", value != NULL ? value : "",
                               &section->permission);
    }
    return apr_psprintf(command->pool,
                        "PythonOption '%s': the only options understood are " DJANGO_SETTINGS_VARIABLE
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
                        "%s '%s': mod_env is not loaded, and without it " DJANGO_SETTINGS_VARIABLE
                        " is the only variable understood",
                        command->cmd->name, name);
}

const char *django_set_variable(cmd_parms *command, void *section, const char *name, const char *value)
{
    if (strcmp(name, DJANGO_SETTINGS_VARIABLE) != 0) {
        return other_variable(command, name);
    }
    return django_read_settings_module(command->pool, "SetEnv " DJANGO_SETTINGS_VARIABLE, value != NULL ? value : "",
                                &((django_section *)section)->environment_module);
}

const char *django_unset_variable(cmd_parms *command, void *section, const char *name)
{
    if (strcmp(name, DJANGO_SETTINGS_VARIABLE) != 0) {
        return other_variable(command, name);
    }
    ((django_section *)section)->environment_module = "";
    return NULL;
}

const char *django_pass_variable(cmd_parms *command, void *section, const char *name)
{
    const char *value;

    if (strcmp(name, DJANGO_SETTINGS_VARIABLE) != 0) {
        return other_variable(command, name);
    }
    value = getenv(name);
    if (value == NULL) {
        return NULL; /* mod_env warns of it and goes on */
    }
    return django_read_settings_module(command->pool, "PassEnv " DJANGO_SETTINGS_VARIABLE, apr_pstrdup(command->pool, value),
                                &((django_section *)section)->environment_module);
}
