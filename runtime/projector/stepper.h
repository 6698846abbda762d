/* SPDX-License-Identifier: Apache-2.0 */
/* Stepper: runs the steps of all followers (follower.h) whose consumers write through one worker
 * into one store. Steps that wait when the worker is free become one transaction, whatever shards
 * they are of: sixteen shards write a page that they share once, and not each by itself.
 *
 * If one of them fails before the commit, all is taken back and each runs alone, so that no shard
 * waits for what another cannot do; one that failed the last time runs alone from the beginning.
 *
 * Posted from any loop. Worker and sink belong to the caller. */
#ifndef PROJECTOR_STEPPER_H
#define PROJECTOR_STEPPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/env.h"
#include "runtime/base/error.h"
#include "runtime/base/list.h"

#define STEPPER_STEPS_MAX 256 /* in one transaction */

/* The store's transaction. On the worker; all may block. */
struct stepper_sink {
    enum err (*begin)(void *context);
    /* Ends it either way. Only if some consumer has written. */
    enum err (*commit)(void *context);
    void (*rollback)(void *context);
};

struct stepper;

/* A follower's step. It is its owner's, on the loop, until stepper_post(), then the stepper's until
 * work.done() has come home. */
struct step {
    struct work work; /* .done is the owner's */
    /* The owner's, on the worker. All of the step but its commit; sets `written` if there is
     * something to commit. take_back() follows if it failed, or was not committed. */
    enum err (*write)(struct step *s);
    void (*take_back)(struct step *s);
    bool alone; /* for it has failed before */
    bool written;
    enum err result;

    struct stepper *stepper;
    struct fifo_link link; /* in stepper.waiting */
    bool taken;            /* out of it */
};

struct stepper {
    struct worker *worker;
    const struct stepper_sink *sink;
    void *sink_context;
    pthread_mutex_t lock;                  /* guards `waiting` */
    struct fifo waiting;                   /* posted and not taken, oldest first */
    struct step *steps[STEPPER_STEPS_MAX]; /* the worker's: those of the transaction */
};

void stepper_init(struct stepper *s, struct worker *worker, const struct stepper_sink *sink,
                  void *sink_context);
void stepper_done(struct stepper *s); /* nothing is under way */

void stepper_post(struct stepper *s, struct env *env, struct step *step);

#endif
