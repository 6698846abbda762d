/* SPDX-License-Identifier: Apache-2.0 */
/* Batches made by hand: what follows the one before is replayed, and of all else the replay says
 * which batch is damaged and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include "runtime/projector/replay.h"
#include "tests/unit/purse.h"

#define SHARD 3
#define EVENT_FILLED 101 /* purse.c */

struct scene {
    struct domain domain;
    struct registry registry;
    struct replay replay;
    struct wire_writer body;
    struct batch_row row; /* the next, after those that were replayed */
};

static const struct id128 purse = {1, 2};

static int set_up(void **state)
{
    static const struct service *const services[] = {&purse_service};
    static const struct store_position first = {0};
    struct scene *s = calloc(1, sizeof *s);
    domain_init(&s->domain, services, array_len(services));
    registry_init(&s->registry, &s->domain);
    replay_init(&s->replay, &s->domain, &s->registry, SHARD, &first);
    wire_writer_init(&s->body, 1 << 16);
    record_body_start(&s->body);
    s->row = (struct batch_row){.shard = SHARD, .seq = 1, .epoch = 7};
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    replay_done(&s->replay);
    registry_clear(&s->registry);
    registry_done(&s->registry);
    wire_writer_done(&s->body);
    free(s);
    return 0;
}

/* A record of this time, in which the purse is filled that often with one coin. */
static void add_record(struct scene *s, uint64_t time_ns, uint32_t fills)
{
    static const struct principal system = {.tenant = {"t", 1}, .subject = {"s", 1}};
    const struct purse_fill fill = {purse, 1};
    record_begin(&s->body, &(struct record_head){.time_ns = time_ns, .who = &system}, 0,
                 s->row.count == 0);
    for (uint32_t i = 0; i < fills; i++) {
        record_event(&s->body, EVENT_FILLED);
        purse_fill_type.write(&s->body, &fill);
    }
    record_end(&s->body, &(struct record_answer){0});
    s->row.count++;
}

static void seal(struct scene *s)
{
    s->row.body = wire_written(&s->body);
    s->row.hash = batch_hash(&s->row);
}

static void expect_replayed(struct scene *s)
{
    seal(s);
    assert_int_equal(replay_batch(&s->replay, &s->row), ERR_OK);
    assert_int_equal(s->replay.seq, s->row.seq);
    s->row.prev_hash = s->row.hash;
    s->row.seq++;
    s->row.count = 0;
    wire_writer_clear(&s->body);
    record_body_start(&s->body);
}

/* As it is, its hash too. */
static void expect_damaged_row(struct scene *s, const char *how)
{
    uint64_t seq = s->replay.seq, time_ns = s->replay.time_ns;
    assert_int_equal(replay_batch(&s->replay, &s->row), ERR_CORRUPT);
    assert_non_null(strstr(s->replay.reason, how));
    assert_non_null(strstr(s->replay.reason, "journal of shard 3 is damaged at batch 2: "));
    assert_int_equal(s->replay.damaged_seq, 2);
    assert_int_equal(s->replay.seq, seq);
    s->replay.time_ns = time_ns; /* so that the same may be tried in another form */
}

static void expect_damaged(struct scene *s, const char *how)
{
    seal(s);
    expect_damaged_row(s, how);
}

static uint64_t coins(struct scene *s)
{
    return ((const struct purse *)registry_state(&s->registry, PURSE_KIND, purse))->coins;
}

static void batches_that_follow_each_other_are_replayed(void **state)
{
    struct scene *s = *state;
    add_record(s, 100, 3);
    add_record(s, 101, 0);
    expect_replayed(s);
    add_record(s, 102, 2);
    s->row.epoch = 8;
    expect_replayed(s);
    assert_int_equal(s->replay.events, 5);
    assert_int_equal(s->replay.records, 3);
    assert_int_equal(s->replay.time_ns, 102);
    assert_int_equal(s->replay.epoch, 8);
    assert_int_equal(coins(s), 5);
    assert_int_equal(s->registry.seq, 2);
}

static void given_one_batch(struct scene *s)
{
    add_record(s, 100, 3);
    expect_replayed(s);
}

static void time_does_not_go_back_in_a_batch(void **state)
{
    struct scene *s = *state;
    given_one_batch(s);
    add_record(s, 200, 3);
    add_record(s, 199, 1);
    expect_damaged(s, "time goes back in record 1");
}

static void time_does_not_go_back_from_batch_to_batch(void **state)
{
    struct scene *s = *state;
    given_one_batch(s);
    add_record(s, 99, 1);
    expect_damaged(s, "time goes back in record 0");
}

static void records_are_counted(void **state)
{
    struct scene *s = *state;
    given_one_batch(s);
    add_record(s, 200, 0);
    s->row.count = 2;
    expect_damaged(s, "1 records where 2 were written");
    s->row.count = 0;
    expect_damaged(s, "1 records where 0 were written");
}

/* It hashes well, but was written after another one. */
static void a_batch_that_follows_another_one_is_damage(void **state)
{
    struct scene *s = *state;
    given_one_batch(s);
    add_record(s, 200, 1);
    s->row.prev_hash.bytes[SHA256_SIZE - 1] ^= 1;
    expect_damaged(s, "it does not follow batch 1 (hash chain broken)");
}

