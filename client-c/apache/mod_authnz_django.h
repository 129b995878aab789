/*
 * mod_authnz_django.h: declarations shared by the module's files.
 *
 *   mod_authnz_django.c  the hooks, the authentication provider, PythonAuthenHandler
 *   directives.c         the table of directives; add a directive there
 *   values.c             parses the values of directives
 *   mod_python.c         PythonAuthenHandler, PythonOption, SetEnv, UnsetEnv and PassEnv
 *   obsolete.c           directives of old configurations that are ignored or rejected
 *   section.c            the configuration of sections and servers, and how it is inherited
 *   verdict.c            asks the daemon once per client request
 *   leases.c             grants that may be used again for a moment (DjangoAuthLeases)
 *   lease_table.c        the table of them, which all children share
 *   mac.c                HMAC-SHA-256 under a key of this server, by libcrypto
 *   epoch.c              the daemon's epoch, which ends leases
 *   waiting.c            how many threads may wait for the daemon
 *   error_log.c          what the error log says of a verdict
 *   account.c            the account of a grant, copied out of the daemon's answer
 *   require.c            Require django-staff, django-superuser, django-permission and django-group
 *   require_line.c       parses such a line
 *   environment.c        AUTHENTICATE_* and the spelling of REMOTE_USER
 *   http_status.c        503, 429 and 403 where httpd itself would send 500
 *   status_page.c        SetHandler django-auth-status, and the block for mod_status
 *   connections.c        a child process's connections to the daemon
 */
#ifndef MOD_AUTHNZ_DJANGO_H
#define MOD_AUTHNZ_DJANGO_H

#include "compat.h"
#include "djauth.h"
#include "epoch.h"
#include "lease_table.h"

extern module AP_MODULE_DECLARE_DATA authnz_django_module;

/* The environment variable that names the site, for Django and for its mod_python handler. */
#define DJANGO_SETTINGS_VARIABLE "DJANGO_SETTINGS_MODULE"

/* A switch that this section does not set: it is inherited. */
#define DJANGO_UNSET (-1)

/*
 * The configuration of one section (<Directory>, <Location>, .htaccess, or a server's defaults). NULL and DJANGO_UNSET:
 * not set here, inherited. An empty string is a value: it cancels what is inherited.
 */
typedef struct django_section {
    const char *settings_module;    /* DjangoSettingsModule */
    const char *option_module;      /* PythonOption DJANGO_SETTINGS_MODULE */
    const char *environment_module; /* SetEnv DJANGO_SETTINGS_MODULE */
    const char *permission;         /* "app_label.codename" */
    int staff;                      /* 0 or 1 */
    int superuser;                  /* 0 or 1 */
    int python_handler;             /* 1: PythonAuthenHandler is set */
    int forbidden;                  /* 0 or 1: 403 instead of 401 for a right password without the right */
    int canonical_user;             /* 0 or 1: REMOTE_USER is spelled as in the database */
    int authoritative;              /* 0 or 1: AuthzDjangoAuthoritative, httpd 2.2 only */
} django_section;

typedef struct django_connections django_connections;

/* The configuration of a server or virtual host. */
typedef struct django_server {
    const char *socket;              /* NULL: DJAUTH_DEFAULT_SOCKET */
    int timeout_ms;                  /* DJANGO_UNSET: DJAUTH_DEFAULT_TIMEOUT_MS */
    int max_waiting;                 /* DjangoAuthMaxWaiting as a number of threads; 0: no limit */
    int max_waiting_percent;         /* the same as a share of all threads */
    int leases;                      /* DjangoAuthLeases; 0: none */
    int in_use;                      /* 1: it has a directive of this module, so its socket matters */
    apr_array_header_t *warnings;    /* of const char *: what to log at start; NULL: nothing */
    django_connections *connections; /* in a child process only */
    django_epoch *epoch;             /* in a child process only; NULL: no leases */
} django_server;

/* What the account must have; defaults are filled in. */
typedef struct django_requirements {
    const char *site; /* NULL: the daemon's only site */
    int staff;
    int superuser;
    const char *const *permissions; /* one of these; 0 of them: no permission is required */
    size_t permissions_count;
    const char *const *groups; /* one of these */
    size_t groups_count;
} django_requirements;

/* The account of a grant. The texts have no control characters: they are copied into headers and environments. */
typedef struct django_account {
    const char *id;
    const char *username; /* as the database spells it, escaped */
    const char *spelling; /* the same, not escaped: for questions only */
    const char *email;
    const char *first_name;
    const char *last_name;
    /* Names separated by commas; in a name, a comma is %2C and a percent sign %25. NULL: unknown, too long for a reply. */
    const char *groups;
    int is_staff;
    int is_superuser;
} django_account;

