/* A disk that fails or hangs: loaded before libc, it answers for files that end in .part while a file of that name lies
   in $BAD_DISK. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is(const char *how, int file) {
    char path[4096], link[64], target[4096];
    const char *folder = getenv("BAD_DISK");
    ssize_t length;
    if (folder == NULL || snprintf(path, sizeof path, "%s/%s", folder, how) < 0 || access(path, F_OK) != 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    length = readlink(link, target, sizeof target - 1);
    return length > 5 && strncmp(target + length - 5, ".part", 5) == 0;
}

int fdatasync(int file) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    while (is("sync-hangs", file)) usleep(10000);
    if (is("sync-fails", file)) return errno = EIO, -1;
    return real(file);
}

ssize_t write(int file, const void *data, size_t size) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    while (is("write-hangs", file)) usleep(10000);
    return real(file, data, size);
}

ssize_t pread64(int file, void *data, size_t size, off64_t place) {
    ssize_t (*real)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pread64");
    while (is("read-hangs", file)) usleep(10000);
    if (is("read-fails", file)) return errno = EIO, -1;
    return real(file, data, size, place);
}

ssize_t pread(int file, void *data, size_t size, off_t place) { return pread64(file, data, size, place); }
