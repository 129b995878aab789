/* test_threads.c: a handle for each thread, and one that threads use in turn, under ThreadSanitizer. */
#include "djauth.h"

#include "server.h"
#include "tap.h"

enum { THREADS = 8, QUESTIONS = 100 };

static server fake;

static void *ask_many(void *unused)
{
    djauth *handle = djauth_new(fake.path);
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

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

/* A handle serves one thread at a time, whichever that is. */
static void *take_turns(void *shared)
{
    djauth_server answer;
    size_t faults = 0;
    int i;

    for (i = 0; i < QUESTIONS / 10; i++) {
        pthread_mutex_lock(&turn);
        faults += djauth_ping(shared, 0, &answer) == DJAUTH_ERROR && strstr(answer.reason, "nowhere") != NULL;
        pthread_mutex_unlock(&turn);
    }
    return (void *)faults;
}

static size_t run(void *(*function)(void *), void *argument)
{
    pthread_t threads[THREADS];
    size_t sum = 0;
    int i;

    for (i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, function, argument);
    }
    for (i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        sum += (size_t)result;
    }
    return sum;
}

int main(void)
{
    static const step steps[] = {{.kind = GRANT}};
    djauth *shared = djauth_new("/nowhere");
    size_t counted;

    server_start(&fake, steps, 1);
    counted = run(ask_many, NULL);
    ok(counted == THREADS * QUESTIONS && server_requests(&fake) == THREADS * QUESTIONS,
       "%d threads with a handle each: %zu grants", THREADS, counted);
    server_stop(&fake);
    counted = run(take_turns, shared);
    ok(counted == THREADS * (QUESTIONS / 10), "%d threads that take turns with one handle: %zu faults", THREADS, counted);
    djauth_free(shared);
    return tap_done();
}
