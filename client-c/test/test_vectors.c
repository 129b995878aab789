/* test_vectors.c: the golden frames of protocol/vectors, octet for octet; and what section 2 of PROTOCOL.md refuses. */
#include "lib/value.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "vectors.h"

static void test_requests(void)
{
    djauth_octets frame = {0};
    int i;

    for (i = 0; i < requests_count; i++) {
        const asked *of = &requests_asked[i];
        int encoded = of->operation == DJAUTH_GROUPS
                          ? djauth_wire_encode_groups(&frame, of->id, of->site, of->after)
                      : of->operation == DJAUTH_STATUS
                          ? djauth_wire_encode_status(&frame, of->id, of->page_format, of->page_refresh)
                          : djauth_wire_encode(&frame, of->id, of->operation, &of->question, of->deadline_ms);
        ok(encoded == 0 && frame.length == requests[i].length
               && memcmp(frame.at, requests[i].frame, frame.length) == 0,
           "request %s encodes to its golden frame", requests[i].name);
    }
    djauth_octets_free(&frame);
}

static const char *decode(const unsigned char *body, size_t length, uint32_t id, djauth_operation operation,
                          djauth_octets *texts_of_it, djauth_answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    answer->status = DJAUTH_ERROR;
    answer->reason = answer->id = answer->username = answer->email = answer->first_name = answer->last_name = "";
    answer->page_type = answer->page = "";
    return djauth_wire_decode(body, length, id, operation, texts_of_it, answer);
}

static int same_list(const char *const *a, size_t a_count, const char *const *b, size_t b_count)
{
    size_t i;

    if (a_count != b_count || (a == NULL) != (a_count == 0)) {
        return 0;
    }
    for (i = 0; i < a_count; i++) {
        if (strcmp(a[i], b[i]) != 0) {
            return 0;
        }
    }
    return 1;
}

static int same_answer(const djauth_answer *a, const djauth_answer *b)
{
    return a->status == b->status && a->retry_after == b->retry_after && strcmp(a->reason, b->reason) == 0
           && strcmp(a->page_type, b->page_type) == 0 && strcmp(a->page, b->page) == 0
           && strcmp(a->id, b->id) == 0 && strcmp(a->username, b->username) == 0 && strcmp(a->email, b->email) == 0
           && strcmp(a->first_name, b->first_name) == 0 && strcmp(a->last_name, b->last_name) == 0
           && a->is_staff == b->is_staff && a->is_superuser == b->is_superuser
           && same_list(a->groups, a->groups_count, b->groups, b->groups_count)
           && same_list(a->permissions, a->permissions_count, b->permissions, b->permissions_count);
}

static const char *decode_page(const unsigned char *body, size_t length, uint32_t id, djauth_octets *texts_of_it,
                               djauth_groups_page *page)
{
    memset(page, 0, sizeof(*page));
    page->status = DJAUTH_ERROR;
    page->reason = "";
    return djauth_wire_decode_groups(body, length, id, texts_of_it, page);
}

static int same_page(const djauth_groups_page *a, const djauth_groups_page *b)
{
    size_t i;

    if (a->status != b->status || a->groups_count != b->groups_count || (a->groups == NULL) != (a->groups_count == 0)
        || (a->next == NULL) != (b->next == NULL) || (a->next != NULL && strcmp(a->next, b->next) != 0)) {
        return 0;
    }
    for (i = 0; i < a->groups_count; i++) {
        if (strcmp(a->groups[i].name, b->groups[i].name) != 0
            || !same_list(a->groups[i].members, a->groups[i].members_count, b->groups[i].members,
                          b->groups[i].members_count)) {
            return 0;
        }
    }
    return 1;
}

static void test_page(const meant *of, const vector *reply)
{
    const unsigned char *body = reply->frame + DJAUTH_LENGTH_OCTETS;
    size_t length = reply->length - DJAUTH_LENGTH_OCTETS;
    djauth_octets into = {0};
    djauth_groups_page page;
    djauth_answer a;

    ok(decode_page(body, length, of->id, &into, &page) == NULL && same_page(&page, &of->page),
       "reply %s decodes to its meaning", reply->name);
    ok(decode_page(body, length, of->id + 1, &into, &page) != NULL, "reply %s answers no other question", reply->name);
    ok(decode(body, length, of->id, DJAUTH_CHECK, &into, &a) != NULL, "reply %s grants nothing else", reply->name);
    djauth_octets_free(&into);
}

