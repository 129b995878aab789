/* groups.c: the subcommand that writes Django's groups as the AuthzSVNGroupsFile of mod_authz_svn. */
#include "svn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How often a list of several pages is read until two readings are the same. */
#define READINGS_MAX 5

/* Reads all pages. Returns their number; 0 after it has reported a fault and set the exit code. */
static size_t read_listing(djauth *handle, const svn_groups_options *options, listing *list, int *code)
{
    char *after = NULL;
    size_t pages = 0;

    for (;;) {
        djauth_groups_page page;
        djauth_status status = djauth_groups(handle, options->site, after, options->timeout_ms, &page);

        if (status != DJAUTH_GRANTED) {
            *code = fault(status == DJAUTH_BUSY ? EXIT_BUSY : EXIT_FAULT, "%s", page.reason);
            pages = 0;
            break;
        }
        add_page(list, &page);
        pages++;
        if (page.next == NULL) {
            break;
        }
        if (after != NULL && strcmp(after, page.next) == 0) {
            *code = fault(EXIT_FAULT, "the daemon repeats the same page");
            pages = 0;
            break;
        }
        free(after);
        after = copy_text(page.next);
    }
    free(after);
    return pages;
}

/*
 * Reads the groups as they all were at one moment. One page is a snapshot by itself; several pages are read until two
 * readings are the same, as the list then did not change in between. Returns 0, or the exit code.
 */
static int read_groups(djauth *handle, const svn_groups_options *options, groups_file *file)
{
    groups_file before = {0};
    int code = 0;
    int reading;

    for (reading = 1; reading <= READINGS_MAX; reading++) {
        listing list = {0};
        size_t pages = read_listing(handle, options, &list, &code);
        int consistent = pages == 1;

        if (pages > 0) {
            render_groups_file(options, &list, file);
            consistent |= before.content.octets != NULL && strcmp(before.content.octets, file->content.octets) == 0;
        }
        listing_free(&list);
        groups_file_free(&before);
        if (pages == 0 || consistent) {
            return code;
        }
        before = *file;
        memset(file, 0, sizeof(*file));
    }
    groups_file_free(&before);
    return fault(EXIT_BUSY, "the groups changed during each of %d readings", READINGS_MAX);
}

static void print_counts(const groups_file *file, int changed)
{
    printf("%s: %zu groups, %zu members", changed ? "written" : "unchanged", file->groups, file->members);
    if (file->omitted > 0) {
        printf(", %zu omitted", file->omitted);
    }
    putchar('\n');
}

int svn_groups(djauth *handle, const svn_groups_options *options)
{
    groups_file file = {0};
    int changed = 0;
    int code = read_groups(handle, options, &file);

    if (code == 0) {
        fputs(file.omissions.octets, stderr);
        code = replace_file(options->output, file.content.octets, file.content.length, &changed);
    }
    if (code == 0) {
        if (!options->quiet) {
            print_counts(&file, changed);
        }
        code = file.omitted > 0 ? EXIT_DENIED : EXIT_GRANTED;
        if (ferror(stdout) || fflush(stdout) != 0) {
            code = fault(EXIT_FAULT, "cannot write the answer: %s", strerror(errno));
        }
    }
    groups_file_free(&file);
    return code;
}
