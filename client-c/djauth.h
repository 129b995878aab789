/*
 * djauth.h: ask djauthd whether a user is granted access.
 *
 *   djauth *handle = djauth_new(NULL);                    // does no input or output yet
 *   djauth_question question = DJAUTH_QUESTION_INIT;
 *   djauth_answer answer;
 *
 *   question.username = name;
 *   question.username_length = strlen(name);
 *   question.password = typed;
 *   question.password_length = strlen(typed);
 *   question.require_staff = 1;
 *   switch (djauth_check(handle, &question, &answer)) {
 *   case DJAUTH_GRANTED:      welcome(answer.username); break;
 *   case DJAUTH_DENIED:
 *   case DJAUTH_UNKNOWN_USER: deny(); break;              // answer.reason is for the log only
 *   case DJAUTH_BUSY:         retry_in(answer.retry_after); break;
 *   default:                  fault(answer.reason); break; // neither grant nor deny
 *   }
 *   djauth_free(handle);
 *
 * Faults are not denials. Whatever prevents an answer (no daemon, no database, a timeout, a malformed reply) is
 * DJAUTH_ERROR or DJAUTH_BUSY, never DJAUTH_DENIED and never DJAUTH_GRANTED. Treat every unknown status as a fault.
 *
 * Threads. A handle may be used by one thread at a time; different handles are independent. The library has no global
 * state, starts no thread, installs no signal handler and raises no SIGPIPE. Do not use a handle on both sides of a
 * fork(); create it afterwards.
 *
 * Texts. In questions, texts are NUL-terminated UTF-8 unless a length stands next to them. In answers, every text is
 * NUL-terminated UTF-8 and belongs to the handle: it is valid until the next call with that handle, or djauth_free. It is
 * never NULL ("" where there is nothing to say) unless its comment says so, so that it can always be printed. A reply with a
 * text that contains NUL is malformed (DJAUTH_ERROR).
 *
 * Passwords. The library copies a password only into its send buffer, and wipes that before it returns. The caller wipes
 * its own copy.
 *
 * Versions. Members are only added, at the end of djauth_question and djauth_answer. `size` says which ones a program was
 * compiled with: a newer library reads and writes no others. An older library answers DJAUTH_ERROR.
 *
 * The protocol is documented in protocol/PROTOCOL.md of djauthd's source.
 */
#ifndef DJAUTH_H
#define DJAUTH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DJAUTH_API __attribute__((visibility("default")))
#else
#define DJAUTH_API
#endif

/* The auth socket, for all functions but djauth_groups. */
#define DJAUTH_DEFAULT_SOCKET "/run/djauthd/auth.sock"

/* The control socket, for djauth_groups. Only the daemon's own user may open it. */
#define DJAUTH_DEFAULT_CONTROL_SOCKET "/run/djauthd/control.sock"

/* How long a call may take in all, in milliseconds, if its timeout_ms is 0 or less. Timeouts over 600,000 are cut to that. */
#define DJAUTH_DEFAULT_TIMEOUT_MS 5000

/* The outcome of a call. The numbers are the protocol's. */
typedef enum djauth_status {
    DJAUTH_GRANTED = 0,      /* yes */
    DJAUTH_DENIED = 1,       /* no */
    DJAUTH_UNKNOWN_USER = 2, /* no: there is no such account. Another source of accounts may be asked */
    DJAUTH_BUSY = 3,         /* not answered now; ask again after retry_after seconds */
    DJAUTH_ERROR = 4,        /* not answered: a fault in the library, on the way, or in the daemon */
    DJAUTH_BAD_REQUEST = 5   /* not answered: the daemon did not understand the request */
} djauth_status;

/*
 * Each answer begins with these three members:
 *
 *   status       what the function returned
 *   reason       "" if granted; a word such as "wrong-password" if denied or busy; a sentence for a fault
 *   retry_after  in seconds. Busy: at least 1. Error: more than 0 if the daemon is away or too slow, and may soon answer.
 *                Otherwise 0
 *
 * The other members have values only if status is DJAUTH_GRANTED; otherwise they are "", NULL or 0.
 */

