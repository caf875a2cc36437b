/* A USB camera for tests: preloaded, it answers for /dev/video9 what the kernel's V4L2 would. See __init__.py.
 *
 * The device is the file FAKE_V4L2 (remove it: unplugged); beside it, FILE.stall stops the frames and FILE.busy means
 * that another program holds it. Pictures are BGR24: blue is the frame's number (mod 256), green the exposure
 * control, red 200. With FILE.balance it has a white balance. A frame for which no buffer is free is lost, as with a
 * real camera. */
#define _GNU_SOURCE
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

#define BUFFERS 4
static const char *PATH = "/dev/video9";
static int handle = -1, streaming, buffers, width = 64, height = 48, fps = 50, exposure = 156, automatic = 3;
static int balance = 4600, balances_itself = 1;
static int queue[BUFFERS], queued, done[BUFFERS], ready;
static double done_at[BUFFERS];
static long ticks;
static double started;

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
static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int stat(const char *path, struct stat *s) { return REAL(stat)(real_path(path), s); }
int lstat(const char *path, struct stat *s) { return REAL(lstat)(real_path(path), s); }
int stat64(const char *path, struct stat64 *s) { return REAL(stat64)(real_path(path), s); }
int lstat64(const char *path, struct stat64 *s) { return REAL(lstat64)(real_path(path), s); }
int access(const char *path, int mode) { return REAL(access)(real_path(path), mode); }

static int opened(const char *path, int result) {
    if (real_path(path) != path) handle = result;
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
    if (fd == handle) handle = -1, streaming = 0;
    return REAL(close)(fd);
}

static size_t size(void) { return (size_t)width * height * 3; }
static size_t room(void) { return (size() + 4095) / 4096 * 4096; } /* mmap wants whole pages */
static void paint(int index, long number) {
    unsigned char *picture = malloc(size());
    for (size_t i = 0; i < size(); i += 3) picture[i] = number, picture[i + 1] = exposure, picture[i + 2] = 200;
    if (pwrite(handle, picture, size(), index * room()) < 0) perror("pwrite");
    free(picture);
}
static void advance(void) {
    for (; streaming && !flag("stall") && started + (double)(ticks + 1) / fps <= now(); ticks++) {
        if (!queued) continue;
        paint(queue[0], ticks);
        done_at[ready] = started + (double)(ticks + 1) / fps;
        done[ready++] = queue[0];
        memmove(queue, queue + 1, --queued * sizeof *queue);
    }
}
static int wait_until(double until) {
    for (advance(); !ready && !unplugged() && now() < until; advance()) usleep(500);
    return ready || unplugged();
}
int poll(struct pollfd *fds, nfds_t count, int timeout) {
    if (handle < 0 || count != 1 || fds[0].fd != handle) return REAL(poll)(fds, count, timeout);
    int arrived = wait_until(now() + timeout / 1e3);
    fds[0].revents = unplugged() ? POLLERR : ready ? POLLIN : 0;
    return arrived;
}
int select(int count, fd_set *in, fd_set *out, fd_set *other, struct timeval *timeout) {
    if (handle < 0 || !in || count != handle + 1) return REAL(select)(count, in, out, other, timeout);
    return wait_until(now() + timeout->tv_sec + timeout->tv_usec / 1e6);
}

static int failed(int code) { errno = code; return -1; }
static int *known_control(unsigned id) {
    if (id == V4L2_CID_EXPOSURE_ABSOLUTE) return &exposure;
    if (id == V4L2_CID_EXPOSURE_AUTO) return &automatic;
    if (!flag("balance")) return 0;
    return id == V4L2_CID_WHITE_BALANCE_TEMPERATURE ? &balance : id == V4L2_CID_AUTO_WHITE_BALANCE ? &balances_itself : 0;
}
static int control(struct v4l2_control *value, int set) {
    int *known = known_control(value->id);
    if (!known) return failed(EINVAL);
    if (set && known == &balance && balances_itself) return failed(EACCES);
    if (set && known == &exposure && automatic != V4L2_EXPOSURE_MANUAL) return failed(EACCES);
    if (set) *known = known == &exposure && value->value > 250 ? 250 : value->value;
    value->value = *known;
    return 0;
}
static int query_control(struct v4l2_queryctrl *query) {
    if (!known_control(query->id)) return failed(EINVAL);
    query->type = V4L2_CTRL_TYPE_INTEGER, query->minimum = 0, query->maximum = 10000, query->step = 1, query->flags = 0;
    return 0;
}
static int format(struct v4l2_format *f, int set) {
    if (set && flag("busy")) return failed(EBUSY);
    if (set) {
        width = f->fmt.pix.width > 100 ? 128 : 64;
        height = f->fmt.pix.width > 100 ? 96 : 48;
    }
    f->fmt.pix.width = width, f->fmt.pix.height = height, f->fmt.pix.pixelformat = V4L2_PIX_FMT_BGR24;
    f->fmt.pix.bytesperline = width * 3, f->fmt.pix.sizeimage = size(), f->fmt.pix.field = V4L2_FIELD_NONE;
    return 0;
}
static int rate(struct v4l2_streamparm *p, int set) {
    if (set && p->parm.capture.timeperframe.denominator) fps = p->parm.capture.timeperframe.denominator;
    if (fps > 50) fps = 50;
    p->parm.capture.timeperframe.numerator = 1, p->parm.capture.timeperframe.denominator = fps;
    return 0;
}
static int dequeue(struct v4l2_buffer *b) {
    advance();
    if (unplugged()) return failed(ENODEV);
    if (!ready) return failed(EAGAIN);
    b->index = done[0], b->length = b->bytesused = size(), b->memory = V4L2_MEMORY_MMAP;
    b->timestamp.tv_sec = (long)done_at[0], b->timestamp.tv_usec = (done_at[0] - (long)done_at[0]) * 1e6;
    memmove(done, done + 1, --ready * sizeof *done);
    memmove(done_at, done_at + 1, ready * sizeof *done_at);
    return 0;
}
static int answer(unsigned long request, void *data) {
    struct v4l2_buffer *buffer = data;
    struct v4l2_capability *capability = data;
    struct v4l2_requestbuffers *wanted = data;
    switch (request) {
    case VIDIOC_QUERYCAP:
        memset(capability, 0, sizeof *capability);
        strcpy((char *)capability->card, "Fake camera");
        capability->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_DEVICE_CAPS;
        capability->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
    case VIDIOC_G_FMT: return format(data, 0);
    case VIDIOC_S_FMT: return format(data, 1);
    case VIDIOC_G_PARM: return rate(data, 0);
    case VIDIOC_S_PARM: return rate(data, 1);
    case VIDIOC_G_CTRL: return control(data, 0);
    case VIDIOC_S_CTRL: return control(data, 1);
    case VIDIOC_QUERYCTRL: return query_control(data);
    case VIDIOC_REQBUFS:
        queued = ready = 0;
        buffers = wanted->count > BUFFERS ? BUFFERS : (int)wanted->count;
        wanted->count = buffers;
        return buffers ? ftruncate(handle, buffers * room()) : 0;
    case VIDIOC_QUERYBUF:
        buffer->length = size(), buffer->m.offset = buffer->index * room();
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
    return fd == handle && handle >= 0 ? answer((unsigned int)request, data) : REAL(ioctl)(fd, request, data);
}
