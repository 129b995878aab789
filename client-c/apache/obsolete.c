/*
 * obsolete.c: directives of old configurations that have lost their meaning. Those that configured Python are accepted
 * with a warning; those that would run Python code are errors, because the server would silently do less than before.
 */
#include "directives.h"

#include "apr_strings.h"

/* If mod_python is loaded as well, its directives are its own. */
int django_has_mod_python(void)
{
    return ap_find_linked_module("mod_python.c") != NULL;
}

const char *django_ignore_directive(cmd_parms *command, void *section, const char *arguments)
{
    (void)section;
    (void)arguments;
    if (!django_has_mod_python()) {
        django_warn_at_start(command, "ignored: mod_python is not loaded, and mod_authnz_django runs no Python code");
    }
    return NULL;
}

const char *django_reject_handler(cmd_parms *command, void *section, const char *arguments)
{
    (void)section;
    if (django_has_mod_python()) {
        return NULL;
    }
    return apr_psprintf(command->pool, "%s %s: %s", command->cmd->name, arguments, command->cmd->errmsg);
}

/*
 * SetHandler and AddHandler belong to httpd and mod_mime. Without mod_python, httpd would ignore its handlers and send the
 * files themselves: the source of the site.
 */
static const char *check_handler(cmd_parms *command, const char *handler)
{
    if (django_has_mod_python()
        || (strcasecmp(handler, "mod_python") != 0 && strcasecmp(handler, "python-program") != 0)) {
        return NULL;
    }
    return apr_psprintf(command->pool,
                        "%s %s: mod_python is not loaded, and httpd would send the files as they are: remove the line, and "
                        "serve the site with mod_wsgi or mod_proxy",
                        command->cmd->name, handler);
}

const char *django_check_set_handler(cmd_parms *command, void *section, const char *handler)
{
    (void)section;
    return check_handler(command, handler);
}

const char *django_check_add_handler(cmd_parms *command, void *section, const char *handler, const char *extension)
{
    (void)section;
    (void)extension;
    if (ap_find_linked_module("mod_mime.c") == NULL) {
        return "AddHandler: mod_mime is not loaded";
    }
    return check_handler(command, handler);
}

/*
 * Off was written for httpd 2.0 and 2.2, and is what later versions do. On asks for what they do not do: an unmet line of
 * one module that denies access although another module's line is met.
 */
const char *django_ignore_authoritative(cmd_parms *command, void *section, int on)
{
    (void)section;
    if (on) {
        return apr_psprintf(command->pool,
                            "%s On: not supported by this httpd: remove the line, and combine Require lines with "
                            "<RequireAll>, <RequireAny> and <RequireNone>",
                            command->cmd->name);
    }
    django_warn_at_start(command, "ignored: this httpd has no such directive");
    return NULL;
}
