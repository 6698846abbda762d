/* SPDX-License-Identifier: Apache-2.0 */
/* One conformance suite: what every store promises, run over the embedded and the simulated one. */
#include "tests/unit/store_fixture.h"

#define U64(n) (struct value){.type = VALUE_UINT, .number = (n)}
#define BIG(n) (struct value){.type = VALUE_U128, .big = (n)}
#define ID(n) (struct value){.type = VALUE_ID, .id = {0, (n)}}
#define NONE (struct value){.type = VALUE_NULL}

/* --- journal ---------------------------------------------------------------------------------- */

static void batches_come_back_in_order(void **state)
{
    struct fixture *f = *state;
    struct journal_store *s = f->journal;
    uint64_t epoch = lease(s, 3);
    assert_int_equal(head(s, 3), 0);
    struct batch_row rows[] = {batch(3, 1, epoch, "a"), batch(3, 2, epoch, "b")};
    assert_int_equal(append_rows(s, rows, 2), ERR_OK);
    assert_int_equal(append_one(s, 3, 3, epoch, ""), ERR_OK);
    assert_int_equal(head(s, 3), 3);
    assert_tail(s, 3, 0, "1:a 2:b 3: ");
    assert_tail(s, 3, 2, "2:b 3: ");
    assert_tail(s, 3, 4, "");
    struct seen seen = {{0}, 1, 0};
    assert_int_equal(s->ops->tail(s, 3, 1, see_batch, &seen), ERR_OK);
    assert_string_equal(seen.text, "1:a ");
}

static void shards_do_not_mix(void **state)
{
    struct fixture *f = *state;
    struct journal_store *s = f->journal;
    static const uint16_t shards[] = {0, 1, UINT16_MAX};
    for (size_t i = 0; i < array_len(shards); i++)
        assert_int_equal(append_one(s, shards[i], 1, lease(s, shards[i]), i == 1 ? "b" : "x"),
                         ERR_OK);
    assert_tail(s, 1, 1, "1:b ");
    assert_int_equal(head(s, 0), 1);
    assert_int_equal(head(s, 2), 0);
    assert_int_equal(head(s, UINT16_MAX), 1);
}

static void only_the_lease_holder_appends(void **state)
{
    struct fixture *f = *state;
    struct journal_store *s = f->journal;
    assert_int_equal(append_one(s, 0, 1, 1, "no lease"), ERR_FENCED);
    uint64_t old = lease(s, 0);
    assert_int_equal(append_one(s, 0, 1, old, "a"), ERR_OK);
    uint64_t epoch = lease(s, 0);
    assert_true(epoch > old);
    assert_int_equal(append_one(s, 0, 2, old, "zombie"), ERR_FENCED);
    assert_int_equal(append_one(s, 0, 2, epoch + 1, "future"), ERR_FENCED);
    assert_int_equal(append_one(s, 0, 2, epoch, "b"), ERR_OK);
    assert_int_equal(s->ops->lease_release(s, 0, old), ERR_FENCED);
    assert_int_equal(s->ops->lease_release(s, 0, epoch), ERR_OK);
    assert_int_equal(append_one(s, 0, 3, epoch, "released"), ERR_FENCED);
    assert_true(lease(s, 0) > epoch);
    assert_tail(s, 0, 1, "1:a 2:b ");
}

static void an_append_continues_the_head_or_nothing_is_written(void **state)
{
    struct fixture *f = *state;
    struct journal_store *s = f->journal;
    uint64_t epoch = lease(s, 0);
    assert_int_equal(append_one(s, 0, 2, epoch, "gap"), ERR_FENCED);
    assert_int_equal(append_one(s, 0, 1, epoch, "a"), ERR_OK);
    assert_int_equal(append_one(s, 0, 1, epoch, "again"), ERR_FENCED);
    assert_tail(s, 0, 1, "1:a ");
}

static void a_fenced_shard_is_left_out_of_the_transaction_of_others(void **state)
{
    struct fixture *f = *state;
    struct journal_store *s = f->journal;
    uint64_t old = lease(s, 1), epochs[] = {lease(s, 0), lease(s, 1), lease(s, 2)};
    struct batch_row first[] = {batch(0, 1, epochs[0], "a"), batch(0, 2, epochs[0], "b")};
    struct batch_row zombie = batch(1, 1, old, "z"), last = batch(2, 1, epochs[2], "c");
    struct batch_run runs[] = {{first, 2, 0}, {&zombie, 1, 0}, {&last, 1, 0}};
    s->ops->append(s, runs, 3);
    assert_int_equal(runs[0].result, ERR_OK);
    assert_int_equal(runs[1].result, ERR_FENCED);
    assert_int_equal(runs[2].result, ERR_OK);
    assert_tail(s, 0, 1, "1:a 2:b ");
    assert_tail(s, 1, 1, "");
    assert_tail(s, 2, 1, "1:c ");
    assert_int_equal(append_one(s, 1, 1, epochs[1], "d"), ERR_OK);
}

