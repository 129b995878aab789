/* djauth-svn-groups.c: Django's groups as the AuthzSVNGroupsFile of mod_authz_svn. */
#include "djauth-cli.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* How often the list is read, where it takes several pages, until it is twice the same. */
#define READINGS_MAX 5

static const char header[] = "# Django's groups, written by djauth svn-groups: what is changed here is lost.\n[groups]\n";

typedef struct names {
    char **at;
    size_t count;
    size_t room;
} names;

typedef struct group {
    char *name;
    names members;
    int merged; /* into another one of the same name */
} group;

typedef struct listing {
    group *at;
    size_t count;
    size_t room;
} listing;

typedef struct rendered {
    char *at;
    size_t length;
} rendered;

/* What comes of a listing. */
typedef struct outcome {
    rendered file;
    rendered refusals; /* sentences, for standard error */
    size_t groups;
    size_t members;
    size_t refused;
} outcome;

/* ---- Memory. The command ends where there is none: nothing has been written by then. ---- */

__attribute__((noreturn))
static void no_memory(void)
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

static char *copied(const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL) {
        no_memory();
    }
    return copy;
}

static void listing_free(listing *list)
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

/* ---- What the daemon says ---- */

static group *add_group(listing *list, const char *name)
{
    list->at = grown(list->at, list->count, &list->room, sizeof(*list->at));
    memset(&list->at[list->count], 0, sizeof(*list->at));
    list->at[list->count].name = copied(name);
    return &list->at[list->count++];
}

static void add_member(group *to, const char *name)
{
    to->members.at = grown(to->members.at, to->members.count, &to->members.room, sizeof(*to->members.at));
    to->members.at[to->members.count++] = copied(name);
}

static void add_page(listing *list, const djauth_groups_page *page)
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

/* Reads all pages. Returns how many there were; 0 where it did not come to an end, which has been told. */
static size_t read_listing(djauth *handle, const svn_groups_options *of, listing *into, int *code)
{
    char *after = NULL;
    size_t pages = 0;

    for (;;) {
        djauth_groups_page page;
        djauth_status status = djauth_groups(handle, of->site, after, of->timeout_ms, &page);
        if (status != DJAUTH_GRANTED) {
            *code = fault(status == DJAUTH_BUSY ? EXIT_BUSY : EXIT_FAULT, "%s", page.reason);
            pages = 0;
            break;
        }
        add_page(into, &page);
        pages++;
        if (page.next == NULL) {
            break;
        }
        if (after != NULL && strcmp(after, page.next) == 0) {
            *code = fault(EXIT_FAULT, "the daemon gives the same page over and over");
            pages = 0;
            break;
        }
        free(after);
        after = copied(page.next);
    }
    free(after);
    return pages;
}

/* ---- The file's text ---- */

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

/* The same groups make the same text, in whatever order they came. */
static void write_listing(const svn_groups_options *of, listing *list, outcome *came)
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

static void outcome_free(outcome *came)
{
    free(came->file.at);
    free(came->refusals.at);
    memset(came, 0, sizeof(*came));
}

/*
 * Reads until what is read in several pages is the same twice: then it held, as a whole, in between. One page is of one
 * moment anyway. Returns 0, or the code to exit with.
 */
static int settle(djauth *handle, const svn_groups_options *of, outcome *came)
{
    outcome before = {0};
    int code = 0;
    int reading;

    for (reading = 1; reading <= READINGS_MAX; reading++) {
        listing list = {0};
        size_t pages = read_listing(handle, of, &list, &code);
        int settled = pages == 1;
        if (pages > 0) {
            write_listing(of, &list, came);
            settled |= before.file.at != NULL && strcmp(before.file.at, came->file.at) == 0;
        }
        listing_free(&list);
        outcome_free(&before);
        if (pages == 0 || settled) {
            return code;
        }
        before = *came;
        memset(came, 0, sizeof(*came));
    }
    outcome_free(&before);
    return fault(EXIT_BUSY, "the groups were not the same in any two of %d readings", READINGS_MAX);
}

int svn_groups(djauth *handle, const svn_groups_options *of)
{
    outcome came = {0};
    int changed = 0;
    int code = settle(handle, of, &came);

    if (code == 0) {
        fputs(came.refusals.at, stderr);
        code = replace_file(of->output, came.file.at, came.file.length, &changed);
    }
    if (code == 0) {
        if (!of->quiet) {
            printf("%s: %zu groups, %zu members", changed ? "written" : "unchanged", came.groups, came.members);
            if (came.refused > 0) {
                printf(", %zu refused", came.refused);
            }
            putchar('\n');
        }
        code = came.refused > 0 ? EXIT_DENIED : EXIT_GRANTED;
        if (ferror(stdout) || fflush(stdout) != 0) {
            code = fault(EXIT_FAULT, "cannot write the answer: %s", strerror(errno));
        }
    }
    outcome_free(&came);
    return code;
}