/* The answer to one question. It lives as long as the client's request. */
typedef struct django_verdict {
    djauth_status status;
    int http_status;               /* what it means to the client: OK, 401, 429, 500 or 503 */
    unsigned retry_after;          /* in seconds; 0 unless busy or the daemon is unavailable */
    const char *reason;            /* as djauth_answer has it */
    const django_account *account; /* of a grant, else NULL */
} django_verdict;

/* directives.c */
extern const command_rec django_directives[];

/* section.c */
void *django_section_create(apr_pool_t *pool, char *path);
void *django_section_merge(apr_pool_t *pool, void *outer, void *inner);
void *django_server_create(apr_pool_t *pool, server_rec *server);
void *django_server_merge(apr_pool_t *pool, void *main_server, void *virtual_host);
django_section *django_section_of(const request_rec *r);
django_server *django_server_of(const server_rec *server);
const char *django_socket_of(const server_rec *server);
int django_timeout_of(const server_rec *server);

/* What the section of r requires for authentication. */
django_requirements django_requirements_of(request_rec *r);

/* The site of r's section, NULL for the daemon's only one. */
const char *django_site_of(const request_rec *r);

/* Whether r's section names no site, but a variable that anybody may have set does. Every question is a fault then. */
int django_environment_names_site(request_rec *r);

/* Marks the directive's server as using this module. */
void django_mark_in_use(cmd_parms *command);

/* Logs, once the whole configuration is parsed, that the directive is what `text` says. */
void django_warn_at_start(cmd_parms *command, const char *text);

/* Logs these warnings, and one for each socket that does not exist: the daemon may be started later. */
void django_log_warnings(apr_pool_t *pool, server_rec *server);

/* connections.c */

/* In a child process, before its first request: gives every server its connections. None is opened yet. */
void django_connections_prepare(apr_pool_t *child, server_rec *server);

/* A handle for one question, NULL when out of memory. Return it with django_connection_release. */
djauth *django_connection_acquire(django_connections *connections);
void django_connection_release(django_connections *connections, djauth *handle);

/* waiting.c */

/* DjangoAuthMaxWaiting: the default, and the largest number of threads. */
#define DJANGO_MAX_WAITING_PERCENT 50
#define DJANGO_MAX_WAITING_LIMIT 32767

/* In the parent process, before it has children. The limit lasts as long as the configuration's pool. */
void django_waiting_prepare(apr_pool_t *configuration, server_rec *server);

/* Around a question that is asked with this handle. *place belongs to this file, and must live in between. */
void django_waiting_begin(djauth *handle, int *place);
void django_waiting_end(djauth *handle, int *place);

/* How many threads of all children have a place now. *limit: how many may; 0: no limit. */
int django_waiting_now(int *limit);

/* leases.c */

/* A question, as it is asked. */
typedef struct django_question {
    const char *socket;
    const char *user;
    const char *password; /* NULL: another module has authenticated the user */
    const django_requirements *requirements;
} django_question;

/* What a question that is asked has to do with leases. */
typedef struct django_lease_request {
    int is_wanted;   /* 0: the others have no meaning */
    int64_t started; /* before anything of it was sent */
    int counter;     /* of its socket and site; -1: they have none yet */
    uint32_t uses;   /* what it tells the daemon */
    unsigned char counter_name[DJANGO_LEASE_KEY_OCTETS];
} django_lease_request;

/* In the parent process, before it has children. Table and key last as long as the configuration's pool. */
void django_leases_prepare(apr_pool_t *configuration, server_rec *server);

/* In a child process, before its first request. */
void django_leases_prepare_child(apr_pool_t *child, server_rec *server);

/*
 * The key of the question: it stands for every octet of the question, for nothing else, and does not tell what they are.
 * Returns 0, or -1 if libcrypto failed; then there is neither a lease nor a verdict to find.
 */
int django_question_key(const django_question *question, unsigned char key[DJANGO_LEASE_KEY_OCTETS]);

/* The account of a grant that is on lease now, in this pool; NULL: ask. */
const django_account *django_lease_find(request_rec *r, const unsigned char key[DJANGO_LEASE_KEY_OCTETS],
                                        apr_pool_t *pool);

/* Before a question is asked, and before its connection is: asks for a lease. */
void django_lease_begin(request_rec *r, const django_question *question, djauth_question *asked,
                        django_lease_request *wanted);

/*
 * After it was asked with this handle, which may be NULL. account: of a grant, to be kept for as long as the answer says,
 * under this key; NULL: there is none.
 */
