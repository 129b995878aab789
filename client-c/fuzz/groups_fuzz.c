/*
 * groups_fuzz.c: whatever groups a site has, Subversion reads them from the file of `djauth svn-groups` as they are, and
 * nothing else: with svn_repos_authz_parse of the installed library, and as before 1.10, when Subversion expanded values
 * within values ("%(name)s").
 *
 * The first octet of the input chooses how the rest is read: as the body of a daemon's reply, or as names that follow the
 * octets 1 (a group) and 2 (a member), for which every input is well-formed.
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
        if (strcmp(list->items[i], name) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Whether the member belongs to the group of this name, which the file calls by `prefix` and the name. */
static int is_meant(const listing *list, const char *name, const char *member)
{
    size_t i;

    for (i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0 && is_in(&list->items[i].members, member)) {
            return 1;
        }
    }
    return 0;
}

static void read_names(listing *list, const uint8_t *octets, size_t length)
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
        if (mark == '\2' && list->count > 0) {
            add_member(&list->items[list->count - 1], at);
        } else {
            add_group(list, at);
        }
        at += size;
        *at = end;
    }
    free(text);
}

static int read_reply(listing *list, const uint8_t *octets, size_t length)
{
    djauth_octets texts = {0};
    djauth_request request = {.operation = DJAUTH_OPERATION_GROUPS};
    int read = 0;

    for (; request.id < 16 && !read; request.id++) { /* the golden replies have such ids */
        djauth_reply reply = {.status = DJAUTH_ERROR};

        read = djauth_decode(&request, octets, length, &texts, &reply) == NULL && reply.status == DJAUTH_GRANTED;
        if (read) {
            add_page(list, &reply.granted.groups);
        }
    }
    djauth_octets_free(&texts);
    return read;
}

typedef struct reading {
    const listing *meant;
    const char *prefix;
    svn_stringbuf_t *rules; /* a directory for each group, readable by its members */
    apr_array_header_t *groups; /* the names, without the prefix */
    size_t members;
} reading;

/* Checks one group as Subversion's own configuration parser reads it. */
static svn_boolean_t read_back(const char *name, const char *value, void *context, apr_pool_t *pool)
{
    reading *of = context;
    apr_array_header_t *members = svn_cstring_split(value, ",", TRUE, pool);
    const char *group = name + strlen(of->prefix);
    int i;

    if (strncmp(name, of->prefix, strlen(of->prefix)) != 0) {
        abort(); /* a group that the site does not have */
    }
    for (i = 0; i < members->nelts; i++) {
        if (!is_meant(of->meant, group, APR_ARRAY_IDX(members, i, const char *))) {
            abort(); /* a member that the group does not have */
        }
    }
    of->members += (size_t)members->nelts;
    svn_stringbuf_appendcstr(of->rules, apr_psprintf(pool, "[/%d]\n@%s = r\n", of->groups->nelts, name));
    APR_ARRAY_PUSH(of->groups, const char *) = apr_pstrdup(of->groups->pool, group);
    return TRUE;
}

/* Checks what the names mean to mod_authz_svn: each member may read exactly the directories of its groups. */
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
        for (j = 0; j < of->meant->items[i].members.count && j < 8; j++) {
            const char *user = of->meant->items[i].members.items[j];
            for (group = 0; group < of->groups->nelts && group < 8; group++) {
                svn_boolean_t may;
                int should = svn_member_flaw(user) == NULL
                             && is_meant(of->meant, APR_ARRAY_IDX(of->groups, group, const char *), user);
                if (svn_repos_authz_check_access(authz, NULL, apr_psprintf(pool, "/%d", group), user, svn_authz_read, &may,
                                                 pool)
                        != SVN_NO_ERROR
                    || !may != !should) {
                    abort();
                }
            }
        }
    }
}

static void check(const listing *meant, const char *prefix, const groups_file *file)
{
    apr_pool_t *pool = svn_pool_create(NULL);
    const svn_string_t *text = svn_string_ncreate(file->content.octets, file->content.length, pool);
    reading of = {
        .meant = meant,
        .prefix = prefix,
        .rules = svn_stringbuf_create_empty(pool),
        .groups = apr_array_make(pool, 8, sizeof(const char *)),
    };
    svn_config_t *config;

    if (strlen(file->content.octets) != file->content.length
        || svn_config_parse(&config, svn_stream_from_string(text, pool), TRUE, TRUE, pool) != SVN_NO_ERROR) {
        abort();
    }
    svn_config_enumerate2(config, "groups", read_back, &of, pool);
    if ((size_t)of.groups->nelts != file->groups || of.members != file->members) {
        abort(); /* something was lost */
    }
    check_access(&of, text, pool);
    svn_pool_destroy(pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    static const char *const prefixes[] = {"", "", "dj ", "a"};
    svn_groups_options options = {.output = ""};
    listing list = {0};
    listing meant = {0};
    groups_file file = {0};

    if (length < 2 || memchr(octets + 2, '\0', octets[0] % 2 == 0 ? length - 2 : 0) != NULL) {
        return 0;
    }
    options.prefix = prefixes[octets[1] % 4];
    if (octets[0] % 2 == 0) {
        read_names(&list, octets + 2, length - 2);
        read_names(&meant, octets + 2, length - 2);
    } else if (read_reply(&list, octets + 1, length - 1)) {
        options.prefix = "";
        read_reply(&meant, octets + 1, length - 1);
    }
    render_groups_file(&options, &list, &file);
    check(&meant, options.prefix, &file);
    listing_free(&list);
    listing_free(&meant);
    groups_file_free(&file);
    return 0;
}
