/*
 * groups_fuzz.c: whatever groups a site has, Subversion reads in the file of `djauth svn-groups` what was meant, and
 * nothing else: as svn_repos_authz_parse of the library here, and as Subversion before 1.10, which put values into
 * values ("%(name)s").
 *
 * The first octet chooses how the rest is read: as the body of a daemon's reply, or as names between the octets 1 (a
 * group) and 2 (a member), so that names need no form to be tried.
 */
#include "command/svn/svn.h"
#include "lib/wire.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <svn_config.h>
#include <svn_pools.h>
#include <svn_repos.h>
#include <svn_string.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);
int LLVMFuzzerInitialize(int *count, char ***words);

int LLVMFuzzerInitialize(int *count, char ***words)
{
    (void)count;
    (void)words;
    apr_initialize();
    return 0;
}

static int is_in(const names *list, const char *name)
{
    size_t i;

    for (i = 0; i < list->count; i++) {
        if (strcmp(list->at[i], name) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Whether somebody is meant to be in the group that the file calls `prefix` and this name. */
static int is_meant(const listing *list, const char *name, const char *member)
{
    size_t i;

    for (i = 0; i < list->count; i++) {
        if (strcmp(list->at[i].name, name) == 0 && is_in(&list->at[i].members, member)) {
            return 1;
        }
    }
    return 0;
}

static void read_names(listing *into, const uint8_t *octets, size_t length)
{
    char *text = malloc(length + 1);
    char *at = text;

    memcpy(text, octets, length);
    text[length] = '\0';
    while (*at != '\0') {
        char mark = *at;
        size_t size = strcspn(++at, "\1\2");
        char end = at[size];
        at[size] = '\0';
        if (mark == '\2' && into->count > 0) {
            add_member(&into->at[into->count - 1], at);
        } else {
            add_group(into, at);
        }
        at += size;
        *at = end;
    }
    free(text);
}

static int read_reply(listing *into, const uint8_t *octets, size_t length)
{
    djauth_octets texts = {0};
    uint32_t id;
    int read = 0;

    for (id = 0; id < 16 && !read; id++) { /* those of the golden replies */
        djauth_groups_page page = {0};
        read = djauth_wire_decode_groups(octets, length, id, &texts, &page) == NULL && page.status == DJAUTH_GRANTED;
        if (read) {
            add_page(into, &page);
        }
    }
    djauth_octets_free(&texts);
    return read;
}

typedef struct reading {
    const listing *meant;
    const char *prefix;
    svn_stringbuf_t *rules; /* a directory for each group, which its members may read */
    apr_array_header_t *groups; /* the names, without the prefix */
    size_t members;
} reading;

/* One group as Subversion's own configuration reader sees it. */
static svn_boolean_t read_back(const char *name, const char *value, void *context, apr_pool_t *pool)
{
    reading *of = context;
    apr_array_header_t *members = svn_cstring_split(value, ",", TRUE, pool);
    const char *group = name + strlen(of->prefix);
    int i;

    if (strncmp(name, of->prefix, strlen(of->prefix)) != 0) {
        abort(); /* a group that nobody meant */
    }
    for (i = 0; i < members->nelts; i++) {
        if (!is_meant(of->meant, group, APR_ARRAY_IDX(members, i, const char *))) {
            abort(); /* nor that member */
        }
    }
    of->members += (size_t)members->nelts;
    svn_stringbuf_appendcstr(of->rules, apr_psprintf(pool, "[/%d]\n@%s = r\n", of->groups->nelts, name));
    APR_ARRAY_PUSH(of->groups, const char *) = apr_pstrdup(of->groups->pool, group);
    return TRUE;
}

/* What the names mean to mod_authz_svn: everybody whom the lists name may read just the directories of their groups. */
static void check_access(const reading *of, const svn_string_t *file, apr_pool_t *pool)
{
    svn_stream_t *rules = svn_stream_from_stringbuf(of->rules, pool);
    svn_authz_t *authz;
    size_t i;
    size_t j;
    int group;

    if (svn_repos_authz_parse2(&authz, rules, svn_stream_from_string(file, pool), NULL, NULL, pool, pool) != SVN_NO_ERROR) {
        abort();
    }
    for (i = 0; i < of->meant->count && i < 8; i++) {
        for (j = 0; j < of->meant->at[i].members.count && j < 8; j++) {
            const char *who = of->meant->at[i].members.at[j];
            for (group = 0; group < of->groups->nelts && group < 8; group++) {
                svn_boolean_t may;
                int should = svn_member_flaw(who) == NULL
                             && is_meant(of->meant, APR_ARRAY_IDX(of->groups, group, const char *), who);
                if (svn_repos_authz_check_access(authz, NULL, apr_psprintf(pool, "/%d", group), who, svn_authz_read, &may,
                                                 pool)
                        != SVN_NO_ERROR
                    || !may != !should) {
                    abort();
                }
            }
        }
    }
}

static void check(const listing *meant, const char *prefix, const outcome *came)
{
    apr_pool_t *pool = svn_pool_create(NULL);
    const svn_string_t *file = svn_string_ncreate(came->file.at, came->file.length, pool);
    reading of = {
        .meant = meant,
        .prefix = prefix,
        .rules = svn_stringbuf_create_empty(pool),
        .groups = apr_array_make(pool, 8, sizeof(const char *)),
    };
    svn_config_t *config;

    if (strlen(came->file.at) != came->file.length
        || svn_config_parse(&config, svn_stream_from_string(file, pool), TRUE, TRUE, pool) != SVN_NO_ERROR) {
        abort();
    }
    svn_config_enumerate2(config, "groups", read_back, &of, pool);
    if ((size_t)of.groups->nelts != came->groups || of.members != came->members) {
        abort(); /* something was lost */
    }
    check_access(&of, file, pool);
    svn_pool_destroy(pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    static const char *const prefixes[] = {"", "", "dj ", "a"};
    svn_groups_options of = {.output = ""};
    listing list = {0};
    listing meant = {0};
    outcome came = {0};

    if (length < 2 || memchr(octets + 2, '\0', octets[0] % 2 == 0 ? length - 2 : 0) != NULL) {
        return 0;
    }
    of.prefix = prefixes[octets[1] % 4];
    if (octets[0] % 2 == 0) {
        read_names(&list, octets + 2, length - 2);
        read_names(&meant, octets + 2, length - 2);
    } else if (read_reply(&list, octets + 1, length - 1)) {
        of.prefix = "";
        read_reply(&meant, octets + 1, length - 1);
    }
    write_listing(&of, &list, &came);
    check(&meant, of.prefix, &came);
    listing_free(&list);
    listing_free(&meant);
    outcome_free(&came);
    return 0;
}
