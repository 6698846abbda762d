/* SPDX-License-Identifier: Apache-2.0 */
/* Actors as operators see them: the busiest, one by its name, and commands to it. Functions named
 * on_shard_... run on a shard's thread and leave what they found in q->answer; those named
 * operator_finish_... answer with it, on the operator's. A suspension is remembered, because a stop
 * must lift it: messages would wait for ever. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_bridge/operator/operator_priv.h"
#include "runtime/base/hex.h"
#include "schemas/result.h"

#define ACTORS_MAX 100
#define ACTORS_DEFAULT 20
#define NAME_MAX_BYTES 64
#define STATE_TEXT_MAX 16384
#define STATE_BYTES_MAX ((size_t)1 << 20)

/* --- names ------------------------------------------------------------------------------------ */

struct slice operator_actor_name(struct arena *a, uint16_t kind, struct id128 id)
{
    char text[NAME_MAX_BYTES];
    char digits[ID128_TEXT_LEN + 1] = {0};
    const struct kind_info *info = kind_by_number(kind);
    id128_text(id, digits);
    if (info == NULL || info->prefix == NULL)
        snprintf(text, sizeof text, "%s/%016llx%016llx", info != NULL ? info->name : "kind",
                 (unsigned long long)id.hi, (unsigned long long)id.lo);
    else
        snprintf(text, sizeof text, "%s_%s", info->prefix, digits);
    return arena_copy(a, slice_of(text));
}

static bool operator_parse_hex(struct slice text, struct id128 *id)
{
    uint8_t bytes[16];
    if (text.len != 2 * sizeof bytes || !hex_read(text.data, sizeof bytes, bytes))
        return false;
    *id = id128_load(bytes);
    return true;
}

/* "acc_01J..." or "ledger/0000..." */
static bool operator_parse_name(struct slice name, uint16_t *kind, struct id128 *id)
{
    const char *underscore = memchr(name.data, '_', name.len);
    const char *slash = memchr(name.data, '/', name.len);
    const char *mark = slash != NULL ? slash : underscore;
    if (mark == NULL)
        return false;
    struct slice head = {name.data, (uint32_t)(mark - name.data)};
    struct slice rest = {mark + 1, name.len - head.len - 1};
    const struct kind_info *info = slash != NULL ? kind_by_name(head) : kind_by_prefix(head);
    if (info == NULL)
        return false;
    *kind = info->number;
    return slash != NULL ? operator_parse_hex(rest, id) : id128_parse(rest.data, rest.len, id);
}

static struct slice operator_kind_name(uint16_t kind)
{
    const struct kind_info *info = kind_by_number(kind);
    return slice_of(info != NULL ? info->name : "unknown");
}

/* --- the busiest ------------------------------------------------------------------------------ */

struct top_actor {
    struct actor_info info;
    uint16_t shard;
};

struct top {
    uint32_t limit, count;
    struct top_actor actors[2 * ACTORS_MAX]; /* the best so far, then those of one more shard */
    struct shard_kind_stats kinds[KIND_MAX];
    struct shard_stats stats;                /* scratch */
    struct actor_info infos[ACTORS_MAX];     /* scratch */
};

static int operator_by_business(const void *a, const void *b)
{
    const struct top_actor *x = a, *y = b;
    return shard_actor_busier(&y->info, &x->info) - shard_actor_busier(&x->info, &y->info);
}

static void operator_add_kinds(struct top *t)
{
    for (int k = 0; k < KIND_MAX; k++) {
        struct shard_kind_stats *sum = &t->kinds[k];
        const struct shard_kind_stats *one = &t->stats.kinds[k];
        sum->turns += one->turns;
        sum->failed += one->failed;
        sum->busy += one->busy;
        sum->expired += one->expired;
        sum->wait_ns_sum += one->wait_ns_sum;
        sum->depth += one->depth;
        sum->resident += one->resident;
        if (one->wait_ns_max > sum->wait_ns_max)
            sum->wait_ns_max = one->wait_ns_max;
    }
}

static void on_shard_top(struct operator_request *q, struct shard *s)
{
    struct top *t = q->answer;
    shard_get_stats(s, &t->stats);
    operator_add_kinds(t);
    uint32_t found = shard_actors_top(s, t->infos, t->limit);
    for (uint32_t i = 0; i < found; i++)
        t->actors[t->count++] = (struct top_actor){t->infos[i], q->shard};
    qsort(t->actors, t->count, sizeof t->actors[0], operator_by_business);
    if (t->count > t->limit)
        t->count = t->limit;
}

static uint32_t operator_kind_lines(const struct top *t, struct kind_statistics *lines)
{
    uint32_t count = 0;
    for (uint16_t k = 0; k < KIND_MAX; k++) {
        const struct shard_kind_stats *s = &t->kinds[k];
        if (s->turns + s->resident + s->busy == 0)
            continue;
        lines[count++] = (struct kind_statistics){
            .kind = operator_kind_name(k),
            .resident = s->resident,
            .depth = s->depth,
            .turns = s->turns,
            .failed = s->failed,
            .busy = s->busy,
            .expired = s->expired,
            .wait_us_mean = s->turns > 0 ? s->wait_ns_sum / s->turns / 1000 : 0,
            .wait_us_max = s->wait_ns_max / 1000,
        };
    }
    return count;
}

