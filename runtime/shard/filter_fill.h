/* SPDX-License-Identifier: Apache-2.0 */
/* Filter fill: after a start the filter over idempotency keys is empty, so every new key would need
 * a look into the views. This fills it from them, page by page on the read worker; until it is
 * complete the look-ups are made. Loop thread only, except the reading. */
#ifndef SHARD_FILTER_FILL_H
#define SHARD_FILTER_FILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/env.h"
#include "runtime/dedup/dedup_table.h"
#include "runtime/store/view_store.h"

struct filter_fill {
    /* What it works with; all of it outlives it. */
    struct env *env;
    struct worker *worker;
    struct view_store *store;
    uint16_t number; /* of the shard */
    struct dedup_table *table;
    const bool *running; /* the shard runs: the table is the loop's */

    struct work work;
    bool busy;
    enum err result;
    struct key_cursor cursor; /* the keys up to here are in the filter, or in `keys` */
    struct id128 *keys;       /* of one page */
    size_t count;
};

/* `uses`: only the members that it works with are set. */
void filter_fill_init(struct filter_fill *f, const struct filter_fill *uses);

/* The shard runs: begins, unless it is under way or complete. */
void filter_fill_start(struct filter_fill *f);
void filter_fill_done(struct filter_fill *f);

#endif
