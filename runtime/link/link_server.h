/* SPDX-License-Identifier: Apache-2.0 */
/* Link server: takes frames from operators' tools over an NNG rep socket and hands them to the
 * loop. As many contexts as requests may be in work at once; a context receives again only after
 * its answer was sent, so nothing queues beyond them. Everything on the loop's thread; NNG's own
 * threads only pass contexts along. */
#ifndef LINK_LINK_SERVER_H
#define LINK_LINK_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/slice.h"
#include "runtime/wire/envelope.h"

#define LINK_CONTEXTS 64         /* requests in work, unless the options say otherwise */
#define LINK_CONTEXTS_MAX 1024
#define LINK_CONNECTIONS_MAX 256 /* more are closed at once */
#define LINK_USER_MAX 64         /* bytes, with the NUL */
#define LINK_FLUSH_MS 50         /* NNG does not say when a reply left: waited before closing */

struct link_server;
struct loop;

/* One request in work. */
struct link_exchange {
    struct slice frame; /* valid until the reply */
    uint32_t index;     /* 0 .. contexts-1: the caller's own state lies there */
    /* "unix:" and the name, or else the number, of the user whose process sent the frame: the
     * system's word (SO_PEERCRED), not the sender's. */
    char user[LINK_USER_MAX];
};

struct link_server_options {
    struct loop *loop; /* outlives the server */
    const char *path;  /* of the Unix socket, made with mode 0600. A stale one is replaced */
    uint32_t contexts; /* 0 = LINK_CONTEXTS */
    /* A request came; answer it once with link_server_reply(), now or later. */
    void (*request)(void *context, struct link_exchange *x);
    void *context;
};

/* Listens. NULL, with one line in reason, if the path is in use or cannot be made. */
must_check struct link_server *link_server_new(const struct link_server_options *options,
                                               char *reason, size_t reason_size);

/* The frame is copied. At most ENVELOPE_FRAME_MAX bytes; x is used up. */
void link_server_reply(struct link_server *s, struct link_exchange *x, struct slice frame);

/* Takes no new requests; those in work are answered. `stopped` runs when they are and the server
 * has freed itself. */
void link_server_stop(struct link_server *s, void (*stopped)(void *context), void *context);

#endif
