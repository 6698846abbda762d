/* SPDX-License-Identifier: Apache-2.0 */
/* Tables say which statistic becomes which family; the format wants all samples of a family
 * together, so the statistics of all shards are copied first. */
#include "runtime/node/node_metrics.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/memory.h"
#include "runtime/observe/process.h"
#include "runtime/shard/stream_stats.h"

struct family {
    const char *name, *help;
    enum metrics_type type;
    size_t offset; /* of the uint64_t */
    bool seconds;  /* it holds nanoseconds */
};

#define SHARD(field) offsetof(struct shard_stats, field)
#define KIND(field) offsetof(struct shard_kind_stats, field)
#define STREAM(field) offsetof(struct stream_stats, field)

static const struct family shard_families[] = {
    {"payd_shard_epoch", "Epoch of the shard's lease.", METRICS_GAUGE, SHARD(epoch), false},
    {"payd_journal_committed_seq", "Newest durable batch.", METRICS_GAUGE, SHARD(committed_seq),
     false},
    {"payd_journal_batches_total", "Batches made durable.", METRICS_COUNTER, SHARD(batches), false},
    {"payd_journal_records_total", "Records made durable.", METRICS_COUNTER, SHARD(records), false},
    {"payd_journal_bytes_total", "Bytes of batches made durable.", METRICS_COUNTER,
     SHARD(journal_bytes), false},
    {"payd_journal_scrubs_total", "Times the whole journal was read and found in order.",
     METRICS_COUNTER, SHARD(scrubs), false},
    {"payd_journal_damaged_batch", "The first batch found damaged; 0 = none.", METRICS_GAUGE,
     SHARD(damaged_seq), false},
    {"payd_journal_verify_failed", "1: the last verification found something wrong.", METRICS_GAUGE,
     SHARD(verify_failed), false},
    {"payd_journal_append_max_seconds", "Longest commit.", METRICS_GAUGE, SHARD(append_ns_max),
     true},
    {"payd_events_total", "Events applied.", METRICS_COUNTER, SHARD(events), false},
    {"payd_replays_total", "Requests answered with their first outcome.", METRICS_COUNTER,
     SHARD(replays), false},
    {"payd_key_conflicts_total", "Idempotency keys used for another request.", METRICS_COUNTER,
     SHARD(conflicts), false},
    {"payd_recoveries_total", "Recoveries from the journal.", METRICS_COUNTER, SHARD(recoveries),
     false},
    {"payd_restarts_total", "Rebuilds after failed turns.", METRICS_COUNTER, SHARD(restarts),
     false},
    {"payd_stalls_total", "Turns over the stall limit.", METRICS_COUNTER, SHARD(stalls), false},
    {"payd_stall_max_seconds", "Longest turn.", METRICS_GAUGE, SHARD(stall_ns_max), true},
    {"payd_actors_resident", "Actors in memory.", METRICS_GAUGE, SHARD(resident), false},
    {"payd_actors_evicted_total", "Actors passivated.", METRICS_COUNTER, SHARD(evicted), false},
    {"payd_actors_loads_total", "Actors asked of the store.", METRICS_COUNTER, SHARD(loads), false},
    {"payd_dedup_entries", "Outcomes remembered in memory.", METRICS_GAUGE, SHARD(outcomes), false},
    {"payd_journal_quota_near_tenants",
     "Tenants that have used 80 % of their quota of the journal.", METRICS_GAUGE, SHARD(quota_near),
     false},
    {"payd_journal_quota_refused_total", "Requests refused because it was used up.",
     METRICS_COUNTER, SHARD(quota_refused), false},
    {"payd_wall_clock_steps_total", "Times the wall clock was set by more than a second.",
     METRICS_COUNTER, SHARD(clock_steps), false},
    {"payd_clock_ahead_seconds", "By how much the shard's time is ahead of the wall clock.",
     METRICS_GAUGE, SHARD(clock_ahead_ns), true},
    {"payd_clock_behind_seconds", "By how much it is behind the wall clock.", METRICS_GAUGE,
     SHARD(clock_behind_ns), true},
    {"payd_dead_letters", "Messages that await an operator.", METRICS_GAUGE, SHARD(dead_letters),
     false},
    {"payd_parked_sends", "Messages of other shards that await an operator: payctl parked list.",
     METRICS_GAUGE, SHARD(parked), false},
    {"payd_waiting_sends", "Messages of other shards that have arrived and await their turn.",
     METRICS_GAUGE, SHARD(sends_waiting), false},
    {"payd_copies_age_seconds",
     "How long ago copies of reference data were known to be whole; above 60 s they are not used.",
     METRICS_GAUGE, SHARD(copies_age_ns), true},
    {"payd_streams_shut",
     "Other shards for which requests are refused: too far behind, or out of reach for long.",
     METRICS_GAUGE, SHARD(streams_shut), false},
};

