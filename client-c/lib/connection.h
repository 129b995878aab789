/* connection.h: a handle, and what goes over its connection. Internal to libdjauth. */
#ifndef DJAUTH_CONNECTION_H
#define DJAUTH_CONNECTION_H

#include <sys/un.h>

#include "wire.h"

struct djauth {
    struct sockaddr_un address;
    int fd; /* -1: not connected */
    uint32_t last_id;
    djauth_octets frame; /* what is sent; wiped after each question */
    djauth_octets body;  /* what is received */
    djauth_octets texts; /* what the answer points at */
    char error[512];     /* the sentence that the answer points at where the fault is ours */
};

/* How one attempt ended. */
typedef enum outcome {
    ANSWERED,
    GONE,   /* the connection was closed before any of the reply came: another one may do better */
    FAILED, /* the answer says why */
} outcome;

/* Milliseconds of a clock that nobody sets. */
int64_t djauth_now_ms(void);

/* An answer that says nothing yet: DJAUTH_ERROR, with texts that are empty. */
void djauth_answer_init(djauth_answer *answer);

/* An answer of our own, and the end of the connection. Returns FAILED. */
__attribute__((format(printf, 4, 5)))
outcome djauth_fail(djauth *handle, djauth_answer *answer, djauth_status status, const char *format, ...);

outcome djauth_connect(djauth *handle, djauth_answer *answer);
void djauth_disconnect(djauth *handle);

/* Whether a kept connection is still good: quiet and open. */
int djauth_is_quiet(int fd);

/* Sends handle->frame until `until`. `again`: another connection may be tried. timeout_ms is for the sentence. */
outcome djauth_send(djauth *handle, djauth_answer *answer, int again, int64_t until, int timeout_ms);

/* Reads exactly `length` octets. `began`: some of the reply has come already. The rest as for djauth_send. */
outcome djauth_receive(djauth *handle, djauth_answer *answer, unsigned char *into, size_t length, int began, int again,
                       int64_t until, int timeout_ms);

#endif /* DJAUTH_CONNECTION_H */
