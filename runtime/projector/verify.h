/* SPDX-License-Identifier: Apache-2.0 */
/* Verify: one shard's journal replayed from its first batch into a registry of its own, step by
 * step: hash chain, numbering, every byte, and in the end the services' audits. Any one thread at a
 * time; blocks in the store. All states stay in memory until verify_done(). */
#ifndef PROJECTOR_VERIFY_H
#define PROJECTOR_VERIFY_H

#include "runtime/projector/marks.h"
#include "runtime/projector/replay.h"

struct verify {
    struct journal_store *store;
    struct marks *marks;
    struct registry registry;
    struct replay replay;
    uint64_t head_seq;   /* the newest batch when it began: verified up to here; UINT64_MAX: it
                            is damaged, and reading will find where it breaks off */
    uint64_t stop;       /* where the current step ends, counted as in verify_step() */
    bool finished;
    const char *problem; /* NULL: nothing found; else text that lives as long as this */
    uint64_t damaged_seq; /* the batch that it is about; 0 = of none, or nothing found */
};

/* Embedded by its owner; large. What the shard has taken from others goes into `marks`, to be
 * compared after all shards were verified; NULL: it is not. */
void verify_init(struct verify *v, const struct domain *d, struct journal_store *s, uint16_t shard,
                 struct marks *marks);
void verify_done(struct verify *v);

/* Replays until about `most` more events, records (a refusal has no event) and batches are done.
 * Returns true if more is to do; else finished is set, and problem if something is wrong. */
bool verify_step(struct verify *v, uint64_t most);

#endif
