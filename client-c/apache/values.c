/* values.c: reads the values of directives. */
#include "directives.h"

#include "apr_strings.h"

const char *django_read_switch(apr_pool_t *pool, const char *said, const char *value, int *into)
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

const char *django_read_permission(apr_pool_t *pool, const char *said, const char *value, const char **into)
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

const char *django_read_settings_module(apr_pool_t *pool, const char *said, const char *value, const char **into)
{
    if (!django_is_utf8(value)) {
        return apr_psprintf(pool, "%s '%s': the name of a Django settings module is needed, in UTF-8", said, value);
    }
    *into = value;
    return NULL;
}
