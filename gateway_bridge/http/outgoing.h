/* SPDX-License-Identifier: Apache-2.0 */
/* Outgoing: the bytes that a connection sends. The socket is given them at once; what it has no
 * room for waits in memory of its own, the tail where it is, and until that has gone nothing more
 * may be sent. So what waits is never more than what was sent in one call. Loop thread only. */
#ifndef HTTP_OUTGOING_H
#define HTTP_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "runtime/base/check.h"
#include "runtime/base/slice.h"

struct outgoing {
    uv_write_t write;
    char *waiting; /* a copy of what the socket had no room for; NULL: of the tail alone */
    size_t held;   /* bytes of it */
    bool busy;     /* something waits */
    void (*gone)(struct outgoing *o, bool good); /* all that waited was taken, or never will be */
};

void outgoing_init(struct outgoing *o, void (*gone)(struct outgoing *o, bool good));

/* Sends `len` bytes of `data`, which are copied as far as they must wait, then `tail`, which stays
 * where it is for good. o->busy says whether something waits. False: the connection is of no use
 * any more. */
must_check bool outgoing_send(struct outgoing *o, uv_stream_t *stream, const char *data, size_t len,
                              struct slice tail);

#endif
