/* SPDX-License-Identifier: Apache-2.0 */
/* The states that the events of many batches ask for are loaded before these are replayed: each
 * once, in the order of their ids, and no more of them than was said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include "runtime/projector/preload.h"
#include "tests/unit/purse.h"

#define EVENT_FILLED 101 /* purse.c */
#define EVENT_EMPTIED 104
#define BATCHES_MAX 8
#define LOADS_MAX 16

/* A journal of a few batches, and what was loaded. */
struct scene {
    struct journal_store store;
    struct journal_store_ops ops;
    struct domain domain;
    struct registry registry;
    struct replay replay;
    struct follower step;     /* which it is for */
    uint32_t abandoned_after; /* so many loads the step is abandoned; 0 = never */
    struct wire_writer bodies[BATCHES_MAX];
    struct batch_row rows[BATCHES_MAX];
    uint32_t row_count;
    uint64_t loads[LOADS_MAX]; /* numbers of purses */
    uint32_t load_count;
    enum err load_error;
};

static enum err tail(struct journal_store *store, uint16_t shard, uint64_t first_seq,
                     batch_row_cb row, void *context)
{
    struct scene *s = container_of(store, struct scene, store);
    assert_int_equal(shard, 0);
    for (uint64_t seq = first_seq; seq <= s->row_count; seq++)
        if (!row(context, &s->rows[seq - 1]))
            break;
    return ERR_OK;
}

static enum err load(void *context, const struct actor_kind *kind, struct id128 id, void *state,
                     uint64_t *due_ns)
{
    struct scene *s = context;
    assert_int_equal(kind->number, PURSE_KIND);
    assert_true(s->load_count < LOADS_MAX);
    s->loads[s->load_count++] = id.lo;
    if (s->load_count == s->abandoned_after)
        atomic_store(&s->step.abandoned, true);
    *due_ns = 0;
    ((struct purse *)state)->coins = 10;
    return s->load_error;
}

static int set_up(void **state)
{
    static const struct service *const services[] = {&purse_service};
    static const struct store_position first = {0};
    struct scene *s = calloc(1, sizeof *s);
    s->ops.tail = tail;
    s->store.ops = &s->ops;
    domain_init(&s->domain, services, array_len(services));
    registry_init(&s->registry, &s->domain);
    s->registry.load = load;
    s->registry.load_context = s;
    replay_init(&s->replay, &s->domain, &s->registry, 0, &first);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    for (uint32_t i = 0; i < s->row_count; i++)
        wire_writer_done(&s->bodies[i]);
    replay_done(&s->replay);
    registry_clear(&s->registry);
    registry_done(&s->registry);
    free(s);
    return 0;
}

static void begin_batch(struct scene *s)
{
    static const struct principal system = {.tenant = {"t", 1}, .subject = {"s", 1}};
    struct wire_writer *body = &s->bodies[s->row_count];
    wire_writer_init(body, 1 << 16);
    record_body_start(body);
    record_begin(body, &(struct record_head){.time_ns = 100 * (s->row_count + 1), .who = &system},
                 0, true);
}

static void add_event(struct scene *s, uint16_t number, uint64_t purse)
{
    struct wire_writer *body = &s->bodies[s->row_count];
    record_event(body, number);
    if (number == EVENT_FILLED)
        purse_fill_type.write(body, &(struct purse_fill){{0, purse}, 1});
    else
        purse_look_type.write(body, &(struct purse_look){{0, purse}});
}

static void end_batch(struct scene *s)
{
    struct batch_row *row = &s->rows[s->row_count];
    record_end(&s->bodies[s->row_count], &(struct record_answer){0});
    *row = (struct batch_row){
        .seq = s->row_count + 1, .epoch = 1, .count = 1,
        .body = wire_written(&s->bodies[s->row_count])};
    if (s->row_count > 0)
        row->prev_hash = row[-1].hash;
    row->hash = batch_hash(row);
    s->row_count++;
}

/* A batch in which these purses are filled; 0 ends the list. */
static void given_fills(struct scene *s, const uint64_t *purses)
{
    begin_batch(s);
    for (; *purses != 0; purses++)
        add_event(s, EVENT_FILLED, *purses);
    end_batch(s);
}

static void given_three_batches(struct scene *s)
{
    given_fills(s, (const uint64_t[]){9, 3, 0});
    given_fills(s, (const uint64_t[]){5, 9, 1, 0});
    given_fills(s, (const uint64_t[]){7, 0});
}

