/* SPDX-License-Identifier: Apache-2.0 */
/* Link client: what an operator's tool asks with. Blocking, for one thread; several requests may be
 * outstanding. A frame is sent once: neither slowness nor a lost connection repeats it. */
#ifndef LINK_LINK_CLIENT_H
#define LINK_LINK_CLIENT_H

#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/slice.h"
#include "runtime/wire/envelope.h"

#define LINK_OUTSTANDING_MAX 64

struct link_client;

enum link_result {
    LINK_OK,
    LINK_NO_SERVER, /* no process listens there */
    LINK_LOST,      /* the connection ended; what becomes of the requests is not known */
    LINK_TIMEOUT,   /* no answer in time; it may still come */
};

/* Connects to a Unix socket. On failure *ret is untouched and *reason is a static text. */
must_check enum link_result link_client_new(const char *path, uint32_t outstanding,
                                            struct link_client **ret, const char **reason);
struct link_client *link_client_free(struct link_client *c); /* NULL; takes NULL */

/* How many more requests may be sent now. */
uint32_t link_client_free_slots(const struct link_client *c);

/* Copies and sends a frame of at most ENVELOPE_FRAME_MAX bytes; `tag` comes back with its answer.
 * There must be a free slot. */
void link_client_send(struct link_client *c, struct slice frame, uint64_t tag);

/* Waits for the next answer to any request that is outstanding (there must be one). *frame lives
 * until the next call. After LOST and TIMEOUT only free() is left. */
must_check enum link_result link_client_receive(struct link_client *c, uint32_t timeout_ms,
                                                uint64_t *tag, struct slice *frame);

#endif
