/* options.c: the command line. */
#include "command.h"
#include "svn/svn.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A whole number from low to high; -1 for any other value. */
static int read_number(const char *value, int low, int high)
{
    char *end;
    long number;

    errno = 0;
    number = strtol(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || number < low || number > high) {
        return -1;
    }
    return (int)number;
}

/* An empty value comes from a variable that is not set. To ignore it would ask another question than was meant. */
static const char *not_empty(const char *option, const char *value)
{
    if (value[0] == '\0') {
        usage_error("%s: empty value", option);
    }
    return value;
}

static void add_name(const char **list, size_t *count, const char *option, const char *value)
{
    if (*count == DJAUTH_ALTERNATIVES_MAX) {
        usage_error("%s: too many values; accepted: at most %d", option, DJAUTH_ALTERNATIVES_MAX);
    }
    list[(*count)++] = not_empty(option, value);
}

static command read_command(const char *name)
{
    static const char *const commands[] = {"check", "authorize", "ping", "svn-groups"}; /* in the enumeration's order */
    size_t i;

    if (name == NULL) {
        usage_error("missing command; commands are check, authorize, ping and svn-groups");
    }
    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(name, commands[i]) == 0) {
            return (command)i;
        }
    }
    usage_error("unknown command \"%.256s\"; commands are check, authorize, ping and svn-groups", name);
}

/* An option that would have no effect is an error: its user meant something by it. */
static void check_svn_groups(const command_options *options)
{
    const djauth_question *question = &options->question;
    const char *flaw;
    char *example;

    if (options->svn.output == NULL) {
        usage_error("svn-groups: missing --output FILE");
    }
    if (question->require_staff || question->require_superuser || question->permissions_count > 0
        || question->client_address != NULL || options->json) {
        usage_error("svn-groups: accepted options are --output, --prefix, --group, --site, --socket, --timeout and --quiet");
    }
    if (options->svn.prefix != NULL) {
        if (asprintf(&example, "%sx", options->svn.prefix) < 0) {
            exit(EXIT_FAULT);
        }
        flaw = svn_group_flaw(example);
        free(example);
        if (flaw != NULL) {
            usage_error("--prefix: invalid value \"%.256s\": %s", options->svn.prefix, flaw);
        }
    }
}

void read_options(int count, char **words, command_options *options)
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
        {"password", required_argument, NULL, PASSWORD}, /* otherwise an abbreviation of --password-fd */
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

    opterr = 0; /* getopt's own messages do not say what is accepted */
    while ((option = getopt_long(count, words, ":hV", known, NULL)) != -1) {
        switch (option) {
        case SOCKET:
            options->socket = not_empty("--socket", optarg);
            break;
        case SITE:
            options->question.site = not_empty("--site", optarg);
            break;
        case STAFF:
            options->question.require_staff = 1;
            break;
        case SUPERUSER:
            options->question.require_superuser = 1;
            break;
        case PERMISSION:
            add_name(options->permissions, &options->question.permissions_count, "--permission", optarg);
            break;
        case GROUP:
            add_name(options->groups, &options->question.groups_count, "--group", optarg);
            break;
        case PASSWORD: /* here and below the value may be a password, and hooks log messages: it is not repeated */
            usage_error("--password: a password is read from standard input or --password-fd, never from the command line");
        case PASSWORD_FD:
            options->password_fd = read_number(optarg, 0, INT_MAX);
            if (options->password_fd < 0) {
                usage_error("--password-fd: invalid value; accepted: the number of a file descriptor");
            }
            break;
        case TIMEOUT:
            options->question.timeout_ms = read_number(optarg, 1, DJAUTH_DEADLINE_MAX_MS);
            if (options->question.timeout_ms < 0) {
                usage_error("--timeout: invalid value \"%.256s\"; accepted: a whole number from 1 to %d", optarg,
                            DJAUTH_DEADLINE_MAX_MS);
            }
            break;
        case ADDRESS:
            options->question.client_address = optarg;
            break;
        case SERVICE:
            options->question.service = optarg;
            break;
        case JSON:
            options->json = 1;
            break;
        case QUIET:
            options->quiet = 1;
            break;
        case OUTPUT:
            options->svn.output = not_empty("--output", optarg);
            break;
        case PREFIX:
            options->svn.prefix = not_empty("--prefix", optarg);
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
            usage_error("%s: missing value", words[optind - 1]);
        default:
            /* Up to the "=" or the letter only: the rest may be a password. */
            if (optopt != 0 && optopt < SOCKET) {
                usage_error("unknown option -%c", optopt);
            }
            usage_error("%s %.*s", optopt != 0 ? "unexpected value for" : "unknown option",
                        (int)strcspn(words[optind - 1], "="), words[optind - 1]);
        }
    }
    name = optind < count ? words[optind++] : NULL;
    options->command = read_command(name);
    if (options->command == SVN_GROUPS) {
        check_svn_groups(options);
    } else if (options->svn.output != NULL || options->svn.prefix != NULL) {
        usage_error("%s: %s is an option of svn-groups only", name, options->svn.output != NULL ? "--output" : "--prefix");
    }
    if (options->command == CHECK || options->command == AUTHORIZE) {
        if (optind == count) {
            usage_error("%s: missing USER", name);
        }
        options->question.username = words[optind++];
        options->question.username_length = strlen(options->question.username);
    }
    if (optind < count) {
        /* The argument may be a password: it is not repeated. */
        usage_error("%s: too many arguments; a password is read from standard input, never from the command line", name);
    }
    options->question.permissions = options->permissions;
    options->question.groups = options->groups;
    options->svn.only = options->groups;
    options->svn.only_count = options->question.groups_count;
    options->svn.prefix = options->svn.prefix != NULL ? options->svn.prefix : "";
    options->svn.site = options->question.site;
    options->svn.timeout_ms = options->question.timeout_ms;
    options->svn.quiet = options->quiet;
}
