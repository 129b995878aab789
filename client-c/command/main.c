/* main.c: the djauth command, for hooks and for administrators. Its manual is djauth.1. */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* One octet more than a password may have, and a line end: a longer password is denied however long it is. */
#define PASSWORD_CAPACITY (DJAUTH_PASSWORD_MAX + 3)

/*
 * If a standard descriptor is closed, the socket would take its number, and answers would be written to the daemon. Each
 * is opened in the wrong direction: reading a password that was not given must be a fault, not an empty password.
 */
static void fill_standard_descriptors(void)
{
    static int filled[STDERR_FILENO + 1]; /* open until the process ends */
    int fd;

    for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) continue;
        filled[fd] = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
        if (filled[fd] < 0) exit(EXIT_FAULT);
    }
}

/* A handle for the socket of the options or the environment. Exits on a path that is too long; NULL with errno otherwise. */
static djauth *create_handle(const command_options *options)
{
    int is_control = options->command == SVN_GROUPS;
    const char *variable = is_control ? "DJAUTH_CONTROL_SOCKET" : "DJAUTH_SOCKET";
    const char *path = options->socket != NULL ? options->socket : getenv(variable);
    djauth *handle;

    if (path == NULL || path[0] == '\0') {
        path = is_control ? DJAUTH_DEFAULT_CONTROL_SOCKET : DJAUTH_DEFAULT_SOCKET;
    }
    handle = djauth_new(path);
    if (handle == NULL && errno == ENAMETOOLONG) {
        usage_error("%s: path too long: \"%.256s\"; accepted: at most 107 octets",
                    options->socket != NULL ? "--socket" : variable, path);
    }
    return handle;
}

static int check(djauth *handle, command_options *options)
{
    static char password[PASSWORD_CAPACITY];
    ssize_t length = read_password(options->password_fd, password, sizeof(password));
    djauth_answer answer;

    if (length < 0) {
        int code = print_fault(options, "read the password");

        explicit_bzero(password, sizeof(password));
        return code;
    }
    options->question.password = password;
    options->question.password_length = (size_t)length;
    djauth_check(handle, &options->question, &answer);
    explicit_bzero(password, sizeof(password));
    return print_answer(options, &answer);
}

static int authorize(djauth *handle, const command_options *options)
{
    djauth_answer answer;

    djauth_authorize(handle, &options->question, &answer);
    return print_answer(options, &answer);
}

static int ping(djauth *handle, const command_options *options)
{
    djauth_server server;

    djauth_ping(handle, options->question.timeout_ms, &server);
    return print_server(options, &server);
}

int main(int count, char **words)
{
    command_options options = {.question = DJAUTH_QUESTION_INIT, .password_fd = STDIN_FILENO};
    const struct rlimit none = {0, 0};
    djauth *handle;
    int code = EXIT_FAULT;

    /* A password passes through this process: no core file, and no debugger but root's. */
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    fill_standard_descriptors();

    options.question.service = "djauth";
    read_options(count, words, &options);
    handle = create_handle(&options);
    if (handle == NULL) {
        return print_fault(&options, "create a handle");
    }
    switch (options.command) {
    case CHECK:
        code = check(handle, &options);
        break;
    case AUTHORIZE:
        code = authorize(handle, &options);
        break;
    case PING:
        code = ping(handle, &options);
        break;
    case SVN_GROUPS:
        code = svn_groups(handle, &options.svn);
        break;
    }
    djauth_free(handle);
    return code;
}
