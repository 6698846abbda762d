/* SPDX-License-Identifier: Apache-2.0 */
/* The span before now's is kept because the window reaches into it. The fourth place is the one
 * that the span to come will take: it is emptied when now's span changes. What is noted of a span
 * that has no place is in the views by then, and read from there when the span comes near. */
#include "runtime/dedup/early_ids.h"

#include "runtime/base/check.h"
#include "runtime/base/mutant.h"

static_assert(EARLY_WINDOW_MS < 1 << EARLY_SPAN_SHIFT, "the window lies in three spans");

void early_ids_init(struct early_ids *e, size_t filter_bytes)
{
    check(filter_bytes > 0);
    *e = (struct early_ids){.serial = 1};
    for (size_t i = 0; i < EARLY_SPANS; i++) {
        e->spans[i].number = i;
        filter_init(&e->spans[i].filter, filter_bytes);
    }
}

void early_ids_done(struct early_ids *e)
{
    for (size_t i = 0; i < EARLY_SPANS; i++)
        filter_done(&e->spans[i].filter);
}

static uint64_t early_span_before(const struct early_ids *e)
{
    const uint64_t now = e->now_ms >> EARLY_SPAN_SHIFT;
    return now == 0 ? 0 : now - 1;
}

static uint64_t early_span_after(const struct early_ids *e)
{
    return (e->now_ms >> EARLY_SPAN_SHIFT) + 1;
}

/* NULL: it has no place. */
static struct early_span *early_span_of(struct early_ids *e, uint64_t number)
{
    struct early_span *span = &e->spans[number % EARLY_SPANS];
    return span->number == number ? span : NULL;
}

static void early_span_begin(struct early_span *span, uint64_t number)
{
    check(number >= span->number);
    span->number = number;
    span->known = span->crowded = false;
    filter_clear(&span->filter);
}

void early_ids_clear(struct early_ids *e, uint64_t floor_ms)
{
    for (size_t i = 0; i < EARLY_SPANS; i++)
        early_span_begin(&e->spans[i], e->spans[i].number);
    check(e->serial > 0);
    e->floor_ms = floor_ms;
    e->serial++;
}

void early_ids_advance(struct early_ids *e, uint64_t now_ns)
{
    check(now_ns / NS_PER_MS >= e->now_ms);
    e->now_ms = now_ns / NS_PER_MS;
    if (early_span_of(e, early_span_after(e)) != NULL)
        return;
    for (uint64_t n = early_span_before(e); n <= early_span_after(e); n++)
        if (early_span_of(e, n) == NULL)
            early_span_begin(&e->spans[n % EARLY_SPANS], n);
    check(early_span_of(e, early_span_after(e)) != NULL);
}

bool early_ids_unknown(const struct early_ids *e, uint64_t *number)
{
    for (uint64_t n = early_span_after(e) + 1; n-- > early_span_before(e);) {
        const struct early_span *span = &e->spans[n % EARLY_SPANS];
        if (span->number != n || span->known || span->crowded)
            continue;
        check(n <= early_span_after(e));
        *number = n;
        return true;
    }
    return false;
}

void early_ids_learned(struct early_ids *e, uint64_t number)
{
    struct early_span *span = early_span_of(e, number);
    check(span == NULL || !span->crowded);
    if (span != NULL)
        span->known = true;
}

void early_ids_crowded(struct early_ids *e, uint64_t number)
{
    struct early_span *span = early_span_of(e, number);
    check(span == NULL || !span->known);
    if (span != NULL)
        span->crowded = true;
}

void early_ids_note(struct early_ids *e, struct id128 id)
{
    check(id128_tells_time(id));
    struct early_span *span = early_span_of(e, id128_unix_ms(id) >> EARLY_SPAN_SHIFT);
    if (span != NULL && !MUTANT(FORGET_EARLY_IDS))
        filter_add(&span->filter, id);
}
