/* connection.h: a handle and what travels over its connection. Internal to libdjauth. */
#ifndef DJAUTH_CONNECTION_H
#define DJAUTH_CONNECTION_H

#include <sys/un.h>

#include "wire.h"

struct djauth {
    struct sockaddr_un address;
    int fd; /* -1: not connected */
    uint32_t last_id;
    djauth_octets frame; /* what is sent; wiped after each attempt */
    djauth_octets reply; /* what is received: a frame */
    djauth_octets texts; /* what the reply's texts point into */
    char error[512];     /* the reply's reason, if the library itself found the fault */
    int patience_ms;     /* see djauth_set_patience */
    int (*may_wait)(void *context);
    void *may_wait_context;
};

/* One request, all attempts to have it answered, and its reply. */
typedef struct djauth_exchange {
    djauth *handle;
    djauth_request request;
    djauth_reply reply;
    int timeout_ms;   /* what the caller allows in all; for messages */
    int64_t deadline; /* when that ends, by djauth_now_ms */
    int64_t patience; /* when the handle's patience ends; 0: it need not, or no longer, be asked whether to wait */
    int may_retry;    /* a connection that is no longer good is DJAUTH_GONE, unless the reply has begun */
    int sent;         /* the request was sent in this attempt */
    int kept;         /* the connection served an earlier question: what is read first may be none of this one's */
} djauth_exchange;

/* How a step of an exchange ended. */
typedef enum djauth_outcome {
    DJAUTH_DONE,
    DJAUTH_GONE,  /* the connection was no longer good before any of the reply came: another one may do better */
    DJAUTH_FAILED /* the reply says why */
} djauth_outcome;

/* Milliseconds of the monotonic clock. */
int64_t djauth_now_ms(void);

/* Makes the reply one of the library's own and closes the connection. Returns DJAUTH_FAILED. */
__attribute__((format(printf, 3, 4)))
djauth_outcome djauth_fail(djauth_exchange *exchange, djauth_status status, const char *format, ...);

djauth_outcome djauth_connect(djauth_exchange *exchange);
void djauth_disconnect(djauth *handle);

/*
 * For a program that limits how many of its threads wait: an exchange that is not answered after patience_ms asks
 * may_wait(context), once, whether to go on. If that returns 0, the exchange is DJAUTH_BUSY ("max-waiting") and the
 * connection is closed. NULL: exchanges wait until their deadline, as with a new handle.
 */
void djauth_set_patience(djauth *handle, int patience_ms, int (*may_wait)(void *context), void *context);

/* Sends the handle's frame. */
djauth_outcome djauth_send(djauth_exchange *exchange);

/* Receives into the handle's reply until it has so many octets, which it has the capacity for; more if more are there. */
djauth_outcome djauth_receive(djauth_exchange *exchange, size_t wanted);

/* exchange.c: sends exchange->request and fills in exchange->reply. Connects if needed, and again if the connection is gone. */
void djauth_exchange_run(djauth_exchange *exchange, int timeout_ms);

#endif /* DJAUTH_CONNECTION_H */
