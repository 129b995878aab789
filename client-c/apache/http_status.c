/*
 * http_status.c: 503 and 429 where mod_auth_basic knows only 500.
 *
 * A provider cannot choose the status: of authentication or of authorization, whatever is neither a grant nor a refusal
 * becomes 500. So the verdict is kept with the request, and the status is put right where httpd begins to write the
 * error. Which ErrorDocument is to be shown httpd looks up before that, at 500: so until then the document of the status
 * that is meant stands in the place of 500's.
 */
#include "mod_authnz_django.h"

#include "apr_strings.h"
#include "mod_core.h"
#include "util_filter.h"

/*
 * The page for 500 that was set for this request alone, which has precedence over ErrorDocument; NULL: none. Where httpd
 * has made no room yet it does so here: how much depends on the httpd that runs, not on the one that we were built for.
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

/* httpd's page for 500 is its own again. */
static void give_page_back(request_rec *r, django_request *kept)
{
    if (kept->page_taken) {
        *page_for_500(r) = kept->page_before;
        kept->page_taken = 0;
    }
}

/* As httpd spells it, so that a text stays a text and a path a path. Without an ErrorDocument of its own it is 500's. */
static void take_page(request_rec *r, django_request *kept, int status)
{
    char *page = ap_response_code_string(r, ap_index_of_response(status));

    if (page != NULL) {
        char **place = page_for_500(r);
        kept->page_before = *place;
        kept->page_taken = 1;
        *place = page;
    }
}

void django_status_remember(request_rec *r, const django_verdict *verdict)
{
    django_request *kept = django_request_of(r);

    give_page_back(r, kept);
    kept->failed = verdict;
    if (verdict->http_status != HTTP_INTERNAL_SERVER_ERROR) {
        take_page(r, kept, verdict->http_status);
    }
}

/* Writes the verdict's Retry-After, and the status line that httpd 2.2 lacks. */
static void decorate(request_rec *r, const django_verdict *verdict)
{
    if (verdict->retry_after != 0) {
        apr_table_setn(r->err_headers_out, "Retry-After", apr_psprintf(r->pool, "%u", verdict->retry_after));
    }
    if (verdict->http_status == HTTP_TOO_MANY_REQUESTS) {
        r->status_line = "429 Too Many Requests";
    } else if (verdict->http_status == HTTP_SERVICE_UNAVAILABLE) {
        r->status_line = "503 Service Unavailable"; /* also the title of the page, which httpd chose at 500 */
    }
}

int django_status_of_fault(request_rec *r, const django_verdict *verdict)
{
    django_request *kept = django_request_of(r);

    give_page_back(r, kept); /* httpd looks up the right one itself */
    kept->failed = verdict;
    decorate(r, verdict);
    return verdict->http_status;
}

static void put_right(request_rec *r, const request_rec *failing)
{
    const django_request *kept = ap_get_module_config(failing->request_config, &authnz_django_module);

    if (kept != NULL && kept->failed != NULL
        && (r->status == HTTP_INTERNAL_SERVER_ERROR || r->status == kept->failed->http_status)) {
        r->status = kept->failed->http_status;
        decorate(r, kept->failed);
    }
}

static void on_error(request_rec *r)
{
    put_right(r, r);
}

/*
 * An ErrorDocument that is a path answers with another request's body; httpd writes no error of its own then. A program
 * that makes it is told the status too. There may be more requests in between, as by mod_rewrite.
 */
static void on_error_document(request_rec *r)
{
    const request_rec *from;

    for (from = r->prev; from != NULL; from = from->prev) {
        const django_request *kept = ap_get_module_config(from->request_config, &authnz_django_module);

        if (kept != NULL && kept->failed != NULL) {
            put_right(r, from);
            if (r->status == kept->failed->http_status) {
                apr_table_setn(r->subprocess_env, "REDIRECT_STATUS", apr_itoa(r->pool, r->status));
            }
            break;
        }
    }
}

/*
 * A later module let the person in after all (AuthBasicAuthoritative Off): a 500 from here on is none of ours.
 * Fixups run only then.
 */
static int forget(request_rec *r)
{
    django_request *kept = ap_get_module_config(r->request_config, &authnz_django_module);

    if (kept != NULL) {
        give_page_back(r, kept);
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
