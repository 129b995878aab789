/*
 * names.c: which names can stand in a groups file of Subversion.
 *
 * What a name may be is what Subversion's own parser makes of it (libsvn_subr/config_file.c, libsvn_repos/authz_parse.c):
 * a group is what stands before the first ":" or "=" of a line, its members stand behind, parted by commas, and blanks
 * around either do not count. A name that would be read as something else (the member "@admins" is everybody in that
 * group; so was "%(admins)s" before Subversion 1.10, libsvn_subr/config.c) must not be written.
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
        return "it has a line end, a tab or another control character in it";
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
        flaw = "it begins with one of @ $ & * ~, which have a meaning of their own there";
    }
    if (flaw == NULL && strchr("[#", name[0]) != NULL) {
        flaw = "it begins with [ or #, as sections and comments do there";
    }
    if (flaw == NULL && strpbrk(name, ":=") != NULL) {
        flaw = "it has a \":\" or \"=\" in it, which ends a name there";
    }
    return flaw;
}

const char *svn_member_flaw(const char *name)
{
    const char *flaw = common_flaw(name);

    if (flaw == NULL && strchr("@&", name[0]) != NULL) {
        flaw = "it begins with @ or &, which is a group or an alias there";
    }
    if (flaw == NULL && strchr(name, ',') != NULL) {
        flaw = "it has a comma in it, which ends a name there";
    }
    if (flaw == NULL && strstr(name, "%(") != NULL) {
        flaw = "it has \"%(\" in it, behind which Subversion before 1.10 puts in the members of another group";
    }
    return flaw;
}
