/* usage.c: how the command is used, and what is said where it was used otherwise. */
#include "command.h"

#include <stdarg.h>
#include <stdlib.h>

const char usage_text[] =
    "Usage: djauth check     [options] USER    may USER in, with the password on standard input?\n"
    "       djauth authorize [options] USER    may USER in, whom somebody else has authenticated?\n"
    "       djauth ping      [options]         is the daemon there?\n"
    "       djauth svn-groups --output FILE    write Django's groups for Subversion's path rules\n"
    "\n"
    "  --socket PATH      where the daemon listens ($DJAUTH_SOCKET, else " DJAUTH_DEFAULT_SOCKET ")\n"
    "  --site NAME        the Django site; the daemon's only one without it\n"
    "  --staff            is_staff is required\n"
    "  --superuser        is_superuser is required\n"
    "  --permission P     app_label.codename is required; several: one of them\n"
    "  --group G          membership is required; several: in one of them\n"
    "  --password-fd N    read the password from this descriptor\n"
    "  --timeout MS       how long the daemon may take, in milliseconds (5000)\n"
    "  --address A        the person's network address, for the daemon's log\n"
    "  --service S        who asks, for the daemon's log (djauth)\n"
    "  --json             print the answer as a line of JSON\n"
    "  --quiet            print no answer\n"
    "  --help, --version\n"
    "\n"
    "svn-groups asks over the control socket ($DJAUTH_CONTROL_SOCKET, else " DJAUTH_DEFAULT_CONTROL_SOCKET "):\n"
    "  --output FILE      mod_authz_svn's AuthzSVNGroupsFile; replaced where it changes\n"
    "  --prefix P         stands before each group's name in the file\n"
    "  --group G          this group only; several: these\n"
    "  --site, --socket, --timeout, --quiet as above\n"
    "\n"
    "The password is read to the end of the input; one newline at its end is not part of it.\n"
    "Exit: 0 granted, 1 denied, 2 wrong usage, 3 busy, 4 fault.\n"
    "svn-groups: 0 done, 1 done but names were refused, 2 wrong usage, 3 and 4 nothing was written.\n";

void wrong_usage(const char *format, ...)
{
    char sentence[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    fputs("djauth: ", stderr);
    print_plain(stderr, sentence);
    fputs("; djauth --help says more\n", stderr);
    exit(EXIT_USAGE);
}
