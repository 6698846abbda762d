/* SPDX-License-Identifier: Apache-2.0 */
/* Parked messages: listed, shown, run again, refused. What is shown is copied from the shard's
 * memory on its thread; a retry or a refusal is only begun there: its turn comes with others. */
#include <stdio.h>

#include "gateway_bridge/operator/operator_priv.h"
#include "runtime/sends/parked.h"
#include "schemas/result.h"

#define PARKED_LIST_MAX 1000
#define CONTENT_TEXT_MAX 16384
#define NAME_TEXT_MAX 128 /* bytes of a subject or request that are shown */

/* --- what is shown ---------------------------------------------------------------------------- */

static struct slice parked_text(struct arena *a, struct slice text, uint32_t len_max)
{
    text.len = text.len < len_max ? text.len : len_max;
    return arena_copy(a, text);
}

static struct slice parked_message_name(struct arena *a, const struct parked_info *info)
{
    char number[32];
    if (info->type != NULL)
        return slice_of(info->type->name);
    snprintf(number, sizeof number, "number %u", info->parked->type);
    return arena_copy(a, slice_of(number));
}

static struct parked_line parked_line_of(struct operator_request *q, const struct parked_info *info)
{
    const struct parked *p = info->parked;
    struct slice unknown = slice_of("unknown");
    return (struct parked_line){
        .shard = q->shard,
        .from = parked_from(p->id),
        .number = parked_n(p->id),
        .all = parked_to_all(p->id),
        .time = p->parked_ns,
        .actor = operator_actor_name(&q->arena, p->kind, p->target),
        .message = parked_message_name(&q->arena, info),
        .size = p->message.len,
        .first = info->first,
        .refusable = info->refusable,
        .reason =
            p->reason.len > 0 ? parked_text(&q->arena, p->reason, PARKED_REASON_MAX) : unknown,
    };
}

static bool parked_add(void *context, const struct parked_info *info)
{
    struct operator_request *q = context;
    struct parked_page *page = q->answer;
    page->complete = page->parked_count < PARKED_LIST_MAX;
    if (page->complete)
        page->parked[page->parked_count++] = parked_line_of(q, info);
    return page->complete;
}

static void on_shard_parked(struct operator_request *q, struct shard *s)
{
    const struct parked_page *page = q->answer;
    if (page->complete)
        shard_parked_each(s, parked_add, q);
    if (q->arena.failed)
        q->code = RESULT_NO_MEMORY;
}

static void operator_finish_parked(struct operator_request *q)
{
    operator_answer_with(q, &parked_page_type, q->answer);
}

void operator_parked_list(struct operator_request *q)
{
    const struct parked_send_list *body = q->body;
    uint16_t count = shard_set_count(operator_shards(q->operator));
    if (body->has_shard && body->shard >= count) {
        operator_refuse_shard(q);
        return;
    }
    if (!operator_make_answer(q, sizeof(struct parked_page)))
        return;
    struct parked_page *page = q->answer;
    *page = (struct parked_page){.complete = true};
    page->parked = arena_alloc(&q->arena, PARKED_LIST_MAX * sizeof *page->parked);
    uint16_t first = (uint16_t)(body->has_shard ? body->shard : 0);
    if (page->parked == NULL)
        operator_answer(q, RESULT_NO_MEMORY);
    else
        operator_run_on_shard(q, first, body->has_shard ? first : (uint16_t)(count - 1),
                              on_shard_parked, operator_finish_parked);
}

/* --- one of them ------------------------------------------------------------------------------ */

/* The fields that name it, the same in all three messages. */
struct parked_name {
    uint32_t shard, from;
    uint64_t number;
    bool all;
};

/* Has `run` called where it lies, with its id in q->answer. */
static void operator_ask_parked(struct operator_request *q, const struct parked_name *name,
                                void (*run)(struct operator_request *q, struct shard *s),
                                void (*finish)(struct operator_request *q))
{
    uint16_t count = shard_set_count(operator_shards(q->operator));
    if (name->shard >= count) {
        operator_refuse_shard(q);
        return;
    }
    if (name->from >= count) {
        operator_refuse_field(q, "from", "must be less than the number of shards");
        return;
    }
    if (!operator_make_answer(q, sizeof(struct id128)))
        return;
    *(struct id128 *)q->answer = parked_id((uint16_t)name->from, name->all, name->number);
    operator_run_on_shard(q, (uint16_t)name->shard, (uint16_t)name->shard, run, finish);
}

