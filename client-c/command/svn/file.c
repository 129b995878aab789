/* file.c: the content of a groups file. */
#include "svn.h"

#include <stdlib.h>
#include <string.h>

static const char header[] = "# Written by djauth svn-groups from Django's groups: changes made here are lost.\n[groups]\n";

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int compare_groups(const void *a, const void *b)
{
    return strcmp(((const svn_group *)a)->name, ((const svn_group *)b)->name);
}

/* Where the two texts of a groups_file are written to. */
typedef struct writer {
    FILE *content;
    FILE *omissions;
    groups_file *counts;
} writer;

/* Reports a name that is omitted; `group` is that of a member, NULL for a group. */
static void omit(writer *to, const char *kind, const char *name, const char *group, const char *flaw)
{
    to->counts->omitted++;
    fprintf(to->omissions, "djauth: omitted: %s \"", kind);
    print_plain(to->omissions, name);
    if (group != NULL) {
        fputs("\" of group \"", to->omissions);
        print_plain(to->omissions, group);
    }
    fprintf(to->omissions, "\" is not possible in a groups file of Subversion: %s\n", flaw);
}

static int is_selected(const svn_groups_options *options, const char *name)
{
    size_t i;

    for (i = 0; i < options->only_count; i++) {
        if (strcmp(options->only[i], name) == 0) {
            return 1;
        }
    }
    return options->only_count == 0;
}

/* Writes each possible member once. The members are sorted. */
static void write_members(writer *to, const svn_group *group)
{
    const names *members = &group->members;
    const char *separator = " ";
    size_t i;

    for (i = 0; i < members->count; i++) {
        const char *member = members->items[i];
        const char *flaw = svn_member_flaw(member);

        if (i > 0 && strcmp(member, members->items[i - 1]) == 0) {
            continue;
        }
        if (flaw != NULL) {
            omit(to, "member", member, group->name, flaw);
            continue;
        }
        to->counts->members++;
        fprintf(to->content, "%s%s", separator, member);
        separator = ", ";
    }
}

static void write_group(writer *to, const char *prefix, svn_group *group)
{
    names *members = &group->members;
    const char *flaw;
    char *name;

    if (asprintf(&name, "%s%s", prefix, group->name) < 0) {
        no_memory();
    }
    flaw = svn_group_flaw(name);
    if (flaw != NULL) {
        omit(to, "group", name, NULL, flaw);
    } else {
        to->counts->groups++;
        if (members->count > 0) {
            qsort(members->items, members->count, sizeof(*members->items), compare_names);
        }
        fprintf(to->content, "%s =", name);
        write_members(to, group);
        putc('\n', to->content);
    }
    free(name);
}

/* A custom table may have two groups of one name, which Subversion rejects: they become one. */
static void merge_equal(listing *sorted)
{
    size_t i;
    size_t j;

    for (i = sorted->count; i-- > 1;) {
        svn_group *source = &sorted->items[i];
        svn_group *target = &sorted->items[i - 1];

        if (strcmp(source->name, target->name) == 0) {
            for (j = 0; j < source->members.count; j++) {
                add_member(target, source->members.items[j]);
            }
            source->merged = 1;
        }
    }
}

/*
 * A group that was asked for and does not exist is written without members: if a rule names a group that the file does not
 * have, Subversion denies everybody everything.
 */
static void add_missing(writer *to, const svn_groups_options *options, listing *list)
{
    size_t i;
    size_t j;

    for (i = 0; i < options->only_count; i++) {
        for (j = 0; j < list->count && strcmp(list->items[j].name, options->only[i]) != 0; j++) {
        }
        if (j == list->count) {
            add_group(list, options->only[i]);
            to->counts->omitted++;
            fputs("djauth: no such group: \"", to->omissions);
            print_plain(to->omissions, options->only[i]);
            fputs("\"; it is written without members\n", to->omissions);
        }
    }
}

void render_groups_file(const svn_groups_options *options, listing *list, groups_file *file)
{
    writer to = {
        .content = open_memstream(&file->content.octets, &file->content.length),
        .omissions = open_memstream(&file->omissions.octets, &file->omissions.length),
        .counts = file,
    };
    size_t i;

    if (to.content == NULL || to.omissions == NULL) {
        no_memory();
    }
    add_missing(&to, options, list);
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof(*list->items), compare_groups);
        merge_equal(list);
    }
    fputs(header, to.content);
    for (i = 0; i < list->count; i++) {
        if (!list->items[i].merged && is_selected(options, list->items[i].name)) {
            write_group(&to, options->prefix, &list->items[i]);
        }
    }
    if (ferror(to.content) || ferror(to.omissions) || fclose(to.content) != 0 || fclose(to.omissions) != 0) {
        no_memory();
    }
}

void groups_file_free(groups_file *file)
{
    free(file->content.octets);
    free(file->omissions.octets);
    memset(file, 0, sizeof(*file));
}
