/* libPxLApi.so, the PixeLink SDK, played by files in the folder $PIXELINK_SDK_LIB:
 *
 *   cameras          what is plugged in, a line for each: `SERIAL mono|colour PLUGGED`. PLUGGED is how often it was
 *                    plugged in so far: a handle from before is invalid, and the camera has forgotten its settings.
 *   limits           `FEATURE MINIMUM MAXIMUM` narrows or widens a feature's range; `FEATURE none` takes it away.
 *   clips            where it exists, a value out of range is brought into it with a warning, not refused.
 *   fault.FUNCTION   `CODE [TIMES]`: the answer of the function, always or TIMES times; `hang` never returns,
 *                    `torn` gives a frame whose description is rubbish, and a feature whose value is no number.
 *   camera-SERIAL    what the camera has (struct camera): it outlives the processes that use it, as real ones do.
 *
 * A process holds an opened camera by a lock on its file. Pixels are v = (column + 2 * row + frame) & 255 in every raw
 * format (16 bits: v in the upper byte, which comes first, the column in the lower). As RGB: red v, green the row,
 * blue the column; as RGB48 the same times 257.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef uint32_t U32;
typedef int32_t code;

enum { START, PAUSE, STOP };
enum { SHUTTER = 7, GAIN = 8, TEMPERATURE = 11, FRAME_RATE = 18, ROI = 19, ADDRESSING = 21, FORMAT = 22, TOTAL = 46 };
enum { PRESENCE = 1, MANUAL = 2, READ_ONLY = 64, WHILE_STREAMING = 128 };
enum { MONO8 = 0, MONO16 = 1, YUV422 = 2, BAYER8 = 3, BAYER16 = 4 };
enum { RAW_RGB24_DIB = 0x1005, RAW_RGB48 = 0x1006, RAW_RGB24 = 0x1012 };
enum { OK = 0, CHANGED = 1 };
enum { INVALID_HANDLE = (int)0x80000002, INVALID_PARAMETER, BUFFER_TOO_SMALL, NOT_SUPPORTED = (int)0x80000006, IN_USE,
       NO_CAMERA, HARDWARE, IO = (int)0x80000011, STREAM_STOPPED, OUT_OF_RANGE = (int)0x80000016,
       TIMED_OUT = (int)0x9000000C, NEEDS_CONTROL = (int)0x90000010, WHILE_STREAMING_NOT = (int)0x9000001B };
enum { WIDTH = 320, HEIGHT = 240, MOST = 8, MOST_PARAMETERS = 4, STREAM_STOP_FLAG = 2, TIMEOUT_US = 20000 };

struct camera {
    U32 plugged, colour, streaming, started_frames;
    float values[TOTAL][MOST_PARAMETERS];
    float old_shutter, old_gain;
    U32 old_frames; /* the number of frames that still have the old exposure: they were in the pipeline */
    double started;
};

struct handle { U32 serial, plugged; int file; struct camera *camera; };
struct range { float minimum, maximum; };
struct entry { U32 id, flags, parameters; struct range *ranges; };
struct features { U32 size, number; struct entry *entries; };

static struct handle handles[MOST];

static const struct { U32 id, parameters, flags; struct range ranges[MOST_PARAMETERS]; float initial[MOST_PARAMETERS]; }
FEATURES[] = {
    {SHUTTER, 1, MANUAL | WHILE_STREAMING, {{0.00002f, 2}}, {0.003096f}},
    {GAIN, 1, MANUAL | WHILE_STREAMING, {{0, 24}}, {0}},
    {TEMPERATURE, 1, READ_ONLY, {{-40, 100}}, {31.5f}},
    {FRAME_RATE, 1, MANUAL, {{1, 60}}, {10}},
    {ROI, 4, MANUAL, {{0, WIDTH - 8}, {0, HEIGHT - 8}, {8, WIDTH}, {8, HEIGHT}}, {0, 0, WIDTH, HEIGHT}},
    {ADDRESSING, 4, MANUAL, {{1, 2}, {0, 0}, {1, 2}, {1, 2}}, {1, 0, 1, 1}},
    {FORMAT, 1, MANUAL, {{MONO8, BAYER16}}, {MONO8}},
};
enum { NUMBER = sizeof FEATURES / sizeof *FEATURES };

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void path_of(char path[4096], const char *name)
{
    const char *folder = getenv("PIXELINK_SDK_LIB");
    snprintf(path, 4096, "%s/%s", folder ? folder : "/nonexistent", name);
}

