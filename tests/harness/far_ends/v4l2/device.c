/* A USB camera for tests: preloaded, it answers for /dev/video9 what the kernel's V4L2 would. See __init__.py.
 *
 * The device is the file FAKE_V4L2 (remove it: unplugged). Files beside it make it misbehave:
 *   FILE.stall     no frames come
 *   FILE.slow      ten frames come in a second, whatever rate is requested
 *   FILE.late      frames come 0.3 s after their time stamps
 *   FILE.hang      a wait for a frame does not end, whatever its timeout
 *   FILE.busy      another program streams
 *   FILE.other     it gives no pictures (as the second device of most cameras)
 *   FILE.rubbish   pictures that are no JPEG
 * and give it more: FILE.balance a white balance, FILE.gain a gain, FILE.jpeg the pictures of 1280x1024 as JPEG.
 *
 * Small pictures are BGR24: blue is the frame's number (mod 256), green the exposure control, red 200. A frame for
 * which no buffer is free is lost, as with a real camera. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFERS 10
#define FILES 4096
#define LATE 0.3
#define COUNT(array) (int)(sizeof(array) / sizeof *(array))
static const char *PATH = "/dev/video9", *NAME = "video9";

struct mode {
    unsigned pixels;
    int width, height;
    struct v4l2_fract intervals[4];
};
static const struct mode MODES[] = {
    {V4L2_PIX_FMT_BGR24, 64, 48, {{1, 50}, {1, 20}, {1, 10}}},
    {V4L2_PIX_FMT_BGR24, 128, 96, {{1, 50}, {1, 20}}},
    {V4L2_PIX_FMT_YUYV, 1280, 1024, {{2, 15}, {1, 5}}},
    {V4L2_PIX_FMT_MJPEG, 1280, 1024, {{1, 30}, {1, 15}}},
};
static const unsigned FORMATS[] = {V4L2_PIX_FMT_MJPEG, V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_BGR24};

static char ours[FILES];
static int streamer = -1, streaming, buffers;
static const struct mode *mode = MODES;
static struct v4l2_fract interval = {1, 50};
static int exposure = 156, automatic = V4L2_EXPOSURE_APERTURE_PRIORITY, balance = 4600, balances_itself = 1, gain = 8;
static int queue[BUFFERS], queued, done[BUFFERS], ready;
static double done_at[BUFFERS];
static long ticks;
static double started;
static unsigned char jpeg[4 << 20];
static int jpeg_size;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
static const char *real_path(const char *path) {
    const char *file = getenv("FAKE_V4L2");
    return path && file && strcmp(path, PATH) == 0 ? file : path;
}
static int flag(const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s.%s", getenv("FAKE_V4L2"), name);
    return REAL(access)(path, F_OK) == 0;
}
static int unplugged(void) { return REAL(access)(getenv("FAKE_V4L2"), F_OK) != 0; }
static int is_ours(int fd) { return fd >= 0 && fd < FILES && ours[fd]; }
static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

/* Its name: in /dev, and where /proc tells what a process has open. */
int stat(const char *path, struct stat *s) { return REAL(stat)(real_path(path), s); }
int lstat(const char *path, struct stat *s) { return REAL(lstat)(real_path(path), s); }
int stat64(const char *path, struct stat64 *s) { return REAL(stat64)(real_path(path), s); }
int lstat64(const char *path, struct stat64 *s) { return REAL(lstat64)(real_path(path), s); }
int access(const char *path, int mode) { return REAL(access)(real_path(path), mode); }
ssize_t readlink(const char *path, char *into, size_t room) {
    ssize_t length = REAL(readlink)(path, into, room);
    const char *file = getenv("FAKE_V4L2");
    if (length < 0 || !file || (size_t)length != strlen(file) || memcmp(into, file, length)) return length;
    length = strlen(PATH) < room ? strlen(PATH) : room;
    memcpy(into, PATH, length);
    return length;
}
static DIR *devices;
DIR *opendir(const char *path) {
    DIR *folder = REAL(opendir)(path);
    if (!unplugged() && strcmp(path, "/dev") == 0) devices = folder;
    return folder;
}
struct dirent64 *readdir64(DIR *folder) {
    static struct dirent64 entry;
    struct dirent64 *found = REAL(readdir64)(folder);
    if (found || folder != devices) return found;
    devices = 0;
    strcpy(entry.d_name, NAME);
    return &entry;
}
struct dirent *readdir(DIR *folder) { return (struct dirent *)readdir64(folder); }

