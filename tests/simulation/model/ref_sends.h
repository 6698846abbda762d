/* SPDX-License-Identifier: Apache-2.0 */
/* Sends as the journals of all shards have them, followed by an independent reader: which were
 * recorded, which were taken, which are parked, and which asks are open.
 *
 * - The marks of a stream are 1, 2, 3, ..., and each names a send that its sender has durably, its
 *   place and hash.
 * - A send takes effect once: when it is taken, or if it was parked then, when it leaves there.
 * - Those to one target keep their order behind a parked one.
 * - An ask is opened once and closed once. */
#ifndef SIMULATION_REF_SENDS_H
#define SIMULATION_REF_SENDS_H

#include "runtime/journal/record.h"
#include "runtime/sends/parked.h"
#include "tests/simulation/model/ref_crossing.h"

struct ref_send {
    uint64_t place, hash;
    struct id128 target;
    uint16_t kind, type;
    bool parked;
    bool forged;       /* forgery.h */
    uint64_t unit;     /* of a decision: its unit, and ... */
    ref_amount amount; /* ... what it does at the receiver */
};

/* Of one shard to another; both to all shards and to it alone. */
struct ref_stream {
    struct ref_send *sends; /* send n is [n - 1] */
    uint64_t sent, cap;
    uint64_t taken;
};

struct ref_ask {
    struct id128 id;
    uint16_t shard;
};

/* A send that is parked, in the order in which they were. */
struct ref_parked {
    uint16_t from, to;
    bool to_all;
    uint64_t n;
};

struct ref_sends {
    uint16_t shards;
    struct ref_crossing *crossing;
    struct ref_stream streams[TALLY_SHARDS_MAX][TALLY_SHARDS_MAX][2]; /* from, to, to all */
    struct ref_parked *parked;
    uint32_t parked_count, parked_cap;
    struct ref_ask *asks; /* the open ones */
    uint32_t ask_count, ask_cap;
    /* the record that is being read */
    struct record_taken taken; /* n = 0: it handles none */
    bool parks;
    uint64_t counts[DOMAIN_NUMBER_MAX]; /* sends that took effect, by type */
    uint64_t parked_ever, unparked_ever, forged_ever, opened_ever;
    /* Is this send a decision about money? Then it says what the receiver's transit account owes.
     */
    bool (*decides)(const struct record_send *send, uint64_t *unit, ref_amount *amount);
};

void ref_sends_init(struct ref_sends *r, uint16_t shards, struct ref_crossing *crossing);
void ref_sends_done(struct ref_sends *r);

/* The parts of a record of this shard, in their order. */
void ref_sends_begin(struct ref_sends *r);
void ref_sends_taken(struct ref_sends *r, const struct record_taken *taken);
void ref_sends_sent(struct ref_sends *r, uint16_t shard, const struct record_send *send,
                    uint64_t place, uint64_t hash);
/* true: it was an event of parking. */
bool ref_sends_event(struct ref_sends *r, uint16_t shard, const struct message_type *type,
                     const void *event);
/* Of the record that was begun: its mark. */
void ref_sends_took(struct ref_sends *r, uint16_t shard);
void ref_sends_end(struct ref_sends *r, uint16_t shard, const struct record_reader *record);

/* Is nothing on its way, parked or open? */
bool ref_sends_idle(const struct ref_sends *r);

/* Of what was sent from one shard to the other, the newest that this shard took. */
uint64_t ref_sends_last_taken(const struct ref_sends *r, uint16_t from, uint16_t to, bool to_all);

#endif
