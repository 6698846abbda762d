/* SPDX-License-Identifier: Apache-2.0 */
/* The walk begins at the first place that somebody knows and counts sends from there. Whoever knows
 * a send by its number and place must find it just so: else this journal is not the one that the
 * receiver heard from.
 *
 * What a batch has for a receiver is taken whole, although less may leave at once: a walk begins
 * where a batch does, and would else go through one with very many sends again and again. */
#include "runtime/shard/outbox_read.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/array.h"
#include "runtime/base/journal_position.h"
#include "runtime/base/memory.h"
#include "runtime/journal/record.h"

/* Copied out of the journal; the texts are behind it. */
struct outbox_send {
    struct fifo_link link;
    struct frame frame;
    char texts[];
};

static void outbox_read_run(struct work *w);
static void outbox_read_end(struct work *w);

static struct outbox_send *outbox_send_of(struct fifo_link *link)
{
    return container_of(link, struct outbox_send, link);
}

void outbox_read_init(struct outbox_read *r, const struct outbox_uses *uses)
{
    check(uses->number < uses->shards);
    check(uses->unfit != NULL && uses->done != NULL);
    *r = (struct outbox_read){.uses = *uses};
    r->work.run = outbox_read_run;
    r->work.done = outbox_read_end;
    fifo_init(&r->found);
    r->kept = memory_take_zeroed(2 * (size_t)uses->shards, sizeof *r->kept);
    for (uint32_t i = 0; i < 2u * uses->shards; i++)
        fifo_init(&r->kept[i]);
}

void outbox_read_done(struct outbox_read *r)
{
    struct fifo_link *link;
    check(!r->busy);
    outbox_read_forget_all(r);
    while ((link = fifo_pop(&r->found)) != NULL)
        free(outbox_send_of(link)); /* a walk that was over, and whose end nobody heard of */
    free(r->kept);
    free(r->wants);
}

void outbox_read_want(struct outbox_read *r, const struct outbox_want *want)
{
    check(!r->busy && want->known.n <= want->first && want->known.place > 0);
    check(outbox_read_oldest(r, want->to, want->to_all) == NULL);
    array_reserve(r->wants, r->want_cap, r->want_count + 1);
    r->wants[r->want_count] = *want;
    r->wants[r->want_count++].seen = want->known.n - 1;
}

void outbox_read_start(struct outbox_read *r, uint64_t seq_max)
{
    check(!r->busy);
    if (r->want_count == 0)
        return;
    r->busy = true;
    r->seq_max = seq_max;
    env_work(r->uses.env, r->uses.worker, &r->work);
}

/* --- the walk, on the worker ------------------------------------------------------------------ */

static char *outbox_keep(char *to, struct slice *text)
{
    if (text->len > 0)
        memcpy(to, text->data, text->len);
    text->data = to;
    return to + text->len;
}

static void outbox_copy(struct outbox_read *r, const struct outbox_want *want,
                        const struct record_reader *at, uint64_t place)
{
    check(want->seen >= want->first);
    char request[ATTRIBUTION_REQUEST_MAX];
    struct frame f =
        frame_of_send(at, (struct stream_mark){want->seen, place, at->send_hash}, request);
    f.from = r->uses.number;
    f.to = want->to;
    struct outbox_send *s = memory_take(sizeof *s + f.message.len + f.who.tenant.len +
                                        f.who.subject.len + f.who.client.len + f.request_id.len);
    s->frame = f;
    char *to = outbox_keep(s->texts, &s->frame.message);
    to = outbox_keep(to, &s->frame.who.tenant);
    to = outbox_keep(to, &s->frame.who.subject);
    to = outbox_keep(to, &s->frame.who.client);
    outbox_keep(to, &s->frame.request_id);
    fifo_push(&r->found, &s->link);
}

static void outbox_meet(struct outbox_read *r, struct outbox_want *want,
                        const struct record_reader *at, uint64_t place)
{
    check(want->seen + 1 >= want->known.n);
    if (place < want->known.place || want->unfit || at->send.to_all != want->to_all ||
        (!want->to_all && at->send.to != want->to))
        return;
    want->seen++;
    if (want->seen == want->known.n &&
        (place != want->known.place || (want->verify && at->send_hash != want->known.hash))) {
        want->unfit = true;
        return;
    }
    if (want->seen < want->first || want->full)
        return;
    want->found++;
    want->bytes += at->send.message.len;
    want->full = want->bytes >= OUTBOX_READ_BYTES;
    outbox_copy(r, want, at, place);
}

