/* SPDX-License-Identifier: Apache-2.0 */
/* Projector: the consumer of the journal (follower.h) that keeps the views. It replays each
 * committed batch on a registry of its own, and writes the rows that follow, changed states and the
 * position reached into one transaction; that position is also where recovery starts. Steps run on
 * the store's views worker, those of several shards together (stepper.h). */
#ifndef PROJECTOR_PROJECTOR_H
#define PROJECTOR_PROJECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/env.h"
#include "runtime/projector/follower.h"
#include "runtime/projector/replay.h"
#include "runtime/projector/row_sorter.h"
#include "runtime/store/view_store.h"

/* Of one transaction: about a second of work. Larger steps write each page fewer times. */
#define PROJECTOR_STEP_EVENTS 100000
#define PROJECTOR_STEP_KEYS 100000       /* the same of keys, as a refusal has a key and no event */
#define PROJECTOR_RESIDENT_MAX 262144    /* states kept between transactions */

/* A step preloads states (preload.h) if the one before had to load as many. */
#define PROJECTOR_PRELOAD_MIN 1000

/* What the domain's project functions are given. */
struct projection {
    struct projector *projector;
    uint64_t position;
    enum err error; /* the first failure; ends the transaction */
};

/* Decisions of the step under way that the views do not have yet. */
struct key_list {
    struct key_decision *items;
    size_t count, cap;
};

struct projector {
    struct follower follower; /* when steps run, the position, abandoning */
    struct view_store *store;
    const struct domain *domain;
    uint16_t shard;

    /* of the step under way: the worker's until done */
    struct registry registry;
    struct replay replay;
    struct replay_source source;
    struct projection projection;
    struct row_sorter sorter;
    struct key_list keys, ids, refused;
    struct wire_writer state;
    struct wire_writer attributions; /* of the batch being replayed: a row of domain.attributions */
    struct attribution_copy attributed; /* the records of which there are rows */
    bool shown;                         /* there is one of the record that is read */
    uint64_t events_max; /* as replay.events: the step ends there */
    bool fresh;          /* registry and replay are as of the views; else renew() */
};

/* Of all projectors of a process: their stepper has this sink, with these stores as its context. */
struct projector_stores {
    struct journal_store *journal;
    struct view_store *views;
};

extern const struct stepper_sink projector_sink;

/* Its owner sets follower.on_step and calls follower_advance(). */
void projector_init(struct projector *p, struct env *env, struct stepper *stepper,
                    const struct domain *domain, uint16_t shard);
void projector_done(struct projector *p);

/* Where the views stand now, as recovery found it. Not while busy. */
void projector_restart(struct projector *p, const struct store_position *position);

#endif
