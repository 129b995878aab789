/* djauth-cli.c: the djauth command, for hooks and for people at a keyboard. See djauth.1. */
#include "djauth.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

/* What hooks go by. */
enum { EXIT_GRANTED = 0, EXIT_DENIED = 1, EXIT_USAGE = 2, EXIT_BUSY = 3, EXIT_FAULT = 4 };

/* One octet more than a password may have, and a line end: a longer one need not be read to be denied. */
#define PASSWORD_ROOM (32768 + 3)

/* The most permissions or groups one question may list: PROTOCOL.md 3.3. */
#define ALTERNATIVES_MAX 64

#define TIMEOUT_MAX_MS 600000

typedef enum command { CHECK, AUTHORIZE, PING } command;

typedef struct options {
    command asked;
    const char *socket;
    djauth_question question;
    const char *permissions[ALTERNATIVES_MAX];
    const char *groups[ALTERNATIVES_MAX];
    int password_fd;
    int json;
    int quiet;
} options;

static const char usage_text[] =
    "Usage: djauth check     [options] USER    may USER in, with the password on standard input?\n"
    "       djauth authorize [options] USER    may USER in, whom somebody else has authenticated?\n"
    "       djauth ping      [options]         is the daemon there?\n"
    "\n"
    "  --socket PATH      where the daemon listens ($DJAUTH_SOCKET, else " DJAUTH_DEFAULT_SOCKET ")\n"
    "  --site NAME        the Django site; the daemon's only one without it\n"
    "  --staff            is_staff is required\n"
    "  --superuser        is_superuser is required\n"
    "  --permission P     app_label.codename is required; several: one of them\n"
    "  --group G          membership is required; several: in one of them\n"
    "  --password-fd N    read the password from this descriptor\n"
    "  --timeout MS       how long all may take, in milliseconds (5000)\n"
    "  --address A        the person's network address, for the daemon's log\n"
    "  --service S        who asks, for the daemon's log (djauth)\n"
    "  --json             print the answer as a line of JSON\n"
    "  --quiet            print no answer\n"
    "  --help, --version\n"
    "\n"
    "The password is read to the end of the input; one newline at its end is not part of it.\n"
    "Exit: 0 granted, 1 denied, 2 wrong usage, 3 busy, 4 fault.\n";

