/*
 * djauth.h: ask djauthd whether a person may in.
 *
 *   djauth *h = djauth_new(NULL);                        // no input or output yet
 *   djauth_question q = DJAUTH_QUESTION_INIT;
 *   q.username = name;  q.username_length = strlen(name);
 *   q.password = typed; q.password_length = typed_length;
 *   q.require_staff = 1;
 *   djauth_answer a;
 *   switch (djauth_check(h, &q, &a)) {
 *   case DJAUTH_GRANTED:      let_in(a.username); break;
 *   case DJAUTH_DENIED:
 *   case DJAUTH_UNKNOWN_USER: refuse(); break;           // a.reason says why, for the log only
 *   case DJAUTH_BUSY:         try_again_in(a.retry_after); break;
 *   default:                  fault(a.reason); break;    // neither let in nor refuse
 *   }
 *   djauth_free(h);
 *
 * A fault is not a refusal: whatever keeps the question from being answered (no daemon, no database,
 * time ran out, an answer that makes no sense) is DJAUTH_ERROR or DJAUTH_BUSY, never DJAUTH_DENIED and
 * never DJAUTH_GRANTED. Treat every value you do not know as a fault.
 *
 * Threads: a handle serves one thread at a time; different handles are independent. The library has no
 * global state, starts no thread, installs no signal handler, and raises no SIGPIPE. A handle must not be
 * used on both sides of a fork(); make it after.
 *
 * Passwords: the library copies the password only into its send buffer and wipes that before it returns.
 * Wiping the caller's copy is the caller's to do.
 *
 * What the messages are: protocol/PROTOCOL.md.
 */
#ifndef DJAUTH_H
#define DJAUTH_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DJAUTH_API __attribute__((visibility("default")))
#else
#define DJAUTH_API
#endif

/* Where the daemon listens unless its configuration says otherwise. */
#define DJAUTH_DEFAULT_SOCKET "/run/djauthd/auth.sock"

/* Where it listens for what is not for everybody who may ask: djauth_groups. The daemon's own user may open it. */
#define DJAUTH_DEFAULT_CONTROL_SOCKET "/run/djauthd/control.sock"

/* How long one question may take in all, in milliseconds, where the caller names no time. */
#define DJAUTH_DEFAULT_TIMEOUT_MS 5000

/* The most octets a frame's body may have, in either direction. */
#define DJAUTH_FRAME_MAX 65536

/* The outcome of a question. The numbers are the protocol's. */
typedef enum djauth_status {
    DJAUTH_GRANTED = 0,      /* the person may in; the account is filled in */
    DJAUTH_DENIED = 1,       /* the person may not; reason is a word such as "wrong-password" */
    DJAUTH_UNKNOWN_USER = 2, /* there is no such account; another provider may be asked */
    DJAUTH_BUSY = 3,         /* not answered now; ask again after retry_after seconds */
    DJAUTH_ERROR = 4,        /* not answered: a fault here, on the way, or in the daemon */
    DJAUTH_BAD_REQUEST = 5   /* the daemon did not understand the question: a fault too */
} djauth_status;

/* What a status page can be had as. The numbers are the library's own. */
typedef enum djauth_page_format {
    DJAUTH_PAGE_HTML = 0,
    DJAUTH_PAGE_TEXT = 1,       /* "Name: value", a line each */
    DJAUTH_PAGE_PROMETHEUS = 2, /* Prometheus's text format */
    DJAUTH_PAGE_JSON = 3
} djauth_page_format;

typedef struct djauth djauth;

/*
 * A question. Start from DJAUTH_QUESTION_INIT and set what you need; what is 0 or NULL is left out.
 *
 * Texts are NUL-terminated UTF-8 unless a length stands beside them. The username and the password are
 * octets as the person sent them, of any encoding, and may contain NUL.
 */
typedef struct djauth_question {
    size_t size;                    /* sizeof(djauth_question): set by DJAUTH_QUESTION_INIT */
    const char *site;               /* a site of the daemon's configuration; NULL where it has just one */
    const char *username;           /* octets */
    size_t username_length;         /* in octets */
    const char *password;           /* octets; djauth_check only */
    size_t password_length;         /* in octets */
    int require_staff;              /* non-zero: is_staff must be set */
    int require_superuser;          /* non-zero: is_superuser must be set */
    const char *const *permissions; /* "app_label.codename": one of these must be held */
    size_t permissions_count;       /* 0: no permission is required */
    const char *const *groups;      /* group names: the account must be in one of these */
    size_t groups_count;            /* 0: no group is required */
    const char *client_address;     /* the person's address, for the daemon's log and throttle */
    const char *service;            /* who asks: "apache", "svn", …; for the daemon's log */
    int timeout_ms;                 /* the whole question, connecting included, in ms; 0: the default */
    int want_permissions;           /* non-zero: a granted answer lists every permission */
} djauth_question;

#define DJAUTH_QUESTION_INIT {sizeof(djauth_question), NULL, NULL, 0, NULL, 0, 0, 0, NULL, 0, NULL, 0, NULL, NULL, 0, 0}

