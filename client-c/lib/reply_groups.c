/* reply_groups.c: the groups in the reply to a groups request. */
#include "value.h"

#include <string.h>

static const char bad_group[] = "the reply lists a malformed group";

/* A group is an array of its name and its members. `names` has the capacity for the members. */
static const char *read_group(djauth_octets *texts, const msgpack_object *value, const char **names, djauth_group *group)
{
    memset(group, 0, sizeof(*group));
    if (djauth_value_text(texts, &value->via.array.ptr[0], &group->name) != 0
        || djauth_value_list(texts, &value->via.array.ptr[1], names, &group->members, &group->members_count) != 0) {
        return bad_group;
    }
    return NULL;
}

const char *djauth_read_groups(djauth_octets *texts, const msgpack_object *content, djauth_groups_page *page)
{
    const msgpack_object *listed = djauth_value_find(content, "groups");
    const msgpack_object *next = djauth_value_find(content, "next");
    size_t count = djauth_value_count(listed);
    size_t members_count = 0;
    djauth_group *groups;
    const char **names;
    size_t i;

    if (listed == NULL || listed->type != MSGPACK_OBJECT_ARRAY) {
        return "the reply lists no groups";
    }
    for (i = 0; i < count; i++) {
        const msgpack_object *value = &listed->via.array.ptr[i];

        if (djauth_value_count(value) != 2) {
            return bad_group;
        }
        members_count += djauth_value_count(&value->via.array.ptr[1]);
    }
    /*
     * The groups come first, then the lists' pointers, then the texts. A group takes at least three octets of the body,
     * for which djauth_decode has reserved more than a djauth_group and a NUL.
     */
    groups = (djauth_group *)(void *)texts->data;
    names = (const char **)(void *)(texts->data + count * sizeof(*groups));
    texts->length = count * sizeof(*groups) + members_count * sizeof(*names);
    for (i = 0; i < count; i++) {
        if (read_group(texts, &listed->via.array.ptr[i], names, &groups[i]) != NULL) {
            return bad_group;
        }
        names += groups[i].members_count;
    }
    page->groups = count > 0 ? groups : NULL;
    page->groups_count = count;
    page->next = NULL;
    if (next != NULL && djauth_value_text(texts, next, &page->next) != 0) {
        return "the reply does not say where the next page begins";
    }
    return NULL;
}
