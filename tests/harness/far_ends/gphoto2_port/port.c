/* A port library for libgphoto2: the wheel's own virtual USB camera (vusb.so), made to misbehave on demand.
 *
 * libgphoto2 loads every library of $IOLIBS and asks it for a table of operations. This one passes on vusb's
 * table, with the operations that reach the device replaced by ones that first read the file `control` beside
 * the folder $VCAMERADIR. Its one line is `MODE [capture|set|fetch|PORT] [once] [NUMBER]`:
 *
 *   absent   no camera is listed, and a transfer finds none (-52)
 *   busy     the camera is listed, but another process has claimed it (-53)
 *   error    a transfer fails (-7)
 *   delay    a transfer takes NUMBER milliseconds longer
 *   hang     a transfer never comes back, and no signal handler of Python runs
 *   refuse   the camera answers an order with the PTP code NUMBER (0x2019 is busy), in a station of several cameras
 *   half     a file comes half, in a station of several cameras
 *
 * `capture`: only the order to expose (PTP InitiateCapture) meets it; `set`: only the order to change a setting
 * (SetDevicePropValue); `fetch`: only the order to give a file (GetObject); `usb:001,002`: only the camera there.
 * `once`: the file is removed when it is obeyed. An empty or missing file: the camera behaves.
 *
 * Beside it the file `cameras` may say that several cameras are plugged in, and where: see cameras.c. These have more
 * functions than vusb's: see extras.c.
 *
 * VUSB, the path of the wheel's vusb.so, is compiled in. The table is declared here as slots by number, because
 * the header that declares it is not among those that libgphoto2 installs.
 */
#define _GNU_SOURCE
#include "far.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum slot { OPEN = 2, CLOSE = 3, READ = 4, CHECK_INT = 5, WRITE = 6, FIND_DEVICE = 12, FIND_DEVICE_BY_CLASS = 13 };
enum { PTP_CODE = 6, PTP_HEADER = 12, GET_OBJECT = 0x1009, INITIATE_CAPTURE = 0x100e, NIKON_CAPTURE = 0x9207, SET_VALUE = 0x1016, NO_ORDER = 0 };
enum { USB_PORT = 4 };

typedef void *operations;

static void *vusb;
static int (*real_open)(struct port *);
static int (*real_close)(struct port *);
static int (*real_read)(struct port *, char *, int);
static int (*real_check_int)(struct port *, char *, int, int);
static int (*real_write)(struct port *, const char *, int);
static int (*real_find_device)(struct port *, int, int);
static int (*real_find_device_by_class)(struct port *, int, int, int);

struct control {
    char mode[16], port[PORT_BYTES];
    long number;
    int only, once;
};

static void *symbol(const char *name);

static const char *port_of(struct port *port)
{
    char *path = NULL;
    void *info = NULL;

    ((int (*)(struct port *, void **))symbol("gp_port_get_info"))(port, &info);
    ((int (*)(void *, char **))symbol("gp_port_info_get_path"))(info, &path);
    return path ? path : "";
}

static int order_named(const char *word)
{
    return !strcmp(word, "capture") ? INITIATE_CAPTURE : !strcmp(word, "set") ? SET_VALUE
         : !strcmp(word, "fetch") ? GET_OBJECT : NO_ORDER;
}

static struct control read_control(void)
{
    struct control control = {0};
    char path[PATH_BYTES], line[128] = "", *word;
    FILE *file;

    beside_pictures(path, "control");
    if (!(file = fopen(path, "re")))
        return control;
    if (!fgets(line, sizeof line, file))
        line[0] = 0;
    fclose(file);
    if ((word = strtok(line, " \n")))
        snprintf(control.mode, sizeof control.mode, "%s", word);
    while ((word = strtok(NULL, " \n"))) {
        control.only |= order_named(word);
        control.once |= !strcmp(word, "once");
        control.number |= strtol(word, NULL, 0);
        if (!strncmp(word, "usb:", 4))
            snprintf(control.port, sizeof control.port, "%s", word);
    }
    return control;
}

static int is(const struct control *control, const char *mode)
{
    return !strcmp(control->mode, mode);
}

/* What the camera at `where` meets now: nothing for an order that it is not about. */
static struct control met_by(const char *where, int order)
{
    struct control control = read_control();

    if ((control.only && control.only != order) || (control.port[0] && strcmp(control.port, where)))
        control.mode[0] = 0;
    return control;
}

static void obeyed(const struct control *control)
{
    char path[PATH_BYTES];

    beside_pictures(path, "control");
    if (control->once)
        unlink(path);
}

