/* SPDX-License-Identifier: Apache-2.0 */
/* Shards and their streams. Each shard tells how far its own sends have come, and what lies parked
 * in it; so a stream is complete once both of its shards were asked, and lines are made in the end.
 */
#include "gateway_bridge/operator/operator_priv.h"
#include "runtime/base/time.h"
#include "runtime/shard/stream_stats.h"
#include "schemas/result.h"

#define STREAMS_MAX 65536

struct shards {
    struct shard_page page;
    uint16_t count;
    struct stream_stats *streams; /* as shard_get_stream_stats() has them, shard by shard */
};

static struct stream_stats *shards_streams(const struct shards *l, uint16_t shard)
{
    return l->streams + (size_t)shard * 2 * l->count;
}

static void on_shard_line(struct operator_request *q, struct shard *s)
{
    struct shards *l = q->answer;
    struct shard_stats stats;
    shard_get_stats(s, &stats);
    shard_get_stream_stats(s, shards_streams(l, q->shard));
    struct slice reason = arena_copy(&q->arena, slice_of(shard_reason(s)));
    struct slot_range slots = shard_set_slots(operator_shards(q->operator))->ranges[q->shard];
    l->page.shards[q->shard] = (struct shard_line){
        .shard = q->shard,
        .first_slot = slots.first,
        .last_slot = slots.last,
        .state = operator_condition_of(stats.state),
        .epoch = stats.epoch,
        .life = stats.life % ((uint64_t)1 << STREAM_LIFE_BITS),
        .committed = stats.committed_seq,
        .waiting = stats.sends_waiting,
        .parked = stats.parked,
        .has_copies_age_ms = stats.copies_age_ns != UINT64_MAX,
        .copies_age_ms = stats.copies_age_ns / NS_PER_MS,
        .has_reason = reason.len > 0,
        .reason = reason,
    };
}

/* false: there is nothing to say of it. */
static bool shards_stream_line(const struct shards *l, uint16_t from, uint16_t to, bool all,
                               struct stream_line *line)
{
    const struct stream_stats *sent = &shards_streams(l, from)[2 * to + all];
    uint64_t parked = shards_streams(l, to)[2 * from + all].parked;
    if (sent->sent == 0 && parked == 0 && (all || !sent->shut))
        return false;
    *line = (struct stream_line){
        .from = from,
        .to = to,
        .all = all,
        .sent = sent->sent,
        .delivered = sent->delivered,
        .confirmed = sent->confirmed,
        .outstanding = stream_stats_outstanding(sent),
        .waited_ms = sent->waited_ns / NS_PER_MS,
        .parked = parked,
        .breaker = sent->shut ? BREAKER_OPEN : BREAKER_CLOSED,
        .refused = sent->refused,
        .openings = sent->openings,
    };
    return true;
}

static void shards_put_streams(struct shards *l, uint16_t from, const struct shard_list *body)
{
    struct shard_page *page = &l->page;
    for (uint16_t to = 0; to < l->count; to++) {
        for (int all = 0; all < 2; all++) {
            struct stream_line *line = &page->streams[page->streams_count];
            if (!shards_stream_line(l, from, to, all, line))
                continue;
            page->shards[from].outstanding += line->outstanding;
            if (body->has_shard && body->shard != from && body->shard != to)
                continue;
            page->complete = page->streams_count < STREAMS_MAX;
            page->streams_count += page->complete;
        }
    }
}

static void operator_finish_shards(struct operator_request *q)
{
    const struct shard_list *body = q->body;
    struct shards *l = q->answer;
    for (uint16_t i = 0; i < l->count; i++)
        shards_put_streams(l, i, body);
    l->page.shards_count = l->count;
    if (body->has_shard) {
        l->page.shards += body->shard;
        l->page.shards_count = 1;
    }
    operator_answer_with(q, &shard_page_type, &l->page);
}

void operator_shard_list(struct operator_request *q)
{
    const struct shard_list *body = q->body;
    uint16_t count = shard_set_count(operator_shards(q->operator));
    size_t streams = 2 * (size_t)count * count; /* and one line that is not shown */
    if (body->has_shard && body->shard >= count) {
        operator_refuse_shard(q);
        return;
    }
    if (!operator_make_answer(q, sizeof(struct shards)))
        return;
    struct shards *l = q->answer;
    *l = (struct shards){.count = count, .page.complete = true};
    l->streams = arena_alloc(&q->arena, streams * sizeof *l->streams);
    l->page.shards = arena_alloc(&q->arena, count * sizeof *l->page.shards);
    l->page.streams = arena_alloc(&q->arena, (streams + 1) * sizeof *l->page.streams);
    if (q->arena.failed)
        operator_answer(q, RESULT_NO_MEMORY);
    else
        operator_run_on_shards(q, on_shard_line, operator_finish_shards);
}
