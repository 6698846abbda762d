/* SPDX-License-Identifier: Apache-2.0 */
/* Bridge counts: what a bridge answered and whom it refused, for /metrics. Owned by the composing
 * process and outliving the bridge; written on the bridge's loop alone, read on any thread. */
#ifndef GATEWAY_BRIDGE_BRIDGE_COUNTS_H
#define GATEWAY_BRIDGE_BRIDGE_COUNTS_H

#include <stdatomic.h>
#include <stdint.h>

#define BRIDGE_STATUS_CLASSES 6 /* by the first digit of the status; 0 is never used */

struct metrics;

/* Why a 401 or 403, for WWW-Authenticate and for the counts. */
enum challenge {
    CHALLENGE_NONE,
    CHALLENGE_TOKEN_MISSING,
    CHALLENGE_TOKEN_INVALID,
    CHALLENGE_SCOPE,
    CHALLENGE_COUNT,
};

struct bridge_counts {
    _Atomic uint64_t answers[BRIDGE_STATUS_CLASSES];
    _Atomic uint64_t refused[CHALLENGE_COUNT]; /* by enum challenge */
};

/* One writer: nothing is lost between the read and the write, and neither needs an order. */
static inline void bridge_count(_Atomic uint64_t *count)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* Appends the sums of several bridges. */
void bridge_counts_metrics(const struct bridge_counts *const *counts, uint32_t count,
                           struct metrics *m);

#endif
