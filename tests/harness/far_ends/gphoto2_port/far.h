/* What port.c (the table of operations), cameras.c (what is plugged in) and extras.c (what libgphoto2's virtual
 * camera lacks) know of one another. */
#include <stddef.h>
#include <stdint.h>

enum answer { OK = 0, IO_ERROR = -7, NO_DEVICE = -52, CLAIMED = -53 };
enum { PATH_BYTES = 4096, PORT_BYTES = 32, MOST_CAMERAS = 8 };

struct port; /* libgphoto2's GPPort */

/* One line of the file `cameras`. What it does not say is -1. */
struct plugged {
    char port[PORT_BYTES], serial[32];
    long long battery, free;
    int silent;
};

/* cameras.c */
void beside_pictures(char *path, const char *name);
int many(void);                                 /* whether there is a file `cameras` */
int plugged_in(struct plugged *found);          /* how many, into an array of MOST_CAMERAS */
int plugged_at(const char *port, struct plugged *found);
int claim(const char *port);                    /* OK, or CLAIMED while another process has it */
void release(const char *port);

/* extras.c. Reading: 1 when there was something, and then *result is what the caller is given */
typedef int (*transfer)(struct port *, char *, int);
void forget_transfers(const char *port);
typedef int (*writing)(struct port *, const char *, int);
int extra_write(struct port *port, const char *where, const char *bytes, int size, writing real_write,
                transfer real_read);
int extra_read(const char *where, char *bytes, int size, int *result);

/* port.c */
long refusal(const char *port, int order);      /* the PTP answer that the control file has for this order, or 0 */
int sends_half(const char *port);
