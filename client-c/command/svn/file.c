/* file.c: the text of a groups file. */
#include "svn.h"

#include <stdlib.h>
#include <string.h>

static const char header[] = "# Django's groups, written by djauth svn-groups: what is changed here is lost.\n[groups]\n";

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const group *)a)->name, ((const group *)b)->name);
}

/* Where the two texts of an outcome are written to. */
typedef struct writer {
    FILE *file;
    FILE *refusals;
    outcome *counts;
} writer;

static void refuse(writer *to, const char *what, const char *name, const char *of, const char *flaw)
{
    to->counts->refused++;
    fprintf(to->refusals, "djauth: refused: %s \"", what);
    print_plain(to->refusals, name);
    if (of != NULL) {
        fputs("\" of group \"", to->refusals);
        print_plain(to->refusals, of);
    }
    fprintf(to->refusals, "\" cannot stand in a groups file of Subversion: %s; it is left out\n", flaw);
}

static int is_wanted(const svn_groups_options *of, const char *name)
{
    size_t i;

    for (i = 0; i < of->only_count; i++) {
        if (strcmp(of->only[i], name) == 0) {
            return 1;
        }
    }
    return of->only_count == 0;
}

/* The members that can be written, each once. */
static void write_members(writer *to, const group *sorted)
{
    const char *between = " ";
    size_t i;

    for (i = 0; i < sorted->members.count; i++) {
        const char *member = sorted->members.at[i];
        const char *flaw = svn_member_flaw(member);
        if (i > 0 && strcmp(member, sorted->members.at[i - 1]) == 0) {
            continue;
        }
        if (flaw != NULL) {
            refuse(to, "member", member, sorted->name, flaw);
            continue;
        }
        to->counts->members++;
        fprintf(to->file, "%s%s", between, member);
        between = ", ";
    }
}

static void write_group(writer *to, const char *prefix, group *each)
{
    const char *flaw;
    char *name;

    if (asprintf(&name, "%s%s", prefix, each->name) < 0) {
        no_memory();
    }
    flaw = svn_group_flaw(name);
    if (flaw != NULL) {
        refuse(to, "group", name, NULL, flaw);
    } else {
        to->counts->groups++;
        if (each->members.count > 0) {
            qsort(each->members.at, each->members.count, sizeof(*each->members.at), by_text);
        }
        fprintf(to->file, "%s =", name);
        write_members(to, each);
        putc('\n', to->file);
    }
    free(name);
}

/* A table of a site's own may have two groups of one name, which Subversion would not take: together they are one. */
static void merge_equal(listing *sorted)
{
    size_t i;
    size_t j;

    for (i = sorted->count; i-- > 1;) {
        group *from = &sorted->at[i];
        group *to = &sorted->at[i - 1];
        if (strcmp(from->name, to->name) == 0) {
            for (j = 0; j < from->members.count; j++) {
                add_member(to, from->members.at[j]);
            }
            from->merged = 1;
        }
    }
}

/*
 * A group that was asked for and is not there is written without members: a rule that names a group which the file does
 * not have makes Subversion refuse everybody.
 */
static void add_missing(writer *to, const svn_groups_options *of, listing *list)
{
    size_t i;
    size_t j;

    for (i = 0; i < of->only_count; i++) {
        for (j = 0; j < list->count && strcmp(list->at[j].name, of->only[i]) != 0; j++) {
        }
        if (j == list->count) {
            add_group(list, of->only[i]);
            to->counts->refused++;
            fputs("djauth: refused: there is no group \"", to->refusals);
            print_plain(to->refusals, of->only[i]);
            fputs("\"; it is written without members\n", to->refusals);
        }
    }
}

void write_listing(const svn_groups_options *of, listing *list, outcome *came)
{
    writer to = {
        .file = open_memstream(&came->file.at, &came->file.length),
        .refusals = open_memstream(&came->refusals.at, &came->refusals.length),
        .counts = came,
    };
    size_t i;

    if (to.file == NULL || to.refusals == NULL) {
        no_memory();
    }
    add_missing(&to, of, list);
    if (list->count > 0) {
        qsort(list->at, list->count, sizeof(*list->at), by_name);
        merge_equal(list);
    }
    fputs(header, to.file);
    for (i = 0; i < list->count; i++) {
        if (!list->at[i].merged && is_wanted(of, list->at[i].name)) {
            write_group(&to, of->prefix, &list->at[i]);
        }
    }
    if (ferror(to.file) || ferror(to.refusals) || fclose(to.file) != 0 || fclose(to.refusals) != 0) {
        no_memory();
    }
}

void outcome_free(outcome *came)
{
    free(came->file.at);
    free(came->refusals.at);
    memset(came, 0, sizeof(*came));
}
