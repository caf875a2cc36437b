/* The kernel's usbdevfs for tests: USBDEVFS_RESET of a plain file succeeds, and a line in the file says so. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <unistd.h>

enum { USBDEVFS_RESET = 0x5514 };

int ioctl(int file, unsigned long request, ...)
{
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (request == USBDEVFS_RESET)
        return write(file, "reset\n", 6) == 6 ? 0 : -1;
    int (*real)(int, unsigned long, void *) = (int (*)(int, unsigned long, void *))dlsym(RTLD_NEXT, "ioctl");
    return real(file, request, argument);
}
