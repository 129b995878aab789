/* test_lease_parts.c: the MAC of a question, the mapped epoch, and the account in a lease. Under ASan and UBSan. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "tap.h"

/* The key is known to the test, and there may be none. */
static int random_fails;

static int no_random(unsigned char *octets, int length)
{
    memset(octets, 'k', (size_t)length);
    return random_fails ? 0 : 1;
}

#define RAND_bytes no_random
#include "apache/mac.c"
#undef RAND_bytes

#include "apache/account.c"

static void test_mac(void)
{
    /* The octets of a number are in the machine's order; this is one where the least significant one is first. */
    static const unsigned char parts[] = "\x03\0\0\0abc" "\0\0\0\0" "\xff\xff\xff\xff" "\x07\0\0\0";
    unsigned char key[DJANGO_MAC_OCTETS];
    unsigned char expected[DJANGO_MAC_OCTETS];
    unsigned char one[DJANGO_MAC_OCTETS];
    unsigned char other[DJANGO_MAC_OCTETS];
    unsigned length;
    django_mac mac;
    int i;

    ok(django_mac_begin(&mac) != 0, "without a key there is no MAC");
    random_fails = 1;
    ok(django_mac_prepare() != 0 && django_mac_begin(&mac) != 0, "nor is there one without random octets");
    random_fails = 0;
    ok(django_mac_prepare() == 0, "a key is made");
    memset(key, 'k', sizeof(key));
    HMAC(EVP_sha256(), key, sizeof(key), parts, sizeof(parts) - 1, expected, &length);
    for (i = 0; i < 2; i++) {
        ok(django_mac_begin(&mac) == 0, "a MAC is begun");
        django_mac_add(&mac, "abc", 3);
        django_mac_add(&mac, "", 0);
        django_mac_add(&mac, NULL, 0);
        django_mac_add_number(&mac, 7);
        ok(django_mac_end(&mac, one) == 0 && memcmp(one, expected, sizeof(one)) == 0,
           "it is the HMAC-SHA-256 of the parts with their lengths");
    }
    django_mac_begin(&mac);
    django_mac_add(&mac, "ab", 2);
    django_mac_add(&mac, "c", 1);
    django_mac_end(&mac, one);
    django_mac_begin(&mac);
    django_mac_add(&mac, "a", 1);
    django_mac_add(&mac, "bc", 2);
    ok(django_mac_end(&mac, other) == 0 && memcmp(one, other, sizeof(one)) != 0, "parts do not run into each other");
    django_mac_begin(&mac);
    django_mac_add(&mac, "", 0);
    django_mac_end(&mac, one);
    django_mac_begin(&mac);
    django_mac_add(&mac, NULL, 0);
    ok(django_mac_end(&mac, other) == 0 && memcmp(one, other, sizeof(one)) != 0, "nothing is not an empty text");
    django_mac_begin(&mac);
    django_mac_add_number(&mac, (size_t)UINT32_MAX + 1);
    ok(django_mac_end(&mac, one) != 0, "a number that would be cut is a failure");
    django_mac_forget();
    ok(django_mac_begin(&mac) != 0, "a key that is forgotten is gone");
}

/* ---- accounts ---- */

static int same(const char *one, const char *other)
{
    return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

static int is_same(const django_account *one, const django_account *other)
{
    return same(one->id, other->id) && same(one->username, other->username) && same(one->spelling, other->spelling)
           && same(one->email, other->email) && same(one->first_name, other->first_name)
           && same(one->last_name, other->last_name) && same(one->groups, other->groups)
           && one->is_staff == other->is_staff && one->is_superuser == other->is_superuser;
}

/* Packs into exactly as many octets as it takes, so that ASan sees the first one too many. */
static const django_account *there_and_back(apr_pool_t *pool, const django_account *account, size_t *length)
{
    unsigned char *content = malloc(DJANGO_LEASE_CONTENT_MAX);
    unsigned char *exact;
    const django_account *found = NULL;

    *length = django_account_pack(account, content, DJANGO_LEASE_CONTENT_MAX);
    if (*length > 0) {
        exact = malloc(*length);
        memcpy(exact, content, *length);
        found = django_account_unpack(pool, exact, *length);
        free(exact);
    }
    free(content);
    return found;
}

static void test_accounts(apr_pool_t *pool)
{
    static char long_text[DJANGO_LEASE_CONTENT_MAX];
    django_account account = {.id = "7", .username = "a%0Ab", .spelling = "a\nb", .email = "a@example.com",
                              .first_name = "", .last_name = "L\xc3\xa9", .groups = "x,y", .is_staff = 1};
    const django_account *found;
    size_t length;
    size_t i;
    unsigned state = 1;
    int parsed = 0;
    int refused = 0;

    found = there_and_back(pool, &account, &length);
    ok(found != NULL && is_same(found, &account), "an account comes out of a lease as it went in: %zu octets", length);
    account.groups = NULL;
    account.spelling = account.username = "alice";
    account.is_staff = 0;
    account.is_superuser = 1;
    found = there_and_back(pool, &account, &length);
    ok(found != NULL && is_same(found, &account), "groups that are unknown stay unknown");
    account.groups = "";
    found = there_and_back(pool, &account, &length);
    ok(found != NULL && is_same(found, &account), "and none stay none");

    memset(long_text, 'x', sizeof(long_text) - 1);
    account.groups = long_text + length - 2; /* with the others, one octet more than there is room for */
    ok(there_and_back(pool, &account, &length) == NULL && length == 0, "what does not fit is not kept");
    account.groups++;
    found = there_and_back(pool, &account, &length);
    ok(found != NULL && is_same(found, &account) && length == DJANGO_LEASE_CONTENT_MAX, "what just fits is");

    for (i = 0; i < 200000; i++) {
        unsigned char *content;
        size_t at;

        state = state * 1103515245 + 12345;
        length = (state >> 16) % 40;
        content = malloc(length > 0 ? length : 1);
        for (at = 0; at < length; at++) {
            state = state * 1103515245 + 12345;
            content[at] = (unsigned char)((state >> 16) % 5 == 0 ? 0 : state >> 24);
        }
        found = django_account_unpack(pool, content, length);
        free(content);
        if (found == NULL) {
            refused++;
        } else {
            const django_account *again = there_and_back(pool, found, &length);

            parsed += again != NULL && is_same(again, found);
        }
        if (i % 1000 == 0) {
            apr_pool_clear(pool);
        }
    }
    ok(parsed > 1000 && refused > 1000 && parsed + refused == 200000,
       "of random octets, %d are an account, and the others are none", parsed);
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_mac();
    test_accounts(pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
