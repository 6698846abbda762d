/* SPDX-License-Identifier: Apache-2.0 */
/* Stream: the sends of one shard to another, as far as the journals of both have them: how many
 * were sent, which was taken last. For each other shard that sends were exchanged with, a shard has
 * one actor of this kind, and so one row of state; all of them are in memory while it runs. What
 * goes to all shards is a stream of its own.
 *
 * Changed by the parts "t" and "s" of a record (record.h) alone, wherever it is replayed: in the
 * live shard, in a recovery, in the projector. */
#ifndef SENDS_STREAM_H
#define SENDS_STREAM_H

#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/base/check.h"
#include "runtime/journal/record.h"

#define KIND_STREAM 30

/* A mark names a send so that it fits one journal alone. n = 0: none. */
struct stream_mark {
    uint64_t n, place, hash;
};

struct stream {
    struct stream_mark sent;  /* the last send to the peer */
    struct stream_mark taken; /* the last send of the peer that was handled here */
    /* The first send to the peer that is not known to be taken, as the last send that said so has
     * it (record.h); older ones are never asked for again. 0 = none was sent. */
    uint64_t untaken_n, untaken_place;
};

extern const struct actor_kind stream_kind;

/* The actor of the streams from and to this shard; to_all: of those to all shards, of which the
 * shard's own is under its own number. */
struct id128 stream_id(uint16_t shard, bool to_all);

/* NULL: none was sent or taken. Not a change. */
const struct stream *stream_find(struct registry *r, uint16_t shard, bool to_all);

/* The send stands at this place, in the journal of `self`. */
void stream_apply_send(struct registry *r, uint16_t self, const struct record_send *send,
                       uint64_t place, uint64_t hash);

/* Does it follow the one taken before? If not, one of the journals is damaged. */
must_check bool stream_takes(struct registry *r, const struct record_taken *taken);
void stream_apply_taken(struct registry *r, const struct record_taken *taken);

#endif
