/* SPDX-License-Identifier: Apache-2.0 */
/* Histogram: counts of values in fixed buckets, each twice as wide as the one before. Bucket i
 * holds values up to unit << i; the last one everything beyond. */
#ifndef OBSERVE_HISTOGRAM_H
#define OBSERVE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS 17

#define HISTOGRAM_BATCH_UNIT 1u         /* records: 1, 2, 4, ... 32,768, more */
#define HISTOGRAM_LATENCY_UNIT 62500u   /* ns: 62.5 us, 125 us, ... 2.048 s, more */

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t sum;
};

static inline void histogram_add(struct histogram *h, uint64_t unit, uint64_t value)
{
    uint32_t i = 0;
    while (i < HISTOGRAM_BUCKETS - 1 && value > unit << i)
        i++;
    h->counts[i]++;
    h->sum += value;
}

#endif