static void a_cut_takes_the_tail_away(void **state)
{
    struct fixture *f = *state;
    struct journal_store *s = f->journal;
    uint64_t epoch = lease(s, 0), other = lease(s, 1);
    for (uint64_t seq = 1; seq <= 4; seq++)
        assert_int_equal(append_one(s, 0, seq, epoch, "x"), ERR_OK);
    assert_int_equal(append_one(s, 1, 1, other, "y"), ERR_OK);
    assert_int_equal(s->ops->cut(s, 0, epoch + 1, 3), ERR_FENCED);
    assert_int_equal(head(s, 0), 4);
    assert_int_equal(s->ops->cut(s, 0, epoch, 3), ERR_OK);
    assert_tail(s, 0, 1, "1:x 2:x ");
    assert_int_equal(append_one(s, 0, 3, epoch, "z"), ERR_OK);
    assert_tail(s, 0, 3, "3:z ");
    assert_tail(s, 1, 1, "1:y ");
}

static void everything_survives_a_restart(void **state)
{
    struct fixture *f = *state;
    uint64_t epoch = lease(f->journal, 0);
    assert_int_equal(append_one(f->journal, 0, 1, epoch, "a"), ERR_OK);
    assert_int_equal(f->journal->ops->reopen(f->journal), ERR_OK);
    assert_tail(f->journal, 0, 1, "1:a ");
    assert_int_equal(append_one(f->journal, 0, 2, epoch, "b"), ERR_OK);
    assert_int_equal(f->views->ops->begin(f->views), ERR_OK);
    assert_int_equal(put_coin(f->views, 1, 1, 5, "coin", 0), ERR_OK);
    assert_int_equal(commit_at(f->views, 0, 2), ERR_OK);
    fixture_restart(f);
    struct journal_store *journal = f->journal;
    struct view_store *views = f->views;
    assert_tail(journal, 0, 1, "1:a 2:b ");
    assert_true(lease(journal, 0) > epoch);
    struct store_position position;
    assert_int_equal(views->ops->position(views, 0, &position), ERR_OK);
    assert_int_equal(position.seq, 2);
    assert_int_equal(position.time_ns, 20);
    assert_memory_equal(position.hash.bytes, digest_of(2).bytes, SHA256_SIZE);
    struct value key[] = {ID(1), U64(1)};
    struct seen seen = {{0}, 0, 0};
    assert_int_equal(views_get(views, &coins_view, key, see_coin, &seen), ERR_OK);
    assert_string_equal(seen.text, "1:coin ");
    uint64_t journal_bytes = 0, views_bytes = 0;
    assert_int_equal(journal->ops->size(journal, &journal_bytes), ERR_OK);
    assert_int_equal(views->ops->size(views, &views_bytes), ERR_OK);
    assert_true(journal_bytes > 0 && views_bytes > 0);
}

/* --- states ----------------------------------------------------------------------------------- */

static enum err put_state(struct view_store *s, uint16_t kind, uint64_t id, uint64_t due_ns,
                          const char *body)
{
    struct state_row row = {1, kind, {0, id}, due_ns, slice_of(body)};
    return s->ops->put_state(s, &row);
}

static void assert_due(struct view_store *s, uint64_t due_ns_max, const char *expected)
{
    struct seen seen = {{0}, 0, 0};
    assert_int_equal(s->ops->states_due(s, 1, due_ns_max, see_state, &seen), ERR_OK);
    assert_string_equal(seen.text, expected);
}

