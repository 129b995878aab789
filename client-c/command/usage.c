/* usage.c: --help and usage errors. */
#include "command.h"

#include <stdarg.h>
#include <stdlib.h>

const char usage_text[] =
    "Usage: djauth check [options] USER         is USER granted, with the password on standard input?\n"
    "       djauth authorize [options] USER     is USER granted, authenticated by another program?\n"
    "       djauth ping [options]               does the daemon answer?\n"
    "       djauth svn-groups --output FILE     write Django's groups for Subversion's path rules\n"
    "\n"
    "Options:\n"
    "  --socket PATH      the daemon's socket ($DJAUTH_SOCKET, else " DJAUTH_DEFAULT_SOCKET ")\n"
    "  --site NAME        the Django site (default: the daemon's only one)\n"
    "  --staff            require is_staff\n"
    "  --superuser        require is_superuser\n"
    "  --permission P     require the permission app_label.codename; several: one of them\n"
    "  --group G          require membership in the group; several: in one of them\n"
    "  --password-fd N    read the password from this file descriptor\n"
    "  --timeout MS       how long the daemon may take, in milliseconds (default: 5000)\n"
    "  --address A        the user's network address, for the daemon's log\n"
    "  --service S        the program that asks, for the daemon's log (default: djauth)\n"
    "  --json             print the answer as one line of JSON\n"
    "  --quiet            print no answer\n"
    "  --help, --version\n"
    "\n"
    "Options of svn-groups, which uses the control socket ($DJAUTH_CONTROL_SOCKET, else\n"
    DJAUTH_DEFAULT_CONTROL_SOCKET "):\n"
    "  --output FILE      the AuthzSVNGroupsFile of mod_authz_svn; replaced if it changes\n"
    "  --prefix P         prefix of each group's name in the file\n"
    "  --group G          write only this group; several: only these\n"
    "  --site, --socket, --timeout, --quiet as above\n"
    "\n"
    "The password is read to the end of the input; one newline at its end is removed.\n"
    "Exit status: 0 granted, 1 denied, 2 usage error, 3 busy, 4 fault.\n"
    "svn-groups: 0 done, 1 done but names were omitted, 2 usage error, 3 or 4 nothing was written.\n";

void usage_error(const char *format, ...)
{
    char sentence[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    fputs("djauth: ", stderr);
    print_plain(stderr, sentence);
    fputs("; see djauth --help\n", stderr);
    exit(EXIT_USAGE);
}
