/* test_threads.c: a handle for each thread, under ThreadSanitizer. */
#include "djauth.c"

#include "server.h"
#include "tap.h"

enum { THREADS = 8, QUESTIONS = 100 };

static server of;

static void *ask_many(void *unused)
{
    djauth *handle = djauth_new(of.path);
    djauth_question q = DJAUTH_QUESTION_INIT;
    djauth_answer a;
    size_t granted = 0;
    int i;

    (void)unused;
    q.username = "alice";
    q.username_length = 5;
    q.password = "secret";
    q.password_length = 6;
    for (i = 0; i < QUESTIONS; i++) {
        granted += djauth_check(handle, &q, &a) == DJAUTH_GRANTED && strcmp(a.username, "alice") == 0;
    }
    djauth_free(handle);
    return (void *)granted;
}

int main(void)
{
    static const step steps[] = {{.kind = GRANT}};
    pthread_t threads[THREADS];
    size_t granted = 0;
    int i;

    server_start(&of, steps, 1);
    for (i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, ask_many, NULL);
    }
    for (i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        granted += (size_t)result;
    }
    ok(granted == THREADS * QUESTIONS && server_requests(&of) == THREADS * QUESTIONS,
       "%d threads with a handle each: %zu questions granted", THREADS, granted);
    server_stop(&of);
    return tap_done();
}