static void test_replies(void)
{
    djauth_octets into = {0};
    djauth_answer a;
    int i;

    for (i = 0; i < replies_count; i++) {
        const meant *of = &replies_meant[i];
        const unsigned char *body = replies[i].frame + DJAUTH_LENGTH_OCTETS;
        size_t length = replies[i].length - DJAUTH_LENGTH_OCTETS;
        djauth_operation other = of->operation == DJAUTH_PING ? DJAUTH_CHECK : DJAUTH_PING;
        if (of->operation == DJAUTH_GROUPS) {
            test_page(of, &replies[i]);
            continue;
        }
        ok(djauth_wire_length(replies[i].frame) == length
               && decode(body, length, of->id, of->operation, &into, &a) == NULL && same_answer(&a, &of->answer),
           "reply %s decodes to its meaning", replies[i].name);
        ok(decode(body, length, of->id + 1, of->operation, &into, &a) != NULL
               && decode(body, length, of->id - 1, of->operation, &into, &a) != NULL,
           "reply %s answers no other question", replies[i].name);
        if (of->answer.status == DJAUTH_GRANTED) {
            ok(decode(body, length, of->id, other, &into, &a) != NULL, "reply %s grants nothing else", replies[i].name);
        }
    }
    djauth_octets_free(&into);
}

static void test_nonsense(void)
{
    djauth_octets into = {0};
    djauth_answer a;
    int i;

    for (i = 0; i < nonsense_count; i++) {
        uint32_t length = djauth_wire_length(nonsense[i].frame);
        ok(length == 0
               || decode(nonsense[i].frame + DJAUTH_LENGTH_OCTETS, nonsense[i].length - DJAUTH_LENGTH_OCTETS, 1,
                         DJAUTH_CHECK, &into, &a) != NULL,
           "nonsense %s is refused", nonsense[i].name);
    }
    djauth_octets_free(&into);
}

/* ---- Replies made here, under id 1 ---- */

#define BYTES(literal) literal, sizeof(literal) - 1

/* The account of a grant, with `more` pairs behind it. */
#define PAIRS                                                                                                         \
    "\xa2id\xa1" "1" "\xa8username\xa5" "alice" "\xa5" "email\xa0" "\xaa" "first_name\xa0" "\xa9last_name\xa0"       \
    "\xa5staff\xc3" "\xa9superuser\xc2" "\xa6groups\x91\xa7" "Editors"

static int makes_sense(const char *body, size_t length)
{
    /* A block of exactly that size, so that a look past its end is seen. */
    unsigned char *exact = malloc(length > 0 ? length : 1);
    djauth_octets into = {0};
    djauth_answer a;
    int sense = 0;

    if (exact != NULL) {
        memcpy(exact, body, length);
        sense = decode(exact, length, 1, DJAUTH_CHECK, &into, &a) == NULL;
    }
    djauth_octets_free(&into);
    free(exact);
    return sense;
}

/* A grant with one more key, whose value this is. */
static int passes_over(const char *value, size_t length)
{
    static const char before[] = "\x94\x01\x01\x00\x82\xa7" "account\x88" PAIRS "\xa1x";
    char body[512];

    if (sizeof(before) - 1 + length > sizeof(body)) {
        abort();
    }
    memcpy(body, before, sizeof(before) - 1);
    memcpy(body + sizeof(before) - 1, value, length);
    return makes_sense(body, sizeof(before) - 1 + length);
}

