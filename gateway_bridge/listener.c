/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_bridge/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/check.h"

#define BACKLOG 1024 /* of listen(): connections not accepted yet */

static void again(uv_timer_t *timer);

/* --- closing --- */

static void part_closed(struct listener *l)
{
    if (--l->open == 0)
        l->handler.closed(l->handler.context);
}

static void on_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

void listener_close(struct listener *l)
{
    check(!l->closing);
    l->closing = true;
    l->open = l->away ? 1 : 2;
    if (l->kept >= 0)
        close(l->kept);
    uv_close((uv_handle_t *)&l->again, on_closed);
    if (!l->away && !uv_is_closing((uv_handle_t *)&l->tcp))
        uv_close((uv_handle_t *)&l->tcp, on_closed);
}

/* --- resting --- */

static void on_away(uv_handle_t *handle)
{
    struct listener *l = handle->data;
    l->away = true;
    if (l->closing)
        part_closed(l);
    else
        uv_timer_start(&l->again, again, LISTENER_REST_MS, 0);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *l = stream->data;
    if (status == UV_EMFILE || status == UV_ENFILE) {
        uv_close((uv_handle_t *)&l->tcp, on_away); /* this ends libuv's trying */
        l->handler.rests(l->handler.context);
    } else if (status == 0) {
        l->handler.connection(l->handler.context, stream);
    }
}

static int listen_on(struct listener *l, int fd)
{
    int error = uv_tcp_open(&l->tcp, fd);
    if (error != 0) {
        close(fd);
        return error;
    }
    return uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connection);
}

static void again(uv_timer_t *timer)
{
    struct listener *l = timer->data;
    int fd = fcntl(l->kept, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        uv_timer_start(&l->again, again, LISTENER_REST_MS, 0);
        return;
    }
    check(uv_tcp_init(l->loop, &l->tcp) == 0);
    l->away = false;
    if (listen_on(l, fd) != 0)
        uv_close((uv_handle_t *)&l->tcp, on_away);
}

/* --- starting --- */

void listener_init(struct listener *l, uv_loop_t *loop, const struct listener_handler *handler)
{
    *l = (struct listener){.loop = loop, .handler = *handler, .kept = -1};
    l->tcp.data = l->again.data = l;
    /* These only fail for invalid arguments. */
    check(uv_tcp_init(loop, &l->tcp) == 0);
    check(uv_timer_init(loop, &l->again) == 0);
}

/* A bound socket, or a libuv error. `shared`: with other sockets bound so (SO_REUSEPORT); else it
 * fails if anybody listens there. */
static int bind_socket(const struct sockaddr_storage *address, socklen_t len, bool shared)
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

int listener_start(struct listener *l, const char *host, uint16_t port, bool first)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(struct sockaddr_in);
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)&address) != 0) {
        len = sizeof(struct sockaddr_in6);
        if (uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address) != 0)
            return UV_EINVAL;
    }
    /* A second payd would share the port as our own loops do, and take every other request. */
    int alone = first ? bind_socket(&address, len, false) : -1;
    if (first && alone < 0)
        return alone;
    if (first)
        close(alone);
    int fd = bind_socket(&address, len, true);
    if (fd < 0)
        return fd;
    l->kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (l->kept < 0) {
        int error = uv_translate_sys_error(errno);
        close(fd);
        return error;
    }
    int error = listen_on(l, fd), name_len = sizeof address;
    if (error == 0)
        error = uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&address, &name_len);
    if (error != 0)
        return error;
    l->port = ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                                 : ((struct sockaddr_in6 *)&address)->sin6_port);
    return 0;
}
