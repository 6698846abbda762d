/* SPDX-License-Identifier: Apache-2.0 */
/* Durable deadlines of actors. Those of resident actors are in the shard's wheel from the event on
 * that set them; those of actors that are not resident are read from the store (due_sweep.h). When
 * one passes, its actor gets a timeout message; the handler decides from the state whether
 * something is due, so a deadline that fires twice does no harm. Loop thread only. */
#ifndef SHARD_DEADLINES_H
#define SHARD_DEADLINES_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/registry_priv.h"
#include "runtime/base/slab.h"
#include "runtime/base/wheel.h"
#include "runtime/shard/clock.h"
#include "runtime/shard/residence.h"
#include "runtime/shard/shard_stats.h"

struct deadlines {
    /* What it works with; all of it outlives it. */
    struct env *env;
    const struct domain *domain;
    uint16_t number; /* of the shard */
    struct registry *registry;
    struct wheel *wheel;
    const struct clock *clock;
    struct residence *residence;
    struct shard_stats *stats;
    const bool *running; /* the shard has actors */

    struct slab timeouts; /* struct timeout_message */
    struct alarm alarm;   /* when the next one in the wheel passes */
};

/* `uses`: only the members that it works with are set. */
void deadlines_init(struct deadlines *d, const struct deadlines *uses);
void deadlines_done(struct deadlines *d);

/* Sends the timeouts of deadlines that have passed; only while what they decide can be written. */
void deadlines_fire(struct deadlines *d);

/* After a pass: sets the loop's timer to the next deadline; under the same condition. */
void deadlines_arm_alarm(struct deadlines *d);

#endif
