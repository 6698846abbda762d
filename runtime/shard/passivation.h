/* SPDX-License-Identifier: Apache-2.0 */
/* Passivation: keeps the number of resident actors under its limit. An actor not used for a while,
 * idle, and with all its changes in the views, leaves; it comes back from the views with its next
 * message. Loop thread only. */
#ifndef SHARD_PASSIVATION_H
#define SHARD_PASSIVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/shard/residence.h"

struct passivation {
    struct residence *residence;
    size_t resident_max; /* actors in memory before any leaves */
    int hand_kind;       /* position of the clock's hand: this kind's table ... */
    size_t hand_cursor;  /* ... at this slot */
    size_t left;         /* actors it may look at before the loader's next answer */
};

void passivation_init(struct passivation *p, struct residence *residence, size_t resident_max);

/* After a pass. projected_seq: the batch that the views have reached. */
void passivation_step(struct passivation *p, uint64_t projected_seq);

/* False if it may not leave. */
must_check bool passivation_now(struct passivation *p, struct actor *a, uint64_t projected_seq);

/* The loader has answered: the hand may go round once more while turns wait. */
void passivation_loaded(struct passivation *p);

#endif
