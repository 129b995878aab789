/*
 * compat.h: what httpd 2.2 and 2.4 call differently, under one name.
 *
 * Everything that is not the same in both stands here; the rest of the module uses only what both have.
 */
#ifndef HTTPD_COMPAT_H
#define HTTPD_COMPAT_H

/* 2.2 shows core_request_config only to those who ask for it, as its own modules do; 2.4 does to all. */
#define CORE_PRIVATE 1

#include "httpd.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"
#include "ap_provider.h"
#include "mod_auth.h"

#if AP_MODULE_MAGIC_AT_LEAST(20120211, 0)
#define HTTPD_24 1
#else
#define HTTPD_24 0
#endif

#if HTTPD_24

/*
 * The last argument says that a verdict depends on the section's configuration and not on the URI, so that httpd
 * need not ask again for a subrequest of the same section. One module without it turns that off for the server.
 */
#define compat_register_authn_provider(pool, name, provider)                                                          \
    ap_register_auth_provider((pool), AUTHN_PROVIDER_GROUP, (name), AUTHN_PROVIDER_VERSION, (provider),               \
                              AP_AUTH_INTERNAL_PER_CONF)
#define compat_hook_authenticate(function, after_these, before_these, order)                                          \
    ap_hook_check_authn((function), (after_these), (before_these), (order), AP_AUTH_INTERNAL_PER_CONF)

/* The person's address: what mod_remoteip says, behind a proxy. */
#define compat_client_address(r) ((r)->useragent_ip)

#define compat_in_htaccess(command) (ap_check_cmd_context((command), NOT_IN_HTACCESS) != NULL)

#else /* 2.2 */

#define compat_register_authn_provider(pool, name, provider)                                                          \
    ap_register_provider((pool), AUTHN_PROVIDER_GROUP, (name), "0", (provider))
#define compat_hook_authenticate(function, after_these, before_these, order)                                          \
    ap_hook_check_user_id((function), (after_these), (before_these), (order))
#define compat_client_address(r) ((r)->connection->remote_ip)

/* What is read in a request has but the request's pool. */
#define compat_in_htaccess(command) ((command)->pool == (command)->temp_pool)

#define APLOG_USE_MODULE(name) extern module AP_MODULE_DECLARE_DATA name##_module

/* 2.2 knows no line for this status: whoever answers it sets r->status_line too. */
#define HTTP_TOO_MANY_REQUESTS 429

#endif

#endif /* HTTPD_COMPAT_H */
