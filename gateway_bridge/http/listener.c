/* SPDX-License-Identifier: Apache-2.0 */
/* The socket is polled; when it is readable, up to ACCEPTED_MAX connections are accepted in a row.
 * Without a descriptor for the next one polling stops and a timer starts it again. Every loop binds
 * a socket of its own to the port (SO_REUSEPORT), so the kernel spreads the connections; the first
 * binds one alone for a moment, to find out whether another process has the port. */
#include "gateway_bridge/http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024    /* of listen(): connections not accepted yet */
#define ACCEPTED_MAX 64 /* in one pass of the loop, which others wait for */

/* --- closing ---------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;
    if (--l->open == 0)
        l->handler.closed(l->handler.context);
}

void listener_close(struct listener *l)
{
    check(!l->closing);
    l->closing = true;
    l->open = l->fd >= 0 ? 2 : 1;
    uv_close((uv_handle_t *)&l->again, on_closed);
    if (l->fd < 0)
        return;
    uv_close((uv_handle_t *)&l->poll, on_closed); /* not polled any more from here on */
    close(l->fd);
}

/* --- accepting -------------------------------------------------------------------------------- */

static void listener_poll(struct listener *l);

static void on_pause_over(uv_timer_t *timer)
{
    listener_poll(timer->data);
}

static void listener_pause(struct listener *l)
{
    check(uv_poll_stop(&l->poll) == 0 &&
          uv_timer_start(&l->again, on_pause_over, LISTENER_PAUSE_MS, 0) == 0);
    l->handler.exhausted(l->handler.context);
}

static bool listener_lacks(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Other errors of accept() are those of one connection, which is gone with them (accept(2)). */
static void on_waiting(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;
    (void)status, (void)events;
    for (int i = 0; i < ACCEPTED_MAX && !l->closing; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof from;
        int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            l->handler.connection(l->handler.context, fd, &from);
        else if (errno == EAGAIN)
            return;
        else if (listener_lacks(errno)) {
            listener_pause(l);
            return;
        }
    }
}

static void listener_poll(struct listener *l)
{
    check(uv_poll_start(&l->poll, UV_READABLE, on_waiting) == 0);
}

/* --- starting --------------------------------------------------------------------------------- */

void listener_init(struct listener *l, uv_loop_t *loop, const struct listener_handler *handler)
{
    *l = (struct listener){.loop = loop, .handler = *handler, .fd = -1};
    l->poll.data = l->again.data = l;
    check(uv_timer_init(loop, &l->again) == 0);
}

/* A bound socket, or a libuv error. `shared`: with other sockets bound so (SO_REUSEPORT); else it
 * fails if any socket listens there. */
static int listener_bind(const struct sockaddr_storage *address, socklen_t len, bool shared)
{
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return uv_translate_sys_error(errno);
    int on = 1, share = shared;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &share, sizeof share) != 0 ||
        bind(fd, (const struct sockaddr *)address, len) != 0) {
        int error = uv_translate_sys_error(errno);
        close(fd);
        return error;
    }
    return fd;
}

/* Bound and listening, or a libuv error. */
static int listener_open(struct sockaddr_storage *address, socklen_t len, bool first)
{
    /* A second payd would share the port as our own loops do, and take every other request. */
    int alone = first ? listener_bind(address, len, false) : -1;
    if (first && alone < 0)
        return alone;
    if (first)
        close(alone);
    int fd = listener_bind(address, len, true);
    if (fd >= 0 && (listen(fd, BACKLOG) != 0 ||
                    getsockname(fd, (struct sockaddr *)address, &len) != 0)) {
        int error = uv_translate_sys_error(errno);
        close(fd);
        return error;
    }
    return fd;
}

int listener_start(struct listener *l, const char *host, uint16_t port, bool first)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(struct sockaddr_in);
    check(l->fd < 0 && !l->closing);
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)&address) != 0) {
        len = sizeof(struct sockaddr_in6);
        if (uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address) != 0)
            return UV_EINVAL;
    }
    int fd = listener_open(&address, len, first);
    if (fd < 0)
        return fd;
    int error = uv_poll_init(l->loop, &l->poll, fd);
    if (error != 0) {
        close(fd);
        return error;
    }
    l->fd = fd;
    l->port = ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                                 : ((struct sockaddr_in6 *)&address)->sin6_port);
    listener_poll(l);
    return 0;
}
