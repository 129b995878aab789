/*
 * echo SOCKET REPLY: answers every frame with the one frame in the file REPLY; one thread per connection, one read and one
 * write per answer. This is the cost of a local socket with as many octets as djauthd's, and no work in between.
 */
#include <pthread.h>

#include "frames.h"

static struct frames reply;

static void *serve(void *argument)
{
    int fd = (int)(intptr_t)argument;
    char buffer[65536 + FRAME_HEAD];
    size_t filled = 0;
    for (;;) {
        ssize_t got = read(fd, buffer + filled, sizeof buffer - filled);
        if (got <= 0) break;
        filled += (size_t)got;
        while (filled >= FRAME_HEAD && filled >= frame_size(buffer)) {
            size_t used = frame_size(buffer);
            if (write(fd, reply.octets, reply.starts[1]) != (ssize_t)reply.starts[1]) goto end;
            filled -= used;
            memmove(buffer, buffer + used, filled);
        }
    }
end:
    close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: echo SOCKET REPLY\n");
        return 2;
    }
    reply = read_frames(argv[2]);
    struct sockaddr_un address = address_of(argv[1]);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 64) != 0)
        die(argv[1]);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        pthread_t thread;
        if (fd < 0 || pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) != 0) die("accept");
        pthread_detach(thread);
    }
}
