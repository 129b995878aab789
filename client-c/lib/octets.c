/* octets.c: octets that grow, and are wiped before they are given back: a password may have been among them. */
#include "wire.h"

#include <stdlib.h>
#include <string.h>

int djauth_octets_reserve(djauth_octets *octets, size_t room)
{
    unsigned char *larger;

    if (room <= octets->room) {
        return 0;
    }
    larger = malloc(room);
    if (larger == NULL) {
        return -1;
    }
    if (octets->at != NULL) {
        /* realloc would leave a password behind where it moves. */
        memcpy(larger, octets->at, octets->length);
        explicit_bzero(octets->at, octets->room);
        free(octets->at);
    }
    octets->at = larger;
    octets->room = room;
    return 0;
}

void djauth_octets_free(djauth_octets *octets)
{
    if (octets->at != NULL) {
        explicit_bzero(octets->at, octets->room);
        free(octets->at);
    }
    memset(octets, 0, sizeof(*octets));
}
