/* test_connection.c: libdjauth with a server that misbehaves at each step. No fault may look like a verdict. */
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Long enough that the library's buffers grow and move more than once. */
static char secret[3000];
static int freed_secrets;

/* Memory that the library frees must not contain a password. */
static void checked_free(void *block)
{
    if (block != NULL && memmem(block, malloc_usable_size(block), secret, 16) != NULL) {
        freed_secrets++;
    }
    free(block);
}

/* The library's system calls. */
static int calls_of_send;
static int calls_of_poll;
static int calls_of_recv;
#define free(block) checked_free(block)
#define send(...) (calls_of_send++, send(__VA_ARGS__))
#define poll(...) (calls_of_poll++, poll(__VA_ARGS__))
#define recv(...) (calls_of_recv++, recv(__VA_ARGS__))
#include "lib/djauth.c"
#include "lib/exchange.c"
#include "lib/connection.c"
#include "lib/octets.c"
#include "lib/utf8.c"
#include "lib/encode.c"
#include "lib/walk.c"
#include "lib/value.c"
#include "lib/reply.c"
#include "lib/reply_answer.c"
#include "lib/reply_groups.c"
#undef free
#undef send
#undef poll
#undef recv

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "server.h"
#include "tap.h"

static djauth_question alice(void)
{
    djauth_question q = DJAUTH_QUESTION_INIT;
    size_t i;

    for (i = 0; i < sizeof(secret); i++) {
        secret[i] = (char)('a' + i % 16);
    }
    q.username = "alice";
    q.username_length = 5;
    q.password = secret;
    q.password_length = sizeof(secret);
    q.timeout_ms = 5000;
    return q;
}

/* How often the library asked whether to wait, and what it was told. */
typedef struct patience {
    int asked;
    int may_wait;
} patience;

static int may_wait(void *context)
{
    patience *kept = context;

    kept->asked++;
    return kept->may_wait;
}

static void test_patience(void)
{
    static const step steps[] = {{.kind = GRANT, .wait_ms = 300}, {.kind = DENY}, {.kind = GRANT, .wait_ms = 300},
                                 {.kind = CLOSE, .wait_ms = 200}, {.kind = GRANT, .wait_ms = 200}, {.kind = GRANT, .wait_ms = 300}};
    server fake;
    djauth *handle;
    djauth_question q = alice();
    djauth_answer a;
    patience kept = {0, 0};

    server_start(&fake, steps, sizeof(steps) / sizeof(steps[0]));
    handle = djauth_new(fake.path);

    djauth_set_patience(handle, 20, may_wait, &kept);
    ok(djauth_check(handle, &q, &a) == DJAUTH_BUSY && strcmp(a.reason, "max-waiting") == 0 && a.retry_after == 1,
       "a question that may not wait is busy");
    ok(kept.asked == 1 && handle->fd == -1, "it was asked once, and the connection is closed");
    server_await(&fake, 1); /* its step is taken, and cannot become the next question's */
    djauth_set_patience(handle, 5000, may_wait, &kept);
    ok(djauth_check(handle, &q, &a) == DJAUTH_DENIED, "the next question has its own answer, not the late grant");
    ok(kept.asked == 1 && fake.connections == 2, "a quick answer asks nothing; it came over a new connection");
    kept = (patience){0, 1};
    djauth_set_patience(handle, 20, may_wait, &kept);
    ok(djauth_check(handle, &q, &a) == DJAUTH_GRANTED && kept.asked == 1, "a question that may wait waits");
    kept.asked = 0;
    ok(djauth_check(handle, &q, &a) == DJAUTH_GRANTED && kept.asked == 1, "it is asked once, whatever is tried again");
    kept.asked = 0;
    q.timeout_ms = 100;
    djauth_set_patience(handle, 150, may_wait, &kept);
    ok(djauth_check(handle, &q, &a) == DJAUTH_ERROR && kept.asked == 0, "a deadline before that ends the question");
    djauth_set_patience(handle, 0, NULL, NULL);
    q.timeout_ms = 5000;
    ok(djauth_check(handle, &q, &a) == DJAUTH_GRANTED && kept.asked == 0, "without patience nothing is asked");
    djauth_free(handle);
    server_stop(&fake);
}

