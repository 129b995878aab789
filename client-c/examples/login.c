/*
 * login.c: a program of one's own that lets people in with their Django accounts.
 *
 *   cc -o login login.c $(pkg-config --cflags --libs djauth)
 *   ./login alice < password-file
 *
 * Exits 0 when alice may in, 1 when she may not, 2 when nobody could tell: a fault is not a refusal.
 */
#include <djauth.h>
#include <stdio.h>
#include <string.h>

static void greet(const djauth_answer *answer)
{
    size_t i;

    printf("welcome, %s\n", answer->first_name[0] != '\0' ? answer->first_name : answer->username);
    for (i = 0; i < answer->groups_count; i++) {
        printf("  you are one of %s\n", answer->groups[i]);
    }
}

int main(int count, char **words)
{
    static char typed[32768 + 2]; /* the longest password there is, its newline, and a NUL */
    djauth_question question = DJAUTH_QUESTION_INIT;
    djauth_answer answer;
    djauth *handle;
    int code = 2;

    if (count < 2 || count > 3) {
        fprintf(stderr, "usage: login USER [SOCKET]    the password comes on standard input\n");
        return 2;
    }
    if (fgets(typed, sizeof(typed), stdin) == NULL) {
        fprintf(stderr, "login: no password came\n");
        return 2;
    }

    /* One handle serves one thread at a time. It connects at its first question, and stays connected for the next ones. */
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
    question.timeout_ms = 3000; /* for all of it: connecting, asking, being answered */

    switch (djauth_check(handle, &question, &answer)) {
    case DJAUTH_GRANTED:
        greet(&answer);
        code = 0;
        break;
    case DJAUTH_DENIED:
    case DJAUTH_UNKNOWN_USER:
        /* answer.reason is for a log. To the person all refusals look alike: the reason tells who exists. */
        puts("name or password is wrong");
        code = 1;
        break;
    case DJAUTH_BUSY:
        printf("not now; please try again in %u s\n", answer.retry_after);
        break;
    case DJAUTH_ERROR:
    case DJAUTH_BAD_REQUEST:
    default: /* a status of a later library is a fault too */
        fprintf(stderr, "login: %s\n", answer.reason);
        break;
    }
    explicit_bzero(typed, sizeof(typed));
    djauth_free(handle);
    return code;
}