static void reset(int fd) { /* a file in which no picture was yet is a camera just plugged in: nothing was set */
    struct stat s;
    if (fstat(fd, &s) != 0 || s.st_size) return;
    mode = MODES, interval = MODES->intervals[0], automatic = V4L2_EXPOSURE_APERTURE_PRIORITY;
    exposure = 156, balance = 4600, balances_itself = 1, gain = 8;
}
static int opened(const char *path, int result) {
    if (real_path(path) == path || result < 0 || result >= FILES) return result;
    ours[result] = 1;
    reset(result);
    return result;
}
int open(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = va_arg(list, mode_t);
    va_end(list);
    return opened(path, REAL(open)(real_path(path), flags, mode));
}
int open64(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = va_arg(list, mode_t);
    va_end(list);
    return opened(path, REAL(open64)(real_path(path), flags, mode));
}
int close(int fd) {
    if (is_ours(fd)) ours[fd] = 0;
    if (fd == streamer && fd >= 0) streamer = -1, streaming = 0;
    return REAL(close)(fd);
}

/* Frames */
static size_t room(void) { return ((size_t)mode->width * mode->height * 3 + 4095) / 4096 * 4096; }
static size_t size(void) {
    size_t pixels = (size_t)mode->width * mode->height;
    return mode->pixels == V4L2_PIX_FMT_MJPEG ? (size_t)jpeg_size : pixels * (mode->pixels == V4L2_PIX_FMT_YUYV ? 2 : 3);
}
static void load(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s.jpeg", getenv("FAKE_V4L2"));
    int file = REAL(open)(path, O_RDONLY);
    jpeg_size = file < 0 ? 0 : (int)read(file, jpeg, sizeof jpeg);
    if (file >= 0) REAL(close)(file);
}
static void paint(int index, long number) {
    static unsigned char picture[128 * 96 * 3];
    for (size_t i = 0; i < sizeof picture; i += 3) picture[i] = number, picture[i + 1] = exposure, picture[i + 2] = 200;
    int whole = mode->pixels == V4L2_PIX_FMT_MJPEG;
    if (flag("rubbish")) memset(jpeg, 0, jpeg_size);
    const unsigned char *from = whole ? jpeg : picture;
    size_t length = whole || size() < sizeof picture ? size() : sizeof picture;
    if (pwrite(streamer, from, length, index * room()) < 0) perror("pwrite");
}
static double due(long tick) { return started + tick * (double)interval.numerator / interval.denominator; }
static void advance(void) {
    double late = flag("late") ? LATE : 0;
    for (; streaming && !flag("stall") && due(ticks + 1) + late <= now(); ticks++) {
        if (!queued) continue;
        paint(queue[0], ticks);
        done_at[ready] = due(ticks + 1);
        done[ready++] = queue[0];
        memmove(queue, queue + 1, --queued * sizeof *queue);
    }
}
static int wait_until(double until) {
    while (flag("hang")) usleep(20000);
    for (advance(); !ready && !unplugged() && now() < until; advance()) {
        double next = due(ticks + 1) - now();
        usleep(next > 0.0005 && next < 0.005 ? (int)(next * 1e6) : next >= 0.005 ? 5000 : 500);
    }
    return ready || unplugged();
}
int poll(struct pollfd *fds, nfds_t count, int timeout) {
    if (streamer < 0 || count != 1 || fds[0].fd != streamer) return REAL(poll)(fds, count, timeout);
    int arrived = wait_until(now() + timeout / 1e3);
    fds[0].revents = unplugged() ? POLLERR : ready ? POLLIN : 0;
    return arrived;
}
int select(int count, fd_set *in, fd_set *out, fd_set *other, struct timeval *timeout) {
    if (streamer < 0 || !in || count != streamer + 1) return REAL(select)(count, in, out, other, timeout);
    return wait_until(now() + timeout->tv_sec + timeout->tv_usec / 1e6);
}

