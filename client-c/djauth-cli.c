/* djauth-cli.c: the djauth command, for hooks and for people at a keyboard. See djauth.1. */
#include "djauth-cli.h"

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

/* One octet more than a password may have, and a line end: a longer one need not be read to be denied. */
#define PASSWORD_ROOM (32768 + 3)

/* The most permissions or groups one question may list: PROTOCOL.md 3.3. */
#define ALTERNATIVES_MAX 64

#define TIMEOUT_MAX_MS 600000

typedef enum command { CHECK, AUTHORIZE, PING, SVN_GROUPS } command;

typedef struct options {
    command asked;
    const char *socket;
    djauth_question question;
    const char *permissions[ALTERNATIVES_MAX];
    const char *groups[ALTERNATIVES_MAX];
    int password_fd;
    int json;
    int quiet;
    svn_groups_options svn;
} options;

static const char usage_text[] =
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

/* ---- Texts ---- */

/* How many octets the well-formed UTF-8 character at `text` has; 0 where there is none. */
static int character(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    int more = at[0] < 0x80 ? 0 : at[0] >= 0xc2 && at[0] <= 0xdf ? 1 : at[0] >= 0xe0 && at[0] <= 0xef ? 2
               : at[0] >= 0xf0 && at[0] <= 0xf4 ? 3 : -1;
    int i;

    for (i = 1; i <= more; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90)
        || (at[0] == 0xf4 && at[1] > 0x8f)) {
        return 0; /* overlong, a surrogate, past U+10FFFF */
    }
    return more + 1;
}

void print_plain(FILE *to, const char *text)
{
    while (*text != '\0') {
        const unsigned char *at = (const unsigned char *)text;
        int length = character(text);
        if (length == 0 || at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0)) {
            fprintf(to, "\\x%02x", at[0]);
            length = 1;
            /* The second octet of a C1 control is ill-formed on its own, and shown so in its turn. */
        } else {
            fwrite(text, 1, (size_t)length, to);
        }
        text += length;
    }
}

/* What is no text (a path may be any octets) is U+FFFD: JSON is UTF-8, and has to be read by the caller. */
static void print_json_text(const char *text)
{
    putchar('"');
    while (*text != '\0') {
        unsigned char octet = (unsigned char)*text;
        int length = character(text);
        if (length == 0) {
            fputs("\\ufffd", stdout);
            length = 1;
        } else if (octet == '"' || octet == '\\') {
            printf("\\%c", octet);
        } else if (octet < 0x20 || octet == 0x7f) {
            printf("\\u%04x", octet);
        } else {
            fwrite(text, 1, (size_t)length, stdout);
        }
        text += length;
    }
    putchar('"');
}

int fault(int code, const char *format, ...)
{
    char sentence[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    fprintf(stderr, "djauth: %s: ", code == EXIT_BUSY ? "busy" : "error");
    print_plain(stderr, sentence);
    fputc('\n', stderr);
    return code;
}

/* ---- The command line ---- */

__attribute__((noreturn, format(printf, 1, 2)))
static void wrong_usage(const char *format, ...)
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

/* A whole number in [least, most]; -1 where the value is none. */
static int number(const char *value, int least, int most)
{
    char *end;
    long read;

    errno = 0;
    read = strtol(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || read < least || read > most) {
        return -1;
    }
    return (int)read;
}

/* An empty value is a variable that was not set: to pass over it would ask something else than was meant. */
static const char *a_name(const char *option, const char *value, const char *accepted)
{
    if (value[0] == '\0') {
        wrong_usage("%s: \"\" is not accepted; accepted: %s", option, accepted);
    }
    return value;
}

static void add(const char **list, size_t *count, const char *option, const char *value)
{
    if (*count == ALTERNATIVES_MAX) {
        wrong_usage("%s: at most %d are accepted", option, ALTERNATIVES_MAX);
    }
    list[(*count)++] = a_name(option, value, "a name");
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
        if (strcmp(name, "svn-groups") == 0) {
            return SVN_GROUPS;
        }
        wrong_usage("\"%.256s\" is no command; commands are check, authorize, ping and svn-groups", name);
    }
    wrong_usage("a command is needed: check, authorize, ping or svn-groups");
}

