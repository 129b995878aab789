/* value.c: texts, flags and lists out of a reply. */
#include "value.h"

#include <string.h>

const msgpack_object *djauth_value_find(const msgpack_object *of, const char *key)
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

int djauth_value_text(djauth_octets *into, const msgpack_object *value, const char **text_of_it)
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

int djauth_value_bool(const msgpack_object *value, int *into)
{
    if (value == NULL || value->type != MSGPACK_OBJECT_BOOLEAN) {
        return -1;
    }
    *into = value->via.boolean ? 1 : 0;
    return 0;
}

int djauth_value_list(djauth_octets *into, const msgpack_object *value, const char **list, const char *const **list_of_it,
                     size_t *count)
{
    uint32_t i;

    if (value == NULL || value->type != MSGPACK_OBJECT_ARRAY) {
        return -1;
    }
    for (i = 0; i < value->via.array.size; i++) {
        if (djauth_value_text(into, &value->via.array.ptr[i], &list[i]) != 0) {
            return -1;
        }
    }
    *count = value->via.array.size;
    *list_of_it = *count > 0 ? list : NULL;
    return 0;
}

size_t djauth_value_count(const msgpack_object *value)
{
    return value != NULL && value->type == MSGPACK_OBJECT_ARRAY ? value->via.array.size : 0;
}
