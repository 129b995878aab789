/*
 * load [-c CONNECTIONS] [-t SECONDS] [-n COUNT] [-s STATUS] [-1] [-w] SOCKET FRAMES
 *
 * Sends the frames of a file in turn, one at a time on each connection, and prints the times as one line of JSON. With
 * one connection it blocks in read(), with more it waits in epoll. It ends after SECONDS, after COUNT answers, or with -1
 * when each frame has been sent once. A reply whose status is not STATUS (0 by default) ends it with an error, so that
 * only what was intended is measured. With -w it keeps its connections open until standard input ends.
 *
 * Frames must have an id below 128, so that a reply's status is its eighth octet.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#include "frames.h"

#define STATUS_AT (FRAME_HEAD + 3)
#define REPLY_MAX 4096
#define EVENTS 256

struct connection {
    int fd;
    size_t filled;
    uint64_t asked_at;
    char reply[REPLY_MAX];
};

static struct frames frames;
static size_t next_frame;
static size_t asked, answered;
static size_t most = SIZE_MAX;
static int once, wanted_status;
static uint64_t give_up_at = UINT64_MAX;
static uint32_t *latencies; /* in ns */
static size_t capacity;

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = address_of(path);
    for (int tries = 0;; tries++) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fd < 0) die("socket");
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
        close(fd);
        if (errno != EAGAIN || tries == 10000) die(path);
        usleep(1000); /* the backlog is full: the server accepts in its own time */
    }
}

/* Returns 0 if nothing is left to send. */
static int ask(struct connection *connection)
{
    if (asked == most || (once && asked == frames.count)) return 0;
    size_t at = next_frame;
    next_frame = (next_frame + 1) % frames.count;
    size_t size = frames.starts[at + 1] - frames.starts[at];
    asked++;
    connection->filled = 0;
    connection->asked_at = now();
    if (connection->asked_at >= give_up_at) {
        asked--;
        return 0;
    }
    if (write(connection->fd, frames.octets + frames.starts[at], size) != (ssize_t)size) die("write");
    return 1;
}

/* Reads what has arrived. Returns 1 if the reply is complete. */
static int receive(struct connection *connection)
{
    ssize_t got = read(connection->fd, connection->reply + connection->filled, REPLY_MAX - connection->filled);
    if (got < 0) die("read");
    if (got == 0) {
        fprintf(stderr, "the server closed the connection after %zu answers\n", answered);
        exit(1);
    }
    connection->filled += (size_t)got;
    if (connection->filled < FRAME_HEAD || connection->filled < frame_size(connection->reply)) {
        if (connection->filled < REPLY_MAX) return 0;
        fprintf(stderr, "a reply of more than %d octets\n", REPLY_MAX);
        exit(1);
    }
    uint64_t took = now() - connection->asked_at;
    if (connection->reply[STATUS_AT] != wanted_status) {
        fprintf(stderr, "status %d, not %d, after %zu answers: %.*s\n", connection->reply[STATUS_AT], wanted_status,
                answered, (int)(connection->filled - STATUS_AT), connection->reply + STATUS_AT);
        exit(1);
    }
    if (answered == capacity) {
        capacity = capacity ? 2 * capacity : 1 << 16;
        latencies = realloc(latencies, capacity * sizeof *latencies);
        if (latencies == NULL) die("realloc");
    }
    latencies[answered++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
    return 1;
}

static void run_one(struct connection *connection)
{
    while (ask(connection))
        while (!receive(connection)) continue;
}

static void run_many(struct connection *connections, size_t count)
{
    int poll = epoll_create1(0);
    if (poll < 0) die("epoll");
    size_t open = 0;
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, connections[i].fd, &event) != 0) die("epoll");
        if (ask(&connections[i])) open++;
    }
    while (open > 0) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(poll, events, EVENTS, -1);
        if (ready < 0) die("epoll");
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (receive(connection) && !ask(connection)) open--;
        }
    }
    close(poll);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile(double share)
{
    if (answered == 0) return 0;
    size_t at = (size_t)(share * (double)answered);
    return latencies[at < answered ? at : answered - 1] / 1000.0;
}

int main(int argc, char **argv)
{
    size_t count = 1;
    int wait = 0, option;
    double seconds = 0;
    while ((option = getopt(argc, argv, "c:t:n:s:1w")) != -1) {
        switch (option) {
        case 'c': count = strtoul(optarg, NULL, 10); break;
        case 't': seconds = strtod(optarg, NULL); break;
        case 'n': most = strtoul(optarg, NULL, 10); break;
        case 's': wanted_status = atoi(optarg); break;
        case '1': once = 1; break;
        case 'w': wait = 1; break;
        default: return 2;
        }
    }
    if (argc - optind != 2 || count == 0) {
        fprintf(stderr, "usage: load [-c CONNECTIONS] [-t SECONDS] [-n COUNT] [-s STATUS] [-1] [-w] SOCKET FRAMES\n");
        return 2;
    }
    raise_file_limit();
    frames = read_frames(argv[optind + 1]);
    struct connection *connections = calloc(count, sizeof *connections);
    if (connections == NULL) die("calloc");
    for (size_t i = 0; i < count; i++) connections[i].fd = connect_to(argv[optind]);

    uint64_t start = now();
    if (seconds > 0) give_up_at = start + (uint64_t)(seconds * 1e9);
    if (count == 1) run_one(connections);
    else run_many(connections, count);
    double took = (double)(now() - start) / 1e9;

    qsort(latencies, answered, sizeof *latencies, compare);
    printf("{\"count\": %zu, \"seconds\": %.6f, \"p50_us\": %.3f, \"p99_us\": %.3f}\n", answered, took, percentile(0.5),
           percentile(0.99));
    fflush(stdout);
    if (wait) {
        char octet;
        while (read(STDIN_FILENO, &octet, 1) > 0) continue;
    }
    return 0;
}
