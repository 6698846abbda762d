/* SPDX-License-Identifier: Apache-2.0 */
/* Early ids: those that were used before the time in them had come. The time in an id is a hint
 * that spares look-ups: whoever knows the latest time of all that left memory takes a later one for
 * new. That holds only for ids whose time is that of their first use, about. But clients' clocks
 * are fast, and an id may be 128 random bits: such a one may have left memory years before its
 * time.
 *
 * So time is divided into spans, and for those around now a filter has all early ids with a time in
 * them: what leaves memory is noted here, and what left before is read from the views when a span
 * comes near (early_fill.h). An id is taken for new by its time only within EARLY_WINDOW_MS of
 * now, where the filters are known and do not have it; all others are looked up.
 *
 * The thread of the shard, and that of its recovery while it has the tables. */
#ifndef DEDUP_EARLY_IDS_H
#define DEDUP_EARLY_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/filter.h"
#include "runtime/base/id128.h"
#include "runtime/base/time.h"

#define EARLY_MS 1000 /* an id is early if its time is this much after that of its use */
#define EARLY_WINDOW_MS (10 * 60 * 1000)
#define EARLY_SPAN_SHIFT 20 /* of milliseconds: 17.5 minutes, more than the window */
#define EARLY_SPANS 4       /* the one before now's, now's, the next, and one that is not used */

struct early_span {
    uint64_t number; /* its first millisecond >> EARLY_SPAN_SHIFT */
    bool known;      /* the filter has all early ids of the span */
    bool crowded;    /* they are too many: it will not be known */
    struct filter filter;
};

struct early_ids {
    struct early_span spans[EARLY_SPANS]; /* at number % EARLY_SPANS */
    uint64_t now_ms;
    uint64_t floor_ms; /* no id up to here is taken for new: nothing need be known of them */
    uint64_t serial;   /* counts the clearings: what was read before one is out of date */
};

/* filter_bytes: of each span. */
void early_ids_init(struct early_ids *e, size_t filter_bytes);
void early_ids_done(struct early_ids *e);

/* Memory was emptied (before a recovery): no span is known. */
void early_ids_clear(struct early_ids *e, uint64_t floor_ms);

/* Now is this, never before the last one. */
void early_ids_advance(struct early_ids *e, uint64_t now_ns);

/* A span around now that is to be read; false: there is none. */
bool early_ids_unknown(const struct early_ids *e, uint64_t *number);

/* All early ids of the span that were in the views are noted. */
void early_ids_learned(struct early_ids *e, uint64_t number);

void early_ids_crowded(struct early_ids *e, uint64_t number);

/* It was used, and has left memory, or is in the views. */
void early_ids_note(struct early_ids *e, struct id128 id);

/* Is its time after this one, by so much that it counts as early? */
static inline bool early_ids_is_early(struct id128 id, uint64_t used_ns)
{
    return id128_tells_time(id) && id128_unix_ms(id) > used_ns / NS_PER_MS + EARLY_MS;
}

/* The id is near now, and certainly none of the early ones that left memory. */
static inline bool early_ids_lack(const struct early_ids *e, struct id128 id)
{
    const uint64_t ms = id128_unix_ms(id);
    const struct early_span *span = &e->spans[(ms >> EARLY_SPAN_SHIFT) % EARLY_SPANS];
    return ms + EARLY_WINDOW_MS >= e->now_ms && ms <= e->now_ms + EARLY_WINDOW_MS &&
           span->number == ms >> EARLY_SPAN_SHIFT && span->known &&
           (span->filter.added == 0 || !filter_maybe(&span->filter, id));
}

#endif
