/* SPDX-License-Identifier: Apache-2.0 */
/* See ref_sends.h. Lists are short and walked. */
#include "tests/simulation/model/ref_sends.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/array.h"
#include "tests/simulation/forgery.h"
#include "tests/simulation/verdict.h"

void ref_sends_init(struct ref_sends *r, uint16_t shards, struct ref_crossing *crossing)
{
    check(shards <= TALLY_SHARDS_MAX);
    *r = (struct ref_sends){.shards = shards, .crossing = crossing};
}

void ref_sends_done(struct ref_sends *r)
{
    for (uint16_t from = 0; from < r->shards; from++)
        for (uint16_t to = 0; to < r->shards; to++)
            for (int all = 0; all < 2; all++)
                free(r->streams[from][to][all].sends);
    free(r->parked);
    free(r->asks);
}

void ref_sends_begin(struct ref_sends *r)
{
    r->taken.n = 0;
    r->parks = false;
}

/* --- streams ---------------------------------------------------------------------------------- */

static void ref_sends_put(struct ref_sends *r, uint16_t from, uint16_t to,
                          const struct record_send *send, struct ref_send *put)
{
    struct ref_stream *s = &r->streams[from][to][send->to_all];
    array_reserve(s->sends, s->cap, s->sent + 1);
    s->sends[s->sent++] = *put;
    if (put->amount != 0)
        ref_crossing_unit(r->crossing, put->unit)->under_way[from][to] += put->amount;
}

void ref_sends_sent(struct ref_sends *r, uint16_t shard, const struct record_send *send,
                    uint64_t place, uint64_t hash)
{
    struct ref_send put = {.place = place,
                           .hash = hash,
                           .target = send->target,
                           .kind = send->kind,
                           .type = send->type,
                           .forged = forgery_is(send->target)};
    if (!r->decides(send, &put.unit, &put.amount))
        put.amount = 0;
    if (!send->to_all && send->to >= r->shards)
        broken("shard %u sends to shard %u, which there is not", shard, send->to);
    for (uint16_t to = 0; to < r->shards; to++)
        if (send->to_all || to == send->to)
            ref_sends_put(r, shard, to, send, &put);
}

static struct ref_send *ref_sends_find(const struct ref_sends *r, uint16_t from, uint16_t to,
                                       bool to_all, uint64_t n)
{
    const struct ref_stream *s = &r->streams[from][to][to_all];
    return n > 0 && n <= s->sent ? &s->sends[n - 1] : NULL;
}

void ref_sends_taken(struct ref_sends *r, const struct record_taken *taken)
{
    r->taken = *taken;
}

/* --- parked ----------------------------------------------------------------------------------- */

static bool is_same_target(const struct ref_send *a, const struct ref_send *b)
{
    return a->kind == b->kind && id128_equal(a->target, b->target);
}

/* The oldest that is parked in this shard for the target of this send; -1: none. */
static int64_t ref_sends_before(const struct ref_sends *r, uint16_t to, const struct ref_send *send)
{
    for (uint32_t i = 0; i < r->parked_count; i++) {
        const struct ref_parked *p = &r->parked[i];
        if (p->to == to && is_same_target(send, ref_sends_find(r, p->from, p->to, p->to_all, p->n)))
            return i;
    }
    return -1;
}

/* The send takes effect. */
static void ref_sends_effect(struct ref_sends *r, uint16_t from, uint16_t to,
                             const struct ref_send *send)
{
    if (send->forged)
        broken("shard %u believes what no shard can have sent", to);
    r->counts[send->type]++;
    if (send->amount != 0)
        ref_crossing_unit(r->crossing, send->unit)->under_way[from][to] -= send->amount;
}

static void ref_sends_park(struct ref_sends *r, uint16_t shard, const struct parked *e)
{
    const struct record_taken *t = &r->taken;
    if (t->n == 0 || !id128_equal(e->id, parked_id(t->from, t->to_all, t->n)))
        broken("shard %u parks another send than it takes", shard);
    struct ref_send *send = ref_sends_find(r, t->from, shard, t->to_all, t->n);
    if (send == NULL || send->type != e->type || send->kind != e->kind ||
        !id128_equal(send->target, e->target) || send->place != e->place)
        broken("shard %u parks what shard %u did not send", shard, t->from);
    r->parks = send->parked = true;
    r->forged_ever += send->forged;
    if (send->forged)
        return; /* for ever */
    array_reserve(r->parked, r->parked_cap, r->parked_count + 1);
    r->parked[r->parked_count++] = (struct ref_parked){t->from, shard, t->to_all, t->n};
    r->parked_ever++;
}

