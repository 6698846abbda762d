/* SPDX-License-Identifier: Apache-2.0 */
/* Which filters of runs stay in memory, what they know, and who gives way to another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include "runtime/store/sqlite/filter_cache.h"

#define BITS 64
#define ROOM (BITS + sizeof(struct cached_filter) + sizeof(struct cached_filter *)) /* for one */

static struct id128 key(uint64_t n)
{
    return (struct id128){0, n};
}

/* Of the keys 10 n to 10 n + 9, all of which it may have, or none. */
static void put(struct filter_cache *c, uint64_t run, uint64_t n, bool has_all)
{
    uint8_t bits[BITS];
    memset(bits, has_all ? 0xff : 0, sizeof bits);
    filter_cache_put(c, run, key(10 * n), key(10 * n + 9),
                     (struct slice){(const char *)bits, sizeof bits});
}

static bool knows(struct filter_cache *c, uint64_t run, uint64_t n)
{
    return filter_cache_ask(c, run, key(10 * n + 5)) != FILTER_UNKNOWN;
}

static void a_filter_knows_its_keys_and_no_others(void **state)
{
    (void)state;
    struct filter_cache c;
    filter_cache_init(&c, 10 * ROOM);
    put(&c, 7, 3, true);
    put(&c, 7, 1, false);
    put(&c, 5, 3, false);
    for (uint64_t n = 30; n <= 39; n++) {
        assert_int_equal(filter_cache_ask(&c, 7, key(n)), FILTER_MAYBE);
        assert_int_equal(filter_cache_ask(&c, 5, key(n)), FILTER_ABSENT);
        assert_int_equal(filter_cache_ask(&c, 6, key(n)), FILTER_UNKNOWN);
        assert_int_equal(filter_cache_ask(&c, 8, key(n)), FILTER_UNKNOWN);
        assert_int_equal(filter_cache_ask(&c, 7, key(n - 20)), FILTER_ABSENT);
        assert_int_equal(filter_cache_ask(&c, 7, key(n - 10)), FILTER_UNKNOWN);
        assert_int_equal(filter_cache_ask(&c, 7, key(n - 30)), FILTER_UNKNOWN);
        assert_int_equal(filter_cache_ask(&c, 7, key(n + 10)), FILTER_UNKNOWN);
    }
    assert_int_equal(c.bytes, 3 * ROOM);
    put(&c, 7, 3, false); /* it is here already */
    assert_int_equal(filter_cache_ask(&c, 7, key(35)), FILTER_MAYBE);
    assert_int_equal(c.bytes, 3 * ROOM);
    filter_cache_done(&c);
}

static void who_was_not_asked_since_the_hand_passed_gives_way(void **state)
{
    (void)state;
    struct filter_cache c;
    filter_cache_init(&c, 3 * ROOM);
    for (uint64_t n = 1; n <= 3; n++)
        put(&c, 7, n, true);
    put(&c, 7, 4, true); /* all were new: after one round the first leaves */
    assert_int_equal(c.bytes, 3 * ROOM);
    assert_false(knows(&c, 7, 1));
    assert_true(knows(&c, 7, 2));
    put(&c, 7, 5, true); /* 2 was asked for, 3 was not */
    assert_false(knows(&c, 7, 3));
    put(&c, 7, 6, true); /* 2 was passed, and not asked for again */
    assert_false(knows(&c, 7, 2));
    for (uint64_t n = 4; n <= 6; n++)
        assert_true(knows(&c, 7, n));
    filter_cache_done(&c);
}

static void the_hand_goes_over_all_runs(void **state)
{
    (void)state;
    struct filter_cache c;
    filter_cache_init(&c, 3 * ROOM);
    for (uint64_t run = 1; run <= 3; run++)
        put(&c, run, 1, true);
    for (uint64_t run = 4; run <= 9; run++) {
        put(&c, run, 1, true);
        for (uint64_t other = 1; other <= run; other++)
            assert_int_equal(knows(&c, other, 1), other + 3 > run);
        assert_int_equal(c.bytes, 3 * ROOM);
    }
    filter_cache_done(&c);
}

static void what_is_larger_than_all_room_is_not_kept(void **state)
{
    (void)state;
    struct filter_cache c;
    filter_cache_init(&c, ROOM - 1);
    put(&c, 7, 1, true);
    assert_false(knows(&c, 7, 1));
    assert_int_equal(c.bytes, 0);
    filter_cache_done(&c);
    filter_cache_init(&c, ROOM);
    put(&c, 7, 1, true);
    assert_true(knows(&c, 7, 1));
    filter_cache_done(&c);
}

static void filters_of_runs_that_are_gone_are_forgotten(void **state)
{
    static const struct key_run kept[] = {{.number = 2}, {.number = 4}, {.number = 5}};
    (void)state;
    struct filter_cache c;
    filter_cache_init(&c, 10 * ROOM);
    for (uint64_t run = 1; run <= 4; run++)
        put(&c, run, 1, true);
    filter_cache_keep(&c, kept, array_len(kept));
    for (uint64_t run = 1; run <= 5; run++)
        assert_int_equal(knows(&c, run, 1), run == 2 || run == 4);
    assert_int_equal(c.bytes, 2 * ROOM);
    filter_cache_keep(&c, NULL, 0);
    assert_int_equal(c.bytes, 0);
    filter_cache_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_knows_its_keys_and_no_others),
        cmocka_unit_test(who_was_not_asked_since_the_hand_passed_gives_way),
        cmocka_unit_test(the_hand_goes_over_all_runs),
        cmocka_unit_test(what_is_larger_than_all_room_is_not_kept),
        cmocka_unit_test(filters_of_runs_that_are_gone_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
