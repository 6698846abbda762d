/* SPDX-License-Identifier: Apache-2.0 */
/* Exchange rates as the journals have them: what counted for each pair after each change in its
 * home, and how far each shard's copy has come. */
#ifndef SIMULATION_REF_RATES_H
#define SIMULATION_REF_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/message.h"
#include "schemas/forex.h"
#include "tests/simulation/swarm.h"

#define REF_PAIRS (SWARM_CURRENCIES_MAX * SWARM_CURRENCIES_MAX)

/* What counts from a change on. */
struct ref_rate {
    struct rate_core core; /* without its text */
    uint64_t source;       /* a hash of that */
    uint64_t seen_ns;      /* when the model saw it durable: virtual time */
};

struct ref_pair {
    uint16_t from, to;
    struct ref_rate *rates; /* by version, from 1 on */
    uint32_t version, cap;
    uint64_t copied[SWARM_SHARDS_MAX]; /* version of each shard's copy */
    uint64_t proposed_digits, proposer;
    uint8_t proposed_scale;
    uint64_t aside_digits, aside_source;
    uint8_t aside_scale;
};

struct ref_rates {
    struct ref_pair pairs[REF_PAIRS];
    uint32_t count;
    const uint64_t *now_ns; /* virtual time */
    uint64_t by;            /* a hash of tenant and subject, of the record that is read */
};

void ref_rates_init(struct ref_rates *r, const uint64_t *now_ns);
void ref_rates_done(struct ref_rates *r);

/* true: it was an event of a pair. */
bool ref_rates_event(struct ref_rates *r, uint16_t shard, const struct message_type *type,
                     const void *event, uint64_t time_ns);

/* NULL: nothing is known of it. */
const struct ref_pair *ref_rates_pair(const struct ref_rates *r, uint16_t from, uint16_t to);

/* What was shown or converted, sent first at this virtual time and no older than the copies may be,
 * is by a version that was durable then, and right. */
void ref_rates_shown(const struct ref_rates *r, const struct exchange_rate *shown);
void ref_rates_converted(const struct ref_rates *r, const struct conversion *c, uint64_t sent_ns);

/* Every copy is what its home is. */
void ref_rates_check_end(const struct ref_rates *r, uint16_t shards);

#endif
