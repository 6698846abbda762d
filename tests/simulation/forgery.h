/* SPDX-License-Identifier: Apache-2.0 */
/* Forgery: sends that no shard of the platform makes, to things that there are not. Tallies make
 * them with their notes. Whoever they come to parks them and stays as it was; nobody lets them go.
 */
#ifndef SIMULATION_FORGERY_H
#define SIMULATION_FORGERY_H

#include "runtime/actor/turn.h"

#define FORGED_ID 0xF0F0F0F0F0F0F0F0 /* the upper half of the id of whatever they are for */

/* To the shard that has this id; which kind of send it is follows from the number. */
void forgery_send(struct turn *t, struct id128 to, uint64_t number);

static inline bool forgery_is(struct id128 target)
{
    return target.hi == FORGED_ID;
}

#endif
