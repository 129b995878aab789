/* reply_answer.c: the account in the reply to a check or an authorize. */
#include "value.h"

static int is_true(const msgpack_object *value)
{
    int flag = 0;

    return value != NULL && djauth_value_bool(value, &flag) == 0 && flag;
}

/* Both members or neither: without an epoch nothing could end a lease early. */
static int read_lease(const msgpack_object *content, djauth_answer *answer)
{
    const msgpack_object *lease_ms = djauth_value_find(content, "lease_ms");
    const msgpack_object *epoch = djauth_value_find(content, "lease_epoch");

    answer->lease_ms = 0;
    answer->lease_epoch = 0;
    if (lease_ms == NULL && epoch == NULL) {
        return 0;
    }
    if (lease_ms == NULL || lease_ms->type != MSGPACK_OBJECT_POSITIVE_INTEGER || lease_ms->via.u64 == 0
        || lease_ms->via.u64 > UINT32_MAX || epoch == NULL || epoch->type != MSGPACK_OBJECT_POSITIVE_INTEGER) {
        return -1;
    }
    answer->lease_ms = (uint32_t)lease_ms->via.u64;
    answer->lease_epoch = epoch->via.u64;
    return 0;
}

const char *djauth_read_answer(djauth_octets *texts, const msgpack_object *content, djauth_answer *answer)
{
    static const char incomplete[] = "the reply grants without a complete account";
    const msgpack_object *account = djauth_value_find(content, "account");
    const msgpack_object *groups;
    const msgpack_object *permissions;
    const char **names;
    int groups_omitted;
    int permissions_omitted;

    if (account == NULL || account->type != MSGPACK_OBJECT_MAP) {
        return incomplete;
    }
    groups = djauth_value_find(account, "groups");
    permissions = djauth_value_find(account, "permissions");
    groups_omitted = groups == NULL && is_true(djauth_value_find(account, "groups_omitted"));
    permissions_omitted = permissions == NULL && is_true(djauth_value_find(account, "permissions_omitted"));
    /* The lists' pointers come first: memory of malloc is aligned for them. The texts follow. */
    names = (const char **)(void *)texts->data;
    texts->length = (djauth_value_count(groups) + djauth_value_count(permissions)) * sizeof(*names);

    if (djauth_value_text(texts, djauth_value_find(account, "id"), &answer->id) != 0
        || djauth_value_text(texts, djauth_value_find(account, "username"), &answer->username) != 0
        || djauth_value_text(texts, djauth_value_find(account, "email"), &answer->email) != 0
        || djauth_value_text(texts, djauth_value_find(account, "first_name"), &answer->first_name) != 0
        || djauth_value_text(texts, djauth_value_find(account, "last_name"), &answer->last_name) != 0
        || djauth_value_bool(djauth_value_find(account, "staff"), &answer->is_staff) != 0
        || djauth_value_bool(djauth_value_find(account, "superuser"), &answer->is_superuser) != 0
        || (!groups_omitted
            && djauth_value_list(texts, groups, names, &answer->groups, &answer->groups_count) != 0)) {
        return incomplete;
    }
    if (groups_omitted) {
        answer->groups = NULL;
        answer->groups_count = 0;
    }
    answer->groups_omitted = groups_omitted;
    answer->permissions_omitted = permissions_omitted;
    answer->permissions = NULL;
    answer->permissions_count = 0;
    if (permissions != NULL
        && djauth_value_list(texts, permissions, names + answer->groups_count, &answer->permissions,
                             &answer->permissions_count) != 0) {
        return incomplete;
    }
    return read_lease(content, answer) == 0 ? NULL : "the reply grants with a malformed lease";
}