static void operator_finish_top(struct operator_request *q)
{
    const struct top *t = q->answer;
    struct kind_statistics kinds[KIND_MAX];
    struct actor_line actors[ACTORS_MAX];
    for (uint32_t i = 0; i < t->count; i++) {
        const struct actor_info *a = &t->actors[i].info;
        actors[i] = (struct actor_line){
            .actor = operator_actor_name(&q->arena, a->kind, a->id),
            .kind = operator_kind_name(a->kind),
            .shard = t->actors[i].shard,
            .mailbox = a->mailbox,
            .has_changed_in_batch = a->touched_seq != 0,
            .changed_in_batch = a->touched_seq,
            .failures = a->failures,
            .suspended = a->suspended,
            .quarantined = a->quarantined,
            .traced = a->traced,
        };
    }
    struct actor_page page = {kinds, operator_kind_lines(t, kinds), actors, t->count};
    operator_answer_with(q, &actor_page_type, &page);
}

void operator_actor_list(struct operator_request *q)
{
    const struct actor_list *body = q->body;
    uint32_t limit = body->has_limit ? body->limit : ACTORS_DEFAULT;
    check(limit >= 1 && limit <= ACTORS_MAX); /* as declared */
    if (!operator_make_answer(q, sizeof(struct top)))
        return;
    ((struct top *)q->answer)->limit = limit;
    operator_run_on_shards(q, on_shard_top, operator_finish_top);
}

/* --- one of them ------------------------------------------------------------------------------ */

/* An actor that one message names. An id names its shard, except a ledger's: it is the same in all
 * where its tenant has accounts. So it is looked for where its id belongs, then elsewhere. */
struct named {
    uint16_t kind;
    struct id128 id;
    uint16_t shards_left; /* not asked yet */
    uint16_t code;        /* of the run there */
    uint16_t retried;     /* of a resumption: what came of what is parked for it */
    void (*run)(struct operator_request *q, struct shard *s);
    void (*finish)(struct operator_request *q);
    struct actor_details details;
};

static void operator_finish_named(struct operator_request *q)
{
    struct named *n = q->answer;
    if (n->code == RESULT_NOT_FOUND && n->shards_left > 0) {
        uint16_t next = (uint16_t)((q->shard + 1) % shard_set_count(operator_shards(q->operator)));
        n->shards_left--;
        operator_run_on_shard(q, next, next, n->run, operator_finish_named);
    } else if (n->code != RESULT_OK) {
        operator_answer(q, n->code);
    } else {
        n->finish(q);
    }
}

/* Has `run` called on the actor's shard; `shard`: the only one to look in, or NULL. */
static void operator_ask_named(struct operator_request *q, struct slice name, const uint32_t *shard,
                               void (*run)(struct operator_request *q, struct shard *s),
                               void (*finish)(struct operator_request *q))
{
    const struct slot_map *slots = shard_set_slots(operator_shards(q->operator));
    if (!operator_make_answer(q, sizeof(struct named)))
        return;
    struct named *n = q->answer;
    *n = (struct named){.run = run, .finish = finish};
    if (!operator_parse_name(name, &n->kind, &n->id)) {
        operator_refuse_field(q, "actor", "must be an id like acc_01J8Z3N5..., or for a kind "
                                          "without ids its name, / and 32 hex digits");
        return;
    }
    if (shard != NULL && *shard >= slots->shards) {
        operator_refuse_shard(q);
        return;
    }
    uint16_t first = (uint16_t)(shard != NULL ? *shard : slot_map_home(slots, n->id));
    n->shards_left = (uint16_t)(shard != NULL ? 0 : slots->shards - 1);
    operator_run_on_shard(q, first, first, run, operator_finish_named);
}

static void on_shard_details(struct operator_request *q, struct shard *s)
{
    struct named *n = q->answer;
    struct actor_info info;
    struct wire_writer state;
    n->code = (uint16_t)shard_actor_info(s, n->kind, n->id, &info);
    if (n->code != RESULT_OK)
        return;
    n->details = (struct actor_details){
        .actor = operator_actor_name(&q->arena, n->kind, n->id),
        .kind = operator_kind_name(n->kind),
        .shard = q->shard,
        .exists = info.exists,
        .mailbox = info.mailbox,
        .failures = info.failures,
        .suspended = info.suspended,
        .quarantined = info.quarantined,
        .traced = info.traced,
        .has_changed_in_batch = info.touched_seq != 0,
        .changed_in_batch = info.touched_seq,
        .has_due_time = info.due_ns != 0,
        .due_time = info.due_ns,
    };
    wire_writer_init(&state, STATE_BYTES_MAX);
    if (info.exists && shard_actor_state(s, n->kind, n->id, &state) == ERR_OK && !state.failed) {
        const struct actor_kind *kind =
            shard_set_domain(operator_shards(q->operator))->kinds[n->kind];
        n->details.state = operator_state_text(&q->arena, wire_written(&state),
                                               kind->codec->fields, STATE_TEXT_MAX);
        n->details.has_state = n->details.state.len > 0;
    }
    wire_writer_done(&state);
}

