/* SPDX-License-Identifier: Apache-2.0 */
/* The walk begins at the first place that somebody knows and counts sends from there. Whoever knows
 * a send by its number and place must find it just so: else this journal is not the one that the
 * receiver heard from. */
#include "runtime/shard/outbox_read.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/array.h"
#include "runtime/base/journal_position.h"
#include "runtime/base/memory.h"
#include "runtime/journal/record.h"

/* Copied out of the journal; the texts are behind it. */
struct outbox_send {
    struct frame frame;
    char texts[];
};

static void outbox_read_run(struct work *w);
static void outbox_read_end(struct work *w);

void outbox_read_init(struct outbox_read *r, struct env *env, struct worker *worker,
                      struct journal_store *store, uint16_t shard)
{
    *r = (struct outbox_read){.env = env, .worker = worker, .store = store, .shard = shard};
    r->work.run = outbox_read_run;
    r->work.done = outbox_read_end;
}

static void outbox_read_forget(struct outbox_read *r)
{
    for (uint32_t i = 0; i < r->send_count; i++)
        free(r->sends[i]);
    r->send_count = r->want_count = 0;
}

void outbox_read_done(struct outbox_read *r)
{
    outbox_read_forget(r);
    free(r->sends);
    free(r->wants);
}

void outbox_read_want(struct outbox_read *r, const struct outbox_want *want)
{
    check(!r->busy && want->known.n <= want->first && want->known.place > 0);
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
    env_work(r->env, r->worker, &r->work);
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
    const struct attribution *a = &at->attribution;
    check(place > 0);
    check(want->seen >= want->first);
    char request[ATTRIBUTION_REQUEST_MAX];
    struct frame f = {.what = FRAME_SEND,
                      .from = r->shard,
                      .to = want->to,
                      .to_all = want->to_all,
                      .mark = {want->seen, place, at->send_hash},
                      .time_ns = at->time_ns,
                      .kind = at->send.kind,
                      .type = at->send.type,
                      .target = at->send.target,
                      .message = at->send.message,
                      .who = {.tenant = a->tenant,
                              .subject = a->subject,
                              .client = a->client,
                              .token_id = a->token_id,
                              .any_owner = at->wide,
                              .operator= a->client.len == 0 } };
    f.request_id = (struct slice){request, (uint32_t)attribution_request_text(a, request)};
    struct outbox_send *s = memory_take(sizeof *s + f.message.len + f.who.tenant.len +
                                        f.who.subject.len + f.who.client.len + f.request_id.len);
    s->frame = f;
    char *to = outbox_keep(s->texts, &s->frame.message);
    to = outbox_keep(to, &s->frame.who.tenant);
    to = outbox_keep(to, &s->frame.who.subject);
    to = outbox_keep(to, &s->frame.who.client);
    outbox_keep(to, &s->frame.request_id);
    array_reserve(r->sends, r->send_cap, r->send_count + 1);
    r->sends[r->send_count++] = s;
}

static void outbox_meet(struct outbox_read *r, struct outbox_want *want,
                        const struct record_reader *at, uint64_t place)
{
    check(want->found <= OUTBOX_READ_SENDS);
    if (place < want->known.place || want->unfit || at->send.to_all != want->to_all ||
        (!want->to_all && at->send.to != want->to))
        return;
    want->seen++;
    if (want->seen == want->known.n &&
        (place != want->known.place || (want->verify && at->send_hash != want->known.hash))) {
        want->unfit = true;
        return;
    }
    if (want->seen < want->first || want->found == OUTBOX_READ_SENDS)
        return;
    want->found++;
    outbox_copy(r, want, at, place);
}

static bool outbox_satisfied(const struct outbox_read *r)
{
    for (uint32_t i = 0; i < r->want_count; i++)
        if (r->wants[i].found < OUTBOX_READ_SENDS && !r->wants[i].unfit)
            return false;
    return true;
}

static bool outbox_read_batch(void *context, const struct batch_row *row)
{
    struct outbox_read *r = context;
    struct record_reader at;
    struct attribution_list principals = {0};
    enum record_part part;
    check(r->busy);
    check(row->shard == r->shard);
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
    enum err e = r->store->ops->tail(r->store, r->shard, first, outbox_read_batch, r);
    if (r->result == ERR_OK)
        r->result = e;
    for (uint32_t i = 0; r->result == ERR_OK && i < r->want_count; i++)
        r->wants[i].unfit |= r->wants[i].seen < r->wants[i].known.n;
}

static void outbox_read_end(struct work *w)
{
    struct outbox_read *r = container_of(w, struct outbox_read, work);
    check(r->busy);
    r->busy = false;
    r->done(r);
}

void outbox_read_give(struct outbox_read *r, void (*each)(void *context, struct frame *f),
                      void *context)
{
    for (uint32_t i = 0; i < r->send_count; i++)
        each(context, &r->sends[i]->frame);
    outbox_read_forget(r);
}
