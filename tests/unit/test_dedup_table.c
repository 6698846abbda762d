/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of keys, and what of it may be forgotten when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/check.h"
#include "runtime/dedup/dedup_table.h"
#include "runtime/journal/record.h"

#define TIME_MS UINT64_C(1700000000000)
#define TIME_NS (TIME_MS * NS_PER_MS)
#define MINUTE_MS 60000
#define FULL DEDUP_GENERATION_COUNT

static struct id128 id_at(uint64_t ms, uint64_t n)
{
    return (struct id128){ms << 16, n};
}

static struct early_ids early_ids;

/* The views have told which early ids there are around now. */
static void now_is(uint64_t ms)
{
    uint64_t span;
    early_ids_advance(&early_ids, ms * NS_PER_MS);
    while (early_ids_unknown(&early_ids, &span))
        early_ids_learned(&early_ids, span);
}

static struct dedup_table given(size_t filter_bytes)
{
    struct dedup_table o;
    early_ids_init(&early_ids, 1 << 20);
    now_is(TIME_MS);
    dedup_table_init(&o, 1, filter_bytes == 0 ? &early_ids : NULL, filter_bytes);
    return o;
}

static void finish(struct dedup_table *o)
{
    dedup_table_done(o);
    early_ids_done(&early_ids);
}

static void expect(const struct dedup_table *o, struct id128 key, enum dedup_answer answer)
{
    uint64_t position;
    assert_int_equal(dedup_table_find(o, key, &position), answer);
}

/* As many generations as there may be, of batches up to `seq`. */
static void decide_until_full(struct dedup_table *o, uint64_t seq)
{
    for (uint64_t n = 1; !dedup_table_full(o); n++)
        dedup_table_add(o, id_at(TIME_MS, n), position_make(seq, (uint32_t)n), TIME_NS);
}

/* Ids that were never used are asked for, and nothing is projected meanwhile. */
static void questions_take_no_more_than_their_room(void **state)
{
    (void)state;
    for (size_t filter_bytes = 0; filter_bytes <= 1 << 20; filter_bytes += 1 << 20) {
        struct dedup_table o = given(filter_bytes);
        dedup_table_clear(&o, false, TIME_MS);
        decide_until_full(&o, 7);
        const uint32_t decided = o.decided.count;
        for (uint64_t n = 1; n <= (uint64_t)5 * FULL; n++) {
            struct id128 key = id_at(TIME_MS - 1, n);
            expect(&o, key, DEDUP_ASK);
            dedup_table_cache(&o, key, n % 2 == 0 ? 0 : position_make(1, 1));
            expect(&o, key, n % 2 == 0 ? DEDUP_NEW : DEDUP_FOUND);
        }
        assert_int_equal(o.decided.count, decided);
        assert_true(o.learned.count <= o.kept);
        expect(&o, id_at(TIME_MS, 1), DEDUP_FOUND);
        assert_true(dedup_table_full(&o));
        dedup_table_projected(&o, 7);
        assert_false(dedup_table_full(&o));
        finish(&o);
    }
}

/* What comes back beyond the limit makes no room for more. */
static void full_means_full_until_the_views_have_caught_up(void **state)
{
    (void)state;
    struct dedup_table o = given(0);
    decide_until_full(&o, 7);
    for (uint64_t n = 1; n <= 2 * FULL; n++) {
        dedup_table_add(&o, id_at(TIME_MS + 1, n), position_make(8, (uint32_t)n), TIME_NS);
        assert_true(dedup_table_full(&o));
    }
    dedup_table_projected(&o, 8);
    assert_false(dedup_table_full(&o));
    finish(&o);
}

/* The views said it was new; then it was decided, projected and dropped. */
static void what_was_learned_is_not_believed_after_a_decision(void **state)
{
    (void)state;
    for (size_t filter_bytes = 0; filter_bytes <= 1 << 20; filter_bytes += 1 << 20) {
        struct dedup_table o = given(filter_bytes);
        struct id128 key = id_at(TIME_MS - 1, 1);
        dedup_table_clear(&o, false, TIME_MS);
        dedup_table_cache(&o, key, 0);
        expect(&o, key, DEDUP_NEW);
        dedup_table_add(&o, key, position_make(5, 1), TIME_NS);
        expect(&o, key, DEDUP_FOUND);
        decide_until_full(&o, 6);
        dedup_table_projected(&o, 6);
        expect(&o, key, DEDUP_ASK);
        finish(&o);
    }
}

static void an_undone_decision_leaves_the_key_new(void **state)
{
    (void)state;
    struct dedup_table o = given(0);
    struct id128 key = id_at(TIME_MS - 1, 1);
    dedup_table_clear(&o, false, TIME_MS);
    dedup_table_cache(&o, key, 0);
    dedup_table_remove(dedup_table_add(&o, key, position_make(5, 1), TIME_NS));
    expect(&o, key, DEDUP_NEW);
    dedup_table_cache(&o, key, position_make(1, 1)); /* an answer that is older than the decision */
    expect(&o, key, DEDUP_NEW);
    finish(&o);
}