static void states_are_replaced_and_deleted(void **state)
{
    struct fixture *f = *state;
    struct view_store *s = f->views;
    assert_int_equal(s->ops->begin(s), ERR_OK);
    assert_int_equal(put_state(s, 2, 10, 0, "old"), ERR_OK);
    assert_int_equal(put_state(s, 2, 10, 0, "new"), ERR_OK);
    assert_int_equal(put_state(s, 2, 11, 0, "gone"), ERR_OK);
    assert_int_equal(put_state(s, 2, 11, 0, ""), ERR_OK);
    assert_int_equal(put_state(s, 2, 12, 0, ""), ERR_OK);
    assert_int_equal(put_state(s, 3, 10, 0, "other kind"), ERR_OK);
    assert_int_equal(commit_at(s, 1, 1), ERR_OK);
    struct seen seen = {{0}, 0, 0};
    struct id128 ten = {0, 10}, eleven = {0, 11};
    assert_int_equal(s->ops->state_load(s, 1, 2, ten, see_state, &seen), ERR_OK);
    assert_string_equal(seen.text, "10:new ");
    assert_int_equal(s->ops->state_load(s, 1, 2, eleven, see_state, &seen), ERR_NOT_FOUND);
    assert_int_equal(s->ops->state_load(s, 0, 2, ten, see_state, &seen), ERR_NOT_FOUND);
}

static void states_of_a_kind_come_in_id_order(void **state)
{
    struct fixture *f = *state;
    struct view_store *s = f->views;
    assert_int_equal(s->ops->begin(s), ERR_OK);
    for (uint64_t id = 4; id > 0; id--)
        assert_int_equal(put_state(s, 2, id, 0, "s"), ERR_OK);
    assert_int_equal(commit_at(s, 1, 1), ERR_OK);
    struct seen seen = {{0}, 2, 0};
    assert_int_equal(s->ops->states_each(s, 1, 2, (struct id128){0, 1}, see_state, &seen), ERR_OK);
    assert_string_equal(seen.text, "2:s 3:s ");
}

static void deadlines_come_soonest_first(void **state)
{
    struct fixture *f = *state;
    struct view_store *s = f->views;
    assert_int_equal(s->ops->begin(s), ERR_OK);
    assert_int_equal(put_state(s, 2, 1, 300, "c"), ERR_OK);
    assert_int_equal(put_state(s, 3, 2, 100, "a"), ERR_OK);
    assert_int_equal(put_state(s, 2, 3, 200, "b"), ERR_OK);
    assert_int_equal(put_state(s, 2, 4, 0, "never"), ERR_OK);
    assert_int_equal(put_state(s, 2, 5, 200, "b2"), ERR_OK);
    assert_int_equal(put_state(s, 2, 6, (uint64_t)INT64_MAX + 1, "late"), ERR_TOO_LARGE);
    assert_int_equal(commit_at(s, 1, 1), ERR_OK);
    assert_due(s, 99, "");
    assert_due(s, 200, "2:a 3:b 5:b2 ");
    assert_due(s, UINT64_MAX, "2:a 3:b 5:b2 1:c ");
    assert_int_equal(s->ops->begin(s), ERR_OK);
    assert_int_equal(put_state(s, 3, 2, 0, "done"), ERR_OK);
    assert_int_equal(commit_at(s, 1, 2), ERR_OK);
    assert_due(s, 200, "3:b 5:b2 ");
}

/* --- views ------------------------------------------------------------------------------------ */

#define BIG_63 ((u128)1 << 63)
#define BIG_64 ((u128)1 << 64)

/* Owner 1 has amounts around the border between INTEGER and BLOB, twice the same one. */
static void put_coins(struct view_store *s)
{
    assert_int_equal(s->ops->begin(s), ERR_OK);
    assert_int_equal(put_coin(s, 1, 1, U128_MAX, "max", 7), ERR_OK);
    assert_int_equal(put_coin(s, 1, 2, BIG_63, "2^63", 0), ERR_OK);
    assert_int_equal(put_coin(s, 1, 3, BIG_63 - 1, "2^63-1", 7), ERR_OK);
    assert_int_equal(put_coin(s, 1, 4, 0, "zero", 0), ERR_OK);
    assert_int_equal(put_coin(s, 1, 5, BIG_64, "2^64", 0), ERR_OK);
    assert_int_equal(put_coin(s, 1, 6, BIG_63, "2^63b", 8), ERR_OK);
    assert_int_equal(put_coin(s, 2, 1, 9, "other", 0), ERR_OK);
    assert_int_equal(commit_at(s, 0, 1), ERR_OK);
}

static void assert_scan(struct view_store *s, const struct view_scan *q, const char *expected)
{
    struct seen seen = {{0}, 0, 0};
    assert_int_equal(views_scan(s, q, see_coin, &seen), ERR_OK);
    assert_string_equal(seen.text, expected);
}

