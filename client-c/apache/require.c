/*
 * require.c: Require django-staff, django-superuser, django-permission and django-group.
 *
 * They ask about r->user, whoever has authenticated it. httpd 2.4 reads a line when it reads its configuration and calls
 * a provider; httpd 2.2 keeps the text and leaves the reading to the modules.
 */
#include "mod_authnz_django.h"

#include "apr_strings.h"

APLOG_USE_MODULE(authnz_django);

typedef enum keyword_of { STAFF, SUPERUSER, PERMISSION, GROUP, KEYWORDS } keyword_of;

static const char *const keywords[KEYWORDS] = {"django-staff", "django-superuser", "django-permission", "django-group"};

/* One name on the line. */
typedef struct word {
    const char *text;
#if HTTPD_24
    const ap_expr_info_t *expression; /* NULL: the text as it stands */
#endif
} word;

/* A line that was read. */
typedef struct requirement {
    keyword_of keyword;
    apr_array_header_t *words; /* of word */
} requirement;

/* NULL, or what is wrong with a name. */
static const char *check_name(apr_pool_t *pool, keyword_of keyword, const char *text)
{
    if (keyword == PERMISSION && !django_is_permission(text)) {
        return apr_psprintf(pool, "Require %s '%s': app_label.codename is needed, such as polls.can_vote",
                            keywords[keyword], text);
    }
    if (keyword == GROUP && (text[0] == '\0' || !django_is_utf8(text))) {
        return apr_psprintf(pool, "Require %s '%s': the name of a group is needed, in UTF-8", keywords[keyword], text);
    }
    return NULL;
}

/*
 * Each name is an expression of its own. Were the line one expression, a name out of a request could bring quotes and
 * blanks, and with them other names.
 */
static const char *read_word(cmd_parms *command, keyword_of keyword, const char *text, word *into)
{
    into->text = text;
#if HTTPD_24
    into->expression = NULL;
    if (strstr(text, "%{") != NULL) {
        const char *wrong = NULL;

        into->expression = ap_expr_parse_cmd(command, text, AP_EXPR_FLAG_STRING_RESULT, &wrong, NULL);
        if (wrong != NULL) {
            return apr_psprintf(command->pool, "Require %s '%s': this expression cannot be read: %s",
                                keywords[keyword], text, wrong);
        }
        return NULL;
    }
#endif
    return check_name(command->pool, keyword, text);
}

/* NULL, or what is wrong with the line. `rest` is what follows the keyword. */
static const char *read_line(cmd_parms *command, keyword_of keyword, const char *rest, const void **into)
{
    requirement *made = apr_pcalloc(command->pool, sizeof(*made));

    django_mention(command);
    made->keyword = keyword;
    made->words = apr_array_make(command->pool, 4, sizeof(word));
    while (*rest != '\0') {
        const char *text = ap_getword_conf(command->pool, &rest);
        const char *wrong = read_word(command, keyword, text, &APR_ARRAY_PUSH(made->words, word));

        if (wrong != NULL) {
            return wrong;
        }
    }
    if (keyword == STAFF || keyword == SUPERUSER) {
        if (made->words->nelts > 0) {
            return apr_psprintf(command->pool, "Require %s: nothing may follow, and here is '%s'", keywords[keyword],
                                APR_ARRAY_IDX(made->words, 0, word).text);
        }
    } else if (made->words->nelts == 0 || made->words->nelts > DJANGO_ALTERNATIVES_MAX) {
        return apr_psprintf(command->pool, "Require %s: %s needed, 1 to %d of them, and here are %d", keywords[keyword],
                            keyword == PERMISSION ? "permissions such as polls.can_vote are"
                                                  : "names of groups, in quotes where they have blanks, are",
                            DJANGO_ALTERNATIVES_MAX, made->words->nelts);
    }
    *into = made;
    return NULL;
}

