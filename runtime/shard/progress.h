/* SPDX-License-Identifier: Apache-2.0 */
/* Progress: how far the journal and the views of each shard of a node are, for all its shards to
 * read. A list may show what several have committed, and then waits for the views of all. Each
 * shard writes its own line; any thread reads. */
#ifndef SHARD_PROGRESS_H
#define SHARD_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"

struct progress_shard {
    atomic_bool accepted; /* its journal was read at the start, and nothing is against it */
    atomic_bool opened;  /* its positions are known */
    atomic_bool stopped; /* its views go no further */
    atomic_bool stuck;   /* its views go no further for now: there is no space for them */
    atomic_bool waiting; /* its lists wait for views */
    _Atomic uint64_t committed, projected;
    _Atomic uint64_t shown_ns; /* time of the batch that the views show */
    _Atomic uint64_t wanted; /* some list of any shard waits for its views up to this batch */
};

struct progress {
    uint16_t count; /* of shards */
    /* Any shard's thread: runs a pass of that shard soon. */
    void (*notify)(void *context, uint16_t shard);
    void *context;
    struct progress_shard *shards; /* the owner's memory, zeroed */
};

/* --- the shard's own line --------------------------------------------------------------------- */

/* Call before answers of these batches leave. */
void progress_commit(struct progress *p, uint16_t shard, uint64_t seq);
/* The views moved, to a batch of this time: notifies the shards whose lists wait. */
void progress_project(struct progress *p, uint16_t shard, uint64_t seq, uint64_t time_ns);
/* They cannot move until there is space again: notifies too. */
void progress_stick(struct progress *p, uint16_t shard);
/* There is: lists wait again. */
void progress_unstick(struct progress *p, uint16_t shard);
/* Its positions are known, as recovery found them; may be called again. */
void progress_open(struct progress *p, uint16_t shard, uint64_t committed, uint64_t projected,
                   uint64_t time_ns);
void progress_stop(struct progress *p, uint16_t shard);
/* Set it before looking whether the wait is over: what comes later notifies. */
void progress_wait(struct progress *p, uint16_t shard, bool waiting);
/* Does a list wait for more than these views show? */
bool progress_wanted(const struct progress *p, uint16_t shard, uint64_t projected);

/* --- the start -------------------------------------------------------------------------------- */

/* This shard's journal can be gone on from. */
void progress_accept(struct progress *p, uint16_t shard);
/* So can all: only then does any of them take its lease. */
bool progress_all_accepted(const struct progress *p);

/* --- what lists wait for ---------------------------------------------------------------------- */

/* Into `seqs`, for a list of this shard: the present seq of every shard. false: one has not opened
 * yet, ask again. Marks each shard whose views are late as waited for. A shard that has stopped
 * before it opened is waited for in vain, except by a list about `one_actor` of this shard: what
 * that shard would add to it, it does without. */
must_check bool progress_capture(struct progress *p, uint16_t shard, bool one_actor,
                                 uint64_t *seqs);

enum progress_wait {
    PROGRESS_REACHED, /* all views show at least this */
    PROGRESS_STUCK,   /* those that do not are stuck */
    PROGRESS_BEHIND,
    PROGRESS_NEVER,   /* one of them has stopped before it */
};
enum progress_wait progress_reached(const struct progress *p, const uint64_t *seqs);
/* The time as of which the views show everything, if they are stuck before these batches. */
uint64_t progress_shown_ns(const struct progress *p, const uint64_t *seqs);

#endif