__attribute__((noreturn, format(printf, 1, 2)))
static void wrong_usage(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("djauth: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("; djauth --help says more\n", stderr);
    va_end(arguments);
    exit(EXIT_USAGE);
}

/* A whole number in [least, most], or the end of the program. */
static int number(const char *option, const char *value, int least, int most)
{
    char *end;
    long read;

    errno = 0;
    read = strtol(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || read < least || read > most) {
        wrong_usage("%s: \"%s\" is not accepted; accepted: a whole number from %d to %d", option, value, least, most);
    }
    return (int)read;
}

static void add(const char **list, size_t *count, const char *option, const char *value)
{
    if (value[0] == '\0') {
        wrong_usage("%s: \"\" is not accepted; accepted: a name", option);
    }
    if (*count == ALTERNATIVES_MAX) {
        wrong_usage("%s: at most %d are accepted", option, ALTERNATIVES_MAX);
    }
    list[(*count)++] = value;
}

static command command_of(const char *name)
{
    if (name != NULL) {
        if (strcmp(name, "check") == 0) {
            return CHECK;
        }
        if (strcmp(name, "authorize") == 0) {
            return AUTHORIZE;
        }
        if (strcmp(name, "ping") == 0) {
            return PING;
        }
        wrong_usage("\"%s\" is no command; commands are check, authorize and ping", name);
    }
    wrong_usage("a command is needed: check, authorize or ping");
}

static void read_options(int count, char **words, options *into)
{
    enum { SOCKET = 256, SITE, STAFF, SUPERUSER, PERMISSION, GROUP, PASSWORD_FD, TIMEOUT, ADDRESS, SERVICE, JSON, QUIET };
    static const struct option known[] = {
        {"socket", required_argument, NULL, SOCKET},
        {"site", required_argument, NULL, SITE},
        {"staff", no_argument, NULL, STAFF},
        {"superuser", no_argument, NULL, SUPERUSER},
        {"permission", required_argument, NULL, PERMISSION},
        {"group", required_argument, NULL, GROUP},
        {"password-fd", required_argument, NULL, PASSWORD_FD},
        {"timeout", required_argument, NULL, TIMEOUT},
        {"address", required_argument, NULL, ADDRESS},
        {"service", required_argument, NULL, SERVICE},
        {"json", no_argument, NULL, JSON},
        {"quiet", no_argument, NULL, QUIET},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    const char *name;
    int option;

    opterr = 0; /* its messages do not say what is accepted */
    while ((option = getopt_long(count, words, ":hV", known, NULL)) != -1) {
        switch (option) {
        case SOCKET:
            into->socket = optarg;
            break;
        case SITE:
            into->question.site = optarg[0] != '\0' ? optarg : NULL;
            break;
        case STAFF:
            into->question.require_staff = 1;
            break;
        case SUPERUSER:
            into->question.require_superuser = 1;
            break;
        case PERMISSION:
            add(into->permissions, &into->question.permissions_count, "--permission", optarg);
            break;
        case GROUP:
            add(into->groups, &into->question.groups_count, "--group", optarg);
            break;
        case PASSWORD_FD:
            into->password_fd = number("--password-fd", optarg, 0, INT_MAX);
            break;
        case TIMEOUT:
            into->question.timeout_ms = number("--timeout", optarg, 1, TIMEOUT_MAX_MS);
            break;
        case ADDRESS:
            into->question.client_address = optarg;
            break;
        case SERVICE:
            into->question.service = optarg;
            break;
        case JSON:
            into->json = 1;
            break;
        case QUIET:
            into->quiet = 1;
            break;
        case 'h':
            fputs(usage_text, stdout);
            exit(EXIT_GRANTED);
        case 'V':
            printf("djauth %s\n", djauth_version());
            exit(EXIT_GRANTED);
        case ':':
            wrong_usage("%s needs a value", words[optind - 1]);
        default:
            wrong_usage("%s is no option", words[optind - 1]);
        }
    }
    name = optind < count ? words[optind++] : NULL;
    into->asked = command_of(name);
    if (into->asked != PING) {
        if (optind == count) {
            wrong_usage("%s: a USER is needed", name);
        }
        into->question.username = words[optind++];
        into->question.username_length = strlen(into->question.username);
    }
    if (optind < count) {
        /* It may be a password: it is not repeated. */
        wrong_usage("%s: there is an argument too many; a password is read from standard input, never from here", name);
    }
    into->question.permissions = into->permissions;
    into->question.groups = into->groups;
}

/* ---- The password ---- */

static struct termios restored;
static volatile sig_atomic_t restore_fd = -1;

/* Ctrl-C at the prompt must not leave a terminal that shows nothing. */
static void on_signal(int signal_number)
{
    if (restore_fd >= 0) {
        tcsetattr(restore_fd, TCSAFLUSH, &restored);
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static int prompt(void)
{
    struct termios silent;
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 || tcgetattr(fd, &restored) != 0) {
        return -1;
    }
    restore_fd = fd;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGHUP, on_signal);
    silent = restored;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(fd, TCSAFLUSH, &silent);
    if (write(fd, "Password: ", 10) < 0) {
        return -1;
    }
    return fd;
}

/* Reads to the end, or to the end of the line at a terminal. Returns the length; -1 with errno. */
static ssize_t read_password(int fd, char *into, size_t room)
{
    size_t length = 0;
    int terminal = -1;

    if (fd == STDIN_FILENO && isatty(fd)) {
        terminal = prompt();
        if (terminal < 0) {
            return -1;
        }
        fd = terminal;
    }
    while (length < room) {
        ssize_t got = read(fd, into + length, room - length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        length += (size_t)got;
        if (got == 0 || (terminal >= 0 && into[length - 1] == '\n')) {
            break;
        }
    }
    if (terminal >= 0) {
        tcsetattr(terminal, TCSAFLUSH, &restored);
        restore_fd = -1;
        if (write(terminal, "\n", 1) < 0) {
            return -1;
        }
        close(terminal);
    }
    if (length > 0 && into[length - 1] == '\n') {
        length--;
        if (length > 0 && into[length - 1] == '\r') {
            length--;
        }
    }
    return (ssize_t)length;
}

/* ---- The answer ---- */

/* Texts are UTF-8 by the library's word; what JSON does not allow as it is is escaped. */
static void json_text(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        unsigned char octet = (unsigned char)*text;
        if (octet == '"' || octet == '\\') {
            printf("\\%c", octet);
        } else if (octet < 0x20 || octet == 0x7f) {
            printf("\\u%04x", octet);
        } else {
            putchar(octet);
        }
    }
    putchar('"');
}

static void json_field(const char *name, const char *value)
{
    printf(",\"%s\":", name);
    json_text(value);
}

static void json_list(const char *name, const char *const *values, size_t count)
{
    size_t i;

    printf(",\"%s\":[", name);
    for (i = 0; i < count; i++) {
        if (i > 0) {
            putchar(',');
        }
        json_text(values[i]);
    }
    putchar(']');
}

static void print_json(const options *of, const djauth_answer *answer)
{
    printf("{\"status\":\"%s\"", djauth_status_name(answer->status));
    if (answer->status != DJAUTH_GRANTED) {
        json_field("reason", answer->reason);
    }
    if (answer->status == DJAUTH_BUSY) {
        printf(",\"retry_after\":%u", answer->retry_after);
    }
    if (answer->status == DJAUTH_GRANTED && of->asked == PING) {
        json_field("server", answer->reason);
    }
    if (answer->status == DJAUTH_GRANTED && of->asked != PING) {
        fputs(",\"account\":{\"id\":", stdout);
        json_text(answer->id);
        json_field("username", answer->username);
        json_field("email", answer->email);
        json_field("first_name", answer->first_name);
        json_field("last_name", answer->last_name);
        printf(",\"staff\":%s,\"superuser\":%s", answer->is_staff ? "true" : "false",
               answer->is_superuser ? "true" : "false");
        json_list("groups", answer->groups, answer->groups_count);
        putchar('}');
    }
    fputs("}\n", stdout);
}

/* A name of somebody else's choosing must not play with the terminal. */
static void print_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char octet = (unsigned char)*text;
        if (octet < 0x20 || octet == 0x7f) {
            printf("\\x%02x", octet);
        } else {
            putchar(octet);
        }
    }
}

