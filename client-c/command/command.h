/*
 * command.h: what the files of the djauth command share.
 *
 *   main.c       main
 *   usage.c     --help, and wrong usage
 *   options.c   the command line
 *   password.c  reading the password
 *   answer.c    the answer, and the exit code
 *   text.c      texts for terminals and for JSON
 *   replace_file.c   a file put in the place of another
 *   svn/…         the subcommand svn-groups: svn.h
 */
#ifndef DJAUTH_CLI_H
#define DJAUTH_CLI_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "djauth.h"

/* What hooks go by. */
enum { EXIT_GRANTED = 0, EXIT_DENIED = 1, EXIT_USAGE = 2, EXIT_BUSY = 3, EXIT_FAULT = 4 };

/* The most permissions or groups one question may list: PROTOCOL.md 3.3. */
#define ALTERNATIVES_MAX 64

typedef enum command { CHECK, AUTHORIZE, PING, SVN_GROUPS } command;

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

/* What the command line asks for. */
typedef struct options {
    command asked;
    const char *socket;
    djauth_question question;
    const char *permissions[ALTERNATIVES_MAX];
    const char *groups[ALTERNATIVES_MAX];
    int password_fd;
    int json;
    int quiet;
    svn_groups_options svn;
} options;

/* usage.c */
extern const char usage_text[];

/* Says what was wrong and exits. */
__attribute__((noreturn, format(printf, 1, 2)))
void wrong_usage(const char *format, ...);

/* options.c: fills in `into`, or exits: with help and the version too. */
void read_options(int count, char **words, options *into);

/* password.c: the password without the newline at its end. Returns the length; -1 with errno. */
ssize_t read_password(int fd, char *into, size_t room);

/* answer.c */

/* Prints the answer as it was asked for. Returns the code to exit with. */
int report(const options *of, const djauth_answer *answer);

/* The same of a fault of this program's own, told as the daemon's would be. */
int report_fault(const options *of, const char *tried);

/* text.c */

/* What a terminal might obey, and what is no text, is shown as \xNN: names are of somebody else's choosing. */
void print_plain(FILE *to, const char *text);

/* What is no text (a path may be any octets) is U+FFFD: JSON is UTF-8, and has to be read by the caller. */
void print_json_text(const char *text);

/* Tells a fault, or that something is busy, on standard error. Returns the code that it was given. */
__attribute__((format(printf, 2, 3)))
int fault(int code, const char *format, ...);

/* replace_file.c */

/*
 * Puts a file with this text in the place of `path`, with the mode and group that the file there had; a file that has it
 * already is left alone. Returns 0, or the code to exit with where that failed, which has been told.
 */
int replace_file(const char *path, const char *text, size_t length, int *changed);

/* groups.c */

/*
 * Writes the groups file of mod_authz_svn and says on standard output what was done.
 * Returns EXIT_GRANTED; EXIT_DENIED where names had to be left out, which are told on standard error; EXIT_BUSY or
 * EXIT_FAULT where nothing was written.
 */
int svn_groups(djauth *handle, const svn_groups_options *options);

#endif /* DJAUTH_CLI_H */