static void ref_sends_unpark(struct ref_sends *r, uint16_t shard, const struct unparked *e)
{
    uint32_t i = 0;
    while (i < r->parked_count &&
           (r->parked[i].to != shard ||
            !id128_equal(e->id, parked_id(r->parked[i].from, r->parked[i].to_all, r->parked[i].n))))
        i++;
    if (i == r->parked_count)
        broken("shard %u lets a send go that is not parked there", shard);
    const struct ref_parked p = r->parked[i];
    struct ref_send *send = ref_sends_find(r, p.from, p.to, p.to_all, p.n);
    if (ref_sends_before(r, shard, send) != i)
        broken("shard %u lets a parked send go before an older one to its target", shard);
    memmove(&r->parked[i], &r->parked[i + 1], (--r->parked_count - i) * sizeof p);
    send->parked = false;
    r->unparked_ever++;
    ref_sends_effect(r, p.from, p.to, send);
}

bool ref_sends_event(struct ref_sends *r, uint16_t shard, const struct message_type *type,
                     const void *event)
{
    if (type == &send_parked_type)
        ref_sends_park(r, shard, event);
    else if (type == &send_unparked_type)
        ref_sends_unpark(r, shard, event);
    return type == &send_parked_type || type == &send_unparked_type;
}

/* --- asks ------------------------------------------------------------------------------------- */

static void ref_sends_open(struct ref_sends *r, uint16_t shard, struct id128 ask)
{
    for (uint32_t i = 0; i < r->ask_count; i++)
        if (r->asks[i].shard == shard && id128_equal(r->asks[i].id, ask))
            broken("shard %u opens an ask that is open", shard);
    array_reserve(r->asks, r->ask_cap, r->ask_count + 1);
    r->asks[r->ask_count++] = (struct ref_ask){ask, shard};
    r->opened_ever++;
}

/* A key waits for its answer too. */
static void ref_sends_attach(const struct ref_sends *r, uint16_t shard, struct id128 ask)
{
    for (uint32_t i = 0; i < r->ask_count; i++)
        if (r->asks[i].shard == shard && id128_equal(r->asks[i].id, ask))
            return;
    broken("a key of shard %u waits for an ask that is not open", shard);
}

static void ref_sends_close(struct ref_sends *r, uint16_t shard, struct id128 ask)
{
    for (uint32_t i = 0; i < r->ask_count; i++) {
        if (r->asks[i].shard == shard && id128_equal(r->asks[i].id, ask)) {
            r->asks[i] = r->asks[--r->ask_count];
            return;
        }
    }
    broken("shard %u closes an ask that is not open", shard);
}

/* --- the end of a record ---------------------------------------------------------------------- */

void ref_sends_took(struct ref_sends *r, uint16_t shard)
{
    const struct record_taken *t = &r->taken;
    if (t->from >= r->shards)
        broken("shard %u takes a send of shard %u, which there is not", shard, t->from);
    struct ref_stream *s = &r->streams[t->from][shard][t->to_all];
    const struct ref_send *send = ref_sends_find(r, t->from, shard, t->to_all, t->n);
    if (t->n != s->taken + 1)
        broken("shard %u takes send %llu of shard %u after send %llu", shard,
               (unsigned long long)t->n, t->from, (unsigned long long)s->taken);
    if (send == NULL)
        broken("shard %u takes send %llu of shard %u, which that one does not have durably", shard,
               (unsigned long long)t->n, t->from);
    if (send->place != t->place || send->hash != t->hash)
        broken("shard %u marks another send than shard %u made", shard, t->from);
    s->taken = t->n;
    if (r->parks)
        return;
    if (ref_sends_before(r, shard, send) >= 0)
        broken("shard %u runs a send before an older one to its target, which is parked", shard);
    ref_sends_effect(r, t->from, shard, send);
}

void ref_sends_end(struct ref_sends *r, uint16_t shard, const struct record_reader *record)
{
    if (r->taken.n != 0)
        ref_sends_took(r, shard);
    if (record->attached)
        ref_sends_attach(r, shard, record->ask);
    else if (record->open)
        ref_sends_open(r, shard, record->ask);
    if (record->closing)
        ref_sends_close(r, shard, record->ask);
}

bool ref_sends_idle(const struct ref_sends *r)
{
    for (uint16_t from = 0; from < r->shards; from++)
        for (uint16_t to = 0; to < r->shards; to++)
            for (int all = 0; all < 2; all++)
                if (r->streams[from][to][all].taken != r->streams[from][to][all].sent)
                    return false;
    return r->parked_count == 0 && r->ask_count == 0;
}

uint64_t ref_sends_last_taken(const struct ref_sends *r, uint16_t from, uint16_t to, bool to_all)
{
    return r->streams[from][to][to_all].taken;
}
