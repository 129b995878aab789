/*
 * compat.h: one name for what httpd 2.2 and 2.4 name differently.
 *
 * The other files use only this and what both versions have in common.
 */
#ifndef HTTPD_COMPAT_H
#define HTTPD_COMPAT_H

/* 2.2 declares core_request_config only if this is defined, as its own modules do; 2.4 always does. */
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
 * The last argument says that a verdict depends on the section's configuration and not on the URI, so that httpd need
 * not ask again for a subrequest in the same section. One module without it disables that for the whole server.
 */
#define compat_register_authn_provider(pool, name, provider)                                                          \
    ap_register_auth_provider((pool), AUTHN_PROVIDER_GROUP, (name), AUTHN_PROVIDER_VERSION, (provider),               \
                              AP_AUTH_INTERNAL_PER_CONF)
#define compat_hook_authenticate(function, after_these, before_these, order)                                          \
    ap_hook_check_authn((function), (after_these), (before_these), (order), AP_AUTH_INTERNAL_PER_CONF)

#define compat_hook_authorize(function, order)                                                                        \
    ap_hook_check_authz((function), NULL, NULL, (order), AP_AUTH_INTERNAL_PER_CONF)

/* The client's address; behind a proxy, the one that mod_remoteip sets. */
#define compat_client_address(r) ((r)->useragent_ip)

#define compat_in_htaccess(command) (ap_check_cmd_context((command), NOT_IN_HTACCESS) != NULL)

/* Whether a message of level debug would be logged: to compose one takes longer than a lease. */
#define compat_logs_debug(r) APLOGrdebug(r)

#else /* 2.2 */

#define compat_register_authn_provider(pool, name, provider)                                                          \
    ap_register_provider((pool), AUTHN_PROVIDER_GROUP, (name), "0", (provider))
#define compat_hook_authenticate(function, after_these, before_these, order)                                          \
    ap_hook_check_user_id((function), (after_these), (before_these), (order))
#define compat_hook_authorize(function, order) ap_hook_auth_checker((function), NULL, NULL, (order))
#define compat_client_address(r) ((r)->connection->remote_ip)

/* Directives that are parsed during a request have no other pool than the request's. */
#define compat_in_htaccess(command) ((command)->pool == (command)->temp_pool)

#define compat_logs_debug(r) ((r)->server->loglevel >= APLOG_DEBUG)

#define APLOG_USE_MODULE(name) extern module AP_MODULE_DECLARE_DATA name##_module

/* 2.2 has no status line for this: r->status_line must be set too. */
#define HTTP_TOO_MANY_REQUESTS 429

#endif

#endif /* HTTPD_COMPAT_H */