/* Asks once, with a new handle. */
static djauth_status ask_once(server *fake, int timeout_ms, char *reason, size_t capacity)
{
    djauth *handle = djauth_new(fake->path);
    djauth_question q = alice();
    djauth_answer a;
    djauth_status status;

    q.timeout_ms = timeout_ms;
    status = djauth_check(handle, &q, &a);
    if (reason != NULL) {
        snprintf(reason, capacity, "%s", a.reason);
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
    ok(handle != NULL, "a path of 107 octets is accepted");
    djauth_free(handle);
    path[107] = 'x';
    path[108] = '\0';
    errno = 0;
    ok(djauth_new(path) == NULL && errno == ENAMETOOLONG, "a path of 108 octets is ENAMETOOLONG");
    errno = 0;
    ok(djauth_new("") == NULL && errno == EINVAL, "an empty path is EINVAL");
    djauth_free(NULL);
    ok(strcmp(djauth_status_name(DJAUTH_UNKNOWN_USER), "unknown-user") == 0, "a status has a name");
    ok(strcmp(djauth_status_name((djauth_status)77), "?") == 0 && strcmp(djauth_status_name((djauth_status)-1), "?") == 0,
       "the name of an unknown status is \"?\"");
}

/* The retry_after of a question that no daemon answered. */
static unsigned retry_after(const char *path)
{
    djauth *handle = djauth_new(path);
    djauth_question q = DJAUTH_QUESTION_INIT;
    djauth_answer a;

    q.username = "alice";
    q.username_length = 5;
    djauth_authorize(handle, &q, &a);
    djauth_free(handle);
    return a.status == DJAUTH_ERROR ? a.retry_after : 99;
}

static void test_unreachable(void)
{
    server fake;
    char reason[512];

    server_bind(&fake, 1);
    close(fake.fd);
    ok(ask_once(&fake, 500, reason, sizeof(reason)) == DJAUTH_ERROR && strstr(reason, fake.path) != NULL,
       "no listener: %s", reason);
    unlink(fake.path);
    ok(ask_once(&fake, 500, reason, sizeof(reason)) == DJAUTH_ERROR && strstr(reason, "No such file") != NULL,
       "no socket: %s", reason);
    ok(retry_after(fake.path) == 5, "a daemon that is away may come back");
    ok(retry_after("/etc/passwd/auth.sock") == 0, "an impossible path has no retry_after");
    rmdir(fake.directory);
}

/* connect() to a Unix socket with a full backlog fails at once; poll() cannot wait for it. */
static void test_full_queue(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    server fake;
    int fds[8];
    int i;
    char reason[512];

    server_bind(&fake, 0);
    strcpy(address.sun_path, fake.path);
    for (i = 0; i < 8; i++) {
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fds[i], (struct sockaddr *)&address, sizeof(address));
    }
    ok(ask_once(&fake, 500, reason, sizeof(reason)) == DJAUTH_BUSY && strcmp(reason, "connect-queue-full") == 0,
       "a full backlog is busy: %s", reason);
    for (i = 0; i < 8; i++) {
        close(fds[i]);
    }
    server_stop(&fake);
}

static void test_split_and_cut(void)
{
    unsigned char golden[1024];
    size_t granted = golden_reply("granted", golden, 1);
    size_t denied = golden_reply("denied", golden, 1);
    size_t at;
    int right = 1;
    int never = 1;

    for (at = 1; at < granted; at++) {
        step steps[1] = {{.kind = SPLIT, .count = at}};
        server fake;
        server_start(&fake, steps, 1);
        right &= ask_once(&fake, 5000, NULL, 0) == DJAUTH_GRANTED;
        server_stop(&fake);
    }
    ok(right, "a reply split at any octet is read");
    for (at = 0; at < granted + denied; at++) {
        step steps[1] = {{.kind = CUT, .count = at}};
        server fake;
        if (at >= granted) {
            steps[0] = (step){.kind = CUT_DENY, .count = at - granted};
        }
        server_start(&fake, steps, 1);
        never &= ask_once(&fake, 5000, NULL, 0) == DJAUTH_ERROR;
        /* Before any of the reply has come, another connection is tried. */
        never &= server_requests(&fake) == (at == 0 || at == granted ? 3 : 1);
        server_stop(&fake);
    }
    ok(never, "a grant or a denial cut at any octet is a fault, and is not retried once it has begun");
}

