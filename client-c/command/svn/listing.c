/* listing.c: a site's groups, collected page by page. */
#include "svn.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void no_memory(void)
{
    fputs("djauth: error: out of memory for the groups\n", stderr);
    exit(EXIT_FAULT);
}

/* Grows an array of elements of this size, if it is full. */
static void *grow(void *items, size_t count, size_t *capacity, size_t size)
{
    size_t larger = *capacity == 0 ? 16 : *capacity * 2;
    void *grown;

    if (count < *capacity) {
        return items;
    }
    if (larger > SIZE_MAX / size || (grown = realloc(items, larger * size)) == NULL) {
        no_memory();
    }
    *capacity = larger;
    return grown;
}

char *copy_text(const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL) {
        no_memory();
    }
    return copy;
}

void listing_free(listing *list)
{
    size_t i;
    size_t j;

    for (i = 0; i < list->count; i++) {
        for (j = 0; j < list->items[i].members.count; j++) {
            free(list->items[i].members.items[j]);
        }
        free(list->items[i].members.items);
        free(list->items[i].name);
    }
    free(list->items);
    memset(list, 0, sizeof(*list));
}

svn_group *add_group(listing *list, const char *name)
{
    svn_group *added;

    list->items = grow(list->items, list->count, &list->capacity, sizeof(*list->items));
    added = &list->items[list->count++];
    memset(added, 0, sizeof(*added));
    added->name = copy_text(name);
    return added;
}

void add_member(svn_group *group, const char *name)
{
    names *members = &group->members;

    members->items = grow(members->items, members->count, &members->capacity, sizeof(*members->items));
    members->items[members->count++] = copy_text(name);
}

void add_page(listing *list, const djauth_groups_page *page)
{
    size_t i;
    size_t j;

    for (i = 0; i < page->groups_count; i++) {
        const djauth_group *source = &page->groups[i];
        svn_group *last = list->count > 0 ? &list->items[list->count - 1] : NULL;
        /* A group that did not fit on the last page continues under the same name. */
        svn_group *target = last != NULL && strcmp(last->name, source->name) == 0 ? last : add_group(list, source->name);

        for (j = 0; j < source->members_count; j++) {
            add_member(target, source->members[j]);
        }
    }
}
