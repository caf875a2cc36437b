/* What libgphoto2's virtual Nikon lacks, for the cameras of the file `cameras`: a serial number of its own, ISO,
 * shutter times up to 30 s and bulb, image quality (JPEG, RAW, both), live view, battery level and free card space.
 *
 * It intercepts the PTP containers (USB still image class: length, type, code, transaction, then parameters or
 * data, all little-endian): an operation that is handled here never reaches vusb, an answer of vusb's that needs
 * more data is rewritten, and all else is passed on.
 *
 * Pictures come from beside $VCAMERADIR: `pictures/scene.jpg`, `raw.nef`, `preview.jpg`.
 */
#define _GNU_SOURCE
#include "far.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 12, COMMAND = 1, DATA = 2, RESPONSE = 3 };
enum order {
    GET_DEVICE_INFO = 0x1001, GET_STORAGE_INFO = 0x1005, GET_OBJECT_HANDLES = 0x1007, GET_OBJECT_INFO = 0x1008,
    GET_OBJECT = 0x1009, DELETE_OBJECT = 0x100b, INITIATE_CAPTURE = 0x100e, GET_PROP_DESC = 0x1014,
    GET_PROP_VALUE = 0x1015, SET_PROP_VALUE = 0x1016, GET_PARTIAL_OBJECT = 0x101b,
    CHANGE_MODE = 0x90c2, GET_EVENTS = 0x90c7, DEVICE_READY = 0x90c8, START_LIVE_VIEW = 0x9201, END_LIVE_VIEW = 0x9202,
    GET_LIVE_VIEW = 0x9203, CAPTURE_TO_MEDIA = 0x9207, END_BULB = 0x920c
};
enum { DONE = 0x2001, PTP_STORE_FULL = 0x200c, NO_LIVE_VIEW = 0xa00b, OBJECT_ADDED = 0x4002, CAPTURE_COMPLETE = 0x400d, IN_MEMORY = 0xc101 };
enum property { BATTERY = 0x5001, QUALITY = 0x5004, EXPOSURE = 0x500d, PROGRAM = 0x500e, ISO = 0x500f, LIVE_VIEW = 0xd1a2, LIVE_VIEW_PROHIBITED = 0xd1a4 };
enum { STORE = 0x00010001, DCIM = 2, JPEG_FORMAT = 0x3801, UNKNOWN_FORMAT = 0x3000, THUMBNAIL_FORMAT = 0x3808, FIRST_HANDLE = 0x00f00000 };
#define FIRST_IN_MEMORY 0xffff0001u
enum { BULB = -1, JPEG_FINE = 2, RAW = 4, RAW_AND_JPEG = 7, MOST_OBJECTS = 256, MOST_EVENTS = 16 };

static const char PICTURE[] = "pictures/scene.jpg", RAW_PICTURE[] = "raw.nef";

struct bytes {
    unsigned char *at;
    size_t size, from;
};

struct object {
    uint32_t handle;
    const char *source;
    char name[16];
};

/* A setting of the camera's: its choices, and how many bytes each has. */
struct setting {
    enum property code;
    int type, size; /* PTP: 2 is UINT8, 4 UINT16, 6 UINT32 */
    uint32_t choices[24];
};

/* In the units of PTP: exposure in 0.1 ms. The first choice is what it is set to when it is plugged in. */
static const struct setting settings[] = {
    {EXPOSURE, 6, 4, {100, 1, 12, 25, 50, 200, 500, 1000, 10000, 20000, 40000, 80000, 150000, 300000, (uint32_t)BULB}},
    {ISO, 4, 2, {100, 200, 400, 800, 1600, 3200, 6400}},
    {PROGRAM, 4, 2, {1, 2, 3, 4}},
    {QUALITY, 2, 1, {JPEG_FINE, RAW, RAW_AND_JPEG}},
};
enum { SETTINGS = sizeof settings / sizeof settings[0] };
static const uint16_t new_orders[] = {END_BULB, START_LIVE_VIEW, END_LIVE_VIEW, GET_LIVE_VIEW,
                                      GET_EVENTS, DEVICE_READY};
static const uint16_t new_properties[] = {PROGRAM, QUALITY, LIVE_VIEW, ISO}; /* ISO last: see `silent` */