static void test_nonsense(void)
{
    int i;

    for (i = 0; i < nonsense_count; i++) {
        step steps[1] = {{.kind = BYTES, .count = nonsense[i].length, .bytes = nonsense[i].frame}};
        server fake;
        char reason[512];
        int64_t began;
        server_start(&fake, steps, 1);
        ok(ask_once(&fake, 5000, reason, sizeof(reason)) == DJAUTH_ERROR, "malformed reply %s is a fault: %s", nonsense[i].name,
           reason);
        server_stop(&fake);
        steps[0].kind = BYTES_OPEN;
        server_start(&fake, steps, 1);
        began = djauth_now_ms();
        ok(ask_once(&fake, 5000, reason, sizeof(reason)) == DJAUTH_ERROR && djauth_now_ms() - began < 4000,
           "it is reported before the timeout");
        server_stop(&fake);
    }
}

/* One handle and one script, with a question for each step. */
static void run(const char *name, const step *steps, size_t count, int timeout_ms, const djauth_status *expected,
                size_t questions, int requests_expected)
{
    server fake;
    djauth *handle;
    djauth_question q = alice();
    djauth_answer a;
    size_t i;
    int right = 1;

    q.timeout_ms = timeout_ms;
    server_start(&fake, steps, count);
    handle = djauth_new(fake.path);
    for (i = 0; i < questions; i++) {
        djauth_status status = djauth_check(handle, &q, &a);
        right &= status == expected[i] && a.status == status;
        right &= status != DJAUTH_ERROR || strstr(a.reason, fake.path) != NULL;
        if (status != expected[i]) {
            printf("# question %zu: %s (%s)\n", i + 1, djauth_status_name(status), a.reason);
        }
    }
    djauth_free(handle);
    right &= server_requests(&fake) == requests_expected;
    ok(right, "%s (%d requests)", name, server_requests(&fake));
    server_stop(&fake);
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
    static const step dies_thrice[] = {
        {.kind = GRANT}, {.kind = CLOSE}, {.kind = CLOSE}, {.kind = CLOSE}, {.kind = GRANT}};
    static const step dies_within[] = {{.kind = GRANT}, {.kind = CUT, .count = 1}, {.kind = GRANT}};
    static const step other[] = {{.kind = GRANT_OTHER}, {.kind = GRANT}};
    static const step twice[] = {{.kind = TWICE}, {.kind = DENY}};

    RUN("one connection serves many questions", 5000, 3, grants, DJAUTH_GRANTED, DJAUTH_GRANTED, DJAUTH_GRANTED);
    RUN("a connection that was closed between questions is replaced", 5000, 2, closes_between, DJAUTH_GRANTED, DJAUTH_GRANTED);
    RUN("a kept connection that dies is replaced and the question sent again", 5000, 3, dies_once, DJAUTH_GRANTED, DJAUTH_GRANTED);
    RUN("and so is the second one", 5000, 4, dies_twice, DJAUTH_GRANTED, DJAUTH_GRANTED);
    RUN("but not the third one", 5000, 5, dies_thrice, DJAUTH_GRANTED, DJAUTH_ERROR, DJAUTH_GRANTED);
    RUN("nor one that dies within its reply", 5000, 3, dies_within, DJAUTH_GRANTED, DJAUTH_ERROR, DJAUTH_GRANTED);
    RUN("a reply with another id is a fault", 5000, 2, other, DJAUTH_ERROR, DJAUTH_GRANTED);
    RUN("an unrequested reply is not taken for the next one", 5000, 2, twice, DJAUTH_GRANTED, DJAUTH_DENIED);
}

/* The deadline_ms of the last request; -1 if it had none. */
static long server_last_deadline(server *fake)
{
    static const char key[] = "\xab" "deadline_ms";
    const unsigned char *at;
    long deadline = -1;

    pthread_mutex_lock(&fake->mutex);
    at = memmem(fake->last, fake->last_length, key, sizeof(key) - 1);
    if (at != NULL) {
        at += sizeof(key) - 1;
        deadline = at[0] < 0x80 ? at[0] : at[0] == 0xcc ? at[1] : at[0] == 0xcd ? at[1] << 8 | at[2] : -1;
    }
    pthread_mutex_unlock(&fake->mutex);
    return deadline;
}

static int server_last_id(server *fake)
{
    int id;

    pthread_mutex_lock(&fake->mutex);
    id = fake->last[2];
    pthread_mutex_unlock(&fake->mutex);
    return id;
}

