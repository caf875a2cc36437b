/* A port library for libgphoto2: the wheel's own virtual USB camera (vusb.so), made to misbehave on demand.
 *
 * libgphoto2 loads every library of $IOLIBS and asks it for a table of operations. This one hands on vusb's
 * table, with the operations that reach the device replaced by ones that first read the file `control` beside
 * the folder $VCAMERADIR. Its one line is `MODE [capture|set] [once] [MILLISECONDS]`:
 *
 *   absent   no camera is listed, and a transfer finds none (-52)
 *   busy     the camera is listed, but another process has claimed it (-53)
 *   error    a transfer fails (-7)
 *   delay    a transfer takes MILLISECONDS longer
 *   hang     a transfer never comes back, and no signal handler of Python runs
 *
 * `capture`: only the order to expose (PTP InitiateCapture) meets it; `set`: only the order to change a setting
 * (SetDevicePropValue). `once`: the file is removed when it is obeyed. An empty or missing file: the camera behaves.
 *
 * VUSB, the path of the wheel's vusb.so, is compiled in. The table is declared here as slots by number, because
 * the header that declares it is not among those that libgphoto2 installs.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum slot { OPEN = 2, READ = 4, CHECK_INT = 5, WRITE = 6, FIND_DEVICE = 12, FIND_DEVICE_BY_CLASS = 13 };
enum answer { IO_ERROR = -7, NO_DEVICE = -52, CLAIMED = -53 };
enum { PTP_CODE = 6, PTP_HEADER = 12, INITIATE_CAPTURE = 0x100e, SET_VALUE = 0x1016, NO_ORDER = 0 };

typedef void *operations;
struct port;

static void *vusb;
static int (*real_open)(struct port *);
static int (*real_read)(struct port *, char *, int);
static int (*real_check_int)(struct port *, char *, int, int);
static int (*real_write)(struct port *, const char *, int);
static int (*real_find_device)(struct port *, int, int);
static int (*real_find_device_by_class)(struct port *, int, int, int);

struct control {
    char mode[16];
    int only, once, milliseconds;
};

static void control_path(char *path, size_t size)
{
    const char *pictures = getenv("VCAMERADIR");
    snprintf(path, size, "%s/../control", pictures ? pictures : ".");
}

static struct control read_control(void)
{
    struct control control = {0};
    char path[4096], line[128] = "", *word;
    FILE *file;

    control_path(path, sizeof path);
    if (!(file = fopen(path, "r")))
        return control;
    if (!fgets(line, sizeof line, file))
        line[0] = 0;
    fclose(file);
    if ((word = strtok(line, " \n")))
        snprintf(control.mode, sizeof control.mode, "%s", word);
    while ((word = strtok(NULL, " \n"))) {
        control.only |= !strcmp(word, "capture") ? INITIATE_CAPTURE : !strcmp(word, "set") ? SET_VALUE : 0;
        control.once |= !strcmp(word, "once");
        control.milliseconds |= atoi(word);
    }
    return control;
}

static int is(const struct control *control, const char *mode)
{
    return !strcmp(control->mode, mode);
}

/* What a transfer meets: 0, or the error that it ends with. Hanging never returns. */
static int meet(int order)
{
    struct control control = read_control();
    char path[4096];

    if (!control.mode[0] || (control.only && control.only != order))
        return 0;
    control_path(path, sizeof path);
    if (control.once)
        unlink(path);
    while (is(&control, "hang"))
        pause();
    if (is(&control, "delay"))
        usleep(1000u * (unsigned)control.milliseconds);
    return is(&control, "error") ? IO_ERROR : is(&control, "absent") ? NO_DEVICE : 0;
}

/* The PTP operation that a command container orders. */
static int order_in(const char *bytes, int size)
{
    const unsigned char *container = (const unsigned char *)bytes;
    return size >= PTP_HEADER ? container[PTP_CODE] | container[PTP_CODE + 1] << 8 : NO_ORDER;
}

static int port_open(struct port *port)
{
    struct control control = read_control();
    return is(&control, "busy") ? CLAIMED : is(&control, "absent") ? NO_DEVICE : real_open(port);
}

static int port_read(struct port *port, char *bytes, int size)
{
    int met = meet(NO_ORDER);
    return met ? met : real_read(port, bytes, size);
}

static int port_check_int(struct port *port, char *bytes, int size, int timeout)
{
    int met = meet(NO_ORDER);
    return met ? met : real_check_int(port, bytes, size, timeout);
}

static int port_write(struct port *port, const char *bytes, int size)
{
    int met = meet(order_in(bytes, size));
    return met ? met : real_write(port, bytes, size);
}

static int port_find_device(struct port *port, int vendor, int product)
{
    struct control control = read_control();
    return is(&control, "absent") ? NO_DEVICE : real_find_device(port, vendor, product);
}

static int port_find_device_by_class(struct port *port, int class, int subclass, int protocol)
{
    struct control control = read_control();
    return is(&control, "absent") ? NO_DEVICE : real_find_device_by_class(port, class, subclass, protocol);
}

static void *symbol(const char *name)
{
    void *found;
    if (!vusb && !(vusb = dlopen(VUSB, RTLD_NOW | RTLD_LOCAL)))
        fprintf(stderr, "%s\n", dlerror());
    if (!vusb || !(found = dlsym(vusb, name)))
        abort();
    return found;
}

/* vusb counts its pictures in static variables: it goes when libgphoto2 lets this library go. */
__attribute__((destructor)) static void unload(void)
{
    if (vusb)
        dlclose(vusb);
}

int gp_port_library_type(void)
{
    return ((int (*)(void))symbol("gp_port_library_type"))();
}

int gp_port_library_list(void *list)
{
    return ((int (*)(void *))symbol("gp_port_library_list"))(list);
}

static void *replace(operations *table, enum slot slot, void *ours)
{
    void *theirs = table[slot];
    table[slot] = ours;
    return theirs;
}

operations *gp_port_library_operations(void)
{
    operations *table = ((operations *(*)(void))symbol("gp_port_library_operations"))();

    if (!table)
        return NULL;
    real_open = replace(table, OPEN, port_open);
    real_read = replace(table, READ, port_read);
    real_check_int = replace(table, CHECK_INT, port_check_int);
    real_write = replace(table, WRITE, port_write);
    real_find_device = replace(table, FIND_DEVICE, port_find_device);
    real_find_device_by_class = replace(table, FIND_DEVICE_BY_CLASS, port_find_device_by_class);
    return table;
}