/* From one shard to another: those pairs that ever had a message, or are shut. */
static const struct family stream_families[] = {
    {"payd_stream_sent_total", "Messages that the journal of `from` has for `to`.", METRICS_COUNTER,
     STREAM(sent), false},
    {"payd_stream_delivered", "How many of them left.", METRICS_GAUGE, STREAM(delivered), false},
    {"payd_stream_confirmed", "How many are known to be durable there.", METRICS_GAUGE,
     STREAM(confirmed), false},
    {"payd_stream_parked", "How many of them await an operator there.", METRICS_GAUGE,
     STREAM(parked), false},
    {"payd_stream_waited_seconds",
     "For how long nothing was confirmed although something is outstanding; 10 s shut the stream.",
     METRICS_GAUGE, STREAM(waited_ns), true},
    {"payd_stream_refused_total", "Requests refused because the stream was shut.", METRICS_COUNTER,
     STREAM(refused), false},
    {"payd_stream_openings_total",
     "Times that both agreed on where it stands: once after each start or recovery of one of them.",
     METRICS_COUNTER, STREAM(openings), false},
};

static const struct family kind_families[] = {
    {"payd_turns_total", "Messages handled.", METRICS_COUNTER, KIND(turns), false},
    {"payd_turns_failed_total", "Turns undone because an invariant broke.", METRICS_COUNTER,
     KIND(failed), false},
    {"payd_busy_total", "Messages refused because a mailbox or the store was full.",
     METRICS_COUNTER, KIND(busy), false},
    {"payd_expired_total", "Messages not executed because their deadline had passed.",
     METRICS_COUNTER, KIND(expired), false},
    {"payd_mailbox_depth", "Messages in mailboxes.", METRICS_GAUGE, KIND(depth), false},
    {"payd_mailbox_wait_max_seconds", "Longest wait of a message.", METRICS_GAUGE,
     KIND(wait_ns_max), true},
    {"payd_kind_resident", "Actors in memory.", METRICS_GAUGE, KIND(resident), false},
};

struct page {
    struct metrics *m;
    const struct domain *domain;
    struct shard_stats *shards;
    struct stream_stats *streams; /* of all pairs, by `from` */
    uint16_t count;
};

typedef void (*each_kind)(struct page *p, const struct shard_kind_stats *stats,
                          const char *const *labels, const void *context);

static void node_metrics_shard_label(char text[8], uint16_t shard)
{
    snprintf(text, 8, "%u", shard);
}

static void node_metrics_put_value(struct metrics *m, const struct family *f, const void *stats,
                                   const char *const *labels)
{
    uint64_t value;
    memcpy(&value, (const char *)stats + f->offset, sizeof value);
    if (f->seconds)
        metrics_sample_seconds(m, f->name, value, labels);
    else
        metrics_sample(m, f->name, value, labels);
}

static void node_metrics_put_shard_families(struct page *p)
{
    for (size_t i = 0; i < array_len(shard_families); i++) {
        const struct family *f = &shard_families[i];
        metrics_family(p->m, f->type, f->name, f->help);
        for (uint16_t s = 0; s < p->count; s++) {
            char shard[8];
            node_metrics_shard_label(shard, s);
            node_metrics_put_value(p->m, f, &p->shards[s], METRICS_LABELS("shard", shard));
        }
    }
}

/* Calls `each` for all kinds of all shards. */
static void node_metrics_walk_kinds(struct page *p, each_kind each, const void *context)
{
    for (uint16_t s = 0; s < p->count; s++) {
        char shard[8];
        node_metrics_shard_label(shard, s);
        for (int k = 0; k < KIND_MAX; k++)
            if (p->domain->kinds[k] != NULL)
                each(p, &p->shards[s].kinds[k],
                     METRICS_LABELS("shard", shard, "kind", p->domain->kinds[k]->name), context);
    }
}