/*
 * An answer. Every text is NUL-terminated UTF-8 and belongs to the handle: it stays until the next call with
 * that handle, or djauth_free. All texts are non-NULL ("" where there is nothing to say), so they can be
 * printed unasked; a text of the daemon's that contains NUL is an answer that makes no sense (DJAUTH_ERROR).
 */
typedef struct djauth_answer {
    djauth_status status;
    const char *reason;     /* why not: a word (denied, busy) or a sentence (faults); "" when granted */
    unsigned retry_after;   /* busy: in seconds, at least 1. error: likewise where no daemon answered at all, because
                               it is away or too slow, and may soon; otherwise 0 */
    const char *id;         /* the rest is of a granted answer: the primary key, as text */
    const char *username;   /* as the database spells it */
    const char *email;
    const char *first_name;
    const char *last_name;
    int is_staff;           /* 0 or 1 */
    int is_superuser;       /* 0 or 1 */
    const char *const *groups; /* names, in the daemon's order; NULL when groups_count is 0 */
    size_t groups_count;
    const char *const *permissions; /* only with want_permissions; NULL when permissions_count is 0 */
    size_t permissions_count;
    const char *page_type;  /* djauth_status_page only: the page's media type */
    const char *page;       /* and the page, UTF-8 */
} djauth_answer;

/*
 * A handle for the daemon at socket_path (NULL: DJAUTH_DEFAULT_SOCKET). Nothing is opened yet: the first
 * question connects, and the connection is kept for the next ones.
 * Returns NULL with errno ENAMETOOLONG (a socket path has at most 107 octets), EINVAL (an empty path) or
 * ENOMEM.
 */
DJAUTH_API djauth *djauth_new(const char *socket_path);

/* Closes the connection and frees the handle with all its texts. NULL is allowed. */
DJAUTH_API void djauth_free(djauth *handle);

/*
 * May this person in, with this password? As Django 4.2 `check_password`, then is_active, then what is
 * required. Returns answer->status; answer is always filled in.
 *
 * Where the connection turns out to be gone (the daemon was restarted), the question is asked anew on another
 * one, twice at most, within the same time. A username over 1,024 or a password over 32,768 octets is answered
 * DJAUTH_DENIED ("too-long") unasked, as the daemon would.
 */
DJAUTH_API djauth_status djauth_check(djauth *handle, const djauth_question *question, djauth_answer *answer);

/*
 * May this person in, whom somebody else has already authenticated? As djauth_check without the password:
 * the account must be active and meet what is required. For hooks and for Require lines.
 */
DJAUTH_API djauth_status djauth_authorize(djauth *handle, const djauth_question *question, djauth_answer *answer);

/*
 * Is the daemon there? DJAUTH_GRANTED when it answers within timeout_ms (0: the default); reason is then
 * what it calls itself, such as "djauthd 0.1.0".
 */
DJAUTH_API djauth_status djauth_ping(djauth *handle, int timeout_ms, djauth_answer *answer);

/* A group of a Django site. */
typedef struct djauth_group {
    const char *name;
    const char *const *members; /* names of active accounts; NULL when members_count is 0 */
    size_t members_count;
} djauth_group;

/* Some of a site's groups. The texts are as those of djauth_answer. */
typedef struct djauth_groups_page {
    djauth_status status;       /* DJAUTH_GRANTED: the rest is filled in */
    const char *reason;         /* why not; "" when granted */
    unsigned retry_after;       /* busy: in seconds, at least 1; otherwise 0 */
    const djauth_group *groups; /* NULL when groups_count is 0 */
    size_t groups_count;
    const char *next;           /* where the next page begins; NULL: this is the last one */
} djauth_groups_page;

/*
 * Who is in which group of a site (NULL: the only one)? For a handle made with the control socket's path: the list names
 * everybody. It comes in pages: ask with after NULL first, then with what the page before had as next, until that is
 * NULL. A group that is cut by a page's end begins the next page again, under the same name. A page may be empty and not
 * the last. Pages are read one after the other: what changes in between may be in one and not yet in another.
 * Returns page->status; page is always filled in.
 */
DJAUTH_API djauth_status djauth_groups(djauth *handle, const char *site, const char *after, int timeout_ms,
                                       djauth_groups_page *page);

/*
 * How does the daemon do? DJAUTH_GRANTED with page_type and page, to be shown to an administrator: it names sites,
 * databases and faults. An HTML page fetches itself anew after `refresh` seconds (at most 86,400); 0: it does not.
 * timeout_ms as for djauth_ping.
 */
DJAUTH_API djauth_status djauth_status_page(djauth *handle, djauth_page_format format, unsigned refresh, int timeout_ms,
                                            djauth_answer *answer);

/* "granted", "denied", "unknown-user", "busy", "error", "bad-request"; "?" for anything else. Never NULL. */
DJAUTH_API const char *djauth_status_name(djauth_status status);

/* The library's version, such as "0.1.0". */
DJAUTH_API const char *djauth_version(void);

#ifdef __cplusplus
}
#endif

#endif /* DJAUTH_H */
