/* SPDX-License-Identifier: Apache-2.0 */
/* Envelope: what stands around a message on an NNG link. One frame is one msgpack array:
 *
 *     request  [version, message number, deadline ms, key text | nil, tenant text | nil, body]
 *     reply    [version, code, reply number, version of the thing, replayed, retry after ms,
 *               stale as of ns | nil, body]
 *
 * The body is the rest of the frame, the message's own array (nil in a reply without one). It is
 * not looked at here: whoever reads the message checks that it ends with the frame. */
#ifndef WIRE_ENVELOPE_H
#define WIRE_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/slice.h"
#include "runtime/wire/writer.h"

#define ENVELOPE_VERSION 1
#define ENVELOPE_FRAME_MAX ((size_t)4 << 20) /* bytes of a frame, either way */
#define ENVELOPE_LINK_MAX (ENVELOPE_FRAME_MAX + 64) /* with what the link puts around it */
#define ENVELOPE_HEAD_MAX 512                /* bytes before the body */
#define ENVELOPE_KEY_MAX 255                 /* bytes of an idempotency key */
#define ENVELOPE_TENANT_MAX 64               /* bytes */
#define ENVELOPE_DEADLINE_MS_MAX 3600000

/* Text and body point into the frame. */
struct envelope_request {
    uint16_t number;      /* of the message type */
    uint32_t deadline_ms; /* from its arrival on; 0 = the server's default */
    struct slice key;     /* empty: none */
    struct slice tenant;  /* empty: the server's default */
    struct slice body;
};

struct envelope_reply {
    uint16_t code;         /* enum result */
    uint16_t number;       /* of the reply's message type; 0 = no body */
    uint64_t version;      /* of the thing in the body; 0 = none */
    bool replayed;         /* the first answer to this key, given again */
    uint32_t retry_after_ms;
    bool stale;        /* a list that may lack what was acknowledged after ... */
    uint64_t shown_ns; /* ... this, wall clock */
    struct slice body;
};

/* Everything before the body, which the caller writes right after it. */
void envelope_put_request(struct wire_writer *w, const struct envelope_request *e);
/* With the body; a reply with number 0 gets nil. */
void envelope_put_reply(struct wire_writer *w, const struct envelope_reply *e);

/* false, and *ret untouched, unless the frame begins as declared and has a body. */
must_check bool envelope_get_request(struct slice frame, struct envelope_request *ret);
must_check bool envelope_get_reply(struct slice frame, struct envelope_reply *ret);

#endif
