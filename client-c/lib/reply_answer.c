/* reply_answer.c: replies to a check, an authorize, a ping and a status page. */
#include "value.h"

static const char *read_account(djauth_octets *into, const msgpack_object *account, djauth_answer *answer)
{
    static const char incomplete[] = "the reply grants without a complete account";
    const msgpack_object *groups;
    const msgpack_object *permissions;
    const char **lists;

    if (account == NULL || account->type != MSGPACK_OBJECT_MAP) {
        return incomplete;
    }
    groups = djauth_value_find(account, "groups");
    permissions = djauth_value_find(account, "permissions");
    lists = (const char **)(void *)into->at; /* malloc's memory: aligned for pointers; room was made for them */
    into->length = (djauth_value_count(groups) + djauth_value_count(permissions)) * sizeof(*lists);

    if (djauth_value_text(into, djauth_value_find(account, "id"), &answer->id) != 0
        || djauth_value_text(into, djauth_value_find(account, "username"), &answer->username) != 0
        || djauth_value_text(into, djauth_value_find(account, "email"), &answer->email) != 0
        || djauth_value_text(into, djauth_value_find(account, "first_name"), &answer->first_name) != 0
        || djauth_value_text(into, djauth_value_find(account, "last_name"), &answer->last_name) != 0
        || djauth_value_bool(djauth_value_find(account, "staff"), &answer->is_staff) != 0
        || djauth_value_bool(djauth_value_find(account, "superuser"), &answer->is_superuser) != 0
        || djauth_value_list(into, groups, lists, &answer->groups, &answer->groups_count) != 0) {
        return incomplete;
    }
    if (permissions != NULL
        && djauth_value_list(into, permissions, lists + answer->groups_count, &answer->permissions,
                     &answer->permissions_count) != 0) {
        return incomplete;
    }
    return NULL;
}

static const char *read_answer(const msgpack_object *reply, uint32_t id, djauth_operation operation,
                               djauth_octets *into, djauth_answer *answer)
{
    const char *wrong = djauth_reply_head(reply, id, &answer->status);
    const msgpack_object *content;

    if (wrong != NULL) {
        return wrong;
    }
    content = &reply->via.array.ptr[3];
    if (answer->status != DJAUTH_GRANTED) {
        return djauth_reply_refusal(into, content, answer->status, &answer->reason, &answer->retry_after);
    }
    if (operation == DJAUTH_PING) {
        return djauth_value_text(into, djauth_value_find(content, "server"), &answer->reason) == 0 ? NULL : "the reply names no server";
    }
    if (operation == DJAUTH_STATUS) {
        return djauth_value_text(into, djauth_value_find(content, "type"), &answer->page_type) == 0
                       && djauth_value_text(into, djauth_value_find(content, "body"), &answer->page) == 0
                   ? NULL
                   : "the reply has no status page";
    }
    return read_account(into, djauth_value_find(content, "account"), answer);
}

const char *djauth_wire_decode(const unsigned char *body, size_t length, uint32_t id, djauth_operation operation,
                               djauth_octets *into, djauth_answer *answer)
{
    msgpack_unpacked reply;
    const char *wrong = djauth_reply_unpack(body, length, into, &reply);

    if (wrong == NULL) {
        wrong = read_answer(&reply.data, id, operation, into, answer);
    }
    msgpack_unpacked_destroy(&reply);
    return wrong;
}
