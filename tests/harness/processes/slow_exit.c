/* Makes the end of a process last half a second, which is the time for its other threads to fail in. */
#define _DEFAULT_SOURCE
#include <unistd.h>

__attribute__((destructor)) static void wait_at_end(void) { usleep(500000); }
