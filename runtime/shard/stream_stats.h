/* SPDX-License-Identifier: Apache-2.0 */
/* Stream statistics: how far the sends of one shard to another have come, for whoever operates the
 * node. Numbers of sends are those of the journal; counts are of this process. Loop thread only;
 * the copies may go anywhere. */
#ifndef SHARD_STREAM_STATS_H
#define SHARD_STREAM_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/shard/streams.h"

struct stream_stats {
    uint64_t sent;      /* number of the newest send in this journal, durable or about to be */
    uint64_t delivered; /* of the newest that left for the receiver */
    uint64_t confirmed; /* of the newest that is known to be durable there */
    uint64_t
        waited_ns;    /* since something is outstanding and nothing was confirmed; 0 = nothing is */
    uint64_t taken;   /* the other way: of the newest of the other's sends handled here */
    uint64_t parked;  /* of those, how many lie here */
    uint64_t refused; /* requests refused because the stream was shut */
    uint64_t openings; /* times that both ends agreed on where it stands */
    bool shut;         /* no request is opened that the other shard must help to decide */
};

static inline uint64_t stream_stats_outstanding(const struct stream_stats *s)
{
    return s->sent - s->confirmed;
}

/* Of the stream to this shard alone, or of that to all as far as it goes there; without `parked`.
 * The streams run. */
void stream_stats_get(const struct streams *s, uint16_t other, bool to_all,
                      struct stream_stats *ret);

/* Streams to single shards that have been shut for long enough for an operator to look. */
uint32_t stream_stats_shut(const struct streams *s);

/* Adds what lies parked to the streams it came by: `all` has two for each shard, the second of
 * those to all. */
void stream_stats_add_parked(struct registry *r, struct stream_stats *all);

/* One stream and the other between the same shards, as one. */
struct stream_stats stream_stats_sum(const struct stream_stats *a, const struct stream_stats *b);

#endif