static void test_values(void)
{
    static const struct {
        const char *about;
        int allowed;
        const char *value;
        size_t length;
    } values[] = {
        {"nil", 1, BYTES("\xc0")},
        {"octets of any kind", 1, BYTES("\xc4\x03\x00\xff\x80")},
        {"octets in 16 and 32 bits of length", 1, BYTES("\x92\xc5\x00\x01x\xc6\x00\x00\x00\x01y")},
        {"an integer in each encoding", 1,
         BYTES("\x97\x7f\xcc\x01\xcd\x00\x01\xce\x00\x00\x00\x01\xcf\x00\x00\x00\x00\x00\x00\x00\x01\xd0\x7f\xd1\x00\x01")},
        {"integers in signed encodings", 1, BYTES("\x92\xd2\x00\x00\x00\x01\xd3\x00\x00\x00\x00\x00\x00\x00\x01")},
        {"2^53 - 1", 1, BYTES("\xcf\x00\x1f\xff\xff\xff\xff\xff\xff")},
        {"2^53", 0, BYTES("\xcf\x00\x20\x00\x00\x00\x00\x00\x00")},
        {"2^53, signed", 0, BYTES("\xd3\x00\x20\x00\x00\x00\x00\x00\x00")},
        {"-1", 0, BYTES("\xff")},
        {"-1 in 8 bits", 0, BYTES("\xd0\xff")},
        {"-1 in 16 bits", 0, BYTES("\xd1\xff\xff")},
        {"-1 in 32 bits", 0, BYTES("\xd2\xff\xff\xff\xff")},
        {"-1 in 64 bits", 0, BYTES("\xd3\xff\xff\xff\xff\xff\xff\xff\xff")},
        {"a float", 0, BYTES("\xca\x00\x00\x00\x00")},
        {"a double", 0, BYTES("\xcb\x00\x00\x00\x00\x00\x00\x00\x00")},
        {"an extension", 0, BYTES("\xd4\x01\x00")},
        {"an extension with a length", 0, BYTES("\xc7\x01\x01\x00")},
        {"the octet that is never used", 0, BYTES("\xc1")},
        {"nothing", 0, BYTES("")},
        {"half a length", 0, BYTES("\xda\x00")},
        {"half an integer", 0, BYTES("\xce\x00\x00")},
        {"a text longer than the frame", 0, BYTES("\xdb\xff\xff\xff\xffx")},
        {"a map larger than the frame", 0, BYTES("\xdf\xff\xff\xff\xff\xa0\xc0")},
        {"a map without its last value", 0, BYTES("\x81\xa1y")},
        {"a map with texts for keys", 1, BYTES("\x83\xa0\xc0\xd9\x01y\xc0\xda\x00\x01z\xc0")},
        {"a map with an integer for a key", 0, BYTES("\x81\x01\xc0")},
        {"a map with octets for a key", 0, BYTES("\x81\xc4\x01y\xc0")},
        {"a map with nil for a key", 0, BYTES("\x81\xc0\xc0")},
        {"eight deep", 1, BYTES("\x91\x91\x91\x91\x91\x91\x01")},
        {"nine deep", 0, BYTES("\x91\x91\x91\x91\x91\x91\x91\x01")},
        {"nine deep, the last one empty", 0, BYTES("\x91\x91\x91\x91\x91\x91\x90")},
        {"UTF-8 of each length", 1, BYTES("\xaa" "a\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80")},
        {"the last of UTF-8", 1, BYTES("\xaa\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf")},
        {"a lone continuation", 0, BYTES("\xa1\x80")},
        {"Latin-1", 0, BYTES("\xa4Jos\xe9")},
        {"a character cut short", 0, BYTES("\xa2\xe2\x82")},
        {"an overlong slash", 0, BYTES("\xa2\xc0\xaf")},
        {"overlong in two", 0, BYTES("\xa2\xc1\xbf")},
        {"overlong in three", 0, BYTES("\xa3\xe0\x9f\xbf")},
        {"overlong in four", 0, BYTES("\xa4\xf0\x8f\xbf\xbf")},
        {"a surrogate", 0, BYTES("\xa3\xed\xa0\x80")},
        {"past U+10FFFF", 0, BYTES("\xa4\xf4\x90\x80\x80")},
        {"a head past all", 0, BYTES("\xa4\xf5\x80\x80\x80")},
        {"a key that is not UTF-8", 0, BYTES("\x81\xa1\xff\xc0")},
    };
    size_t i;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        ok(passes_over(values[i].value, values[i].length) == values[i].allowed, "in a key that is not known, %s is %s",
           values[i].about, values[i].allowed ? "passed over" : "refused");
    }
}

