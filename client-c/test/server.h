/* server.h: a daemon that misbehaves on command: one thread, a script of what to do with each connection. */
#ifndef SERVER_H
#define SERVER_H

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "djauth.h"
#include "vectors.h"

/* What a server does with one request on a connection. */
typedef struct step {
    enum {
        GRANT,      /* reply with the golden grant, under the request's id */
        GRANT_OTHER,/* the same under another id */
        BYTES,      /* send these octets as they are */
        CUT,        /* send the first `count` octets of the grant, then close */
        SPLIT,      /* send the grant in two parts, the first of `count` octets */
        TWICE,      /* the grant two times */
        CLOSE,      /* close without a word */
        LATE,       /* wait `count` ms, then grant */
        CLOSE_AFTER /* grant, then close */
    } kind;
    size_t count;
    const unsigned char *bytes;
} step;

typedef struct server {
    char directory[64];
    char path[96];
    int fd;
    pthread_t thread;
    const step *steps;
    size_t steps_count;
    size_t next;      /* of steps; each request takes one, the last one stays */
    int requests;     /* that were read whole */
    int connections;
    pthread_mutex_t mutex;
} server;

static const unsigned char *grant_frame(size_t *length)
{
    int i;

    for (i = 0; i < replies_count; i++) {
        if (strcmp(replies[i].name, "granted") == 0) {
            *length = replies[i].length;
            return replies[i].frame;
        }
    }
    abort();
}

/* The golden grant has id 3 in one octet; ids of tests stay below 128. */
static void grant_under(unsigned char *into, size_t *length, unsigned char id)
{
    const unsigned char *golden = grant_frame(length);

    memcpy(into, golden, *length);
    into[6] = id;
}

static int read_whole(int fd, unsigned char *into, size_t length)
{
    size_t got = 0;

    while (got < length) {
        ssize_t taken = recv(fd, into + got, length - got, 0);
        if (taken > 0) {
            got += (size_t)taken;
        } else if (taken == 0 || errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

static void send_whole(int fd, const unsigned char *octets, size_t length)
{
    size_t sent = 0;

    while (sent < length) {
        ssize_t written = send(fd, octets + sent, length - sent, MSG_NOSIGNAL);
        if (written > 0) {
            sent += (size_t)written;
        } else if (written < 0 && errno != EINTR) {
            return;
        }
    }
}

static const step *next_step(server *of)
{
    const step *taken;

    pthread_mutex_lock(&of->mutex);
    of->requests++;
    taken = &of->steps[of->next];
    if (of->next + 1 < of->steps_count) {
        of->next++;
    }
    pthread_mutex_unlock(&of->mutex);
    return taken;
}

/* Answers one request. Returns 0 to go on, -1 to close. */
static int serve_request(server *of, int fd)
{
    unsigned char request[65540];
    unsigned char grant[1024]; /* room for two */
    size_t length = 0;
    size_t body;
    const step *what;

    if (read_whole(fd, request, 4) != 0) {
        return -1;
    }
    body = (size_t)request[0] << 24 | (size_t)request[1] << 16 | (size_t)request[2] << 8 | request[3];
    if (body > 65536 || read_whole(fd, request + 4, body) != 0) {
        return -1;
    }
    what = next_step(of);
    grant_under(grant, &length, request[6]);
    switch (what->kind) {
    case GRANT_OTHER:
        grant[6] = (unsigned char)(grant[6] + 1);
        send_whole(fd, grant, length);
        return 0;
    case BYTES:
        send_whole(fd, what->bytes, what->count);
        return -1;
    case CUT:
        send_whole(fd, grant, what->count);
        return -1;
    case SPLIT:
        send_whole(fd, grant, what->count);
        usleep(500);
        send_whole(fd, grant + what->count, length - what->count);
        return 0;
    case TWICE:
        /* At once: a second one that comes a moment later is a fault to the next question, which is right too. */
        memcpy(grant + length, grant, length);
        send_whole(fd, grant, 2 * length);
        return 0;
    case CLOSE:
        return -1;
    case LATE:
        usleep((useconds_t)what->count * 1000);
        send_whole(fd, grant, length);
        return 0;
    case CLOSE_AFTER:
        send_whole(fd, grant, length);
        return -1;
    case GRANT:
        break;
    }
    send_whole(fd, grant, length);
    return 0;
}

typedef struct served {
    server *of;
    int fd;
} served;

static void *serve_connection(void *argument)
{
    served *connection = argument;

    while (serve_request(connection->of, connection->fd) == 0) {
    }
    close(connection->fd);
    free(connection);
    return NULL;
}

static void *serve(void *argument)
{
    server *of = argument;

    for (;;) {
        int fd = accept(of->fd, NULL, NULL);
        served *connection;
        pthread_t thread;
        if (fd < 0) {
            if (errno == EINTR) {
                continue;
            }
            return NULL;
        }
        pthread_mutex_lock(&of->mutex);
        of->connections++;
        pthread_mutex_unlock(&of->mutex);
        connection = malloc(sizeof(*connection));
        if (connection == NULL) {
            abort();
        }
        connection->of = of;
        connection->fd = fd;
        if (pthread_create(&thread, NULL, serve_connection, connection) != 0) {
            abort();
        }
        pthread_detach(thread);
    }
}

static void server_bind(server *of, int backlog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memset(of, 0, sizeof(*of));
    pthread_mutex_init(&of->mutex, NULL);
    strcpy(of->directory, "/tmp/djauth-test-XXXXXX");
    if (mkdtemp(of->directory) == NULL) {
        abort();
    }
    snprintf(of->path, sizeof(of->path), "%s/auth.sock", of->directory);
    strcpy(address.sun_path, of->path);
    of->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (of->fd < 0 || bind(of->fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(of->fd, backlog) != 0) {
        abort();
    }
}

static void server_start(server *of, const step *steps, size_t count)
{
    server_bind(of, 64);
    of->steps = steps;
    of->steps_count = count;
    if (pthread_create(&of->thread, NULL, serve, of) != 0) {
        abort();
    }
}

static int server_requests(server *of)
{
    int requests_read;

    pthread_mutex_lock(&of->mutex);
    requests_read = of->requests;
    pthread_mutex_unlock(&of->mutex);
    return requests_read;
}

static void server_stop(server *of)
{
    shutdown(of->fd, SHUT_RDWR);
    if (of->thread != 0) {
        pthread_join(of->thread, NULL);
    }
    close(of->fd);
    unlink(of->path);
    rmdir(of->directory);
}

#endif /* SERVER_H */
