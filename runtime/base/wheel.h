/* SPDX-License-Identifier: Apache-2.0 */
/* Hierarchical timer wheel (Varghese, Lauck 1987): 4 levels of 256 slots, one slot of the lowest
 * level is 2^23 ns (8.4 ms), reach about 417 days; later timers wait in the last slot and are
 * filed again when it comes round. Insert and remove in O(1). Fires never early, at most one slot
 * late. Time is whatever the owner advances it with. Single-threaded. */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/list.h"

#define WHEEL_LEVELS 4
#define WHEEL_SLOTS 256
#define WHEEL_TICK_SHIFT 23

struct wheel_timer {
    struct list link;
    uint64_t due_ns;
    uint8_t level;
};

struct wheel {
    struct list slots[WHEEL_LEVELS][WHEEL_SLOTS];
    uint64_t tick; /* everything due in ticks before this one has fired */
    uint64_t count;
    uint64_t level_count[WHEEL_LEVELS]; /* empty levels are stepped over */
};

void wheel_init(struct wheel *w, uint64_t now_ns);

/* The timer must not be set. A due time in the past fires at the next advance. */
void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t due_ns);

/* The timer must be set. */
void wheel_stop(struct wheel *w, struct wheel_timer *t);

/* Takes out one timer due at or before now, or returns NULL and remembers now: call it in a loop.
 */
struct wheel_timer *wheel_expire(struct wheel *w, uint64_t now_ns);

/* A time not after which the wheel must be advanced again (a lower bound of the next due time);
 * UINT64_MAX when empty. */
uint64_t wheel_next_ns(const struct wheel *w);

#endif
