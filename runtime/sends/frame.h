/* SPDX-License-Identifier: Apache-2.0 */
/* Frame: what shards say to each other about their streams, and what carries it. The transport is
 * an argument: mail between the loops of a process, a link between nodes, the simulated network. It
 * may lose, repeat, delay and reorder frames; none of that loses, repeats or reorders a send.
 *
 *     NAME    receiver: the last of your sends that is durable here is this one (mark)
 *     OPENED  sender: that fits my journal; sends follow from mark.n + 1 on
 *     SEND    sender: a send, whose mark this is
 *     HEAD    sender: the last one that left has this number
 *     TAKEN   receiver: sends up to this number are durable here
 *     REACH   receiver: how many sends to all have you? asked at this time of mine (contact.h)
 *     REACHED sender: so many, durably; to what was asked at that time */
#ifndef SENDS_FRAME_H
#define SENDS_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/id128.h"
#include "runtime/base/principal.h"
#include "runtime/base/slice.h"
#include "runtime/journal/record.h"
#include "runtime/sends/stream.h"

enum frame_what {
    FRAME_NAME,
    FRAME_OPENED,
    FRAME_SEND,
    FRAME_HEAD,
    FRAME_TAKEN,
    FRAME_REACH,
    FRAME_REACHED,
};

struct frame {
    enum frame_what what;
    uint16_t from, to;
    bool to_all;             /* about the stream of sends to all shards */
    uint64_t life;           /* of `from`: frames of an older one are dropped */
    uint64_t to_life; /* of `to`, as far as it is known: NAME and OPENED of another are late */
    struct stream_mark mark; /* of HEAD, TAKEN and REACHED only n */
    uint64_t time_ns;        /* of SEND, of its record; of REACH and REACHED, of the one who asks */
    /* Of SEND alone; borrowed during the call. */
    uint16_t kind, type;
    struct id128 target;
    struct slice message; /* msgpack */
    struct principal who;
    struct slice request_id;
};

#define FRAME_TIME_MAX (UINT64_MAX / 2) /* of a send: the year 2262 */

/* A send as it stands in a record whose attribution is resolved; from, to and lives are for the
 * caller. It borrows from the record and from `request`. */
struct frame frame_of_send(const struct record_reader *record, struct stream_mark mark,
                           char request[ATTRIBUTION_REQUEST_MAX]);

/* What no shard can have said, whatever its journal has; NULL: it may be. From and to are looked at
 * by whoever knows the shards. */
const char *frame_fault(const struct frame *f);

struct transport {
    /* The thread of `from`. Copies what it keeps. */
    void (*send)(void *context, const struct frame *f);
    void *context;
};

#endif
