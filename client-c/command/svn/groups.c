/* groups.c: the subcommand that writes Django's groups as the AuthzSVNGroupsFile of mod_authz_svn. */
#include "svn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How often the list is read, where it takes several pages, until it is twice the same. */
#define READINGS_MAX 5

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
