/* SPDX-License-Identifier: Apache-2.0 */
/* Overdue: messages in mailboxes whose deadline has passed, or whose asker is gone, while their
 * actor waits for a load, or for the journal to take more. Their turn would see it, but may come
 * much later. So as long as there are such actors, all their messages are looked at every
 * OVERDUE_LOOK_NS. Those of suspended actors: suspension.h; of lists: view_reads.h; of a shard
 * without actors: stash.h. Loop thread only. */
#ifndef SHARD_OVERDUE_H
#define SHARD_OVERDUE_H

#include <stdbool.h>

#include "runtime/base/env.h"
#include "runtime/base/time.h"
#include "runtime/shard/admission.h"
#include "runtime/shard/ingress.h"

#define OVERDUE_LOOK_NS (100 * NS_PER_MS) /* how late an answer EXPIRED may be */

struct overdue {
    struct env *env;
    struct schedule *schedule;
    struct admission *admission;
    struct residence *residence;
    struct ingress *ingress;
    const bool *running; /* the shard has actors */
    struct alarm alarm;
};

/* `uses`: only the members that it works with are read. */
void overdue_init(struct overdue *o, const struct overdue *uses);

/* After each pass. */
static inline void overdue_watch(struct overdue *o)
{
    const struct schedule *q = o->schedule;
    if (o->alarm.due_ns == 0 && !(schedule_idle(q) && q->loading_count == 0))
        env_alarm_set(o->env, &o->alarm, env_mono_ns(o->env) + OVERDUE_LOOK_NS);
}

#endif
