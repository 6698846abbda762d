/* SPDX-License-Identifier: Apache-2.0 */
/* Batch copy: one batch taken out of the journal to be looked at, damaged or not, with the stored
 * hash of the one before. Any one thread at a time; taking it blocks in the store. */
#ifndef JOURNAL_BATCH_COPY_H
#define JOURNAL_BATCH_COPY_H

#include "runtime/store/journal_store.h"

struct batch_copy {
    struct batch_row row;        /* the body is the copy's own */
    bool has_before;             /* the batch before could be read, or there is none ... */
    struct sha256_digest before; /* ... with this hash; zeros before the first */
};

/* ERR_OK; ERR_NOT_FOUND: the journal has no such batch; or what the store said, ERR_CORRUPT if it
 * cannot read it. The copy is to be dropped in every case. */
must_check enum err batch_copy_take(struct batch_copy *c, struct journal_store *s, uint16_t shard,
                                    uint64_t seq);
void batch_copy_drop(struct batch_copy *c);

/* What of its hash or its place in the chain does not hold, in static words; NULL: all does. */
const char *batch_copy_fault(const struct batch_copy *c);

#endif
