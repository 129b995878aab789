/* replace_file.c: puts a new file in the place of an old one, so that whoever reads it sees a whole one. */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a file that was not there: it names people, so it is not for everybody. */
#define NEW_FILE_MODE 0640

/* Whether the file at `fd` has just this text; -1 with errno. */
static int is_same(int fd, const struct stat *of, const char *text, size_t length)
{
    char block[65536];
    size_t at = 0;

    if (of->st_size < 0 || (size_t)of->st_size != length) {
        return 0;
    }
    for (;;) {
        ssize_t got = read(fd, block, sizeof(block));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 ? at == length : -1;
        }
        if ((size_t)got > length - at || memcmp(block, text + at, (size_t)got) != 0) {
            return 0;
        }
        at += (size_t)got;
    }
}

static int write_all(int fd, const char *text, size_t length)
{
    size_t at = 0;

    while (at < length) {
        ssize_t written = write(fd, text + at, length - at);
        if (written < 0 && errno != EINTR) {
            return -1;
        }
        at += written > 0 ? (size_t)written : 0;
    }
    return 0;
}

/* As the file was: the group matters most, for it is how the web server may read it. `was` is NULL for a new one. */
static int keep_access(int fd, const struct stat *was)
{
    struct stat is;

    if (was == NULL) {
        return fchmod(fd, NEW_FILE_MODE);
    }
    if (fstat(fd, &is) != 0 || (is.st_gid != was->st_gid && fchown(fd, (uid_t)-1, was->st_gid) != 0)) {
        return -1;
    }
    if (is.st_uid != was->st_uid && fchown(fd, was->st_uid, (gid_t)-1) != 0 && errno != EPERM) {
        return -1;
    }
    return fchmod(fd, was->st_mode & 07777);
}

/* A rename is on the disk when its directory is. */
static void sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char directory[PATH_MAX] = ".";
    int fd;

    if (slash != NULL) {
        snprintf(directory, sizeof(directory), "%.*s", slash == path ? 1 : (int)(slash - path), path);
    }
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

/* Puts a whole new file in the place of `path`: who reads it sees the old one or the new one. */
static int put(const char *path, const struct stat *was, const char *text, size_t length)
{
    char temporary[PATH_MAX];
    const char *tried = NULL;
    int code = 0;
    int fd;

    if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary)) {
        return fault(EXIT_FAULT, "cannot make a file beside %s: %s", path, strerror(ENAMETOOLONG));
    }
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        return fault(EXIT_FAULT, "cannot make a file beside %s: %s", path, strerror(errno));
    }
    if (keep_access(fd, was) != 0) {
        tried = "give the new file the group and mode of";
    } else if (write_all(fd, text, length) != 0 || fsync(fd) != 0) {
        tried = "write the new file for";
    } else if (rename(temporary, path) != 0) {
        tried = "put the new file in the place of";
    }
    if (tried != NULL) {
        code = fault(EXIT_FAULT, "cannot %s %s: %s", tried, path, strerror(errno));
        unlink(temporary);
    } else {
        sync_directory(path);
    }
    close(fd);
    return code;
}

static int put_where_changed(const char *path, const char *text, size_t length, int *changed)
{
    struct stat was;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int same;

    *changed = 1;
    if (fd < 0 && errno == ENOENT) {
        return put(path, NULL, text, length);
    }
    if (fd < 0 || fstat(fd, &was) != 0) {
        int code = fault(EXIT_FAULT, "cannot read %s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return code;
    }
    if (!S_ISREG(was.st_mode)) {
        close(fd);
        return fault(EXIT_FAULT, "%s is not a file", path);
    }
    same = is_same(fd, &was, text, length);
    close(fd);
    if (same < 0) {
        return fault(EXIT_FAULT, "cannot read %s: %s", path, strerror(errno));
    }
    *changed = !same;
    return same ? 0 : put(path, &was, text, length);
}

int replace_file(const char *path, const char *text, size_t length, int *changed)
{
    /* A link stays one: what it leads to is replaced. */
    char *real = realpath(path, NULL);
    int code = put_where_changed(real != NULL ? real : path, text, length, changed);

    free(real);
    return code;
}