static void a_changed_batch_is_damage(void **state)
{
    struct scene *s = *state;
    given_one_batch(s);
    add_record(s, 200, 1);
    seal(s);
    s->row.hash.bytes[SHA256_SIZE - 1] ^= 1;
    expect_damaged_row(s, "its hash does not match its content");
    seal(s);
    s->row.epoch++;
    expect_damaged_row(s, "its hash does not match its content");
}

static void batches_have_numbers_without_gaps(void **state)
{
    struct scene *s = *state;
    given_one_batch(s);
    add_record(s, 200, 1);
    for (uint64_t seq = 1; seq <= 3; seq += 2) {
        s->row.seq = seq;
        expect_damaged(s, seq == 1 ? "found batch 1 instead" : "found batch 3 instead");
    }
    s->row.seq = 2;
    s->row.shard = SHARD + 1;
    expect_damaged(s, "found batch 2 instead");
}

/* Whoever wrote it had lost the shard to another process. */
static void an_older_epoch_is_damage(void **state)
{
    struct scene *s = *state;
    given_one_batch(s);
    add_record(s, 200, 1);
    s->row.epoch = 6;
    expect_damaged(s, "written under the older epoch 6");
}

/* An event as it would stand in a newer version's journal. */
static void add_event(struct scene *s, uint16_t number, uint64_t elements)
{
    static const struct principal system = {.tenant = {"t", 1}, .subject = {"s", 1}};
    record_begin(&s->body, &(struct record_head){.time_ns = 200, .who = &system}, 0, true);
    record_event(&s->body, number);
    wire_put_array(&s->body, (uint32_t)elements);
    wire_put_id(&s->body, purse);
    for (uint64_t i = 1; i < elements; i++)
        wire_put_uint(&s->body, 1);
    record_end(&s->body, &(struct record_answer){0});
    s->row.count++;
}

static void an_event_that_is_not_known_is_damage(void **state)
{
    static const uint16_t numbers[] = {0, 100, DOMAIN_NUMBER_MAX, UINT16_MAX};
    struct scene *s = *state;
    given_one_batch(s);
    for (size_t i = 0; i < array_len(numbers); i++) {
        char how[64];
        snprintf(how, sizeof how, "unknown event %u", numbers[i]);
        add_event(s, numbers[i], 2);
        expect_damaged(s, how);
        s->row.count = 0;
        wire_writer_clear(&s->body);
        record_body_start(&s->body);
    }
}

static void an_event_of_another_form_is_damage(void **state)
{
    struct scene *s = *state;
    given_one_batch(s);
    add_event(s, EVENT_FILLED, 3);
    expect_damaged(s, "event 101 (filled_type) cannot be read");
    assert_int_equal(coins(s), 3);
}

static void a_body_that_ends_inside_a_record_is_damage(void **state)
{
    struct scene *s = *state;
    given_one_batch(s);
    add_record(s, 200, 1);
    seal(s);
    s->row.body.len--;
    s->row.hash = batch_hash(&s->row);
    expect_damaged_row(s, "record 0 cannot be read");
}

/* --- what others are told --------------------------------------------------------------------- */

struct told {
    uint32_t events, records, stop_at;
    uint64_t position, time_ns;
};

static bool tell_event(void *context, const struct event_rule *rule, const void *event,
                       uint64_t time_ns, uint64_t position)
{
    struct told *t = context;
    assert_int_equal(rule->type->number, EVENT_FILLED);
    assert_true(id128_equal(((const struct purse_fill *)event)->id, purse));
    t->position = position;
    t->time_ns = time_ns;
    return ++t->events != t->stop_at;
}

static void tell_record(void *context, const struct record_reader *record)
{
    struct told *t = context;
    assert_int_equal(record->next_item - record->begin_item, 1 + 3);
    t->records++;
}

static void each_event_is_told_with_its_place_and_time(void **state)
{
    struct scene *s = *state;
    struct told told = {0};
    s->replay.on_event = tell_event;
    s->replay.on_record = tell_record;
    s->replay.context = &told;
    add_record(s, 100, 3);
    expect_replayed(s);
    assert_int_equal(told.events, 3);
    assert_int_equal(told.records, 1);
    assert_true(told.position == position_make(1, 3));
    assert_int_equal(told.time_ns, 100);
    told.stop_at = 5;
    add_record(s, 200, 3);
    seal(s);
    assert_int_equal(replay_batch(&s->replay, &s->row), ERR_IO);
    assert_int_equal(told.events, 5);
    assert_int_equal(s->replay.seq, 1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(batches_that_follow_each_other_are_replayed),
        CASE(time_does_not_go_back_in_a_batch),
        CASE(time_does_not_go_back_from_batch_to_batch),
        CASE(records_are_counted),
        CASE(a_batch_that_follows_another_one_is_damage),
        CASE(a_changed_batch_is_damage),
        CASE(batches_have_numbers_without_gaps),
        CASE(an_older_epoch_is_damage),
        CASE(an_event_that_is_not_known_is_damage),
        CASE(an_event_of_another_form_is_damage),
        CASE(a_body_that_ends_inside_a_record_is_damage),
        CASE(each_event_is_told_with_its_place_and_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
