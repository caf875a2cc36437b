/* Shows the processes that preload it a machine with $IDLE_CORES idle cores, whatever the true one does: the first line
 * of their /proc/stat, which sums all cores, has the time since the start of the machine as idle time.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int true_open(int folder, const char *path, int flags, mode_t mode)
{
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

static void copy_rest(int from, int to)
{
    char text[65536], *rest = NULL;
    ssize_t length;

    while ((length = read(from, text, sizeof text)) > 0) {
        char *begin = text;
        if (!rest && (rest = memchr(text, '\n', (size_t)length)))
            begin = rest + 1;
        if (rest && write(to, begin, (size_t)(text + length - begin)) < 0)
            return;
    }
}

static int idle_machine(void)
{
    struct timespec now;
    const char *cores = getenv("IDLE_CORES");
    int found = true_open(AT_FDCWD, "/proc/stat", O_RDONLY | O_CLOEXEC, 0);
    int file = memfd_create("stat", MFD_CLOEXEC);

    clock_gettime(CLOCK_MONOTONIC, &now);
    dprintf(file, "cpu  1 1 1 %ld 0 0 0 0 0 0\n",
            (now.tv_sec * 100 + now.tv_nsec / 10000000) * (cores ? atol(cores) : 0));
    copy_rest(found, file);
    close(found);
    lseek(file, 0, SEEK_SET);
    return file;
}

static int open_path(const char *path, int flags, va_list rest)
{
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;

    return strcmp(path, "/proc/stat") ? true_open(AT_FDCWD, path, flags, mode) : idle_machine();
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int file = open_path(path, flags, rest);
    va_end(rest);
    return file;
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int file = open_path(path, flags, rest);
    va_end(rest);
    return file;
}