/* What would not be heeded is refused: the asker meant something by it. */
static void svn_groups_usage(const options *of)
{
    const djauth_question *asked = &of->question;
    const char *flaw;
    char *probe;

    if (of->svn.output == NULL) {
        wrong_usage("svn-groups: --output FILE is needed");
    }
    if (asked->require_staff || asked->require_superuser || asked->permissions_count > 0 || asked->client_address != NULL
        || of->json) {
        wrong_usage("svn-groups: only --output, --prefix, --group, --site, --socket, --timeout and --quiet are accepted");
    }
    if (of->svn.prefix != NULL) {
        if (asprintf(&probe, "%sx", of->svn.prefix) < 0) {
            exit(EXIT_FAULT);
        }
        flaw = svn_group_flaw(probe);
        free(probe);
        if (flaw != NULL) {
            wrong_usage("--prefix: \"%.256s\" is not accepted: %s", of->svn.prefix, flaw);
        }
    }
}

static void read_options(int count, char **words, options *into)
{
    enum {
        SOCKET = 256, SITE, STAFF, SUPERUSER, PERMISSION, GROUP, PASSWORD, PASSWORD_FD, TIMEOUT, ADDRESS, SERVICE, JSON,
        QUIET, OUTPUT, PREFIX, HELP, VERSION
    };
    static const struct option known[] = {
        {"socket", required_argument, NULL, SOCKET},
        {"site", required_argument, NULL, SITE},
        {"staff", no_argument, NULL, STAFF},
        {"superuser", no_argument, NULL, SUPERUSER},
        {"permission", required_argument, NULL, PERMISSION},
        {"group", required_argument, NULL, GROUP},
        {"password", required_argument, NULL, PASSWORD}, /* else short for --password-fd */
        {"password-fd", required_argument, NULL, PASSWORD_FD},
        {"timeout", required_argument, NULL, TIMEOUT},
        {"address", required_argument, NULL, ADDRESS},
        {"service", required_argument, NULL, SERVICE},
        {"json", no_argument, NULL, JSON},
        {"quiet", no_argument, NULL, QUIET},
        {"output", required_argument, NULL, OUTPUT},
        {"prefix", required_argument, NULL, PREFIX},
        {"help", no_argument, NULL, HELP},
        {"version", no_argument, NULL, VERSION},
        {NULL, 0, NULL, 0},
    };
    const char *name;
    int option;

    opterr = 0; /* its messages do not say what is accepted */
    while ((option = getopt_long(count, words, ":hV", known, NULL)) != -1) {
        switch (option) {
        case SOCKET:
            into->socket = a_name("--socket", optarg, "a path");
            break;
        case SITE:
            into->question.site = a_name("--site", optarg, "a name");
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
        case PASSWORD: /* the value is not repeated, nor below: it may be one, and hooks log what they are told */
            wrong_usage("--password: a password is read from standard input or --password-fd, never from here");
        case PASSWORD_FD:
            into->password_fd = number(optarg, 0, INT_MAX);
            if (into->password_fd < 0) {
                wrong_usage("--password-fd: the value is not accepted; accepted: the number of a descriptor");
            }
            break;
        case TIMEOUT:
            into->question.timeout_ms = number(optarg, 1, TIMEOUT_MAX_MS);
            if (into->question.timeout_ms < 0) {
                wrong_usage("--timeout: \"%.256s\" is not accepted; accepted: a whole number from 1 to %d", optarg,
                            TIMEOUT_MAX_MS);
            }
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
        case OUTPUT:
            into->svn.output = a_name("--output", optarg, "a path");
            break;
        case PREFIX:
            into->svn.prefix = a_name("--prefix", optarg, "what group names may begin with");
            break;
        case 'h':
        case HELP:
            fputs(usage_text, stdout);
            exit(EXIT_GRANTED);
        case 'V':
        case VERSION:
            printf("djauth %s\n", djauth_version());
            exit(EXIT_GRANTED);
        case ':':
            wrong_usage("%s needs a value", words[optind - 1]);
        default:
            /* Only up to the "=" or the letter: the rest may be a password. */
            if (optopt != 0 && optopt < SOCKET) {
                wrong_usage("-%c is no option", optopt);
            }
            wrong_usage("%.*s %s", (int)strcspn(words[optind - 1], "="), words[optind - 1],
                        optopt != 0 ? "takes no value" : "is no option");
        }
    }
    name = optind < count ? words[optind++] : NULL;
    into->asked = command_of(name);
    if (into->asked == SVN_GROUPS) {
        svn_groups_usage(into);
    } else if (into->svn.output != NULL || into->svn.prefix != NULL) {
        wrong_usage("%s: %s belongs to svn-groups", name, into->svn.output != NULL ? "--output" : "--prefix");
    }
    if (into->asked == CHECK || into->asked == AUTHORIZE) {
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
    into->svn.only = into->groups;
    into->svn.only_count = into->question.groups_count;
    into->svn.prefix = into->svn.prefix != NULL ? into->svn.prefix : "";
    into->svn.site = into->question.site;
    into->svn.timeout_ms = into->question.timeout_ms;
    into->svn.quiet = into->quiet;
}

/* ---- The password ---- */

static struct termios restored;
static volatile sig_atomic_t restore_fd = -1;

static void restore(void)
{
    if (restore_fd >= 0) {
        tcsetattr(restore_fd, TCSAFLUSH, &restored);
        restore_fd = -1;
    }
}

/* Ctrl-C at the prompt must not leave a terminal that shows nothing. */
static void on_signal(int signal_number)
{
    restore();
    raise(signal_number); /* SA_RESETHAND: this time it ends the program, as soon as the handler returns */
}

static void catch_signals(void)
{
    static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
    struct sigaction before;
    size_t i;

    for (i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        if (sigaction(ending[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(ending[i], &action, NULL);
        }
    }
    /* Stopped here, it would come back to a terminal that shows what is typed. */
    signal(SIGTSTP, SIG_IGN);
}

/* The terminal, silent and prompted on; -1 with errno. */
static int prompt(void)
{
    static const char words[] = "Password: ";
    struct termios silent;
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 || tcgetattr(fd, &restored) != 0) {
        return -1;
    }
    silent = restored;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    catch_signals();
    restore_fd = fd;
    if (tcsetattr(fd, TCSAFLUSH, &silent) != 0 || write(fd, words, sizeof(words) - 1) < 0) {
        return -1;
    }
    return fd;
}

/* Reads to the end, or to the end of the line at a terminal. Returns the length; -1 with errno. */
static ssize_t read_octets(int fd, int line, char *into, size_t room)
{
    size_t length = 0;

    while (length < room && !(line && length > 0 && into[length - 1] == '\n')) {
        ssize_t got = read(fd, into + length, room - length);
        if (got > 0) {
            length += (size_t)got;
        } else if (got == 0) {
            break;
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return (ssize_t)length;
}

/* The password without the newline at its end. Returns the length; -1 with errno. */
static ssize_t read_password(int fd, char *into, size_t room)
{
    int terminal = fd == STDIN_FILENO && isatty(fd);
    ssize_t length;

    if (terminal) {
        int error;
        fd = prompt();
        length = fd >= 0 ? read_octets(fd, 1, into, room) : -1;
        error = errno;
        restore();
        signal(SIGTSTP, SIG_DFL);
        if (fd >= 0) {
            (void)!write(fd, "\n", 1); /* the one that was typed was not shown */
            close(fd);
        }
        errno = error;
    } else {
        length = read_octets(fd, 0, into, room);
    }
    if (length > 0 && into[length - 1] == '\n') {
        length--;
        if (length > 0 && into[length - 1] == '\r') {
            length--;
        }
    }
    return length;
}

/* ---- The answer ---- */

static void json_field(const char *name, const char *value)
{
    printf(",\"%s\":", name);
    print_json_text(value);
}

static void json_list(const char *name, const char *const *values, size_t count)
{
    size_t i;

    printf(",\"%s\":[", name);
    for (i = 0; i < count; i++) {
        if (i > 0) {
            putchar(',');
        }
        print_json_text(values[i]);
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
        print_json_text(answer->id);
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

static void print_text(const options *of, const djauth_answer *answer)
{
    size_t i;

    fputs(djauth_status_name(answer->status), stdout);
    if (answer->status != DJAUTH_GRANTED || of->asked == PING) {
        fputs(": ", stdout);
        print_plain(stdout, answer->reason);
        putchar('\n');
        return;
    }
    putchar(' ');
    print_plain(stdout, answer->username);
    fputs(" (id ", stdout);
    print_plain(stdout, answer->id);
    if (answer->is_staff) {
        fputs(", staff", stdout);
    }
    if (answer->is_superuser) {
        fputs(", superuser", stdout);
    }
    for (i = 0; i < answer->groups_count; i++) {
        fputs(i == 0 ? ", groups: " : ", ", stdout);
        print_plain(stdout, answer->groups[i]);
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
        fprintf(stderr, "djauth: %s: ", djauth_status_name(answer->status));
        print_plain(stderr, answer->reason);
        fputc('\n', stderr);
    } else if (!of->quiet) {
        print_text(of, answer);
    }
    /* A caller that reads the answer must not take half of one for whole. */
    if (ferror(stdout) || fflush(stdout) != 0) {
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

/* A fault of this program's own, told as the daemon's would be. */
static int report_fault(const options *of, const char *tried)
{
    char sentence[256];
    djauth_answer answer = {.status = DJAUTH_ERROR, .reason = sentence};

    snprintf(sentence, sizeof(sentence), "cannot %s: %s", tried, strerror(errno));
    return report(of, &answer);
}

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
