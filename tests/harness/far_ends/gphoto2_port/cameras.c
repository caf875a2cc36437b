/* What is plugged in: the file `cameras` beside the folder $VCAMERADIR, a line for each camera,
 *
 *   PORT SERIAL [battery=PERCENT] [free=BYTES] [silent]
 *
 * such as `usb:001,004 6012345 battery=80`; a silent one has no ISO. It is read each time, so that a test unplugs, replugs and moves cameras by
 * rewriting it. Without the file there is one camera, as vusb has it.
 *
 * A camera is held by one process at a time: by a lock on the file `claim-PORT`, which ends with the process.
 */
#define _GNU_SOURCE
#include "far.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static struct {
    char port[PORT_BYTES];
    int lock;
} claims[MOST_CAMERAS];

void beside_pictures(char *path, const char *name)
{
    const char *pictures = getenv("VCAMERADIR");
    snprintf(path, PATH_BYTES, "%s/../%s", pictures ? pictures : ".", name);
}

int many(void)
{
    char path[PATH_BYTES];
    beside_pictures(path, "cameras");
    return !access(path, F_OK);
}

static void read_line(char *line, struct plugged *camera)
{
    char *word;

    *camera = (struct plugged){.battery = -1, .free = -1};
    if ((word = strtok(line, " \n")))
        snprintf(camera->port, sizeof camera->port, "%s", word);
    if ((word = strtok(NULL, " \n")))
        snprintf(camera->serial, sizeof camera->serial, "%s", word);
    while ((word = strtok(NULL, " \n"))) {
        sscanf(word, "battery=%lld", &camera->battery);
        sscanf(word, "free=%lld", &camera->free);
        camera->silent |= !strcmp(word, "silent");
    }
}

int plugged_in(struct plugged *found)
{
    char path[PATH_BYTES], line[256];
    int count = 0;
    FILE *file;

    beside_pictures(path, "cameras");
    if (!(file = fopen(path, "re")))
        return 0;
    while (count < MOST_CAMERAS && fgets(line, sizeof line, file)) {
        read_line(line, &found[count]);
        count += found[count].serial[0] != 0;
    }
    fclose(file);
    return count;
}

int plugged_at(const char *port, struct plugged *found)
{
    struct plugged cameras[MOST_CAMERAS];
    int count = plugged_in(cameras);

    for (int place = 0; place < count; place++)
        if (!strcmp(cameras[place].port, port)) {
            *found = cameras[place];
            return 1;
        }
    return 0;
}

int claim(const char *port)
{
    char name[PORT_BYTES + 8], path[PATH_BYTES];
    int place = 0;

    snprintf(name, sizeof name, "claim-%s", port);
    beside_pictures(path, name);
    while (place < MOST_CAMERAS && claims[place].port[0])
        place++;
    if (place == MOST_CAMERAS)
        return CLAIMED;
    claims[place].lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (claims[place].lock < 0 || flock(claims[place].lock, LOCK_EX | LOCK_NB)) {
        close(claims[place].lock);
        return CLAIMED;
    }
    snprintf(claims[place].port, sizeof claims[place].port, "%s", port);
    return OK;
}

void release(const char *port)
{
    for (int place = 0; place < MOST_CAMERAS; place++)
        if (!strcmp(claims[place].port, port)) {
            close(claims[place].lock);
            claims[place].port[0] = 0;
        }
}