typedef struct djauth djauth;

/*
 * Creates a handle for the daemon at socket_path (NULL: DJAUTH_DEFAULT_SOCKET). The first question connects; the
 * connection is kept for the following ones.
 * Returns NULL with errno ENAMETOOLONG (a socket path has at most 107 octets), EINVAL (the path is empty) or ENOMEM.
 */
DJAUTH_API djauth *djauth_new(const char *socket_path);

/* Closes the connection and frees the handle with all its texts. NULL is allowed. */
DJAUTH_API void djauth_free(djauth *handle);

/*
 * A question about a user. Initialize it with DJAUTH_QUESTION_INIT and set what you need; members that are 0 or NULL are
 * omitted. The username and the password are octets as the client sent them, in any encoding; they may contain NUL.
 */
typedef struct djauth_question {
    size_t size;                    /* sizeof(djauth_question); set by DJAUTH_QUESTION_INIT */
    const char *site;               /* a site of the daemon's configuration; NULL if it has only one */
    const char *username;
    size_t username_length;         /* in octets */
    const char *password;           /* for djauth_check only */
    size_t password_length;         /* in octets */
    int require_staff;              /* non-zero: is_staff is required */
    int require_superuser;          /* non-zero: is_superuser is required */
    const char *const *permissions; /* "app_label.codename": one of them is required; at most 64 */
    size_t permissions_count;
    const char *const *groups;      /* names: membership in one of them is required; at most 64 */
    size_t groups_count;
    const char *client_address;     /* the user's network address, for the daemon's log */
    const char *service;            /* the program that asks, such as "apache" or "svn", for the daemon's log */
    int timeout_ms;                 /* for the whole call, connecting included; 0: DJAUTH_DEFAULT_TIMEOUT_MS */
    int want_permissions;           /* non-zero: a granted answer lists all permissions */
    int want_lease;                 /* non-zero: a granted answer may come with a lease; see djauth_answer */
    uint32_t leased;                /* how many grants were given on lease, for this site, since a question last said so */
} djauth_question;

#define DJAUTH_QUESTION_INIT                                                                                              \
    {sizeof(djauth_question), NULL, NULL, 0, NULL, 0, 0, 0, NULL, 0, NULL, 0, NULL, NULL, 0, 0, 0, 0}

/*
 * The answer to djauth_check and djauth_authorize: the account.
 *
 * A lease lets the program give this answer again without asking, to the very same question (socket, site, username,
 * password, requirements, want_permissions), while both hold:
 * - less than lease_ms milliseconds have gone by on CLOCK_BOOTTIME since *before* djauth_check was called;
 * - the eight octets of the file that is called like the socket with ".epoch" appended are lease_epoch, as a uint64_t in the
 *   machine's order. Map it (MAP_SHARED, PROT_READ) and look at each use: the daemon raises the number when it forgets
 *   something, a changed password for instance. A program that cannot map it uses no lease.
 * A program that keeps leases remembers no password: see docs/security.md of djauthd's source.
 */
typedef struct djauth_answer {
    djauth_status status;
    const char *reason;
    unsigned retry_after;
    const char *id;       /* the primary key, as text */
    const char *username; /* as the database spells it */
    const char *email;
    const char *first_name;
    const char *last_name;
    int is_staff;                   /* 0 or 1 */
    int is_superuser;               /* 0 or 1 */
    const char *const *groups;      /* names, in the daemon's order; NULL if groups_count is 0 */
    size_t groups_count;
    const char *const *permissions; /* only with want_permissions; NULL if permissions_count is 0 */
    size_t permissions_count;
    int groups_omitted;             /* 1: too long for the reply; the account's groups are unknown, not none */
    int permissions_omitted;        /* likewise */
    uint32_t lease_ms;              /* 0: there is no lease, which is always possible */
    uint64_t lease_epoch;
} djauth_answer;

