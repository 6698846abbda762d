/* SPDX-License-Identifier: Apache-2.0 */
/* Lost end: a store forgets the newest durable batches of one shard, as a restored backup or a disk
 * that lied does. Nothing mends that. What others have taken of it must be noticed: the shard stops
 * with a reason that names both marks, however many frames of its former life are still on their
 * way. What nobody has taken may be gone; but then the books of all shards fit as they stand. */
#ifndef SIMULATION_LOST_END_H
#define SIMULATION_LOST_END_H

#include "tests/simulation/run.h"

/* The process is down and its store has lost batches; false: no shard has sent anything. */
must_check bool lost_end_happen(struct run *run);

/* A shard stopped, with this reason. */
void lost_end_stopped(struct run *run, uint16_t shard, const char *reason);

/* Whoever should have noticed has had the time: broken() if nobody has. */
void lost_end_check(const struct run *run);

#endif
