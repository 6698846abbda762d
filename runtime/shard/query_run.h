/* SPDX-License-Identifier: Apache-2.0 */
/* Query run: one query of the views while it reads. What it reads through counts the rows, and ends
 * the reading when the message's deadline has passed, its asker is gone, or lists have ended: that
 * is looked at before the first row and then every QUERY_RUN_LOOK rows. Read worker. */
#ifndef SHARD_QUERY_RUN_H
#define SHARD_QUERY_RUN_H

#include <stdatomic.h>

#include "runtime/actor/domain.h"
#include "runtime/base/env.h"

#define QUERY_RUN_LOOK 64 /* rows */
#define QUERY_RUN_BASE 32 /* cost of any query, in rows ... */
#define QUERY_RUN_GET 4   /* ... and of one row or state that is looked for by its key */

struct query_run {
    struct view_store store; /* what the query is given: it scans, gets and loads, no more */
    struct view_store *under;
    struct env *env;
    struct message *message;
    const _Atomic bool *ended; /* no list is begun or gone on with any more */
    uint64_t cost;             /* rows looked at, and what is counted as such */
    uint64_t looked_at;        /* cost at the last look */
    enum err stopped;          /* why the reading ended early; ERR_OK: it did not */
};

/* Runs it and leaves the answer in the message, and how many rows were looked at. Returns what it
 * cost. */
uint64_t query_run(struct query_run *r, const struct query *query);

#endif
