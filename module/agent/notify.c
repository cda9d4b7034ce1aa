/*
 * notify.c - sd_notify(3)'s protocol, which is one datagram: no reason to link libsystemd for it.
 */
#include "agent/agent.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void sg_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        !sg_text_copy(address.sun_path, sizeof address.sun_path, sg_text_of(path)))
        return;
    const socklen_t length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(address.sun_path));
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0'; /* abstract */
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                  length);
    (void)close(fd);
}

int64_t sg_notify_watchdog_ms(void)
{
    const char *pid = getenv("WATCHDOG_PID"), *usec = getenv("WATCHDOG_USEC");
    uint64_t value;

    if (usec == NULL || !sg_text_to_uint(&value, sg_text_of(usec), INT64_MAX) || value < 2000)
        return 0;
    uint64_t whose;
    if (pid != NULL &&
        (!sg_text_to_uint(&whose, sg_text_of(pid), INT32_MAX) || whose != (uint64_t)getpid()))
        return 0;
    return (int64_t)(value / 2000); /* half of it, in ms */
}