/* Generations of batch 1, 2 and so on: the views follow, and less and less of the room is taken. */
static void how_far_the_views_are_behind_is_told_in_parts_of_the_room(void **state)
{
    (void)state;
    struct dedup_table o = given(0);
    assert_int_equal(dedup_table_behind(&o, 0), 0);
    for (uint64_t n = 0; !dedup_table_full(&o); n++)
        dedup_table_add(&o, id_at(TIME_MS, n + 1), position_make(1 + n / FULL, 1), TIME_NS);
    const uint32_t all = o.decided.count;
    assert_true(all > 1);
    for (uint32_t projected = 0; projected <= all; projected++)
        assert_int_equal(dedup_table_behind(&o, projected), (all - projected) * 100 / all);
    finish(&o);
}

/* As many early ids as make the table forget the oldest, which the views have. */
static void forget_early(struct dedup_table *o, uint64_t ms)
{
    for (uint64_t n = 1; n <= 2 * (uint64_t)FULL; n++)
        dedup_table_add(o, id_at(ms + n % 1000, n), position_make(1, (uint32_t)n), TIME_NS);
    dedup_table_projected(o, 1);
    assert_int_equal(o->early.count, 1);
}

/* The first of them is asked for, and others of that time are new; so are those of now. */
static void expect_first_asked(const struct dedup_table *o, uint64_t ms)
{
    expect(o, id_at(ms + 1, 1), DEDUP_ASK);
    expect(o, id_at(ms + 1, UINT64_MAX), DEDUP_NEW);
    expect(o, id_at(ms + 500, 89500), DEDUP_FOUND);
}

static void an_early_id_that_left_is_asked_for_when_its_time_comes(void **state)
{
    (void)state;
    struct dedup_table o = given(0);
    forget_early(&o, TIME_MS + 9 * MINUTE_MS);
    expect(&o, id_at(TIME_MS + 1, 1), DEDUP_NEW);
    for (uint64_t minute = 0; minute < 19; minute++) {
        now_is(TIME_MS + minute * MINUTE_MS);
        expect_first_asked(&o, TIME_MS + 9 * MINUTE_MS);
    }
    now_is(TIME_MS + 20 * MINUTE_MS);
    expect(&o, id_at(TIME_MS + 9 * MINUTE_MS + 1, UINT64_MAX), DEDUP_ASK); /* long ago */
    finish(&o);
}

static void what_the_views_have_not_told_is_asked_for(void **state)
{
    (void)state;
    struct dedup_table o = given(0);
    uint64_t hours_ms = TIME_MS + 300 * MINUTE_MS, span;
    forget_early(&o, hours_ms);
    early_ids_advance(&early_ids, hours_ms * NS_PER_MS);
    expect(&o, id_at(hours_ms + 1, UINT64_MAX), DEDUP_ASK);
    assert_true(early_ids_unknown(&early_ids, &span));
    for (uint64_t n = 1; n <= FULL; n++)
        early_ids_note(&early_ids, id_at(hours_ms + n % 1000, n));
    now_is(hours_ms);
    expect(&o, id_at(hours_ms + 1, 1), DEDUP_ASK);
    early_ids_clear(&early_ids, TIME_MS);
    expect(&o, id_at(hours_ms + 1, UINT64_MAX), DEDUP_ASK);
    finish(&o);
}

static void an_id_far_from_now_is_asked_for_unless_all_are_here(void **state)
{
    (void)state;
    struct dedup_table o = given(0);
    const struct id128 far[] = {id_at(TIME_MS - 11 * MINUTE_MS, 1),
                                id_at(TIME_MS + 11 * MINUTE_MS, 1),
                                {UINT64_MAX - 1, 1}};
    dedup_table_clear(&o, false, 1);
    for (size_t i = 0; i < array_len(far); i++)
        expect(&o, far[i], DEDUP_ASK);
    dedup_table_clear(&o, true, 0);
    for (size_t i = 0; i < array_len(far); i++)
        expect(&o, far[i], DEDUP_NEW);
    decide_until_full(&o, 7);
    dedup_table_projected(&o, 7);
    for (size_t i = 0; i < array_len(far); i++)
        expect(&o, far[i], DEDUP_ASK);
    finish(&o);
}

