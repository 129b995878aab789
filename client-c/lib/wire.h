/* wire.h: questions and answers as octets. Internal to libdjauth; protocol/PROTOCOL.md says what they mean. */
#ifndef DJAUTH_WIRE_H
#define DJAUTH_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "djauth.h"

#define DJAUTH_PROTOCOL_VERSION 1
#define DJAUTH_LENGTH_OCTETS 4

typedef enum djauth_operation { DJAUTH_CHECK, DJAUTH_AUTHORIZE, DJAUTH_PING, DJAUTH_GROUPS, DJAUTH_STATUS } djauth_operation;

/* Octets that grow, and are wiped before they are given back. */
typedef struct djauth_octets {
    unsigned char *at;
    size_t length;
    size_t room;
} djauth_octets;

/* Makes room for `room` octets. Returns 0, or -1 without memory. What was there is wiped where it moves. */
int djauth_octets_reserve(djauth_octets *octets, size_t room);
void djauth_octets_free(djauth_octets *octets);

/*
 * Writes the frame of a check, an authorize or a ping; question is NULL for a ping.
 * Returns 0; -1 without memory; -2 where it does not fit a frame.
 */
int djauth_wire_encode(djauth_octets *frame, uint32_t id, djauth_operation operation,
                       const djauth_question *question, uint32_t deadline_ms);

/* Writes the frame of DJAUTH_GROUPS, likewise. What is NULL is left out. */
int djauth_wire_encode_groups(djauth_octets *frame, uint32_t id, const char *site, const char *after);
/* The same of a request for a status page. refresh 0: the page does not fetch itself anew. */
int djauth_wire_encode_status(djauth_octets *frame, uint32_t id, djauth_page_format format, uint32_t refresh);

/* The length that a frame's first four octets name; 0 where it is none that is allowed. */
uint32_t djauth_wire_length(const unsigned char octets[DJAUTH_LENGTH_OCTETS]);

/*
 * Reads a reply's body into answer, whose texts and lists lie in `texts` afterwards. The body is not changed.
 * Returns NULL, or a sentence on why it makes no sense; the answer is of no use then.
 */
const char *djauth_wire_decode(const unsigned char *body, size_t length, uint32_t id, djauth_operation operation,
                               djauth_octets *texts, djauth_answer *answer);

/* The same for a reply to DJAUTH_GROUPS. */
const char *djauth_wire_decode_groups(const unsigned char *body, size_t length, uint32_t id, djauth_octets *texts,
                                      djauth_groups_page *page);

#endif /* DJAUTH_WIRE_H */