/* The grant of the first question is sent while the second one waits for its denial. */
static void test_late(void)
{
    static const step steps[] = {{.kind = GRANT, .wait_ms = 600}, {.kind = DENY, .wait_ms = 1000}};
    server fake;
    djauth *handle;
    djauth_question q = alice();
    djauth_answer a;
    int64_t began;

    server_start(&fake, steps, 2);
    handle = djauth_new(fake.path);
    q.timeout_ms = 100;
    began = djauth_now_ms();
    djauth_check(handle, &q, &a);
    began = djauth_now_ms() - began;
    ok(a.status == DJAUTH_ERROR && strstr(a.reason, "timed out after 100 ms") != NULL && began >= 100 && began < 600,
       "a slow reply times out: %s", a.reason);
    ok(server_last_deadline(&fake) > 0 && server_last_deadline(&fake) <= 100, "the daemon is told the timeout");
    q.timeout_ms = 5000;
    ok(djauth_check(handle, &q, &a) == DJAUTH_DENIED && server_requests(&fake) == 2,
       "a late grant never answers the next question");
    djauth_free(handle);
    server_stop(&fake);
}

/* Single octets do not extend the deadline. */
static void test_trickle(void)
{
    static const step steps[] = {{.kind = TRICKLE, .count = 10}};
    server fake;
    int64_t began;
    int64_t took;
    djauth_status status;

    server_start(&fake, steps, 1);
    began = djauth_now_ms();
    status = ask_once(&fake, 200, NULL, 0);
    took = djauth_now_ms() - began;
    ok(status == DJAUTH_ERROR && took >= 200 && took < 1200, "a trickling reply does not extend the deadline: %ld ms",
       (long)took);
    server_stop(&fake);
}

/* A daemon that reads nothing, and a request that is larger than the kernel's buffers. */
static void test_deaf(void)
{
    static char large[32768];
    server fake;
    djauth *handle;
    djauth_question q = alice();
    djauth_answer a;
    int64_t began;
    int smallest = 1;

    memset(large, 'x', sizeof(large));
    q.password = large;
    q.password_length = sizeof(large);
    q.timeout_ms = 200;
    server_bind(&fake, 8);
    handle = djauth_new(fake.path);
    ok(djauth_connect(&(djauth_exchange){.handle = handle}) == DJAUTH_DONE
           && setsockopt(handle->fd, SOL_SOCKET, SO_SNDBUF, &smallest, sizeof(smallest)) == 0, "a small send buffer is set");
    began = djauth_now_ms();
    djauth_check(handle, &q, &a);
    began = djauth_now_ms() - began;
    ok(a.status == DJAUTH_ERROR && strstr(a.reason, "send the request") != NULL && began >= 200 && began < 1000,
       "sending times out: %s", a.reason);
    djauth_free(handle);
    server_stop(&fake);
}

static void test_slam(void)
{
    static const step steps[] = {{.kind = GRANT}};
    server fake;
    char reason[512];
    int i;
    int faults = 1;

    server_start(&fake, steps, 1);
    fake.slams = 1;
    for (i = 0; i < 20; i++) {
        faults &= ask_once(&fake, 5000, reason, sizeof(reason)) == DJAUTH_ERROR;
    }
    server_stop(&fake);
    ok(faults && fake.connections == 60 && fake.requests == 0,
       "a connection that is closed unread is a fault after three attempts: %s", reason);
}

/* A second attempt has the time that the first one left, and an id of its own. */
static void test_second_try(void)
{
    static const step steps[] = {{.kind = GRANT}, {.kind = CLOSE, .wait_ms = 300}, {.kind = GRANT}};
    static const step slow[] = {{.kind = GRANT}, {.kind = CLOSE, .wait_ms = 400}, {.kind = GRANT, .wait_ms = 1200}};
    server fake;
    djauth *handle;
    djauth_question q = alice();
    djauth_answer a;
    int64_t began;
    long left;
    int id;

    server_start(&fake, steps, 3);
    handle = djauth_new(fake.path);
    djauth_check(handle, &q, &a);
    left = server_last_deadline(&fake);
    ok(a.status == DJAUTH_GRANTED && left > 4000 && left <= 5000, "the first attempt has all the time: %ld ms", left);
    id = server_last_id(&fake);
    djauth_check(handle, &q, &a);
    left = server_last_deadline(&fake);
    ok(a.status == DJAUTH_GRANTED && server_requests(&fake) == 3 && fake.connections == 2 && left > 0 && left <= 4700,
       "a second attempt has what is left of it: %ld ms", left);
    ok(server_last_id(&fake) == id + 2, "a second attempt has an id of its own");
    djauth_free(handle);
    server_stop(&fake);

    server_start(&fake, slow, 3);
    handle = djauth_new(fake.path);
    djauth_check(handle, &q, &a);
    q.timeout_ms = 500;
    began = djauth_now_ms();
    djauth_check(handle, &q, &a);
    began = djauth_now_ms() - began;
    ok(a.status == DJAUTH_ERROR && began >= 500 && began < 850,
       "both attempts have one deadline: %s", a.reason);
    djauth_free(handle);
    server_stop(&fake);
}