struct line {
    char port[PORT_BYTES];
    struct plugged camera;
    uint32_t values[SETTINGS], turned[SETTINGS];
    int live, to_memory, awaited; /* awaited: the setting whose value comes in the next container, from 1 */
    int forwarded; /* the operation that vusb handles */
    uint32_t transaction, kept_from_vusb; /* vusb expects consecutive transaction numbers: those that it does not see are counted */
    struct bytes answer;
    size_t left; /* of the container that is read now */
    struct object objects[MOST_OBJECTS], in_memory[2];
    int taken, kept, events;
    uint32_t event_codes[MOST_EVENTS][2];
};
static struct line lines[MOST_CAMERAS];

/* Bytes */

static void put(struct bytes *to, const void *from, size_t size)
{
    if (!(to->at = realloc(to->at, to->size + size)))
        abort();
    memcpy(to->at + to->size, from, size);
    to->size += size;
}

static void put_number(struct bytes *to, uint64_t number, size_t size)
{
    for (size_t place = 0; place < size; place++, number >>= 8)
        put(to, &(unsigned char){number & 0xff}, 1);
}

static void put_text(struct bytes *to, const char *text)
{
    put_number(to, *text ? strlen(text) + 1 : 0, 1);
    for (const char *letter = text; *text && letter <= text + strlen(text); letter++)
        put_number(to, (unsigned char)*letter, 2);
}

static uint64_t number_at(const unsigned char *at, size_t size)
{
    uint64_t number = 0;
    while (size--)
        number = number << 8 | at[size];
    return number;
}

static void put_container(struct bytes *to, int type, int code, uint32_t transaction, struct bytes content)
{
    put_number(to, HEADER + content.size, 4);
    put_number(to, type, 2);
    put_number(to, code, 2);
    put_number(to, transaction, 4);
    put(to, content.at, content.size);
    free(content.at);
}

static struct bytes file(const char *name)
{
    char path[PATH_BYTES];
    struct bytes content = {0};
    FILE *opened;
    long size;

    beside_pictures(path, name);
    if (!(opened = fopen(path, "re")))
        return content;
    fseek(opened, 0, SEEK_END);
    size = ftell(opened);
    rewind(opened);
    if (size > 0 && (content.at = malloc(size)))
        content.size = fread(content.at, 1, size, opened);
    fclose(opened);
    return content;
}

/* The camera */

static struct line *line_of(const char *port)
{
    struct line *line = lines;

    while (line < lines + MOST_CAMERAS - 1 && line->port[0] && strcmp(line->port, port))
        line++;
    if (!line->port[0]) {
        snprintf(line->port, sizeof line->port, "%s", port);
        for (int place = 0; place < SETTINGS; place++)
            line->values[place] = settings[place].choices[0];
    }
    plugged_at(port, &line->camera);
    return line;
}

void forget_transfers(const char *port)
{
    struct line *line = line_of(port);
    line->answer.size = line->answer.from = line->left = 0;
    line->events = line->awaited = line->live = line->kept_from_vusb = 0;
}

/* A dial on the body is turned: each line of the file `turned` is `PORT PROPERTY VALUE`. */
static void turn_dials(struct line *line)
{
    char path[PATH_BYTES], port[PORT_BYTES];
    unsigned property, value;
    FILE *turned;

    beside_pictures(path, "turned");
    if (!(turned = fopen(path, "re")))
        return;
    while (fscanf(turned, "%31s %x %u", port, &property, &value) == 3)
        for (int place = 0; place < SETTINGS; place++)
            if (!strcmp(port, line->port) && settings[place].code == property && line->turned[place] != value)
                line->values[place] = line->turned[place] = value;
    fclose(turned);
}

static int setting_of(uint32_t property)
{
    for (int place = 0; place < SETTINGS; place++)
        if (settings[place].code == property)
            return place;
    return -1;
}

static void tell(struct line *line, uint32_t code, uint32_t parameter)
{
    if (line->events < MOST_EVENTS) {
        line->event_codes[line->events][0] = code;
        line->event_codes[line->events++][1] = parameter;
    }
}

/* A picture on the card, or in the camera's memory, where the next capture takes its place. */
static void add_object(struct line *line, int place, const char *source, const char *suffix)
{
    struct object *object = line->to_memory ? &line->in_memory[place] : &line->objects[line->kept++ % MOST_OBJECTS];

    object->handle = line->to_memory ? FIRST_IN_MEMORY + place : (uint32_t)FIRST_HANDLE + line->kept;
    object->source = source;
    snprintf(object->name, sizeof object->name, "DSC_%04d.%s", line->taken % 10000, suffix);
    tell(line, line->to_memory ? IN_MEMORY : OBJECT_ADDED, object->handle);
}

