/* SPDX-License-Identifier: Apache-2.0 */
/* Registry: the resident actors of one shard with their states, found by kind and id. The live
 * shard has one; the projector, which replays the journal behind it, has another. The domain's
 * apply functions see only this. Single-threaded. */
#ifndef ACTOR_REGISTRY_H
#define ACTOR_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/id128.h"

struct registry;

/* --- what apply functions may use ------------------------------------------------------------- */

/* The state of an actor that must exist: check() fails otherwise, for an event in the journal
 * proves that it was there. Counts as a change of the actor. */
void *registry_state(struct registry *r, uint16_t kind, struct id128 id);

/* The state of an actor if it exists, else NULL. Counts as a change only if found. */
void *registry_state_if(struct registry *r, uint16_t kind, struct id128 id);

/* Like registry_state(), for a change within the first hot_size bytes: no more is saved for an undo
 * or read at all. */
void *registry_hot(struct registry *r, uint16_t kind, struct id128 id);

/* A new zeroed state; the actor must not exist. */
void *registry_create(struct registry *r, uint16_t kind, struct id128 id);

/* Ends an actor: kind->codec->release() runs, its stored state is deleted. */
void registry_remove(struct registry *r, uint16_t kind, struct id128 id);

/* Sets the actor's durable deadline, wall clock ns. When it passes, the live shard runs
 * kind->timeout() in a turn, once, also after any number of restarts. */
void registry_deadline(struct registry *r, uint16_t kind, struct id128 id, uint64_t due_ns);
/* It has none from now on. */
void registry_no_deadline(struct registry *r, uint16_t kind, struct id128 id);

/* Memory that a state owns beyond itself (metadata, long text). Freed memory stays readable until
 * the turn ends, for the turn may still be undone. Zeroed; aborts without memory, as an event that
 * is already decided cannot be refused. */
void *registry_alloc(struct registry *r, size_t size);
void registry_free(struct registry *r, void *memory);

#endif
