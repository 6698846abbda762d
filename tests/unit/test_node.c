/* SPDX-License-Identifier: Apache-2.0 */
/* Node: counters in four shards on two loops, asked from both, on the embedded store. After each
 * answer the views are looked at through another shard, and must show what was counted. */
#include "runtime/node/node.h"

#include <stdatomic.h>
#include <string.h>

#include "runtime/actor/domain.h"
#include "runtime/base/time.h"
#include "runtime/node/node_metrics.h"
#include "tests/unit/store_fixture.h"

#define SHARDS 4
#define ASKS 200
#define CODE_TOO_MUCH 64
#define STOP_NS (10 * NS_PER_S)

/* --- a small domain: counters that count up --------------------------------------------------- */

enum { COUNTER = 1 };

struct count {
    struct id128 id;
    uint64_t amount;
};

struct counter {
    uint64_t total;
};

static bool count_read(struct wire_reader *r, struct arena *a, void *body)
{
    (void)a;
    struct count *c = body;
    if (wire_get_array(r, 2) != 2)
        return false;
    c->id = wire_get_id(r);
    c->amount = wire_get_uint(r, UINT64_MAX);
    return wire_finished(r);
}

static void count_write(struct wire_writer *w, const void *body)
{
    const struct count *c = body;
    wire_put_array(w, 2);
    wire_put_id(w, c->id);
    wire_put_uint(w, c->amount);
}

static const struct message_type count_type = {
    .name = "count", .number = 1, .target_kind = COUNTER, .target_offset = 0,
    .size = sizeof(struct count), .mutates = true, .read = count_read, .write = count_write,
};
static const struct message_type counted_type = {
    .name = "counted", .number = 2, .target_offset = MESSAGE_NO_OFFSET,
    .size = sizeof(struct count), .read = count_read, .write = count_write,
};
static const struct message_type total_type = {
    .name = "total", .number = 3, .target_offset = MESSAGE_NO_OFFSET,
    .size = sizeof(struct count), .read = count_read, .write = count_write,
};

/* Whose slot is one of this shard's. */
static struct id128 counter_of(uint16_t shard)
{
    return id128_derive((struct id128){7, 1u << 20}, (uint16_t)(shard * SLOT_COUNT / SHARDS + 9));
}

/* Of any shard: the counter as the views have it. */
static const struct message_type view_type = {
    .name = "view", .number = 4, .target_kind = COUNTER, .target_offset = MESSAGE_NO_OFFSET,
    .size = sizeof(struct count), .view = true, .read = count_read, .write = count_write,
};

/* Of the whole node: what all counters have. A shard whose number is `amount` refuses. */
static const struct message_type sum_type = {
    .name = "sum", .number = 5, .target_kind = COUNTER, .target_offset = MESSAGE_NO_OFFSET,
    .size = sizeof(struct count), .read = count_read, .write = count_write,
};

static enum turn_result on_sum(struct turn *t, struct id128 self, const struct message *m)
{
    const void *state = NULL;
    enum presence presence = turn_find(t, COUNTER, counter_of(turn_shard(t)), &state);
    (void)self;
    if (presence == PRESENCE_WAITING)
        return TURN_WAIT;
    if (((const struct count *)m->body)->amount == turn_shard(t)) {
        turn_refuse(t, CODE_TOO_MUCH);
        return TURN_DONE;
    }
    struct count total = {.id = counter_of(turn_shard(t))};
    if (presence == PRESENCE_THERE)
        total.amount = ((const struct counter *)state)->total;
    turn_reply(t, ERR_OK, &total_type, &total, 0);
    return TURN_DONE;
}

