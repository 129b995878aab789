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

/* What a server does with one request on a connection. It waits `wait_ms` first. */
typedef struct step {
    enum {
        GRANT,       /* reply with the golden grant, under the request's id */
        DENY,        /* reply with the golden denial, likewise */
        GRANT_OTHER, /* the grant under another id */
        BYTES,       /* send these octets as they are, then close */
        BYTES_OPEN,  /* and keep the connection open */
        CUT,         /* send the first `count` octets of the grant, then close */
        CUT_DENY,    /* the same of the denial */
        SPLIT,       /* send the grant in two parts, the first of `count` octets */
        TRICKLE,     /* send the grant octet by octet, each after `count` ms */
        TWICE,       /* two grants at once */
        CLOSE,       /* close without a word */
        CLOSE_AFTER  /* grant, then close */
    } kind;
    size_t count;
    const unsigned char *bytes;
    int wait_ms;
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
    int connections;  /* that were accepted */
    int open;         /* of those, with a thread that has not ended */
    int slams;        /* close what was accepted before reading any of it */
    unsigned char last[4096]; /* the start of the last request, without its length */
    size_t last_length;
    pthread_mutex_t mutex;
    pthread_cond_t closed;
} server;

/* A golden reply under the id of a request. The goldens have theirs in one octet; ids of tests stay below 128. */
static size_t reply_under(const char *name, unsigned char *into, unsigned char id)
{
    int i;

    for (i = 0; i < replies_count; i++) {
        if (strcmp(replies[i].name, name) == 0) {
            memcpy(into, replies[i].frame, replies[i].length);
            into[6] = id;
            return replies[i].length;
        }
    }
    abort();
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

static step next_step(server *of, const unsigned char *body, size_t length)
{
    step taken;

    pthread_mutex_lock(&of->mutex);
    of->requests++;
    of->last_length = length < sizeof(of->last) ? length : sizeof(of->last);
    memcpy(of->last, body, of->last_length);
    taken = of->steps[of->next];
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
    unsigned char reply[1024];
    size_t length;
    size_t body;
    size_t i;
    step what;

    if (read_whole(fd, request, 4) != 0) {
        return -1;
    }
    body = (size_t)request[0] << 24 | (size_t)request[1] << 16 | (size_t)request[2] << 8 | request[3];
    if (body > 65536 || read_whole(fd, request + 4, body) != 0) {
        return -1;
    }
    what = next_step(of, request + 4, body);
    usleep((useconds_t)what.wait_ms * 1000);
    length = reply_under(what.kind == DENY || what.kind == CUT_DENY ? "denied" : "granted", reply, request[6]);
    switch (what.kind) {
    case GRANT_OTHER:
        reply[6]++;
        break;
    case BYTES:
        send_whole(fd, what.bytes, what.count);
        return -1;
    case BYTES_OPEN:
        send_whole(fd, what.bytes, what.count);
        return 0;
    case CUT:
    case CUT_DENY:
        send_whole(fd, reply, what.count);
        return -1;
    case SPLIT:
        send_whole(fd, reply, what.count);
        usleep(500);
        send_whole(fd, reply + what.count, length - what.count);
        return 0;
    case TRICKLE:
        for (i = 0; i < length; i++) {
            usleep((useconds_t)what.count * 1000);
            send_whole(fd, reply + i, 1);
        }
        return 0;
    case TWICE: /* in one piece: the second must be there when the first is read */
        memcpy(reply + length, reply, length);
        length *= 2;
        break;
    case CLOSE:
        return -1;
    case CLOSE_AFTER:
        send_whole(fd, reply, length);
        return -1;
    case GRANT:
    case DENY:
        break;
    }
    send_whole(fd, reply, length);
    return 0;
}

typedef struct served {
    server *of;
    int fd;
} served;

static void *serve_connection(void *argument)
{
    served connection = *(served *)argument;

    free(argument);
    while (!connection.of->slams && serve_request(connection.of, connection.fd) == 0) {
    }
    close(connection.fd);
    pthread_mutex_lock(&connection.of->mutex);
    connection.of->open--;
    pthread_cond_signal(&connection.of->closed);
    pthread_mutex_unlock(&connection.of->mutex);
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
        of->open++;
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
    pthread_cond_init(&of->closed, NULL);
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

/* Ends the server. The handles that it talked with are freed before, or their threads never end. */
static void server_stop(server *of)
{
    shutdown(of->fd, SHUT_RDWR);
    if (of->thread != 0) {
        pthread_join(of->thread, NULL);
    }
    close(of->fd);
    pthread_mutex_lock(&of->mutex);
    while (of->open > 0) {
        pthread_cond_wait(&of->closed, &of->mutex);
    }
    pthread_mutex_unlock(&of->mutex);
    unlink(of->path);
    rmdir(of->directory);
}

#endif /* SERVER_H */
