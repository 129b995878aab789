/* encode.c: questions to frames. */
#include "wire.h"

#include <msgpack.h>
#include <string.h>

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
    wrote(to, msgpack_pack_int(&to->packer, DJAUTH_PROTOCOL_VERSION));
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
