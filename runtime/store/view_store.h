/* SPDX-License-Identifier: Apache-2.0 */
/* View store: actors' states, rows of views, keys and the position of the batch that all of them
 * are as of. It holds nothing that the journal (journal_store.h) could not give again, so it may
 * lose its newest commits, or all, but never part of one: all of it travels together.
 *
 * All calls block. Those that write are made by the views worker alone, one transaction at a time;
 * the others by any thread, at the same time, and see committed data only, except that the views
 * worker sees its own open transaction. */
#ifndef STORE_VIEW_STORE_H
#define STORE_VIEW_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/error.h"
#include "runtime/base/id128.h"
#include "runtime/base/slice.h"
#include "runtime/store/keys.h"
#include "runtime/store/store_position.h"
#include "runtime/store/views.h"

/* One actor's state as of the position. body.len == 0 deletes it. */
struct state_row {
    uint16_t shard;
    uint16_t kind;
    struct id128 id;
    uint64_t due_ns; /* its next durable deadline; 0 = none */
    struct slice body;
};

/* false stops the reading. The row is valid during the call only. */
typedef bool (*state_row_cb)(void *context, const struct state_row *row);

struct view_store;

struct view_store_ops {
    /* --- any worker --------------------------------------------------------------------------- */
    /* Everything up to this batch is in states and views; seq 0 = nothing. Committed data, on the
     * views worker too. */
    enum err (*position)(struct view_store *s, uint16_t shard, struct store_position *position);
    /* ERR_NOT_FOUND if there is no such state. */
    enum err (*state_load)(struct view_store *s, uint16_t shard, uint16_t kind, struct id128 id,
                           state_row_cb row, void *context);
    /* States whose due_ns is not 0 and <= due_ns_max, soonest first. */
    enum err (*states_due)(struct view_store *s, uint16_t shard, uint64_t due_ns_max,
                           state_row_cb row, void *context);
    /* All states of a kind, in id order, strictly after `after`. */
    enum err (*states_each)(struct view_store *s, uint16_t shard, uint16_t kind,
                            struct id128 after, state_row_cb row, void *context);
    /* For views_scan() and views_get(), which check what they are given. */
    enum err (*scan)(struct view_store *s, const struct view_scan *q, view_row_cb row,
                     void *context);
    enum err (*get)(struct view_store *s, const struct view_table *t, const struct value *key,
                    view_row_cb row, void *context);

    /* Where the key was decided last; ERR_NOT_FOUND if it is not there. */
    enum err (*key_find)(struct view_store *s, struct key_space space, struct id128 key,
                         uint64_t *position);
    /* Goes over the keys of a space, at most `most` (>= KEYS_WALK_MIN) at a call, until
     * cursor->ended: in any order, some of them twice, and with some that have expired. What was
     * there at the beginning is given, unless it expires meanwhile. */
    enum err (*keys_walk)(struct view_store *s, struct key_space space, struct key_cursor *cursor,
                          uint32_t most, key_cb key, void *context);
    /* Gives the keys of a range, in any order, some of them twice. */
    enum err (*keys_between)(struct view_store *s, const struct key_range *range);

    /* --- views worker: one transaction at a time ---------------------------------------------- */
    enum err (*begin)(struct view_store *s);
    enum err (*put_state)(struct view_store *s, const struct state_row *row);
    enum err (*put_row)(struct view_store *s, const struct view_table *t,
                        const struct value *row);
    enum err (*delete_row)(struct view_store *s, const struct view_table *t,
                           const struct value *key);
    /* In the order of their decisions, whose times do not go back from call to call. A key that is
     * already there gets the new position. */
    enum err (*keys_add)(struct view_store *s, struct key_space space,
                         const struct key_decision *decisions, size_t count);
    /* Forgets the keys decided up to this time; a store may keep them up to two days longer. */
    enum err (*keys_expire)(struct view_store *s, struct key_space space, uint64_t until_ns);
    /* What was put of this shard is as of the new position. */
    enum err (*move)(struct view_store *s, uint16_t shard, const struct store_position *position);
    /* Commits rows, states, keys and the new positions together. The transaction ends either way;
     * after a failure position() gives what is in the store. Each commit has moved a position. */
    enum err (*commit)(struct view_store *s);
    void (*rollback)(struct view_store *s);
    /* Empties views, states, keys and position of all shards: the projector starts again at batch
     * 1. */
    enum err (*drop)(struct view_store *s);

    /* The store gave what it cannot hold: the next opening makes it anew, where that was allowed.
     * Until then it stays as it is. Any thread. */
    void (*damaged)(struct view_store *s);

    /* Bytes on disk, for `payctl store status`. Any thread. */
    enum err (*size)(struct view_store *s, uint64_t *bytes);
    /* No call may be under way; an open transaction is taken back. */
    void (*close)(struct view_store *s);
};

struct view_store {
    const struct view_store_ops *ops;
    const char *name; /* "sqlite" */
};

#endif
