/* Frames in a file, concatenated as on the wire: a client's requests, or the echo server's reply. */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FRAME_HEAD 4

struct frames {
    char *octets;
    size_t *starts; /* count + 1 of them: frame i is octets[starts[i]] to octets[starts[i + 1]] */
    size_t count;
};

__attribute__((noreturn, unused)) static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* The size of the frame at `at` in octets, including its length field. */
static size_t frame_size(const char *at)
{
    uint32_t length;
    memcpy(&length, at, sizeof length);
    return FRAME_HEAD + (size_t)ntohl(length);
}

__attribute__((unused)) static struct frames read_frames(const char *path)
{
    struct frames frames = {NULL, NULL, 0};
    struct stat about;
    FILE *file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &about) != 0) die(path);
    size_t size = (size_t)about.st_size;
    frames.octets = malloc(size + FRAME_HEAD);
    frames.starts = malloc((size / FRAME_HEAD + 2) * sizeof *frames.starts);
    if (frames.octets == NULL || frames.starts == NULL) die("malloc");
    if (fread(frames.octets, 1, size, file) != size) die(path);
    fclose(file);
    size_t at = 0;
    frames.starts[0] = 0;
    while (at + FRAME_HEAD <= size && at + frame_size(frames.octets + at) <= size) {
        at += frame_size(frames.octets + at);
        frames.starts[++frames.count] = at;
    }
    if (frames.count == 0 || at != size) {
        fprintf(stderr, "%s: not a file of whole frames\n", path);
        exit(1);
    }
    return frames;
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        fprintf(stderr, "%s: too long for a socket\n", path);
        exit(1);
    }
    strcpy(address.sun_path, path);
    return address;
}

#endif
