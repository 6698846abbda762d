/* SPDX-License-Identifier: Apache-2.0 */
/* See bridge_counts.h. */
#include "gateway_bridge/bridge_counts.h"

#include <stddef.h>

#include "runtime/observe/metrics.h"

static uint64_t read(const _Atomic uint64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

void bridge_counts_metrics(const struct bridge_counts *const *counts, uint32_t count,
                           struct metrics *m)
{
    static const char *const classes[BRIDGE_STATUS_CLASSES] = {NULL,  "1xx", "2xx",
                                                               "3xx", "4xx", "5xx"};
    static const char *const reasons[CHALLENGE_COUNT] = {
        [CHALLENGE_TOKEN_MISSING] = "missing",
        [CHALLENGE_TOKEN_INVALID] = "invalid",
        [CHALLENGE_SCOPE] = "scope",
    };
    uint64_t answers[BRIDGE_STATUS_CLASSES] = {0}, refused[CHALLENGE_COUNT] = {0};
    for (uint32_t b = 0; b < count; b++) {
        for (size_t i = 0; i < BRIDGE_STATUS_CLASSES; i++)
            answers[i] += read(&counts[b]->answers[i]);
        for (size_t i = 0; i < CHALLENGE_COUNT; i++)
            refused[i] += read(&counts[b]->refused[i]);
    }
    metrics_family(m, METRICS_COUNTER, "payd_http_answers_total",
                   "HTTP answers by class of status.");
    for (size_t i = 2; i < BRIDGE_STATUS_CLASSES; i++)
        metrics_uint(m, "payd_http_answers_total", answers[i], "status", classes[i]);
    metrics_family(m, METRICS_COUNTER, "payd_http_tokens_refused_total",
                   "Requests without a token, with one that is not valid or revoked, or without "
                   "the scope.");
    for (size_t i = CHALLENGE_TOKEN_MISSING; i < CHALLENGE_COUNT; i++)
        metrics_uint(m, "payd_http_tokens_refused_total", refused[i], "reason", reasons[i]);
}
