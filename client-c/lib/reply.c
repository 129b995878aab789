/* reply.c: what every reply has. */
#include "value.h"

#include <string.h>

const char *djauth_reply_head(const msgpack_object *reply, uint32_t id, djauth_status *status)
{
    const msgpack_object *part;

    if (reply->type != MSGPACK_OBJECT_ARRAY || reply->via.array.size != 4) {
        return "the reply is not an array of four";
    }
    part = reply->via.array.ptr;
    if (part[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER || part[0].via.u64 != DJAUTH_PROTOCOL_VERSION) {
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

const char *djauth_reply_refusal(djauth_octets *into, const msgpack_object *content, djauth_status status,
                                const char **reason, unsigned *retry_after)
{
    if (status == DJAUTH_BUSY) {
        const msgpack_object *after = djauth_value_find(content, "retry_after");
        if (after == NULL || after->type != MSGPACK_OBJECT_POSITIVE_INTEGER || after->via.u64 == 0) {
            return "the reply says busy but not until when";
        }
        *retry_after = after->via.u64 > 86400 ? 86400 : (unsigned)after->via.u64;
    }
    return djauth_value_text(into, djauth_value_find(content, "reason"), reason) == 0 ? NULL : "the reply gives no reason";
}

const char *djauth_reply_unpack(const unsigned char *body, size_t length, djauth_octets *into, msgpack_unpacked *reply)
{
    size_t at = 0;

    msgpack_unpacked_init(reply);
    if (!djauth_is_one_value(body, length)) {
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
