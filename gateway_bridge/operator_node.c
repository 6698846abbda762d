/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to the process itself. What lies in a shard is looked at on the shard's thread: the
 * request travels there by mail, does its visit and comes back, shard after shard. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_bridge/operator_priv.h"
#include "schemas/result.h"

#define ACTORS_MAX 100
#define ACTORS_DEFAULT 20
#define LETTERS_MAX 1000
#define NAME_MAX_BYTES 64
#define STATE_TEXT_MAX 16384
#define STATE_BYTES_MAX ((size_t)1 << 20)
#define REASON_TEXT_MAX 200

/* --- names ------------------------------------------------------------------------------------ */

static struct slice actor_name(struct arena *a, uint16_t kind, struct id128 id)
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

static bool parse_hex(struct slice text, struct id128 *id)
{
    *id = ID128_ZERO;
    if (text.len != 32)
        return false;
    for (uint32_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        uint64_t digit = c >= '0' && c <= '9' ? (uint64_t)(c - '0') : (uint64_t)(c - 'a' + 10);
        if (digit > 15)
            return false;
        id->hi = id->hi << 4 | id->lo >> 60;
        id->lo = id->lo << 4 | digit;
    }
    return true;
}

/* "acc_01J..." or "ledger/0000..." */
static bool parse_name(struct slice name, uint16_t *kind, struct id128 *id)
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
    return slash != NULL ? parse_hex(rest, id) : id128_parse(rest.data, rest.len, id);
}

static struct slice kind_name(uint16_t kind)
{
    const struct kind_info *info = kind_by_number(kind);
    return slice_of(info != NULL ? info->name : "unknown");
}

/* Static or shard's text as a field of at most REASON_TEXT_MAX bytes, never empty. */
static struct slice reason_text(struct arena *a, const char *text)
{
    struct slice s = slice_of(text != NULL && text[0] != '\0' ? text : "unknown");
    if (s.len > REASON_TEXT_MAX)
        s.len = REASON_TEXT_MAX;
    return arena_copy(a, s);
}

/* --- visits ----------------------------------------------------------------------------------- */

static void visit_here(struct inbox_item *item);

static void travel(struct operator_request *q)
{
    q->mail.deliver = visit_here;
    loop_mail(node_shard_loop(q->operator->options.node, q->shard), &q->mail);
}

static void come_back(struct inbox_item *item)
{
    struct operator_request *q = container_of(item, struct operator_request, mail);
    if (q->code != RESULT_OK) {
        operator_answer(q, q->code);
    } else if (q->shard < q->shard_last) {
        q->shard++;
        travel(q);
    } else {
        q->finish(q);
    }
}

static void visit_here(struct inbox_item *item)
{
    struct operator_request *q = container_of(item, struct operator_request, mail);
    q->visit(q, node_shard(q->operator->options.node, q->shard));
    q->mail.deliver = come_back;
    loop_mail(q->operator->options.loop, &q->mail);
}

static void visit_shards(struct operator_request *q, uint16_t first, uint16_t last,
                         void (*visit)(struct operator_request *q, struct shard *s),
                         void (*finish)(struct operator_request *q))
{
    q->code = RESULT_OK;
    q->shard = first;
    q->shard_last = last;
    q->visit = visit;
    q->finish = finish;
    travel(q);
}

static void visit_all(struct operator_request *q,
                      void (*visit)(struct operator_request *q, struct shard *s),
                      void (*finish)(struct operator_request *q))
{
    visit_shards(q, 0, (uint16_t)(node_shards(q->operator->options.node) - 1), visit, finish);
}

static void finish_empty(struct operator_request *q)
{
    struct empty nothing = {0};
    operator_answer_with(q, &empty_type, &nothing);
}

/* Memory for an answer; false, and answered, without it. */
static bool make_answer(struct operator_request *q, size_t size)
{
    q->answer = arena_alloc(&q->arena, size);
    if (q->answer == NULL)
        operator_answer(q, RESULT_NO_MEMORY);
    return q->answer != NULL;
}

/* --- ping ------------------------------------------------------------------------------------- */