static void test_shapes(void)
{
    static const struct {
        const char *about;
        int allowed;
        const char *body;
        size_t length;
    } shapes[] = {
        {"a grant", 1, BYTES("\x94\x01\x01\x00\x81\xa7" "account\x88" PAIRS)},
        {"an id in nine octets", 1, BYTES("\x94\x01\xcf\0\0\0\0\0\0\0\x01\x00\x81\xa7" "account\x88" PAIRS)},
        {"an id that is 1 only in its last 32 bits", 0,
         BYTES("\x94\x01\xcf\0\0\0\x01\0\0\0\x01\x00\x81\xa7" "account\x88" PAIRS)},
        {"two accounts", 0, BYTES("\x94\x01\x01\x00\x82\xa7" "account\x88" PAIRS "\xa7" "account\x88" PAIRS)},
        {"two usernames", 0, BYTES("\x94\x01\x01\x00\x81\xa7" "account\x89" PAIRS "\xa8username\xa3" "bob")},
        {"permissions", 1, BYTES("\x94\x01\x01\x00\x81\xa7" "account\x89" PAIRS "\xabpermissions\x91\xa3" "a.b")},
        {"permissions twice", 0,
         BYTES("\x94\x01\x01\x00\x81\xa7" "account\x8a" PAIRS "\xabpermissions\x91\xa3" "a.b\xabpermissions\x90")},
        {"permissions that are none", 0, BYTES("\x94\x01\x01\x00\x81\xa7" "account\x89" PAIRS "\xabpermissions\xc0")},
        {"a permission with NUL", 0,
         BYTES("\x94\x01\x01\x00\x81\xa7" "account\x89" PAIRS "\xabpermissions\x91\xa3" "a\0b")},
        {"a denial", 1, BYTES("\x94\x01\x01\x01\x81\xa6reason\xa8inactive")},
        {"a denial without a reason", 0, BYTES("\x94\x01\x01\x01\x80")},
        {"a denial with two reasons", 0, BYTES("\x94\x01\x01\x01\x82\xa6reason\xa1x\xa6reason\xa1y")},
        {"a reason with NUL", 0, BYTES("\x94\x01\x01\x01\x81\xa6reason\xa3x\0y")},
        {"a reason of octets", 0, BYTES("\x94\x01\x01\x01\x81\xa6reason\xc4\x01x")},
        {"a reason that is not UTF-8", 0, BYTES("\x94\x01\x01\x01\x81\xa6reason\xa1\xff")},
        {"busy", 1, BYTES("\x94\x01\x01\x03\x82\xa6reason\xa1x\xabretry_after\x01")},
        {"busy for no time", 0, BYTES("\x94\x01\x01\x03\x82\xa6reason\xa1x\xabretry_after\x00")},
        {"busy for a text", 0, BYTES("\x94\x01\x01\x03\x82\xa6reason\xa1x\xabretry_after\xa1" "1")},
        {"nothing at all", 0, BYTES("")},
    };
    static const char *const keys[] = {"account", "id", "username", "email", "first_name", "last_name", "staff",
                                       "superuser", "groups"};
    static const char whole[] = "\x94\x01\x01\x00\x81\xa7" "account\x88" PAIRS;
    size_t i;

    for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        ok(makes_sense(shapes[i].body, shapes[i].length) == shapes[i].allowed, "%s is %s", shapes[i].about,
           shapes[i].allowed ? "read" : "refused");
    }
    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char body[sizeof(whole)];
        char *key;
        char *value;
        memcpy(body, whole, sizeof(whole));
        key = memmem(body, sizeof(body) - 1, keys[i], strlen(keys[i]));
        *key = 'X';
        ok(!makes_sense(body, sizeof(body) - 1), "a grant without %s is refused", keys[i]);
        *key = keys[i][0];
        value = key + strlen(keys[i]);
        /* Only where the value is one octet: the rest of the reply stays well-formed, and its type alone is wrong. */
        if (*value == '\xc2' || *value == '\xc3' || *value == '\xa0') {
            *value = 0x01;
            ok(!makes_sense(body, sizeof(body) - 1), "a grant whose %s is a number is refused", keys[i]);
        }
    }
}

