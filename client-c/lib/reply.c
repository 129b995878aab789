/* reply.c: replies from frames. */
#include "value.h"

/* Longer waits than a day are cut to it. In seconds. */
#define RETRY_AFTER_MAX 86400

/* What every reply has. */
static const char *read_head(const msgpack_object *value, uint32_t id, djauth_reply *reply)
{
    const msgpack_object *part;

    if (value->type != MSGPACK_OBJECT_ARRAY || value->via.array.size != 4) {
        return "the reply is not an array of four elements";
    }
    part = value->via.array.ptr;
    if (part[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER || part[0].via.u64 != DJAUTH_PROTOCOL_VERSION) {
        return "the reply has another protocol version";
    }
    if (part[1].type != MSGPACK_OBJECT_POSITIVE_INTEGER || part[1].via.u64 != id) {
        return "the reply belongs to another request";
    }
    if (part[2].type != MSGPACK_OBJECT_POSITIVE_INTEGER || part[2].via.u64 > DJAUTH_BAD_REQUEST) {
        return "the reply has an unknown status";
    }
    if (part[3].type != MSGPACK_OBJECT_MAP) {
        return "the reply has no content";
    }
    reply->status = (djauth_status)part[2].via.u64;
    return NULL;
}

/* What a reply has that does not grant. */
static const char *read_reason(djauth_octets *texts, const msgpack_object *content, djauth_reply *reply)
{
    if (reply->status == DJAUTH_BUSY) {
        const msgpack_object *after = djauth_value_find(content, "retry_after");

        if (after == NULL || after->type != MSGPACK_OBJECT_POSITIVE_INTEGER || after->via.u64 == 0) {
            return "the busy reply has no retry_after";
        }
        reply->retry_after = after->via.u64 > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : (unsigned)after->via.u64;
    }
    if (djauth_value_text(texts, djauth_value_find(content, "reason"), &reply->reason) != 0) {
        return "the reply has no reason";
    }
    return NULL;
}

static const char *read_server(djauth_octets *texts, const msgpack_object *content, djauth_server *server)
{
    const msgpack_object *protocol = djauth_value_find(content, "protocol");

    if (djauth_value_text(texts, djauth_value_find(content, "server"), &server->name) != 0) {
        return "the reply to the ping has no server name";
    }
    if (protocol == NULL || protocol->type != MSGPACK_OBJECT_POSITIVE_INTEGER || protocol->via.u64 > UINT32_MAX) {
        return "the reply to the ping has no protocol version";
    }
    server->protocol_version = (unsigned)protocol->via.u64;
    return NULL;
}

static const char *read_page(djauth_octets *texts, const msgpack_object *content, djauth_page *page)
{
    if (djauth_value_text(texts, djauth_value_find(content, "type"), &page->media_type) != 0
        || djauth_value_text(texts, djauth_value_find(content, "body"), &page->body) != 0) {
        return "the reply has no status page";
    }
    return NULL;
}

static const char *read_reply(const djauth_request *request, const msgpack_object *value, djauth_octets *texts,
                              djauth_reply *reply)
{
    const char *wrong = read_head(value, request->id, reply);
    const msgpack_object *content;

    if (wrong != NULL) {
        return wrong;
    }
    content = &value->via.array.ptr[3];
    if (reply->status != DJAUTH_GRANTED) {
        return read_reason(texts, content, reply);
    }
    switch (request->operation) {
    case DJAUTH_OPERATION_CHECK:
    case DJAUTH_OPERATION_AUTHORIZE:
        return djauth_read_answer(texts, content, &reply->granted.answer);
    case DJAUTH_OPERATION_PING:
        return read_server(texts, content, &reply->granted.server);
    case DJAUTH_OPERATION_GROUPS:
        return djauth_read_groups(texts, content, &reply->granted.groups);
    case DJAUTH_OPERATION_STATUS:
        return read_page(texts, content, &reply->granted.page);
    }
    return "the request had an unknown operation";
}

const char *djauth_decode(const djauth_request *request, const unsigned char *body, size_t length, djauth_octets *texts,
                          djauth_reply *reply)
{
    msgpack_unpacked unpacked;
    const char *wrong;
    size_t end = 0;

    if (!djauth_is_one_value(body, length)) {
        return "the reply is not one well-formed MessagePack value";
    }
    /* Each text and each element of a list takes at least one octet of the body: a pointer and a NUL for each suffice. */
    texts->length = 0;
    if (djauth_octets_reserve(texts, length * (2 + sizeof(char *))) != 0) {
        return "out of memory for the reply";
    }
    msgpack_unpacked_init(&unpacked);
    if (msgpack_unpack_next(&unpacked, (const char *)body, length, &end) == MSGPACK_UNPACK_SUCCESS && end == length) {
        wrong = read_reply(request, &unpacked.data, texts, reply);
    } else {
        wrong = "the reply cannot be decoded";
    }
    msgpack_unpacked_destroy(&unpacked);
    return wrong;
}