static void on_ping(struct operator_request *q)
{
    const struct operator_options *o = &q->operator->options;
    const char *reason = NULL;
    struct node_info info = {
        .version = slice_of(o->version),
        .ready = node_ready(o->node, &reason),
        .shards = node_shards(o->node),
        .loops = node_loops(o->node),
        .time = env_wall_ns(loop_env(o->loop)),
    };
    info.has_reason = reason != NULL;
    if (info.has_reason)
        info.reason = reason_text(&q->arena, reason);
    operator_answer_with(q, &node_info_type, &info);
}

/* --- actors ----------------------------------------------------------------------------------- */

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

static int by_mailbox(const void *a, const void *b)
{
    const struct top_actor *x = a, *y = b;
    return (x->info.mailbox < y->info.mailbox) - (x->info.mailbox > y->info.mailbox);
}

static void add_kinds(struct top *t)
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

static void visit_top(struct operator_request *q, struct shard *s)
{
    struct top *t = q->answer;
    shard_get_stats(s, &t->stats);
    add_kinds(t);
    uint32_t found = shard_actors_top(s, t->infos, t->limit);
    for (uint32_t i = 0; i < found; i++)
        t->actors[t->count++] = (struct top_actor){t->infos[i], q->shard};
    qsort(t->actors, t->count, sizeof t->actors[0], by_mailbox);
    if (t->count > t->limit)
        t->count = t->limit;
}

