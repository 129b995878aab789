/* reply_groups.c: replies that list groups. */
#include "value.h"

#include <string.h>

static const char not_a_group[] = "the reply lists a group that is none";

/* A group is an array of its name and its members; `members` has room for them. */
static const char *read_group(djauth_octets *into, const msgpack_object *value, const char **members, djauth_group *group)
{
    if (djauth_value_text(into, &value->via.array.ptr[0], &group->name) != 0
        || djauth_value_list(into, &value->via.array.ptr[1], members, &group->members, &group->members_count) != 0) {
        return not_a_group;
    }
    return NULL;
}

static const char *read_groups(djauth_octets *into, const msgpack_object *content, djauth_groups_page *page)
{
    const msgpack_object *listed = djauth_value_find(content, "groups");
    const msgpack_object *next = djauth_value_find(content, "next");
    const char *wrong = NULL;
    djauth_group *groups;
    const char **members;
    size_t count = djauth_value_count(listed);
    size_t members_count = 0;
    size_t i;

    if (listed == NULL || listed->type != MSGPACK_OBJECT_ARRAY) {
        return "the reply lists no groups";
    }
    for (i = 0; i < count; i++) {
        const msgpack_object *value = &listed->via.array.ptr[i];
        if (djauth_value_count(value) != 2) {
            return not_a_group;
        }
        members_count += djauth_value_count(&value->via.array.ptr[1]);
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
    if (wrong == NULL && next != NULL && djauth_value_text(into, next, &page->next) != 0) {
        wrong = "the reply does not say where the next page begins";
    }
    page->groups = count > 0 ? groups : NULL;
    page->groups_count = count;
    return wrong;
}

static const char *read_page(const msgpack_object *reply, uint32_t id, djauth_octets *into, djauth_groups_page *page)
{
    const char *wrong = djauth_reply_head(reply, id, &page->status);
    const msgpack_object *content;

    if (wrong != NULL) {
        return wrong;
    }
    content = &reply->via.array.ptr[3];
    return page->status == DJAUTH_GRANTED ? read_groups(into, content, page)
                                          : djauth_reply_refusal(into, content, page->status, &page->reason, &page->retry_after);
}

const char *djauth_wire_decode_groups(const unsigned char *body, size_t length, uint32_t id, djauth_octets *into,
                                      djauth_groups_page *page)
{
    msgpack_unpacked reply;
    const char *wrong = djauth_reply_unpack(body, length, into, &reply);

    if (wrong == NULL) {
        wrong = read_page(&reply.data, id, into, page);
    }
    msgpack_unpacked_destroy(&reply);
    return wrong;
}
