/* SPDX-License-Identifier: Apache-2.0 */
/* Alarms: the set alarms (runtime/base/env.h) of one loop, soonest first. A binary heap of
 * pointers; each alarm's impl is its index. The alarms stay their owners'. Knows no clock. */
#ifndef NODE_ALARMS_H
#define NODE_ALARMS_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/env.h"

/* A few per shard and per bridge; far below this. One more is a bug: check() fails. */
#define ALARMS_MAX 65536

struct alarms {
    struct alarm **heap;
    uint32_t count, cap;
};

void alarms_init(struct alarms *s);
void alarms_done(struct alarms *s);

/* Sets or moves. due_ns > 0. */
void alarms_set(struct alarms *s, struct alarm *a, uint64_t due_ns);
/* a is set. Afterwards a->due_ns is 0. */
void alarms_remove(struct alarms *s, struct alarm *a);

/* When the soonest is due, UINT64_MAX if none is set. */
uint64_t alarms_due_ns(const struct alarms *s);

/* Fires those due at or before now_ns, soonest first. What fire() sets anew for a time past waits
 * for the next call. */
void alarms_fire(struct alarms *s, uint64_t now_ns);

#endif