static void expect_loads(struct scene *s, uint64_t seq_max, uint64_t events_max,
                         const uint64_t *purses)
{
    s->load_count = 0;
    assert_int_equal(preload_states(&s->replay, &s->step, &s->store, seq_max, events_max), ERR_OK);
    uint32_t count = 0;
    for (; purses[count] != 0; count++)
        assert_int_equal(s->loads[count], purses[count]);
    assert_int_equal(s->load_count, count);
    registry_clear(&s->registry);
}

static void each_state_is_loaded_once_and_in_order(void **state)
{
    struct scene *s = *state;
    given_three_batches(s);
    expect_loads(s, 3, 100, (const uint64_t[]){1, 3, 5, 7, 9, 0});
    expect_loads(s, 2, 100, (const uint64_t[]){1, 3, 5, 9, 0});
    expect_loads(s, 1, 100, (const uint64_t[]){3, 9, 0});
    expect_loads(s, 0, 100, (const uint64_t[]){0});
}

static void no_more_events_are_looked_at_than_was_said(void **state)
{
    struct scene *s = *state;
    given_three_batches(s);
    expect_loads(s, 3, 0, (const uint64_t[]){0});
    expect_loads(s, 3, 1, (const uint64_t[]){9, 0});
    expect_loads(s, 3, 3, (const uint64_t[]){3, 5, 9, 0});
    expect_loads(s, 3, 6, (const uint64_t[]){1, 3, 5, 7, 9, 0});
}

static void what_is_replayed_then_loads_nothing(void **state)
{
    struct scene *s = *state;
    given_three_batches(s);
    assert_int_equal(preload_states(&s->replay, &s->step, &s->store, 3, 100), ERR_OK);
    assert_int_equal(s->load_count, 5);
    for (uint32_t i = 0; i < s->row_count; i++)
        assert_int_equal(replay_batch(&s->replay, &s->rows[i]), ERR_OK);
    assert_int_equal(s->load_count, 5);
    const struct purse *p = registry_state(&s->registry, PURSE_KIND, (struct id128){0, 9});
    assert_int_equal(p->coins, 12);
    assert_int_equal(preload_states(&s->replay, &s->step, &s->store, 3, 100), ERR_OK);
    assert_int_equal(s->load_count, 5);
}

/* An event whose needs nobody declared: the batch goes on behind it. */
static void events_without_needs_are_passed_over(void **state)
{
    struct scene *s = *state;
    begin_batch(s);
    add_event(s, EVENT_EMPTIED, 4);
    add_event(s, EVENT_FILLED, 2);
    end_batch(s);
    expect_loads(s, 1, 100, (const uint64_t[]){2, 0});
    expect_loads(s, 1, 1, (const uint64_t[]){0});
}

static void a_batch_that_cannot_be_read_ends_it(void **state)
{
    struct scene *s = *state;
    given_three_batches(s);
    s->rows[1].body.len = 3;
    expect_loads(s, 3, 100, (const uint64_t[]){3, 9, 0});
}

static void a_state_that_cannot_be_loaded_is_told(void **state)
{
    struct scene *s = *state;
    given_three_batches(s);
    s->load_error = ERR_IO;
    assert_int_equal(preload_states(&s->replay, &s->step, &s->store, 3, 100), ERR_IO);
    assert_int_equal(s->load_count, 1);
    s->load_error = ERR_CORRUPT;
    assert_int_equal(preload_states(&s->replay, &s->step, &s->store, 3, 100), ERR_FAILED);
    assert_non_null(strstr(s->replay.reason, "a state in the views is damaged (shard 0, before "
                                             "batch 1)"));
}

/* As a stop does, which does not wait for what a large step reads. */
static void an_abandoned_step_loads_nothing_more(void **state)
{
    struct scene *s = *state;
    given_three_batches(s);
    s->abandoned_after = 2;
    for (int again = 0; again < 2; again++) {
        assert_int_equal(preload_states(&s->replay, &s->step, &s->store, 3, 100), ERR_UNAVAILABLE);
        assert_int_equal(s->load_count, 2);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_state_is_loaded_once_and_in_order),
        CASE(no_more_events_are_looked_at_than_was_said),
        CASE(what_is_replayed_then_loads_nothing),
        CASE(events_without_needs_are_passed_over),
        CASE(a_batch_that_cannot_be_read_ends_it),
        CASE(a_state_that_cannot_be_loaded_is_told),
        CASE(an_abandoned_step_loads_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
