/* directives.h: what the files that read directives share. */
#ifndef MOD_AUTHNZ_DJANGO_CONFIG_H
#define MOD_AUTHNZ_DJANGO_CONFIG_H

#include "mod_authnz_django.h"

#define DJANGO_OLD_HANDLER "django.contrib.auth.handlers.modpython"

/*
 * values.c: these read one value each. `said` is the directive as it stands, for the sentence that they
 * return where the value is not understood; NULL means that it is.
 */
const char *django_read_switch(apr_pool_t *pool, const char *said, const char *value, int *into);

/* "" and none: none is required, whatever a section around this one says. */
const char *django_read_permission(apr_pool_t *pool, const char *said, const char *value, const char **into);

const char *django_read_settings_module(apr_pool_t *pool, const char *said, const char *value, const char **into);

/* mod_python.c: PythonAuthenHandler, PythonOption, SetEnv, UnsetEnv and PassEnv, for the table. */
const char *django_set_old_handler(cmd_parms *command, void *section, const char *value);
const char *django_set_option(cmd_parms *command, void *section, const char *name, const char *value);
const char *django_set_variable(cmd_parms *command, void *section, const char *name, const char *value);
const char *django_unset_variable(cmd_parms *command, void *section, const char *name);
const char *django_pass_variable(cmd_parms *command, void *section, const char *name);

#endif /* MOD_AUTHNZ_DJANGO_CONFIG_H */
