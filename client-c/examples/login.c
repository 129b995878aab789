/*
 * login.c: a program that authenticates users by their Django accounts.
 *
 *   cc -o login login.c $(pkg-config --cflags --libs djauth)
 *   ./login alice < password-file
 *
 * Exits 0 if alice is granted, 1 if she is denied, and 2 if neither is known: a fault is not a denial.
 */
#include <djauth.h>
#include <stdio.h>
#include <string.h>

static void greet(const djauth_answer *answer)
{
    size_t i;

    printf("welcome, %s\n", answer->first_name[0] != '\0' ? answer->first_name : answer->username);
    for (i = 0; i < answer->groups_count; i++) {
        printf("  group: %s\n", answer->groups[i]);
    }
}

int main(int count, char **words)
{
    static char typed[32768 + 2]; /* the longest password, its newline and a NUL */
    djauth_question question = DJAUTH_QUESTION_INIT;
    djauth_answer answer;
    djauth *handle;
    int code = 2;

    if (count < 2 || count > 3) {
        fprintf(stderr, "usage: login USER [SOCKET]    reads the password from standard input\n");
        return 2;
    }
    if (fgets(typed, sizeof(typed), stdin) == NULL) {
        fprintf(stderr, "login: no password on standard input\n");
        return 2;
    }

    /* A handle serves one thread at a time. It connects at its first question and keeps the connection for the next. */
    handle = djauth_new(count == 3 ? words[2] : NULL);
    if (handle == NULL) {
        perror("login");
        return 2;
    }

    question.username = words[1];
    question.username_length = strlen(words[1]);
    question.password = typed;
    question.password_length = strcspn(typed, "\n");
    question.service = "login"; /* for the daemon's log */
    question.timeout_ms = 3000; /* for the whole call, connecting included */

    switch (djauth_check(handle, &question, &answer)) {
    case DJAUTH_GRANTED:
        greet(&answer);
        code = 0;
        break;
    case DJAUTH_DENIED:
    case DJAUTH_UNKNOWN_USER:
        /* answer.reason is for a log. To users all denials look alike: the reason reveals which accounts exist. */
        puts("wrong username or password");
        code = 1;
        break;
    case DJAUTH_BUSY:
        printf("busy, please try again in %u s\n", answer.retry_after);
        break;
    case DJAUTH_ERROR:
    case DJAUTH_BAD_REQUEST:
    default: /* a status that only a later library knows is a fault too */
        fprintf(stderr, "login: %s\n", answer.reason);
        break;
    }
    explicit_bzero(typed, sizeof(typed));
    djauth_free(handle);
    return code;
}
