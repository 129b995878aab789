/*
 * status_page.c: the daemon's status, for administrators. SetHandler django-auth-status serves the page that the daemon
 * renders; the page of mod_status gets a short block.
 */
#include "mod_authnz_django.h"

#include "apr_lib.h"
#include "apr_optional_hooks.h"
#include "apr_strings.h"
#include "lib/limits.h"
#include "mod_status.h"

APLOG_USE_MODULE(authnz_django);

#define HANDLER "django-auth-status"

/* The interval of ?refresh without a valid number, in seconds, as in mod_status. */
#define REFRESH_DEFAULT 10

/* The page of mod_status has other content as well: it does not wait longer than this. */
#define BLOCK_TIMEOUT_MS 1000

static unsigned refresh_of(const char *text)
{
    apr_int64_t seconds = apr_isdigit(*text) ? apr_strtoi64(text, NULL, 10) : 0;

    return seconds < 1 || seconds > DJAUTH_REFRESH_MAX_S ? REFRESH_DEFAULT : (unsigned)seconds;
}

/* Parses the query string. Unknown words are ignored, as in mod_status. */
static void read_arguments(request_rec *r, djauth_page_format *format, unsigned *refresh)
{
    const char *rest = r->args != NULL ? r->args : "";

    while (*rest != '\0') {
        const char *word = ap_getword(r->pool, &rest, '&');
        if (strcmp(word, "auto") == 0) {
            *format = DJAUTH_PAGE_TEXT;
        } else if (strcmp(word, "prometheus") == 0) {
            *format = DJAUTH_PAGE_PROMETHEUS;
        } else if (strcmp(word, "json") == 0) {
            *format = DJAUTH_PAGE_JSON;
        } else if (strcmp(word, "refresh") == 0) {
            *refresh = REFRESH_DEFAULT;
        } else if (strncmp(word, "refresh=", 8) == 0) {
            *refresh = refresh_of(word + 8);
        }
    }
}

/* Asks the daemon. The texts of the page are in the request's pool. */
static djauth_page fetch(request_rec *r, djauth_page_format format, unsigned refresh, int timeout_ms)
{
    const django_server *server = django_server_of(r->server);
    djauth_page page = {.status = DJAUTH_ERROR, .reason = "out of memory", .media_type = "", .body = ""};
    djauth *handle = django_connection_acquire(server->connections);

    if (handle != NULL) {
        djauth_status_page(handle, format, refresh, timeout_ms, &page);
    }
    page.reason = apr_pstrdup(r->pool, page.reason);
    page.media_type = apr_pstrdup(r->pool, page.media_type);
    page.body = apr_pstrdup(r->pool, page.body);
    if (handle != NULL) {
        django_connection_release(server->connections, handle); /* the page's own texts belonged to it */
    }
    return page;
}

static int serve(request_rec *r)
{
    djauth_page_format format = DJAUTH_PAGE_HTML;
    unsigned refresh = 0;
    djauth_page page;

    if (r->handler == NULL || strcmp(r->handler, HANDLER) != 0) {
        return DECLINED;
    }
    if (r->method_number != M_GET) { /* which includes HEAD */
        ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, -1);
        return HTTP_METHOD_NOT_ALLOWED;
    }

    read_arguments(r, &format, &refresh);
    /* An error must not be cached either. */
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    page = fetch(r, format, refresh, django_timeout_of(r->server));
    if (page.status != DJAUTH_GRANTED) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "no status page from djauthd at %s: %s",
                      django_socket_of(r->server), page.reason);
        return page.status == DJAUTH_BAD_REQUEST ? HTTP_INTERNAL_SERVER_ERROR : HTTP_SERVICE_UNAVAILABLE;
    }
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    ap_set_content_type(r, page.media_type);
    ap_set_content_length(r, (apr_off_t)strlen(page.body));
    if (!r->header_only) {
        ap_rputs(page.body, r);
    }
    return OK;
}

/* ---- mod_status ---- */

/* Whether any server uses this module; if none does, the block would mean nothing. */
static int is_used = 0;

/* Called before the child's first request and never again: no thread sees it change. */
static void note_use(apr_pool_t *child, server_rec *server)
{
    (void)child;
    for (; server != NULL; server = server->next) {
        is_used |= django_server_of(server)->in_use;
    }
}

/* What the block shows unless ExtendedStatus is On. */
static int is_brief(const char *name)
{
    static const char *const names[] = {"Server", "UptimeSeconds", "ChecksPerSecond", "HitRatio", "Granted", "Denied",
                                        "Busy", "Error", "HashesRunning", "HashesQueued", "Sites", "DatabasesDown"};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static void write_line(request_rec *r, int flags, const char *name, const char *value)
{
    if ((flags & AP_STATUS_SHORT) != 0) {
        ap_rvputs(r, "Djauthd", name, ": ", value, "\n", NULL);
    } else {
        ap_rvputs(r, "<dt>", ap_escape_html(r->pool, name), ": ", ap_escape_html(r->pool, value), "</dt>\n", NULL);
    }
}

static void write_leases(request_rec *r, int flags)
{
    django_lease_figures figures;
    apr_uint64_t asked;

    if (!django_leases_figures(&figures)) {
        return;
    }
    asked = figures.hits + figures.misses;
    write_line(r, flags, "ApacheLeases", apr_psprintf(r->pool, "%" APR_SIZE_T_FMT, figures.size));
    write_line(r, flags, "ApacheLeasesUsed", apr_psprintf(r->pool, "%" APR_SIZE_T_FMT, figures.used));
    write_line(r, flags, "ApacheLeaseHits", apr_psprintf(r->pool, "%" APR_UINT64_T_FMT, (apr_uint64_t)figures.hits));
    write_line(r, flags, "ApacheLeaseHitRatio",
               apr_psprintf(r->pool, "%.3f", asked > 0 ? (double)figures.hits / (double)asked : 0.0));
}

static int write_block(request_rec *r, int flags)
{
    djauth_page page;
    const char *rest;
    int waiting;
    int limit;

    if (!is_used) {
        return DECLINED;
    }
    page = fetch(r, DJAUTH_PAGE_TEXT, 0, BLOCK_TIMEOUT_MS);
    waiting = django_waiting_now(&limit);
    if ((flags & AP_STATUS_SHORT) == 0) {
        ap_rputs("<hr />\n<h1>Django accounts (djauthd)</h1>\n<dl>\n", r);
    }
    if (page.status != DJAUTH_GRANTED) {
        write_line(r, flags, "State", "not answering");
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "no status from djauthd at %s: %s", django_socket_of(r->server),
                      page.reason);
    }
    if (limit > 0) {
        write_line(r, flags, "ApacheWaiting", apr_itoa(r->pool, waiting));
        write_line(r, flags, "ApacheMaxWaiting", apr_itoa(r->pool, limit));
    }
    write_leases(r, flags);
    rest = page.body;
    while (*rest != '\0') {
        const char *value = ap_getword(r->pool, &rest, '\n');
        const char *name = ap_getword(r->pool, &value, ':');
        if ((flags & AP_STATUS_EXTENDED) != 0 || is_brief(name)) {
            write_line(r, flags, name, *value == ' ' ? value + 1 : value);
        }
    }
    if ((flags & AP_STATUS_SHORT) == 0) {
        ap_rputs("</dl>\n", r);
    }
    return OK;
}

void django_status_page_register(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_child_init(note_use, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(serve, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(ap, status_hook, write_block, NULL, NULL, APR_HOOK_MIDDLE);
}
