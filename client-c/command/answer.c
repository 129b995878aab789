/* answer.c: prints answers and chooses the exit code, on which hooks depend. */
#include "command.h"

#include <errno.h>
#include <string.h>

static int exit_code(djauth_status status)
{
    switch (status) {
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

static void json_account(const djauth_answer *answer)
{
    fputs(",\"account\":{\"id\":", stdout);
    print_json_text(answer->id);
    json_field("username", answer->username);
    json_field("email", answer->email);
    json_field("first_name", answer->first_name);
    json_field("last_name", answer->last_name);
    printf(",\"staff\":%s,\"superuser\":%s", answer->is_staff ? "true" : "false", answer->is_superuser ? "true" : "false");
    /* null: a program that needs the list must fail rather than take the account to have no groups. */
    if (answer->groups_omitted) {
        fputs(",\"groups\":null", stdout);
    } else {
        json_list("groups", answer->groups, answer->groups_count);
    }
    putchar('}');
}

static void text_account(const djauth_answer *answer)
{
    size_t i;

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
    if (answer->groups_omitted) {
        fputs(", too many groups to list", stdout);
    }
    putchar(')');
}

/* An answer to either question; the account and the server are NULL if it is not theirs. */
typedef struct printed {
    djauth_status status;
    const char *reason;
    unsigned retry_after;
    const djauth_answer *account;
    const djauth_server *server;
} printed;

static void print_json(const printed *answer)
{
    printf("{\"status\":\"%s\"", djauth_status_name(answer->status));
    if (answer->status != DJAUTH_GRANTED) {
        json_field("reason", answer->reason);
    } else if (answer->account != NULL) {
        json_account(answer->account);
    } else if (answer->server != NULL) {
        json_field("server", answer->server->name);
    }
    if (answer->status == DJAUTH_BUSY) {
        printf(",\"retry_after\":%u", answer->retry_after);
    }
    fputs("}\n", stdout);
}

static void print_text(const printed *answer)
{
    fputs(djauth_status_name(answer->status), stdout);
    if (answer->status != DJAUTH_GRANTED) {
        fputs(": ", stdout);
        print_plain(stdout, answer->reason);
    } else if (answer->account != NULL) {
        putchar(' ');
        text_account(answer->account);
    } else if (answer->server != NULL) {
        fputs(": ", stdout);
        print_plain(stdout, answer->server->name);
    }
    putchar('\n');
}

static int print(const command_options *options, const printed *answer)
{
    int code = exit_code(answer->status);

    if (options->json && !options->quiet) {
        print_json(answer);
    } else if (code == EXIT_BUSY || code == EXIT_FAULT) {
        fprintf(stderr, "djauth: %s: ", djauth_status_name(answer->status));
        print_plain(stderr, answer->reason);
        fputc('\n', stderr);
    } else if (!options->quiet) {
        print_text(answer);
    }
    /* A caller must not take half an answer for a whole one. */
    if (ferror(stdout) || fflush(stdout) != 0) {
        fprintf(stderr, "djauth: cannot write the answer: %s\n", strerror(errno));
        return EXIT_FAULT;
    }
    return code;
}

int print_answer(const command_options *options, const djauth_answer *answer)
{
    const printed that = {answer->status, answer->reason, answer->retry_after, answer, NULL};

    return print(options, &that);
}

int print_server(const command_options *options, const djauth_server *server)
{
    const printed that = {server->status, server->reason, server->retry_after, NULL, server};

    return print(options, &that);
}

int print_fault(const command_options *options, const char *attempt)
{
    char sentence[256];
    const printed that = {DJAUTH_ERROR, sentence, 0, NULL, NULL};

    snprintf(sentence, sizeof(sentence), "cannot %s: %s", attempt, strerror(errno));
    return print(options, &that);
}
