/* require.h: a parsed Require line, for require.c and require_line.c. */
#ifndef MOD_AUTHNZ_DJANGO_REQUIRE_H
#define MOD_AUTHNZ_DJANGO_REQUIRE_H

#include "mod_authnz_django.h"

typedef enum django_keyword {
    DJANGO_STAFF,
    DJANGO_SUPERUSER,
    DJANGO_PERMISSION,
    DJANGO_GROUP,
    DJANGO_KEYWORDS /* their number; also: no keyword of this module */
} django_keyword;

extern const char *const django_keywords[DJANGO_KEYWORDS];

typedef struct django_require_line {
    django_keyword keyword;
    apr_array_header_t *names; /* private to require_line.c */
} django_require_line;

/* Parses the line; `rest` follows the keyword. Returns NULL or an error message. */
const char *django_require_parse(cmd_parms *command, django_keyword keyword, const char *rest,
                                 const django_require_line **result);

/*
 * The names for this request, with expressions evaluated; names that evaluate to "" are omitted. Returns NULL, after
 * logging the reason, if an expression cannot be evaluated or its value is invalid.
 */
const char *const *django_require_names(request_rec *r, const django_require_line *line, size_t *count);

#if !HTTPD_24
/* The keyword that the line begins with, which is consumed. */
django_keyword django_require_keyword(apr_pool_t *pool, const char **line);

/* Parses again a line that was accepted at configuration time. */
const django_require_line *django_require_reparse(request_rec *r, django_keyword keyword, const char *rest);
#endif

#endif /* MOD_AUTHNZ_DJANGO_REQUIRE_H */