static enum turn_result on_count(struct turn *t, struct id128 self, const struct message *m)
{
    const struct count *c = m->body;
    const void *state = NULL;
    enum presence presence = turn_find(t, COUNTER, self, &state);
    if (presence == PRESENCE_WAITING)
        return TURN_WAIT;
    if (c->amount > 10) {
        turn_refuse(t, CODE_TOO_MUCH);
        return TURN_DONE;
    }
    uint64_t before = presence == PRESENCE_THERE ? ((const struct counter *)state)->total : 0;
    turn_emit(t, &counted_type, c);
    struct count total = {.id = self, .amount = before + c->amount};
    turn_reply(t, ERR_OK, &total_type, &total, 0);
    return TURN_DONE;
}

static void counted_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct count *c = event;
    struct counter *state = registry_state_if(r, COUNTER, c->id);
    if (state == NULL)
        state = registry_create(r, COUNTER, c->id);
    state->total += c->amount;
}

static void counter_write(struct wire_writer *w, const void *state)
{
    wire_put_array(w, 2);
    wire_put_uint(w, 1);
    wire_put_uint(w, ((const struct counter *)state)->total);
}

static bool counter_read(struct registry *r, struct wire_reader *from, void *state)
{
    (void)r;
    if (wire_get_array(from, 2) != 2 || wire_get_uint(from, 1) != 1)
        return false;
    ((struct counter *)state)->total = wire_get_uint(from, UINT64_MAX);
    return wire_finished(from);
}

static bool take_state(void *context, const struct state_row *row)
{
    struct wire_reader r;
    wire_reader_init(&r, row->body.data, row->body.len);
    struct counter state;
    if (counter_read(NULL, &r, &state))
        *(uint64_t *)context = state.total;
    return false;
}

static uint16_t view_run(struct view_store *s, const struct message *m, struct wire_writer *reply,
                         uint16_t *reply_type)
{
    struct count found = {.id = ((const struct count *)m->body)->id};
    enum err e = s->ops->state_load(s, (uint16_t)(id128_slot(found.id) * SHARDS / SLOT_COUNT),
                                    COUNTER, found.id, take_state, &found.amount);
    count_write(reply, &found);
    *reply_type = total_type.number;
    return (uint16_t)e;
}

static uint16_t add_up(const struct slice *replies, uint16_t count, struct wire_writer *reply)
{
    struct count sum = {.amount = 0};
    for (uint16_t i = 0; i < count; i++) {
        struct wire_reader r;
        struct count one = {0};
        wire_reader_init(&r, replies[i].data, replies[i].len);
        assert_true(count_read(&r, NULL, &one));
        assert_true(id128_equal(one.id, counter_of(i)));
        sum.amount += one.amount;
    }
    count_write(reply, &sum);
    return ERR_OK;
}

static const struct handler counter_handlers[] = {{&count_type, on_count}, {&sum_type, on_sum}};
static const struct state_codec counter_codec = {.write = counter_write, .read = counter_read};
static const struct actor_kind counter_kind = {
    .name = "counter", .number = COUNTER, .state_size = sizeof(struct counter),
    .handlers = counter_handlers, .handler_count = 2, .codec = &counter_codec,
};
static const struct event_rule counter_rules[] = {
    {.type = &counted_type, .key_offset = MESSAGE_NO_OFFSET, .apply = counted_apply},
};
static const struct service counting = {
    .name = "counting",
    .kinds = (const struct actor_kind *const[]){&counter_kind},
    .kind_count = 1,
    .rules = counter_rules,
    .rule_count = 1,
    .gatherers = (const struct gatherer[]){{&sum_type, {0, 1}, add_up}},
    .gatherer_count = 1,
    .queries = (const struct query[]){{&view_type, view_run}},
    .query_count = 1,
};

/* --- askers: one per loop, one message after the other ---------------------------------------- */

struct office;

struct asker {
    struct inbox_item begin, finished; /* to its loop; to loop 0 */
    struct office *office;
    struct loop *loop;
    struct message message;
    struct count body;
    uint32_t asked, answered, refused;
    uint64_t total_last; /* of shard 0's counter */
    uint64_t counted;    /* by the last answer */
    uint32_t views, stale;
};

