/* SPDX-License-Identifier: Apache-2.0 */
/* Controls: what an operator or the supervisor has laid down about single actors: suspended,
 * quarantined, traced. The flags of a resident actor say the same; what is kept here outlives a
 * rebuild of the shard. Controls end with the process: after a restart every actor runs as its
 * journal says. Loop thread only. */
#ifndef SHARD_CONTROLS_H
#define SHARD_CONTROLS_H

#include <stdint.h>

#include "runtime/actor/actor.h"
#include "runtime/actor/domain.h"
#include "runtime/base/table.h"

#define CONTROLS_MAX 4096 /* actors of one shard that are suspended, quarantined or traced */

struct controls {
    struct table actors[KIND_MAX]; /* struct control */
    uint32_t count;
};

void controls_init(struct controls *o);
void controls_done(struct controls *o);

/* flag: one of ACTOR_CONTROLS (actor.h). TOO_LARGE beyond CONTROLS_MAX: nothing is changed. */
must_check enum err controls_give(struct controls *o, struct actor *a, uint16_t flag);
void controls_lift(struct controls *o, struct actor *a, uint16_t flags);

/* An actor became resident: it gets its flags. */
void controls_apply(const struct controls *o, struct actor *a);

/* Calls each actor that has controls. No control may be given or lifted meanwhile. */
void controls_each(const struct controls *o,
                   void (*each)(void *context, uint16_t kind, struct id128 id), void *context);

#endif
