/* SPDX-License-Identifier: Apache-2.0 */
/* The soonest is at the root. An alarm keeps its index (impl), so that it can be removed from the
 * middle: the last one takes its place and moves up or down. */
#include "runtime/node/alarms.h"

#include <stdlib.h>

#include "runtime/base/array.h"

void alarms_init(struct alarms *s)
{
    *s = (struct alarms){0};
}

void alarms_done(struct alarms *s)
{
    free(s->heap);
    alarms_init(s);
}

static uint32_t alarms_index(const struct alarm *a)
{
    return (uint32_t)(uintptr_t)a->impl;
}

static void alarms_put(struct alarms *s, uint32_t at, struct alarm *a)
{
    s->heap[at] = a;
    a->impl = (void *)(uintptr_t)at;
}

static void alarms_sift_up(struct alarms *s, uint32_t at)
{
    struct alarm *a = s->heap[at];
    while (at > 0 && s->heap[(at - 1) / 2]->due_ns > a->due_ns) {
        alarms_put(s, at, s->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    alarms_put(s, at, a);
}

static void alarms_sift_down(struct alarms *s, uint32_t at)
{
    struct alarm *a = s->heap[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= s->count)
            break;
        if (child + 1 < s->count && s->heap[child + 1]->due_ns < s->heap[child]->due_ns)
            child++;
        if (s->heap[child]->due_ns >= a->due_ns)
            break;
        alarms_put(s, at, s->heap[child]);
        at = child;
    }
    alarms_put(s, at, a);
}

void alarms_set(struct alarms *s, struct alarm *a, uint64_t due_ns)
{
    check(due_ns > 0);
    if (a->due_ns != 0)
        alarms_remove(s, a);
    check(s->count < ALARMS_MAX);
    array_reserve(s->heap, s->cap, s->count + 1);
    a->due_ns = due_ns;
    s->heap[s->count] = a;
    alarms_sift_up(s, s->count++);
}

void alarms_remove(struct alarms *s, struct alarm *a)
{
    uint32_t at = alarms_index(a);
    check(at < s->count && s->heap[at] == a);
    struct alarm *last = s->heap[--s->count];
    if (last != a) {
        alarms_put(s, at, last);
        alarms_sift_up(s, at);
        alarms_sift_down(s, alarms_index(last));
    }
    a->due_ns = 0;
    a->impl = NULL;
}

uint64_t alarms_due_ns(const struct alarms *s)
{
    return s->count == 0 ? UINT64_MAX : s->heap[0]->due_ns;
}

void alarms_fire(struct alarms *s, uint64_t now_ns)
{
    uint32_t left = s->count;
    while (left-- > 0 && alarms_due_ns(s) <= now_ns) {
        struct alarm *a = s->heap[0];
        alarms_remove(s, a);
        a->fire(a);
    }
}