/* What a transfer meets: 0, or the error that it ends with. Hanging never returns. */
static int meet(struct port *port, int order)
{
    struct control control = met_by(port_of(port), order);
    struct plugged camera;

    if (many() && !plugged_at(port_of(port), &camera))
        return NO_DEVICE;
    if (!control.mode[0] || is(&control, "refuse") || is(&control, "half"))
        return OK;
    obeyed(&control);
    while (is(&control, "hang"))
        pause();
    if (is(&control, "delay"))
        usleep(1000u * (unsigned)control.number);
    return is(&control, "error") ? IO_ERROR : is(&control, "absent") ? NO_DEVICE : OK;
}

long refusal(const char *where, int order)
{
    struct control control = met_by(where, order);

    if (!is(&control, "refuse"))
        return 0;
    obeyed(&control);
    return control.number;
}

int sends_half(const char *where)
{
    struct control control = met_by(where, GET_OBJECT);

    if (!is(&control, "half"))
        return 0;
    obeyed(&control);
    return 1;
}

/* The PTP operation of a command container. */
static int order_in(const char *bytes, int size)
{
    const unsigned char *container = (const unsigned char *)bytes;
    int order = size >= PTP_HEADER ? container[PTP_CODE] | container[PTP_CODE + 1] << 8 : NO_ORDER;
    return order == NIKON_CAPTURE ? INITIATE_CAPTURE : order;
}

static int is_there(struct port *port)
{
    struct control control = met_by(port_of(port), NO_ORDER);
    struct plugged camera;
    return !is(&control, "absent") && (!many() || plugged_at(port_of(port), &camera));
}

static int port_open(struct port *port)
{
    struct control control = met_by(port_of(port), NO_ORDER);
    int opened;

    if (!is_there(port))
        return NO_DEVICE;
    if (is(&control, "busy") || (many() && claim(port_of(port))))
        return CLAIMED;
    forget_transfers(port_of(port));
    if ((opened = real_open(port)))
        release(port_of(port));
    return opened;
}

static int port_close(struct port *port)
{
    release(port_of(port));
    return real_close(port);
}

static int port_read(struct port *port, char *bytes, int size)
{
    int met = meet(port, NO_ORDER), result = 0;

    if (!met && many() && extra_read(port_of(port), bytes, size, &result))
        return result;
    return met ? met : real_read(port, bytes, size);
}

static int port_check_int(struct port *port, char *bytes, int size, int timeout)
{
    int met = meet(port, NO_ORDER);
    return met ? met : real_check_int(port, bytes, size, timeout);
}

static int port_write(struct port *port, const char *bytes, int size)
{
    int met = meet(port, order_in(bytes, size));

    if (met)
        return met;
    return many() ? extra_write(port, port_of(port), bytes, size, real_write, real_read)
                  : real_write(port, bytes, size);
}

static int port_find_device(struct port *port, int vendor, int product)
{
    return is_there(port) ? real_find_device(port, vendor, product) : NO_DEVICE;
}

static int port_find_device_by_class(struct port *port, int class, int subclass, int protocol)
{
    return is_there(port) ? real_find_device_by_class(port, class, subclass, protocol) : NO_DEVICE;
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

static int list_port(void *list, const char *port)
{
    void *info = NULL;

    ((int (*)(void **))symbol("gp_port_info_new"))(&info);
    ((int (*)(void *, int))symbol("gp_port_info_set_type"))(info, USB_PORT);
    ((int (*)(void *, const char *))symbol("gp_port_info_set_name"))(info, "A camera for tests");
    ((int (*)(void *, const char *))symbol("gp_port_info_set_path"))(info, port);
    return ((int (*)(void *, void *))symbol("gp_port_info_list_append"))(list, info);
}

int gp_port_library_list(void *list)
{
    struct plugged cameras[MOST_CAMERAS];
    int count = plugged_in(cameras), listed = 0;

    if (!many())
        return ((int (*)(void *))symbol("gp_port_library_list"))(list);
    for (int place = 0; place < count && listed >= 0; place++)
        listed = list_port(list, cameras[place].port);
    return listed < 0 ? listed : OK;
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
    real_close = replace(table, CLOSE, port_close);
    real_read = replace(table, READ, port_read);
    real_check_int = replace(table, CHECK_INT, port_check_int);
    real_write = replace(table, WRITE, port_write);
    real_find_device = replace(table, FIND_DEVICE, port_find_device);
    real_find_device_by_class = replace(table, FIND_DEVICE_BY_CLASS, port_find_device_by_class);
    return table;
}