/*
 * Is the user granted with this password? The password must be the account's, as Django's check_password verifies it, the
 * account must be active, and it must meet the requirements.
 * Returns answer->status; answer is always filled in.
 *
 * If a kept connection is gone, because the daemon was restarted, or has anything on it but the reply, the question is sent
 * again on a new connection, at most twice and within the same timeout. A username over 1,024 or a password over 32,768 octets is DJAUTH_DENIED ("too-long")
 * without asking the daemon, which would answer the same.
 */
DJAUTH_API djauth_status djauth_check(djauth *handle, const djauth_question *question, djauth_answer *answer);

/*
 * Is the user granted, whom another program has authenticated? As djauth_check, without the password: the account must be
 * active and meet the requirements.
 */
DJAUTH_API djauth_status djauth_authorize(djauth *handle, const djauth_question *question, djauth_answer *answer);

/* The answer to djauth_ping. */
typedef struct djauth_server {
    djauth_status status;
    const char *reason;
    unsigned retry_after;
    const char *name;          /* such as "djauthd 0.1.0" */
    unsigned protocol_version; /* the highest that the daemon speaks */
} djauth_server;

/* Does the daemon answer? Returns server->status; server is always filled in. */
DJAUTH_API djauth_status djauth_ping(djauth *handle, int timeout_ms, djauth_server *server);

/* A group of a Django site. */
typedef struct djauth_group {
    const char *name;
    const char *const *members; /* usernames of active accounts; NULL if members_count is 0 */
    size_t members_count;
} djauth_group;

/* The answer to djauth_groups: some of a site's groups. */
typedef struct djauth_groups_page {
    djauth_status status;
    const char *reason;
    unsigned retry_after;
    const djauth_group *groups; /* NULL if groups_count is 0 */
    size_t groups_count;
    const char *next;           /* where the next page begins; NULL: this is the last page */
} djauth_groups_page;

/*
 * Which users are in which group of the site (NULL: the only one)? Needs a handle for the control socket, as the list
 * names all users.
 *
 * The list comes in pages. Ask with after NULL first, then with `next` of the page before, until that is NULL. A group
 * that does not fit on a page continues on the next one, under the same name. A page may be empty without being the last.
 * Pages are read one after the other: a change in between may show on one page and not on another.
 * Returns page->status; page is always filled in.
 */
DJAUTH_API djauth_status djauth_groups(djauth *handle, const char *site, const char *after, int timeout_ms,
                                       djauth_groups_page *page);

/* The formats of a status page. The numbers are the library's own. */
typedef enum djauth_page_format {
    DJAUTH_PAGE_HTML = 0,
    DJAUTH_PAGE_TEXT = 1,       /* "Name: value" lines */
    DJAUTH_PAGE_PROMETHEUS = 2, /* Prometheus's text format */
    DJAUTH_PAGE_JSON = 3
} djauth_page_format;

/* The answer to djauth_status_page. */
typedef struct djauth_page {
    djauth_status status;
    const char *reason;
    unsigned retry_after;
    const char *media_type;
    const char *body;
} djauth_page;

/*
 * The daemon's status, for administrators: it names sites, databases and faults. An HTML page reloads itself after
 * `refresh` seconds (at most 86,400); 0: it does not.
 * Returns page->status; page is always filled in.
 */
DJAUTH_API djauth_status djauth_status_page(djauth *handle, djauth_page_format format, unsigned refresh, int timeout_ms,
                                            djauth_page *page);

/* "granted", "denied", "unknown-user", "busy", "error", "bad-request"; "?" for any other value. Never NULL. */
DJAUTH_API const char *djauth_status_name(djauth_status status);

/* The library's version, such as "0.1.0". */
DJAUTH_API const char *djauth_version(void);

#ifdef __cplusplus
}
#endif

#endif /* DJAUTH_H */