/* The line's fields stand in both under the same names. */
static struct parked_details parked_details_of(const struct parked_line *l)
{
    return (struct parked_details){
        .shard = l->shard,
        .from = l->from,
        .number = l->number,
        .all = l->all,
        .time = l->time,
        .actor = l->actor,
        .message = l->message,
        .size = l->size,
        .first = l->first,
        .refusable = l->refusable,
        .reason = l->reason,
    };
}

static void parked_show(struct operator_request *q, const struct parked_info *info,
                        struct parked_details *d)
{
    struct arena *a = &q->arena;
    const struct parked *p = info->parked;
    const struct parked_line line = parked_line_of(q, info);
    *d = parked_details_of(&line);
    d->queued = info->count;
    d->sent_time = p->sent_ns;
    d->sent_in_batch = position_seq(p->place);
    d->has_tenant_name = p->who.tenant.len > 0;
    d->tenant_name = parked_text(a, p->who.tenant, 64);
    d->has_subject = p->who.subject.len > 0;
    d->subject = parked_text(a, p->who.subject, NAME_TEXT_MAX);
    d->has_client = p->who.client.len > 0;
    d->client = parked_text(a, p->who.client, NAME_TEXT_MAX);
    d->has_request_id = p->request.len > 0;
    d->request_id = parked_text(a, p->request, NAME_TEXT_MAX);
    d->content = operator_state_text(a, p->message, NULL, CONTENT_TEXT_MAX);
    d->has_content = d->content.len > 0;
}

static void on_shard_show(struct operator_request *q, struct shard *s)
{
    struct parked_info info;
    struct id128 id = *(struct id128 *)q->answer;
    q->code = (uint16_t)shard_parked_info(s, id, &info);
    if (q->code != RESULT_OK)
        return;
    q->answer = arena_alloc(&q->arena, sizeof(struct parked_details));
    if (q->answer != NULL)
        parked_show(q, &info, q->answer);
    if (q->arena.failed)
        q->code = RESULT_NO_MEMORY;
}

static void operator_finish_show(struct operator_request *q)
{
    operator_answer_with(q, &parked_details_type, q->answer);
}

void operator_parked_get(struct operator_request *q)
{
    const struct parked_send_get *b = q->body;
    const struct parked_name name = {b->shard, b->from, b->number, b->has_all && b->all};
    operator_ask_parked(q, &name, on_shard_show, operator_finish_show);
}

static void on_shard_retry(struct operator_request *q, struct shard *s)
{
    q->code =
        (uint16_t)shard_parked_retry(s, *(struct id128 *)q->answer, slice_of(q->exchange->user));
}

void operator_parked_retry(struct operator_request *q)
{
    const struct parked_send_retry *b = q->body;
    const struct parked_name name = {b->shard, b->from, b->number, b->has_all && b->all};
    operator_ask_parked(q, &name, on_shard_retry, operator_answer_empty);
}

static void on_shard_refuse(struct operator_request *q, struct shard *s)
{
    struct parked_info info;
    const struct parked_send_refuse *body = q->body;
    struct id128 id = *(struct id128 *)q->answer;
    q->code = (uint16_t)shard_parked_info(s, id, &info);
    if (q->code != RESULT_OK)
        return;
    if (!info.refusable)
        q->code = RESULT_PARKED_NOT_REFUSABLE;
    else if (!info.first)
        q->code = RESULT_PARKED_NOT_FIRST;
    else
        q->code = (uint16_t)shard_parked_refuse(s, id, slice_of(q->exchange->user), body->reason);
}

void operator_parked_refuse(struct operator_request *q)
{
    const struct parked_send_refuse *b = q->body;
    const struct parked_name name = {b->shard, b->from, b->number, b->has_all && b->all};
    operator_ask_parked(q, &name, on_shard_refuse, operator_answer_empty);
}
