/* test_epoch.c: the mapped epoch, while the daemon raises it and while its file is replaced. Under ThreadSanitizer. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

/* The clock is the test's. */
static int64_t fake_ns = 1;

int64_t django_lease_clock(void);
int64_t django_lease_clock(void)
{
    return fake_ns;
}

/*
 * ThreadSanitizer takes a mapping for a write to all of it. The kernel puts one in the place of another while every thread
 * that would read there waits, so that it sees either.
 */
static void *map_unseen(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    return (flags & MAP_FIXED) == 0 ? mmap(address, length, protection, flags, fd, offset)
                                    : (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}

#define mmap map_unseen
#include "apache/epoch.c"
#undef mmap

enum { THREADS = 4, REPLACEMENTS = 2000 };

#define SECOND 1000000000

static char directory[] = "/tmp/djauth-epoch-XXXXXX";
static char sock[64];
static char file[64];
static char spare[64];

static void write_to(const char *path, const void *octets, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    if (fd < 0 || pwrite(fd, octets, length, 0) != (ssize_t)length || close(fd) != 0) {
        perror(path);
        exit(1);
    }
}

static void raise_to(uint64_t value)
{
    write_to(file, &value, sizeof(value));
}

/* Another file of the same name, as when the daemon's folder was made anew. */
static void replace_with(uint64_t value)
{
    write_to(spare, &value, sizeof(value));
    rename(spare, file);
}

static int descriptors(void)
{
    DIR *open_ones = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(open_ones) != NULL) {
        count++;
    }
    closedir(open_ones);
    return count;
}

/* Whether the epoch is this one, and why not. */
static int is_now(django_epoch *epoch, uint64_t value, int *error)
{
    return django_epoch_is(epoch, value, error) && *epoch->mapped == value;
}

static void test_file(void)
{
    django_epoch epoch;
    int error = 0;

    ok(django_epoch_open(&epoch, sock, file) == 0 && *epoch.mapped == 0, "no file, no epoch");
    ok(!django_epoch_is(&epoch, 0, &error), "0 is the epoch of nothing");
    ok(!is_now(&epoch, 5, &error) && error == ENOENT, "it is said why: %s", strerror(error));
    raise_to(5);
    ok(!is_now(&epoch, 5, &error) && error == ENOENT, "the file is not looked for more than once a second");
    fake_ns += SECOND;
    ok(is_now(&epoch, 5, &error) && error == 0, "and found then");
    raise_to(6);
    ok(*epoch.mapped == 6 && is_now(&epoch, 6, &error), "what the daemon writes is seen at once");
    fake_ns += SECOND;
    ok(!is_now(&epoch, 7, &error) && error == 0, "what it has not written is not believed, and is no fault");
    replace_with(8);
    ok(*epoch.mapped == 6, "a file that was replaced stays mapped");
    ok(!is_now(&epoch, 8, &error), "for a second");
    fake_ns += SECOND;
    ok(is_now(&epoch, 8, &error), "and then, or at once if nobody has looked lately, the new one is mapped");
    unlink(file);
    fake_ns += SECOND;
    ok(!is_now(&epoch, 9, &error) && error == ENOENT && *epoch.mapped == 8, "a file that is gone");
    django_epoch_close(&epoch);

    replace_with(10);
    ok(django_epoch_open(&epoch, sock, file) == 0 && *epoch.mapped == 10, "a new child maps the file before it is needed");
    django_epoch_close(&epoch);
}

static void test_nonsense(void)
{
    django_epoch epoch;
    int error = 0;

    unlink(file);
    write_to(file, "1234567", 7);
    django_epoch_open(&epoch, sock, file);
    ok(!is_now(&epoch, 1, &error) && error == EINVAL && *epoch.mapped == 0, "a file of 7 octets is not mapped");
    unlink(file);
    mkdir(file, 0700);
    fake_ns += SECOND;
    ok(!is_now(&epoch, 1, &error) && error == EINVAL, "a folder is not");
    rmdir(file);
    if (symlink("/etc/passwd", file) != 0) {
        perror(file);
    }
    fake_ns += SECOND;
    ok(!is_now(&epoch, 1, &error) && error == ELOOP, "a symbolic link is not");
    unlink(file);
    mkfifo(file, 0600);
    fake_ns += SECOND;
    ok(!is_now(&epoch, 1, &error) && error == EINVAL, "a pipe is not, nor is it waited for");
    unlink(file);
    replace_with(0);
    fake_ns += SECOND;
    ok(!is_now(&epoch, 1, &error) && error == ENODATA && !epoch.is_file,
       "a file that was never written is not: to read it may take memory that is not there");
    raise_to(1);
    fake_ns += SECOND;
    ok(is_now(&epoch, 1, &error), "until it is");
    replace_with(2);
    if (geteuid() == 0 && chown(file, 12345, (gid_t)-1) == 0) {
        fake_ns += SECOND;
        ok(!is_now(&epoch, 2, &error) && error == EPERM, "another user's, who can truncate it, is not");
        if (chown(sock, 12345, (gid_t)-1) != 0) {
            perror(sock);
        }
        fake_ns += SECOND;
        ok(is_now(&epoch, 2, &error), "unless the socket is that user's too");
    }
    unlink(file);
    django_epoch_close(&epoch);
}

static django_epoch shared_by_threads;
static int ended;

/* Reads as a request does; returns how many values were none that was ever written. */
static void *read_many(void *unused)
{
    size_t wrong = 0;
    uint64_t last = 0;

    (void)unused;
    while (!__atomic_load_n(&ended, __ATOMIC_RELAXED)) {
        uint64_t value = __atomic_load_n(shared_by_threads.mapped, __ATOMIC_ACQUIRE);

        wrong += value < last || value > 100 + 2 * REPLACEMENTS;
        last = value;
    }
    return (void *)wrong;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    size_t wrong = 0;
    int before;
    int missed = 0;
    int error;
    uint64_t i;

    replace_with(100);
    django_epoch_open(&shared_by_threads, sock, file);
    before = descriptors();
    for (i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, read_many, NULL);
    }
    for (i = 1; i <= REPLACEMENTS; i++) {
        fake_ns += SECOND;
        replace_with(100 + 2 * i - 1);
        missed += !is_now(&shared_by_threads, 100 + 2 * i - 1, &error);
        raise_to(100 + 2 * i);
    }
    __atomic_store_n(&ended, 1, __ATOMIC_RELAXED);
    for (i = 0; i < THREADS; i++) {
        void *result;

        pthread_join(threads[i], &result);
        wrong += (size_t)result;
    }
    ok(missed == 0 && wrong == 0, "%d threads read on while the file is replaced %d times", THREADS, REPLACEMENTS);
    ok(descriptors() == before, "no file is left open");
    django_epoch_close(&shared_by_threads);
}

int main(void)
{
    if (mkdtemp(directory) == NULL) {
        return 1;
    }
    snprintf(sock, sizeof(sock), "%s/auth.sock", directory);
    write_to(sock, "", 0);
    snprintf(file, sizeof(file), "%s/auth.sock.epoch", directory);
    snprintf(spare, sizeof(spare), "%s/spare", directory);
    test_file();
    test_nonsense();
    test_threads();
    unlink(file);
    unlink(sock);
    rmdir(directory);
    return tap_done();
}
