/* SPDX-License-Identifier: Apache-2.0 */
/* A table maps the message type to its function. Some answer at once, on the operator's loop; what
 * concerns shards goes to each of them in turn and runs on its loop (operator_run_on_shard.c);
 * sizes of the store are asked on a worker, because they read files. The answer is made in the
 * request's arena before it is sent around, so that a shard's loop only fills it. A list of dead
 * letters ends at LETTERS_MAX, and `complete` is then false. */
#include "gateway_bridge/operator/operator_priv.h"
#include "schemas/result.h"

#define LETTERS_MAX 1000
#define REASON_TEXT_MAX 200

/* Static or shard's text as a field of at most len_max bytes, never empty. */
static struct slice operator_reason_text(struct arena *a, const char *text, uint32_t len_max)
{
    struct slice s = slice_of(text != NULL && text[0] != '\0' ? text : "unknown");
    if (s.len > len_max)
        s.len = len_max;
    return arena_copy(a, s);
}

/* --- ping ------------------------------------------------------------------------------------- */

static void on_ping(struct operator_request *q)
{
    const struct operator_options *o = &q->operator->options;
    const char *reason = NULL;
    struct node_info info = {
        .version = slice_of(o->version),
        .ready = node_ready(o->node, &reason),
        .shards = shard_set_count(node_shard_set(o->node)),
        .loops = node_loops(o->node),
        .time = env_wall_ns(loop_env(o->loop)),
    };
    info.has_reason = reason != NULL;
    if (info.has_reason)
        info.reason = operator_reason_text(&q->arena, reason, SHARD_REASON_MAX);
    operator_answer_with(q, &node_info_type, &info);
}

/* --- dead letters ----------------------------------------------------------------------------- */

static bool operator_add_letter(void *context, const struct dead_letter *l)
{
    struct operator_request *q = context;
    struct dead_letter_page *page = q->answer;
    page->complete = page->letters_count < LETTERS_MAX;
    if (!page->complete)
        return false;
    page->letters[page->letters_count++] = (struct dead_letter_info){
        .shard = q->shard,
        .number = l->number,
        .time = l->time_ns,
        .message = slice_of(l->type != NULL ? l->type->name : "unknown"),
        .actor = operator_actor_name(&q->arena, l->target_kind, l->target),
        .size = l->body.len,
        .reason = operator_reason_text(&q->arena, l->reason, REASON_TEXT_MAX),
    };
    return true;
}

static void on_shard_letters(struct operator_request *q, struct shard *s)
{
    shard_dead_letters(s, operator_add_letter, q);
    if (q->arena.failed)
        q->code = RESULT_NO_MEMORY;
}

static void operator_finish_letters(struct operator_request *q)
{
    operator_answer_with(q, &dead_letter_page_type, q->answer);
}

static void on_letter_list(struct operator_request *q)
{
    if (!operator_make_answer(q, sizeof(struct dead_letter_page)))
        return;
    struct dead_letter_page *page = q->answer;
    page->complete = true;
    page->letters = arena_alloc(&q->arena, LETTERS_MAX * sizeof *page->letters);
    if (page->letters == NULL)
        operator_answer(q, RESULT_NO_MEMORY);
    else
        operator_run_on_shards(q, on_shard_letters, operator_finish_letters);
}

static void on_shard_replay(struct operator_request *q, struct shard *s)
{
    const struct dead_letter_replay *body = q->body;
    q->code = (uint16_t)shard_dead_letter_replay(s, body->number);
}

static void on_letter_replay(struct operator_request *q)
{
    const struct dead_letter_replay *body = q->body;
    uint32_t shard = body->has_shard ? body->shard : 0;
    if (shard >= shard_set_count(operator_shards(q->operator)))
        operator_refuse_shard(q);
    else
        operator_run_on_shard(q, (uint16_t)shard, (uint16_t)shard, on_shard_replay,
                              operator_answer_empty);
}

/* --- store ------------------------------------------------------------------------------------ */

uint8_t operator_condition_of(enum shard_state state)
{
    static const uint8_t conditions[] = {
        [SHARD_OPENING] = SHARD_CONDITION_OPENING,
        [SHARD_RUNNING] = SHARD_CONDITION_RUNNING,
        [SHARD_RECOVERING] = SHARD_CONDITION_RECOVERING,
        [SHARD_STOPPED] = SHARD_CONDITION_STOPPED,
    };
    return conditions[state];
}