static void an_index_orders_amounts_of_any_size(void **state)
{
    struct fixture *f = *state;
    put_coins(f->views);
    struct value owner = ID(1);
    struct view_scan q = {&coins_view, &coin_indexes[COIN_BY_AMOUNT], &owner, 1, NULL, 0, false,
                          100};
    assert_scan(f->views, &q, "4:zero 3:2^63-1 2:2^63 6:2^63b 5:2^64 1:max ");
    q.descending = true;
    assert_scan(f->views, &q, "1:max 5:2^64 6:2^63b 2:2^63 3:2^63-1 4:zero ");
    q.limit = 2;
    assert_scan(f->views, &q, "1:max 5:2^64 ");
}

static void a_cursor_goes_on_after_any_row(void **state)
{
    struct fixture *f = *state;
    put_coins(f->views);
    struct value owner = ID(1);
    /* amount, then place: the rest of the primary key */
    struct value from[] = {BIG(BIG_63), U64(2)};
    struct view_scan q = {&coins_view, &coin_indexes[COIN_BY_AMOUNT], &owner, 1, from, 2, false,
                          100};
    assert_scan(f->views, &q, "6:2^63b 5:2^64 1:max ");
    q.descending = true;
    assert_scan(f->views, &q, "3:2^63-1 4:zero ");
    q.from_count = 1; /* beyond all rows of that amount */
    assert_scan(f->views, &q, "3:2^63-1 4:zero ");
    q.descending = false;
    assert_scan(f->views, &q, "5:2^64 1:max ");
    from[0] = BIG(U128_MAX);
    assert_scan(f->views, &q, "");
}

static void a_key_walk_crosses_owners_without_prefix(void **state)
{
    struct fixture *f = *state;
    put_coins(f->views);
    struct value from[] = {ID(1), U64(5)};
    struct view_scan q = {&coins_view, &coins_view.key, NULL, 0, from, 2, false, 100};
    assert_scan(f->views, &q, "6:2^63b 1:other ");
    q.descending = true;
    assert_scan(f->views, &q, "4:zero 3:2^63-1 2:2^63 1:max ");
    q.from = NULL;
    q.from_count = 0;
    q.limit = 2;
    assert_scan(f->views, &q, "1:other 6:2^63b ");
    struct value full[] = {ID(1), U64(3)};
    struct view_scan one = {&coins_view, &coins_view.key, full, 2, NULL, 0, false, 100};
    assert_scan(f->views, &one, "3:2^63-1 ");
}

/* by_parent orders by parent, owner, place; rows without a parent come first. */
static void absent_values_sort_first_and_are_reached(void **state)
{
    struct fixture *f = *state;
    put_coins(f->views);
    struct view_scan q = {&coins_view, &coin_indexes[COIN_BY_PARENT], NULL, 0, NULL, 0, false,
                          100};
    assert_scan(f->views, &q, "2:2^63 4:zero 5:2^64 1:other 1:max 3:2^63-1 6:2^63b ");
    struct value after_four[] = {NONE, ID(1), U64(4)};
    q.from = after_four;
    q.from_count = 3;
    assert_scan(f->views, &q, "5:2^64 1:other 1:max 3:2^63-1 6:2^63b ");
    q.descending = true;
    assert_scan(f->views, &q, "2:2^63 ");
    struct value before_three[] = {ID(7), ID(1), U64(3)};
    q.from = before_three;
    assert_scan(f->views, &q, "1:max 1:other 5:2^64 4:zero 2:2^63 ");
    struct value none = NONE;
    struct view_scan orphans = {&coins_view, &coin_indexes[COIN_BY_PARENT], &none, 1, NULL, 0,
                                false, 100};
    assert_scan(f->views, &orphans, "2:2^63 4:zero 5:2^64 1:other ");
}

static void numbers_beyond_a_column_are_refused(void **state)
{
    struct fixture *f = *state;
    struct view_store *s = f->views;
    struct value from[] = {ID(1), U64(UINT64_MAX)};
    struct view_scan q = {&coins_view, &coins_view.key, NULL, 0, from, 2, false, 100};
    struct seen seen = {{0}, 0, 0};
    assert_int_equal(views_scan(s, &q, see_coin, &seen), ERR_TOO_LARGE);
    assert_int_equal(views_get(s, &coins_view, from, see_coin, &seen), ERR_TOO_LARGE);
    assert_int_equal(s->ops->begin(s), ERR_OK);
    assert_int_equal(put_coin(s, 1, UINT64_MAX, 1, "far", 0), ERR_TOO_LARGE);
    assert_int_equal(put_coin(s, 1, INT64_MAX, 1, "edge", 0), ERR_OK);
    assert_int_equal(commit_at(s, 0, 1), ERR_OK);
}

