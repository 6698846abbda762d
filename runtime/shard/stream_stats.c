/* SPDX-License-Identifier: Apache-2.0 */
/* What is confirmed is known from the receiver once it has named its mark in this life; before, the
 * journal has a number below which all is taken, written there so that a restart need not look
 * further back. */
#include "runtime/shard/stream_stats.h"

#include "runtime/sends/parked.h"

static uint64_t stream_stats_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t stream_stats_confirmed(const struct stream *sent, const struct outgoing *o)
{
    uint64_t noted = sent->untaken_n > 0 ? sent->untaken_n - 1 : 0;
    check(o->taken <= sent->sent.n && noted <= sent->sent.n);
    return stream_stats_max(noted, o->taken);
}

void stream_stats_get(const struct streams *s, uint16_t other, bool to_all,
                      struct stream_stats *ret)
{
    const struct stream_pair *p = &s->pairs[other];
    const struct outgoing *o = &p->outgoing[to_all];
    const struct stream *sent =
        stream_find(s->uses.registry, to_all ? s->uses.number : other, to_all);
    const struct stream *from = stream_find(s->uses.registry, other, to_all);
    check(s->running && other < s->uses.shards);
    check(o->taken < o->next || !o->opened);
    *ret = (struct stream_stats){.taken = from != NULL ? from->taken.n : 0,
                                 .refused = p->counts[to_all].refused,
                                 .openings = p->counts[to_all].openings,
                                 .shut = streams_shut(s, other, to_all)};
    if (sent == NULL)
        return;
    ret->sent = sent->sent.n;
    ret->confirmed = stream_stats_confirmed(sent, o);
    ret->delivered = o->opened ? o->next - 1 : ret->confirmed;
    if (stream_stats_outstanding(ret) > 0)
        ret->waited_ns = env_mono_ns(s->uses.env) - o->moved_ns;
}

uint32_t stream_stats_shut(const struct streams *s)
{
    uint32_t count = 0;
    uint64_t now_ns = env_mono_ns(s->uses.env);
    for (uint16_t i = 0; s->running && i < s->uses.shards; i++) {
        const struct outgoing *o = &s->pairs[i].outgoing[0];
        /* Whoever starts is not agreed with anybody yet. */
        bool late = o->opened || now_ns - o->moved_ns >= STREAM_LAG_MAX_NS;
        count += late && streams_shut(s, i, false);
    }
    return count;
}

static bool stream_stats_count(void *context, struct id128 id, const void *state)
{
    struct stream_stats *all = context;
    check(state != NULL && parked_n(id) > 0);
    all[2 * parked_from(id) + parked_to_all(id)].parked++;
    return true;
}

void stream_stats_add_parked(struct registry *r, struct stream_stats *all)
{
    check(all != NULL);
    registry_each(r, KIND_PARKED, stream_stats_count, all);
}

struct stream_stats stream_stats_sum(const struct stream_stats *a, const struct stream_stats *b)
{
    check(a->confirmed <= a->sent && b->confirmed <= b->sent);
    return (struct stream_stats){.sent = a->sent + b->sent,
                                 .delivered = a->delivered + b->delivered,
                                 .confirmed = a->confirmed + b->confirmed,
                                 .waited_ns = stream_stats_max(a->waited_ns, b->waited_ns),
                                 .taken = a->taken + b->taken,
                                 .parked = a->parked + b->parked,
                                 .refused = a->refused + b->refused,
                                 .openings = a->openings + b->openings,
                                 .shut = a->shut || b->shut};
}