struct office {
    struct fixture *fixture;
    struct domain domain;
    struct node *node;
    struct asker askers[2];
    uint32_t finished;
    uint32_t stopped; /* shards that told */
    bool orderly;
    uint64_t sum; /* of all shards, at the end */
    struct metrics page;
};

static void ask(struct asker *a)
{
    uint16_t shard = (uint16_t)(a->asked % SHARDS);
    a->body = (struct count){.id = counter_of(shard), .amount = a->asked % 50 == 49 ? 11 : 1};
    a->asked++;
    a->message.who = principal_system();
    a->message.type = &count_type;
    a->message.target = ID128_ZERO;
    a->message.target_kind = 0;
    shard_set_post(node_shard_set(a->office->node), loop_env(a->loop), &a->message);
}

/* Asks the next shard, which did not count. */
static void look(struct asker *a)
{
    a->message.who = principal_system();
    a->message.type = &view_type;
    a->message.target =
        counter_of((uint16_t)((id128_slot(a->body.id) * SHARDS / SLOT_COUNT + 1) % SHARDS));
    a->message.target_kind = 0;
    shard_set_post(node_shard_set(a->office->node), loop_env(a->loop), &a->message);
}

static struct count reply_of(struct asker *a)
{
    struct wire_reader r;
    struct slice bytes = wire_written(&a->message.reply);
    wire_reader_init(&r, bytes.data, bytes.len);
    struct count total = {0};
    assert_true(count_read(&r, NULL, &total));
    return total;
}

static void read_total(struct asker *a)
{
    struct count total = reply_of(a);
    a->counted = total.amount;
    if (id128_equal(total.id, counter_of(0))) {
        assert_true(total.amount > a->total_last);
        a->total_last = total.amount;
    }
}

static void on_answer(struct message *m)
{
    struct asker *a = container_of(m, struct asker, message);
    if (m->type == &view_type) {
        a->views++;
        a->stale += m->code != ERR_OK || reply_of(a).amount < a->counted;
    } else if (m->code == ERR_OK) {
        read_total(a);
        wire_writer_clear(&m->reply);
        look(a);
        return;
    } else {
        a->refused += m->code == CODE_TOO_MUCH;
    }
    wire_writer_clear(&m->reply);
    if (++a->answered < ASKS)
        ask(a);
    else
        loop_mail(node_loop(a->office->node, 0), &a->finished);
}

static void on_begin(struct inbox_item *item)
{
    ask(container_of(item, struct asker, begin));
}

static void end(struct office *o);
static void ask_sum(struct office *o, uint64_t refuses);

static void on_sum_answer(struct message *m)
{
    struct asker *a = container_of(m, struct asker, message);
    struct office *o = a->office;
    if (a->body.amount == SHARDS) {
        assert_int_equal(m->code, ERR_OK);
        assert_int_equal(m->reply_type, total_type.number);
        o->sum = reply_of(a).amount;
        wire_writer_clear(&m->reply);
        ask_sum(o, 2);
    } else {
        assert_int_equal(m->code, CODE_TOO_MUCH);
        assert_int_equal(m->reply_type, 0);
        end(o);
    }
}

/* By the first asker, on loop 0. */
static void ask_sum(struct office *o, uint64_t refuses)
{
    struct asker *a = &o->askers[0];
    a->body = (struct count){.amount = refuses};
    a->message.who = principal_system();
    a->message.type = &sum_type;
    a->message.done = on_sum_answer;
    a->message.target = ID128_ZERO;
    a->message.target_kind = 0;
    shard_set_post(node_shard_set(o->node), loop_env(a->loop), &a->message);
}

static void on_finished(struct inbox_item *item)
{
    struct office *o = container_of(item, struct asker, finished)->office;
    if (++o->finished == array_len(o->askers))
        ask_sum(o, SHARDS);
}

static void end(struct office *o)
{
    const char *reason = NULL;
    assert_true(node_ready(o->node, &reason));
    node_metrics(o->node, &o->page);
    struct env *env = loop_env(node_loop(o->node, 0));
    node_stop(o->node, env_mono_ns(env) + STOP_NS);
}

