/*
 * mac.h: HMAC-SHA-256 under a random key of this server, which nobody outside of it knows.
 *
 * What is put in is not kept: what comes out finds a lease, and a password cannot be tried on it without the key.
 */
#ifndef MOD_AUTHNZ_DJANGO_MAC_H
#define MOD_AUTHNZ_DJANGO_MAC_H

#include <stddef.h>

#define DJANGO_MAC_OCTETS 32

typedef struct django_mac {
    void *context; /* libcrypto's */
    int failed;
} django_mac;

/* In the parent process, before it has children, which inherit the key. Returns 0, or -1 if libcrypto cannot. */
int django_mac_prepare(void);

/* Overwrites this process's key. */
void django_mac_forget(void);

/* Returns 0, or -1 if there is no key or no memory: then there is nothing to end. */
int django_mac_begin(django_mac *mac);

/*
 * Adds these octets with their length, so that other parts never add up to the same; NULL is a part of its own. Octets can
 * be a number of up to 4,294,967,294.
 */
void django_mac_add(django_mac *mac, const void *octets, size_t length);

void django_mac_add_number(django_mac *mac, size_t number);

/* Returns 0, or -1 if libcrypto failed at any time since it was begun. */
int django_mac_end(django_mac *mac, unsigned char result[DJANGO_MAC_OCTETS]);

#endif /* MOD_AUTHNZ_DJANGO_MAC_H */
