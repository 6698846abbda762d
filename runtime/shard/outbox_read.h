/* SPDX-License-Identifier: Apache-2.0 */
/* Outbox read: takes sends that are to leave out of the journal, for all receivers that lack some,
 * in one walk. One at a time for each shard; the walk is on a worker, all else on the loop. */
#ifndef SHARD_OUTBOX_READ_H
#define SHARD_OUTBOX_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/env.h"
#include "runtime/base/error.h"
#include "runtime/sends/frame.h"
#include "runtime/store/journal_store.h"

#ifndef OUTBOX_READ_SENDS     /* the simulator has few sends */
#define OUTBOX_READ_SENDS 256 /* taken at most for one receiver in a walk */
#endif

/* A receiver that lacks sends. */
struct outbox_want {
    uint16_t to;
    bool to_all;              /* those to all shards */
    uint64_t first;           /* number of the first one wanted */
    struct stream_mark known; /* a send at or before it, and where it stands */
    bool verify;              /* its hash must be this one as well */
    uint64_t seen;            /* number of the last one met */
    uint32_t found;           /* so many were taken */
    bool unfit;               /* at that place there is no such send */
};

struct outbox_send;

struct outbox_read {
    struct env *env;
    struct worker *worker;
    struct journal_store *store;
    uint16_t shard;
    struct work work;
    bool busy;
    uint64_t seq_max; /* the newest batch that is looked at */
    struct outbox_want *wants;
    uint32_t want_count, want_cap;
    struct outbox_send **sends; /* in the order they stand */
    uint32_t send_count, send_cap;
    enum err result;
    /* The walk has ended. */
    void (*done)(struct outbox_read *r);
};

void outbox_read_init(struct outbox_read *r, struct env *env, struct worker *worker,
                      struct journal_store *store, uint16_t shard);
void outbox_read_done(struct outbox_read *r);

/* Before a walk: one more receiver. */
void outbox_read_want(struct outbox_read *r, const struct outbox_want *want);

/* Begins, if anybody wants something. */
void outbox_read_start(struct outbox_read *r, uint64_t seq_max);

/* After it: calls each with the sends it found, in their order, as frames of which `to`, to_all,
 * mark and what follows are set. Then forgets them, and who wanted them. */
void outbox_read_give(struct outbox_read *r, void (*each)(void *context, struct frame *f),
                      void *context);

#endif
