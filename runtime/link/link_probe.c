/* SPDX-License-Identifier: Apache-2.0 */
/* A connection of our own, without NNG, up to the first byte of the server's greeting; the errors
 * of stat and connect distinguish the other cases. */
#include "runtime/link/link_probe.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

const char *link_probe_text(enum link_probe p)
{
    switch (p) {
    case LINK_PROBE_ANSWERS:
        return "a process answers there";
    case LINK_PROBE_ABSENT:
        return "there is no such socket";
    case LINK_PROBE_STALE:
        return "no process listens there any more";
    case LINK_PROBE_SILENT:
        return "the process there does not answer";
    case LINK_PROBE_NO_SOCKET:
        return "there is something else than a socket";
    case LINK_PROBE_DENIED:
        return "permission denied";
    case LINK_PROBE_PATH:
        return "the path of a socket must have 1 to 100 bytes";
    }
    return "unknown";
}

static enum link_probe link_probe_greeted(int fd, uint32_t timeout_ms)
{
    struct timeval patience = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};
    char first;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return recv(fd, &first, 1, 0) == 1 ? LINK_PROBE_ANSWERS : LINK_PROBE_SILENT;
}

enum link_probe link_probe(const char *path, uint32_t timeout_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    size_t len = strlen(path);
    if (len == 0 || len > LINK_PATH_MAX)
        return LINK_PROBE_PATH;
    memcpy(address.sun_path, path, len);
    if (stat(path, &status) != 0)
        return errno == EACCES ? LINK_PROBE_DENIED : LINK_PROBE_ABSENT;
    if (!S_ISSOCK(status.st_mode))
        return LINK_PROBE_NO_SOCKET;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return LINK_PROBE_SILENT;
    enum link_probe result;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        result = link_probe_greeted(fd, timeout_ms);
    else if (errno == ECONNREFUSED)
        result = LINK_PROBE_STALE;
    else
        result = errno == EACCES || errno == EPERM ? LINK_PROBE_DENIED : LINK_PROBE_SILENT;
    close(fd);
    return result;
}