static FILE *opened(const char *name)
{
    char path[4096];
    path_of(path, name);
    return fopen(path, "r");
}

/* Faults */

static code fault(const char *function, int *torn)
{
    char name[128], path[4096], next[4200], what[32] = "";
    int times = -1;
    FILE *file;

    snprintf(name, sizeof name, "fault.%s", function);
    if (!(file = opened(name)))
        return OK;
    if (fscanf(file, "%31s %d", what, &times) < 1)
        what[0] = 0;
    fclose(file);
    path_of(path, name);
    if (times == 1) {
        unlink(path);
    } else if (times > 1) {
        snprintf(next, sizeof next, "%s.next", path);
        if ((file = fopen(next, "w"))) {
            fprintf(file, "%s %d", what, times - 1);
            fclose(file);
            rename(next, path);
        }
    }
    while (!strcmp(what, "hang"))
        pause();
    if (torn)
        *torn = !strcmp(what, "torn");
    code answer = (code)strtoul(what, NULL, 0);
    if (answer == TIMED_OUT)
        usleep(TIMEOUT_US);
    return answer;
}

#define MAY_FAIL() do { code met = fault(__func__, NULL); if (met) return met; } while (0)

/* What is plugged in */

static int listed(U32 serials[MOST], U32 colours[MOST], U32 plugs[MOST])
{
    char kind[16];
    int number = 0;
    FILE *file = opened("cameras");

    while (file && number < MOST && fscanf(file, "%u %15s %u", &serials[number], kind, &plugs[number]) == 3)
        colours[number++] = !strcmp(kind, "colour");
    if (file)
        fclose(file);
    return number;
}

static int place(U32 serial, U32 *colour, U32 *plugged)
{
    U32 serials[MOST], colours[MOST], plugs[MOST];
    int number = listed(serials, colours, plugs);

    for (int at = 0; at < number; at++)
        if (serials[at] == serial || !serial) {
            *colour = colours[at], *plugged = plugs[at];
            return at;
        }
    return -1;
}

/* The camera behind a handle, or NULL: a camera that is gone answers each function with another code. */
static struct camera *behind(U32 handle, code gone, code *answer)
{
    U32 colour, plugged;
    struct handle *known = handle >= 1 && handle <= MOST && handles[handle - 1].camera ? &handles[handle - 1] : NULL;

    *answer = INVALID_HANDLE;
    if (!known)
        return NULL;
    if (place(known->serial, &colour, &plugged) < 0) {
        *answer = gone;
        return NULL;
    }
    return plugged == known->plugged ? known->camera : NULL;
}

code PxLGetNumberCamerasEx(unsigned char *infos, U32 *number)
{
    U32 serials[MOST], colours[MOST], plugs[MOST];
    MAY_FAIL();
    *number = (U32)listed(serials, colours, plugs);
    for (U32 at = 0; infos && at < *number; at++)
        memcpy(infos + 56 * at + 4, &serials[at], sizeof *serials);
    return OK;
}

static void forget(struct camera *camera, U32 colour, U32 plugged)
{
    memset(camera, 0, sizeof *camera);
    camera->plugged = plugged, camera->colour = colour;
    for (int at = 0; at < NUMBER; at++)
        memcpy(camera->values[FEATURES[at].id], FEATURES[at].initial, sizeof FEATURES[at].initial);
    camera->values[FORMAT][0] = colour ? BAYER8 : MONO8;
}