struct nested {
    struct view_store *views;
    struct seen seen;
};

static bool see_nested(void *context, const struct value *row)
{
    struct nested *n = context;
    struct value owner = row[COIN_OWNER];
    struct view_scan q = {&coins_view, &coin_indexes[COIN_BY_AMOUNT], &owner, 1, NULL, 0, false,
                          1};
    assert_int_equal(views_scan(n->views, &q, see_coin, &n->seen), ERR_OK);
    return n->seen.count < 2;
}

static void a_walk_may_walk(void **state)
{
    struct fixture *f = *state;
    put_coins(f->views);
    struct value owner = ID(1);
    struct view_scan q = {&coins_view, &coin_indexes[COIN_BY_AMOUNT], &owner, 1, NULL, 0, false,
                          100};
    struct nested n = {.views = f->views};
    assert_int_equal(f->views->ops->begin(f->views), ERR_OK); /* on the writer's connection */
    assert_int_equal(views_scan(f->views, &q, see_nested, &n), ERR_OK);
    f->views->ops->rollback(f->views);
    assert_int_equal(views_scan(f->views, &q, see_nested, &n), ERR_OK);
    assert_string_equal(n.seen.text, "4:zero 4:zero 4:zero ");
}

static void the_projector_sees_its_own_rows_and_takes_them_back(void **state)
{
    struct fixture *f = *state;
    struct view_store *s = f->views;
    put_coins(s);
    struct value key[] = {ID(1), U64(4)}, absent[] = {ID(1), U64(99)};
    assert_int_equal(s->ops->begin(s), ERR_OK);
    assert_int_equal(put_coin(s, 1, 4, 1, "changed", 5), ERR_OK);
    assert_int_equal(s->ops->delete_row(s, &coins_view, absent), ERR_OK);
    assert_int_equal(put_state(s, 2, 1, 50, "state"), ERR_OK);
    struct seen seen = {{0}, 0, 0};
    assert_int_equal(views_get(s, &coins_view, key, see_coin, &seen), ERR_OK);
    assert_int_equal(s->ops->delete_row(s, &coins_view, key), ERR_OK);
    assert_int_equal(views_get(s, &coins_view, key, see_coin, &seen), ERR_NOT_FOUND);
    s->ops->rollback(s);
    assert_int_equal(views_get(s, &coins_view, key, see_coin, &seen), ERR_OK);
    assert_string_equal(seen.text, "4:changed 4:zero ");
    assert_due(s, 100, "");
    assert_int_equal(views_seq(s, 0), 1);
    struct value owner = ID(1);
    struct view_scan q = {&coins_view, &coin_indexes[COIN_BY_AMOUNT], &owner, 1, NULL, 0, false,
                          1};
    assert_scan(s, &q, "4:zero ");
}

static void dropped_views_begin_at_nothing(void **state)
{
    struct fixture *f = *state;
    struct journal_store *journal = f->journal;
    struct view_store *views = f->views;
    assert_int_equal(append_one(journal, 0, 1, lease(journal, 0), "kept"), ERR_OK);
    put_coins(views);
    assert_int_equal(views->ops->begin(views), ERR_OK);
    assert_int_equal(put_state(views, 2, 1, 50, "state"), ERR_OK);
    assert_int_equal(commit_at(views, 1, 4), ERR_OK);
    assert_int_equal(views->ops->drop(views), ERR_OK);
    assert_int_equal(views_seq(views, 0), 0);
    assert_int_equal(views_seq(views, 1), 0);
    assert_due(views, 100, "");
    struct view_scan q = {&coins_view, &coins_view.key, NULL, 0, NULL, 0, false, 10};
    assert_scan(views, &q, "");
    assert_tail(journal, 0, 1, "1:kept ");
    put_coins(views);
    assert_int_equal(views_seq(views, 0), 1);
}

/* --- both stores give the same answers to the same random history ----------------------------- */

