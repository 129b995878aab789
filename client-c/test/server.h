/* server.h: a server that misbehaves on command, by a script with a step for each request. */
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

/* What the server does with one request, after `wait_ms`. */
typedef struct step {
    enum {
        GRANT,       /* reply with the golden grant, with the request's id */
        DENY,        /* reply with the golden denial, likewise */
        GRANT_LEASE, /* the golden grant with a lease */
        GRANT_LATER, /* the grant, and 20 ms later the same once more */
        GRANT_OTHER, /* the grant with another id */
        BYTES,       /* send these octets as they are, then close */
        BYTES_OPEN,  /* and keep the connection open */
        CUT,         /* send the first `count` octets of the grant, then close */
        CUT_DENY,    /* the same of the denial */
        SPLIT,       /* send the grant in two parts, the first of `count` octets */
        TRICKLE,     /* send the grant octet by octet, each after `count` ms */
        TWICE,       /* two grants at once */
        CLOSE,       /* close without a reply */
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
    size_t next;      /* of steps; each request takes one, the last one is repeated */
    int requests;     /* that were read completely */
    int connections;  /* that were accepted */
    int open;         /* of those, whose threads have not ended */
    int slams;        /* connections are closed before anything is read */
    unsigned char last[4096]; /* the start of the last request, without its length */
    size_t last_length;
    pthread_mutex_t mutex;
    pthread_cond_t closed;
} server;

/* A golden reply with the id of a request. Golden ids take one octet; those of the tests stay below 128. */
static size_t golden_reply(const char *name, unsigned char *buffer, unsigned char id)
{
    int i;

    for (i = 0; i < replies_count; i++) {
        if (strcmp(replies[i].name, name) == 0) {
            memcpy(buffer, replies[i].frame, replies[i].length);
            buffer[6] = id;
            return replies[i].length;
        }
    }
    abort();
}

static int read_all(int fd, unsigned char *buffer, size_t length)
{
    size_t got = 0;

    while (got < length) {
        ssize_t taken = recv(fd, buffer + got, length - got, 0);
        if (taken > 0) {
            got += (size_t)taken;
        } else if (taken == 0 || errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

static void send_all(int fd, const unsigned char *octets, size_t length)
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

static step next_step(server *fake, const unsigned char *body, size_t length)
{
    step taken;

    pthread_mutex_lock(&fake->mutex);
    fake->requests++;
    fake->last_length = length < sizeof(fake->last) ? length : sizeof(fake->last);
    memcpy(fake->last, body, fake->last_length);
    taken = fake->steps[fake->next];
    if (fake->next + 1 < fake->steps_count) {
        fake->next++;
    }
    pthread_mutex_unlock(&fake->mutex);
    return taken;
}

/* Until so many requests were read completely, whatever became of their connections. */
static inline void server_await(server *fake, int wanted)
{
    int read = 0;

    while (read < wanted) {
        usleep(1000);
        pthread_mutex_lock(&fake->mutex);
        read = fake->requests;
        pthread_mutex_unlock(&fake->mutex);
    }
}

/* Answers one request. Returns 0 to continue, -1 to close the connection. */
static int serve_request(server *fake, int fd)
{
    unsigned char request[65540];
    unsigned char reply[1024];
    size_t length;
    size_t body;
    size_t i;
    step what;

    if (read_all(fd, request, 4) != 0) {
        return -1;
    }
    body = (size_t)request[0] << 24 | (size_t)request[1] << 16 | (size_t)request[2] << 8 | request[3];
    if (body > 65536 || read_all(fd, request + 4, body) != 0) {
        return -1;
    }
    what = next_step(fake, request + 4, body);
    usleep((useconds_t)what.wait_ms * 1000);
    length = golden_reply(what.kind == DENY || what.kind == CUT_DENY ? "denied"
                          : what.kind == GRANT_LEASE                  ? "granted-lease"
                                                                      : "granted",
                          reply, request[6]);
    switch (what.kind) {
    case GRANT_OTHER:
        reply[6]++;
        break;
    case BYTES:
        send_all(fd, what.bytes, what.count);
        return -1;
    case BYTES_OPEN:
        send_all(fd, what.bytes, what.count);
        return 0;
    case CUT:
    case CUT_DENY:
        send_all(fd, reply, what.count);
        return -1;
    case SPLIT:
        send_all(fd, reply, what.count);
        usleep(500);
        send_all(fd, reply + what.count, length - what.count);
        return 0;
    case TRICKLE:
        for (i = 0; i < length; i++) {
            usleep((useconds_t)what.count * 1000);
            send_all(fd, reply + i, 1);
        }
        return 0;
    case TWICE: /* with one send(): the second must be there when the first is read */
        memcpy(reply + length, reply, length);
        length *= 2;
        break;
    case GRANT_LATER:
        send_all(fd, reply, length);
        usleep(20 * 1000);
        break;
    case CLOSE:
        return -1;
    case CLOSE_AFTER:
        send_all(fd, reply, length);
        return -1;
    case GRANT:
    case GRANT_LEASE:
    case DENY:
        break;
    }
    send_all(fd, reply, length);
    return 0;
}

typedef struct served {
    server *fake;
    int fd;
} served;

static void *serve_connection(void *argument)
{
    served connection = *(served *)argument;

    free(argument);
    while (!connection.fake->slams && serve_request(connection.fake, connection.fd) == 0) {
    }
    close(connection.fd);
    pthread_mutex_lock(&connection.fake->mutex);
    connection.fake->open--;
    pthread_cond_signal(&connection.fake->closed);
    pthread_mutex_unlock(&connection.fake->mutex);
    return NULL;
}

static void *serve(void *argument)
{
    server *fake = argument;

    for (;;) {
        int fd = accept(fake->fd, NULL, NULL);
        served *connection;
        pthread_t thread;
        if (fd < 0) {
            if (errno == EINTR) {
                continue;
            }
            return NULL;
        }
        pthread_mutex_lock(&fake->mutex);
        fake->connections++;
        fake->open++;
        pthread_mutex_unlock(&fake->mutex);
        connection = malloc(sizeof(*connection));
        if (connection == NULL) {
            abort();
        }
        connection->fake = fake;
        connection->fd = fd;
        if (pthread_create(&thread, NULL, serve_connection, connection) != 0) {
            abort();
        }
        pthread_detach(thread);
    }
}

static void server_bind(server *fake, int backlog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memset(fake, 0, sizeof(*fake));
    pthread_mutex_init(&fake->mutex, NULL);
    pthread_cond_init(&fake->closed, NULL);
    strcpy(fake->directory, "/tmp/djauth-test-XXXXXX");
    if (mkdtemp(fake->directory) == NULL) {
        abort();
    }
    snprintf(fake->path, sizeof(fake->path), "%s/auth.sock", fake->directory);
    strcpy(address.sun_path, fake->path);
    fake->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fake->fd < 0 || bind(fake->fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fake->fd, backlog) != 0) {
        abort();
    }
}

static void server_start(server *fake, const step *steps, size_t count)
{
    server_bind(fake, 64);
    fake->steps = steps;
    fake->steps_count = count;
    if (pthread_create(&fake->thread, NULL, serve, fake) != 0) {
        abort();
    }
}

static int server_requests(server *fake)
{
    int requests_read;

    pthread_mutex_lock(&fake->mutex);
    requests_read = fake->requests;
    pthread_mutex_unlock(&fake->mutex);
    return requests_read;
}

/* Stops the server. Free its handles first: the threads of their connections would never end. */
static void server_stop(server *fake)
{
    shutdown(fake->fd, SHUT_RDWR);
    if (fake->thread != 0) {
        pthread_join(fake->thread, NULL);
    }
    close(fake->fd);
    pthread_mutex_lock(&fake->mutex);
    while (fake->open > 0) {
        pthread_cond_wait(&fake->closed, &fake->mutex);
    }
    pthread_mutex_unlock(&fake->mutex);
    unlink(fake->path);
    rmdir(fake->directory);
}

#endif /* SERVER_H */
