/* SPDX-License-Identifier: Apache-2.0 */
/* Contact: how old this shard's copies of what is the same in every shard may be
 * (actor_kind.everywhere). Each shard asks shard 0 from time to time how many sends to all its
 * journal has; once these are durable here, the copies are as of the moment of the question, by
 * this shard's own clock. So frames that are late, lost or repeated make copies look older, never
 * younger. Nothing of it is recorded: an idle journal does not grow. Loop thread only. */
#ifndef SHARD_CONTACT_H
#define SHARD_CONTACT_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/env.h"
#include "runtime/base/time.h"
#include "runtime/sends/frame.h"

#define CONTACT_HOME 0          /* the shard whose sends to all make copies */
#define CONTACT_ASK_NS NS_PER_S /* how often it is asked */

#ifndef CONTACT_PAUSE_MAX_NS                      /* the simulator waits for what is due in hours */
#define CONTACT_PAUSE_MAX_NS (4 * CONTACT_ASK_NS) /* while no answer comes */
#endif

struct streams; /* runtime/shard/streams.h */

struct contact {
    struct streams *streams;
    bool needed;       /* the domain has such kinds */
    uint64_t life;     /* of the shard (streams.life), to which the rest belongs */
    uint64_t known_ns; /* the copies were whole then (env_mono_ns()); 0 = not in this life */
    uint64_t asked_ns; /* of the oldest answer whose sends were not all durable here yet, and */
    uint64_t wanted_n; /* ... the last of them; 0 = there is none */
    uint64_t pause_ns; /* until the next question */
    bool answered;     /* one of those since the last question, or before */
    struct alarm alarm;
};

void contact_init(struct contact *c, struct streams *streams);

/* The streams have started: asks, and goes on asking until it is stopped. */
void contact_start(struct contact *c);
void contact_stop(struct contact *c);

/* REACH or REACHED, from another shard or from this one. */
void contact_frame(struct contact *c, const struct frame *f);

/* UINT64_MAX: they have not been known to be whole since the shard started. */
uint64_t contact_age_ns(const struct contact *c);

#endif