static void expose(struct line *line)
{
    uint32_t quality = line->values[setting_of(QUALITY)];

    line->taken++;
    line->live = 0;
    add_object(line, 0, quality == JPEG_FINE ? PICTURE : RAW_PICTURE, quality == JPEG_FINE ? "JPG" : "NEF");
    tell(line, CAPTURE_COMPLETE, 0);
    if (quality == RAW_AND_JPEG)
        add_object(line, 1, PICTURE, "JPG");
}

static struct object *object_of(struct line *line, uint32_t handle)
{
    struct object *found = NULL;

    for (int place = 0; place < MOST_OBJECTS; place++)
        found = line->objects[place].handle == handle ? &line->objects[place] : found;
    for (int place = 0; place < 2; place++)
        found = line->in_memory[place].handle == handle ? &line->in_memory[place] : found;
    return handle ? found : NULL;
}

/* Answers of our own */

static struct bytes object_info(const struct object *object)
{
    struct bytes content = file(object->source), info = {0};
    int raw = object->source == RAW_PICTURE, parent = object->handle >= FIRST_IN_MEMORY ? 0 : DCIM;

    put_number(&info, STORE, 4);
    put_number(&info, raw ? UNKNOWN_FORMAT : JPEG_FORMAT, 2);
    put_number(&info, 0, 2);
    put_number(&info, content.size, 4);
    put_number(&info, THUMBNAIL_FORMAT, 2);
    for (int place = 0; place < 6; place++) /* of the thumbnail: size, width, height; of the picture: width, height, depth */
        put_number(&info, 0, 4);
    put_number(&info, parent, 4);
    put_number(&info, 0, 2 + 4 + 4); /* association: type, description, number */
    put_text(&info, object->name);
    put_text(&info, "20260101T000000");
    put_text(&info, "20260101T000000");
    put_text(&info, "");
    free(content.at);
    return info;
}

static struct bytes part_of(struct line *line, const struct object *object, size_t from, size_t most)
{
    struct bytes content = file(object->source);

    if (sends_half(line->port))
        content.size /= 2;
    from = from < content.size ? from : content.size;
    content.size = content.size - from < most ? content.size - from : most;
    memmove(content.at, content.at + from, content.size);
    return content;
}

static struct bytes description_of(struct line *line, int place)
{
    const struct setting *setting = &settings[place];
    struct bytes data = {0};
    int count = 0;

    put_number(&data, setting->code, 2);
    put_number(&data, setting->type, 2);
    put_number(&data, 1, 1);
    put_number(&data, setting->choices[0], setting->size);
    put_number(&data, line->values[place], setting->size);
    put_number(&data, 2, 1);
    while (setting->choices[count])
        count++;
    put_number(&data, count, 2);
    for (int choice = 0; choice < count; choice++)
        put_number(&data, setting->choices[choice], setting->size);
    return data;
}

static struct bytes battery_description(long long percent)
{
    struct bytes data = {0};

    put_number(&data, BATTERY, 2);
    put_number(&data, 2, 2);
    put_number(&data, 0, 1);
    put_number(&data, percent, 1);
    put_number(&data, percent, 1);
    put_number(&data, 1, 1);
    put_number(&data, 0, 1);
    put_number(&data, 100, 1);
    put_number(&data, 1, 1);
    return data;
}

static struct bytes live_view_description(int live)
{
    struct bytes data = {0};

    put_number(&data, LIVE_VIEW, 2);
    put_number(&data, 2, 2);
    put_number(&data, 0, 1);
    put_number(&data, 0, 1);
    put_number(&data, live, 1);
    put_number(&data, 0, 1);
    return data;
}

static struct bytes value(uint64_t number, size_t size)
{
    struct bytes data = {0};
    put_number(&data, number, size);
    return data;
}

/* What the camera says of a property: 0 when it is one of vusb's. */
static int property(struct line *line, int order, uint32_t code, struct bytes *data)
{
    int place = setting_of(code), described = order == GET_PROP_DESC;

    turn_dials(line);
    if (place >= 0)
        *data = described ? description_of(line, place) : value(line->values[place], settings[place].size);
    else if (code == BATTERY && line->camera.battery >= 0)
        *data = described ? battery_description(line->camera.battery) : value(line->camera.battery, 1);
    else if (code == LIVE_VIEW)
        *data = described ? live_view_description(line->live) : value(line->live, 1);
    else if (code == LIVE_VIEW_PROHIBITED && !described)
        *data = value(0, 4);
    else
        return 0;
    return 1;
}

