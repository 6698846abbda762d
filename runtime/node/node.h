/* SPDX-License-Identifier: Apache-2.0 */
/* Node: the life of one process's loops, workers and shards, on real threads. Loop 0 runs on the
 * thread that calls node_run(); shards are dealt to the loops in turn. All shards share one journal
 * worker and one views worker of the store, and its read and load workers. Messages go to the shard
 * set (shard_set.h), with the loop_env() of whoever posts. */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/error.h"
#include "runtime/base/slice.h"
#include "runtime/base/time.h"
#include "runtime/node/loop.h"
#include "runtime/node/shard_set.h"
#include "runtime/shard/shard.h"

#define NODE_LOOPS_MAX 64
#define NODE_SHARDS_MAX SHARD_SET_MAX
#define NODE_READERS_MAX 8
#define NODE_PUBLISH_NS NS_PER_S  /* how old the statistics of node_get_stats() may be */
#define NODE_HEAD_NS (3600 * NS_PER_S) /* from one line journal_head of a shard to the next */

struct node;

struct node_options {
    const struct domain *domain;
    struct journal_store *journal_store; /* both outlive the node */
    struct view_store *view_store;
    const struct slot_map *slots; /* of the deployment; outlives the node */
    uint16_t loops;       /* 1 .. NODE_LOOPS_MAX */
    uint16_t readers;     /* workers that read lists, 1 .. NODE_READERS_MAX; as many, but one for
                             each shard at most, read what turns wait for */
    bool pin_cpus;        /* loop i (i > 0) stays on processor i */
    struct slice owner;   /* name of this process in the leases; static */
    size_t resident_max, dedup_entries_max, filter_bytes; /* of each shard: shard.h */
    uint64_t journal_quota;                               /* the same */
    struct log *log;      /* NULL = silent */
    /* Loop 0's thread: a shard stopped. An empty reason means it was closed by node_stop(), any
     * other that an operator must look. May be NULL. */
    void (*shard_stopped)(void *context, uint16_t shard, const char *reason);
    void *context;
};

/* Makes loops, workers and shards. Recovery is under way on the workers when it returns; its
 * results wait until the loops run. *ret untouched on failure. */
must_check enum err node_new(const struct node_options *options, struct node **ret);

/* Starts the threads of loops 1, 2, ...; a node that failed to start cannot be freed. */
must_check enum err node_start(struct node *n);

/* Runs loop 0 until node_stop() has finished and joins the other loops. True: every shard is closed
 * and quiet. False: the deadline passed; a store hangs, so leave the process without
 * node_free(). */
must_check bool node_run(struct node *n);

/* Loop 0's thread, once: closes all shards. Nobody posts any more. A program that stops calls
 * shard_set_end_lists() first, so that clients whose lists wait are answered and it can end
 * them. */
void node_stop(struct node *n, uint64_t deadline_ns);

/* After node_run() returned true. Takes NULL, returns NULL. */
struct node *node_free(struct node *n);

/* All shards: to post, and for inspection on their threads. Lives as long as the node. */
struct shard_set *node_shard_set(const struct node *n);

/* Any thread: why a shard stopped that nobody closed; NULL: none did. Lives as long as the node. */
const char *node_failure(const struct node *n);

/* Any thread. Do all shards run? If not, *reason says why, as long as the node lives. It is also
 * set while all run, if the store of one is full, its journal is damaged in batches that are not
 * needed, sends to it are parked or a stream of its is shut (stream_stats.h), or the wall clock is
 * another than the shards' (clock.h). */
bool node_ready(struct node *n, const char **reason);

uint16_t node_loops(const struct node *n);
struct loop *node_loop(const struct node *n, uint16_t number);

/* Any thread: the shard's statistics as of at most NODE_PUBLISH_NS ago. */
void node_get_stats(struct node *n, uint16_t shard, struct shard_stats *stats);
/* The same of its streams, two for each shard: shard_get_stream_stats(). */
void node_get_streams(struct node *n, uint16_t shard, struct stream_stats *ret);

#endif
