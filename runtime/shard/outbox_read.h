/* SPDX-License-Identifier: Apache-2.0 */
/* Outbox read: takes sends that are to leave out of the journal, for all receivers that lack some,
 * in one walk, and keeps them until they can. One walk at a time for each shard; it is on a worker,
 * all else on the loop. */
#ifndef SHARD_OUTBOX_READ_H
#define SHARD_OUTBOX_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/env.h"
#include "runtime/base/error.h"
#include "runtime/base/list.h"
#include "runtime/sends/frame.h"
#include "runtime/store/journal_store.h"

/* In a walk a receiver is given what the batches have until it has so many, or so much. */
#ifndef OUTBOX_READ_SENDS /* the simulator has few sends */
#define OUTBOX_READ_SENDS 256
#define OUTBOX_READ_BYTES ((size_t)4 << 20)
#endif

/* A receiver that lacks sends. */
struct outbox_want {
    uint16_t to;
    bool to_all;              /* those to all shards */
    uint64_t first;           /* number of the first one wanted */
    struct stream_mark known; /* a send at or before it, and where it stands */
    bool verify;              /* its hash must be this one as well */
    uint64_t seen;            /* number of the last one met */
    uint32_t found;           /* so many were taken ... */
    size_t bytes;             /* ... with messages of so much ... */
    bool full;                /* ... and it gets no more */
    bool stale;               /* (the loop's) it was forgotten meanwhile */
    bool unfit;               /* at that place there is no such send */
};

struct outbox_uses {
    struct env *env;
    struct worker *worker;
    struct journal_store *store;
    uint16_t number, shards;
    /* A walk has ended: for each receiver of whom the journal has no such send; then this. */
    void (*unfit)(void *context, const struct outbox_want *want);
    void (*done)(void *context, enum err result);
    void *context;
};

struct outbox_read {
    struct outbox_uses uses;
    struct work work;
    bool busy;
    uint64_t seq_max; /* the newest batch that is looked at */
    struct outbox_want *wants;
    uint32_t want_count, want_cap;
    struct fifo found; /* struct outbox_send, as they stand there */
    enum err result;
    struct fifo *kept; /* [2 * shards]: those to one receiver, in their order */
};

void outbox_read_init(struct outbox_read *r, const struct outbox_uses *uses);
void outbox_read_done(struct outbox_read *r);

/* Before a walk: one more receiver. Nothing is kept for it. */
void outbox_read_want(struct outbox_read *r, const struct outbox_want *want);

/* Begins, if anybody wants something. */
void outbox_read_start(struct outbox_read *r, uint64_t seq_max);

/* The oldest that is kept for this receiver, as a frame of which `to`, to_all, mark and what
 * follows are set; NULL: none is. */
struct frame *outbox_read_oldest(const struct outbox_read *r, uint16_t to, bool to_all);
/* It left, or is not wanted. */
void outbox_read_drop(struct outbox_read *r, uint16_t to, bool to_all);
/* All that is kept for it, or that a walk finds which is under way, is not wanted. */
void outbox_read_forget(struct outbox_read *r, uint16_t to, bool to_all);
void outbox_read_forget_all(struct outbox_read *r);

#endif
