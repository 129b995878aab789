/*
 * svn.h: what the files of `djauth svn-groups` share.
 *
 *   groups.c   the subcommand: reads the groups, writes the file
 *   listing.c  the groups as the daemon lists them
 *   file.c     the text of the file
 *   names.c    which names can stand in it
 */
#ifndef DJAUTH_SVN_H
#define DJAUTH_SVN_H

#include "../command.h"

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

/* What comes of a listing: two texts, and what they count. Free it with outcome_free. */
typedef struct outcome {
    rendered file;
    rendered refusals; /* sentences, for standard error */
    size_t groups;
    size_t members;
    size_t refused;
} outcome;

/* listing.c. The command ends where there is no memory: nothing has been written by then. */

__attribute__((noreturn))
void no_memory(void);
char *copied(const char *text);

group *add_group(listing *list, const char *name);
void add_member(group *to, const char *name);

/* Adds a page to those before it, in their order. */
void add_page(listing *list, const djauth_groups_page *page);
void listing_free(listing *list);

/* file.c */

/* The same groups make the same text, in whatever order they came: the listing is put in order. */
void write_listing(const svn_groups_options *of, listing *list, outcome *came);
void outcome_free(outcome *came);

/* names.c */

/* Why a group's name cannot stand in the file, or a member's in a list there: a sentence, or NULL where it can. */
const char *svn_group_flaw(const char *name);
const char *svn_member_flaw(const char *name);

#endif /* DJAUTH_SVN_H */
