/*
 * mod_authnz_django.h: what the module's files share.
 *
 *   mod_authnz_django.c              hooks, the authn provider, the handler of the old configuration
 *   mod_authnz_django_config.c       directives
 *   mod_authnz_django_verdict.c      one question per client request, and the log
 *   mod_authnz_django_status.c       503 and 429 where mod_auth_basic knows only 500
 *   mod_authnz_django_connections.c  connections to the daemon
 */
#ifndef MOD_AUTHNZ_DJANGO_H
#define MOD_AUTHNZ_DJANGO_H

#include "httpd_compat.h"
#include "djauth.h"

extern module AP_MODULE_DECLARE_DATA authnz_django_module;

/* A setting that this section leaves to the one around it. */
#define DJANGO_UNSET (-1)

/*
 * What one section (<Directory>, <Location>, .htaccess, server) says. NULL and DJANGO_UNSET mean: nothing. An
 * empty text is something: it takes back what a section around it says.
 */
typedef struct django_section {
    const char *settings_module;   /* DjangoSettingsModule */
    const char *option_module;     /* PythonOption DJANGO_SETTINGS_MODULE */
    const char *environment_module; /* SetEnv DJANGO_SETTINGS_MODULE */
    const char *permission;        /* "app_label.codename" */
    int staff;                     /* 0 or 1 */
    int superuser;                 /* 0 or 1 */
    int old_handler;               /* 1: PythonAuthenHandler stands here */
} django_section;

typedef struct django_connections django_connections;

/* What a server or virtual host says. */
typedef struct django_server {
    const char *socket; /* NULL: DJAUTH_DEFAULT_SOCKET */
    int timeout_ms;     /* DJANGO_UNSET: DJAUTH_DEFAULT_TIMEOUT_MS */
    int mentioned;      /* 1: a directive of ours stands in it, so its socket matters */
    django_connections *connections; /* in a child process only */
} django_server;

/* What is wanted of the account in this request; every default is filled in. */
typedef struct django_wanted {
    const char *site;       /* NULL: the daemon's only one */
    const char *permission; /* NULL: none */
    int staff;
    int superuser;
} django_wanted;

/* The outcome of one question. It lives as long as the client's request. */
typedef struct django_verdict {
    djauth_status status;
    int http_status;        /* OK, 401, 429, 500 or 503: what it means to the client */
    unsigned retry_after;   /* in seconds; 0 unless busy */
} django_verdict;

/* mod_authnz_django_config.c */
extern const command_rec django_directives[];
void *django_section_create(apr_pool_t *pool, char *path);
void *django_section_merge(apr_pool_t *pool, void *around, void *within);
void *django_server_create(apr_pool_t *pool, server_rec *server);
void *django_server_merge(apr_pool_t *pool, void *around, void *within);
django_section *django_section_of(const request_rec *r);
django_server *django_server_of(const server_rec *server);
const char *django_socket_of(const server_rec *server);
django_wanted django_wanted_of(const request_rec *r);

/* Warns about each socket that is not there. Not an error: the daemon may be started later. */
void django_warn_of_missing_sockets(apr_pool_t *pool, server_rec *server);

/* mod_authnz_django_connections.c */

/* In a child process, before its first request: gives every server its connections. None is opened yet. */
void django_connections_prepare(apr_pool_t *child, server_rec *server);

/* A handle for one question, NULL when there is no memory. Give it back with django_connection_release. */
djauth *django_connection_acquire(django_connections *connections);
void django_connection_release(django_connections *connections, djauth *handle);

/* mod_authnz_django_verdict.c */

/*
 * May this person in? Asks the daemon, once for each different question of a client's request: subrequests and
 * internal redirects get the first answer, faults included. user and password are as httpd decoded them.
 */
const django_verdict *django_check(request_rec *r, const char *user, const char *password);

/* mod_authnz_django_status.c */

/* The provider gave this verdict for r, where mod_auth_basic can only say 500. */
void django_status_remember(request_rec *r, const django_verdict *verdict);

/* Writes the verdict's Retry-After, and the status line that httpd 2.2 lacks. */
void django_status_decorate(request_rec *r, const django_verdict *verdict);

void django_status_register(apr_pool_t *pool);

/* What the module keeps with a request. */
typedef struct django_request {
    struct django_memo *memos;    /* on the client's own request: the questions asked so far */
    const django_verdict *failed; /* on any request: the verdict that its 500 stands for */
} django_request;

/* Makes it where there is none. */
django_request *django_request_of(request_rec *r);

#endif /* MOD_AUTHNZ_DJANGO_H */
