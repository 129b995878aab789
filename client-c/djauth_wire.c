/* djauth_wire.c: questions to frames, replies to answers. No input or output here. */
#include "djauth_wire.h"

#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#define PROTOCOL_VERSION 1

/* How deep arrays and maps may stand inside each other. */
#define DEPTH_MAX 8

/* The largest integer there is: what a double holds exactly, for the sake of JavaScript. */
#define INTEGER_MAX ((UINT64_C(1) << 53) - 1)

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

/* ---- Requests ---- */

/* msgpack-c's way to write: anything but 0 is a failure, which its packing functions hand on. */
static int append(void *to, const char *octets, size_t length)
{
    djauth_octets *frame = to;
    size_t needed = frame->length + length;

    if (needed > DJAUTH_LENGTH_OCTETS + DJAUTH_FRAME_MAX) {
        return -2;
    }
    if (needed > frame->room && djauth_octets_reserve(frame, needed * 2) != 0) {
        return -1;
    }
    if (length > 0) {
        memcpy(frame->at + frame->length, octets, length);
    }
    frame->length = needed;
    return 0;
}

typedef struct writer {
    msgpack_packer packer;
    int failed; /* the first failure; later writes do nothing */
} writer;

static void wrote(writer *to, int result)
{
    if (to->failed == 0) {
        to->failed = result;
    }
}

static void text(writer *to, const char *value)
{
    size_t length = strlen(value);

    wrote(to, msgpack_pack_str(&to->packer, length));
    wrote(to, msgpack_pack_str_body(&to->packer, value, length));
}

static void octets(writer *to, const char *key, const char *value, size_t length)
{
    text(to, key);
    wrote(to, msgpack_pack_bin(&to->packer, length));
    wrote(to, msgpack_pack_bin_body(&to->packer, value != NULL ? value : "", length));
}

static void map(writer *to, size_t pairs)
{
    wrote(to, msgpack_pack_map(&to->packer, pairs));
}

static void texts(writer *to, const char *key, const char *const *values, size_t count)
{
    size_t i;

    text(to, key);
    wrote(to, msgpack_pack_array(&to->packer, count));
    for (i = 0; i < count; i++) {
        text(to, values[i]);
    }
}

static void require(writer *to, const djauth_question *question, size_t pairs)
{
    text(to, "require");
    map(to, pairs);
    if (question->require_staff) {
        text(to, "staff");
        wrote(to, msgpack_pack_true(&to->packer));
    }
    if (question->require_superuser) {
        text(to, "superuser");
        wrote(to, msgpack_pack_true(&to->packer));
    }
    if (question->permissions_count > 0) {
        texts(to, "permissions", question->permissions, question->permissions_count);
    }
    if (question->groups_count > 0) {
        texts(to, "groups", question->groups, question->groups_count);
    }
}

/* The keys in the order of protocol/vectors/requests.json. */
static void arguments(writer *to, djauth_operation operation, const djauth_question *question, uint32_t deadline_ms)
{
    static const char *const permissions[] = {"permissions"};
    size_t requirements = (question->require_staff != 0) + (question->require_superuser != 0)
                          + (question->permissions_count > 0) + (question->groups_count > 0);
    size_t particulars = (question->client_address != NULL) + (question->service != NULL);

    map(to, 1 + (question->site != NULL) + (operation == DJAUTH_CHECK) + (requirements > 0) + (particulars > 0)
                + (deadline_ms > 0) + (question->want_permissions != 0));
    if (question->site != NULL) {
        text(to, "site");
        text(to, question->site);
    }
    octets(to, "username", question->username, question->username_length);
    if (operation == DJAUTH_CHECK) {
        octets(to, "password", question->password, question->password_length);
    }
    if (requirements > 0) {
        require(to, question, requirements);
    }
    if (particulars > 0) {
        text(to, "client");
        map(to, particulars);
        if (question->client_address != NULL) {
            text(to, "address");
            text(to, question->client_address);
        }
        if (question->service != NULL) {
            text(to, "service");
            text(to, question->service);
        }
    }
    if (deadline_ms > 0) {
        text(to, "deadline_ms");
        wrote(to, msgpack_pack_uint32(&to->packer, deadline_ms));
    }
    if (question->want_permissions) {
        texts(to, "want", permissions, 1);
    }
}

