/* require_line.c: parses a line Require django-…, and evaluates the expressions in its names. */
#include "directives.h"
#include "require.h"

#include "apr_strings.h"
#include "lib/limits.h"

APLOG_USE_MODULE(authnz_django);

const char *const django_keywords[DJANGO_KEYWORDS] = {"django-staff", "django-superuser", "django-permission",
                                                      "django-group"};

typedef struct name {
    const char *text;
#if HTTPD_24
    const ap_expr_info_t *expression; /* NULL: the text is the name */
#endif
} name;

/* Returns NULL or an error message. */
static const char *check_name(apr_pool_t *pool, django_keyword keyword, const char *text)
{
    if (keyword == DJANGO_PERMISSION && !django_is_permission(text)) {
        return apr_psprintf(pool,
                            "Require %s '%s': invalid permission; accepted: app_label.codename, such as polls.can_vote",
                            django_keywords[keyword], text);
    }
    if (keyword == DJANGO_GROUP && (text[0] == '\0' || !django_is_utf8(text))) {
        return apr_psprintf(pool, "Require %s '%s': invalid group name; accepted: a name in UTF-8",
                            django_keywords[keyword], text);
    }
    return NULL;
}

/*
 * Each name is an expression of its own. If the line were one expression, a value from the request could contain quotes
 * and spaces, and so add further names.
 */
static const char *parse_name(cmd_parms *command, django_keyword keyword, const char *text, name *result)
{
    result->text = text;
#if HTTPD_24
    result->expression = NULL;
    if (strstr(text, "%{") != NULL) {
        const char *error = NULL;

        result->expression = ap_expr_parse_cmd(command, text, AP_EXPR_FLAG_STRING_RESULT, &error, NULL);
        if (error != NULL) {
            return apr_psprintf(command->pool, "Require %s '%s': invalid expression: %s", django_keywords[keyword], text,
                                error);
        }
        return NULL;
    }
#endif
    return check_name(command->pool, keyword, text);
}

static const char *check_count(apr_pool_t *pool, const django_require_line *line)
{
    int count = line->names->nelts;

    if (line->keyword == DJANGO_STAFF || line->keyword == DJANGO_SUPERUSER) {
        return count == 0 ? NULL
                          : apr_psprintf(pool, "Require %s: too many arguments: '%s'; accepted: none",
                                         django_keywords[line->keyword], APR_ARRAY_IDX(line->names, 0, name).text);
    }
    if (count >= 1 && count <= DJAUTH_ALTERNATIVES_MAX) {
        return NULL;
    }
    return apr_psprintf(pool, "Require %s: %d arguments; accepted: 1 to %d %s", django_keywords[line->keyword], count,
                        DJAUTH_ALTERNATIVES_MAX,
                        line->keyword == DJANGO_PERMISSION ? "permissions, such as polls.can_vote"
                                                           : "group names, in quotes if they contain spaces");
}

const char *django_require_parse(cmd_parms *command, django_keyword keyword, const char *rest,
                                 const django_require_line **result)
{
    django_require_line *line = apr_pcalloc(command->pool, sizeof(*line));

    django_mark_in_use(command);
    line->keyword = keyword;
    line->names = apr_array_make(command->pool, 4, sizeof(name));
    *result = line;
    while (*rest != '\0') {
        const char *text = ap_getword_conf(command->pool, &rest);
        const char *error = parse_name(command, keyword, text, &APR_ARRAY_PUSH(line->names, name));

        if (error != NULL) {
            return error;
        }
    }
    return check_count(command->pool, line);
}

/* Returns NULL, after logging the reason, if the expression cannot be evaluated or its value is invalid. */
static const char *evaluate(request_rec *r, django_keyword keyword, const name *of)
{
#if HTTPD_24
    const char *error = NULL;
    const char *text;

    if (of->expression == NULL) {
        return of->text;
    }
    text = ap_expr_str_exec(r, of->expression, &error);
    if (error == NULL && text[0] != '\0') {
        error = check_name(r->pool, keyword, text);
    }
    if (error != NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "Require %s '%s': %.512s", django_keywords[keyword], of->text, error);
        return NULL;
    }
    return text;
#else
    (void)r;
    (void)keyword;
    return of->text;
#endif
}

const char *const *django_require_names(request_rec *r, const django_require_line *line, size_t *count)
{
    const char **names = apr_palloc(r->pool, (size_t)(line->names->nelts + 1) * sizeof(*names));
    int i;

    *count = 0;
    for (i = 0; i < line->names->nelts; i++) {
        const char *text = evaluate(r, line->keyword, &APR_ARRAY_IDX(line->names, i, name));

        if (text == NULL) {
            return NULL;
        }
        if (text[0] != '\0') {
            names[(*count)++] = text;
        }
    }
    return names;
}

#if !HTTPD_24

django_keyword django_require_keyword(apr_pool_t *pool, const char **line)
{
    const char *first = ap_getword_white(pool, line);
    int i = 0;

    while (i < DJANGO_KEYWORDS && strcasecmp(first, django_keywords[i]) != 0) {
        i++;
    }
    return (django_keyword)i;
}

/*
 * Lines of other modules may contain anything. But httpd 2.2 treats lines as alternatives and ignores those that no
 * module understands, so a line that was meant for this module must not be misspelled.
 */
const char *django_check_require(cmd_parms *command, void *section, const char *line)
{
    const char *rest = line;
    django_keyword keyword = django_require_keyword(command->pool, &rest);
    const django_require_line *parsed;

    (void)section;
    if (keyword != DJANGO_KEYWORDS) {
        return django_require_parse(command, keyword, rest, &parsed);
    }
    rest = line;
    if (strcasecmp(ap_getword_white(command->pool, &rest), "not") == 0
        && (keyword = django_require_keyword(command->pool, &rest)) != DJANGO_KEYWORDS) {
        return apr_psprintf(command->pool, "Require not %s: httpd 2.2 does not support \"not\"", django_keywords[keyword]);
    }
    if (strncasecmp(line, "django-", 7) == 0) {
        return apr_psprintf(command->pool,
                            "Require %s: unknown requirement; accepted: django-staff, django-superuser, django-permission "
                            "and django-group",
                            ap_getword_white(command->pool, &line));
    }
    return NULL;
}

const django_require_line *django_require_reparse(request_rec *r, django_keyword keyword, const char *rest)
{
    django_require_line *line = apr_pcalloc(r->pool, sizeof(*line));

    line->keyword = keyword;
    line->names = apr_array_make(r->pool, 4, sizeof(name));
    while (*rest != '\0') {
        APR_ARRAY_PUSH(line->names, name).text = ap_getword_conf(r->pool, &rest);
    }
    return line;
}

#endif
