/*
 * mac.c: HMAC-SHA-256 by libcrypto.
 *
 * The key is set up once: each MAC begins as a copy of that. libcrypto overwrites what it frees, passwords included.
 */
#include "mac.h"

#include <stdint.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#ifndef DJANGO_OLD_CRYPTO
#define DJANGO_OLD_CRYPTO (OPENSSL_VERSION_NUMBER < 0x30000000L)
#endif

#if DJANGO_OLD_CRYPTO

#include <openssl/hmac.h>

typedef HMAC_CTX context;

static context *make(const unsigned char *key, int length)
{
    context *made = HMAC_CTX_new();

    if (made != NULL && HMAC_Init_ex(made, key, length, EVP_sha256(), NULL) != 1) {
        HMAC_CTX_free(made);
        made = NULL;
    }
    return made;
}

static context *copy_of(context *other)
{
    context *made = HMAC_CTX_new();

    if (made != NULL && HMAC_CTX_copy(made, other) != 1) {
        HMAC_CTX_free(made);
        made = NULL;
    }
    return made;
}

static int add(context *to, const unsigned char *octets, size_t length)
{
    return HMAC_Update(to, octets, length);
}

static int end(context *of, unsigned char *result)
{
    unsigned length;

    return HMAC_Final(of, result, &length) == 1 && length == DJANGO_MAC_OCTETS;
}

#define context_free HMAC_CTX_free

#else

#include <openssl/core_names.h>
#include <openssl/params.h>

typedef EVP_MAC_CTX context;

static context *make(const unsigned char *key, int length)
{
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, sizeof(digest) - 1), OSSL_PARAM_END};
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    context *made = algorithm != NULL ? EVP_MAC_CTX_new(algorithm) : NULL;

    EVP_MAC_free(algorithm);
    if (made != NULL && EVP_MAC_init(made, key, (size_t)length, parameters) != 1) {
        EVP_MAC_CTX_free(made);
        made = NULL;
    }
    return made;
}

static context *copy_of(context *other)
{
    return EVP_MAC_CTX_dup(other);
}

static int add(context *to, const unsigned char *octets, size_t length)
{
    return EVP_MAC_update(to, octets, length);
}

static int end(context *of, unsigned char *result)
{
    size_t length;

    return EVP_MAC_final(of, result, &length, DJANGO_MAC_OCTETS) == 1 && length == DJANGO_MAC_OCTETS;
}

#define context_free EVP_MAC_CTX_free

#endif

/* Set by the parent process; only copied afterwards. */
static context *keyed;

int django_mac_prepare(void)
{
    unsigned char key[DJANGO_MAC_OCTETS];

    django_mac_forget();
    if (RAND_bytes(key, (int)sizeof(key)) == 1) {
        keyed = make(key, (int)sizeof(key));
    }
    OPENSSL_cleanse(key, sizeof(key));
    return keyed != NULL ? 0 : -1;
}

void django_mac_forget(void)
{
    context_free(keyed);
    keyed = NULL;
}

int django_mac_begin(django_mac *mac)
{
    mac->failed = 0;
    mac->context = keyed != NULL ? copy_of(keyed) : NULL;
    return mac->context != NULL ? 0 : -1;
}

void django_mac_add_number(django_mac *mac, size_t number)
{
    uint32_t octets = (uint32_t)number;

    mac->failed |= number > UINT32_MAX || add(mac->context, (const unsigned char *)&octets, sizeof(octets)) != 1;
}

void django_mac_add(django_mac *mac, const void *octets, size_t length)
{
    if (octets == NULL) {
        django_mac_add_number(mac, UINT32_MAX);
        return;
    }
    mac->failed |= length == UINT32_MAX;
    django_mac_add_number(mac, length);
    mac->failed |= length > 0 && add(mac->context, octets, length) != 1;
}

int django_mac_end(django_mac *mac, unsigned char result[DJANGO_MAC_OCTETS])
{
    int failed = mac->failed || !end(mac->context, result);

    context_free(mac->context);
    return failed ? -1 : 0;
}