/* Controls */
static int failed(int code) { errno = code; return -1; }
struct control {
    unsigned id;
    int type, *value, minimum, maximum, step;
    const char *needs;
    int *ruler, by_hand;
};
static const struct control CONTROLS[] = {
    {V4L2_CID_EXPOSURE_AUTO, V4L2_CTRL_TYPE_MENU, &automatic, 0, 3, 1, 0, 0, 0},
    {V4L2_CID_EXPOSURE_ABSOLUTE, V4L2_CTRL_TYPE_INTEGER, &exposure, 1, 250, 1, 0, &automatic, V4L2_EXPOSURE_MANUAL},
    {V4L2_CID_GAIN, V4L2_CTRL_TYPE_INTEGER, &gain, 0, 64, 4, "gain", 0, 0},
    {V4L2_CID_AUTO_WHITE_BALANCE, V4L2_CTRL_TYPE_BOOLEAN, &balances_itself, 0, 1, 1, "balance", 0, 0},
    {V4L2_CID_WHITE_BALANCE_TEMPERATURE, V4L2_CTRL_TYPE_INTEGER, &balance, 2800, 6500, 100, "balance", &balances_itself, 0},
};
static const struct control *known_control(unsigned id) {
    for (int i = 0; i < COUNT(CONTROLS); i++)
        if (CONTROLS[i].id == id && (!CONTROLS[i].needs || flag(CONTROLS[i].needs))) return CONTROLS + i;
    return 0;
}
static int control(struct v4l2_control *value, int set) {
    const struct control *known = known_control(value->id);
    if (!known) return failed(EINVAL);
    if (set && known->ruler && *known->ruler != known->by_hand) return failed(EACCES);
    if (set && (value->value < known->minimum || value->value > known->maximum)) return failed(ERANGE);
    if (set) *known->value = value->value;
    value->value = *known->value;
    return 0;
}
static int query_control(struct v4l2_queryctrl *query) {
    const struct control *known = known_control(query->id);
    if (!known) return failed(EINVAL);
    query->type = known->type, query->minimum = known->minimum, query->maximum = known->maximum;
    query->step = known->step, query->default_value = *known->value;
    query->flags = known->ruler && *known->ruler != known->by_hand ? V4L2_CTRL_FLAG_INACTIVE : 0;
    return 0;
}
static int query_menu(struct v4l2_querymenu *query) { /* by hand or by the aperture, as nearly every USB camera */
    if (query->id != V4L2_CID_EXPOSURE_AUTO || (query->index != 1 && query->index != 3)) return failed(EINVAL);
    strcpy((char *)query->name, query->index == 1 ? "Manual Mode" : "Aperture Priority Mode");
    return 0;
}

/* Sizes and rates */
static int offered(const struct mode *m) { return m->width < 1000 || jpeg_size; }
static int enumerate_formats(struct v4l2_fmtdesc *found) {
    if ((int)found->index >= COUNT(FORMATS)) return failed(EINVAL);
    found->pixelformat = FORMATS[found->index];
    return 0;
}
static int enumerate_sizes(struct v4l2_frmsizeenum *found) {
    unsigned left = found->index;
    for (int i = 0; i < COUNT(MODES); i++) {
        if (MODES[i].pixels != found->pixel_format || !offered(MODES + i) || left--) continue;
        found->type = V4L2_FRMSIZE_TYPE_DISCRETE;
        found->discrete.width = MODES[i].width, found->discrete.height = MODES[i].height;
        return 0;
    }
    return failed(EINVAL);
}
static int enumerate_intervals(struct v4l2_frmivalenum *found) {
    for (int i = 0; i < COUNT(MODES); i++) {
        const struct mode *m = MODES + i;
        if (m->pixels != found->pixel_format || m->width != (int)found->width || m->height != (int)found->height) continue;
        if (found->index >= 4 || !m->intervals[found->index].denominator) return failed(EINVAL);
        found->type = V4L2_FRMIVAL_TYPE_DISCRETE, found->discrete = m->intervals[found->index];
        return 0;
    }
    return failed(EINVAL);
}
static double off(double one, double other) { return one > other ? one - other : other - one; }
static void nearest_mode(unsigned pixels, int width) {
    const struct mode *best = 0;
    for (const struct mode *m = MODES; m < MODES + COUNT(MODES); m++)
        if (m->pixels == pixels && offered(m) && (!best || off(m->width, width) < off(best->width, width))) best = m;
    mode = best ? best : MODES;
}
static int format(struct v4l2_format *f, int set) {
    if (flag("other")) return failed(EINVAL);
    if (set && flag("busy")) return failed(EBUSY);
    if (set) nearest_mode(f->fmt.pix.pixelformat, f->fmt.pix.width);
    f->fmt.pix.width = mode->width, f->fmt.pix.height = mode->height, f->fmt.pix.pixelformat = mode->pixels;
    f->fmt.pix.bytesperline = mode->pixels == V4L2_PIX_FMT_MJPEG ? 0 : size() / mode->height;
    f->fmt.pix.sizeimage = room(), f->fmt.pix.field = V4L2_FIELD_NONE;
    return 0;
}
static double rate_of(struct v4l2_fract fract) { return (double)fract.denominator / fract.numerator; }
static int rate(struct v4l2_streamparm *p, int set) {
    struct v4l2_fract requested = p->parm.capture.timeperframe;
    if (set && requested.denominator && requested.numerator) {
        interval = mode->intervals[0];
        for (int i = 1; i < 4 && mode->intervals[i].denominator; i++)
            if (off(rate_of(mode->intervals[i]), rate_of(requested)) < off(rate_of(interval), rate_of(requested)))
                interval = mode->intervals[i];
    }
    if (flag("slow")) interval = (struct v4l2_fract){1, 10};
    p->parm.capture.timeperframe = interval;
    return 0;
}

