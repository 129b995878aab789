/* epoch.c: maps a daemon's epoch file, and maps it anew when the daemon has another one. */
#include "epoch.h"
#include "lease_table.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETRY_NS 1000000000

/*
 * Whether this is the file of an epoch, one that can be read as long as it is mapped: SIGBUS would end this process. So it is
 * as long as the mapping, and written: the kernel may find no memory for what never was, in a full /run. And nobody can
 * truncate it but those whom the daemon's socket belongs to, as the folder may be one where everybody may create files.
 */
static int check(const django_epoch *epoch, int fd, const struct stat *found)
{
    struct stat socket;
    uint64_t value;

    if (!S_ISREG(found->st_mode) || found->st_size < (off_t)sizeof(value)) {
        return EINVAL;
    }
    if (stat(epoch->socket, &socket) != 0) {
        return errno;
    }
    if (found->st_uid != socket.st_uid && found->st_uid != 0) {
        return EPERM;
    }
    return pread(fd, &value, sizeof(value), 0) == (ssize_t)sizeof(value) && value != 0 ? 0 : ENODATA;
}

/* The epoch is at the same address as before: other threads read there, at any moment, without a lock. */
static int replace(django_epoch *epoch, int fd, const struct stat *found)
{
    void *address = (void *)(uintptr_t)epoch->mapped;

    if (epoch->is_file && epoch->device == found->st_dev && epoch->inode == found->st_ino) {
        return 0;
    }
    if (mmap(address, sizeof(*epoch->mapped), PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
        int error = errno;

        /* What was there may be gone. */
        mmap(address, sizeof(*epoch->mapped), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        epoch->is_file = 0;
        return error;
    }
    epoch->is_file = 1;
    epoch->device = found->st_dev;
    epoch->inode = found->st_ino;
    return 0;
}

static int map(django_epoch *epoch)
{
    struct stat found;
    int fd = open(epoch->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int error;

    if (fd < 0) {
        return errno;
    }
    error = fstat(fd, &found) != 0 ? errno : check(epoch, fd, &found);
    if (error == 0) {
        error = replace(epoch, fd, &found);
    }
    close(fd);
    return error;
}

int django_epoch_open(django_epoch *epoch, const char *socket, const char *file)
{
    void *zero = mmap(NULL, sizeof(*epoch->mapped), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    memset(epoch, 0, sizeof(*epoch));
    if (zero == MAP_FAILED) {
        return errno;
    }
    epoch->socket = socket;
    epoch->file = file;
    epoch->mapped = zero;
    pthread_mutex_init(&epoch->mutex, NULL);
    epoch->error = map(epoch);
    return 0;
}

void django_epoch_close(django_epoch *epoch)
{
    munmap((void *)(uintptr_t)epoch->mapped, sizeof(*epoch->mapped));
    pthread_mutex_destroy(&epoch->mutex);
}

static int is(const django_epoch *epoch, uint64_t value)
{
    return value != 0 && __atomic_load_n(epoch->mapped, __ATOMIC_ACQUIRE) == value;
}

int django_epoch_is(django_epoch *epoch, uint64_t value, int *error)
{
    int64_t now;

    *error = 0;
    if (is(epoch, value)) {
        return 1;
    }
    now = django_lease_clock();
    pthread_mutex_lock(&epoch->mutex);
    if (!epoch->is_tried || now - epoch->tried >= RETRY_NS) {
        epoch->is_tried = 1;
        epoch->tried = now;
        epoch->error = map(epoch);
    }
    *error = epoch->error;
    pthread_mutex_unlock(&epoch->mutex);
    return is(epoch, value);
}
