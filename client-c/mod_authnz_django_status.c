/*
 * mod_authnz_django_status.c: 503 and 429 where mod_auth_basic knows only 500.
 *
 * A provider cannot choose the status: of authentication or of authorization, whatever is neither a grant nor a refusal becomes 500. So the verdict is kept
 * with the request, and the status is put right where httpd begins to write the error.
 */
#include "mod_authnz_django.h"

#include "apr_strings.h"
#include "util_filter.h"

void django_status_remember(request_rec *r, const django_verdict *verdict)
{
    django_request_of(r)->failed = verdict;
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
    django_status_remember(r, verdict);
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

/* ErrorDocument 500 /page answers with another request's body; httpd writes no error of its own then. */
static void on_error_document(request_rec *r)
{
    if (r->prev != NULL) {
        put_right(r, r->prev);
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
