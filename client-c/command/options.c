/* options.c: what the command line asks for. */
#include "command.h"
#include "svn/svn.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MAX_MS 600000

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
    static const char *const commands[] = {"check", "authorize", "ping", "svn-groups"}; /* in the enumeration's order */
    size_t i;

    if (name == NULL) {
        wrong_usage("a command is needed: check, authorize, ping or svn-groups");
    }
    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(name, commands[i]) == 0) {
            return (command)i;
        }
    }
    wrong_usage("\"%.256s\" is no command; commands are check, authorize, ping and svn-groups", name);
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

void read_options(int count, char **words, options *into)
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
