/* SPDX-License-Identifier: Apache-2.0 */
/* Early fill: reads from the views which early ids (early_ids.h) lie in a span of time that comes
 * near, keys and states alike, on the read worker. Until it has, ids of the span are looked up.
 * Loop thread only, except the reading. */
#ifndef SHARD_EARLY_FILL_H
#define SHARD_EARLY_FILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/base/env.h"
#include "runtime/dedup/early_ids.h"
#include "runtime/store/view_store.h"

struct early_fill {
    /* What it works with; all of it outlives it. */
    struct env *env;
    struct worker *worker;
    struct view_store *store;
    const struct domain *domain;
    uint16_t number; /* of the shard */
    struct early_ids *early_ids;
    const bool *running; /* the shard runs: the early ids are the loop's */

    struct work work;
    bool busy;
    enum err result;
    uint64_t retry_ns; /* not before: the last reading failed */
    uint64_t span;     /* that is read, ... */
    uint64_t serial;   /* ... and the early ids' when it began */
    struct id128 from, to;
    struct id128 *ids; /* found so far */
    size_t count;
};

/* `uses`: only the members that it works with are set. */
void early_fill_init(struct early_fill *f, const struct early_fill *uses);

/* Once a pass: begins to read a span that is not known. */
void early_fill_step(struct early_fill *f);
void early_fill_done(struct early_fill *f);

#endif