void django_lease_end(request_rec *r, const django_lease_request *wanted, const djauth *handle,
                      const djauth_question *asked, const djauth_answer *answer, const django_account *account,
                      const unsigned char *key);

/* The daemon does not know what a lease is, and answered the question once it did not ask for one. */
void django_lease_unknown(request_rec *r);

/* Returns 0 if there are no leases. */
int django_leases_figures(django_lease_figures *figures);

/* verdict.c */

/*
 * Checks a password. The daemon is asked once for each different question of a client's request: subrequests and
 * internal redirects get the same verdict, faults included. user and password are as httpd decoded them.
 */
const django_verdict *django_check(request_rec *r, const char *user, const char *password);

/* The verdict to send in the place of this one, which django_check returned: a denial may be 403 (DjangoForbidden). */
const django_verdict *django_as_configured(request_rec *r, const django_verdict *verdict);

/* Checks r->user, authenticated by any module, against the requirements; cached likewise. `line`: its keyword. */
const django_verdict *django_authorize(request_rec *r, const django_requirements *requirements, const char *line);

/* The request that the client sent, of which r may be a subrequest or an internal redirect. */
request_rec *django_initial_request_of(request_rec *r);

/* error_log.c */

/*
 * Logs the answer about a password. site: NULL for the daemon's only one. That the user is unknown is logged when the
 * request is refused, and not if another provider or module authenticates the user.
 */
void django_log_check(request_rec *r, const char *site, const char *user, const djauth_answer *answer);

/* Logs the answer about r->user and a Require line, which is given by its keyword. */
void django_log_require(request_rec *r, const char *site, const char *line, const djauth_answer *answer);

/* Logs, where debug is logged, a grant on lease. line: NULL for a password. */
void django_log_leased(request_rec *r, const char *site, const char *user, const char *line);

/* Logs that django_environment_names_site is true. */
void django_log_site_refused(request_rec *r);

/* A Require line of this request is not met. If the request ends in a refusal, this is logged as its reason. */
void django_note_unmet(request_rec *r, const char *line, const char *reason);

void django_error_log_register(void);

/* account.c */

/* A copy of the text with control characters as %0A and the like. Different texts stay different. */
const char *django_escape(apr_pool_t *pool, const char *text);

/* Copies the account: the answer's texts belong to its handle. */
const django_account *django_account_copy(apr_pool_t *pool, const djauth_answer *answer);

/* Writes all of the account. Returns how many octets, 0 if they are more than the capacity, which is at least 1. */
size_t django_account_pack(const django_account *account, unsigned char *content, size_t capacity);

/* The account that was packed into these octets, NULL if they are none. */
const django_account *django_account_unpack(apr_pool_t *pool, const unsigned char *content, size_t length);

/* require.c */
void django_require_register(apr_pool_t *pool);

/* environment.c */

/* After authentication by password: sets the account's variables for r, and spells r->user as configured. */
void django_environment_set(request_rec *r, const django_account *account);

/* After a Require line was met: sets those of the account's variables that no other module has set. */
void django_environment_fill(request_rec *r, const django_account *account);

/* r->user as the database spells it, if the module itself wrote r->user; else as it is. */
const char *django_username_of(const request_rec *r);

void django_environment_register(void);

/* http_status.c */

/* Keeps the verdict for which httpd is about to send 500. */
void django_status_remember(request_rec *r, const django_verdict *verdict);

/* For a hook to return: the status of a verdict that is no grant and no 401. Sets its headers. */
int django_status_of_fault(request_rec *r, const django_verdict *verdict);

void django_status_register(apr_pool_t *pool);

/* status_page.c */
void django_status_page_register(apr_pool_t *pool);

/* What the module keeps with a request. */
typedef struct django_request {
    struct django_cached_verdict *verdicts; /* on the client's own request: the questions asked so far */
    const django_verdict *failed;           /* on any request: the verdict for which httpd sends 500 */
    int page_replaced;                      /* 1: the error page for 500 is replaced by that of `failed` */
    char *original_page;                    /* the replaced page; NULL: this request had none of its own */
    const django_account *account;          /* on any request: the account of the grant */
    const char *unmet;                      /* on any request: the Require lines that were not met; NULL: none */
    struct django_unknown *unknown;         /* on any request: where its user is unknown */
    struct django_unknown *all_unknown;     /* on the client's own request: the same of all its requests */
} django_request;

/* Creates it if necessary. */
django_request *django_request_of(request_rec *r);

#endif /* MOD_AUTHNZ_DJANGO_H */
