/* utf8.h: well-formed UTF-8, for the library, the command and the Apache module. Internal. */
#ifndef DJAUTH_UTF8_H
#define DJAUTH_UTF8_H

#include <stddef.h>

/*
 * The length of the well-formed character at the start of the text; 0 if there is none. Overlong forms, surrogates and
 * anything beyond U+10FFFF are not well-formed.
 */
size_t djauth_utf8_character(const char *text, size_t length);

/* Whether the whole text is well-formed. */
int djauth_is_utf8(const char *text, size_t length);

#endif /* DJAUTH_UTF8_H */
