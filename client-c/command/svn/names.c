/*
 * names.c: which names a groups file of Subversion can have.
 *
 * What a name may be is what Subversion's own parser makes of it (libsvn_subr/config_file.c, libsvn_repos/authz_parse.c): a
 * group is what precedes the first ":" or "=" of a line; its members follow, separated by commas; blanks around both are
 * ignored. A name that would be read as something else must not be written: the member "@admins" is everybody in that
 * group, and so was "%(admins)s" before Subversion 1.10 (libsvn_subr/config.c).
 */
#include "svn.h"

#include <string.h>

static int has_control(const char *name)
{
    for (; *name != '\0'; name++) {
        unsigned char octet = (unsigned char)*name;

        if (octet < 0x20 || octet == 0x7f) {
            return 1;
        }
    }
    return 0;
}

static const char *common_flaw(const char *name)
{
    if (name[0] == '\0') {
        return "it is empty";
    }
    if (has_control(name)) {
        return "it contains a newline, a tab or another control character";
    }
    if (name[0] == ' ' || name[strlen(name) - 1] == ' ') {
        return "it begins or ends with a blank";
    }
    return NULL;
}

const char *svn_group_flaw(const char *name)
{
    const char *flaw = common_flaw(name);

    if (flaw == NULL && strchr("@$&*~", name[0]) != NULL) {
        flaw = "it begins with @, $, &, * or ~, which have a special meaning there";
    }
    if (flaw == NULL && strchr("[#", name[0]) != NULL) {
        flaw = "it begins with [ or #, which start a section or a comment there";
    }
    if (flaw == NULL && strpbrk(name, ":=") != NULL) {
        flaw = "it contains \":\" or \"=\", which ends a group's name there";
    }
    return flaw;
}

const char *svn_member_flaw(const char *name)
{
    const char *flaw = common_flaw(name);

    if (flaw == NULL && strchr("@&", name[0]) != NULL) {
        flaw = "it begins with @ or &, which mark a group or an alias there";
    }
    if (flaw == NULL && strchr(name, ',') != NULL) {
        flaw = "it contains a comma, which ends a member's name there";
    }
    if (flaw == NULL && strstr(name, "%(") != NULL) {
        flaw = "it contains \"%(\", which Subversion before 1.10 replaces with the members of another group";
    }
    return flaw;
}
