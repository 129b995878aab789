/* test_connection.c: libdjauth against a server that misbehaves at each step. Nothing may look like a verdict. */
#include "djauth.c"

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "server.h"
#include "tap.h"

static djauth_question alice(void)
{
    djauth_question q = DJAUTH_QUESTION_INIT;

    q.username = "alice";
    q.username_length = 5;
    q.password = "a-secret-to-look-for";
    q.password_length = 20;
    q.timeout_ms = 2000;
    return q;
}

/* Asks once, with a handle of its own. */
static djauth_status ask_once(server *of, int timeout_ms, char *reason, size_t room)
{
    djauth *handle = djauth_new(of->path);
    djauth_question q = alice();
    djauth_answer a;
    djauth_status status;

    q.timeout_ms = timeout_ms;
    status = djauth_check(handle, &q, &a);
    if (reason != NULL) {
        snprintf(reason, room, "%s", a.reason);
    }
    djauth_free(handle);
    return status;
}

static void test_handles(void)
{
    char path[120];
    djauth *handle;

    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[107] = '\0';
    handle = djauth_new(path);
    ok(handle != NULL, "a path of 107 octets is taken");
    djauth_free(handle);
    path[107] = 'x';
    path[108] = '\0';
    errno = 0;
    ok(djauth_new(path) == NULL && errno == ENAMETOOLONG, "one of 108 is not");
    errno = 0;
    ok(djauth_new("") == NULL && errno == EINVAL, "nor an empty one");
    djauth_free(NULL);
    ok(strcmp(djauth_status_name(DJAUTH_UNKNOWN_USER), "unknown-user") == 0, "a status has a name");
    ok(strcmp(djauth_status_name((djauth_status)77), "?") == 0 && strcmp(djauth_status_name((djauth_status)-1), "?") == 0,
       "a status that is none has \"?\"");
}

static void test_unreachable(void)
{
    server of;
    char reason[512];

    server_bind(&of, 1);
    close(of.fd);
    ok(ask_once(&of, 500, reason, sizeof(reason)) == DJAUTH_ERROR && strstr(reason, of.path) != NULL,
       "nobody listens: %s", reason);
    unlink(of.path);
    ok(ask_once(&of, 500, reason, sizeof(reason)) == DJAUTH_ERROR && strstr(reason, "No such file") != NULL,
       "no socket: %s", reason);
    rmdir(of.directory);
}

/* A Unix socket whose queue is full says so at once; there is nothing to wait for. */
static void test_full_queue(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    server of;
    int fds[8];
    int i;
    char reason[512];

    server_bind(&of, 0);
    strcpy(address.sun_path, of.path);
    for (i = 0; i < 8; i++) {
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fds[i], (struct sockaddr *)&address, sizeof(address));
    }
    ok(ask_once(&of, 500, reason, sizeof(reason)) == DJAUTH_BUSY && strcmp(reason, "connect-queue-full") == 0,
       "a full queue is busy: %s", reason);
    for (i = 0; i < 8; i++) {
        close(fds[i]);
    }
    server_stop(&of);
}

static void test_split_and_cut(void)
{
    size_t length;
    size_t at;
    int right = 1;
    int never = 1;

    grant_frame(&length);
    for (at = 1; at < length; at++) {
        step steps[1] = {{.kind = SPLIT, .count = at}};
        server of;
        server_start(&of, steps, 1);
        right &= ask_once(&of, 2000, NULL, 0) == DJAUTH_GRANTED;
        server_stop(&of);
    }
    ok(right, "a reply split at every octet is read");
    for (at = 0; at < length; at++) {
        step steps[1] = {{.kind = CUT, .count = at}};
        server of;
        server_start(&of, steps, 1);
        never &= ask_once(&of, 2000, NULL, 0) == DJAUTH_ERROR;
        never &= server_requests(&of) == 1;
        server_stop(&of);
    }
    ok(never, "a reply cut at every octet is a fault, and is not asked for again on a fresh connection");
}

static void test_nonsense(void)
{
    int i;

    for (i = 0; i < nonsense_count; i++) {
        step steps[1] = {{.kind = BYTES, .count = nonsense[i].length, .bytes = nonsense[i].frame}};
        server of;
        char reason[512];
        server_start(&of, steps, 1);
        ok(ask_once(&of, 2000, reason, sizeof(reason)) == DJAUTH_ERROR, "nonsense %s is a fault: %s", nonsense[i].name,
           reason);
        server_stop(&of);
    }
}

/* One handle, one script; each step is one question. */
static void run(const char *name, const step *steps, size_t count, int timeout_ms, const djauth_status *expected,
                size_t questions, int requests_expected)
{
    server of;
    djauth *handle;
    djauth_question q = alice();
    djauth_answer a;
    size_t i;
    int right = 1;

    q.timeout_ms = timeout_ms;
    server_start(&of, steps, count);
    handle = djauth_new(of.path);
    for (i = 0; i < questions; i++) {
        djauth_status status = djauth_check(handle, &q, &a);
        right &= status == expected[i] && a.status == status;
        if (status != expected[i]) {
            printf("# question %zu: %s (%s)\n", i + 1, djauth_status_name(status), a.reason);
        }
    }
    djauth_free(handle);
    right &= server_requests(&of) == requests_expected;
    ok(right, "%s (%d requests)", name, server_requests(&of));
    server_stop(&of);
}

#define RUN(name, timeout_ms, requests_expected, steps, ...)                                                          \
    do {                                                                                                              \
        static const djauth_status expected[] = {__VA_ARGS__};                                                        \
        run(name, steps, sizeof(steps) / sizeof(steps[0]), timeout_ms, expected,                                      \
            sizeof(expected) / sizeof(expected[0]), requests_expected);                                               \
    } while (0)

