/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: a page in the Prometheus text format, version 0.0.4. First the family, then its samples:
 *
 *     metrics_family(m, METRICS_COUNTER, "payd_turns_total", "Messages handled.");
 *     metrics_uint(m, "payd_turns_total", turns, "shard", "0", "kind", "wallet");
 *
 * Grows up to METRICS_PAGE_MAX; beyond it it fails, sticky: ask once at the end.
 * One thread. */
#ifndef OBSERVE_METRICS_H
#define OBSERVE_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/observe/histogram.h"

#define METRICS_PAGE_MAX ((size_t)12 << 20) /* 256 shards have some 3 MiB */
#define METRICS_LABEL_MAX 128 /* bytes of a label's value; the rest is cut */

struct metrics {
    char *text; /* len bytes, not NUL-terminated */
    size_t len, cap;
    bool failed;
};

enum metrics_type {
    METRICS_COUNTER, /* its name ends in _total */
    METRICS_GAUGE,
    METRICS_HISTOGRAM,
    METRICS_SUMMARY,
};

void metrics_init(struct metrics *m);
void metrics_done(struct metrics *m);

/* Names are literals of ours: [a-zA-Z_:][a-zA-Z0-9_:]*, labels without the colon; else check()
 * fails. */
void metrics_family(struct metrics *m, enum metrics_type type, const char *name,
                    const char *help);

/* Labels: name, value, ... NULL-terminated; values are escaped. */
void metrics_sample(struct metrics *m, const char *name, uint64_t value,
                    const char *const *labels);
/* Nanoseconds, written as seconds. */
void metrics_sample_seconds(struct metrics *m, const char *name, uint64_t value_ns,
                            const char *const *labels);
/* All samples of one histogram; bounds are unit << i. Values are nanoseconds written as seconds if
 * `seconds`. */
void metrics_sample_histogram(struct metrics *m, const char *name, const struct histogram *h,
                              uint64_t unit, bool seconds, const char *const *labels);

#define METRICS_LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define metrics_uint(m, name, value, ...)                                                          \
    metrics_sample(m, name, value, METRICS_LABELS(__VA_ARGS__))
#define metrics_seconds(m, name, value_ns, ...)                                                    \
    metrics_sample_seconds(m, name, value_ns, METRICS_LABELS(__VA_ARGS__))

#endif
