/* SPDX-License-Identifier: Apache-2.0 */
/* What shards have taken from each other is what was sent, as far as `ledger verify` sees it. */
#include "tests/unit/purses_fixture.h"

#include "runtime/projector/marks.h"
#include "runtime/projector/verify.h"

/* Gifts between all shards and one to all; some of them are parked. */
static void send_some(struct scene *s)
{
    uint64_t key = 0;
    curse = true;
    run(s, 50 * MS);
    for (uint16_t from = 0; from < SHARDS; from++)
        for (uint16_t to = 0; to < SHARDS; to++)
            for (uint64_t i = 0; i < PURSES; i++) {
                give(s, purse_id(from, 0), purse_id(to, i), 1, ++key);
                run(s, MS);
            }
    ask(s, &cheer_type, purse_id(1, 0), purse_id(0, 1), 10, ++key);
    run(s, 100 * MS);
}

struct change { /* of what a shard has taken from another */
    uint16_t to, from;
    uint64_t n, place_by, hash_by;
};

struct walk {
    struct marks *marks;
    const struct change *change;
    uint16_t shard;
};

static bool take_batch(void *context, const struct batch_row *row)
{
    struct walk *w = context;
    const struct change *c = w->change;
    struct record_reader at;
    enum record_part part;
    record_reader_init(&at, row->body);
    while ((part = record_next(&at)) != RECORD_DONE) {
        struct record_taken taken = at.taken;
        if (part == RECORD_TAKEN && c->to == w->shard && taken.from == c->from && !taken.to_all &&
            taken.n == c->n) {
            taken.place += c->place_by;
            taken.hash += c->hash_by;
        }
        if (part == RECORD_TAKEN)
            marks_taken(w->marks, w->shard, &taken);
    }
    return true;
}

/* As the journals have it, but for the change. */
static void take_all(struct scene *s, struct marks *m, const struct change *change)
{
    struct journal_store *store = store_sim_journal(s->sim);
    for (uint16_t i = 0; i < SHARDS; i++) {
        struct walk w = {m, change, i};
        assert_int_equal(store->ops->tail(store, i, 1, take_batch, &w), ERR_OK);
    }
}

static void verify_all(struct scene *s, struct marks *m)
{
    struct verify *v = malloc(sizeof *v);
    for (uint16_t i = 0; i < SHARDS; i++) {
        verify_init(v, &s->domain, store_sim_journal(s->sim), i, m);
        while (verify_step(v, 10))
            continue;
        assert_null(v->problem);
        verify_done(v);
    }
    free(v);
}

static void compare(struct marks *m, uint64_t most)
{
    while (marks_step(m, SHARDS, most))
        assert_true(m->shard < SHARDS);
}

static void journals_that_agree_hold(void **state)
{
    static const uint64_t steps[] = {1, 2, 7, 100000};
    struct scene *s = *state;
    send_some(s);
    for (size_t i = 0; i < array_len(steps); i++) {
        struct marks m;
        marks_init(&m, store_sim_journal(s->sim));
        verify_all(s, &m);
        assert_int_equal(m.streams.count, SHARDS * SHARDS + SHARDS);
        compare(&m, steps[i]);
        assert_string_equal(m.reason, "");
        assert_false(m.failed);
        marks_done(&m);
    }
}

static void a_receiver_may_be_behind(void **state)
{
    struct scene *s = *state;
    send_some(s);
    s->lose_ppm = 1000000;
    give(s, purse_id(0, 0), purse_id(1, 0), 1, 1000);
    run(s, 50 * MS);
    assert_true(stream_of(s, 0, 1)->sent.n > stream_of(s, 1, 0)->taken.n);
    struct marks m;
    marks_init(&m, store_sim_journal(s->sim));
    verify_all(s, &m);
    compare(&m, 10);
    assert_false(m.failed);
    marks_done(&m);
}

static void a_mark_that_is_not_the_sends_is_found(void **state)
{
    static const struct change changes[] = {
        {.to = 1, .from = 0, .n = 1, .hash_by = 1},
        {.to = 1, .from = 0, .n = 3, .place_by = 1},
        {.to = 2, .from = 2, .n = 4, .hash_by = 1},
        {.to = 0, .from = 2, .n = 2, .hash_by = (uint64_t)1 << 63},
    };
    struct scene *s = *state;
    send_some(s);
    for (size_t i = 0; i < array_len(changes); i++) {
        char both[64];
        struct marks m;
        marks_init(&m, store_sim_journal(s->sim));
        take_all(s, &m, &changes[i]);
        compare(&m, 3);
        assert_true(m.failed);
        snprintf(both, sizeof both, "shard %u has taken ", changes[i].to);
        assert_non_null(strstr(m.reason, both));
        snprintf(both, sizeof both, " sends of shard %u, ", changes[i].from);
        assert_non_null(strstr(m.reason, both));
        assert_non_null(strstr(m.reason, "those that stand there are others"));
        assert_int_equal(m.receiver, changes[i].to);
        marks_done(&m);
    }
}

static void a_sender_that_has_lost_its_end_is_found(void **state)
{
    struct scene *s = *state;
    send_some(s);
    uint64_t last = position_seq(stream_of(s, 0, 1)->sent.place);
    kill_node(s);
    store_sim_restore(s->sim, 0, last - 1);
    struct marks m;
    marks_init(&m, store_sim_journal(s->sim));
    verify_all(s, &m);
    compare(&m, 10);
    assert_true(m.failed);
    assert_non_null(strstr(m.reason, "of shard 0, "));
    assert_non_null(strstr(m.reason, " stand there"));
    marks_done(&m);
    start(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(journals_that_agree_hold),
        CASE(a_receiver_may_be_behind),
        CASE(a_mark_that_is_not_the_sends_is_found),
        CASE(a_sender_that_has_lost_its_end_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