/* It was asked for while its time was far; then that came near, and it was decided. */
static void what_was_learned_of_a_far_id_is_not_believed_either(void **state)
{
    (void)state;
    struct dedup_table o = given(0);
    struct id128 key = id_at(TIME_MS + 12 * MINUTE_MS, 1);
    dedup_table_clear(&o, false, 1);
    expect(&o, key, DEDUP_ASK);
    dedup_table_cache(&o, key, 0);
    now_is(TIME_MS + 12 * MINUTE_MS);
    expect(&o, key, DEDUP_NEW);
    dedup_table_add(&o, key, position_make(5, 1), TIME_NS + 12 * MINUTE_MS * NS_PER_MS);
    decide_until_full(&o, 6);
    dedup_table_projected(&o, 6);
    expect(&o, key, DEDUP_ASK);
    finish(&o);
}

/* What the views do not have yet is nowhere else. */
static void only_what_the_views_have_leaves(void **state)
{
    (void)state;
    struct dedup_table o = given(0);
    const uint64_t early = TIME_MS + 9 * MINUTE_MS;
    decide_until_full(&o, 7);
    for (uint64_t n = 1; n <= 2 * (uint64_t)FULL; n++)
        dedup_table_add(&o, id_at(early, n), position_make(5, (uint32_t)n), TIME_NS);
    uint32_t decided = o.decided.count, of_early = o.early.count;
    dedup_table_projected(&o, 4);
    assert_int_equal(o.early.count, of_early);
    assert_int_equal(o.decided.count, decided);
    dedup_table_projected(&o, 5);
    assert_int_equal(o.early.count, 1);
    assert_int_equal(o.decided.count, decided);
    dedup_table_projected(&o, 6);
    assert_int_equal(o.decided.count, decided);
    dedup_table_projected(&o, 7);
    assert_int_equal(o.decided.count, o.kept);
    finish(&o);
}

static void generations_leave_one_by_one(void **state)
{
    (void)state;
    struct dedup_table o = given(0);
    for (uint64_t n = 0; !dedup_table_full(&o); n++)
        dedup_table_add(&o, id_at(TIME_MS, n + 1), position_make(1 + n / FULL, 1), TIME_NS);
    const uint32_t all = o.decided.count;
    assert_true(all > o.kept + 1);
    for (uint32_t projected = 0; projected <= all; projected++) {
        dedup_table_projected(&o, projected);
        assert_int_equal(o.decided.count,
                         all - projected > o.kept ? all - projected : o.kept);
    }
    for (uint64_t n = 0; n < (uint64_t)4 * FULL; n++)
        dedup_table_add(&o, id_at(TIME_MS + 9 * MINUTE_MS, n + 1),
                        position_make(all + 1 + n / FULL, 1), TIME_NS);
    const uint32_t early = o.early.count;
    assert_true(early > 2);
    for (uint32_t projected = 0; projected <= early; projected++) {
        dedup_table_projected(&o, all + projected);
        assert_int_equal(o.early.count, early - projected > 1 ? early - projected : 1);
    }
    finish(&o);
}

/* Up to the newest time of what left, an id may be one of those; an id without a time, and one
 * whose decision was undone, make none older. */
static void an_id_as_old_as_one_that_left_is_asked_for(void **state)
{
    (void)state;
    struct dedup_table o = given(0);
    dedup_table_clear(&o, true, 0);
    dedup_table_add(&o, (struct id128){0xF47AC10B58CC4372u, 1}, position_make(7, 0), TIME_NS);
    dedup_table_remove(dedup_table_add(&o, id_at(TIME_MS + 8, 1), position_make(7, 0), TIME_NS));
    for (uint64_t n = 1; !dedup_table_full(&o); n++)
        dedup_table_add(&o, id_at(n == 7 ? TIME_MS + 3 : TIME_MS, n),
                        position_make(7, (uint32_t)n), TIME_NS);
    expect(&o, id_at(TIME_MS, UINT64_MAX), DEDUP_NEW);
    dedup_table_projected(&o, 7);
    expect(&o, id_at(TIME_MS, UINT64_MAX), DEDUP_ASK);
    expect(&o, id_at(TIME_MS + 3, UINT64_MAX), DEDUP_ASK);
    expect(&o, id_at(TIME_MS + 4, UINT64_MAX), DEDUP_NEW);
    finish(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_take_no_more_than_their_room),
        cmocka_unit_test(full_means_full_until_the_views_have_caught_up),
        cmocka_unit_test(what_was_learned_is_not_believed_after_a_decision),
        cmocka_unit_test(an_early_id_that_left_is_asked_for_when_its_time_comes),
        cmocka_unit_test(what_the_views_have_not_told_is_asked_for),
        cmocka_unit_test(an_id_far_from_now_is_asked_for_unless_all_are_here),
        cmocka_unit_test(what_was_learned_of_a_far_id_is_not_believed_either),
        cmocka_unit_test(an_undone_decision_leaves_the_key_new),
        cmocka_unit_test(how_far_the_views_are_behind_is_told_in_parts_of_the_room),
        cmocka_unit_test(only_what_the_views_have_leaves),
        cmocka_unit_test(generations_leave_one_by_one),
        cmocka_unit_test(an_id_as_old_as_one_that_left_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
