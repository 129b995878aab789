/* listing.c: a site's groups, gathered page by page. */
#include "svn.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void no_memory(void)
{
    fputs("djauth: error: no memory for the groups\n", stderr);
    exit(EXIT_FAULT);
}

/* Room for one more of `size` octets each. */
static void *grown(void *at, size_t count, size_t *room, size_t size)
{
    size_t wanted = *room == 0 ? 16 : *room * 2;
    void *larger;

    if (count < *room) {
        return at;
    }
    if (wanted > SIZE_MAX / size || (larger = realloc(at, wanted * size)) == NULL) {
        no_memory();
    }
    *room = wanted;
    return larger;
}

char *copied(const char *text)
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
        for (j = 0; j < list->at[i].members.count; j++) {
            free(list->at[i].members.at[j]);
        }
        free(list->at[i].members.at);
        free(list->at[i].name);
    }
    free(list->at);
    memset(list, 0, sizeof(*list));
}

group *add_group(listing *list, const char *name)
{
    list->at = grown(list->at, list->count, &list->room, sizeof(*list->at));
    memset(&list->at[list->count], 0, sizeof(*list->at));
    list->at[list->count].name = copied(name);
    return &list->at[list->count++];
}

void add_member(group *to, const char *name)
{
    to->members.at = grown(to->members.at, to->members.count, &to->members.room, sizeof(*to->members.at));
    to->members.at[to->members.count++] = copied(name);
}

void add_page(listing *list, const djauth_groups_page *page)
{
    size_t i;
    size_t j;

    for (i = 0; i < page->groups_count; i++) {
        const djauth_group *from = &page->groups[i];
        /* Cut by a page's end, it goes on under the same name. */
        group *to = list->count > 0 && strcmp(list->at[list->count - 1].name, from->name) == 0
                        ? &list->at[list->count - 1]
                        : add_group(list, from->name);
        for (j = 0; j < from->members_count; j++) {
            add_member(to, from->members[j]);
        }
    }
}