static uint32_t kind_lines(const struct top *t, struct kind_statistics *lines)
{
    uint32_t count = 0;
    for (uint16_t k = 0; k < KIND_MAX; k++) {
        const struct shard_kind_stats *s = &t->kinds[k];
        if (s->turns + s->resident + s->busy == 0)
            continue;
        lines[count++] = (struct kind_statistics){
            .kind = kind_name(k),
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

static void finish_top(struct operator_request *q)
{
    const struct top *t = q->answer;
    struct kind_statistics kinds[KIND_MAX];
    struct actor_line actors[ACTORS_MAX];
    for (uint32_t i = 0; i < t->count; i++) {
        const struct actor_info *a = &t->actors[i].info;
        actors[i] = (struct actor_line){
            .actor = actor_name(&q->arena, a->kind, a->id),
            .kind = kind_name(a->kind),
            .shard = t->actors[i].shard,
            .mailbox = a->mailbox,
            .failures = a->failures,
            .suspended = a->suspended,
            .quarantined = a->quarantined,
            .traced = a->traced,
        };
    }
    struct actor_page page = {kinds, kind_lines(t, kinds), actors, t->count};
    operator_answer_with(q, &actor_page_type, &page);
}

static void on_actor_list(struct operator_request *q)
{
    const struct actor_list *body = q->body;
    uint32_t limit = body->has_limit ? body->limit : ACTORS_DEFAULT;
    check(limit >= 1 && limit <= ACTORS_MAX); /* as declared */
    if (!make_answer(q, sizeof(struct top)))
        return;
    ((struct top *)q->answer)->limit = limit;
    visit_all(q, visit_top, finish_top);
}

/* An actor that one message names. An id tells its shard, except a ledger's: it is the same in all
 * where its tenant has accounts. So it is looked for where its id belongs, then elsewhere. */
struct named {
    uint16_t kind;
    struct id128 id;
    uint16_t shards_left; /* not asked yet */
    uint16_t code;        /* of the visit */
    void (*visit)(struct operator_request *q, struct shard *s);
    void (*finish)(struct operator_request *q);
    struct actor_details details;
};

static void finish_named(struct operator_request *q)
{
    struct named *n = q->answer;
    if (n->code == RESULT_NOT_FOUND && n->shards_left > 0) {
        uint16_t next = (uint16_t)((q->shard + 1) % node_shards(q->operator->options.node));
        n->shards_left--;
        visit_shards(q, next, next, n->visit, finish_named);
    } else if (n->code != RESULT_OK) {
        operator_answer(q, n->code);
    } else {
        n->finish(q);
    }
}

/* `shard`: the only one to look in, or NULL. */
static void visit_named(struct operator_request *q, struct slice name, const uint32_t *shard,
                        void (*visit)(struct operator_request *q, struct shard *s),
                        void (*finish)(struct operator_request *q))
{
    uint16_t shards = node_shards(q->operator->options.node);
    if (!make_answer(q, sizeof(struct named)))
        return;
    struct named *n = q->answer;
    *n = (struct named){.visit = visit, .finish = finish};
    if (!parse_name(name, &n->kind, &n->id)) {
        operator_refuse_field(q, "actor", "must be an id like acc_01J8Z3N5..., or for a kind "
                                          "without ids its name, / and 32 hex digits");
        return;
    }
    if (shard != NULL && *shard >= shards) {
        operator_refuse_shard(q);
        return;
    }
    uint16_t first = (uint16_t)(shard != NULL ? *shard : id128_home(n->id) % shards);
    n->shards_left = (uint16_t)(shard != NULL ? 0 : shards - 1);
    visit_shards(q, first, first, visit, finish_named);
}

static void visit_details(struct operator_request *q, struct shard *s)
{
    struct named *n = q->answer;
    struct actor_info info;
    struct wire_writer state;
    n->code = (uint16_t)shard_actor_info(s, n->kind, n->id, &info);
    if (n->code != RESULT_OK)
        return;
    n->details = (struct actor_details){
        .actor = actor_name(&q->arena, n->kind, n->id),
        .kind = kind_name(n->kind),
        .shard = q->shard,
        .exists = info.exists,
        .mailbox = info.mailbox,
        .failures = info.failures,
        .suspended = info.suspended,
        .quarantined = info.quarantined,
        .traced = info.traced,
        .changed_in_batch = info.touched_seq,
        .has_due_time = info.due_ns != 0,
        .due_time = info.due_ns,
    };
    wire_writer_init(&state, STATE_BYTES_MAX);
    if (info.exists && shard_actor_state(s, n->kind, n->id, &state) == ERR_OK && !state.failed) {
        const struct actor_kind *kind = node_domain(q->operator->options.node)->kinds[n->kind];
        n->details.state = operator_state_text(&q->arena, wire_written(&state),
                                               kind->state_fields, STATE_TEXT_MAX);
        n->details.has_state = n->details.state.len > 0;
    }
    wire_writer_done(&state);
}

static void finish_details(struct operator_request *q)
{
    struct named *n = q->answer;
    operator_answer_with(q, &actor_details_type, &n->details);
}

static void on_actor_get(struct operator_request *q)
{
    const struct actor_get *body = q->body;
    visit_named(q, body->actor, body->has_shard ? &body->shard : NULL, visit_details,
                finish_details);
}

static void visit_control(struct operator_request *q, struct shard *s)
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
}

static void forget_suspended(struct operator *o, const struct suspended *s)
{
    for (uint32_t i = 0; i < o->suspended_count; i++) {
        if (o->suspended[i].kind == s->kind && o->suspended[i].shard == s->shard &&
            id128_equal(o->suspended[i].id, s->id))
            o->suspended[i--] = o->suspended[--o->suspended_count];
    }
}

static void finish_control(struct operator_request *q)
{
    const struct actor_control *body = q->body;
    const struct named *n = q->answer;
    const struct suspended s = {n->kind, q->shard, n->id};
    struct operator *o = q->operator;
    if (body->action == ACTOR_ACTION_SUSPEND || body->action == ACTOR_ACTION_RESUME)
        forget_suspended(o, &s);
    if (body->action == ACTOR_ACTION_SUSPEND) {
        check(o->suspended_count < OPERATOR_SUSPENDED_MAX);
        o->suspended[o->suspended_count++] = s;
    }
    finish_empty(q);
}

static void on_actor_control(struct operator_request *q)
{
    const struct actor_control *body = q->body;
    /* Each request in work may add one more. */
    uint32_t most = q->operator->suspended_count + q->operator->request_count;
    if (body->action == ACTOR_ACTION_SUSPEND && most > OPERATOR_SUSPENDED_MAX)
        operator_answer(q, RESULT_TOO_LARGE);
    else
        visit_named(q, body->actor, body->has_shard ? &body->shard : NULL, visit_control,
                    finish_control);
}

static void visit_resume(struct operator_request *q, struct shard *s)
{
    const struct suspended *last = q->answer;
    /* One that is no longer in memory is not suspended either. */
    (void)!shard_actor_command(s, last->kind, last->id, ACTOR_COMMAND_RESUME);
}

static void resume_next(struct operator_request *q)
{
    struct operator *o = q->operator;
    if (o->suspended_count == 0) {
        link_server_stop(o->server, operator_link_stopped, o);
        return;
    }
    q->answer = &o->suspended[--o->suspended_count];
    const struct suspended *last = q->answer;
    visit_shards(q, last->shard, last->shard, visit_resume, resume_next);
}

void operator_resume_all(struct operator *o)
{
    o->resumption.operator = o;
    resume_next(&o->resumption);
}

/* --- dead letters ----------------------------------------------------------------------------- */

static bool add_letter(void *context, const struct dead_letter *l)
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
        .actor = actor_name(&q->arena, l->target_kind, l->target),
        .size = l->body.len,
        .reason = reason_text(&q->arena, l->reason),
    };
    return true;
}

