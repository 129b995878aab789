/* directives.h: declarations shared by the files that parse directives. */
#ifndef MOD_AUTHNZ_DJANGO_DIRECTIVES_H
#define MOD_AUTHNZ_DJANGO_DIRECTIVES_H

#include "mod_authnz_django.h"

/* The authentication handler of Django up to 1.4. */
#define DJANGO_PYTHON_HANDLER "django.contrib.auth.handlers.modpython"

/*
 * values.c: each parses one value. `name` is the directive, for the message that is returned if the value is invalid;
 * NULL is returned if it is valid.
 */
const char *django_parse_switch(apr_pool_t *pool, const char *name, const char *value, int *result);

/* "" and none: no permission is required, whatever is inherited. */
const char *django_parse_permission(apr_pool_t *pool, const char *name, const char *value, const char **result);

const char *django_parse_settings_module(apr_pool_t *pool, const char *name, const char *value, const char **result);

/* Strings are sent to djauthd as UTF-8; with anything else, every question would be a bad request. */
int django_is_utf8(const char *text);

/* Whether the text has the form app_label.codename. */
int django_is_permission(const char *text);

/* mod_python.c, for the table: each is the function of the directive that it names. */
const char *django_set_python_handler(cmd_parms *command, void *section, const char *value);
const char *django_set_option(cmd_parms *command, void *section, const char *name, const char *value);
const char *django_set_variable(cmd_parms *command, void *section, const char *name, const char *value);
const char *django_unset_variable(cmd_parms *command, void *section, const char *name);
const char *django_pass_variable(cmd_parms *command, void *section, const char *name);

/* obsolete.c, for the table. */
int django_has_mod_python(void);
const char *django_ignore_directive(cmd_parms *command, void *section, const char *arguments);
const char *django_reject_handler(cmd_parms *command, void *section, const char *arguments);
const char *django_check_set_handler(cmd_parms *command, void *section, const char *handler);
const char *django_check_add_handler(cmd_parms *command, void *section, const char *handler, const char *extension);
const char *django_ignore_authoritative(cmd_parms *command, void *section, int on);

#if !HTTPD_24
/* require_line.c: checks a Require line of httpd 2.2, which itself accepts any text. */
const char *django_check_require(cmd_parms *command, void *section, const char *line);
#endif

#endif /* MOD_AUTHNZ_DJANGO_DIRECTIVES_H */