/* The daemon stops between two questions. */
static void test_gone(void)
{
    static const step steps[] = {{.kind = CLOSE_AFTER}};
    server fake;
    djauth *handle;
    djauth_question q = alice();
    djauth_answer a;
    djauth_status before;

    server_start(&fake, steps, 1);
    handle = djauth_new(fake.path);
    before = djauth_check(handle, &q, &a);
    server_stop(&fake);
    djauth_check(handle, &q, &a);
    ok(before == DJAUTH_GRANTED && a.status == DJAUTH_ERROR && strstr(a.reason, fake.path) != NULL
           && a.username[0] == '\0' && a.groups == NULL,
       "a daemon that is gone is a fault: %s", a.reason);
    djauth_free(handle);
}

static int holds(const unsigned char *memory, size_t length, const char *text)
{
    return memory != NULL && memmem(memory, length, text, strlen(text)) != NULL;
}

static void test_secrecy(void)
{
    static const step steps[] = {
        {.kind = GRANT}, {.kind = CLOSE}, {.kind = CLOSE}, {.kind = CLOSE}, {.kind = GRANT, .wait_ms = 200}};
    static char large[40000];
    server fake;
    djauth *handle;
    djauth_question q = alice();
    djauth_answer a;
    int i;
    int clean = 1;
    int right = 1;

    memset(large, 'x', sizeof(large) - 1);
    freed_secrets = 0;
    server_start(&fake, steps, 5);
    handle = djauth_new(fake.path);
    for (i = 0; i < 4; i++) {
        static const djauth_status expected[] = {DJAUTH_GRANTED, DJAUTH_ERROR, DJAUTH_ERROR, DJAUTH_ERROR};
        q.timeout_ms = i == 2 ? 50 : 5000;
        q.client_address = i == 3 ? large : NULL; /* too large, which shows only after the password was encoded */
        q.site = i == 3 ? large + 10000 : NULL;
        right &= djauth_check(handle, &q, &a) == expected[i];
        clean &= handle->frame.data != NULL && !holds(handle->frame.data, handle->frame.capacity, "abcdefghijklmnop");
        clean &= handle->reply.data != NULL && !holds(handle->reply.data, handle->reply.capacity, "abcdefghijklmnop");
        clean &= !holds((const unsigned char *)handle, sizeof(*handle), "abcdefghijklmnop");
    }
    ok(right && server_requests(&fake) == 5, "a grant, three closed connections, a timeout and a request that is too large");
    ok(clean, "the password is wiped from the handle after every question, answered or not");
    djauth_free(handle);
    /* In a new handle the buffer grows and moves after the password was encoded. */
    handle = djauth_new(fake.path);
    q = alice();
    q.client_address = large + sizeof(large) - 10000;
    right = djauth_check(handle, &q, &a) == DJAUTH_GRANTED;
    djauth_free(handle);
    ok(right && freed_secrets == 0, "no freed memory contains the password");
    checked_free(memcpy(malloc(100), secret, 100));
    ok(freed_secrets == 1, "(the search for it works)");
    server_stop(&fake);
}