static void print_text(const options *of, const djauth_answer *answer)
{
    size_t i;

    fputs(djauth_status_name(answer->status), stdout);
    if (answer->status != DJAUTH_GRANTED || of->asked == PING) {
        fputs(": ", stdout);
        print_plain(answer->reason);
        putchar('\n');
        return;
    }
    putchar(' ');
    print_plain(answer->username);
    fputs(" (id ", stdout);
    print_plain(answer->id);
    if (answer->is_staff) {
        fputs(", staff", stdout);
    }
    if (answer->is_superuser) {
        fputs(", superuser", stdout);
    }
    for (i = 0; i < answer->groups_count; i++) {
        fputs(i == 0 ? ", groups: " : ", ", stdout);
        print_plain(answer->groups[i]);
    }
    fputs(")\n", stdout);
}

static int report(const options *of, const djauth_answer *answer)
{
    int fault = answer->status != DJAUTH_GRANTED && answer->status != DJAUTH_DENIED
                && answer->status != DJAUTH_UNKNOWN_USER;

    if (of->json && !of->quiet) {
        print_json(of, answer);
    } else if (fault) {
        fprintf(stderr, "djauth: %s: %s\n", djauth_status_name(answer->status), answer->reason);
    } else if (!of->quiet) {
        print_text(of, answer);
    }
    /* A caller that reads the answer must not take half of one for whole. */
    if (fflush(stdout) != 0) {
        fprintf(stderr, "djauth: cannot write the answer: %s\n", strerror(errno));
        return EXIT_FAULT;
    }
    switch (answer->status) {
    case DJAUTH_GRANTED:
        return EXIT_GRANTED;
    case DJAUTH_DENIED:
    case DJAUTH_UNKNOWN_USER:
        return EXIT_DENIED;
    case DJAUTH_BUSY:
        return EXIT_BUSY;
    case DJAUTH_ERROR:
    case DJAUTH_BAD_REQUEST:
        break;
    }
    return EXIT_FAULT;
}

int main(int count, char **words)
{
    static char password[PASSWORD_ROOM];
    options of = {.question = DJAUTH_QUESTION_INIT, .password_fd = STDIN_FILENO};
    const struct rlimit none = {0, 0};
    djauth_answer answer;
    djauth *handle;
    int code;

    /* A password passes through here: no core file, and nobody else's debugger. */
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);

    of.socket = getenv("DJAUTH_SOCKET");
    of.question.service = "djauth";
    read_options(count, words, &of);

    handle = djauth_new(of.socket != NULL && of.socket[0] != '\0' ? of.socket : NULL);
    if (handle == NULL) {
        if (errno == ENAMETOOLONG) {
            wrong_usage("--socket: \"%s\" is not accepted; accepted: a path of at most 107 octets", of.socket);
        }
        fprintf(stderr, "djauth: %s\n", strerror(errno));
        return EXIT_FAULT;
    }
    if (of.asked == CHECK) {
        ssize_t length = read_password(of.password_fd, password, sizeof(password));
        if (length < 0) {
            fprintf(stderr, "djauth: cannot read the password: %s\n", strerror(errno));
            explicit_bzero(password, sizeof(password));
            djauth_free(handle);
            return EXIT_FAULT;
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
