/* replace_file.c: replaces a file atomically: its readers see the old one or the new one, each whole. */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The mode of a file that did not exist. It names users, so not everybody may read it. */
#define NEW_FILE_MODE 0640

/* Whether the file has exactly this content; -1 with errno. */
static int is_same(int fd, const struct stat *status, const char *content, size_t length)
{
    char block[65536];
    size_t compared = 0;

    if (status->st_size < 0 || (size_t)status->st_size != length) {
        return 0;
    }
    for (;;) {
        ssize_t got = read(fd, block, sizeof(block));

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 ? compared == length : -1;
        }
        if ((size_t)got > length - compared || memcmp(block, content + compared, (size_t)got) != 0) {
            return 0;
        }
        compared += (size_t)got;
    }
}

static int write_all(int fd, const char *content, size_t length)
{
    size_t done = 0;

    while (done < length) {
        ssize_t written = write(fd, content + done, length - done);

        if (written < 0 && errno != EINTR) {
            return -1;
        }
        done += written > 0 ? (size_t)written : 0;
    }
    return 0;
}

/*
 * Gives the new file the mode, group and owner of the old one, NULL if there is none. The group matters most: by it the
 * web server may read the file. Only root can change the owner.
 */
static int copy_access(int fd, const struct stat *old)
{
    struct stat new;

    if (old == NULL) {
        return fchmod(fd, NEW_FILE_MODE);
    }
    if (fstat(fd, &new) != 0 || (new.st_gid != old->st_gid && fchown(fd, (uid_t)-1, old->st_gid) != 0)) {
        return -1;
    }
    if (new.st_uid != old->st_uid && fchown(fd, old->st_uid, (gid_t)-1) != 0 && errno != EPERM) {
        return -1;
    }
    return fchmod(fd, old->st_mode & 07777);
}

/* A rename is on the disk once its directory is. */
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

/* Writes a temporary file next to `path` and renames it. `old` is NULL if there is no file yet. */
static int replace(const char *path, const struct stat *old, const char *content, size_t length)
{
    static const char attempt[] = "cannot create a temporary file next to %s: %s";
    char temporary[PATH_MAX];
    const char *failed = NULL;
    int code = 0;
    int fd;

    if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary)) {
        return fault(EXIT_FAULT, attempt, path, strerror(ENAMETOOLONG));
    }
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        return fault(EXIT_FAULT, attempt, path, strerror(errno));
    }
    if (copy_access(fd, old) != 0) {
        failed = "set the group and mode of the new file for";
    } else if (write_all(fd, content, length) != 0 || fsync(fd) != 0) {
        failed = "write the new file for";
    } else if (rename(temporary, path) != 0) {
        failed = "replace";
    }
    if (failed != NULL) {
        code = fault(EXIT_FAULT, "cannot %s %s: %s", failed, path, strerror(errno));
        unlink(temporary);
    } else {
        sync_directory(path);
    }
    close(fd);
    return code;
}

static int replace_if_changed(const char *path, const char *content, size_t length, int *changed)
{
    struct stat old;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int same;

    *changed = 1;
    if (fd < 0 && errno == ENOENT) {
        return replace(path, NULL, content, length);
    }
    if (fd < 0 || fstat(fd, &old) != 0) {
        int code = fault(EXIT_FAULT, "cannot read %s: %s", path, strerror(errno));

        if (fd >= 0) {
            close(fd);
        }
        return code;
    }
    if (!S_ISREG(old.st_mode)) {
        close(fd);
        return fault(EXIT_FAULT, "%s is not a regular file", path);
    }
    same = is_same(fd, &old, content, length);
    close(fd);
    if (same < 0) {
        return fault(EXIT_FAULT, "cannot read %s: %s", path, strerror(errno));
    }
    *changed = !same;
    return same ? 0 : replace(path, &old, content, length);
}

int replace_file(const char *path, const char *content, size_t length, int *changed)
{
    /* A symbolic link is kept: the file that it points to is replaced. */
    char *target = realpath(path, NULL);
    int code = replace_if_changed(target != NULL ? target : path, content, length, changed);

    free(target);
    return code;
}
