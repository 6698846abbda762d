/* SPDX-License-Identifier: Apache-2.0 */
/* Marks: do the journals of all shards agree on what was sent and taken? While each is verified,
 * what it has taken from others is noted (marks_taken()). After that each is read once more, and
 * the sends found there must be the ones noted: number, place and hash of every one, and none that
 * the sender does not have. A receiver may be behind, as far as it likes. Any one thread at a time;
 * blocks in the store. */
#ifndef PROJECTOR_MARKS_H
#define PROJECTOR_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/table.h"
#include "runtime/journal/record.h"
#include "runtime/store/journal_store.h"

#define MARKS_REASON_MAX 384

struct marks {
    struct table streams; /* struct marks_stream, by sender, receiver and whether to all */
    struct journal_store *store;
    uint16_t shard;     /* the sender whose journal is read ... */
    uint64_t seq, stop; /* ... up to this batch; where the step ends */
    uint16_t receiver;  /* the one that `reason` is about */
    bool failed;
    char reason[MARKS_REASON_MAX]; /* what was found; names both shards */
};

void marks_init(struct marks *m, struct journal_store *store);
void marks_done(struct marks *m);

/* Shard `to` has taken this one, after those before it. */
void marks_taken(struct marks *m, uint16_t to, const struct record_taken *taken);

/* Was anything taken at all? Otherwise there is nothing to read. */
static inline bool marks_any(const struct marks *m)
{
    return m->streams.count > 0;
}

/* After all that was taken is noted: reads about `most` batches of the journals of that many
 * shards, one after the other. True if more is to do; else `failed` is set if something is wrong.
 */
bool marks_step(struct marks *m, uint16_t shards, uint64_t most);

#endif
