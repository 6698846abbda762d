/* SPDX-License-Identifier: Apache-2.0 */
/* Orders: what an operator or the supervisor has laid down about single actors: suspended,
 * quarantined, traced. The flags of a resident actor say the same; what is kept here outlives a
 * rebuild of the shard. Orders end with the process: after a restart every actor runs as its
 * journal says. Loop thread only.
 *
 * The messages of a suspended actor wait in its mailbox, each until its own deadline at most; then
 * it is answered EXPIRED. */
#ifndef SHARD_ORDERS_H
#define SHARD_ORDERS_H

#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/base/env.h"
#include "runtime/base/table.h"

#define ORDERS_MAX 4096 /* actors of one shard that are suspended, quarantined or traced */

struct shard;
struct actor;

struct orders {
    struct table actors[KIND_MAX]; /* struct order */
    uint32_t count;
    struct alarm expiry;
};

void orders_init(struct orders *o);
void orders_done(struct orders *o);

/* flag: one of ACTOR_ORDERS (actor.h). TOO_LARGE beyond ORDERS_MAX: nothing is changed. */
must_check enum err orders_give(struct shard *s, struct actor *a, uint16_t flag);
void orders_lift(struct shard *s, struct actor *a, uint16_t flags);

/* An actor became resident. */
void orders_apply(struct shard *s, struct actor *a);

/* The shard was rebuilt: brings the actors back that have orders. */
void orders_restore(struct shard *s);

/* A message with a deadline came into the mailbox of a suspended actor. */
void orders_await(struct shard *s, uint64_t deadline_ns);

#endif
