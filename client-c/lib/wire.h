/* wire.h: requests to frames and replies from frames, as protocol/PROTOCOL.md defines them. Internal to libdjauth. */
#ifndef DJAUTH_WIRE_H
#define DJAUTH_WIRE_H

#include <stdint.h>

#include "djauth.h"
#include "limits.h"
#include "octets.h"

#define DJAUTH_PROTOCOL_VERSION 1

typedef enum djauth_operation {
    DJAUTH_OPERATION_CHECK,
    DJAUTH_OPERATION_AUTHORIZE,
    DJAUTH_OPERATION_PING,
    DJAUTH_OPERATION_GROUPS,
    DJAUTH_OPERATION_STATUS
} djauth_operation;

/* A request. NULL and 0 are omitted from the frame. */
typedef struct djauth_request {
    uint32_t id;
    djauth_operation operation;
    const djauth_question *question; /* check and authorize */
    uint32_t deadline_ms;            /* check and authorize: how long the client will wait */
    const char *site;                /* groups */
    const char *after;               /* groups: `next` of the previous page */
    djauth_page_format format;       /* status */
    uint32_t refresh;                /* status: in seconds */
} djauth_request;

/* A reply. */
typedef struct djauth_reply {
    djauth_status status;
    const char *reason;
    unsigned retry_after;
    union {
        djauth_answer answer;
        djauth_server server;
        djauth_page page;
        djauth_groups_page groups;
    } granted; /* the one of the request's operation, without the three members above */
} djauth_reply;

/* Why a request was not encoded. */
enum { DJAUTH_NO_MEMORY = -1, DJAUTH_TOO_LARGE = -2 };

/* encode.c: writes the request's frame. Returns 0, DJAUTH_NO_MEMORY or DJAUTH_TOO_LARGE. */
int djauth_encode(djauth_octets *frame, const djauth_request *request);

/* walk.c: the length of a body, from the first octets of its frame; 0 if it is not allowed. */
uint32_t djauth_body_length(const unsigned char length[DJAUTH_LENGTH_OCTETS]);

/*
 * reply.c: reads the body of the reply to a request. The reply's texts and lists point into `texts`.
 * Returns NULL, or a sentence that says what is wrong with the body; the reply is then of no use.
 */
const char *djauth_decode(const djauth_request *request, const unsigned char *body, size_t length, djauth_octets *texts,
                          djauth_reply *reply);

#endif /* DJAUTH_WIRE_H */
