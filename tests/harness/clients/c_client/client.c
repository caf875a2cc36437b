/* A short night as the telescope's scheduler in C has it on the wire.

     client HOST COMMAND_PORT STATUS_PORT DELAY_US EXPOSURE_S

   Each command has a connection of its own, and is sent without a newline and without a NUL. The reply is read into a
   buffer of 1024 zeros, until the connection ends or the byte after what was read is still a zero. DELAY_US is the pause
   after a command. It prints a line for each command: port, reads, bytes, the first word of the reply, the command. It
   ends with 1 at the first command without DONE in its reply.
*/

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { BUFFER = 1024, TIMEOUT_S = 60 };

static struct {
    const char *host;
    int command_port, status_port;
    useconds_t delay_us;
    double exposure_s;
} controller;

static int connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    struct timeval timeout = {.tv_sec = TIMEOUT_S};
    int connection = socket(AF_INET, SOCK_STREAM, 0);

    if (inet_pton(AF_INET, controller.host, &address.sin_addr) != 1
        || setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0
        || connect(connection, (struct sockaddr *)&address, sizeof address) != 0) {
        perror("connect");
        exit(1);
    }
    return connection;
}

/* Counts the reads that were needed. */
static int read_reply(int connection, char *reply)
{
    int reads = 0;
    size_t filled = 0;

    while (filled < BUFFER) {
        ssize_t count = read(connection, reply + filled, BUFFER - filled);
        if (count < 0) {
            perror("read");
            exit(1);
        }
        if (count == 0)
            break;
        reads++;
        filled += (size_t)count;
        if (filled < BUFFER && reply[filled] == 0)
            break;
    }
    return reads;
}

static void run_command(int port, const char *command, char *reply)
{
    int connection = connect_to(port), reads;
    char word[16] = "-";

    memset(reply, 0, BUFFER + 1);
    if (write(connection, command, strlen(command)) != (ssize_t)strlen(command)) {
        perror("write");
        exit(1);
    }
    reads = read_reply(connection, reply);
    close(connection);
    usleep(controller.delay_us);
    sscanf(reply, "%15s", word);
    printf("%s %d %zu %s %s\n", port == controller.status_port ? "status" : "command", reads, strlen(reply), word, command);
    if (strstr(reply, "DONE") == NULL) {
        fprintf(stderr, "no DONE: %s -> %s\n", command, reply);
        exit(1);
    }
}

static void command(const char *text)
{
    char reply[BUFFER + 1];

    run_command(controller.command_port, text, reply);
}

/* The digits of a state, such as 1111. */
static long state_of(const char *state)
{
    char reply[BUFFER + 1], keyword[64];
    const char *found;

    run_command(controller.status_port, "status", reply);
    snprintf(keyword, sizeof keyword, "'%s': '", state);
    found = strstr(reply, keyword);
    if (found == NULL) {
        fprintf(stderr, "no %s in %s\n", state, reply);
        exit(1);
    }
    return strtol(found + strlen(keyword), NULL, 10);
}

static void write_header(int sequence, const char *root)
{
    char text[BUFFER];

    command("header filterna rgzz");
    command("header filterid 0");
    command("header lst   5.2500");
    command("header ha  -0.2500");
    command("header imagetyp sky");
    command("header darkfile UNKNOWN");
    snprintf(text, sizeof text, "header flatfile %s", root);
    command(text);
    snprintf(text, sizeof text, "header sequence %d", sequence);
    command(text);
    command("header tele-ra   5.5000");
    command("header tele-dec -30.0000");
    command("header focus  25.3000");
    command("header comment 'no comment'");
}

static void expose(const char *root, const char *mode)
{
    char text[BUFFER];

    snprintf(text, sizeof text, "expose True %9.3f %s %s", controller.exposure_s, root, mode);
    command(text);
}

static void *expose_beside(void *root)
{
    expose(root, "single");
    return NULL;
}

int main(int argc, char **argv)
{
    const char *modes[] = {"single", "first", "next", "next", "last"};
    char root[32];
    pthread_t thread;

    if (argc != 6)
        return 2;
    controller.host = argv[1];
    controller.command_port = atoi(argv[2]);
    controller.status_port = atoi(argv[3]);
    controller.delay_us = (useconds_t)atoi(argv[4]);
    controller.exposure_s = atof(argv[5]);

    state_of("IDLE");
    command("clear 25");
    for (int number = 0; number < 5; number++) {
        snprintf(root, sizeof root, "2026010100000%ds", number);
        write_header(number + 1, root);
        expose(root, modes[number]);
    }

    /* One exposure beside, whose end the status tells. */
    write_header(6, "20260101000005s");
    if (pthread_create(&thread, NULL, expose_beside, "20260101000005s") != 0)
        return 1;
    while (state_of("EXPOSING") == 0)
        ;
    while (state_of("EXPOSING") != 0)
        ;
    pthread_join(thread, NULL);
    return state_of("IDLE") == 1111 ? 0 : 1;
}