static void begin(writer *to, djauth_octets *frame, uint32_t id, const char *operation)
{
    to->failed = 0;
    frame->length = 0;
    wrote(to, append(frame, "\0\0\0", DJAUTH_LENGTH_OCTETS));
    msgpack_packer_init(&to->packer, frame, append);
    wrote(to, msgpack_pack_array(&to->packer, 4));
    wrote(to, msgpack_pack_int(&to->packer, PROTOCOL_VERSION));
    wrote(to, msgpack_pack_uint32(&to->packer, id));
    text(to, operation);
}

/* Puts the length where room was left for it. */
static int finish(const writer *to, djauth_octets *frame)
{
    size_t length = frame->length - DJAUTH_LENGTH_OCTETS;
    int i;

    if (to->failed != 0) {
        return to->failed;
    }
    for (i = 0; i < DJAUTH_LENGTH_OCTETS; i++) {
        frame->at[i] = (unsigned char)(length >> (8 * (DJAUTH_LENGTH_OCTETS - 1 - i)));
    }
    return 0;
}

int djauth_wire_encode(djauth_octets *frame, uint32_t id, djauth_operation operation,
                       const djauth_question *question, uint32_t deadline_ms)
{
    static const char *const names[] = {"check", "authorize", "ping"};
    writer to;

    begin(&to, frame, id, names[operation]);
    if (operation == DJAUTH_PING) {
        map(&to, 0);
    } else {
        arguments(&to, operation, question, deadline_ms);
    }
    return finish(&to, frame);
}

int djauth_wire_encode_groups(djauth_octets *frame, uint32_t id, const char *site, const char *after)
{
    writer to;

    begin(&to, frame, id, "groups");
    map(&to, (site != NULL) + (after != NULL));
    if (site != NULL) {
        text(&to, "site");
        text(&to, site);
    }
    if (after != NULL) {
        text(&to, "after");
        text(&to, after);
    }
    return finish(&to, frame);
}

int djauth_wire_encode_status(djauth_octets *frame, uint32_t id, djauth_page_format format, uint32_t refresh)
{
    static const char *const formats[] = {"html", "text", "prometheus", "json"};
    writer to;

    begin(&to, frame, id, "status");
    map(&to, refresh > 0 ? 2 : 1);
    text(&to, "format");
    text(&to, formats[format]);
    if (refresh > 0) {
        text(&to, "refresh");
        wrote(&to, msgpack_pack_uint32(&to.packer, refresh));
    }
    return finish(&to, frame);
}

/* ---- Replies ---- */

