/*
 * DES crypt(3) by libcrypt, for hash workers. Nothing of it is ours but the call: crypt_r keeps the key schedule, which
 * reveals the password, in memory that the caller gives, and that is wiped here.
 */
#define _GNU_SOURCE
#include <crypt.h>
#include <node_api.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"

#define KEY_OCTETS 8 /* DES crypt looks at no more */
#define SALT_OCTETS 2

/* crypt(password, salt): the hash, or null if libcrypt computes none. The password is a Uint8Array without NUL. */
static napi_value compute(napi_env env, napi_callback_info info)
{
    napi_value arguments[2], result = NULL;
    size_t count = 2, octets = 0, salt_octets = 0;
    napi_typedarray_type type;
    void *password = NULL;
    bool is_array = false;
    char key[KEY_OCTETS + 1] = {0}, salt[SALT_OCTETS + 2] = {0};
    struct crypt_data *data;
    const char *hash;

    if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count != 2
        || napi_is_typedarray(env, arguments[0], &is_array) != napi_ok || !is_array
        || napi_get_typedarray_info(env, arguments[0], &type, &octets, &password, NULL, NULL) != napi_ok
        || type != napi_uint8_array
        || napi_get_value_string_latin1(env, arguments[1], salt, sizeof salt, &salt_octets) != napi_ok
        || salt_octets != SALT_OCTETS) {
        napi_throw_type_error(env, NULL, "crypt needs the octets of a password and a salt of two characters");
        return NULL;
    }
    data = calloc(1, sizeof *data);
    if (data == NULL) {
        napi_throw_error(env, NULL, "out of memory");
        return NULL;
    }
    if (octets > 0) {
        memcpy(key, password, octets < KEY_OCTETS ? octets : KEY_OCTETS);
    }
    hash = crypt_r(key, salt, data);
    /* What begins with "*" is how libcrypt says that it computed nothing. */
    if (hash == NULL || hash[0] == '*') {
        napi_get_null(env, &result);
    } else {
        napi_create_string_latin1(env, hash, NAPI_AUTO_LENGTH, &result);
    }
    explicit_bzero(key, sizeof key);
    explicit_bzero(data, sizeof *data);
    free(data);
    return result;
}

/* Called in each thread that loads this addon. */
NAPI_MODULE_INIT()
{
    return export_function(env, exports, "crypt", compute) ? exports : NULL;
}
