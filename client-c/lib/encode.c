/* encode.c: requests to frames. */
#include "wire.h"

#include <msgpack.h>
#include <string.h>

/* msgpack-c's write callback. Its packing functions return what this returns if it is not 0. */
static int append(void *target, const char *octets, size_t length)
{
    djauth_octets *frame = target;
    size_t needed = frame->length + length;

    if (needed > DJAUTH_LENGTH_OCTETS + DJAUTH_FRAME_MAX) {
        return DJAUTH_TOO_LARGE;
    }
    if (needed > frame->capacity && djauth_octets_reserve(frame, needed * 2) != 0) {
        return DJAUTH_NO_MEMORY;
    }
    if (length > 0) {
        memcpy(frame->data + frame->length, octets, length);
    }
    frame->length = needed;
    return 0;
}

typedef struct writer {
    msgpack_packer packer;
    int failed; /* the first failure; 0 if there was none */
} writer;

static void note(writer *to, int result)
{
    if (to->failed == 0) {
        to->failed = result;
    }
}

static void write_text(writer *to, const char *value)
{
    size_t length = strlen(value);

    note(to, msgpack_pack_str(&to->packer, length));
    note(to, msgpack_pack_str_body(&to->packer, value, length));
}

static void write_map(writer *to, size_t pairs)
{
    note(to, msgpack_pack_map(&to->packer, pairs));
}

static void write_flag(writer *to, const char *key)
{
    write_text(to, key);
    note(to, msgpack_pack_true(&to->packer));
}

static void write_number(writer *to, const char *key, uint32_t value)
{
    write_text(to, key);
    note(to, msgpack_pack_uint32(&to->packer, value));
}

static void write_octets(writer *to, const char *key, const char *value, size_t length)
{
    write_text(to, key);
    note(to, msgpack_pack_bin(&to->packer, length));
    note(to, msgpack_pack_bin_body(&to->packer, value != NULL ? value : "", length));
}

static void write_list(writer *to, const char *key, const char *const *values, size_t count)
{
    size_t i;

    write_text(to, key);
    note(to, msgpack_pack_array(&to->packer, count));
    for (i = 0; i < count; i++) {
        write_text(to, values[i]);
    }
}

/* A pair whose value is a text, if there is one. */
static void write_pair(writer *to, const char *key, const char *value)
{
    if (value != NULL) {
        write_text(to, key);
        write_text(to, value);
    }
}

static void write_requirements(writer *to, const djauth_question *question, size_t pairs)
{
    write_text(to, "require");
    write_map(to, pairs);
    if (question->require_staff) {
        write_flag(to, "staff");
    }
    if (question->require_superuser) {
        write_flag(to, "superuser");
    }
    if (question->permissions_count > 0) {
        write_list(to, "permissions", question->permissions, question->permissions_count);
    }
    if (question->groups_count > 0) {
        write_list(to, "groups", question->groups, question->groups_count);
    }
}

/* The keys are in the order of protocol/vectors/requests.json. */
static void write_question(writer *to, const djauth_request *request)
{
    static const char *const permissions[] = {"permissions"};
    const djauth_question *question = request->question;
    int has_password = request->operation == DJAUTH_OPERATION_CHECK;
    size_t requirements = (question->require_staff != 0) + (question->require_superuser != 0)
                          + (question->permissions_count > 0) + (question->groups_count > 0);
    size_t client = (question->client_address != NULL) + (question->service != NULL);

    write_map(to, 1 + (question->site != NULL) + has_password + (requirements > 0) + (client > 0)
                      + (request->deadline_ms > 0) + (question->want_permissions != 0) + (question->want_lease != 0)
                      + (question->leased > 0));
    write_pair(to, "site", question->site);
    write_octets(to, "username", question->username, question->username_length);
    if (has_password) {
        write_octets(to, "password", question->password, question->password_length);
    }
    if (requirements > 0) {
        write_requirements(to, question, requirements);
    }
    if (client > 0) {
        write_text(to, "client");
        write_map(to, client);
        write_pair(to, "address", question->client_address);
        write_pair(to, "service", question->service);
    }
    if (request->deadline_ms > 0) {
        write_number(to, "deadline_ms", request->deadline_ms);
    }
    if (question->want_permissions) {
        write_list(to, "want", permissions, 1);
    }
    if (question->want_lease) {
        write_flag(to, "lease");
    }
    if (question->leased > 0) {
        write_number(to, "leased", question->leased);
    }
}

static void write_groups(writer *to, const djauth_request *request)
{
    write_map(to, (request->site != NULL) + (request->after != NULL));
    write_pair(to, "site", request->site);
    write_pair(to, "after", request->after);
}

static void write_status(writer *to, const djauth_request *request)
{
    static const char *const formats[] = {"html", "text", "prometheus", "json"};

    write_map(to, request->refresh > 0 ? 2 : 1);
    write_pair(to, "format", formats[request->format]);
    if (request->refresh > 0) {
        write_number(to, "refresh", request->refresh);
    }
}

static void write_arguments(writer *to, const djauth_request *request)
{
    switch (request->operation) {
    case DJAUTH_OPERATION_CHECK:
    case DJAUTH_OPERATION_AUTHORIZE:
        write_question(to, request);
        break;
    case DJAUTH_OPERATION_PING:
        write_map(to, 0);
        break;
    case DJAUTH_OPERATION_GROUPS:
        write_groups(to, request);
        break;
    case DJAUTH_OPERATION_STATUS:
        write_status(to, request);
        break;
    }
}

int djauth_encode(djauth_octets *frame, const djauth_request *request)
{
    static const char *const operations[] = {"check", "authorize", "ping", "groups", "status"};
    writer to = {.failed = 0};
    size_t length;
    int i;

    frame->length = 0;
    note(&to, append(frame, "\0\0\0", DJAUTH_LENGTH_OCTETS));
    msgpack_packer_init(&to.packer, frame, append);
    note(&to, msgpack_pack_array(&to.packer, 4));
    note(&to, msgpack_pack_int(&to.packer, DJAUTH_PROTOCOL_VERSION));
    note(&to, msgpack_pack_uint32(&to.packer, request->id));
    write_text(&to, operations[request->operation]);
    write_arguments(&to, request);
    if (to.failed != 0) {
        return to.failed;
    }
    length = frame->length - DJAUTH_LENGTH_OCTETS;
    for (i = 0; i < DJAUTH_LENGTH_OCTETS; i++) {
        frame->data[i] = (unsigned char)(length >> (8 * (DJAUTH_LENGTH_OCTETS - 1 - i)));
    }
    return 0;
}