/* The name, NULL with a line in the log where an expression cannot be evaluated or makes no sense. "" is none. */
static const char *name_of(request_rec *r, keyword_of keyword, const word *of)
{
#if HTTPD_24
    const char *wrong = NULL;
    const char *text;

    if (of->expression == NULL) {
        return of->text;
    }
    text = ap_expr_str_exec(r, of->expression, &wrong);
    if (wrong == NULL && text[0] != '\0') {
        wrong = check_name(r->pool, keyword, text);
    }
    if (wrong != NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "Require %s '%s': %s", keywords[keyword], of->text, wrong);
        return NULL;
    }
    return text;
#else
    (void)r;
    (void)keyword;
    return of->text;
#endif
}

static const django_verdict unmet = {DJAUTH_DENIED, HTTP_UNAUTHORIZED, 0, NULL};
static const django_verdict unreadable = {DJAUTH_ERROR, HTTP_INTERNAL_SERVER_ERROR, 0, NULL};

/* Does r->user, which is there, meet the line? */
static const django_verdict *judge(request_rec *r, const requirement *line)
{
    const char **names = apr_palloc(r->pool, (size_t)(line->words->nelts + 1) * sizeof(*names));
    django_wanted wanted = {.site = django_site_of(r)};
    const django_verdict *verdict;
    size_t count = 0;
    int i;

    for (i = 0; i < line->words->nelts; i++) {
        const char *name = name_of(r, line->keyword, &APR_ARRAY_IDX(line->words, i, word));

        if (name == NULL) {
            return &unreadable;
        }
        if (name[0] != '\0') {
            names[count++] = name;
        }
    }
    switch (line->keyword) {
    case STAFF:
        wanted.staff = 1;
        break;
    case SUPERUSER:
        wanted.superuser = 1;
        break;
    case PERMISSION:
        wanted.permissions = names;
        wanted.permissions_count = count;
        break;
    case GROUP:
    case KEYWORDS:
        wanted.groups = names;
        wanted.groups_count = count;
        break;
    }
    if (count == 0 && !wanted.staff && !wanted.superuser) {
        /* Every expression came to nothing; a question without names would require nothing. */
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "user '%.128s' does not meet Require %s: no name comes of it",
                      r->user, keywords[line->keyword]);
        return &unmet;
    }
    verdict = django_authorize(r, &wanted, keywords[line->keyword]);
    if (verdict->status == DJAUTH_GRANTED) {
        django_environment_add(r, verdict->account);
    }
    return verdict;
}

#if HTTPD_24

static const char *parse_staff(cmd_parms *command, const char *rest, const void **parsed)
{
    return read_line(command, STAFF, rest, parsed);
}

static const char *parse_superuser(cmd_parms *command, const char *rest, const void **parsed)
{
    return read_line(command, SUPERUSER, rest, parsed);
}

static const char *parse_permission(cmd_parms *command, const char *rest, const void **parsed)
{
    return read_line(command, PERMISSION, rest, parsed);
}

static const char *parse_group(cmd_parms *command, const char *rest, const void **parsed)
{
    return read_line(command, GROUP, rest, parsed);
}

/* A fault must be an error, which ends it, also under `Require not`: a mere "denied" would turn into its contrary. */
static authz_status check(request_rec *r, const char *rest, const void *parsed)
{
    const django_verdict *verdict;

    (void)rest;
    if (r->user == NULL) {
        return AUTHZ_DENIED_NO_USER; /* asked before authentication */
    }
    verdict = judge(r, parsed);
    switch (verdict->status) {
    case DJAUTH_GRANTED:
        return AUTHZ_GRANTED;
    case DJAUTH_DENIED:
    case DJAUTH_UNKNOWN_USER:
        return AUTHZ_DENIED;
    case DJAUTH_BUSY:
    case DJAUTH_ERROR:
    case DJAUTH_BAD_REQUEST:
        break;
    }
    django_status_remember(r, verdict);
    return AUTHZ_GENERAL_ERROR;
}

