/* SPDX-License-Identifier: Apache-2.0 */
/* Follower: reads what one shard's journal has committed, from a position on, and gives it batch by
 * batch to a consumer that makes something of it durable elsewhere: the views (projector.h), and
 * whatever else is to follow the journal.
 *
 * It works in steps. A step runs on a worker, takes in the batches between the consumer's position
 * and the newest committed one, as many as its limits allow, and ends with the commit of what the
 * consumer wrote, and of what other followers wrote at the same time (stepper.h). Between two steps
 * the follower sleeps FOLLOWER_SLEEP times as long as the step took, at least FOLLOWER_SLEEP_MIN_NS
 * and at most FOLLOWER_SLEEP_MAX_NS; a step that failed is tried again after FOLLOWER_RETRY_NS, and
 * after twice the pause before each time that it fails again, up to FOLLOWER_RETRY_MAX_NS. Only the
 * consumer knows its position: what was not committed it is given again.
 *
 * To write a consumer: keep the position beside what it makes, in one transaction, and tell it in
 * `begin`. If that is not possible (another system's queue), commit what was made first and the
 * position after it: a batch may then come twice, which its (shard, seq) shows. Do not trust the
 * batch: replay.h checks the chain and the content.
 *
 * The owner's thread is its env's loop. It calls follower_advance() in each pass, which starts a
 * step when one is due; a sleep that is over wakes the loop. */
#ifndef PROJECTOR_FOLLOWER_H
#define PROJECTOR_FOLLOWER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/env.h"
#include "runtime/base/time.h"
#include "runtime/projector/stepper.h"
#include "runtime/store/journal_store.h"

#define FOLLOWER_SLEEP 3
#define FOLLOWER_SLEEP_MIN_NS (20 * NS_PER_MS)
#define FOLLOWER_SLEEP_MAX_NS (4 * NS_PER_S)
/* Followers that share a stepper end their sleeps at multiples of this, so that they meet there. */
#define FOLLOWER_GRID_NS (5 * NS_PER_MS)
#define FOLLOWER_RETRY_NS (NS_PER_S / 2)
#define FOLLOWER_RETRY_MAX_NS (2 * NS_PER_S) /* a list that waits has patience for it */
#define FOLLOWER_FULL_PERCENT 12 /* the sleep is the shortest from this on: follower.fill */
#define FOLLOWER_REASON_MAX 192

/* The consumer's part of a step, called on the worker's thread, in the stepper's transaction; all
 * may block. */
struct follower_consumer {
    /* A step begins that may reach batch target_seq. Sets *at to what is durable: the step goes on
     * behind it. After an error, or if *at has reached the target already, the step is over and
     * none of the others is called. */
    enum err (*begin)(void *context, uint64_t target_seq, struct store_position *at);
    /* The next batch, valid during the call. Sets *full if the step shall end with it. */
    enum err (*take)(void *context, const struct batch_row *row, bool *full);
    /* Writes what was taken, and the position, into the transaction. On success *reached is set to
     * it; the commit follows. */
    enum err (*write)(void *context, struct store_position *reached);
    /* After begin had succeeded: an error of take, write, the journal or the commit, or it was
     * abandoned, or another's step failed. What was taken is not durable, unless the commit was
     * done all the same: the next begin finds out. */
    void (*rollback)(void *context);
    /* What the last error was about, for an operator; "" = nothing more is known than the error. */
    const char *(*reason)(void *context);
};

/* A step ends with the batch that reaches one of them; 0 = no limit. */
struct follower_limits {
    uint64_t batches;
    uint64_t bytes; /* of bodies */
    uint64_t ns;    /* since it began to read */
};

struct follower_options {
    struct env *env;
    struct stepper *stepper;
    struct journal_store *store;
    uint16_t shard;
    struct follower_limits limits;
    const struct follower_consumer *consumer;
    void *consumer_context;
};

struct follower {
    struct follower_options options;

    /* The owner's, set after follower_init(); called on the loop. A step has ended: `position` has
     * moved, or not (`reason`: see the consumer's, valid during the call). After ERR_CORRUPT and
     * ERR_FAILED the follower has stopped; any other error is tried again. */
    void (*on_step)(void *context, enum err result, const char *reason);
    /* After a step: percent of the room for what the consumer has not taken in that is in use. The
     * fuller, the shorter the sleep: under a lasting load the owner slows down to what the consumer
     * can follow, instead of refusing when the room is full. NULL = 0. */
    uint32_t (*fill)(void *context);
    void *context;
    bool sharing; /* there are others at the stepper */

    /* The loop's. */
    struct store_position position; /* what the consumer has made durable */
    bool busy;                      /* a step is under way */
    bool failing;                   /* the newest step failed */
    uint64_t retry_ns;              /* the pause after it */
    bool stopped;
    uint64_t failures;            /* steps that failed */
    uint64_t started_ns, took_ns; /* of the newest step */
    uint64_t next_ns;             /* sleeps until then, unless told `at_once` */
    struct alarm alarm;           /* ends the sleep */

    /* The stepper's while busy. */
    struct step step;
    bool begun; /* by the consumer */
    uint64_t target_seq;
    struct store_position reached;        /* becomes the position */
    char unreadable[FOLLOWER_REASON_MAX]; /* why the journal could not be read on */

    _Atomic bool abandoned; /* set by the loop, read by the worker */
};

/* It stands at the beginning until follower_restart(). Owns nothing. */
void follower_init(struct follower *f, const struct follower_options *options);

/* Not while busy: where the consumer stands now. */
void follower_restart(struct follower *f, const struct store_position *position);

/* Call in each pass: starts a step towards committed_seq if one is due. `at_once`: something waits
 * for the consumer, so it does not sleep, unless steps fail. */
void follower_advance(struct follower *f, uint64_t committed_seq, bool at_once);

/* What made steps fail may be over: the next one is due at once. */
void follower_retry(struct follower *f);

/* For good: no step begins any more; one under way ends as it would. */
void follower_stop(struct follower *f);

/* For good: nothing more reaches the consumer. A step under way, or one that still begins, is taken
 * back (ERR_UNAVAILABLE), unless it commits already. */
void follower_abandon(struct follower *f);

/* How many committed batches the consumer has not made durable. */
static inline uint64_t follower_lag(const struct follower *f, uint64_t committed_seq)
{
    return committed_seq - f->position.seq;
}

/* Any thread. A consumer whose calls take long looks here, and returns ERR_UNAVAILABLE. */
static inline bool follower_abandoned(const struct follower *f)
{
    return atomic_load_explicit(&f->abandoned, memory_order_relaxed);
}

#endif
