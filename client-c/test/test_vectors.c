/* test_vectors.c: the golden frames of protocol/vectors, octet for octet. */
#include "djauth_wire.c"

#include "tap.h"
#include "vectors.h"

static const vector *find_vector(const vector *list, int count, const char *name)
{
    int i;

    for (i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

/* The question that a vector of requests.json spells. Returns 0 where this table knows none of that name. */
static int question_of(const char *name, djauth_question *q, djauth_operation *operation, uint32_t *id,
                       uint32_t *deadline_ms)
{
    static const char *const both[] = {"shop.change_order", "shop.view_order"};
    static const char *const groups[] = {"Editors", "\xc3\x9c" "berpr\xc3\xbc" "fer"};
    static const char *const commit[] = {"svn.commit"};
    static char long_password[300];

    memset(long_password, 'p', sizeof(long_password));
    *q = (djauth_question)DJAUTH_QUESTION_INIT;
    *operation = DJAUTH_CHECK;
    *deadline_ms = 0;
    q->username = "alice";
    q->username_length = 5;
    q->password = "secret";
    q->password_length = 6;
    if (strcmp(name, "ping") == 0) {
        *id = 1;
        *operation = DJAUTH_PING;
    } else if (strcmp(name, "check-least") == 0) {
        *id = 2;
    } else if (strcmp(name, "check-staff") == 0 || strcmp(name, "check-everything") == 0) {
        *id = 3;
        q->site = "mysite.settings";
        q->require_staff = 1;
        q->client_address = "192.0.2.7";
        q->service = "apache";
        *deadline_ms = 5000;
        if (strcmp(name, "check-everything") == 0) {
            *id = 4294967295U;
            q->require_superuser = 1;
            q->permissions = both;
            q->permissions_count = 2;
            q->groups = groups;
            q->groups_count = 2;
            q->client_address = "2001:db8::7";
            q->want_permissions = 1;
            *deadline_ms = 600000;
        }
    } else if (strcmp(name, "check-latin1") == 0) {
        *id = 256;
        q->username = "Jos\xe9";
        q->username_length = 4;
        q->password = NULL;
        q->password_length = 0;
    } else if (strcmp(name, "check-long-password") == 0) {
        *id = 70000;
        q->username = "al\0ice";
        q->username_length = 6;
        q->password = long_password;
        q->password_length = sizeof(long_password);
    } else if (strcmp(name, "authorize-permission") == 0) {
        *id = 7;
        *operation = DJAUTH_AUTHORIZE;
        q->permissions = commit;
        q->permissions_count = 1;
        q->service = "svn";
        *deadline_ms = 2000;
    } else if (strcmp(name, "authorize-least") == 0) {
        *id = 8;
        *operation = DJAUTH_AUTHORIZE;
    } else {
        return 0;
    }
    return 1;
}

static void test_requests(void)
{
    djauth_octets frame = {0};
    djauth_operation operation;
    djauth_question question;
    uint32_t id = 0;
    uint32_t deadline_ms;
    int i;

    for (i = 0; i < requests_count; i++) {
        int known = question_of(requests[i].name, &question, &operation, &id, &deadline_ms);
        int encoded = known ? djauth_wire_encode(&frame, id, operation, &question, deadline_ms) : -1;
        ok(encoded == 0 && frame.length == requests[i].length
               && memcmp(frame.at, requests[i].frame, frame.length) == 0,
           "request %s encodes to its golden frame", requests[i].name);
    }
    djauth_octets_free(&frame);
}

static const char *decode(const vector *of, uint32_t id, djauth_operation operation, djauth_octets *texts,
                          djauth_answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    answer->status = DJAUTH_ERROR;
    answer->reason = "";
    return djauth_wire_decode(of->frame + DJAUTH_LENGTH_OCTETS, of->length - DJAUTH_LENGTH_OCTETS, id, operation,
                              texts, answer);
}

static const vector *reply(const char *name)
{
    const vector *found = find_vector(replies, replies_count, name);

    ok(found != NULL, "there is a reply %s", name);
    return found;
}

static int is_alice(const djauth_answer *a)
{
    return strcmp(a->username, "alice") == 0 && strcmp(a->first_name, "Alice") == 0
           && strcmp(a->last_name, "Liddell") == 0 && a->is_staff == 1;
}

static void test_replies(void)
{
    static const struct {
        const char *name;
        uint32_t id;
        djauth_status status;
        const char *reason;
    } refusals[] = {
        {"denied", 2, DJAUTH_DENIED, "wrong-password"},
        {"unknown-user", 256, DJAUTH_UNKNOWN_USER, "unknown-user"},
        {"busy", 70000, DJAUTH_BUSY, "queue-full"},
        {"error", 7, DJAUTH_ERROR, "the database of site mysite.settings did not answer"},
        {"bad-request", 8, DJAUTH_BAD_REQUEST, "argument \"usrname\" is not known to check"},
    };
    djauth_octets texts = {0};
    djauth_answer a;
    size_t i;

    ok(decode(reply("pong"), 1, DJAUTH_PING, &texts, &a) == NULL && a.status == DJAUTH_GRANTED
           && strcmp(a.reason, "djauthd 0.1.0") == 0, "pong names the server");
    ok(decode(reply("granted"), 3, DJAUTH_CHECK, &texts, &a) == NULL && a.status == DJAUTH_GRANTED && is_alice(&a)
           && strcmp(a.id, "1") == 0 && strcmp(a.email, "alice@example.com") == 0 && a.is_superuser == 0
           && a.groups_count == 1 && strcmp(a.groups[0], "Editors") == 0 && a.permissions_count == 0
           && a.permissions == NULL, "granted carries the account");
    ok(decode(reply("granted-permissions"), 4294967295U, DJAUTH_CHECK, &texts, &a) == NULL && is_alice(&a)
           && strcmp(a.id, "0f8fad5bd9cb469fa16570867728950e") == 0 && a.email[0] == '\0' && a.is_superuser == 1
           && a.groups_count == 0 && a.groups == NULL && a.permissions_count == 2
           && strcmp(a.permissions[0], "shop.change_order") == 0 && strcmp(a.permissions[1], "shop.view_order") == 0,
       "granted carries the permissions that were wanted");
    ok(decode(reply("granted-more-keys"), 9, DJAUTH_CHECK, &texts, &a) == NULL && is_alice(&a),
       "keys that are not known are passed over");
    for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        ok(decode(reply(refusals[i].name), refusals[i].id, DJAUTH_CHECK, &texts, &a) == NULL
               && a.status == refusals[i].status && strcmp(a.reason, refusals[i].reason) == 0
               && a.retry_after == (a.status == DJAUTH_BUSY ? 2U : 0U),
           "%s is read with its reason", refusals[i].name);
    }
    ok(decode(reply("granted"), 4, DJAUTH_CHECK, &texts, &a) != NULL, "a reply to another question is refused");
    ok(decode(reply("pong"), 1, DJAUTH_CHECK, &texts, &a) != NULL, "a pong grants nobody");
    djauth_octets_free(&texts);
}

static void test_nonsense(void)
{
    djauth_octets texts = {0};
    djauth_answer a;
    int i;

    for (i = 0; i < nonsense_count; i++) {
        uint32_t length = djauth_wire_length(nonsense[i].frame);
        ok(length == 0 || decode(&nonsense[i], 1, DJAUTH_CHECK, &texts, &a) != NULL, "nonsense %s is refused",
           nonsense[i].name);
    }
    djauth_octets_free(&texts);
}

/* Every prefix of a reply, and every reply with one octet changed in all 256 ways: refused, or complete. */
static void test_damage(void)
{
    const vector *granted = reply("granted");
    size_t length = granted->length - DJAUTH_LENGTH_OCTETS;
    unsigned char *copy = malloc(length);
    djauth_octets texts = {0};
    djauth_answer a;
    size_t i;
    int octet;
    int cut = 1;
    int changed = 1;

    if (copy == NULL) {
        return;
    }
    for (i = 0; i < length; i++) {
        /* A block of exactly that size, so that a look past its end is seen. */
        unsigned char *prefix = malloc(i > 0 ? i : 1);
        if (prefix != NULL) {
            memcpy(prefix, granted->frame + DJAUTH_LENGTH_OCTETS, i);
            cut &= djauth_wire_decode(prefix, i, 3, DJAUTH_CHECK, &texts, &a) != NULL;
        }
        free(prefix);
    }
    ok(cut, "no prefix of a granting reply grants");
    for (i = 0; i < length; i++) {
        for (octet = 0; octet < 256; octet++) {
            memcpy(copy, granted->frame + DJAUTH_LENGTH_OCTETS, length);
            copy[i] = (unsigned char)octet;
            memset(&a, 0, sizeof(a));
            a.status = DJAUTH_ERROR;
            if (djauth_wire_decode(copy, length, 3, DJAUTH_CHECK, &texts, &a) == NULL && a.status == DJAUTH_GRANTED) {
                changed &= a.username != NULL && a.id != NULL && a.email != NULL && a.first_name != NULL
                           && a.last_name != NULL && (a.groups_count == 0) == (a.groups == NULL);
            }
        }
    }
    ok(changed, "a changed octet never makes half an account");
    free(copy);
    djauth_octets_free(&texts);
}

static void test_limits(void)
{
    static char many[70000];
    djauth_octets frame = {0};
    djauth_question q = DJAUTH_QUESTION_INIT;

    memset(many, 'x', sizeof(many) - 1);
    q.username = "alice";
    q.username_length = 5;
    q.site = many;
    ok(djauth_wire_encode(&frame, 1, DJAUTH_AUTHORIZE, &q, 0) == -2, "a question that fits no frame is told apart");
    q.site = NULL;
    q.username = many;
    q.username_length = 65500;
    ok(djauth_wire_encode(&frame, 1, DJAUTH_AUTHORIZE, &q, 0) == 0
           && djauth_wire_length(frame.at) == frame.length - DJAUTH_LENGTH_OCTETS, "the largest one fits");
    djauth_octets_free(&frame);
}

int main(void)
{
    test_requests();
    test_replies();
    test_nonsense();
    test_damage();
    test_limits();
    return tap_done();
}