static void on_shard_journal(struct operator_request *q, struct shard *s)
{
    struct store_info *info = q->answer;
    struct shard_stats stats;
    shard_get_stats(s, &stats);
    struct slot_range slots = shard_set_slots(operator_shards(q->operator))->ranges[q->shard];
    info->shards[info->shards_count++] = (struct shard_info){
        .shard = q->shard,
        .first_slot = slots.first,
        .last_slot = slots.last,
        .state = operator_condition_of(stats.state),
        .writable = stats.writable,
        .epoch = stats.epoch,
        .committed = stats.committed_seq,
        .projected = stats.projected_seq,
        .records = stats.records,
        .events = stats.events,
        .append_us_mean = stats.appends > 0 ? stats.append_ns_sum / stats.appends / 1000 : 0,
        .append_us_max = stats.append_ns_max / 1000,
        .resident = stats.resident,
        .replays = stats.replays,
        .restarts = stats.restarts,
        .dead_letters = stats.dead_letters,
        .scrubs = stats.scrubs,
        .has_damaged_batch = stats.damaged_seq != 0,
        .damaged_batch = stats.damaged_seq,
    };
}

static void operator_node_measure(struct work *w)
{
    struct operator_request *q = container_of(w, struct operator_request, work);
    struct store_info *info = q->answer;
    const struct operator_options *o = &q->operator->options;
    enum err e = o->journal_store->ops->size(o->journal_store, &info->journal_bytes);
    if (e == ERR_OK)
        e = o->view_store->ops->size(o->view_store, &info->views_bytes);
    q->code = (uint16_t)e;
}

static void operator_node_measured(struct work *w)
{
    struct operator_request *q = container_of(w, struct operator_request, work);
    if (q->code == RESULT_OK)
        operator_answer_with(q, &store_info_type, q->answer);
    else
        operator_answer(q, q->code);
}

static void operator_finish_journal(struct operator_request *q)
{
    q->work = (struct work){.run = operator_node_measure, .done = operator_node_measured};
    env_work(loop_env(q->operator->options.loop), q->operator->worker, &q->work);
}

static void on_store_get(struct operator_request *q)
{
    if (!operator_make_answer(q, sizeof(struct store_info)))
        return;
    struct store_info *info = q->answer;
    info->store = slice_of(q->operator->options.journal_store->name);
    info->shards = arena_alloc(&q->arena, NODE_SHARDS_MAX * sizeof *info->shards);
    if (info->shards == NULL)
        operator_answer(q, RESULT_NO_MEMORY);
    else
        operator_run_on_shards(q, on_shard_journal, operator_finish_journal);
}

/* --- verification ----------------------------------------------------------------------------- */

static void on_verify(struct operator_request *q)
{
    struct verification *v = &q->operator->verification;
    struct verify_info info;
    if (((const struct ledger_verify *)q->body)->start)
        verification_start(v);
    if (v->lines == NULL) { /* none was ever started */
        operator_answer(q, RESULT_NOT_FOUND);
        return;
    }
    verification_report(v, &info);
    operator_answer_with(q, &verify_info_type, &info);
}

/* ---------------------------------------------------------------------------------------------- */

static const struct {
    const struct message_type *type;
    void (*handle)(struct operator_request *q);
} handlers[] = {
    {&node_ping_type, on_ping},
    {&actor_list_type, operator_actor_list},
    {&actor_get_type, operator_actor_get},
    {&actor_control_type, operator_actor_control},
    {&dead_letter_list_type, on_letter_list},
    {&dead_letter_replay_type, on_letter_replay},
    {&store_get_type, on_store_get},
    {&ledger_verify_type, on_verify},
    {&journal_batch_get_type, operator_batch_get},
    {&journal_run_get_type, operator_run_get},
    {&token_revoke_type, operator_token_revoke},
    {&subject_revoke_type, operator_subject_revoke},
    {&revocation_list_type, operator_revocation_list},
    {&shard_list_type, operator_shard_list},
    {&parked_send_list_type, operator_parked_list},
    {&parked_send_get_type, operator_parked_get},
    {&parked_send_retry_type, operator_parked_retry},
    {&parked_send_refuse_type, operator_parked_refuse},
};

bool operator_node(struct operator_request *q, const struct message_type *type)
{
    if (type->target_kind != KIND_NODE)
        return false;
    for (size_t i = 0; i < array_len(handlers); i++) {
        if (handlers[i].type == type) {
            handlers[i].handle(q);
            return true;
        }
    }
    operator_answer(q, RESULT_UNSUPPORTED);
    return true;
}
