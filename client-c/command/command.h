/*
 * command.h: what the files of the djauth command share.
 *
 *   main.c          main
 *   usage.c         --help and usage errors
 *   options.c       the command line
 *   password.c      reads the password
 *   answer.c        prints answers and chooses the exit code
 *   text.c          texts for terminals and for JSON
 *   replace_file.c  replaces a file atomically
 *   svn/            the subcommand svn-groups: svn.h
 */
#ifndef DJAUTH_COMMAND_H
#define DJAUTH_COMMAND_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "djauth.h"
#include "lib/limits.h"

/* Hooks depend on these. */
enum { EXIT_GRANTED = 0, EXIT_DENIED = 1, EXIT_USAGE = 2, EXIT_BUSY = 3, EXIT_FAULT = 4 };

typedef enum command { CHECK, AUTHORIZE, PING, SVN_GROUPS } command;

/* The options of `djauth svn-groups`. */
typedef struct svn_groups_options {
    const char *output;
    const char *prefix;      /* of each group's name in the file; "" for none */
    const char *const *only; /* the groups to write; all if only_count is 0 */
    size_t only_count;
    const char *site;
    int timeout_ms;
    int quiet;
} svn_groups_options;

/* The command line. */
typedef struct command_options {
    command command;
    const char *socket;
    djauth_question question;
    const char *permissions[DJAUTH_ALTERNATIVES_MAX];
    const char *groups[DJAUTH_ALTERNATIVES_MAX];
    int password_fd;
    int json;
    int quiet;
    svn_groups_options svn;
} command_options;

/* usage.c */
extern const char usage_text[];

/* Reports a usage error and exits. */
__attribute__((noreturn, format(printf, 1, 2)))
void usage_error(const char *format, ...);

/* options.c: reads the command line. Exits on a usage error, and after printing help or the version. */
void read_options(int count, char **words, command_options *options);

/* password.c: reads the password without the newline at its end. Returns its length, or -1 with errno. */
ssize_t read_password(int fd, char *buffer, size_t capacity);

/* answer.c: these print in the format of the options and return the exit code. */
int print_answer(const command_options *options, const djauth_answer *answer);
int print_server(const command_options *options, const djauth_server *server);

/* Prints a fault of the command itself, with errno: "cannot ATTEMPT: …". */
int print_fault(const command_options *options, const char *attempt);

/* text.c */

/*
 * Prints a text that others have chosen, such as a username. Control characters, which a terminal might obey, and octets
 * that are not UTF-8 become \xNN.
 */
void print_plain(FILE *file, const char *text);

/* Prints a JSON string. Octets that are not UTF-8, which a path may have, become U+FFFD: JSON must be UTF-8. */
void print_json_text(const char *text);

/* Prints a fault, or that something is busy, on standard error. Returns the code. */
__attribute__((format(printf, 2, 3)))
int fault(int code, const char *format, ...);

/* replace_file.c */

/*
 * Replaces the file at `path` with this content, keeping its mode and group. A file with the same content is not touched.
 * Returns 0, or the exit code after it has reported a fault.
 */
int replace_file(const char *path, const char *content, size_t length, int *changed);

/* svn/groups.c */

/*
 * Writes the groups file of mod_authz_svn and reports on standard output what it did.
 * Returns EXIT_GRANTED; EXIT_DENIED if names were omitted, which it reports on standard error; EXIT_BUSY or EXIT_FAULT if
 * nothing was written.
 */
int svn_groups(djauth *handle, const svn_groups_options *options);

#endif /* DJAUTH_COMMAND_H */