static void node_metrics_put_kind_value(struct page *p, const struct shard_kind_stats *stats,
                                        const char *const *labels, const void *context)
{
    node_metrics_put_value(p->m, context, stats, labels);
}

static void node_metrics_put_wait(struct page *p, const struct shard_kind_stats *stats,
                                  const char *const *labels, const void *context)
{
    (void)context;
    metrics_sample_seconds(p->m, "payd_mailbox_wait_seconds_sum", stats->wait_ns_sum, labels);
    metrics_sample(p->m, "payd_mailbox_wait_seconds_count", stats->turns, labels);
}

static void node_metrics_put_kind_families(struct page *p)
{
    for (size_t i = 0; i < array_len(kind_families); i++) {
        const struct family *f = &kind_families[i];
        metrics_family(p->m, f->type, f->name, f->help);
        node_metrics_walk_kinds(p, node_metrics_put_kind_value, f);
    }
    metrics_family(p->m, METRICS_SUMMARY, "payd_mailbox_wait_seconds",
                   "From the arrival of a message to its turn.");
    node_metrics_walk_kinds(p, node_metrics_put_wait, NULL);
}

static void node_metrics_put_states(struct page *p)
{
    metrics_family(p->m, METRICS_GAUGE, "payd_shard_state",
                   "0 opening, 1 running, 2 recovering, 3 stopped.");
    for (uint16_t s = 0; s < p->count; s++) {
        char shard[8];
        node_metrics_shard_label(shard, s);
        metrics_uint(p->m, "payd_shard_state", p->shards[s].state, "shard", shard);
    }
    metrics_family(p->m, METRICS_GAUGE, "payd_shard_writable", "0 while the store is full.");
    for (uint16_t s = 0; s < p->count; s++) {
        char shard[8];
        node_metrics_shard_label(shard, s);
        metrics_uint(p->m, "payd_shard_writable", p->shards[s].writable, "shard", shard);
    }
    metrics_family(p->m, METRICS_GAUGE, "payd_projector_lag_batches",
                   "Durable batches that the views do not show yet.");
    for (uint16_t s = 0; s < p->count; s++) {
        char shard[8];
        node_metrics_shard_label(shard, s);
        metrics_uint(p->m, "payd_projector_lag_batches",
                     p->shards[s].committed_seq - p->shards[s].projected_seq, "shard", shard);
    }
}

static void node_metrics_put_histograms(struct page *p)
{
    metrics_family(p->m, METRICS_HISTOGRAM, "payd_journal_batch_records", "Records of a batch.");
    for (uint16_t s = 0; s < p->count; s++) {
        char shard[8];
        node_metrics_shard_label(shard, s);
        metrics_sample_histogram(p->m, "payd_journal_batch_records", &p->shards[s].batch_records,
                                 HISTOGRAM_BATCH_UNIT, false, METRICS_LABELS("shard", shard));
    }
    metrics_family(p->m, METRICS_HISTOGRAM, "payd_journal_append_seconds", "Time of a commit.");
    for (uint16_t s = 0; s < p->count; s++) {
        char shard[8];
        node_metrics_shard_label(shard, s);
        metrics_sample_histogram(p->m, "payd_journal_append_seconds", &p->shards[s].append_ns,
                                 HISTOGRAM_LATENCY_UNIT, true, METRICS_LABELS("shard", shard));
    }
}

/* --- streams ---------------------------------------------------------------------------------- */

/* What shards tell of both their streams to another, as one; what lies parked is told by the other.
 */
static void node_metrics_get_streams(struct node *n, struct page *p, struct stream_stats *scratch)
{
    for (uint16_t s = 0; s < p->count; s++) {
        node_get_streams(n, s, scratch);
        for (uint16_t i = 0; i < p->count; i++) {
            uint64_t parked = p->streams[s * p->count + i].parked;
            p->streams[s * p->count + i] = stream_stats_sum(&scratch[2 * i], &scratch[2 * i + 1]);
            p->streams[s * p->count + i].parked = parked;
        }
        for (uint16_t i = 0; i < p->count; i++)
            p->streams[i * p->count + s].parked = scratch[2 * i].parked + scratch[2 * i + 1].parked;
    }
}