static uint64_t number(const unsigned char *at, size_t octets_of_it)
{
    uint64_t value = 0;
    size_t i;

    for (i = 0; i < octets_of_it; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

uint32_t djauth_wire_length(const unsigned char first[DJAUTH_LENGTH_OCTETS])
{
    uint32_t length = (uint32_t)number(first, DJAUTH_LENGTH_OCTETS);

    return length <= DJAUTH_FRAME_MAX ? length : 0;
}

/* Well-formed UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF. */
static int is_utf8(const unsigned char *at, size_t length)
{
    const unsigned char *end = at + length;

    while (at < end) {
        unsigned char head = *at++;
        unsigned char least = 0x80;
        unsigned char most = 0xbf;
        int more;
        if (head < 0x80) {
            continue;
        }
        if (head >= 0xc2 && head <= 0xdf) {
            more = 1;
        } else if (head >= 0xe0 && head <= 0xef) {
            more = 2;
            least = head == 0xe0 ? 0xa0 : least;
            most = head == 0xed ? 0x9f : most;
        } else if (head >= 0xf0 && head <= 0xf4) {
            more = 3;
            least = head == 0xf0 ? 0x90 : least;
            most = head == 0xf4 ? 0x8f : most;
        } else {
            return 0;
        }
        for (; more > 0; more--, at++) {
            if (at == end || *at < least || *at > most) {
                return 0;
            }
            least = 0x80; /* only the octet after the head is narrower */
            most = 0xbf;
        }
    }
    return 1;
}

static int is_text(unsigned char head)
{
    return (head >= 0xa0 && head <= 0xbf) || (head >= 0xd9 && head <= 0xdb);
}

/*
 * Walks over one value and returns where it ends; NULL where it breaks section 2 of PROTOCOL.md. msgpack-c makes room
 * for what an array claims before it has seen one element, so claims are measured here first.
 */
static const unsigned char *walk(const unsigned char *at, const unsigned char *end, int depth)
{
    uint64_t claimed = 0;  /* octets that follow, or elements, or pairs */
    size_t counts = 0;     /* octets of a claim that follows */
    unsigned char head;
    enum { INTEGER, OCTETS, TEXT, ARRAY, MAP } kind;

    if (at >= end) {
        return NULL;
    }
    head = *at++;
    if (head <= 0x7f || head == 0xc0 || head == 0xc2 || head == 0xc3) {
        return at;
    }
    if (head <= 0x8f) {
        kind = MAP;
        claimed = head & 0x0f;
    } else if (head <= 0x9f) {
        kind = ARRAY;
        claimed = head & 0x0f;
    } else if (head <= 0xbf) {
        kind = TEXT;
        claimed = head & 0x1f;
    } else if (head >= 0xc4 && head <= 0xc6) {
        kind = OCTETS;
        counts = (size_t)1 << (head - 0xc4);
    } else if (head >= 0xcc && head <= 0xd3) {
        kind = INTEGER;
        claimed = (uint64_t)1 << (head & 3);
    } else if (head >= 0xd9 && head <= 0xdb) {
        kind = TEXT;
        counts = (size_t)1 << (head - 0xd9);
    } else if (head >= 0xdc && head <= 0xdf) {
        kind = head <= 0xdd ? ARRAY : MAP;
        counts = head & 1 ? 4 : 2;
    } else {
        return NULL; /* extensions, floating point, below 0, the octet that is never used */
    }

    if (counts > 0) {
        if ((size_t)(end - at) < counts) {
            return NULL;
        }
        claimed = number(at, counts);
        at += counts;
    }
    if (claimed > (size_t)(end - at)) {
        return NULL; /* an element takes an octet at least */
    }
    if (kind == INTEGER) {
        /* 0xd0 and up are signed. */
        if (number(at, claimed) > INTEGER_MAX || (head >= 0xd0 && at[0] > 0x7f)) {
            return NULL;
        }
        return at + claimed;
    }
    if (kind == OCTETS || kind == TEXT) {
        return kind == OCTETS || is_utf8(at, claimed) ? at + claimed : NULL;
    }
    if (depth >= DEPTH_MAX) {
        return NULL;
    }
    for (; claimed > 0 && at != NULL; claimed--) {
        if (kind == MAP) {
            at = at < end && is_text(*at) ? walk(at, end, depth + 1) : NULL;
            if (at == NULL) {
                break;
            }
        }
        at = walk(at, end, depth + 1);
    }
    return at;
}

/* The value of a key; NULL where there is none. A key that stands twice cannot be trusted: its value is of no kind. */
static const msgpack_object *find(const msgpack_object *of, const char *key)
{
    static const msgpack_object ambiguous = {.type = MSGPACK_OBJECT_NIL};
    const msgpack_object *found = NULL;
    size_t length = strlen(key);
    uint32_t i;

    for (i = 0; of->type == MSGPACK_OBJECT_MAP && i < of->via.map.size; i++) {
        const msgpack_object *name = &of->via.map.ptr[i].key;
        if (name->type == MSGPACK_OBJECT_STR && name->via.str.size == length
            && memcmp(name->via.str.ptr, key, length) == 0) {
            if (found != NULL) {
                return &ambiguous;
            }
            found = &of->via.map.ptr[i].val;
        }
    }
    return found;
}

/* Each read_… returns 0, or -1 where the value is missing or none of its kind. */

static int read_text(djauth_octets *into, const msgpack_object *value, const char **text_of_it)
{
    size_t length;

    if (value == NULL || value->type != MSGPACK_OBJECT_STR) {
        return -1;
    }
    length = value->via.str.size;
    /* A NUL would make another name of it in C. */
    if (length > 0 && memchr(value->via.str.ptr, '\0', length) != NULL) {
        return -1;
    }
    *text_of_it = (const char *)into->at + into->length;
    if (length > 0) {
        memcpy(into->at + into->length, value->via.str.ptr, length);
    }
    into->at[into->length + length] = '\0';
    into->length += length + 1;
    return 0;
}

static int read_bool(const msgpack_object *value, int *into)
{
    if (value == NULL || value->type != MSGPACK_OBJECT_BOOLEAN) {
        return -1;
    }
    *into = value->via.boolean ? 1 : 0;
    return 0;
}

static int read_list(djauth_octets *into, const msgpack_object *value, const char **list, const char *const **list_of_it,
                     size_t *count)
{
    uint32_t i;

    if (value == NULL || value->type != MSGPACK_OBJECT_ARRAY) {
        return -1;
    }
    for (i = 0; i < value->via.array.size; i++) {
        if (read_text(into, &value->via.array.ptr[i], &list[i]) != 0) {
            return -1;
        }
    }
    *count = value->via.array.size;
    *list_of_it = *count > 0 ? list : NULL;
    return 0;
}

static size_t size_of_list(const msgpack_object *value)
{
    return value != NULL && value->type == MSGPACK_OBJECT_ARRAY ? value->via.array.size : 0;
}

static const char *read_account(djauth_octets *into, const msgpack_object *account, djauth_answer *answer)
{
    static const char incomplete[] = "the reply grants without a complete account";
    const msgpack_object *groups;
    const msgpack_object *permissions;
    const char **lists;

    if (account == NULL || account->type != MSGPACK_OBJECT_MAP) {
        return incomplete;
    }
    groups = find(account, "groups");
    permissions = find(account, "permissions");
    lists = (const char **)(void *)into->at; /* malloc's memory: aligned for pointers; room was made for them */
    into->length = (size_of_list(groups) + size_of_list(permissions)) * sizeof(*lists);

    if (read_text(into, find(account, "id"), &answer->id) != 0
        || read_text(into, find(account, "username"), &answer->username) != 0
        || read_text(into, find(account, "email"), &answer->email) != 0
        || read_text(into, find(account, "first_name"), &answer->first_name) != 0
        || read_text(into, find(account, "last_name"), &answer->last_name) != 0
        || read_bool(find(account, "staff"), &answer->is_staff) != 0
        || read_bool(find(account, "superuser"), &answer->is_superuser) != 0
        || read_list(into, groups, lists, &answer->groups, &answer->groups_count) != 0) {
        return incomplete;
    }
    if (permissions != NULL
        && read_list(into, permissions, lists + answer->groups_count, &answer->permissions,
                     &answer->permissions_count) != 0) {
        return incomplete;
    }
    return NULL;
}

static const char not_a_group[] = "the reply lists a group that is none";

/* A group is an array of its name and its members; `members` has room for them. */
static const char *read_group(djauth_octets *into, const msgpack_object *value, const char **members, djauth_group *group)
{
    if (read_text(into, &value->via.array.ptr[0], &group->name) != 0
        || read_list(into, &value->via.array.ptr[1], members, &group->members, &group->members_count) != 0) {
        return not_a_group;
    }
    return NULL;
}

static const char *read_groups(djauth_octets *into, const msgpack_object *content, djauth_groups_page *page)
{
    const msgpack_object *listed = find(content, "groups");
    const msgpack_object *next = find(content, "next");
    const char *wrong = NULL;
    djauth_group *groups;
    const char **members;
    size_t count = size_of_list(listed);
    size_t members_count = 0;
    size_t i;

    if (listed == NULL || listed->type != MSGPACK_OBJECT_ARRAY) {
        return "the reply lists no groups";
    }
    for (i = 0; i < count; i++) {
        const msgpack_object *value = &listed->via.array.ptr[i];
        if (size_of_list(value) != 2) {
            return not_a_group;
        }
        members_count += size_of_list(&value->via.array.ptr[1]);
    }
    /* As for an account. A group took three octets of the body at least: room for its three words and a NUL. */
    groups = (djauth_group *)(void *)into->at; /* malloc's memory: aligned */
    members = (const char **)(void *)(into->at + count * sizeof(*groups));
    into->length = count * sizeof(*groups) + members_count * sizeof(*members);
    for (i = 0; i < count && wrong == NULL; i++) {
        memset(&groups[i], 0, sizeof(groups[i]));
        wrong = read_group(into, &listed->via.array.ptr[i], members, &groups[i]);
        members += groups[i].members_count;
    }
    if (wrong == NULL && next != NULL && read_text(into, next, &page->next) != 0) {
        wrong = "the reply does not say where the next page begins";
    }
    page->groups = count > 0 ? groups : NULL;
    page->groups_count = count;
    return wrong;
}

/* What every reply has. */
static const char *read_head(const msgpack_object *reply, uint32_t id, djauth_status *status)
{
    const msgpack_object *part;

    if (reply->type != MSGPACK_OBJECT_ARRAY || reply->via.array.size != 4) {
        return "the reply is not an array of four";
    }
    part = reply->via.array.ptr;
    if (part[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER || part[0].via.u64 != PROTOCOL_VERSION) {
        return "the reply is of another version of the protocol";
    }
    if (part[1].type != MSGPACK_OBJECT_POSITIVE_INTEGER || part[1].via.u64 != id) {
        return "the reply belongs to another question";
    }
    if (part[2].type != MSGPACK_OBJECT_POSITIVE_INTEGER || part[2].via.u64 > DJAUTH_BAD_REQUEST) {
        return "the reply has a status that is not known";
    }
    if (part[3].type != MSGPACK_OBJECT_MAP) {
        return "the reply has no content";
    }
    *status = (djauth_status)part[2].via.u64;
    return NULL;
}

/* What a reply that does not grant has. */
static const char *read_refusal(djauth_octets *into, const msgpack_object *content, djauth_status status,
                                const char **reason, unsigned *retry_after)
{
    if (status == DJAUTH_BUSY) {
        const msgpack_object *after = find(content, "retry_after");
        if (after == NULL || after->type != MSGPACK_OBJECT_POSITIVE_INTEGER || after->via.u64 == 0) {
            return "the reply says busy but not until when";
        }
        *retry_after = after->via.u64 > 86400 ? 86400 : (unsigned)after->via.u64;
    }
    return read_text(into, find(content, "reason"), reason) == 0 ? NULL : "the reply gives no reason";
}

static const char *read_answer(const msgpack_object *reply, uint32_t id, djauth_operation operation,
                               djauth_octets *into, djauth_answer *answer)
{
    const char *wrong = read_head(reply, id, &answer->status);
    const msgpack_object *content;

    if (wrong != NULL) {
        return wrong;
    }
    content = &reply->via.array.ptr[3];
    if (answer->status != DJAUTH_GRANTED) {
        return read_refusal(into, content, answer->status, &answer->reason, &answer->retry_after);
    }
    if (operation == DJAUTH_PING) {
        return read_text(into, find(content, "server"), &answer->reason) == 0 ? NULL : "the reply names no server";
    }
    if (operation == DJAUTH_STATUS) {
        return read_text(into, find(content, "type"), &answer->page_type) == 0
                       && read_text(into, find(content, "body"), &answer->page) == 0
                   ? NULL
                   : "the reply has no status page";
    }
    return read_account(into, find(content, "account"), answer);
}

static const char *read_page(const msgpack_object *reply, uint32_t id, djauth_octets *into, djauth_groups_page *page)
{
    const char *wrong = read_head(reply, id, &page->status);
    const msgpack_object *content;

    if (wrong != NULL) {
        return wrong;
    }
    content = &reply->via.array.ptr[3];
    return page->status == DJAUTH_GRANTED ? read_groups(into, content, page)
                                          : read_refusal(into, content, page->status, &page->reason, &page->retry_after);
}

/* Unpacks a body that is harmless to unpack, and makes room for its texts. The caller destroys `reply` in any case. */
static const char *unpack(const unsigned char *body, size_t length, djauth_octets *into, msgpack_unpacked *reply)
{
    size_t at = 0;

    msgpack_unpacked_init(reply);
    if (walk(body, body + length, 0) != body + length) {
        return "the reply is not one well-formed value";
    }
    /* Every text and list element takes an octet of the body at least: a pointer and a NUL for each is room enough. */
    if (djauth_octets_reserve(into, length * (2 + sizeof(char *))) != 0) {
        return "no memory for the reply";
    }
    into->length = 0;
    return msgpack_unpack_next(reply, (const char *)body, length, &at) == MSGPACK_UNPACK_SUCCESS && at == length
               ? NULL
               : "the reply cannot be decoded";
}

const char *djauth_wire_decode(const unsigned char *body, size_t length, uint32_t id, djauth_operation operation,
                               djauth_octets *into, djauth_answer *answer)
{
    msgpack_unpacked reply;
    const char *wrong = unpack(body, length, into, &reply);

    if (wrong == NULL) {
        wrong = read_answer(&reply.data, id, operation, into, answer);
    }
    msgpack_unpacked_destroy(&reply);
    return wrong;
}

const char *djauth_wire_decode_groups(const unsigned char *body, size_t length, uint32_t id, djauth_octets *into,
                                      djauth_groups_page *page)
{
    msgpack_unpacked reply;
    const char *wrong = unpack(body, length, into, &reply);

    if (wrong == NULL) {
        wrong = read_page(&reply.data, id, into, page);
    }
    msgpack_unpacked_destroy(&reply);
    return wrong;
}