/* A batch ends: does nobody want what follows? */
static bool outbox_satisfied(struct outbox_read *r)
{
    bool all = true;
    for (uint32_t i = 0; i < r->want_count; i++) {
        r->wants[i].full |= r->wants[i].found >= OUTBOX_READ_SENDS;
        all &= r->wants[i].full || r->wants[i].unfit;
    }
    return all;
}

static bool outbox_read_batch(void *context, const struct batch_row *row)
{
    struct outbox_read *r = context;
    struct record_reader at;
    struct attribution_list principals = {0};
    enum record_part part;
    check(r->busy);
    check(row->shard == r->uses.number);
    if (row->seq > r->seq_max)
        return false;
    record_reader_init(&at, row->body);
    while ((part = record_next(&at)) != RECORD_DONE && part != RECORD_DAMAGED) {
        if (part == RECORD_BEGIN)
            attribution_resolve(&principals, &at.attribution);
        for (uint32_t i = 0; part == RECORD_SEND && i < r->want_count; i++)
            outbox_meet(r, &r->wants[i], &at, position_make(row->seq, at.item));
    }
    attribution_list_done(&principals);
    if (part == RECORD_DAMAGED)
        r->result = ERR_CORRUPT;
    return part == RECORD_DONE && !outbox_satisfied(r);
}

static void outbox_read_run(struct work *w)
{
    struct outbox_read *r = container_of(w, struct outbox_read, work);
    uint64_t first = UINT64_MAX;
    check(r->want_count > 0);
    for (uint32_t i = 0; i < r->want_count; i++)
        if (position_seq(r->wants[i].known.place) < first)
            first = position_seq(r->wants[i].known.place);
    r->result = ERR_OK;
    struct journal_store *store = r->uses.store;
    enum err e = store->ops->tail(store, r->uses.number, first, outbox_read_batch, r);
    if (r->result == ERR_OK)
        r->result = e;
    for (uint32_t i = 0; r->result == ERR_OK && i < r->want_count; i++)
        r->wants[i].unfit |= r->wants[i].seen < r->wants[i].known.n;
}

/* --- and back on the loop ----------------------------------------------------------------------
 */

static struct fifo *outbox_kept(const struct outbox_read *r, uint16_t to, bool to_all)
{
    check(to < r->uses.shards);
    return &r->kept[2 * to + to_all];
}

static void outbox_read_end(struct work *w)
{
    struct outbox_read *r = container_of(w, struct outbox_read, work);
    struct fifo_link *link;
    check(r->busy);
    r->busy = false;
    while ((link = fifo_pop(&r->found)) != NULL) {
        const struct frame *f = &outbox_send_of(link)->frame;
        fifo_push(outbox_kept(r, f->to, f->to_all), link);
    }
    for (uint32_t i = 0; r->result == ERR_OK && i < r->want_count; i++)
        if (r->wants[i].stale)
            outbox_read_forget(r, r->wants[i].to, r->wants[i].to_all);
        else if (r->wants[i].unfit)
            r->uses.unfit(r->uses.context, &r->wants[i]);
    r->want_count = 0;
    r->uses.done(r->uses.context, r->result);
}

struct frame *outbox_read_oldest(const struct outbox_read *r, uint16_t to, bool to_all)
{
    struct fifo_link *link = outbox_kept(r, to, to_all)->first;
    return link != NULL ? &outbox_send_of(link)->frame : NULL;
}

void outbox_read_drop(struct outbox_read *r, uint16_t to, bool to_all)
{
    struct fifo_link *link = fifo_pop(outbox_kept(r, to, to_all));
    check(link != NULL);
    free(outbox_send_of(link));
}

void outbox_read_forget(struct outbox_read *r, uint16_t to, bool to_all)
{
    while (outbox_read_oldest(r, to, to_all) != NULL)
        outbox_read_drop(r, to, to_all);
    for (uint32_t i = 0; r->busy && i < r->want_count; i++)
        r->wants[i].stale |= r->wants[i].to == to && r->wants[i].to_all == to_all;
}

void outbox_read_forget_all(struct outbox_read *r)
{
    for (uint16_t i = 0; i < r->uses.shards; i++) {
        outbox_read_forget(r, i, false);
        outbox_read_forget(r, i, true);
    }
}
