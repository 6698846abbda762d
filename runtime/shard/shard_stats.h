/* SPDX-License-Identifier: Apache-2.0 */
/* Shard statistics: what is counted of one shard since it was made, and its present state. Each
 * part of the shard counts into its own members; loop thread only. */
#ifndef SHARD_SHARD_STATS_H
#define SHARD_SHARD_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/base/sha256.h"
#include "runtime/observe/histogram.h"

enum shard_state {
    SHARD_OPENING,
    SHARD_RUNNING,
    SHARD_RECOVERING,
    SHARD_STOPPED,
};

struct shard_kind_stats {
    uint64_t turns, failed, busy, expired;
    uint64_t wait_ns_sum, wait_ns_max; /* from post to turn */
    uint64_t depth;                    /* messages in mailboxes now */
    uint64_t resident;
};

struct shard_stats {
    enum shard_state state;
    bool writable;
    uint64_t epoch;
    uint64_t committed_seq, projected_seq;
    uint64_t batches, records, journal_bytes, appends, append_ns_sum, append_ns_max;
    struct histogram batch_records, append_ns; /* units: runtime/observe/histogram.h */
    uint64_t events, replays, conflicts, recoveries, restarts, stalls;
    uint64_t stall_ns_max;
    uint64_t resident, evicted, loads;
    uint64_t outcomes;
    uint64_t dead_letters, projector_failures;
    uint64_t parked;                     /* sends that wait for an operator */
    uint64_t streams_shut;               /* stream_stats.h */
    uint64_t sends_waiting;              /* of other shards, that have arrived */
    uint64_t copies_age_ns;              /* contact.h; UINT64_MAX: not known */
    uint64_t life;                       /* which start it is: streams.h */
    uint64_t scrubs;                     /* journal/scrub.h */
    uint64_t damaged_seq;                /* found by scrub or verification; 0 = none */
    uint64_t verify_failed;              /* 1: the last verification found something wrong */
    struct sha256_digest committed_hash; /* of the batch committed_seq */
    uint64_t quota_near, quota_refused;  /* tenants, requests: quota.h */
    uint64_t clock_steps;         /* times the wall clock was set: clock.h */
    uint64_t clock_ahead_ns, clock_behind_ns; /* of the wall clock; one of them is 0 */
    struct shard_kind_stats kinds[KIND_MAX];
};

#endif
