/* SPDX-License-Identifier: Apache-2.0 */
/* Due sweep: reads the deadlines of actors that are not in memory from the store, an hour ahead,
 * every half hour, and arms them in the registry. Loop thread only, except the reading. */
#ifndef SHARD_DUE_SWEEP_H
#define SHARD_DUE_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/actor/registry_priv.h"
#include "runtime/base/env.h"
#include "runtime/shard/clock.h"
#include "runtime/store/view_store.h"

struct due_row;

struct due_sweep {
    /* What it works with; all of it outlives it. */
    struct env *env;
    struct worker *worker;
    struct view_store *store;
    uint16_t number; /* of the shard */
    struct registry *registry;
    const struct clock *clock;
    const bool *running;            /* the shard has actors */
    void (*damaged)(void *context); /* the states cannot be read */
    void *context;

    struct work work;
    struct alarm alarm; /* the next sweep */
    bool busy;
    bool outdated;        /* the loop's: to be read once more */
    struct due_row *rows; /* the load worker's while busy, like the rest */
    size_t count, cap;
    uint64_t due_max_ns;
    enum err result;
};

/* `uses`: only the members that it works with are set. */
void due_sweep_init(struct due_sweep *u, const struct due_sweep *uses);
void due_sweep_done(struct due_sweep *u);

/* Reads now, and again every half hour; nothing while the shard does not run. */
void due_sweep_start(struct due_sweep *u);

#endif