/* Streaming */
static int request_buffers(int fd, struct v4l2_requestbuffers *wanted) {
    if (flag("busy") || (streamer >= 0 && streamer != fd)) return failed(EBUSY);
    queued = ready = 0;
    buffers = wanted->count > BUFFERS ? BUFFERS : (int)wanted->count;
    wanted->count = buffers;
    streamer = buffers ? fd : -1;
    return buffers ? ftruncate(fd, buffers * room()) : 0;
}
static int dequeue(struct v4l2_buffer *b) {
    advance();
    if (unplugged()) return failed(ENODEV);
    if (!ready) return failed(EAGAIN);
    b->index = done[0], b->length = room(), b->bytesused = size(), b->memory = V4L2_MEMORY_MMAP;
    b->timestamp.tv_sec = (long)done_at[0], b->timestamp.tv_usec = (done_at[0] - (long)done_at[0]) * 1e6;
    memmove(done, done + 1, --ready * sizeof *done);
    memmove(done_at, done_at + 1, ready * sizeof *done_at);
    return 0;
}
static int describe(struct v4l2_capability *capability) {
    memset(capability, 0, sizeof *capability);
    strcpy((char *)capability->card, "Fake camera");
    capability->device_caps = (flag("other") ? V4L2_CAP_META_CAPTURE : V4L2_CAP_VIDEO_CAPTURE) | V4L2_CAP_STREAMING;
    capability->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_DEVICE_CAPS;
    return 0;
}
static int answer(int fd, unsigned long request, void *data) {
    struct v4l2_buffer *buffer = data;
    if (unplugged()) return failed(ENODEV);
    switch (request) {
    case VIDIOC_QUERYCAP: load(); return describe(data);
    case VIDIOC_ENUM_FMT: return enumerate_formats(data);
    case VIDIOC_ENUM_FRAMESIZES: return enumerate_sizes(data);
    case VIDIOC_ENUM_FRAMEINTERVALS: return enumerate_intervals(data);
    case VIDIOC_G_FMT: return format(data, 0);
    case VIDIOC_S_FMT: return format(data, 1);
    case VIDIOC_G_PARM: return rate(data, 0);
    case VIDIOC_S_PARM: return rate(data, 1);
    case VIDIOC_G_CTRL: return control(data, 0);
    case VIDIOC_S_CTRL: return control(data, 1);
    case VIDIOC_QUERYCTRL: return query_control(data);
    case VIDIOC_QUERYMENU: return query_menu(data);
    case VIDIOC_REQBUFS: return request_buffers(fd, data);
    case VIDIOC_QUERYBUF:
        buffer->length = room(), buffer->m.offset = buffer->index * room();
        return 0;
    case VIDIOC_QBUF:
        if (queued < BUFFERS) queue[queued++] = buffer->index;
        return 0;
    case VIDIOC_DQBUF: return dequeue(data);
    case VIDIOC_STREAMON:
        streaming = 1, started = now(), ticks = 0;
        return 0;
    case VIDIOC_STREAMOFF:
        streaming = queued = ready = 0;
        return 0;
    default: return failed(EINVAL);
    }
}
int ioctl(int fd, unsigned long request, ...) {
    va_list list;
    va_start(list, request);
    void *data = va_arg(list, void *);
    va_end(list);
    return is_ours(fd) ? answer(fd, (unsigned int)request, data) : REAL(ioctl)(fd, request, data);
}
