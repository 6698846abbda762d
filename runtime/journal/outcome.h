/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes: which key (idempotency key, transfer id) was decided where in the journal. In memory
 * are all that the views do not hold yet and the most recent others; beyond that the views answer.
 * Two shortcuts spare the look-up in the views, both exact:
 *   - ids carry their time: one later than every id that was ever dropped from memory is new;
 *   - keys do not: a Bloom filter over all kept keys says which are certainly new.
 * Loop thread only. */
#ifndef JOURNAL_OUTCOME_H
#define JOURNAL_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/filter.h"
#include "runtime/base/list.h"
#include "runtime/base/slab.h"
#include "runtime/base/table.h"

#define OUTCOME_KEEP_NS ((uint64_t)31 * 24 * 3600 * 1000000000) /* in the views; promised: 30 d */

struct outcome {
    struct table_entry entry; /* the key */
    uint64_t place;           /* record.h; 0 = known to be new (asked of the views in vain) */
    struct list age;
};

struct outcomes {
    struct table table;
    struct slab slab;
    struct list by_age;        /* oldest first */
    size_t count_max;          /* of entries; all unprojected = full */
    size_t count_keep;         /* projected entries beyond this number are dropped */
    uint64_t projected_seq;
    bool timed;                /* keys are ids; else hashes, and there is a filter */
    uint64_t dropped_ms;       /* timed: newest time in any id that is not in memory */
    struct filter filter;
    bool filter_complete;      /* it holds all keys of the views */
};

enum outcome_answer {
    OUTCOME_NEW,
    OUTCOME_FOUND,
    OUTCOME_ASK, /* memory cannot tell: look into the views, then tell outcomes_learn() */
};

/* filter_bytes 0: the keys are ids with a time (id128.h). */
must_check bool outcomes_init(struct outcomes *o, size_t count_max, size_t filter_bytes);
void outcomes_done(struct outcomes *o);

/* Forgets all (before a recovery). dropped_ms: ids up to this time may be in the views. */
void outcomes_clear(struct outcomes *o, uint64_t dropped_ms);

enum outcome_answer outcomes_find(const struct outcomes *o, struct id128 key, uint64_t *place);

/* A new outcome, or what the views said (place 0: it is new). */
struct outcome *outcomes_add(struct outcomes *o, struct id128 key, uint64_t place);
void outcomes_learn(struct outcomes *o, struct id128 key, uint64_t place);

/* The turn that added it was undone. */
void outcomes_remove(struct outcomes *o, struct outcome *outcome);

/* The views have reached seq: drops what is beyond count_keep. */
void outcomes_projected(struct outcomes *o, uint64_t seq);

/* Half of the room is taken: the projector should hurry. */
static inline bool outcomes_crowded(const struct outcomes *o)
{
    return o->table.count >= o->count_max / 2;
}

/* No room for more until the projector catches up. */
static inline bool outcomes_full(const struct outcomes *o)
{
    return o->table.count >= o->count_max;
}

#endif