static void test_conversations(void)
{
    static const step grants[] = {{.kind = GRANT}};
    static const step closes_between[] = {{.kind = CLOSE_AFTER}, {.kind = GRANT}};
    static const step dies_once[] = {{.kind = GRANT}, {.kind = CLOSE}, {.kind = GRANT}};
    static const step dies_twice[] = {{.kind = GRANT}, {.kind = CLOSE}, {.kind = CLOSE}, {.kind = GRANT}};
    static const step other[] = {{.kind = GRANT_OTHER}, {.kind = GRANT}};
    static const step twice[] = {{.kind = TWICE}, {.kind = GRANT}};
    static const step late[] = {{.kind = LATE, .count = 300}, {.kind = CLOSE}, {.kind = GRANT}};

    RUN("one connection serves many questions", 2000, 3, grants, DJAUTH_GRANTED, DJAUTH_GRANTED, DJAUTH_GRANTED);
    RUN("a connection closed between questions is made anew", 2000, 2, closes_between, DJAUTH_GRANTED, DJAUTH_GRANTED);
    RUN("a kept connection that dies is asked once more", 2000, 3, dies_once, DJAUTH_GRANTED, DJAUTH_GRANTED);
    RUN("but only once", 2000, 4, dies_twice, DJAUTH_GRANTED, DJAUTH_ERROR, DJAUTH_GRANTED);
    RUN("a reply to another question is a fault", 2000, 2, other, DJAUTH_ERROR, DJAUTH_GRANTED);
    RUN("what nobody asked for is not taken for the next answer", 2000, 2, twice, DJAUTH_GRANTED, DJAUTH_GRANTED);
    RUN("a reply that comes too late never answers the next question", 100, 3, late, DJAUTH_ERROR, DJAUTH_ERROR,
        DJAUTH_GRANTED);
}

static int holds(const unsigned char *memory, size_t length, const char *text)
{
    return memory != NULL && memmem(memory, length, text, strlen(text)) != NULL;
}

static void test_secrecy(void)
{
    static const step steps[] = {{.kind = GRANT}, {.kind = CLOSE}, {.kind = CLOSE}, {.kind = LATE, .count = 200}};
    server of;
    djauth *handle;
    djauth_question q = alice();
    djauth_answer a;
    int i;
    int clean = 1;

    server_start(&of, steps, 4);
    handle = djauth_new(of.path);
    for (i = 0; i < 3; i++) {
        q.timeout_ms = i == 2 ? 50 : 2000;
        djauth_check(handle, &q, &a);
        clean &= !holds(handle->frame.at, handle->frame.room, q.password);
        clean &= !holds((const unsigned char *)handle, sizeof(*handle), q.password);
    }
    ok(clean, "the password is gone from the handle after every question, answered or not");
    djauth_free(handle);
    server_stop(&of);
}

static void test_limits(void)
{
    static const step steps[] = {{.kind = GRANT}};
    static char large[40000];
    server of;
    djauth *handle;
    djauth_question q = alice();
    djauth_answer a;

    memset(large, 'x', sizeof(large));
    server_start(&of, steps, 1);
    handle = djauth_new(of.path);
    q.password = large;
    q.password_length = 32769;
    ok(djauth_check(handle, &q, &a) == DJAUTH_DENIED && strcmp(a.reason, "too-long") == 0 && server_requests(&of) == 0,
       "a password that no account has is denied unasked");
    q.password_length = 32768;
    ok(djauth_check(handle, &q, &a) == DJAUTH_GRANTED, "the longest one is asked about");
    q.username = large;
    q.username_length = 1025;
    ok(djauth_check(handle, &q, &a) == DJAUTH_DENIED, "so it is with names");
    q = alice();
    large[39999] = '\0';
    q.site = large;
    q.client_address = large;
    ok(djauth_check(handle, &q, &a) == DJAUTH_ERROR && strstr(a.reason, "does not fit") != NULL,
       "a question that fits no frame is a fault");
    q = alice();
    q.size = 8;
    ok(djauth_check(handle, &q, &a) == DJAUTH_ERROR, "a question that was not begun properly is a fault");
    djauth_free(handle);
    server_stop(&of);
}

static void on_alarm(int number_of_signal)
{
    (void)number_of_signal;
}

/* Signals that interrupt every system call. */
static void test_interruptions(void)
{
    static const step steps[] = {{.kind = LATE, .count = 50}};
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{0, 1000}, {0, 1000}};
    struct itimerval never = {{0, 0}, {0, 0}};
    server of;
    int i;
    int right = 1;

    sigaction(SIGALRM, &action, NULL);
    server_start(&of, steps, 1);
    setitimer(ITIMER_REAL, &often, NULL);
    for (i = 0; i < 5; i++) {
        right &= ask_once(&of, 5000, NULL, 0) == DJAUTH_GRANTED;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    ok(right, "signals do not disturb");
    server_stop(&of);
}

static void test_many_descriptors(void)
{
    static const step steps[] = {{.kind = GRANT}};
    struct rlimit limit;
    server of;
    int fds[1100];
    int i;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (i = 0; i < 1100; i++) {
        fds[i] = dup(0);
    }
    server_start(&of, steps, 1);
    ok(fds[1099] >= 1024 && ask_once(&of, 2000, NULL, 0) == DJAUTH_GRANTED, "a descriptor over 1023 does as well");
    server_stop(&of);
    for (i = 0; i < 1100; i++) {
        close(fds[i]);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_DFL); /* the library must not raise it */
    test_handles();
    test_unreachable();
    test_full_queue();
    test_split_and_cut();
    test_nonsense();
    test_conversations();
    test_secrecy();
    test_limits();
    test_interruptions();
    test_many_descriptors();
    return tap_done();
}