static const authz_provider providers[KEYWORDS] = {
    {check, parse_staff}, {check, parse_superuser}, {check, parse_permission}, {check, parse_group}};

void django_require_register(apr_pool_t *pool)
{
    int i;

    for (i = 0; i < KEYWORDS; i++) {
        ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, keywords[i], AUTHZ_PROVIDER_VERSION, &providers[i],
                                  AP_AUTH_INTERNAL_PER_CONF);
    }
}

#else /* 2.2 */

static keyword_of keyword_at(apr_pool_t *pool, const char **line)
{
    const char *first = ap_getword_white(pool, line);
    int i = 0;

    while (i < KEYWORDS && strcasecmp(first, keywords[i]) != 0) {
        i++;
    }
    return (keyword_of)i;
}

/*
 * Others' lines may be anything. But where lines are alternatives, one that nobody understands beside one that is met
 * means nothing: what was meant for us must not go that way.
 */
const char *django_require_read(cmd_parms *command, void *section, const char *line)
{
    const char *rest = line;
    keyword_of keyword = keyword_at(command->pool, &rest);
    const void *read;

    (void)section;
    if (keyword != KEYWORDS) {
        return read_line(command, keyword, rest, &read);
    }
    rest = line;
    if (strcasecmp(ap_getword_white(command->pool, &rest), "not") == 0
        && (keyword = keyword_at(command->pool, &rest)) != KEYWORDS) {
        return apr_psprintf(command->pool, "Require not %s: httpd 2.2 knows no \"not\"; its lines are alternatives",
                            keywords[keyword]);
    }
    if (strncasecmp(line, "django-", 7) == 0) {
        return apr_psprintf(command->pool,
                            "Require %s: known are django-staff, django-superuser, django-permission and django-group",
                            ap_getword_white(command->pool, &line));
    }
    return NULL;
}

/* The lines were read once already: this cannot fail. */
static requirement *again(request_rec *r, keyword_of keyword, const char *line)
{
    requirement *made = apr_pcalloc(r->pool, sizeof(*made));

    made->keyword = keyword;
    made->words = apr_array_make(r->pool, 4, sizeof(word));
    while (*line != '\0') {
        APR_ARRAY_PUSH(made->words, word).text = ap_getword_conf(r->pool, &line);
    }
    return made;
}

/* The lines of a section are alternatives. Only ours are judged here; the first that is met lets in. */
static int authorize(request_rec *r)
{
    const apr_array_header_t *lines = ap_requires(r);
    int ours = 0;
    int i;

    for (i = 0; lines != NULL && i < lines->nelts; i++) {
        const require_line *line = &APR_ARRAY_IDX(lines, i, require_line);
        const char *rest = line->requirement;
        const django_verdict *verdict;
        keyword_of keyword;

        if ((line->method_mask & (AP_METHOD_BIT << r->method_number)) == 0
            || (keyword = keyword_at(r->pool, &rest)) == KEYWORDS) {
            continue;
        }
        ours = 1;
        if (r->user == NULL) {
            break;
        }
        verdict = judge(r, again(r, keyword, rest));
        if (verdict->status == DJAUTH_GRANTED) {
            return OK;
        }
        if (verdict->http_status != HTTP_UNAUTHORIZED) {
            return django_status_of_fault(r, verdict);
        }
    }
    if (!ours || django_section_of(r)->authoritative == 0) {
        return DECLINED;
    }
    ap_note_auth_failure(r);
    return HTTP_UNAUTHORIZED;
}

void django_require_register(apr_pool_t *pool)
{
    static const char *const before_these[] = {"mod_authz_user.c", "mod_authz_groupfile.c", "mod_authz_owner.c", NULL};

    (void)pool;
    ap_hook_auth_checker(authorize, NULL, before_these, APR_HOOK_MIDDLE);
}

#endif
