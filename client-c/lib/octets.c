/* octets.c: a buffer that grows. */
#include "octets.h"

#include <stdlib.h>
#include <string.h>

void djauth_octets_wipe(djauth_octets *octets)
{
    if (octets->data != NULL) {
        explicit_bzero(octets->data, octets->capacity);
    }
}

int djauth_octets_reserve(djauth_octets *octets, size_t capacity)
{
    unsigned char *larger;

    if (capacity <= octets->capacity) {
        return 0;
    }
    /* Not realloc: it leaves the old block, and with it a password, as it was. */
    larger = malloc(capacity);
    if (larger == NULL) {
        return -1;
    }
    if (octets->data != NULL) {
        memcpy(larger, octets->data, octets->length);
        djauth_octets_wipe(octets);
        free(octets->data);
    }
    octets->data = larger;
    octets->capacity = capacity;
    return 0;
}

void djauth_octets_free(djauth_octets *octets)
{
    djauth_octets_wipe(octets);
    free(octets->data);
    memset(octets, 0, sizeof(*octets));
}