static void test_pages(void)
{
    static const struct {
        const char *about;
        int allowed;
        const char *body;
        size_t length;
    } pages[] = {
        {"an empty page", 1, BYTES("\x94\x01\x01\x00\x81\xa6groups\x90")},
        {"a group without members", 1, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\x92\xa0\x90")},
        {"a group and a place", 1, BYTES("\x94\x01\x01\x00\x82\xa6groups\x91\x92\xa1g\x91\xa1x\xa4next\xa1p")},
        {"a denial", 1, BYTES("\x94\x01\x01\x01\x81\xa6reason\xa1x")},
        {"a fault", 1, BYTES("\x94\x01\x01\x04\x81\xa6reason\xa1x")},
        {"busy for no time", 0, BYTES("\x94\x01\x01\x03\x82\xa6reason\xa1x\xabretry_after\x00")},
        {"a fault without a reason", 0, BYTES("\x94\x01\x01\x04\x80")},
        {"no groups", 0, BYTES("\x94\x01\x01\x00\x80")},
        {"groups that are a map", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x80")},
        {"a group that is a text", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\xa1g")},
        {"a group of one", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\x91\xa1g")},
        {"a group of three", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\x93\xa1g\x90\x90")},
        {"a group without a name", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\x92\xc0\x90")},
        {"a name with NUL", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\x92\xa2g\0\x90")},
        {"members that are a text", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\x92\xa1g\xa1x")},
        {"a member that is a number", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\x92\xa1g\x91\x01")},
        {"a member with NUL", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\x92\xa1g\x91\xa2x\0")},
        {"a place that is none", 0, BYTES("\x94\x01\x01\x00\x82\xa6groups\x90\xa4next\xc0")},
        {"two places", 0, BYTES("\x94\x01\x01\x00\x83\xa6groups\x90\xa4next\xa1p\xa4next\xa1q")},
        {"groups twice", 0, BYTES("\x94\x01\x01\x00\x82\xa6groups\x90\xa6groups\x90")},
        {"nothing at all", 0, BYTES("")},
    };
    static unsigned char many[60000];
    const char *wrong_of_many;
    djauth_octets into = {0};
    djauth_groups_page page;
    size_t i;

    for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        const char *wrong = decode_page((const unsigned char *)pages[i].body, pages[i].length, 1, &into, &page);
        ok((wrong == NULL) == pages[i].allowed, "%s is %s", pages[i].about, pages[i].allowed ? "read" : "refused");
    }
    djauth_octets_free(&into);

    /* Elements of one octet each would need more room than their octets make: only the last one is told to be none. */
    memcpy(many, "\x94\x01\x01\x00\x81\xa6groups\xdc\xea\x00", 15);
    memset(many + 15, 0xc0, 0xea00);
    memcpy(many + 15, "\x92\xa1g\x90", 4);
    wrong_of_many = decode_page(many, 15 + 0xea00 + 3, 1, &into, &page);
    ok(wrong_of_many != NULL && strcmp(wrong_of_many, "the reply lists a group that is none") == 0,
       "59,903 groups that are nil are refused");
    djauth_octets_free(&into);
}

/* Every prefix of a reply, and every reply with one octet changed in all 256 ways: refused, or complete. */
static void test_damage(void)
{
    static const char whole[] = "\x94\x01\x01\x00\x81\xa7" "account\x88" PAIRS;
    const size_t length = sizeof(whole) - 1;
    unsigned char copy[sizeof(whole)];
    djauth_octets into = {0};
    djauth_answer a;
    size_t grants = 0;
    size_t i;
    int octet;
    int cut = 1;
    int whole_accounts = 1;

    for (i = 0; i < length; i++) {
        cut &= !makes_sense(whole, i);
    }
    ok(cut, "no prefix of a granting reply grants");
    for (i = 0; i < length; i++) {
        for (octet = 0; octet < 256; octet++) {
            memcpy(copy, whole, length);
            copy[i] = (unsigned char)octet;
            memset(&a, 0, sizeof(a));
            a.status = DJAUTH_ERROR;
            a.is_staff = a.is_superuser = -1;
            if (djauth_wire_decode(copy, length, 1, DJAUTH_CHECK, &into, &a) == NULL && a.status == DJAUTH_GRANTED) {
                grants++;
                whole_accounts &= a.username != NULL && a.id != NULL && a.email != NULL && a.first_name != NULL
                                  && a.last_name != NULL && a.is_staff >= 0 && a.is_superuser >= 0
                                  && (a.groups_count == 0) == (a.groups == NULL);
            }
        }
    }
    ok(grants > 256 && whole_accounts, "of %zu grants with a changed octet none has half an account", grants);
    djauth_octets_free(&into);
}

static void test_limits(void)
{
    static char many[70000];
    djauth_octets frame = {0};
    djauth_question q = DJAUTH_QUESTION_INIT;
    size_t fits;

    memset(many, 'x', sizeof(many) - 1);
    q.username = "alice";
    q.username_length = 5;
    q.site = many;
    ok(djauth_wire_encode(&frame, 1, DJAUTH_AUTHORIZE, &q, 0) == -2, "a question that fits no frame is told apart");
    q.site = NULL;
    q.username = many;
    q.username_length = 65000;
    ok(djauth_wire_encode(&frame, 1, DJAUTH_AUTHORIZE, &q, 0) == 0, "a large one fits");
    fits = 65000 + DJAUTH_LENGTH_OCTETS + DJAUTH_FRAME_MAX - frame.length;
    q.username_length = fits;
    ok(djauth_wire_encode(&frame, 1, DJAUTH_AUTHORIZE, &q, 0) == 0
           && frame.length == DJAUTH_LENGTH_OCTETS + DJAUTH_FRAME_MAX
           && djauth_wire_length(frame.at) == DJAUTH_FRAME_MAX, "the largest one fits");
    q.username_length = fits + 1;
    ok(djauth_wire_encode(&frame, 1, DJAUTH_AUTHORIZE, &q, 0) == -2, "and one octet more does not");
    ok(djauth_wire_length((const unsigned char *)"\0\1\0\0") == 65536
           && djauth_wire_length((const unsigned char *)"\0\1\0\1") == 0
           && djauth_wire_length((const unsigned char *)"\xff\xff\xff\xff") == 0
           && djauth_wire_length((const unsigned char *)"\0\0\0\0") == 0, "a reply has 1 to 65536 octets");
    djauth_octets_free(&frame);
}

static int makes_page(const char *body, size_t length)
{
    djauth_octets into = {0};
    djauth_answer a;
    int sense = decode((const unsigned char *)body, length, 1, DJAUTH_STATUS, &into, &a) == NULL
                && a.status == DJAUTH_GRANTED;

    djauth_octets_free(&into);
    return sense;
}

static void test_status_pages(void)
{
    ok(makes_page(BYTES("\x94\x01\x01\x00\x82\xa4type\xa1t\xa4" "body\xa1x")), "a status page is read");
    ok(makes_page(BYTES("\x94\x01\x01\x00\x83\xa4type\xa1t\xa4" "body\xa0\xa1y\x01")), "and one with more keys");
    ok(!makes_page(BYTES("\x94\x01\x01\x00\x81\xa4type\xa1t")), "one without a body is refused");
    ok(!makes_page(BYTES("\x94\x01\x01\x00\x81\xa4" "body\xa1x")), "one without a type is refused");
    ok(!makes_page(BYTES("\x94\x01\x01\x00\x82\xa4type\xa1t\xa4" "body\xc4\x01x")), "one of octets is refused");
    ok(!makes_page(BYTES("\x94\x01\x01\x00\x82\xa4type\xa1t\xa4" "body\xa1\x00")), "one with NUL is refused");
    ok(!makes_page(BYTES("\x94\x01\x01\x00\x81\xa7" "account\x88" PAIRS)), "a grant is no status page");
}

int main(void)
{
    test_requests();
    test_replies();
    test_nonsense();
    test_values();
    test_shapes();
    test_pages();
    test_damage();
    test_status_pages();
    test_limits();
    return tap_done();
}
