/* main.c: the djauth command, for hooks and for people at a keyboard. See djauth.1. */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* One octet more than a password may have, and a line end: a longer one need not be read to be denied. */
#define PASSWORD_ROOM (32768 + 3)

/*
 * Where a standard descriptor was closed, the socket would take its number, and answers would be written to the daemon.
 * Each is filled the wrong way round: a password that nobody gave must be a fault, not an empty one.
 */
static void fill_standard_descriptors(void)
{
    int fd;

    for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) {
            exit(EXIT_FAULT);
        }
    }
}

int main(int count, char **words)
{
    static char password[PASSWORD_ROOM];
    options of = {.question = DJAUTH_QUESTION_INIT, .password_fd = STDIN_FILENO};
    const struct rlimit none = {0, 0};
    const char *variable;
    const char *path;
    djauth_answer answer;
    djauth *handle;
    int code;

    /* A password passes through here: no core file, and nobody else's debugger. */
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    fill_standard_descriptors();

    of.question.service = "djauth";
    read_options(count, words, &of);

    variable = of.asked == SVN_GROUPS ? "DJAUTH_CONTROL_SOCKET" : "DJAUTH_SOCKET";
    path = of.socket != NULL ? of.socket : getenv(variable);
    if (path == NULL || path[0] == '\0') {
        path = of.asked == SVN_GROUPS ? DJAUTH_DEFAULT_CONTROL_SOCKET : DJAUTH_DEFAULT_SOCKET;
    }
    handle = djauth_new(path);
    if (handle == NULL) {
        if (errno == ENAMETOOLONG) {
            wrong_usage("%s: \"%.256s\" is not accepted; accepted: a path of at most 107 octets",
                        of.socket != NULL ? "--socket" : variable, path);
        }
        return report_fault(&of, "begin");
    }
    if (of.asked == SVN_GROUPS) {
        code = svn_groups(handle, &of.svn);
        djauth_free(handle);
        return code;
    }
    if (of.asked == CHECK) {
        ssize_t length = read_password(of.password_fd, password, sizeof(password));
        if (length < 0) {
            code = report_fault(&of, "read the password");
            explicit_bzero(password, sizeof(password));
            djauth_free(handle);
            return code;
        }
        of.question.password = password;
        of.question.password_length = (size_t)length;
        djauth_check(handle, &of.question, &answer);
    } else if (of.asked == AUTHORIZE) {
        djauth_authorize(handle, &of.question, &answer);
    } else {
        djauth_ping(handle, of.question.timeout_ms, &answer);
    }
    explicit_bzero(password, sizeof(password));
    code = report(&of, &answer);
    djauth_free(handle);
    return code;
}