static void test_limits(void)
{
    static const step steps[] = {{.kind = GRANT}};
    static char large[40000];
    server fake;
    djauth *handle;
    djauth_question q = alice();
    djauth_answer a;

    memset(large, 'x', sizeof(large));
    server_start(&fake, steps, 1);
    handle = djauth_new(fake.path);
    q.password = large;
    q.password_length = 32769;
    ok(djauth_check(handle, &q, &a) == DJAUTH_DENIED && strcmp(a.reason, "too-long") == 0 && server_requests(&fake) == 0,
       "a password that is too long is denied without asking");
    q.password_length = 32768;
    ok(djauth_check(handle, &q, &a) == DJAUTH_GRANTED, "the longest password is sent");
    q.username = large;
    q.username_length = 1025;
    ok(djauth_check(handle, &q, &a) == DJAUTH_DENIED, "a username that is too long is denied");
    q = alice();
    large[39999] = '\0';
    q.site = large;
    q.client_address = large;
    ok(djauth_check(handle, &q, &a) == DJAUTH_ERROR && strstr(a.reason, "larger than a frame") != NULL,
       "a request that is larger than a frame is a fault");
    q = alice();
    q.username = NULL;
    ok(djauth_check(handle, &q, &a) == DJAUTH_ERROR, "a length without a text is a fault");
    q = alice();
    q.size = 8;
    ok(djauth_check(handle, &q, &a) == DJAUTH_ERROR, "a question that was not initialized is a fault");
    djauth_free(handle);
    server_stop(&fake);
}

/* On a kept connection, whether the reply is there at once or later. */
static void test_calls(void)
{
    static const step steps[] = {{.kind = GRANT}, {.kind = GRANT}, {.kind = GRANT, .wait_ms = 20}, {.kind = DENY}};
    server fake;
    djauth *handle;
    djauth_question q = alice();
    djauth_answer a;
    int i;
    int right = 1;

    server_start(&fake, steps, 4);
    handle = djauth_new(fake.path);
    right &= djauth_check(handle, &q, &a) == DJAUTH_GRANTED;
    for (i = 0; i < 3; i++) {
        calls_of_send = calls_of_poll = calls_of_recv = 0;
        right &= djauth_check(handle, &q, &a) == (i < 2 ? DJAUTH_GRANTED : DJAUTH_DENIED);
        right &= calls_of_send == 1 && calls_of_poll == 1 && calls_of_recv == 1;
    }
    ok(right && fake.connections == 1, "a question is one send, one poll and one recv: %d, %d, %d", calls_of_send,
       calls_of_poll, calls_of_recv);
    djauth_free(handle);
    server_stop(&fake);
}

/* What nobody asked for, on a connection that is kept: it arrives with the first reply, or by itself afterwards. */
static void test_unrequested(void)
{
    static const unsigned char noise[] = {0, 0, 0, 0, 7, 7, 7};
    static const step waits[] = {{.kind = GRANT_LATER}, {.kind = DENY}};
    const step noisy[] = {{.kind = GRANT}, {.kind = BYTES_OPEN, .bytes = noise, .count = sizeof(noise)}, {.kind = DENY}};
    server fake;
    djauth *handle;
    djauth_question q = alice();
    djauth_answer a;
    int right;

    server_start(&fake, waits, 2);
    handle = djauth_new(fake.path);
    right = djauth_check(handle, &q, &a) == DJAUTH_GRANTED;
    usleep(100 * 1000);
    right &= djauth_check(handle, &q, &a) == DJAUTH_DENIED;
    ok(right && fake.connections == 2, "a second reply that comes later answers no other question: %s", a.reason);
    djauth_free(handle);
    server_stop(&fake);

    server_start(&fake, noisy, 3);
    handle = djauth_new(fake.path);
    right = djauth_check(handle, &q, &a) == DJAUTH_GRANTED;
    right &= djauth_check(handle, &q, &a) == DJAUTH_DENIED;
    ok(right && server_requests(&fake) == 3, "noise on a kept connection: the question is sent again: %s", a.reason);
    djauth_free(handle);
    server_stop(&fake);
}

/* A kept connection that turns out to be closed is no attempt: a restart needs those that there are. */
static void test_closed_between(void)
{
    static const step steps[] = {{.kind = CLOSE_AFTER}, {.kind = CLOSE}, {.kind = CLOSE}, {.kind = GRANT}};
    server fake;
    djauth *handle;
    djauth_question q = alice();
    djauth_answer a;
    int right;

    server_start(&fake, steps, 4);
    handle = djauth_new(fake.path);
    right = djauth_check(handle, &q, &a) == DJAUTH_GRANTED;
    usleep(50 * 1000); /* the server closes */
    right &= djauth_check(handle, &q, &a) == DJAUTH_GRANTED;
    ok(right && server_requests(&fake) == 4 && fake.connections == 4, "a connection that was closed between questions is no attempt");
    djauth_free(handle);
    server_stop(&fake);
}

