/* value.h: what the readers of replies share. Internal to libdjauth. */
#ifndef DJAUTH_VALUE_H
#define DJAUTH_VALUE_H

#include <msgpack.h>

#include "wire.h"

/* walk.c: whether the octets are exactly one value that section 2 of PROTOCOL.md allows. */
int djauth_is_one_value(const unsigned char *octets, size_t length);

/* value.c */

/* The value of a key; NULL if there is none. A key that occurs twice has a value of no type. */
const msgpack_object *djauth_value_find(const msgpack_object *map, const char *key);

/* The number of elements of an array; 0 for any other value. */
size_t djauth_value_count(const msgpack_object *value);

/*
 * These copy a value out of a reply. They return 0, or -1 if the value is missing or of another type. `texts` and `names`
 * have the capacity for it: djauth_decode reserves it for the whole reply.
 */
int djauth_value_text(djauth_octets *texts, const msgpack_object *value, const char **text);
int djauth_value_bool(const msgpack_object *value, int *flag);
int djauth_value_list(djauth_octets *texts, const msgpack_object *value, const char **names, const char *const **list,
                      size_t *count);

/* The readers of what a granted reply contains. They return NULL, or a sentence that says what is wrong. */
const char *djauth_read_answer(djauth_octets *texts, const msgpack_object *content, djauth_answer *answer);
const char *djauth_read_groups(djauth_octets *texts, const msgpack_object *content, djauth_groups_page *page);

#endif /* DJAUTH_VALUE_H */
