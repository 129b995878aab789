/*
 * HMAC-SHA-256 for short messages, as each check needs one. The hash function is OpenSSL's, from the node program that loads
 * this addon; through node:crypto, two calls of it take longer than everything else that a check does with its proof.
 *
 * It allocates nothing, and wipes what the message leaves behind.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "export.h"

#define BLOCK 64
#define DIGEST 32

/* SHA256_CTX of <openssl/sha.h>, unchanged since 1.0: 8 words of state, and what is private to OpenSSL. */
struct context {
    uint32_t words[40]; /* more than it needs */
};

static int (*init)(struct context *);
static int (*update)(struct context *, const void *, size_t);
static int (*final)(unsigned char *, struct context *);

/* POSIX guarantees that pointers to objects and functions have one size; C does not. */
static bool find(void *function, const char *symbol)
{
    void *address = dlsym(RTLD_DEFAULT, symbol);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

static bool read_octets(napi_env env, napi_value value, unsigned char **data, size_t *length)
{
    napi_typedarray_type type;
    void *octets;

    if (napi_get_typedarray_info(env, value, &type, length, &octets, NULL, NULL) != napi_ok) {
        return false;
    }
    *data = octets;
    return type == napi_uint8_array;
}

/*
 * hmac(inner, end, outer): the digest, 32 octets, each as a character. `inner` begins with the key as HMAC puts it before
 * the message, which is behind it up to `end` and is overwritten. `outer` begins with the key of the outer hash and has
 * space for a digest behind it, which is overwritten.
 */
static napi_value hmac(napi_env env, napi_callback_info info)
{
    napi_value arguments[3], result;
    size_t count = 3, inner_octets, outer_octets;
    unsigned char *inner, *outer, digest[DIGEST];
    uint32_t end;
    struct context context;

    if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count != 3
        || !read_octets(env, arguments[0], &inner, &inner_octets)
        || napi_get_value_uint32(env, arguments[1], &end) != napi_ok || end < BLOCK || end > inner_octets
        || !read_octets(env, arguments[2], &outer, &outer_octets) || outer_octets != BLOCK + DIGEST) {
        napi_throw_type_error(env, NULL, "hmac takes the octets of the inner hash, where they end, and 96 of the outer");
        return NULL;
    }
    init(&context);
    update(&context, inner, end);
    final(outer + BLOCK, &context);
    explicit_bzero(inner + BLOCK, end - BLOCK);
    init(&context);
    update(&context, outer, BLOCK + DIGEST);
    final(digest, &context);
    explicit_bzero(&context, sizeof context);
    return napi_create_string_latin1(env, (const char *)digest, DIGEST, &result) == napi_ok ? result : NULL;
}

NAPI_MODULE_INIT()
{
    if (!find(&init, "SHA256_Init") || !find(&update, "SHA256_Update") || !find(&final, "SHA256_Final")) {
        napi_throw_error(env, NULL, "this node program does not export OpenSSL's hash functions");
        return NULL;
    }
    return export_function(env, exports, "hmac", hmac) ? exports : NULL;
}
