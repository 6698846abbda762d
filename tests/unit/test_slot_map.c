/* SPDX-License-Identifier: Apache-2.0 */
/* The slot map: every slot has one shard, and each shard one range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/check.h"
#include "runtime/base/slot_map.h"

static void expect_each_slot_in_its_range(const struct slot_map *m)
{
    uint32_t counts[SLOT_MAP_SHARDS_MAX] = {0};
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        uint16_t shard = slot_map_shard(m, (uint16_t)slot);
        assert_true(shard < m->shards);
        assert_true(slot_range_has(m->ranges[shard], (uint16_t)slot));
        counts[shard]++;
    }
    for (uint16_t shard = 0; shard < m->shards; shard++) {
        struct slot_range r = m->ranges[shard];
        assert_int_equal(counts[shard], r.last - r.first + 1);
    }
}

static void a_split_gives_all_shards_the_same(void **state)
{
    (void)state;
    struct slot_map m;
    for (uint16_t shards = 1; shards <= SLOT_MAP_SHARDS_MAX; shards++) {
        slot_map_split(&m, shards);
        assert_int_equal(m.shards, shards);
        expect_each_slot_in_its_range(&m);
        for (uint16_t i = 0; i < shards; i++) {
            uint32_t count = m.ranges[i].last - m.ranges[i].first + 1u;
            assert_in_range(count, SLOT_COUNT / shards, SLOT_COUNT / shards + 1);
        }
    }
}

/* As after shard 0 gave half of what it had to a new one, twice. */
static void ranges_may_be_in_any_order_and_of_any_length(void **state)
{
    (void)state;
    struct slot_map m;
    const struct slot_range halved[] = {{0, 9}, {32768, UINT16_MAX}, {20, 32767}, {10, 19}};
    assert_true(slot_map_set(&m, halved, array_len(halved)));
    expect_each_slot_in_its_range(&m);
    assert_int_equal(slot_map_shard(&m, 9), 0);
    assert_int_equal(slot_map_shard(&m, 10), 3);
    assert_int_equal(slot_map_shard(&m, 20), 2);
    assert_int_equal(slot_map_home(&m, (struct id128){7, 0xFFFF8000}), 1);
}

static void ranges_without_every_slot_once_are_none(void **state)
{
    (void)state;
    struct slot_map m;
    const struct slot_range gap[] = {{0, 9}, {11, UINT16_MAX}}, twice[] = {{0, 9}, {9, UINT16_MAX}},
                            short_of[] = {{0, 9}, {10, 65534}}, backwards[] = {{0, 9}, {10, 9}},
                            same[] = {{0, UINT16_MAX}, {0, UINT16_MAX}};
    assert_false(slot_map_set(&m, gap, 2));
    assert_int_equal(m.shards, 0);
    assert_false(slot_map_set(&m, twice, 2));
    assert_false(slot_map_set(&m, short_of, 2));
    assert_false(slot_map_set(&m, backwards, 2));
    assert_false(slot_map_set(&m, same, 2));
    assert_false(slot_map_set(&m, same, 0));
    assert_int_equal(m.shards, 0);
}

static void any_bits_pick_a_slot_of_the_range(void **state)
{
    (void)state;
    const struct slot_range one = {7, 7}, some = {100, 102}, all = {0, UINT16_MAX};
    for (uint32_t bits = 0; bits < SLOT_COUNT; bits++) {
        assert_int_equal(slot_range_pick(one, (uint16_t)bits), 7);
        assert_int_equal(slot_range_pick(some, (uint16_t)bits), 100 + bits % 3);
        assert_int_equal(slot_range_pick(all, (uint16_t)bits), bits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_split_gives_all_shards_the_same),
        cmocka_unit_test(ranges_may_be_in_any_order_and_of_any_length),
        cmocka_unit_test(ranges_without_every_slot_once_are_none),
        cmocka_unit_test(any_bits_pick_a_slot_of_the_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
