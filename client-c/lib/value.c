/* value.c: texts, flags and lists out of a reply. */
#include "value.h"

#include <string.h>

const msgpack_object *djauth_value_find(const msgpack_object *map, const char *key)
{
    /* Readers may disagree about which of two equal keys counts, so neither does. */
    static const msgpack_object ambiguous = {.type = MSGPACK_OBJECT_NIL};
    const msgpack_object *found = NULL;
    size_t length = strlen(key);
    uint32_t i;

    for (i = 0; map->type == MSGPACK_OBJECT_MAP && i < map->via.map.size; i++) {
        const msgpack_object *name = &map->via.map.ptr[i].key;

        if (name->type == MSGPACK_OBJECT_STR && name->via.str.size == length
            && memcmp(name->via.str.ptr, key, length) == 0) {
            if (found != NULL) {
                return &ambiguous;
            }
            found = &map->via.map.ptr[i].val;
        }
    }
    return found;
}

size_t djauth_value_count(const msgpack_object *value)
{
    return value != NULL && value->type == MSGPACK_OBJECT_ARRAY ? value->via.array.size : 0;
}

int djauth_value_text(djauth_octets *texts, const msgpack_object *value, const char **text)
{
    size_t length;

    if (value == NULL || value->type != MSGPACK_OBJECT_STR) {
        return -1;
    }
    length = value->via.str.size;
    /* C would read a name with NUL as another, shorter name. */
    if (length > 0 && memchr(value->via.str.ptr, '\0', length) != NULL) {
        return -1;
    }
    *text = (const char *)texts->data + texts->length;
    if (length > 0) {
        memcpy(texts->data + texts->length, value->via.str.ptr, length);
    }
    texts->data[texts->length + length] = '\0';
    texts->length += length + 1;
    return 0;
}

int djauth_value_bool(const msgpack_object *value, int *flag)
{
    if (value == NULL || value->type != MSGPACK_OBJECT_BOOLEAN) {
        return -1;
    }
    *flag = value->via.boolean ? 1 : 0;
    return 0;
}

int djauth_value_list(djauth_octets *texts, const msgpack_object *value, const char **names, const char *const **list,
                      size_t *count)
{
    uint32_t i;

    if (value == NULL || value->type != MSGPACK_OBJECT_ARRAY) {
        return -1;
    }
    for (i = 0; i < value->via.array.size; i++) {
        if (djauth_value_text(texts, &value->via.array.ptr[i], &names[i]) != 0) {
            return -1;
        }
    }
    *count = value->via.array.size;
    *list = *count > 0 ? names : NULL;
    return 0;
}
