/*
 * svn.h: what the files of `djauth svn-groups` share.
 *
 *   groups.c   the subcommand: reads the groups and writes the file
 *   listing.c  the groups as the daemon lists them
 *   file.c     the content of the file
 *   names.c    which names the file can have
 */
#ifndef DJAUTH_SVN_H
#define DJAUTH_SVN_H

#include "command/command.h"

typedef struct names {
    char **items;
    size_t count;
    size_t capacity;
} names;

typedef struct svn_group {
    char *name;
    names members;
    int merged; /* into another one of the same name */
} svn_group;

typedef struct listing {
    svn_group *items;
    size_t count;
    size_t capacity;
} listing;

typedef struct rendered_text {
    char *octets; /* with a NUL at the end */
    size_t length;
} rendered_text;

/* A groups file before it is written. Free it with groups_file_free. */
typedef struct groups_file {
    rendered_text content;
    rendered_text omissions; /* messages about omitted names */
    size_t groups;
    size_t members;
    size_t omitted;
} groups_file;

/* listing.c. Out of memory ends the command: nothing has been written by then. */

__attribute__((noreturn))
void no_memory(void);
char *copy_text(const char *text);

svn_group *add_group(listing *list, const char *name);
void add_member(svn_group *group, const char *name);

/* Adds a page to the pages before it, in their order. */
void add_page(listing *list, const djauth_groups_page *page);
void listing_free(listing *list);

/* file.c */

/* Sorts the listing and renders it: the same groups make the same file, in whatever order they came. */
void render_groups_file(const svn_groups_options *options, listing *list, groups_file *file);
void groups_file_free(groups_file *file);

/* names.c: why the file cannot have a group or a member of this name, as a sentence; NULL if it can. */
const char *svn_group_flaw(const char *name);
const char *svn_member_flaw(const char *name);

#endif /* DJAUTH_SVN_H */