static int object_order(struct line *line, int order, const uint32_t *parameters, struct bytes *data)
{
    struct object *object = object_of(line, parameters[0]);

    if (!object)
        return 0;
    if (order == GET_OBJECT_INFO)
        *data = object_info(object);
    else if (order == GET_OBJECT)
        *data = part_of(line, object, 0, SIZE_MAX);
    else if (order == GET_PARTIAL_OBJECT)
        *data = part_of(line, object, parameters[1], parameters[2]);
    else
        object->handle = 0;
    return DONE;
}

/* Bulb: the shutter stays open until END_BULB. */
static int capture(struct line *line, int order, int to_memory)
{
    if (!to_memory && line->camera.free == 0)
        return PTP_STORE_FULL;
    line->to_memory = to_memory;
    if (order != CAPTURE_TO_MEDIA || line->values[setting_of(EXPOSURE)] != (uint32_t)BULB)
        expose(line);
    return DONE;
}

static int live_view(struct line *line, struct bytes *data)
{
    if (!line->live)
        return NO_LIVE_VIEW;
    *data = file("preview.jpg");
    return DONE;
}

/* The second file of a capture is announced after the capture itself is reported complete, one request later. */
static struct bytes events(struct line *line)
{
    struct bytes data = {0};
    int reported = 0;

    while (reported < line->events && (!reported || line->event_codes[reported - 1][0] != CAPTURE_COMPLETE))
        reported++;
    put_number(&data, reported, 2);
    for (int place = 0; place < reported; place++) {
        put_number(&data, line->event_codes[place][0], 2);
        put_number(&data, line->event_codes[place][1], 4);
    }
    line->events -= reported;
    memmove(line->event_codes, line->event_codes + reported, line->events * sizeof line->event_codes[0]);
    return data;
}

/* The PTP answer to an order, 0 when it is vusb's. `data` is what the camera sends before it. */
static int answer_to(struct line *line, int order, const uint32_t *parameters, struct bytes *data)
{
    switch (order) {
    case INITIATE_CAPTURE:
        return capture(line, order, 0);
    case CAPTURE_TO_MEDIA:
        return capture(line, order, parameters[1] != 0);
    case GET_EVENTS:
        *data = events(line);
        return DONE;
    case CHANGE_MODE:
    case DEVICE_READY:
        return DONE;
    case END_BULB:
        return capture(line, order, line->to_memory);
    case START_LIVE_VIEW:
    case END_LIVE_VIEW:
        line->live = order == START_LIVE_VIEW;
        return DONE;
    case GET_LIVE_VIEW:
        return live_view(line, data);
    case GET_OBJECT:
    case GET_OBJECT_INFO:
    case GET_PARTIAL_OBJECT:
    case DELETE_OBJECT:
        return object_order(line, order, parameters, data);
    case GET_PROP_DESC:
    case GET_PROP_VALUE:
        return property(line, order, parameters[0], data) ? DONE : 0;
    }
    return 0;
}

/* Answers of vusb's that say more here */

static size_t text_bytes(const unsigned char *at)
{
    return 1 + 2 * (size_t)*at;
}

static void copy(struct bytes *to, const unsigned char **from, size_t size)
{
    put(to, *from, size);
    *from += size;
}

static void copy_numbers(struct bytes *to, const unsigned char **from, const uint16_t *more, size_t count)
{
    size_t known = number_at(*from, 4);

    put_number(to, known + count, 4);
    *from += 4;
    copy(to, from, 2 * known);
    for (size_t place = 0; place < count; place++)
        put_number(to, more[place], 2);
}

static struct bytes device_info(const struct line *line, const unsigned char *from)
{
    struct bytes data = {0};

    copy(&data, &from, 8);
    copy(&data, &from, text_bytes(from));
    copy(&data, &from, 2);
    copy_numbers(&data, &from, new_orders, sizeof new_orders / 2);
    copy_numbers(&data, &from, NULL, 0);
    copy_numbers(&data, &from, new_properties, sizeof new_properties / 2 - line->camera.silent);
    copy_numbers(&data, &from, NULL, 0);
    copy_numbers(&data, &from, NULL, 0);
    for (int text = 0; text < 3; text++) /* manufacturer, model, version */
        copy(&data, &from, text_bytes(from));
    put_text(&data, line->camera.serial);
    return data;
}

static struct bytes storage_info(const struct line *line, const unsigned char *from, size_t size)
{
    struct bytes data = {0};

    put(&data, from, 14);
    put_number(&data, line->camera.free, 8);
    put(&data, from + 22, size - 22);
    return data;
}

static struct bytes object_handles(const struct line *line, const unsigned char *from)
{
    struct bytes data = {0}, ours = {0};