static void on_shard_stopped(void *context, uint16_t shard, const char *reason)
{
    struct office *o = context;
    o->stopped++;
    o->orderly &= reason[0] == '\0' && shard < SHARDS;
}

static void open_node(struct office *o)
{
    o->finished = o->stopped = 0;
    o->orderly = true;
    struct node_options options = {
        .domain = &o->domain,
        .journal_store = o->fixture->journal,
        .view_store = o->fixture->views,
        .slots = o->fixture->journal->slots,
        .loops = 2,
        .readers = 2,
        .owner = slice_of("test"),
        .resident_max = 1000,
        .dedup_entries_max = 1000,
        .filter_bytes = 4096,
        .shard_stopped = on_shard_stopped,
        .context = o,
    };
    assert_int_equal(node_new(&options, &o->node), ERR_OK);
    const char *reason = NULL;
    assert_false(node_ready(o->node, &reason));
    assert_non_null(reason);
    for (uint16_t i = 0; i < array_len(o->askers); i++) {
        struct asker *a = &o->askers[i];
        *a = (struct asker){.office = o, .loop = node_loop(o->node, i)};
        a->begin.deliver = on_begin;
        a->finished.deliver = on_finished;
        a->message.who = principal_system();
        a->message.type = &count_type;
        a->message.body = &a->body;
        a->message.done = on_answer;
        wire_writer_init(&a->message.reply, 4096);
        loop_mail(a->loop, &a->begin);
    }
}

/* From the start through all questions to the end; the total of shard 0's counter. */
static uint64_t run_node(struct office *o)
{
    open_node(o);
    assert_int_equal(node_start(o->node), ERR_OK);
    assert_true(node_run(o->node));
    assert_int_equal(o->stopped, SHARDS);
    assert_true(o->orderly);
    uint64_t total = 0;
    for (size_t i = 0; i < array_len(o->askers); i++) {
        struct asker *a = &o->askers[i];
        assert_int_equal(a->answered, ASKS);
        assert_int_equal(a->refused, ASKS / 50);
        assert_int_equal(a->views, ASKS - ASKS / 50);
        assert_int_equal(a->stale, 0);
        if (a->total_last > total)
            total = a->total_last;
        wire_writer_done(&a->message.reply);
    }
    o->node = node_free(o->node);
    return total;
}

static void expect_line(const struct metrics *m, const char *line)
{
    char *page = calloc(1, m->len + 1); /* ends with NUL */
    assert_non_null(page);
    memcpy(page, m->text, m->len);
    assert_non_null(strstr(page, line));
    free(page);
}

static void shards_on_several_loops_answer_and_start_again(void **state)
{
    struct office o = {.fixture = *state};
    domain_init(&o.domain, (const struct service *const[]){&counting}, 1);
    metrics_init(&o.page);
    uint64_t first = run_node(&o);
    assert_int_equal(o.sum, 2 * (ASKS - ASKS / 50));
    assert_int_equal(first, 2 * ASKS / SHARDS);
    assert_false(o.page.failed);
    expect_line(&o.page, "\n# TYPE payd_turns_total counter\n");
    expect_line(&o.page, "\npayd_mailbox_depth{shard=\"3\",kind=\"counter\"} 0\n");
    expect_line(&o.page, "\npayd_journal_append_seconds_bucket{shard=\"2\",le=\"+Inf\"} ");
    metrics_done(&o.page);
    assert_int_equal(run_node(&o), 2 * first);
    assert_int_equal(o.sum, 4 * (ASKS - ASKS / 50));
    metrics_done(&o.page);
}

static int given_shards(void **state)
{
    fixture_sqlite(state);
    struct fixture *f = *state;
    f->shards = SHARDS;
    fixture_restart(f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shards_on_several_loops_answer_and_start_again,
                                        given_shards, fixture_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
