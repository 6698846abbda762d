/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the registry grow while a shard has nothing else to do, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs these */
#include <cmocka.h>

#include "runtime/actor/registry_priv.h"

#define THING 1
#define OTHER 31 /* the last one */

static const struct actor_kind thing = {.name = "thing", .number = THING, .state_size = 8};
static const struct actor_kind other = {.name = "other", .number = OTHER, .state_size = 8};

static struct id128 id_of(uint64_t number)
{
    return (struct id128){number, number << 16};
}

/* So many that the table has just begun to grow and no insert goes on with it. */
static uint64_t fill(struct registry *r, uint16_t kind)
{
    uint64_t count = 0;
    while (count < 5000 || !table_growing(&r->actors[kind]))
        assert_non_null(registry_insert(r, kind, id_of(++count)));
    return count;
}

static void a_growth_ends_without_another_insert(void **state)
{
    (void)state;
    struct domain d = {.kinds = {[THING] = &thing, [OTHER] = &other}};
    struct registry r;
    registry_init(&r, &d);
    registry_rehash_step(&r);
    const uint64_t things = fill(&r, THING), others = fill(&r, OTHER);
    uint32_t steps = 0;
    while (table_growing(&r.actors[THING]) || table_growing(&r.actors[OTHER])) {
        registry_rehash_step(&r);
        assert_true(++steps < 1000);
    }
    assert_true(steps > 1);
    assert_int_equal(r.growing, 0);
    for (uint64_t i = 1; i <= things; i++)
        assert_non_null(registry_find(&r, THING, id_of(i)));
    for (uint64_t i = 1; i <= others; i++)
        assert_non_null(registry_find(&r, OTHER, id_of(i)));
    assert_int_equal(r.resident, things + others);
    fill(&r, THING);
    registry_clear(&r);
    registry_rehash_step(&r);
    assert_int_equal(r.growing, 0);
    registry_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_growth_ends_without_another_insert),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
