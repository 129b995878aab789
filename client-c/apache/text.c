/* text.c: what is well-formed UTF-8, and what a permission looks like. */
#include "mod_authnz_django.h"

#include "apr_lib.h"

/* The length of one well-formed UTF-8 character at `at`, 0 where there is none. */
static size_t character(const unsigned char *at)
{
    size_t length = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;
    size_t i;

    for (i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    /* overlong forms, surrogates, past the last character */
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90)
        || (at[0] == 0xf4 && at[1] > 0x8f)) {
        return 0;
    }
    return length;
}

int django_is_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at != '\0') {
        size_t length = character(at);
        if (length == 0) {
            return 0;
        }
        at += length;
    }
    return 1;
}

/* An app label is a Python identifier. A codename is any text, but one with a blank in it is a slip of the pen. */
int django_is_permission(const char *text)
{
    const char *dot = strchr(text, '.');
    const char *at;

    if (dot == NULL || dot == text || dot[1] == '\0' || apr_isdigit(text[0]) || !django_is_utf8(text)) {
        return 0;
    }
    for (at = text; *at != '\0'; at++) {
        unsigned char octet = (unsigned char)*at;
        if (octet <= ' ' || octet == 0x7f || (at < dot && octet < 0x80 && !apr_isalnum(octet) && octet != '_')) {
            return 0;
        }
    }
    return 1;
}
