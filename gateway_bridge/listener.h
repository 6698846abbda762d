/* SPDX-License-Identifier: Apache-2.0 */
/* Listener: a TCP socket whose connections are accepted, and what happens when there is no
 * descriptor for the next one. libuv (1.44) tries for ever then, inside one call: a loop that owns
 * nothing it could close never gets out of it. So the listener is taken off the loop for a moment;
 * the socket itself stays, and who connects waits in its backlog. Loop thread only. */
#ifndef GATEWAY_BRIDGE_LISTENER_H
#define GATEWAY_BRIDGE_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define LISTENER_REST_MS 100

struct listener_handler {
    void *context;
    void (*connection)(void *context, uv_stream_t *listener); /* uv_accept() gives it */
    void (*rests)(void *context); /* no descriptor was left for a connection */
    void (*closed)(void *context);
};

struct listener {
    uv_loop_t *loop;
    struct listener_handler handler;
    uv_tcp_t tcp;
    uv_timer_t again;
    int kept;      /* the socket once more, for when tcp is closed; -1 = it does not listen */
    bool away;     /* tcp is closed */
    bool closing;
    uint32_t open; /* of the two handles, once closing */
    uint16_t port;
};

void listener_init(struct listener *l, uv_loop_t *loop, const struct listener_handler *handler);

/* 0 or a libuv error. `first`: fails if anybody listens there; others may join afterwards. */
int listener_start(struct listener *l, const char *host, uint16_t port, bool first);

/* handler->closed() is called once, later. */
void listener_close(struct listener *l);

#endif
