/* values.c: parses the values of directives. */
#include "directives.h"

#include "apr_lib.h"
#include "apr_strings.h"
#include "lib/utf8.h"

const char *django_parse_switch(apr_pool_t *pool, const char *name, const char *value, int *result)
{
    static const char *const on[] = {"on", "1", "true", "yes", NULL};
    static const char *const off[] = {"off", "0", "false", "no", NULL};
    int i;

    for (i = 0; on[i] != NULL; i++) {
        if (strcasecmp(value, on[i]) == 0) {
            *result = 1;
            return NULL;
        }
        if (strcasecmp(value, off[i]) == 0) {
            *result = 0;
            return NULL;
        }
    }
    return apr_psprintf(pool, "%s '%s': invalid value; accepted: On or Off (also 1, true, yes and 0, false, no)", name,
                        value);
}

const char *django_parse_permission(apr_pool_t *pool, const char *name, const char *value, const char **result)
{
    if (value[0] == '\0' || strcasecmp(value, "none") == 0) {
        *result = "";
        return NULL;
    }
    if (!django_is_permission(value)) {
        return apr_psprintf(pool,
                            "%s '%s': invalid permission; accepted: app_label.codename, such as polls.can_vote, or none",
                            name, value);
    }
    *result = value;
    return NULL;
}

const char *django_parse_settings_module(apr_pool_t *pool, const char *name, const char *value, const char **result)
{
    if (!django_is_utf8(value)) {
        return apr_psprintf(pool, "%s '%s': invalid settings module; accepted: a name in UTF-8", name, value);
    }
    *result = value;
    return NULL;
}

int django_is_utf8(const char *text)
{
    return djauth_is_utf8(text, strlen(text));
}

/* An app label is a Python identifier. A codename is any text, but a space in it is a typing error. */
int django_is_permission(const char *text)
{
    const char *dot = strchr(text, '.');
    const char *next;

    if (dot == NULL || dot == text || dot[1] == '\0' || apr_isdigit(text[0]) || !django_is_utf8(text)) {
        return 0;
    }
    for (next = text; *next != '\0'; next++) {
        unsigned char octet = (unsigned char)*next;
        if (octet <= ' ' || octet == 0x7f || (next < dot && octet < 0x80 && !apr_isalnum(octet) && octet != '_')) {
            return 0;
        }
    }
    return 1;
}
