/* djauth-cli.h: what the files of the djauth command share. */
#ifndef DJAUTH_CLI_H
#define DJAUTH_CLI_H

#include <stddef.h>
#include <stdio.h>

#include "djauth.h"

/* What hooks go by. */
enum { EXIT_GRANTED = 0, EXIT_DENIED = 1, EXIT_USAGE = 2, EXIT_BUSY = 3, EXIT_FAULT = 4 };

/* What a terminal might obey, and what is no text, is shown as \xNN: names are of somebody else's choosing. */
void print_plain(FILE *to, const char *text);

/* Tells a fault, or that something is busy, on standard error. Returns the code that it was given. */
__attribute__((format(printf, 2, 3)))
int fault(int code, const char *format, ...);

/*
 * Puts a file with this text in the place of `path`, with the mode and group that the file there had; a file that has it
 * already is left alone. Returns 0, or the code to exit with where that failed, which has been told.
 */
int replace_file(const char *path, const char *text, size_t length, int *changed);

/* What `djauth svn-groups` was asked to do. */
typedef struct svn_groups_options {
    const char *output;
    const char *prefix;      /* stands before each group's name in the file; "" for none */
    const char *const *only; /* the groups to write; all where there are none */
    size_t only_count;
    const char *site;
    int timeout_ms;
    int quiet;
} svn_groups_options;

/* Why a group's name cannot stand in the file, or a member's in a list there: a sentence, or NULL where it can. */
const char *svn_group_flaw(const char *name);
const char *svn_member_flaw(const char *name);

/*
 * Writes the groups file of mod_authz_svn and says on standard output what was done.
 * Returns EXIT_GRANTED; EXIT_DENIED where names had to be left out, which are told on standard error; EXIT_BUSY or
 * EXIT_FAULT where nothing was written.
 */
int svn_groups(djauth *handle, const svn_groups_options *options);

#endif /* DJAUTH_CLI_H */