static void visit_letters(struct operator_request *q, struct shard *s)
{
    shard_dead_letters(s, add_letter, q);
    if (q->arena.failed)
        q->code = RESULT_NO_MEMORY;
}

static void finish_letters(struct operator_request *q)
{
    operator_answer_with(q, &dead_letter_page_type, q->answer);
}

static void on_letter_list(struct operator_request *q)
{
    if (!make_answer(q, sizeof(struct dead_letter_page)))
        return;
    struct dead_letter_page *page = q->answer;
    page->complete = true;
    page->letters = arena_alloc(&q->arena, LETTERS_MAX * sizeof *page->letters);
    if (page->letters == NULL)
        operator_answer(q, RESULT_NO_MEMORY);
    else
        visit_all(q, visit_letters, finish_letters);
}

static void visit_replay(struct operator_request *q, struct shard *s)
{
    const struct dead_letter_replay *body = q->body;
    q->code = (uint16_t)shard_dead_letter_replay(s, body->number);
}

static void on_letter_replay(struct operator_request *q)
{
    const struct dead_letter_replay *body = q->body;
    uint32_t shard = body->has_shard ? body->shard : 0;
    if (shard >= node_shards(q->operator->options.node))
        operator_refuse_shard(q);
    else
        visit_shards(q, (uint16_t)shard, (uint16_t)shard, visit_replay, finish_empty);
}

/* --- store ------------------------------------------------------------------------------------ */

static uint8_t condition_of(enum shard_state state)
{
    static const uint8_t conditions[] = {
        [SHARD_OPENING] = SHARD_CONDITION_OPENING,
        [SHARD_RUNNING] = SHARD_CONDITION_RUNNING,
        [SHARD_RECOVERING] = SHARD_CONDITION_RECOVERING,
        [SHARD_STOPPED] = SHARD_CONDITION_STOPPED,
    };
    return conditions[state];
}

static void visit_journal(struct operator_request *q, struct shard *s)
{
    struct store_info *info = q->answer;
    struct shard_stats stats;
    shard_get_stats(s, &stats);
    info->shards[info->shards_count++] = (struct shard_info){
        .shard = q->shard,
        .state = condition_of(stats.state),
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

static void measure(struct work *w)
{
    struct operator_request *q = container_of(w, struct operator_request, work);
    struct store_info *info = q->answer;
    struct store *s = q->operator->options.store;
    q->code = (uint16_t)s->ops->sizes(s, &info->journal_bytes, &info->views_bytes);
}

static void measured(struct work *w)
{
    struct operator_request *q = container_of(w, struct operator_request, work);
    if (q->code == RESULT_OK)
        operator_answer_with(q, &store_info_type, q->answer);
    else
        operator_answer(q, q->code);
}

static void finish_journal(struct operator_request *q)
{
    q->work = (struct work){.run = measure, .done = measured};
    env_work(loop_env(q->operator->options.loop), q->operator->lane, &q->work);
}

static void on_store_get(struct operator_request *q)
{
    if (!make_answer(q, sizeof(struct store_info)))
        return;
    struct store_info *info = q->answer;
    info->store = slice_of(q->operator->options.store->name);
    info->shards = arena_alloc(&q->arena, NODE_SHARDS_MAX * sizeof *info->shards);
    if (info->shards == NULL)
        operator_answer(q, RESULT_NO_MEMORY);
    else
        visit_all(q, visit_journal, finish_journal);
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
    {&actor_list_type, on_actor_list},
    {&actor_get_type, on_actor_get},
    {&actor_control_type, on_actor_control},
    {&dead_letter_list_type, on_letter_list},
    {&dead_letter_replay_type, on_letter_replay},
    {&store_get_type, on_store_get},
    {&ledger_verify_type, on_verify},
    {&journal_batch_get_type, operator_batch_get},
    {&token_revoke_type, operator_token_revoke},
    {&subject_revoke_type, operator_subject_revoke},
    {&revocation_list_type, operator_revocation_list},
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