    for (int place = 0; place < MOST_OBJECTS; place++)
        if (line->objects[place].handle)
            put_number(&ours, line->objects[place].handle, 4);
    put_number(&data, number_at(from, 4) + ours.size / 4, 4);
    put(&data, from + 4, 4 * number_at(from, 4));
    put(&data, ours.at, ours.size);
    free(ours.at);
    return data;
}

static struct bytes rewritten(const struct line *line, int order, const unsigned char *content, size_t size)
{
    struct bytes same = {0};

    if (order == GET_DEVICE_INFO)
        return device_info(line, content);
    if (order == GET_STORAGE_INFO && line->camera.free >= 0)
        return storage_info(line, content, size);
    if (order == GET_OBJECT_HANDLES)
        return object_handles(line, content);
    put(&same, content, size);
    return same;
}

/* The line */

static void take_answer(struct line *line, const unsigned char *at, const unsigned char *end)
{
    while (at + HEADER <= end) {
        size_t size = number_at(at, 4);
        int type = number_at(at + 4, 2);
        struct bytes content = {0};
        if (type == DATA)
            content = rewritten(line, line->forwarded, at + HEADER, size - HEADER);
        else
            put(&content, at + HEADER, size - HEADER);
        put_container(&line->answer, type, number_at(at + 6, 2), line->transaction, content);
        at += size;
    }
}

static int forward(struct line *line, struct port *port, const char *bytes, int size, writing real_write,
                   transfer real_read)
{
    static char buffer[1 << 16];
    struct bytes ours = {0};
    int written, got;

    put(&ours, bytes, size);
    for (size_t place = 8; place < HEADER; place++)
        ours.at[place] = (line->transaction - line->kept_from_vusb) >> 8 * (place - 8);
    written = real_write(port, (char *)ours.at, size);
    free(ours.at);
    if ((got = real_read(port, buffer, sizeof buffer)) > 0)
        take_answer(line, (unsigned char *)buffer, (unsigned char *)buffer + got);
    return written;
}

static int take_value(struct line *line, const unsigned char *bytes)
{
    const struct setting *setting = &settings[line->awaited - 1];
    long refused = refusal(line->port, SET_PROP_VALUE);

    if (!refused)
        line->values[line->awaited - 1] = number_at(bytes + HEADER, setting->size);
    put_container(&line->answer, RESPONSE, refused ? refused : DONE, line->transaction, (struct bytes){0});
    line->awaited = 0;
    return 1;
}

/* Whether an operation is handled here. */
static int obey(struct line *line, int order, const uint32_t *parameters)
{
    struct bytes data = {0};
    int answer;

    if (order == SET_PROP_VALUE && setting_of(parameters[0]) >= 0)
        return line->awaited = setting_of(parameters[0]) + 1;
    if (!(answer = refusal(line->port, order)) && !(answer = answer_to(line, order, parameters, &data)))
        return 0;
    if (data.size)
        put_container(&line->answer, DATA, order, line->transaction, data);
    put_container(&line->answer, RESPONSE, answer, line->transaction, (struct bytes){0});
    return 1;
}

int extra_write(struct port *port, const char *where, const char *bytes, int size, writing real_write,
                transfer real_read)
{
    const unsigned char *container = (const unsigned char *)bytes;
    struct line *line = line_of(where);
    uint32_t parameters[3] = {0};

    if (line->awaited && take_value(line, container))
        return size;
    if (size < HEADER || number_at(container + 4, 2) != COMMAND)
        return forward(line, port, bytes, size, real_write, real_read);
    line->forwarded = number_at(container + 6, 2);
    line->transaction = number_at(container + 8, 4);
    for (int place = 0; place < 3 && HEADER + 4 * place + 4 <= size; place++)
        parameters[place] = number_at(container + HEADER + 4 * place, 4);
    if (!obey(line, line->forwarded, parameters))
        return forward(line, port, bytes, size, real_write, real_read);
    line->kept_from_vusb++;
    return size;
}

/* One container at most, as USB ends a transfer with each. */
int extra_read(const char *where, char *bytes, int size, int *result)
{
    struct line *line = line_of(where);
    struct bytes *answer = &line->answer;

    if (answer->from == answer->size)
        return 0;
    if (!line->left)
        line->left = number_at(answer->at + answer->from, 4);
    *result = (size_t)size < line->left ? size : (int)line->left;
    memcpy(bytes, answer->at + answer->from, *result);
    answer->from += *result;
    line->left -= *result;
    if (answer->from == answer->size)
        answer->from = answer->size = 0;
    return 1;
}
