/* SPDX-License-Identifier: Apache-2.0 */
/* The table against a plain array that remembers which objects are in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka needs the four above */
#include <cmocka.h>

#include "runtime/base/rng.h"
#include "runtime/base/table.h"

struct object {
    struct table_entry entry;
    bool present;
    unsigned seen;
};

struct crowd {
    struct table table;
    struct object *objects;
    size_t object_count;
    size_t present_count;
};

static struct crowd given_crowd(size_t object_count, struct id128 (*id_of)(size_t, struct rng *))
{
    struct crowd c = {.object_count = object_count};
    table_init(&c.table);
    c.objects = calloc(object_count, sizeof *c.objects);
    assert_non_null(c.objects);
    struct rng r;
    rng_seed(&r, 7);
    for (size_t i = 0; i < object_count; i++)
        c.objects[i].entry.id = id_of(i, &r);
    return c;
}

static void done(struct crowd *c)
{
    table_done(&c->table);
    free(c->objects);
}

static void toggle(struct crowd *c, struct object *o)
{
    if (o->present) {
        table_remove(&c->table, &o->entry);
        c->present_count--;
    } else {
        assert_true(table_insert(&c->table, &o->entry));
        c->present_count++;
    }
    o->present = !o->present;
}

static void everything_is_where_it_should_be(struct crowd *c)
{
    for (size_t i = 0; i < c->object_count; i++) {
        struct object *o = &c->objects[i];
        o->seen = 0;
        struct table_entry *expected = o->present ? &o->entry : NULL;
        assert_ptr_equal(table_find(&c->table, o->entry.id), expected);
    }
    size_t cursor = 0, walked = 0;
    struct table_entry *e;
    while ((e = table_next(&c->table, &cursor)) != NULL) {
        struct object *o = (struct object *)e;
        assert_true(o->present && o->seen++ == 0);
        walked++;
    }
    assert_int_equal(walked, c->present_count);
    assert_int_equal(c->table.count, c->present_count);
}

static struct id128 id_like_ours(size_t i, struct rng *r)
{
    return id128_make(1700000000000 + i / 100, rng_next(r), (uint16_t)(i % 16));
}

static struct id128 id_counting(size_t i, struct rng *r)
{
    (void)r;
    return (struct id128){0, i};
}

static struct id128 id_counting_high(size_t i, struct rng *r)
{
    (void)r;
    return (struct id128){(uint64_t)i << 44, 0};
}

/* Ids whose hashes share one of four home slots, the last one of every array among them. */
static struct id128 id_colliding(size_t i, struct rng *r)
{
    static const uint64_t homes[] = {0x3ff, 0x3fe, 0, 0x200};
    for (;;) {
        struct id128 id = {rng_next(r), rng_next(r)};
        if ((id128_hash(id) >> 32 & 0x3ff) == homes[i % array_len(homes)])
            return id;
    }
}

static void an_empty_table_finds_nothing(void **state)
{
    (void)state;
    struct table t;
    table_init(&t);
    size_t cursor = 0;
    assert_null(table_find(&t, (struct id128){1, 2}));
    assert_null(table_next(&t, &cursor));
    table_done(&t);
}

static void random_comings_and_goings(void **state)
{
    (void)state;
    static struct id128 (*const kinds[])(size_t, struct rng *) = {
        id_like_ours, id_counting, id_counting_high, id_colliding};
    static const size_t counts[] = {20000, 20000, 20000, 400};
    for (size_t k = 0; k < array_len(kinds); k++) {
        struct crowd c = given_crowd(counts[k], kinds[k]);
        struct rng r;
        rng_seed(&r, k);
        for (size_t i = 0; i < counts[k] * 6; i++) {
            /* The crowd grows first, so that every size and every moment of a move occurs. */
            size_t pick = rng_below(&r, counts[k]);
            if (i < counts[k] && c.objects[pick].present)
                continue;
            toggle(&c, &c.objects[pick]);
            if (i % (counts[k] / 30) == 0)
                everything_is_where_it_should_be(&c);
        }
        everything_is_where_it_should_be(&c);
        for (size_t i = 0; i < counts[k]; i++)
            if (c.objects[i].present)
                toggle(&c, &c.objects[i]);
        everything_is_where_it_should_be(&c);
        done(&c);
    }
}

/* While an array is being moved, each single step is checked against everything. */
static void every_step_of_a_growth(void **state)
{
    (void)state;
    struct crowd c = given_crowd(1200, id_colliding);
    bool grew = false;
    for (size_t i = 0; i < 420; i++) {
        toggle(&c, &c.objects[i]);
        grew |= c.table.old_slots != NULL;
        if (i % 3 == 0)
            toggle(&c, &c.objects[i / 2]);
        everything_is_where_it_should_be(&c);
    }
    assert_true(grew);
    done(&c);
}

static void many_accounts_take_little_room(void **state)
{
    (void)state;
    struct crowd c = given_crowd(150000, id_like_ours);
    for (size_t i = 0; i < c.object_count; i++) {
        toggle(&c, &c.objects[i]);
        assert_true(c.table.count * 4 <= c.table.capacity * 3);
    }
    assert_true(c.table.capacity * sizeof *c.table.slots <= 16 * c.object_count);
    assert_null(c.table.old_slots); /* the move ended long before the next one */
    everything_is_where_it_should_be(&c);
    done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_table_finds_nothing),
        cmocka_unit_test(random_comings_and_goings),
        cmocka_unit_test(every_step_of_a_growth),
        cmocka_unit_test(many_accounts_take_little_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