static void node_metrics_put_outstanding(struct page *p, const struct stream_stats *s,
                                         const char *const *labels, const void *context)
{
    (void)context;
    metrics_sample(p->m, "payd_stream_outstanding", stream_stats_outstanding(s), labels);
}

static void node_metrics_put_stream(struct page *p, const struct stream_stats *s,
                                    const char *const *labels, const void *context)
{
    node_metrics_put_value(p->m, context, s, labels);
}

static void node_metrics_walk_streams(struct page *p,
                                      void (*each)(struct page *p, const struct stream_stats *s,
                                                   const char *const *labels, const void *context),
                                      const void *context)
{
    for (uint16_t from = 0; from < p->count; from++) {
        for (uint16_t to = 0; to < p->count; to++) {
            const struct stream_stats *s = &p->streams[from * p->count + to];
            char from_text[8], to_text[8];
            node_metrics_shard_label(from_text, from);
            node_metrics_shard_label(to_text, to);
            if (s->sent > 0 || s->shut || s->parked > 0)
                each(p, s, METRICS_LABELS("from", from_text, "to", to_text), context);
        }
    }
}

static void node_metrics_put_streams(struct node *n, struct page *p)
{
    size_t pairs = (size_t)p->count * p->count;
    p->streams = memory_take_zeroed(pairs + 2 * (size_t)p->count, sizeof *p->streams);
    node_metrics_get_streams(n, p, p->streams + pairs);
    for (size_t i = 0; i < array_len(stream_families); i++) {
        const struct family *f = &stream_families[i];
        metrics_family(p->m, f->type, f->name, f->help);
        node_metrics_walk_streams(p, node_metrics_put_stream, f);
    }
    metrics_family(p->m, METRICS_GAUGE, "payd_stream_outstanding",
                   "Those sent that are not confirmed; 65536 shut the stream.");
    node_metrics_walk_streams(p, node_metrics_put_outstanding, NULL);
    free(p->streams);
}

static void node_metrics_put_process(struct metrics *m)
{
    struct process_usage usage;
    process_get_usage(&usage);
    metrics_family(m, METRICS_GAUGE, "process_resident_memory_bytes", "Resident memory.");
    metrics_sample(m, "process_resident_memory_bytes", usage.resident_bytes,
                   (const char *const[]){NULL});
    metrics_family(m, METRICS_GAUGE, "process_open_fds", "Open file descriptors.");
    metrics_sample(m, "process_open_fds", usage.open_fds, (const char *const[]){NULL});
    metrics_family(m, METRICS_GAUGE, "process_max_fds", "Most file descriptors allowed.");
    metrics_sample(m, "process_max_fds", usage.fds_max, (const char *const[]){NULL});
    metrics_family(m, METRICS_COUNTER, "process_cpu_seconds_total", "Processor time.");
    metrics_sample_seconds(m, "process_cpu_seconds_total", usage.cpu_ns,
                           (const char *const[]){NULL});
    metrics_family(m, METRICS_GAUGE, "process_start_time_seconds", "When it started, Unix time.");
    metrics_sample_seconds(m, "process_start_time_seconds", usage.started_ns,
                           (const char *const[]){NULL});
    metrics_family(m, METRICS_GAUGE, "process_uptime_seconds", "Time since the start.");
    metrics_sample_seconds(m, "process_uptime_seconds", usage.up_ns, (const char *const[]){NULL});
}

void node_metrics(struct node *n, struct metrics *m)
{
    node_metrics_put_process(m);
    struct shard_set *set = node_shard_set(n);
    struct page p = {.m = m, .domain = shard_set_domain(set), .count = shard_set_count(set)};
    p.shards = memory_take_zeroed(p.count, sizeof *p.shards);
    for (uint16_t i = 0; i < p.count; i++)
        node_get_stats(n, i, &p.shards[i]);
    node_metrics_put_states(&p);
    node_metrics_put_shard_families(&p);
    node_metrics_put_kind_families(&p);
    node_metrics_put_histograms(&p);
    node_metrics_put_streams(n, &p);
    free(p.shards);
}
