/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the simulated store, shared by its files only. */
#ifndef SIM_STORE_SIM_PRIV_H
#define SIM_STORE_SIM_PRIV_H

#include "runtime/base/list.h"
#include "runtime/base/rng.h"
#include "runtime/sim/ordered.h"
#include "runtime/sim/store_sim.h"
#include "runtime/store/views_priv.h"

/* A row of a view, in one piece of memory with the bytes it points to. Never changed. */
struct sim_row {
    uint32_t bytes; /* of texts, for sizes */
    struct value values[];
};

struct sim_table {
    const struct view_table *table;
    uint64_t ordered_columns;
    struct ordered rows;                      /* by primary key */
    struct ordered indexes[VIEW_INDEXES_MAX]; /* the same rows */
};

/* One step backwards: the row that stood under a key, NULL if none. */
struct sim_undo {
    struct sim_undo *older;
    struct sim_table *table;
    struct sim_row *before; /* owned */
    struct sim_row *after;  /* the row put, NULL if deleted; its key finds it again */
};

/* States, positions and keys are tables like the views. */
struct sim_views {
    struct sim_table *tables; /* [0] states, [1] positions, [2] keys, then the views */
    uint32_t table_count;
    bool open;
    bool damaged; /* as a caller reported */
    struct sim_undo *undo; /* of the open transaction, newest first */
    struct sim_undo *commits[STORE_SIM_COMMITS_KEPT]; /* newest last */
    uint32_t commit_count;
};

struct store_sim {
    struct journal_store journal_base;
    struct view_store views_base;
    struct slot_map slots;
    struct rng *rng;
    bool in_flight;
    bool disk_full;
    bool broken; /* appends refused until reopened */
    bool unreachable;
    struct store_sim_faults faults;
    struct store_sim_counts counts;
    uint32_t script[STORE_SIM_FAULTS]; /* calls until the ordered fault + 1; 0 = none */
    struct ordered batches;            /* by shard and seq: struct sim_batch */
    struct list under_way;             /* of these, what a crash decides about, oldest first */
    struct ordered leases;             /* by shard: struct sim_lease */
    uint64_t body_bytes;
    struct sim_views views;
};

static inline struct store_sim *sim_of_journal(struct journal_store *base)
{
    return container_of(base, struct store_sim, journal_base);
}

static inline struct store_sim *sim_of_views(struct view_store *base)
{
    return container_of(base, struct store_sim, views_base);
}

/* Does this call meet the fault, by order or by chance? */
static inline bool sim_fault(struct store_sim *sim, enum store_sim_fault fault, uint32_t ppm)
{
    if (sim->unreachable)
        return true;
    bool ordered = sim->script[fault] > 0 && --sim->script[fault] == 0;
    bool met = ordered || (ppm > 0 && rng_chance(sim->rng, ppm));
    sim->counts.met[fault] += met;
    return met;
}

/* store_sim_views.c */
void sim_views_init(struct sim_views *v, const struct view_table *const *tables, uint32_t count);
void sim_views_done(struct sim_views *v);
void sim_views_abandon(struct sim_views *v);                   /* the open transaction */
void sim_views_renew(struct sim_views *v);                     /* if they are damaged */
bool sim_views_back(struct sim_views *v);                      /* the last commit */
enum err sim_position(struct view_store *base, uint16_t shard, struct store_position *position);
enum err sim_state_load(struct view_store *base, uint16_t shard, uint16_t kind, struct id128 id,
                        state_row_cb row, void *context);
enum err sim_states_due(struct view_store *base, uint16_t shard, uint64_t due_ns_max,
                        state_row_cb row, void *context);
enum err sim_states_each(struct view_store *base, uint16_t shard, uint16_t kind, struct id128 after,
                         state_row_cb row, void *context);
enum err sim_scan(struct view_store *base, const struct view_scan *q, view_row_cb row,
                  void *context);
enum err sim_get(struct view_store *base, const struct view_table *t, const struct value *key,
                 view_row_cb row, void *context);
enum err sim_begin(struct view_store *base);
enum err sim_put_state(struct view_store *base, const struct state_row *row);
enum err sim_put_row(struct view_store *base, const struct view_table *t, const struct value *row);
enum err sim_delete_row(struct view_store *base, const struct view_table *t,
                        const struct value *key);
enum err sim_move(struct view_store *base, uint16_t shard, const struct store_position *position);
enum err sim_commit(struct view_store *base);
void sim_rollback(struct view_store *base);
enum err sim_views_drop(struct view_store *base);
void sim_views_damaged(struct view_store *base);
enum err sim_views_size(struct view_store *base, uint64_t *bytes);
void sim_views_close(struct view_store *base);

/* store_sim_keys.c */
extern const struct view_table sim_keys_table;
enum err sim_key_find(struct view_store *base, struct key_space space, struct id128 key,
                      uint64_t *position);
enum err sim_keys_walk(struct view_store *base, struct key_space space, struct key_cursor *cursor,
                       uint32_t most, key_cb key, void *context);
enum err sim_keys_between(struct view_store *base, const struct key_range *range);
enum err sim_keys_add(struct view_store *base, struct key_space space,
                      const struct key_decision *decisions, size_t count);
enum err sim_keys_expire(struct view_store *base, struct key_space space, uint64_t until_ns);

#endif