static void random_scan(struct rng *r, struct view_store *one, struct view_store *two)
{
    struct value prefix[] = {ID(rng_below(r, 3) + 1)};
    struct value from[] = {BIG((u128)rng_below(r, 4) << 62), U64(rng_below(r, 40))};
    struct view_scan q = {
        &coins_view, &coin_indexes[COIN_BY_AMOUNT], prefix, 1, NULL, 0, rng_below(r, 2) == 0,
        (uint32_t)rng_below(r, 20) + 1,
    };
    q.from_count = (uint8_t)rng_below(r, 3);
    q.from = q.from_count > 0 ? from : NULL;
    struct value parent[] = {ID(rng_below(r, 3)), ID(rng_below(r, 4)), U64(rng_below(r, 40))};
    if (rng_below(r, 2) == 0) {
        q.index = &coin_indexes[COIN_BY_PARENT];
        q.prefix_count = 0;
        q.from_count = (uint8_t)rng_below(r, 4);
        q.from = q.from_count > 0 ? parent : NULL;
        if (rng_below(r, 2) == 0)
            parent[0] = NONE;
    }
    struct seen a = {{0}, 0, 0}, b = {{0}, 0, 0};
    assert_int_equal(views_scan(one, &q, see_coin, &a), ERR_OK);
    assert_int_equal(views_scan(two, &q, see_coin, &b), ERR_OK);
    assert_string_equal(a.text, b.text);
}

static void random_write(struct rng *r, struct view_store *one, struct view_store *two)
{
    struct view_store *stores[] = {one, two};
    uint64_t owner = rng_below(r, 3) + 1, place = rng_below(r, 40), parent = rng_below(r, 3);
    u128 amount = (u128)rng_below(r, 4) << 62;
    char name[8];
    snprintf(name, sizeof name, "n%u", (unsigned)rng_below(r, 1000));
    bool put = rng_below(r, 4) > 0;
    for (size_t i = 0; i < array_len(stores); i++) {
        struct value key[] = {ID(owner), U64(place)};
        enum err e = put ? put_coin(stores[i], owner, place, amount, name, parent)
                         : stores[i]->ops->delete_row(stores[i], &coins_view, key);
        assert_int_equal(e, ERR_OK);
    }
}

static void both_stores_agree(void **state)
{
    (void)state;
    void *real = NULL, *simulated = NULL;
    fixture_sqlite(&real);
    fixture_sim(&simulated);
    struct view_store *one = ((struct fixture *)real)->views;
    struct view_store *two = ((struct fixture *)simulated)->views;
    struct rng r;
    rng_seed(&r, 1);
    for (uint64_t seq = 1; seq <= 60; seq++) {
        assert_int_equal(one->ops->begin(one), ERR_OK);
        assert_int_equal(two->ops->begin(two), ERR_OK);
        for (uint64_t n = rng_below(&r, 10); n > 0; n--)
            random_write(&r, one, two);
        if (rng_below(&r, 4) == 0) {
            one->ops->rollback(one);
            two->ops->rollback(two);
        } else {
            assert_int_equal(commit_at(one, 0, seq), ERR_OK);
            assert_int_equal(commit_at(two, 0, seq), ERR_OK);
        }
        for (int n = 0; n < 20; n++)
            random_scan(&r, one, two);
    }
    fixture_done(&real);
    fixture_done(&simulated);
}

#define SIMULATED(test)                                                                            \
    {                                                                                              \
        "simulated: " #test, test, fixture_sim, fixture_done, NULL                                 \
    }
#define BOTH(test) {"sqlite: " #test, test, fixture_sqlite, fixture_done, NULL}, SIMULATED(test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(batches_come_back_in_order),
        BOTH(shards_do_not_mix),
        BOTH(only_the_lease_holder_appends),
        BOTH(a_fenced_shard_is_left_out_of_the_transaction_of_others),
        BOTH(an_append_continues_the_head_or_nothing_is_written),
        SIMULATED(a_cut_takes_the_tail_away),
        BOTH(everything_survives_a_restart),
        BOTH(states_are_replaced_and_deleted),
        BOTH(states_of_a_kind_come_in_id_order),
        BOTH(deadlines_come_soonest_first),
        BOTH(an_index_orders_amounts_of_any_size),
        BOTH(a_cursor_goes_on_after_any_row),
        BOTH(a_key_walk_crosses_owners_without_prefix),
        BOTH(absent_values_sort_first_and_are_reached),
        BOTH(numbers_beyond_a_column_are_refused),
        BOTH(a_walk_may_walk),
        BOTH(the_projector_sees_its_own_rows_and_takes_them_back),
        BOTH(dropped_views_begin_at_nothing),
        cmocka_unit_test(both_stores_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
