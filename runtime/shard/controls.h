/* SPDX-License-Identifier: Apache-2.0 */
/* Orders: what an operator or the supervisor has laid down about single actors: suspended,
 * quarantined, traced. The flags of a resident actor say the same; what is kept here outlives a
 * rebuild of the shard. Orders end with the process: after a restart every actor runs as its
 * journal says. Loop thread only.
 *
 * The messages of a suspended actor wait in its mailbox, each until its own deadline at most; then
 * it is answered EXPIRED. */
#ifndef SHARD_CONTROLS_H
#define SHARD_CONTROLS_H

#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/base/env.h"
#include "runtime/base/table.h"

#define CONTROLS_MAX 4096 /* actors of one shard that are suspended, quarantined or traced */

struct shard;
struct actor;

struct controls {
    struct table actors[KIND_MAX]; /* struct order */
    uint32_t count;
    struct alarm expiry;
};

void controls_init(struct controls *o);
void controls_done(struct controls *o);

/* flag: one of ACTOR_CONTROLS (actor.h). TOO_LARGE beyond CONTROLS_MAX: nothing is changed. */
must_check enum err controls_give(struct shard *s, struct actor *a, uint16_t flag);
void controls_lift(struct shard *s, struct actor *a, uint16_t flags);

/* An actor became resident. */
void controls_apply(struct shard *s, struct actor *a);

/* The shard was rebuilt: brings the actors back that have orders. */
void controls_restore(struct shard *s);

/* A message with a deadline came into the mailbox of a suspended actor. */
void controls_await(struct shard *s, uint64_t deadline_ns);

#endif