static void operator_finish_details(struct operator_request *q)
{
    struct named *n = q->answer;
    operator_answer_with(q, &actor_details_type, &n->details);
}

void operator_actor_get(struct operator_request *q)
{
    const struct actor_get *body = q->body;
    operator_ask_named(q, body->actor, body->has_shard ? &body->shard : NULL, on_shard_details,
                       operator_finish_details);
}

static void on_shard_control(struct operator_request *q, struct shard *s)
{
    static const enum actor_command commands[] = {
        [ACTOR_ACTION_SUSPEND] = ACTOR_COMMAND_SUSPEND,
        [ACTOR_ACTION_RESUME] = ACTOR_COMMAND_RESUME,
        [ACTOR_ACTION_TRACE] = ACTOR_COMMAND_TRACE,
        [ACTOR_ACTION_UNTRACE] = ACTOR_COMMAND_UNTRACE,
        [ACTOR_ACTION_STOP] = ACTOR_COMMAND_STOP,
    };
    const struct actor_control *body = q->body;
    struct named *n = q->answer;
    n->code = (uint16_t)shard_actor_command(s, n->kind, n->id, commands[body->action]);
    if (n->code == ERR_OK && body->action == ACTOR_ACTION_RESUME)
        n->retried =
            (uint16_t)shard_parked_retry_all(s, n->kind, n->id, slice_of(q->exchange->user));
}

/* --- suspensions ------------------------------------------------------------------------------ */

static void operator_forget_suspended(struct operator* o, const struct suspended *s)
{
    for (uint32_t i = 0; i < o->suspended_count; i++) {
        if (o->suspended[i].kind == s->kind && o->suspended[i].shard == s->shard &&
            id128_equal(o->suspended[i].id, s->id))
            o->suspended[i--] = o->suspended[--o->suspended_count];
    }
}

static void on_shard_undo(struct operator_request *q, struct shard *s)
{
    const struct named *n = q->answer;
    (void)!shard_actor_command(s, n->kind, n->id, ACTOR_COMMAND_RESUME);
}

static void operator_refuse_stopping(struct operator_request *q)
{
    operator_answer(q, RESULT_UNAVAILABLE);
}

static void operator_finish_control(struct operator_request *q)
{
    const struct actor_control *body = q->body;
    const struct named *n = q->answer;
    const struct suspended s = {n->kind, q->shard, n->id};
    struct operator *o = q->operator;
    if (o->stopping && body->action == ACTOR_ACTION_SUSPEND) { /* it was on its way before */
        operator_run_on_shard(q, q->shard, q->shard, on_shard_undo, operator_refuse_stopping);
        return;
    }
    if (body->action == ACTOR_ACTION_SUSPEND || body->action == ACTOR_ACTION_RESUME)
        operator_forget_suspended(o, &s);
    if (body->action == ACTOR_ACTION_SUSPEND) {
        check(o->suspended_count < OPERATOR_SUSPENDED_MAX);
        o->suspended[o->suspended_count++] = s;
    }
    if (n->retried == ERR_OK)
        operator_answer_empty(q);
    else
        operator_answer(q, n->retried);
}

void operator_actor_control(struct operator_request *q)
{
    const struct actor_control *body = q->body;
    /* Each request in work may add one more. */
    uint32_t most = q->operator->suspended_count + q->operator->request_count;
    if (body->action == ACTOR_ACTION_SUSPEND && q->operator->stopping)
        operator_refuse_stopping(q);
    else if (body->action == ACTOR_ACTION_SUSPEND && most > OPERATOR_SUSPENDED_MAX)
        operator_answer(q, RESULT_TOO_LARGE);
    else
        operator_ask_named(q, body->actor, body->has_shard ? &body->shard : NULL, on_shard_control,
                           operator_finish_control);
}

static void on_shard_resume(struct operator_request *q, struct shard *s)
{
    const struct suspended *one = &q->operator->resumed;
    /* One that is no longer in memory is not suspended either. */
    (void)!shard_actor_command(s, one->kind, one->id, ACTOR_COMMAND_RESUME);
}

static void operator_resume_next(struct operator_request *q)
{
    struct operator *o = q->operator;
    if (o->suspended_count == 0) {
        o->all_resumed(o);
        return;
    }
    o->resumed = o->suspended[--o->suspended_count];
    operator_run_on_shard(q, o->resumed.shard, o->resumed.shard, on_shard_resume,
                          operator_resume_next);
}

void operator_resume_all(struct operator* o, void (*resumed)(struct operator* o))
{
    check(!o->stopping);
    o->all_resumed = resumed;
    o->stopping = true;
    o->resumption.operator = o;
    operator_resume_next(&o->resumption);
}
