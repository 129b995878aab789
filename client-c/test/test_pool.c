/* test_pool.c: the module's connections, shared by the threads of a child process, under ThreadSanitizer. */
#include "apache/connections.c"

#include "apr_general.h"

#include "server.h"
#include "tap.h"

/* server.h has ids of one octet, so a handle can be asked 127 times; one handle may serve all questions. */
enum { THREADS = 16, EACH = 7, BORROWED = 500 };

static server fake;
static django_server main_server = {.socket = fake.path};
static django_server same_socket = {.socket = fake.path};
static django_server other_socket = {.socket = "/nowhere/auth.sock"};

/* In httpd these read the configuration. Here server_rec.port tells the servers apart. */
django_server *django_server_of(const server_rec *host)
{
    return host->port == 1 ? &main_server : host->port == 2 ? &same_socket : &other_socket;
}

const char *django_socket_of(const server_rec *host)
{
    return django_server_of(host)->socket;
}

static void *ask_many(void *unused)
{
    djauth_question q = DJAUTH_QUESTION_INIT;
    djauth_answer a;
    size_t granted = 0;
    int i;

    (void)unused;
    q.username = "alice";
    q.username_length = 5;
    q.password = "secret";
    q.password_length = 6;
    for (i = 0; i < BORROWED; i++) {
        djauth *handle = django_connection_acquire(main_server.connections);

        if (i % (BORROWED / EACH + 1) == 0) {
            granted += djauth_check(handle, &q, &a) == DJAUTH_GRANTED && strcmp(a.username, "alice") == 0;
        }
        django_connection_release(main_server.connections, handle);
    }
    return (void *)granted;
}

int main(void)
{
    static const step steps[] = {{.kind = GRANT}};
    enum { ALL = THREADS * EACH };
    pthread_t threads[THREADS];
    server_rec third = {.port = 3};
    server_rec second = {.port = 2, .next = &third};
    server_rec first = {.port = 1, .next = &second};
    apr_pool_t *child;
    size_t granted = 0;
    int i;

    apr_initialize();
    apr_pool_create(&child, NULL);
    server_start(&fake, steps, 1);
    django_connections_prepare(child, &first);
    ok(main_server.connections != NULL && main_server.connections == same_socket.connections
           && main_server.connections != other_socket.connections,
       "servers share the connections of one socket");

    for (i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, ask_many, NULL);
    }
    for (i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        granted += (size_t)result;
    }
    ok(granted == ALL && server_requests(&fake) == ALL, "%d threads: %zu of %d questions are granted", THREADS, granted, ALL);
    ok(main_server.connections->idle->nelts >= 1 && main_server.connections->idle->nelts <= THREADS,
       "there are never more connections than threads: %d", main_server.connections->idle->nelts);
    apr_pool_destroy(child);
    server_stop(&fake);
    ok(fake.connections <= THREADS, "connections are reused: %d were opened", fake.connections);
    apr_terminate();
    return tap_done();
}
