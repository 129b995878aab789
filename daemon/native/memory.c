/*
 * Memory of this process: that no other process of the same user may read it and no core file has it, and a piece of it
 * that has no file and outlives the process if somebody else holds its descriptor (memfd_create(2)).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define OCTETS_MAX ((int64_t)1 << 40)

static napi_value fail(napi_env env, const char *message)
{
    napi_throw_error(env, NULL, message);
    return NULL;
}

/* protect(): throws an error with the reason if that fails. */
static napi_value protect(napi_env env, napi_callback_info info)
{
    (void)info;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return fail(env, strerror(errno));
    }
    return NULL;
}

/* create(octets): the descriptor of new memory, all zero, whose size nobody can change. */
static napi_value create(napi_env env, napi_callback_info info)
{
    napi_value argument, result;
    size_t count = 1;
    int64_t octets;
    int fd, error;

    if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok || count != 1
        || napi_get_value_int64(env, argument, &octets) != napi_ok || octets < 1 || octets > OCTETS_MAX) {
        return fail(env, "create needs a number of octets");
    }
    fd = memfd_create("djauthd", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) { /* before Linux 6.3 */
        fd = memfd_create("djauthd", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    }
    if (fd < 0) {
        return fail(env, strerror(errno));
    }
    if (ftruncate(fd, (off_t)octets) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        error = errno;
        close(fd);
        return fail(env, strerror(error));
    }
    if (napi_create_int32(env, fd, &result) != napi_ok) {
        close(fd);
        return NULL;
    }
    return result;
}

static void unmap(napi_env env, void *data, void *octets)
{
    (void)env;
    munmap(data, (size_t)(uintptr_t)octets);
}

/*
 * map(fd): the memory as an ArrayBuffer, unmapped when that is collected. Throws an error if the descriptor is not of
 * memory whose size is fixed (access to what somebody cut off would end the process), or if another process has mapped
 * it so: two would write over each other. The claim lasts until this process closes the descriptor or ends.
 */
static napi_value map(napi_env env, napi_callback_info info)
{
    napi_value argument, result;
    size_t count = 1;
    int32_t fd;
    int seals;
    struct stat stat;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    void *data;

    if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok || count != 1
        || napi_get_value_int32(env, argument, &fd) != napi_ok) {
        return fail(env, "map needs a descriptor");
    }
    seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || fstat(fd, &stat) != 0) {
        return fail(env, errno == EINVAL ? "the descriptor is not one of memory" : strerror(errno));
    }
    if ((seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW) || stat.st_size < 1
        || stat.st_size > OCTETS_MAX) {
        return fail(env, "the size of the memory is not fixed");
    }
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) { /* what a service manager passes on is inherited */
        return fail(env, strerror(errno));
    }
    if (fcntl(fd, F_SETLK, &lock) != 0) {
        return fail(env, errno == EAGAIN || errno == EACCES ? "another process uses it" : strerror(errno));
    }
    data = mmap(NULL, (size_t)stat.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        return fail(env, strerror(errno));
    }
    madvise(data, (size_t)stat.st_size, MADV_DONTDUMP);
    if (napi_create_external_arraybuffer(env, data, (size_t)stat.st_size, unmap, (void *)(uintptr_t)stat.st_size,
                                         &result)
        != napi_ok) {
        munmap(data, (size_t)stat.st_size);
        return fail(env, "this node program takes no memory from outside");
    }
    return result;
}

NAPI_MODULE_INIT()
{
    if (!export_function(env, exports, "protect", protect) || !export_function(env, exports, "create", create)
        || !export_function(env, exports, "map", map)) {
        return NULL;
    }
    return exports;
}
