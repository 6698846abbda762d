/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery: how a shard gets its state, at the start and after a commit that failed or whose
 * outcome is unknown: it (re)builds registry, wheel and tables from views and journal. While one is
 * under way these are the journal worker's. It answers the messages of the batches that failed. All
 * calls and callbacks are the loop's. */
#ifndef SHARD_RECOVERY_H
#define SHARD_RECOVERY_H

#include <stdint.h>

#include "runtime/actor/registry_priv.h"
#include "runtime/base/env.h"
#include "runtime/dedup/dedup_table.h"
#include "runtime/journal/journal.h"
#include "runtime/projector/replay.h"
#include "runtime/shard/answers.h"
#include "runtime/shard/clock.h"
#include "runtime/shard/progress.h"
#include "runtime/shard/residence.h"
#include "runtime/shard/supervisor.h"

#define RECOVERY_REASON_MAX 768

struct recovery;

/* What it found out. */
struct recovery_found {
    enum err cause;                 /* as given to recovery_start() */
    uint64_t epoch;                 /* of the lease */
    uint64_t seq;                   /* the journal's newest batch, ... */
    struct sha256_digest hash;      /* ... its hash, ... */
    uint64_t time_ns;               /* ... and the time of its last event */
    struct store_position position; /* position of the views */
};

/* What it works with; all of it outlives it. */
struct recovery_uses {
    struct env *env;
    const struct domain *domain;
    uint16_t number;    /* of the shard */
    struct slice owner; /* name of this process in the lease */
    struct journal_store *journal_store;
    struct view_store *view_store;
    struct worker *worker; /* the journal's */
    struct registry *registry;
    struct wheel *wheel;
    struct dedup_table *ids, *keys;
    struct early_ids *early_ids;
    struct residence *residence;
    const struct clock *clock;
    struct journal *journal;
    struct answers *answers;
    struct progress *progress;   /* of all shards: which journals are accepted */
    struct failures *recoveries; /* counts those that failed */
    struct shard_stats *stats;
    /* It is over and frees itself after the call; the one or the other is called, once. */
    void (*recovered)(void *context, const struct recovery_found *found);
    void (*failed)(void *context, const char *reason); /* "": it was abandoned */
    /* An attempt has failed; another one follows. */
    void (*retrying)(void *context);
    void *context;
};

/* cause: ERR_OK at the start, else why the commit failed. */
struct recovery *recovery_start(const struct recovery_uses *uses, enum err cause);

/* The shard stops; the next start does it again. May end it within the call. */
void recovery_abandon(struct recovery *r);

/* As if the process had been killed: frees it, no message is answered. */
void recovery_kill(struct recovery *r);

#endif
