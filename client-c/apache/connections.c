/* connections.c: a child process's connections to the daemon. */
#include "mod_authnz_django.h"

#include "apr_tables.h"
#if APR_HAS_THREADS
#include "apr_thread_mutex.h"
#endif

/*
 * The idle handles for one socket. Last in, first out: under a light load one connection does all the work. There are
 * never more of them than threads that have asked at the same moment.
 */
struct django_connections {
    const char *socket;
    apr_array_header_t *idle; /* of djauth * */
#if APR_HAS_THREADS
    apr_thread_mutex_t *mutex;
#endif
    django_connections *next;
};

static void lock(django_connections *connections)
{
#if APR_HAS_THREADS
    apr_thread_mutex_lock(connections->mutex);
#else
    (void)connections;
#endif
}

static void unlock(django_connections *connections)
{
#if APR_HAS_THREADS
    apr_thread_mutex_unlock(connections->mutex);
#else
    (void)connections;
#endif
}

static apr_status_t close_all(void *data)
{
    django_connections *connections = data;
    djauth **handle;

    lock(connections);
    while ((handle = apr_array_pop(connections->idle)) != NULL) {
        djauth_free(*handle);
    }
    unlock(connections);
    return APR_SUCCESS;
}

static django_connections *make(apr_pool_t *child, const char *socket)
{
    django_connections *made = apr_pcalloc(child, sizeof(*made));

    made->socket = socket;
    made->idle = apr_array_make(child, 32, sizeof(djauth *));
#if APR_HAS_THREADS
    if (apr_thread_mutex_create(&made->mutex, APR_THREAD_MUTEX_DEFAULT, child) != APR_SUCCESS) {
        return NULL;
    }
#endif
    apr_pool_cleanup_register(child, made, close_all, apr_pool_cleanup_null);
    return made;
}

void django_connections_prepare(apr_pool_t *child, server_rec *server)
{
    django_connections *all = NULL;

    for (; server != NULL; server = server->next) {
        const char *socket = django_socket_of(server);
        django_connections *found = all;

        while (found != NULL && strcmp(found->socket, socket) != 0) {
            found = found->next;
        }
        if (found == NULL && (found = make(child, socket)) != NULL) {
            found->next = all;
            all = found;
        }
        django_server_of(server)->connections = found;
    }
}

djauth *django_connection_acquire(django_connections *connections)
{
    djauth **idle;
    djauth *handle = NULL;

    if (connections == NULL) {
        return NULL;
    }
    lock(connections);
    idle = apr_array_pop(connections->idle);
    if (idle != NULL) {
        handle = *idle;
    }
    unlock(connections);
    return handle != NULL ? handle : djauth_new(connections->socket);
}

void django_connection_release(django_connections *connections, djauth *handle)
{
    lock(connections);
    APR_ARRAY_PUSH(connections->idle, djauth *) = handle;
    unlock(connections);
}