/* djauth_question and djauth_answer as they were before leases. */
typedef struct old_question {
    size_t size;
    const char *site;
    const char *username;
    size_t username_length;
    const char *password;
    size_t password_length;
    int require_staff;
    int require_superuser;
    const char *const *permissions;
    size_t permissions_count;
    const char *const *groups;
    size_t groups_count;
    const char *client_address;
    const char *service;
    int timeout_ms;
    int want_permissions;
} old_question;

typedef struct old_answer {
    djauth_status status;
    const char *reason;
    unsigned retry_after;
    const char *id;
    const char *username;
    const char *email;
    const char *first_name;
    const char *last_name;
    int is_staff;
    int is_superuser;
    const char *const *groups;
    size_t groups_count;
    const char *const *permissions;
    size_t permissions_count;
    int groups_omitted;
    int permissions_omitted;
} old_answer;

/* A program that was compiled with the header from before leases: nothing beyond its structures is touched. */
static void test_old_program(void)
{
    static const step steps[] = {{.kind = GRANT_LEASE}, {.kind = GRANT_LEASE}};
    server fake;
    djauth *handle;
    djauth_question q = alice();
    djauth_answer a;
    /* Blocks of exactly this size, so that ASan sees an access beyond their ends. */
    old_question *question = calloc(1, sizeof(*question));
    old_answer *answer = calloc(1, sizeof(*answer));
    djauth_status status;

    server_start(&fake, steps, 2);
    handle = djauth_new(fake.path);
    q.want_lease = 1;
    q.leased = 4294967295U;
    ok(djauth_check(handle, &q, &a) == DJAUTH_GRANTED && a.lease_ms == 862 && a.lease_epoch == UINT64_C(1795905000123456)
           && memmem(fake.last, fake.last_length, "\xa5lease\xc3\xa6leased\xce\xff\xff\xff\xff", 19) != NULL,
       "a lease is asked for and read: %u ms", a.lease_ms);
    question->size = sizeof(*question);
    question->username = "alice";
    question->username_length = 5;
    question->password = "secret";
    question->password_length = 6;
    status = djauth_check(handle, (const djauth_question *)(const void *)question, (djauth_answer *)(void *)answer);
    ok(status == DJAUTH_GRANTED && answer->status == status && strcmp(answer->username, "alice") == 0
           && answer->groups_count == 1 && memmem(fake.last, fake.last_length, "lease", 5) == NULL,
       "a program from before leases is served as ever");
    djauth_free(handle);
    server_stop(&fake);
    free(question);
    free(answer);
}

static void on_alarm(int number_of_signal)
{
    (void)number_of_signal;
}

/* Signals interrupt every system call. */
static void test_interruptions(void)
{
    static const step steps[] = {{.kind = GRANT, .wait_ms = 50}};
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{0, 1000}, {0, 1000}};
    struct itimerval never = {{0, 0}, {0, 0}};
    server fake;
    int i;
    int right = 1;

    sigaction(SIGALRM, &action, NULL);
    server_start(&fake, steps, 1);
    setitimer(ITIMER_REAL, &often, NULL);
    for (i = 0; i < 5; i++) {
        right &= ask_once(&fake, 5000, NULL, 0) == DJAUTH_GRANTED;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    ok(right, "interrupted system calls are continued");
    server_stop(&fake);
}

static void test_many_descriptors(void)
{
    static const step steps[] = {{.kind = GRANT}};
    struct rlimit limit;
    server fake;
    int fds[1100];
    int i;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (i = 0; i < 1100; i++) {
        fds[i] = dup(0);
    }
    server_start(&fake, steps, 1);
    ok(fds[1099] >= 1024 && ask_once(&fake, 5000, NULL, 0) == DJAUTH_GRANTED, "a descriptor over 1023 works");
    server_stop(&fake);
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
    test_late();
    test_patience();
    test_trickle();
    test_deaf();
    test_slam();
    test_second_try();
    test_gone();
    test_secrecy();
    test_limits();
    test_calls();
    test_unrequested();
    test_closed_between();
    test_old_program();
    test_interruptions();
    test_many_descriptors();
    return tap_done();
}
