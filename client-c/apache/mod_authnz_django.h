/*
 * mod_authnz_django.h: what the module's files share.
 *
 *   mod_authnz_django.c              hooks, the authn provider, the handler of the old configuration
 *   directives.c       directives
 *   mod_python.c          those of the old configuration
 *   values.c        their values
 *   section.c      what sections and servers say, and how they inherit it
 *   text.c         what is well-formed UTF-8, and what a permission looks like
 *   verdict.c      one question per client request, and the log
 *   require.c      Require django-staff and its like
 *   environment.c  AUTHENTICATE_*, and how REMOTE_USER is spelled
 *   http_status.c       503 and 429 where mod_auth_basic knows only 500
 *   status_page.c  how the daemon does: SetHandler django-auth-status, and for mod_status
 *   connections.c  connections to the daemon
 */
#ifndef MOD_AUTHNZ_DJANGO_H
#define MOD_AUTHNZ_DJANGO_H

#include "compat.h"
#include "djauth.h"

extern module AP_MODULE_DECLARE_DATA authnz_django_module;

/* The variable that names a site to Django, and did so to its old handler. */
#define DJANGO_SETTINGS_VARIABLE "DJANGO_SETTINGS_MODULE"

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
    int canonical_user;            /* 0 or 1: REMOTE_USER is the database's spelling */
    int authoritative;             /* 0 or 1, for httpd 2.2: AuthzDjangoAuthoritative */
} django_section;

typedef struct django_connections django_connections;

/* What a server or virtual host says. */
typedef struct django_server {
    const char *socket; /* NULL: DJAUTH_DEFAULT_SOCKET */
    int timeout_ms;     /* DJANGO_UNSET: DJAUTH_DEFAULT_TIMEOUT_MS */
    int mentioned;      /* 1: a directive of ours stands in it, so its socket matters */
    django_connections *connections; /* in a child process only */
} django_server;

/* The most names that one Require line may have: protocol/limits.ts, ALTERNATIVES_MAX. */
#define DJANGO_ALTERNATIVES_MAX 64

/* What is wanted of the account; every default is filled in. */
typedef struct django_wanted {
    const char *site; /* NULL: the daemon's only one */
    int staff;
    int superuser;
    const char *const *permissions; /* one of these; none where the count is 0 */
    size_t permissions_count;
    const char *const *groups; /* one of these */
    size_t groups_count;
} django_wanted;

/* Who was let in. The texts are without control characters: they go into headers and environments. */
typedef struct django_account {
    const char *id;
    const char *username; /* as the database spells it */
    const char *email;
    const char *first_name;
    const char *last_name;
    const char *groups; /* names with commas between; a comma in a name is %2C, a per cent sign %25 */
    int is_staff;
    int is_superuser;
} django_account;

/* The outcome of one question. It lives as long as the client's request. */
typedef struct django_verdict {
    djauth_status status;
    int http_status;               /* OK, 401, 429, 500 or 503: what it means to the client */
    unsigned retry_after;          /* in seconds; 0 unless busy or away */
    const django_account *account; /* of a grant, else NULL */
} django_verdict;

/* directives.c */
extern const command_rec django_directives[];

/* section.c */
void *django_section_create(apr_pool_t *pool, char *path);
void *django_section_merge(apr_pool_t *pool, void *around, void *within);
void *django_server_create(apr_pool_t *pool, server_rec *server);
void *django_server_merge(apr_pool_t *pool, void *around, void *within);
django_section *django_section_of(const request_rec *r);
django_server *django_server_of(const server_rec *server);
const char *django_socket_of(const server_rec *server);

/* What authentication wants in r's section. */
django_wanted django_wanted_of(request_rec *r);

/* The site of r's section, NULL for the daemon's only one. */
const char *django_site_of(const request_rec *r);

/* Notes that the server uses us, so that its socket matters. */
void django_mention(cmd_parms *command);

/* Warns about each socket that is not there. Not an error: the daemon may be started later. */
void django_warn_of_missing_sockets(apr_pool_t *pool, server_rec *server);

/* text.c */

/* What djauthd is sent as text must be UTF-8, or every question would be a bad request. */
int django_is_utf8(const char *text);

/* Whether it is app_label.codename. */
int django_is_permission(const char *text);

/* connections.c */

/* In a child process, before its first request: gives every server its connections. None is opened yet. */
void django_connections_prepare(apr_pool_t *child, server_rec *server);

/* A handle for one question, NULL when there is no memory. Give it back with django_connection_release. */
djauth *django_connection_acquire(django_connections *connections);
void django_connection_release(django_connections *connections, djauth *handle);

/* verdict.c */

/*
 * May this person in? Asks the daemon, once for each different question of a client's request: subrequests and
 * internal redirects get the first answer, faults included. user and password are as httpd decoded them.
 */
const django_verdict *django_check(request_rec *r, const char *user, const char *password);

/* Does r->user, whom anything has authenticated, meet this? Remembered likewise. `line` is for the log. */
const django_verdict *django_authorize(request_rec *r, const django_wanted *wanted, const char *line);

/* require.c */
void django_require_register(apr_pool_t *pool);

#if !HTTPD_24
/* Reads a Require line of httpd 2.2, which takes any text. NULL, or what is wrong with it. */
const char *django_require_read(cmd_parms *command, void *section, const char *line);
#endif

/* environment.c */

/* The account was let in by its password: its variables for r, and r->user spelled as the section wants. */
void django_environment_let_in(request_rec *r, const django_account *account);

/* The account met a Require line: its variables, where nobody has set them. */
void django_environment_add(request_rec *r, const django_account *account);

void django_environment_register(void);

/* http_status.c */

/* This verdict stands behind what httpd is going to call 500. */
void django_status_remember(request_rec *r, const django_verdict *verdict);

/* The status of a verdict that is neither a grant nor a refusal, for a hook to return; its headers are written. */
int django_status_of_fault(request_rec *r, const django_verdict *verdict);

void django_status_register(apr_pool_t *pool);

/* status_page.c */
void django_status_page_register(apr_pool_t *pool);

/* What the module keeps with a request. */
typedef struct django_request {
    struct django_memo *memos;    /* on the client's own request: the questions asked so far */
    const django_verdict *failed; /* on any request: the verdict that its 500 stands for */
    int page_taken;               /* 1: httpd's page for 500 is that of `failed` */
    char *page_before;            /* and it was this one, NULL: none of this request's own */
    const django_account *account; /* on any request: who was let in */
} django_request;

/* Makes it where there is none. */
django_request *django_request_of(request_rec *r);

#endif /* MOD_AUTHNZ_DJANGO_H */
