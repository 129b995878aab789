/* value.h: what the readers of replies share. Internal to libdjauth. */
#ifndef DJAUTH_VALUE_H
#define DJAUTH_VALUE_H

#include <msgpack.h>

#include "wire.h"

/* walk.c */

/* Well-formed UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF. */
int djauth_is_utf8(const unsigned char *at, size_t length);

/* Whether the octets are one value and no more, and harmless to unpack. */
int djauth_is_one_value(const unsigned char *at, size_t length);

/* value.c */

/* The value of a key; NULL where there is none. A key that stands twice cannot be trusted: its value is of no kind. */
const msgpack_object *djauth_value_find(const msgpack_object *of, const char *key);

/* These return 0, or -1 where the value is missing or none of its kind. `into` has room: djauth_reply_unpack. */
int djauth_value_text(djauth_octets *into, const msgpack_object *value, const char **text_of_it);
int djauth_value_bool(const msgpack_object *value, int *into);
int djauth_value_list(djauth_octets *into, const msgpack_object *value, const char **list, const char *const **list_of_it,
                      size_t *count);

/* How many elements an array has; 0 of anything else. */
size_t djauth_value_count(const msgpack_object *value);

/* reply.c. NULL, or a sentence on what is wrong. */

/* Unpacks a body and makes room for its texts. The caller destroys `reply` in any case. */
const char *djauth_reply_unpack(const unsigned char *body, size_t length, djauth_octets *into, msgpack_unpacked *reply);

/* What every reply has. */
const char *djauth_reply_head(const msgpack_object *reply, uint32_t id, djauth_status *status);

/* What a reply that does not grant has. */
const char *djauth_reply_refusal(djauth_octets *into, const msgpack_object *content, djauth_status status,
                                 const char **reason, unsigned *retry_after);

#endif /* DJAUTH_VALUE_H */