code PxLInitializeEx(U32 serial, void **handle, U32 flags)
{
    char name[64], path[4096];
    U32 colour, plugged;
    int at = 0, file;

    MAY_FAIL();
    if (place(serial, &colour, &plugged) < 0)
        return NO_CAMERA;
    while (at < MOST && handles[at].camera)
        at++;
    snprintf(name, sizeof name, "camera-%u", serial);
    path_of(path, name);
    if (at == MOST || (file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
        return HARDWARE;
    if (flock(file, LOCK_EX | LOCK_NB) || ftruncate(file, sizeof(struct camera))) {
        close(file);
        return IN_USE;
    }
    struct camera *camera = mmap(NULL, sizeof *camera, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (camera->plugged != plugged)
        forget(camera, colour, plugged);
    if (flags & STREAM_STOP_FLAG)
        camera->streaming = 0;
    handles[at] = (struct handle){serial, plugged, file, camera};
    *handle = (void *)(intptr_t)(at + 1);
    return OK;
}

code PxLUninitialize(U32 handle)
{
    MAY_FAIL();
    if (handle < 1 || handle > MOST || !handles[handle - 1].camera)
        return INVALID_HANDLE;
    munmap(handles[handle - 1].camera, sizeof(struct camera));
    close(handles[handle - 1].file);
    handles[handle - 1].camera = NULL;
    return OK;
}

code PxLGetCameraInfoEx(U32 handle, char *info, U32 size)
{
    code answer;
    struct camera *camera = behind(handle, NEEDS_CONTROL, &answer);

    MAY_FAIL();
    if (!camera)
        return answer;
    memset(info, 0, size);
    strcpy(info, "PixeLINK");
    strcpy(info + 33, camera->colour ? "PL-D722CU" : "PL-D722MU");
    snprintf(info + 322, 33, "%u", handles[handle - 1].serial);
    strcpy(info + 355, "01.02.03");
    return OK;
}

/* Features */

static int known(U32 feature, struct range ranges[MOST_PARAMETERS])
{
    char minimum[32];
    float maximum;
    U32 id;
    int at = 0, here;

    while (at < NUMBER && FEATURES[at].id != feature)
        at++;
    if (at == NUMBER)
        return -1;
    memcpy(ranges, FEATURES[at].ranges, sizeof FEATURES[at].ranges);
    FILE *file = opened("limits");
    here = at;
    while (file && fscanf(file, "%u %31s", &id, minimum) == 2) {
        if (!strcmp(minimum, "none"))
            here = id == feature ? -1 : here;
        else if (fscanf(file, "%f", &maximum) == 1 && id == feature)
            ranges[0] = (struct range){strtof(minimum, NULL), maximum};
    }
    if (file)
        fclose(file);
    return here;
}

code PxLGetCameraFeatures(U32 handle, U32 feature, void *buffer, U32 *size)
{
    struct { struct features all; struct entry entry; struct range ranges[MOST_PARAMETERS]; } *description = buffer;
    struct range ranges[MOST_PARAMETERS];
    code answer;

    MAY_FAIL();
    if (!behind(handle, NEEDS_CONTROL, &answer))
        return answer;
    *size = sizeof *description;
    if (!description)
        return OK;
    int at = known(feature, ranges);
    description->all = (struct features){sizeof *description, 1, &description->entry};
    description->entry = (struct entry){feature, 0, 0, description->ranges};
    if (at >= 0)
        description->entry = (struct entry){feature, FEATURES[at].flags | PRESENCE, FEATURES[at].parameters, description->ranges};
    memcpy(description->ranges, ranges, sizeof ranges);
    return OK;
}

code PxLGetFeature(U32 handle, U32 feature, U32 *flags, U32 *number, float *values)
{
    struct range ranges[MOST_PARAMETERS];
    int torn = 0;
    code answer, met = fault(__func__, &torn);
    struct camera *camera = behind(handle, HARDWARE, &answer);
    int at = known(feature, ranges);

    if (met)
        return met;
    if (!camera)
        return answer;
    if (at < 0)
        return NOT_SUPPORTED;
    *flags = FEATURES[at].flags | PRESENCE;
    *number = FEATURES[at].parameters;
    if (values)
        memcpy(values, camera->values[feature], *number * sizeof *values);
    if (values && torn)
        values[0] = NAN;
    return OK;
}

static int has_format(const struct camera *camera, int format)
{
    return camera->colour ? format >= YUV422 && format <= BAYER16 : format == MONO8 || format == MONO16;
}

/* As real cameras do: columns and rows by eights. */
static code fit(const struct camera *camera, U32 feature, float *values)
{
    code answer = OK;
    if (feature == FORMAT)
        return has_format(camera, (int)values[0]) ? OK : INVALID_PARAMETER;
    if (feature != ROI)
        return OK;
    for (int at = 0; at < 4; at++) {
        float fitting = floorf(values[at] / 8) * 8;
        answer |= fitting != values[at] ? CHANGED : OK;
        values[at] = fitting;
    }
    return values[0] + values[2] > WIDTH || values[1] + values[3] > HEIGHT ? OUT_OF_RANGE : answer;
}

code PxLSetFeature(U32 handle, U32 feature, U32 flags, U32 number, const float *wanted)
{
    struct range ranges[MOST_PARAMETERS];
    float values[MOST_PARAMETERS];
    char path[4096];
    code answer, fitted = OK;
    struct camera *camera = behind(handle, NEEDS_CONTROL, &answer);
    int at = known(feature, ranges);

    MAY_FAIL();
    if (!camera)
        return answer;
    if (at < 0 || (FEATURES[at].flags & READ_ONLY))
        return NOT_SUPPORTED;
    if (number != FEATURES[at].parameters || !(flags & MANUAL))
        return INVALID_PARAMETER;
    if (camera->streaming && !(FEATURES[at].flags & WHILE_STREAMING))
        return WHILE_STREAMING_NOT;
    path_of(path, "clips");
    for (U32 each = 0; each < number; each++) {
        values[each] = fmaxf(ranges[each].minimum, fminf(ranges[each].maximum, wanted[each]));
        if (values[each] == wanted[each])
            continue;
        if (access(path, F_OK))
            return feature == SHUTTER ? INVALID_PARAMETER : OUT_OF_RANGE;
        fitted = CHANGED;
    }
    if ((answer = fit(camera, feature, values)) < 0)
        return answer;
    if (camera->streaming && !camera->old_frames) {
        camera->old_shutter = camera->values[SHUTTER][0], camera->old_gain = camera->values[GAIN][0];
        camera->old_frames = 1;
    }
    memcpy(camera->values[feature], values, number * sizeof *values);
    return fitted | answer;
}

code PxLLoadSettings(U32 handle, U32 channel)
{
    code answer;
    struct camera *camera = behind(handle, NEEDS_CONTROL, &answer);
    (void)channel;
    MAY_FAIL();
    if (!camera)
        return answer;
    forget(camera, camera->colour, camera->plugged);
    return OK;
}

/* Frames */

code PxLSetStreamState(U32 handle, U32 state)
{
    code answer;
    struct camera *camera = behind(handle, IO, &answer);
    MAY_FAIL();
    if (!camera)
        return answer;
    camera->streaming = state == START;
    camera->old_frames = 0;
    camera->started = now();
    return OK;
}

static U32 bytes_of(int format)
{
    return format == MONO8 || format == BAYER8 ? 1 : 2;
}

static unsigned char value_at(U32 column, U32 row, U32 frame)
{
    return (unsigned char)(column + 2 * row + frame);
}

static void paint(unsigned char *pixels, U32 width, U32 height, U32 bytes, U32 frame)
{
    for (U32 row = 0; row < height; row++)
        for (U32 column = 0; column < width; column++, pixels += bytes) {
            pixels[0] = value_at(column, row, frame);
            if (bytes == 2)
                pixels[1] = (unsigned char)column;
        }
}

static void put(unsigned char *desc, size_t at, float value)
{
    memcpy(desc + at, &value, sizeof value);
}

static void describe(struct camera *camera, unsigned char *desc, U32 frame)
{
    const float *roi = camera->values[ROI], *addressing = camera->values[ADDRESSING];
    int old = camera->old_frames > 0;
    put(desc, 4, (float)(now() - camera->started));
    memcpy(desc + 8, &frame, sizeof frame);
    put(desc, 40, old ? camera->old_shutter : camera->values[SHUTTER][0]);
    put(desc, 44, old ? camera->old_gain : camera->values[GAIN][0]);
    for (size_t at = 0; at < 4; at++)
        put(desc, 420 + 4 * at, roi[at]);
    put(desc, 448, camera->values[FORMAT][0]);
    put(desc, 524, addressing[2]);
    put(desc, 528, addressing[3]);
    camera->old_frames -= (U32)old;
}

/* Waits for the end of the frame that is being exposed. */
code PxLGetNextFrame(U32 handle, U32 size, unsigned char *pixels, unsigned char *desc)
{
    int torn = 0;
    code answer, met = fault(__func__, &torn);
    struct camera *camera = behind(handle, TIMED_OUT, &answer);

    if (met)
        return met;
    if (!camera)
        return answer;
    if (!camera->streaming)
        return STREAM_STOPPED;
    double period = fmax(camera->values[SHUTTER][0], 1 / camera->values[FRAME_RATE][0]);
    U32 frame = (U32)((now() - camera->started) / period);
    double left = camera->started + (frame + 1) * period - now();
    usleep((useconds_t)(fmax(0, left) * 1e6));
    const float *roi = camera->values[ROI], *addressing = camera->values[ADDRESSING];
    U32 width = (U32)(roi[2] / addressing[2]), height = (U32)(roi[3] / addressing[3]);
    U32 bytes = bytes_of((int)camera->values[FORMAT][0]);
    if (size < width * height * bytes)
        return BUFFER_TOO_SMALL;
    if (torn)
        return OK;
    paint(pixels, width, height, bytes, frame);
    describe(camera, desc, frame);
    return OK;
}

static U32 described(const unsigned char *desc, size_t size, size_t divisor)
{
    float whole, by;
    memcpy(&whole, desc + size, sizeof whole);
    memcpy(&by, desc + divisor, sizeof by);
    return (U32)(whole / by);
}

/* `to` as RGB; a raw frame that is not the described one is refused. */
code PxLFormatImage(const unsigned char *raw, const unsigned char *desc, U32 format, unsigned char *to, U32 *size)
{
    U32 width = described(desc, 428, 524), height = described(desc, 432, 528), bytes = format == RAW_RGB48 ? 2 : 1;
    float was;
    U32 frame;

    MAY_FAIL();
    memcpy(&was, desc + 448, sizeof was);
    memcpy(&frame, desc + 8, sizeof frame);
    U32 step = bytes_of((int)was), needed = width * height * 3 * bytes;
    if (format != RAW_RGB24 && format != RAW_RGB48 && format != RAW_RGB24_DIB)
        return INVALID_PARAMETER;
    if (!to) {
        *size = needed;
        return OK;
    }
    if (*size < needed || raw[0] != value_at(0, 0, frame))
        return *size < needed ? BUFFER_TOO_SMALL : INVALID_PARAMETER;
    for (U32 row = 0; row < height; row++)
        for (U32 column = 0; column < width; column++) {
            U32 from = format == RAW_RGB24_DIB ? height - 1 - row : row;
            unsigned char colours[] = {raw[(from * width + column) * step], (unsigned char)from, (unsigned char)column};
            for (U32 at = 0; at < 3 * bytes; at++)
                *to++ = colours[at / bytes];
        }
    return OK;
}

code PxLGetErrorReport(U32 handle, unsigned char *report)
{
    (void)handle;
    memset(report, 0, 388);
    return OK;
}
