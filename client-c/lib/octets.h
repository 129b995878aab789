/* octets.h: a buffer that grows. Internal to libdjauth. */
#ifndef DJAUTH_OCTETS_H
#define DJAUTH_OCTETS_H

#include <stddef.h>

/* The memory is wiped before it is freed: it may have held a password. */
typedef struct djauth_octets {
    unsigned char *data;
    size_t length;
    size_t capacity;
} djauth_octets;

/* Grows the buffer to this capacity. Returns 0, or -1 if memory runs out. */
int djauth_octets_reserve(djauth_octets *octets, size_t capacity);

void djauth_octets_wipe(djauth_octets *octets);
void djauth_octets_free(djauth_octets *octets);

#endif /* DJAUTH_OCTETS_H */
