/* test_vectors.c: the golden frames of protocol/vectors, octet for octet, and what section 2 of PROTOCOL.md forbids. */
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
        ok(djauth_encode(&frame, &requested[i]) == 0 && frame.length == requests[i].length
               && memcmp(frame.data, requests[i].frame, frame.length) == 0,
           "request %s is encoded as its golden frame", requests[i].name);
    }
    djauth_octets_free(&frame);
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
    return strcmp(a->id, b->id) == 0 && strcmp(a->username, b->username) == 0 && strcmp(a->email, b->email) == 0
           && strcmp(a->first_name, b->first_name) == 0 && strcmp(a->last_name, b->last_name) == 0
           && a->is_staff == b->is_staff && a->is_superuser == b->is_superuser
           && a->groups_omitted == b->groups_omitted && a->permissions_omitted == b->permissions_omitted
           && a->lease_ms == b->lease_ms && a->lease_epoch == b->lease_epoch
           && same_list(a->groups, a->groups_count, b->groups, b->groups_count)
           && same_list(a->permissions, a->permissions_count, b->permissions, b->permissions_count);
}

static int same_groups(const djauth_groups_page *a, const djauth_groups_page *b)
{
    size_t i;

    if (a->groups_count != b->groups_count || (a->groups == NULL) != (a->groups_count == 0)
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

static int same_reply(djauth_operation operation, const djauth_reply *a, const djauth_reply *b)
{
    if (a->status != b->status || a->retry_after != b->retry_after || strcmp(a->reason, b->reason) != 0) {
        return 0;
    }
    if (a->status != DJAUTH_GRANTED) {
        return 1;
    }
    switch (operation) {
    case DJAUTH_OPERATION_CHECK:
    case DJAUTH_OPERATION_AUTHORIZE:
        return same_answer(&a->granted.answer, &b->granted.answer);
    case DJAUTH_OPERATION_PING:
        return strcmp(a->granted.server.name, b->granted.server.name) == 0
               && a->granted.server.protocol_version == b->granted.server.protocol_version;
    case DJAUTH_OPERATION_GROUPS:
        return same_groups(&a->granted.groups, &b->granted.groups);
    case DJAUTH_OPERATION_STATUS:
        return strcmp(a->granted.page.media_type, b->granted.page.media_type) == 0
               && strcmp(a->granted.page.body, b->granted.page.body) == 0;
    }
    return 0;
}

/* Decodes the body of a reply to this operation with this id. */
static const char *decode(djauth_operation operation, uint32_t id, const unsigned char *body, size_t length,
                          djauth_octets *texts, djauth_reply *reply)
{
    const djauth_request request = {.operation = operation, .id = id};

    *reply = (djauth_reply){.status = DJAUTH_ERROR, .reason = ""};
    return djauth_decode(&request, body, length, texts, reply);
}

static void test_replies(void)
{
    djauth_octets texts = {0};
    djauth_reply reply;
    int i;

    for (i = 0; i < replies_count; i++) {
        const meant *meaning = &replies_meant[i];
        djauth_operation operation = meaning->request.operation;
        djauth_operation other = operation == DJAUTH_OPERATION_CHECK ? DJAUTH_OPERATION_PING : DJAUTH_OPERATION_CHECK;
        uint32_t id = meaning->request.id;
        const unsigned char *body = replies[i].frame + DJAUTH_LENGTH_OCTETS;
        size_t length = replies[i].length - DJAUTH_LENGTH_OCTETS;

        ok(djauth_body_length(replies[i].frame) == length && decode(operation, id, body, length, &texts, &reply) == NULL
               && same_reply(operation, &reply, &meaning->reply),
           "reply %s is decoded as what it means", replies[i].name);
        ok(decode(operation, id + 1, body, length, &texts, &reply) != NULL
               && decode(operation, id - 1, body, length, &texts, &reply) != NULL,
           "reply %s answers no other request", replies[i].name);
        if (meaning->reply.status == DJAUTH_GRANTED) {
            ok(decode(other, id, body, length, &texts, &reply) != NULL, "reply %s grants no other operation",
               replies[i].name);
        }
    }
    djauth_octets_free(&texts);
}

static void test_nonsense(void)
{
    djauth_octets texts = {0};
    djauth_reply reply;
    int i;

    for (i = 0; i < nonsense_count; i++) {
        ok(djauth_body_length(nonsense[i].frame) == 0
               || decode(DJAUTH_OPERATION_CHECK, 1, nonsense[i].frame + DJAUTH_LENGTH_OCTETS,
                         nonsense[i].length - DJAUTH_LENGTH_OCTETS, &texts, &reply) != NULL,
           "malformed reply %s is rejected", nonsense[i].name);
    }
    djauth_octets_free(&texts);
}

/* ---- Replies written out here, with id 1 ---- */

#define BYTES(literal) literal, sizeof(literal) - 1

/* The eight pairs of an account. */
#define PAIRS                                                                                                         \
    "\xa2id\xa1" "1" "\xa8username\xa5" "alice" "\xa5" "email\xa0" "\xaa" "first_name\xa0" "\xa9last_name\xa0"       \
    "\xa5staff\xc3" "\xa9superuser\xc2" "\xa6groups\x91\xa7" "Editors"

static int is_accepted(djauth_operation operation, const char *body, size_t length)
{
    /* A block of exactly this size, so that ASan sees a read beyond its end. */
    unsigned char *exact = malloc(length > 0 ? length : 1);
    djauth_octets texts = {0};
    djauth_reply reply;
    int accepted = 0;

    if (exact != NULL) {
        memcpy(exact, body, length);
        accepted = decode(operation, 1, exact, length, &texts, &reply) == NULL;
    }
    djauth_octets_free(&texts);
    free(exact);
    return accepted;
}

/* A grant with an unknown key of this value. */
static int is_ignored(const char *value, size_t length)
{
    static const char before[] = "\x94\x01\x01\x00\x82\xa7" "account\x88" PAIRS "\xa1x";
    char body[512];

    if (sizeof(before) - 1 + length > sizeof(body)) {
        abort();
    }
    memcpy(body, before, sizeof(before) - 1);
    memcpy(body + sizeof(before) - 1, value, length);
    return is_accepted(DJAUTH_OPERATION_CHECK, body, sizeof(before) - 1 + length);
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
        {"octets that are not text", 1, BYTES("\xc4\x03\x00\xff\x80")},
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
        {"the unused head", 0, BYTES("\xc1")},
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
        {"nesting of eight", 1, BYTES("\x91\x91\x91\x91\x91\x91\x01")},
        {"nesting of nine", 0, BYTES("\x91\x91\x91\x91\x91\x91\x91\x01")},
        {"nesting of nine, the innermost empty", 0, BYTES("\x91\x91\x91\x91\x91\x91\x90")},
        {"UTF-8 of each length", 1, BYTES("\xaa" "a\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80")},
        {"the last characters of UTF-8", 1, BYTES("\xaa\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf")},
        {"a lone continuation", 0, BYTES("\xa1\x80")},
        {"Latin-1", 0, BYTES("\xa4Jos\xe9")},
        {"a character cut short", 0, BYTES("\xa2\xe2\x82")},
        {"an overlong slash", 0, BYTES("\xa2\xc0\xaf")},
        {"overlong in two", 0, BYTES("\xa2\xc1\xbf")},
        {"overlong in three", 0, BYTES("\xa3\xe0\x9f\xbf")},
        {"overlong in four", 0, BYTES("\xa4\xf0\x8f\xbf\xbf")},
        {"a surrogate", 0, BYTES("\xa3\xed\xa0\x80")},
        {"a character beyond U+10FFFF", 0, BYTES("\xa4\xf4\x90\x80\x80")},
        {"a head beyond all characters", 0, BYTES("\xa4\xf5\x80\x80\x80")},
        {"a key that is not UTF-8", 0, BYTES("\x81\xa1\xff\xc0")},
    };
    size_t i;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        ok(is_ignored(values[i].value, values[i].length) == values[i].allowed, "the value of an unknown key: %s is %s",
           values[i].about, values[i].allowed ? "ignored" : "rejected");
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
        {"permissions that are nil", 0, BYTES("\x94\x01\x01\x00\x81\xa7" "account\x89" PAIRS "\xabpermissions\xc0")},
        {"a permission with NUL", 0,
         BYTES("\x94\x01\x01\x00\x81\xa7" "account\x89" PAIRS "\xabpermissions\x91\xa3" "a\0b")},
        {"a denial", 1, BYTES("\x94\x01\x01\x01\x81\xa6reason\xa8inactive")},
        {"a denial without a reason", 0, BYTES("\x94\x01\x01\x01\x80")},
        {"a denial with two reasons", 0, BYTES("\x94\x01\x01\x01\x82\xa6reason\xa1x\xa6reason\xa1y")},
        {"a reason with NUL", 0, BYTES("\x94\x01\x01\x01\x81\xa6reason\xa3x\0y")},
        {"a reason of octets", 0, BYTES("\x94\x01\x01\x01\x81\xa6reason\xc4\x01x")},
        {"a reason that is not UTF-8", 0, BYTES("\x94\x01\x01\x01\x81\xa6reason\xa1\xff")},
        {"busy", 1, BYTES("\x94\x01\x01\x03\x82\xa6reason\xa1x\xabretry_after\x01")},
        {"busy with a retry_after of 0", 0, BYTES("\x94\x01\x01\x03\x82\xa6reason\xa1x\xabretry_after\x00")},
        {"busy with a retry_after that is a text", 0, BYTES("\x94\x01\x01\x03\x82\xa6reason\xa1x\xabretry_after\xa1" "1")},
        {"an empty body", 0, BYTES("")},
    };
    static const char *const keys[] = {"account", "id", "username", "email", "first_name", "last_name", "staff",
                                       "superuser", "groups"};
    static const char whole[] = "\x94\x01\x01\x00\x81\xa7" "account\x88" PAIRS;
    size_t i;

    for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        ok(is_accepted(DJAUTH_OPERATION_CHECK, shapes[i].body, shapes[i].length) == shapes[i].allowed, "%s is %s", shapes[i].about,
           shapes[i].allowed ? "accepted" : "rejected");
    }
    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char body[sizeof(whole)];
        char *key;
        char *value;
        memcpy(body, whole, sizeof(whole));
        key = memmem(body, sizeof(body) - 1, keys[i], strlen(keys[i]));
        *key = 'X';
        ok(!is_accepted(DJAUTH_OPERATION_CHECK, body, sizeof(body) - 1), "a grant without %s is rejected", keys[i]);
        *key = keys[i][0];
        value = key + strlen(keys[i]);
        /* Only if the value is one octet: the rest of the reply stays well-formed, and only the type is wrong. */
        if (*value == '\xc2' || *value == '\xc3' || *value == '\xa0') {
            *value = 0x01;
            ok(!is_accepted(DJAUTH_OPERATION_CHECK, body, sizeof(body) - 1), "a grant whose %s is a number is rejected", keys[i]);
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
        {"a group and a cursor", 1, BYTES("\x94\x01\x01\x00\x82\xa6groups\x91\x92\xa1g\x91\xa1x\xa4next\xa1p")},
        {"a denial", 1, BYTES("\x94\x01\x01\x01\x81\xa6reason\xa1x")},
        {"a fault", 1, BYTES("\x94\x01\x01\x04\x81\xa6reason\xa1x")},
        {"busy with a retry_after of 0", 0, BYTES("\x94\x01\x01\x03\x82\xa6reason\xa1x\xabretry_after\x00")},
        {"a fault without a reason", 0, BYTES("\x94\x01\x01\x04\x80")},
        {"no groups", 0, BYTES("\x94\x01\x01\x00\x80")},
        {"groups that are a map", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x80")},
        {"a group that is a text", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\xa1g")},
        {"a group of one element", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\x91\xa1g")},
        {"a group of three elements", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\x93\xa1g\x90\x90")},
        {"a group without a name", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\x92\xc0\x90")},
        {"a name with NUL", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\x92\xa2g\0\x90")},
        {"members that are a text", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\x92\xa1g\xa1x")},
        {"a member that is a number", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\x92\xa1g\x91\x01")},
        {"a member with NUL", 0, BYTES("\x94\x01\x01\x00\x81\xa6groups\x91\x92\xa1g\x91\xa2x\0")},
        {"a cursor that is nil", 0, BYTES("\x94\x01\x01\x00\x82\xa6groups\x90\xa4next\xc0")},
        {"two cursors", 0, BYTES("\x94\x01\x01\x00\x83\xa6groups\x90\xa4next\xa1p\xa4next\xa1q")},
        {"groups twice", 0, BYTES("\x94\x01\x01\x00\x82\xa6groups\x90\xa6groups\x90")},
        {"an empty body", 0, BYTES("")},
    };
    static unsigned char many[60000];
    const char *wrong;
    djauth_octets texts = {0};
    djauth_reply reply;
    size_t i;

    for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        ok(is_accepted(DJAUTH_OPERATION_GROUPS, pages[i].body, pages[i].length) == pages[i].allowed,
           "page of groups: %s is %s", pages[i].about, pages[i].allowed ? "accepted" : "rejected");
    }

    /* Elements of one octet each need more memory than is reserved: they must be rejected before any is stored. */
    memcpy(many, "\x94\x01\x01\x00\x81\xa6groups\xdc\xea\x00", 15);
    memset(many + 15, 0xc0, 0xea00);
    memcpy(many + 15, "\x92\xa1g\x90", 4);
    wrong = decode(DJAUTH_OPERATION_GROUPS, 1, many, 15 + 0xea00 + 3, &texts, &reply);
    ok(wrong != NULL && strcmp(wrong, "the reply lists a malformed group") == 0, "59,903 groups that are nil are rejected");
    djauth_octets_free(&texts);
}

/* Every prefix of a reply, and every reply with one octet changed in all 256 ways, is rejected or complete. */
static void test_damage(void)
{
    static const char whole[] = "\x94\x01\x01\x00\x81\xa7" "account\x88" PAIRS;
    const djauth_request request = {.operation = DJAUTH_OPERATION_CHECK, .id = 1};
    const size_t length = sizeof(whole) - 1;
    unsigned char copy[sizeof(whole)];
    djauth_octets texts = {0};
    size_t grants = 0;
    size_t i;
    int octet;
    int cut = 1;
    int complete = 1;

    for (i = 0; i < length; i++) {
        cut &= !is_accepted(DJAUTH_OPERATION_CHECK, whole, i);
    }
    ok(cut, "no prefix of a grant is a grant");
    for (i = 0; i < length; i++) {
        for (octet = 0; octet < 256; octet++) {
            djauth_reply reply = {.status = DJAUTH_ERROR, .granted = {.answer = {.is_staff = -1, .is_superuser = -1}}};
            const djauth_answer *a = &reply.granted.answer;

            memcpy(copy, whole, length);
            copy[i] = (unsigned char)octet;
            if (djauth_decode(&request, copy, length, &texts, &reply) == NULL && reply.status == DJAUTH_GRANTED) {
                grants++;
                complete &= a->username != NULL && a->id != NULL && a->email != NULL && a->first_name != NULL
                            && a->last_name != NULL && a->is_staff >= 0 && a->is_superuser >= 0
                            && (a->groups_count == 0) == (a->groups == NULL);
            }
        }
    }
    ok(grants > 256 && complete, "all of %zu grants with a changed octet have a complete account", grants);
    djauth_octets_free(&texts);
}

static int fits(djauth_octets *frame, djauth_question *question, size_t username_length)
{
    const djauth_request request = {.operation = DJAUTH_OPERATION_AUTHORIZE, .id = 1, .question = question};

    question->username_length = username_length;
    return djauth_encode(frame, &request);
}

static void test_limits(void)
{
    static char many[70000];
    djauth_octets frame = {0};
    djauth_question question = DJAUTH_QUESTION_INIT;
    size_t largest;

    memset(many, 'x', sizeof(many) - 1);
    question.username = many;
    question.site = many;
    ok(fits(&frame, &question, 5) == DJAUTH_TOO_LARGE, "a request that is larger than a frame is reported as such");
    question.site = NULL;
    ok(fits(&frame, &question, 65000) == 0, "a large request fits");
    largest = 65000 + DJAUTH_LENGTH_OCTETS + DJAUTH_FRAME_MAX - frame.length;
    ok(fits(&frame, &question, largest) == 0 && frame.length == DJAUTH_LENGTH_OCTETS + DJAUTH_FRAME_MAX
           && djauth_body_length(frame.data) == DJAUTH_FRAME_MAX, "the largest request fits");
    ok(fits(&frame, &question, largest + 1) == DJAUTH_TOO_LARGE, "one octet more does not");
    ok(djauth_body_length((const unsigned char *)"\0\1\0\0") == 65536
           && djauth_body_length((const unsigned char *)"\0\1\0\1") == 0
           && djauth_body_length((const unsigned char *)"\xff\xff\xff\xff") == 0
           && djauth_body_length((const unsigned char *)"\0\0\0\0") == 0, "a reply has 1 to 65,536 octets");
    djauth_octets_free(&frame);
}

/* What has no golden frame: the other granted replies. */
static void test_other_grants(void)
{
    static const struct {
        const char *about;
        djauth_operation operation;
        int allowed;
        const char *body;
        size_t length;
    } grants[] = {
        {"a status page", DJAUTH_OPERATION_STATUS, 1, BYTES("\x94\x01\x01\x00\x82\xa4type\xa1t\xa4" "body\xa1x")},
        {"a status page with an unknown key", DJAUTH_OPERATION_STATUS, 1,
         BYTES("\x94\x01\x01\x00\x83\xa4type\xa1t\xa4" "body\xa0\xa1y\x01")},
        {"a status page without a body", DJAUTH_OPERATION_STATUS, 0, BYTES("\x94\x01\x01\x00\x81\xa4type\xa1t")},
        {"a status page without a type", DJAUTH_OPERATION_STATUS, 0, BYTES("\x94\x01\x01\x00\x81\xa4" "body\xa1x")},
        {"a status page of octets", DJAUTH_OPERATION_STATUS, 0,
         BYTES("\x94\x01\x01\x00\x82\xa4type\xa1t\xa4" "body\xc4\x01x")},
        {"a status page with NUL", DJAUTH_OPERATION_STATUS, 0,
         BYTES("\x94\x01\x01\x00\x82\xa4type\xa1t\xa4" "body\xa1\x00")},
        {"a status page that is an account", DJAUTH_OPERATION_STATUS, 0,
         BYTES("\x94\x01\x01\x00\x81\xa7" "account\x88" PAIRS)},
        {"a pong", DJAUTH_OPERATION_PING, 1, BYTES("\x94\x01\x01\x00\x82\xa6server\xa1x\xa8protocol\x01")},
        {"a pong without a server", DJAUTH_OPERATION_PING, 0, BYTES("\x94\x01\x01\x00\x81\xa8protocol\x01")},
        {"a pong without a protocol version", DJAUTH_OPERATION_PING, 0, BYTES("\x94\x01\x01\x00\x81\xa6server\xa1x")},
        {"a pong whose protocol version is a text", DJAUTH_OPERATION_PING, 0,
         BYTES("\x94\x01\x01\x00\x82\xa6server\xa1x\xa8protocol\xa1" "1")},
    };
    size_t i;

    for (i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
        ok(is_accepted(grants[i].operation, grants[i].body, grants[i].length) == grants[i].allowed, "%s is %s",
           grants[i].about, grants[i].allowed ? "accepted" : "rejected");
    }
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
    test_other_grants();
    test_limits();
    return tap_done();
}
