/* SPDX-License-Identifier: Apache-2.0 */
/* Listener: a TCP socket whose connections are accepted. When there is no descriptor for the next
 * one it accepts none for LISTENER_PAUSE_MS, while clients that connect wait in the backlog.
 * libuv's own listening would do neither: it closes such connections without a word, and once its
 * reserve is gone (1.44) tries for ever inside one call. Loop thread only. */
#ifndef HTTP_LISTENER_H
#define HTTP_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "runtime/base/check.h"

#define LISTENER_PAUSE_MS 100

struct listener_handler {
    void *context;
    /* A connection, non-blocking and close-on-exec; the descriptor is the handler's from now on. */
    void (*connection)(void *context, int fd, const struct sockaddr_storage *from);
    /* No descriptor or memory was left for the next connection; a pause begins. */
    void (*exhausted)(void *context);
    void (*closed)(void *context);
};

struct listener {
    uv_loop_t *loop;
    struct listener_handler handler;
    uv_poll_t poll;
    uv_timer_t again; /* ends a pause */
    int fd;           /* -1 = it does not listen */
    bool closing;
    uint32_t open; /* handles not yet closed, once closing */
    uint16_t port;
};

void listener_init(struct listener *l, uv_loop_t *loop, const struct listener_handler *handler);

/* 0 or a libuv error. The `first` listener of a port fails if any socket listens there; others may
 * join it afterwards. Once. */
must_check int listener_start(struct listener *l, const char *host, uint16_t port, bool first);

/* handler->closed() is called once, later. */
void listener_close(struct listener *l);

#endif
