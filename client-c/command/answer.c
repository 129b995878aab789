/* answer.c: what is printed of an answer, and the exit code that hooks go by. */
#include "command.h"

#include <errno.h>
#include <string.h>

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

int report(const options *of, const djauth_answer *answer)
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

int report_fault(const options *of, const char *tried)
{
    char sentence[256];
    djauth_answer answer = {.status = DJAUTH_ERROR, .reason = sentence};

    snprintf(sentence, sizeof(sentence), "cannot %s: %s", tried, strerror(errno));
    return report(of, &answer);
}
