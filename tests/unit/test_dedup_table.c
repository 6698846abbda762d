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

#define TIME_MS 1700000000000u
#define FULL DEDUP_GENERATION_COUNT

static struct id128 id_at(uint64_t ms, uint64_t n)
{
    return (struct id128){ms << 16, n};
}

static struct dedup_table given(size_t filter_bytes)
{
    struct dedup_table o;
    dedup_table_init(&o, 1, filter_bytes);
    return o;
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
        dedup_table_add(o, id_at(TIME_MS, n), position_make(seq, (uint32_t)n));
}

/* Ids that were never used are asked for, and nothing is projected meanwhile. */
static void questions_take_no_more_than_their_room(void **state)
{
    (void)state;
    for (size_t filter_bytes = 0; filter_bytes <= 1 << 20; filter_bytes += 1 << 20) {
        struct dedup_table o = given(filter_bytes);
        dedup_table_clear(&o, TIME_MS);
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
        dedup_table_done(&o);
    }
}

/* What comes back beyond the limit makes no room for more. */
static void full_means_full_until_the_views_have_caught_up(void **state)
{
    (void)state;
    struct dedup_table o = given(0);
    decide_until_full(&o, 7);
    for (uint64_t n = 1; n <= 2 * FULL; n++) {
        dedup_table_add(&o, id_at(TIME_MS + 1, n), position_make(8, (uint32_t)n));
        assert_true(dedup_table_full(&o));
    }
    dedup_table_projected(&o, 8);
    assert_false(dedup_table_full(&o));
    dedup_table_done(&o);
}

/* The views said it was new; then it was decided, projected and dropped. */
static void what_was_learned_is_not_believed_after_a_decision(void **state)
{
    (void)state;
    for (size_t filter_bytes = 0; filter_bytes <= 1 << 20; filter_bytes += 1 << 20) {
        struct dedup_table o = given(filter_bytes);
        struct id128 key = id_at(TIME_MS - 1, 1);
        dedup_table_clear(&o, TIME_MS);
        dedup_table_cache(&o, key, 0);
        expect(&o, key, DEDUP_NEW);
        dedup_table_add(&o, key, position_make(5, 1));
        expect(&o, key, DEDUP_FOUND);
        decide_until_full(&o, 6);
        dedup_table_projected(&o, 6);
        expect(&o, key, DEDUP_ASK);
        dedup_table_done(&o);
    }
}

static void an_undone_decision_leaves_the_key_new(void **state)
{
    (void)state;
    struct dedup_table o = given(0);
    struct id128 key = id_at(TIME_MS - 1, 1);
    dedup_table_clear(&o, TIME_MS);
    dedup_table_cache(&o, key, 0);
    dedup_table_remove(dedup_table_add(&o, key, position_make(5, 1)));
    expect(&o, key, DEDUP_NEW);
    dedup_table_cache(&o, key, position_make(1, 1)); /* an answer that is older than the decision */
    expect(&o, key, DEDUP_NEW);
    dedup_table_done(&o);
}

/* Generations of batch 1, 2 and so on: the views follow, and less and less of the room is taken. */
static void how_far_the_views_are_behind_is_told_in_parts_of_the_room(void **state)
{
    (void)state;
    struct dedup_table o = given(0);
    assert_int_equal(dedup_table_behind(&o, 0), 0);
    for (uint64_t n = 0; !dedup_table_full(&o); n++)
        dedup_table_add(&o, id_at(TIME_MS, n + 1), position_make(1 + n / FULL, 1));
    const uint32_t all = o.decided.count;
    assert_true(all > 1);
    for (uint32_t projected = 0; projected <= all; projected++)
        assert_int_equal(dedup_table_behind(&o, projected), (all - projected) * 100 / all);
    dedup_table_done(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_take_no_more_than_their_room),
        cmocka_unit_test(full_means_full_until_the_views_have_caught_up),
        cmocka_unit_test(what_was_learned_is_not_believed_after_a_decision),
        cmocka_unit_test(an_undone_decision_leaves_the_key_new),
        cmocka_unit_test(how_far_the_views_are_behind_is_told_in_parts_of_the_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
