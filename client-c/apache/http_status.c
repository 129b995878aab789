/*
 * http_status.c: 503, 429 and 403 where httpd itself would send 500.
 *
 * A provider cannot choose the status: httpd turns whatever is neither a grant nor a denial into 500. So the verdict is
 * kept with the request, and the status is rewritten when httpd begins to write the error response. httpd looks up the
 * ErrorDocument before that, for 500: so until then, the ErrorDocument of the intended status replaces that of 500.
 */
#include "mod_authnz_django.h"

#include "apr_strings.h"
#include "mod_core.h"
#include "util_filter.h"

/*
 * The page for 500 that is set for this request alone, which takes precedence over ErrorDocument; NULL: none. The array
 * is allocated by httpd itself: its size depends on the httpd that runs, not on the one that the module was built for.
 */
static char **page_for_500(request_rec *r)
{
    core_request_config *core = ap_get_module_config(r->request_config, &core_module);

    if (core->response_code_strings == NULL) {
        ap_custom_response(r, HTTP_INTERNAL_SERVER_ERROR, "");
        core->response_code_strings[ap_index_of_response(HTTP_INTERNAL_SERVER_ERROR)] = NULL;
    }
    return &core->response_code_strings[ap_index_of_response(HTTP_INTERNAL_SERVER_ERROR)];
}

static void restore_page(request_rec *r, django_request *kept)
{
    if (kept->page_replaced) {
        *page_for_500(r) = kept->original_page;
        kept->page_replaced = 0;
    }
}

/* What httpd would write without an ErrorDocument; the page of 500 would speak of a misconfiguration. */
#define FORBIDDEN_PAGE                                                                                                \
    "\"<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>403 Forbidden</title>\n</head><body>\n" \
    "<h1>Forbidden</h1>\n<p>You don't have permission to access this resource.</p>\n</body></html>\n"

/* The page is copied as httpd keeps it, so that a text stays a text and a path a path. Without one, 500's is used. */
static void replace_page(request_rec *r, django_request *kept, int status)
{
    char *page = ap_response_code_string(r, ap_index_of_response(status));

    if (page == NULL && status == HTTP_FORBIDDEN) {
        page = apr_pstrdup(r->pool, FORBIDDEN_PAGE);
    }
    if (page != NULL) {
        char **page_of_500 = page_for_500(r);
        kept->original_page = *page_of_500;
        kept->page_replaced = 1;
        *page_of_500 = page;
    }
}

void django_status_remember(request_rec *r, const django_verdict *verdict)
{
    django_request *kept = django_request_of(r);

    restore_page(r, kept);
    kept->failed = verdict;
    if (verdict->http_status != HTTP_INTERNAL_SERVER_ERROR) {
        replace_page(r, kept, verdict->http_status);
    }
}

/* Sets Retry-After, and the status line that httpd 2.2 lacks. */
static void set_headers(request_rec *r, const django_verdict *verdict)
{
    if (verdict->retry_after != 0) {
        apr_table_setn(r->err_headers_out, "Retry-After", apr_psprintf(r->pool, "%u", verdict->retry_after));
    }
    if (verdict->http_status == HTTP_TOO_MANY_REQUESTS) {
        r->status_line = "429 Too Many Requests";
    } else if (verdict->http_status == HTTP_FORBIDDEN) {
        r->status_line = "403 Forbidden";
    } else if (verdict->http_status == HTTP_SERVICE_UNAVAILABLE) {
        r->status_line = "503 Service Unavailable"; /* also the title of the page, which httpd chose for 500 */
    }
}

int django_status_of_fault(request_rec *r, const django_verdict *verdict)
{
    django_request *kept = django_request_of(r);

    restore_page(r, kept); /* httpd looks up the right one itself */
    kept->failed = verdict;
    set_headers(r, verdict);
    return verdict->http_status;
}

static void rewrite_status(request_rec *r, const request_rec *failed_request)
{
    const django_request *kept = ap_get_module_config(failed_request->request_config, &authnz_django_module);

    if (kept != NULL && kept->failed != NULL
        && (r->status == HTTP_INTERNAL_SERVER_ERROR || r->status == kept->failed->http_status)) {
        r->status = kept->failed->http_status;
        set_headers(r, kept->failed);
    }
}

static void on_error(request_rec *r)
{
    rewrite_status(r, r);
}

/*
 * An ErrorDocument that is a path is served as another request; httpd writes no error response of its own then. If it is
 * a program, it is told the status too. There may be further requests in between, such as those of mod_rewrite.
 */
static void on_error_document(request_rec *r)
{
    const request_rec *outer;

    for (outer = r->prev; outer != NULL; outer = outer->prev) {
        const django_request *kept = ap_get_module_config(outer->request_config, &authnz_django_module);

        if (kept != NULL && kept->failed != NULL) {
            rewrite_status(r, outer);
            if (r->status == kept->failed->http_status) {
                apr_table_setn(r->subprocess_env, "REDIRECT_STATUS", apr_itoa(r->pool, r->status));
            }
            break;
        }
    }
}

/*
 * If a later module has authenticated the user after all (AuthBasicAuthoritative Off), a 500 from here on has another
 * cause. Fixups run only then.
 */
static int forget(request_rec *r)
{
    django_request *kept = ap_get_module_config(r->request_config, &authnz_django_module);

    if (kept != NULL) {
        restore_page(r, kept);
        kept->failed = NULL;
    }
    return DECLINED;
}

void django_status_register(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_insert_error_filter(on_error, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_filter(on_error_document, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_fixups(forget, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
