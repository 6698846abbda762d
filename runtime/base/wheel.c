/* SPDX-License-Identifier: Apache-2.0 */
/* A timer is filed at the lowest level whose current turn of 256 slots contains its tick; when a
 * level's hand completes a turn, the next slot of the level above is filed again one level down. */
#include "runtime/base/wheel.h"

#include "runtime/base/check.h"

#define SLOT_BITS 8
#define SLOT_MASK (WHEEL_SLOTS - 1)
#define REACH_TICKS ((uint64_t)1 << (SLOT_BITS * WHEEL_LEVELS))

void wheel_init(struct wheel *w, uint64_t now_ns)
{
    for (int level = 0; level < WHEEL_LEVELS; level++)
        for (int slot = 0; slot < WHEEL_SLOTS; slot++)
            list_init(&w->slots[level][slot]);
    w->tick = now_ns >> WHEEL_TICK_SHIFT;
    w->count = 0;
    for (int level = 0; level < WHEEL_LEVELS; level++)
        w->level_count[level] = 0;
}

/* The first tick by whose start the time has passed: rounds up, so nothing fires early. */
static uint64_t wheel_tick_of(uint64_t due_ns)
{
    uint64_t tick = due_ns >> WHEEL_TICK_SHIFT;
    return (tick << WHEEL_TICK_SHIFT) == due_ns ? tick : tick + 1;
}

static void wheel_file(struct wheel *w, struct wheel_timer *t)
{
    uint64_t tick = wheel_tick_of(t->due_ns);
    if (tick < w->tick)
        tick = w->tick;
    if (tick - w->tick >= REACH_TICKS - WHEEL_SLOTS)
        tick = w->tick + REACH_TICKS - WHEEL_SLOTS - 1;
    int level = 0;
    while (level < WHEEL_LEVELS - 1 &&
           (tick >> (SLOT_BITS * (level + 1))) != (w->tick >> (SLOT_BITS * (level + 1))))
        level++;
    list_append(&w->slots[level][(tick >> (SLOT_BITS * level)) & SLOT_MASK], &t->link);
    t->level = (uint8_t)level;
    w->level_count[level]++;
    w->count++;
}

static void wheel_unfile(struct wheel *w, struct wheel_timer *t)
{
    check(t->level < WHEEL_LEVELS && w->level_count[t->level] > 0 && w->count > 0);
    list_remove(&t->link);
    w->level_count[t->level]--;
    w->count--;
}

void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t due_ns)
{
    t->due_ns = due_ns;
    wheel_file(w, t);
}

void wheel_stop(struct wheel *w, struct wheel_timer *t)
{
    wheel_unfile(w, t);
}

/* Files the current slot of a level again, one level down or (far timers) where they belong. */
static void wheel_cascade(struct wheel *w, int level)
{
    struct list *slot = &w->slots[level][(w->tick >> (SLOT_BITS * level)) & SLOT_MASK];
    struct list waiting;
    list_init(&waiting);
    while (!list_empty(slot)) {
        struct list *item = slot->next;
        wheel_unfile(w, container_of(item, struct wheel_timer, link));
        list_append(&waiting, item);
    }
    while (!list_empty(&waiting)) {
        struct list *item = waiting.next;
        list_remove(item);
        wheel_file(w, container_of(item, struct wheel_timer, link));
    }
}

/* To the next tick at which anything can happen, but not beyond `limit`. */
static void wheel_step(struct wheel *w, uint64_t limit)
{
    int empty = 0;
    while (empty < WHEEL_LEVELS && w->level_count[empty] == 0)
        empty++;
    uint64_t stride = (uint64_t)1 << (SLOT_BITS * (empty < WHEEL_LEVELS ? empty : 0));
    uint64_t next = (w->tick / stride + 1) * stride;
    if (next > limit) {
        w->tick = limit;
        return;
    }
    check(next > w->tick);
    w->tick = next;
    for (int level = 1; level < WHEEL_LEVELS; level++) {
        if ((w->tick & (((uint64_t)1 << (SLOT_BITS * level)) - 1)) != 0)
            break;
        wheel_cascade(w, level);
    }
}

struct wheel_timer *wheel_expire(struct wheel *w, uint64_t now_ns)
{
    uint64_t now = now_ns >> WHEEL_TICK_SHIFT;
    for (;;) {
        struct list *slot = &w->slots[0][w->tick & SLOT_MASK];
        if (w->tick <= now && !list_empty(slot)) {
            struct wheel_timer *t = container_of(slot->next, struct wheel_timer, link);
            check(t->level == 0 && t->due_ns <= now_ns); /* never early */
            wheel_stop(w, t);
            return t;
        }
        if (w->tick >= now)
            return NULL;
        if (w->count == 0)
            w->tick = now;
        else
            wheel_step(w, now);
    }
}

uint64_t wheel_next_ns(const struct wheel *w)
{
    if (w->count == 0)
        return UINT64_MAX;
    int level = 0;
    while (w->level_count[level] == 0)
        level++;
    /* Up to the end of the level's turn; the level above is filed again there at the latest. */
    uint64_t slot = w->tick >> (SLOT_BITS * level);
    if (level > 0)
        slot++;
    while (list_empty(&w->slots[level][slot & SLOT_MASK])) {
        slot++;
        if ((slot & SLOT_MASK) == 0)
            break;
    }
    return slot << (SLOT_BITS * level) << WHEEL_TICK_SHIFT;
}
