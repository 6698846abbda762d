/* SPDX-License-Identifier: Apache-2.0 */
/* Sends between the shards of a node, over a transport that loses and repeats frames, with shards
 * that recover and a process that dies at any moment. */
#include "tests/unit/purses_fixture.h"

#include "runtime/sends/open_ask.h"

static void a_gift_is_answered_when_the_thanks_are_there(void **state)
{
    struct scene *s = *state;
    run(s, 50 * MS);
    struct giver *over = give(s, purse_id(0, 0), purse_id(1, 0), 10, 1);
    struct giver *at_home = give(s, purse_id(2, 0), purse_id(2, 1), 20, 2);
    run(s, MS / 4);
    assert_false(over->answered);
    run(s, 50 * MS);
    assert_true(over->answered && at_home->answered);
    assert_int_equal(over->message.code, ERR_OK);
    assert_int_equal(over->message.version, 7);
    assert_int_equal(look(s, purse_id(0, 0)).coins, COINS - 10);
    assert_int_equal(look(s, purse_id(1, 0)).coins, COINS + 10);
    assert_int_equal(look(s, purse_id(2, 1)).coins, COINS + 20);
    assert_int_equal(stream_of(s, 0, 1)->sent.n, 1);
    assert_int_equal(stream_of(s, 1, 0)->taken.n, 1);
    assert_int_equal(stream_of(s, 1, 0)->taken.place, stream_of(s, 0, 1)->sent.place);
}

static void who_asks_again_waits_for_the_same_outcome(void **state)
{
    struct scene *s = *state;
    s->lose_ppm = 1000000; /* nothing gets through */
    run(s, 50 * MS);
    struct giver *first = give(s, purse_id(0, 0), purse_id(1, 0), 10, 1);
    run(s, 10 * MS);
    struct giver *again = give(s, purse_id(0, 0), purse_id(1, 0), 10, 1);
    struct giver *other = give(s, purse_id(0, 0), purse_id(1, 0), 11, 1);
    run(s, 10 * MS);
    assert_true(!first->answered && !again->answered && other->answered);
    assert_int_equal(other->message.code, ERR_KEY_REUSED);
    s->lose_ppm = 0;
    run(s, 20 * NS_PER_S);
    assert_true(first->answered && again->answered);
    assert_int_equal(again->message.code, ERR_OK);
    struct giver *late = give(s, purse_id(0, 0), purse_id(1, 0), 10, 1);
    run(s, 10 * MS);
    assert_true(late->answered && late->message.replayed);
    assert_int_equal(look(s, purse_id(0, 0)).given, 1);
}

static void an_ask_outlives_the_process(void **state)
{
    struct scene *s = *state;
    s->lose_ppm = 1000000;
    run(s, 50 * MS);
    give(s, purse_id(0, 0), purse_id(1, 0), 10, 1);
    run(s, 50 * MS);
    kill_node(s);
    start(s);
    run(s, 50 * MS);
    struct giver *again = give(s, purse_id(0, 0), purse_id(1, 0), 10, 1);
    run(s, 50 * MS);
    assert_false(again->answered);
    s->lose_ppm = 0;
    run(s, 20 * NS_PER_S);
    assert_true(again->answered);
    assert_int_equal(again->message.code, ERR_OK);
    assert_int_equal(look(s, purse_id(0, 0)).given, 1);
    assert_int_equal(look(s, purse_id(1, 0)).got, 1);
}

static uint32_t open_asks(struct scene *s, uint16_t shard)
{
    uint32_t count = 0;
    size_t cursor = 0;
    const struct registry *r = &shard_set_shard(s->set, shard)->registry;
    struct table_entry *e;
    while ((e = table_next(&r->actors[KIND_OPEN_ASK], &cursor)) != NULL)
        count += (actor_of_entry(e)->flags & ACTOR_EXISTS) != 0;
    return count;
}

static void an_ask_that_has_its_answer_is_closed_after_a_restart_too(void **state)
{
    struct scene *s = *state;
    s->lose_ppm = 1000000;
    run(s, 50 * MS);
    struct giver *g = give(s, purse_id(0, 0), purse_id(1, 0), 10, 1);
    run(s, NS_PER_S); /* the views have it */
    assert_int_equal(open_asks(s, 0), 1);
    s->lose_ppm = 0;
    run(s, 20 * NS_PER_S);
    assert_true(g->answered);
    for (int restart = 0; restart < 2; restart++) {
        assert_int_equal(open_asks(s, 0), 0);
        kill_node(s);
        start(s);
        run(s, NS_PER_S);
    }
}

static void a_deadline_says_that_the_work_goes_on(void **state)
{
    struct scene *s = *state;
    s->lose_ppm = 1000000;
    run(s, 50 * MS);
    struct giver *g = give(s, purse_id(0, 0), purse_id(1, 0), 10, 1);
    g->message.deadline_ns = s->world.now_ns + 300 * MS;
    run(s, NS_PER_S);
    assert_true(g->answered);
    assert_int_equal(g->message.code, ERR_OUTCOME_PENDING);
    assert_true(g->message.retry_after_ms > 0);
}

static void what_fails_is_parked_and_the_stream_goes_on(void **state)
{
    struct scene *s = *state;
    struct id128 target = purse_id(1, CURSED);
    curse = true;
    run(s, 50 * MS);
    struct giver *failing = give(s, purse_id(0, 0), target, 10, 1);
    struct giver *behind = give(s, purse_id(0, 1), target, 20, 2);
    struct giver *other = give(s, purse_id(0, 0), purse_id(1, 0), 30, 3);
    run(s, 100 * MS);
    assert_true(!failing->answered && !behind->answered && other->answered);
    const struct parked *p = peek(s, KIND_PARKED, parked_id(0, false, 1), 1);
    const struct parked_queue *queue =
        parked_queue_find(&shard_set_shard(s->set, 1)->registry, PURSE, target);
    assert_non_null(p);
    assert_true(slice_equal(p->reason, slice_of("cursed")));
    assert_true(p->sent_ns > 0);
    assert_in_range(p->parked_ns, p->sent_ns + 1, env_wall_ns(&s->world.loop.env));
    assert_int_equal(queue->count, 2);
    assert_int_equal(stream_of(s, 1, 0)->taken.n, 3);
    assert_null(peek(s, PURSE, target, 1));
    kill_node(s);
    start(s);
    run(s, 100 * MS);
    assert_non_null(peek(s, KIND_PARKED, parked_id(0, false, 2), 1));
}

/* Its journal is shorter than what another shard has taken. */
/* The store may fail for long: it is not asked without end meanwhile. */
static void a_target_that_cannot_be_read_is_looked_for_with_pauses(void **state)
{
    struct scene *s = *state;
    run(s, 50 * MS);
    give(s, purse_id(0, 0), purse_id(1, 0), 10, 1);
    run(s, NS_PER_S); /* the views have it */
    kill_node(s);
    start(s);
    run(s, 50 * MS);
    give(s, purse_id(0, 0), purse_id(0, 1), 10, 2); /* the giver is in memory */
    run(s, 50 * MS);
    store_sim_set_faults(s->sim, &(struct store_sim_faults){.read_io_ppm = 1000000});
    const uint64_t before = store_sim_counts(s->sim)->met[STORE_SIM_READ_IO];
    struct giver *over = give(s, purse_id(0, 0), purse_id(1, 0), 10, 3);
    run(s, 5 * NS_PER_S);
    assert_false(over->answered);
    assert_in_range(store_sim_counts(s->sim)->met[STORE_SIM_READ_IO] - before, 5, 40);
    store_sim_set_faults(s->sim, &(struct store_sim_faults){0});
    run(s, 2 * NS_PER_S);
    assert_true(over->answered);
    assert_int_equal(over->message.code, ERR_OK);
    assert_int_equal(look(s, purse_id(1, 0)).coins, COINS + 20);
}

static void a_sender_that_lost_its_end_stops(void **state)
{
    struct scene *s = *state;
    run(s, 50 * MS);
    give(s, purse_id(0, 0), purse_id(1, 0), 10, 1);
    run(s, 100 * MS);
    uint64_t last = position_seq(stream_of(s, 0, 1)->sent.place), head = 0;
    struct journal_store *store = store_sim_journal(s->sim);
    assert_int_equal(store->ops->head(store, 0, &head), ERR_OK);
    kill_node(s);
    assert_true(head >= last);
    store_sim_restore(s->sim, 0, last - 1);
    start(s);
    run(s, NS_PER_S);
    assert_int_equal(s->stopped, 1);
    assert_non_null(strstr(s->reason, "shard 1 has taken send 1 of shard 0"));
}

/* --- as operators see it ---------------------------------------------------------------------- */

static struct stream_stats stats_of(struct scene *s, uint16_t from, uint16_t to)
{
    struct stream_stats all[2 * SHARDS];
    shard_get_stream_stats(shard_set_shard(s->set, from), all);
    return all[2 * to];
}

static uint64_t shut_at(struct scene *s, uint16_t shard)
{
    struct shard_stats stats;
    shard_get_stats(shard_set_shard(s->set, shard), &stats);
    return stats.streams_shut;
}

static void a_stream_tells_how_far_it_has_come(void **state)
{
    struct scene *s = *state;
    run(s, 50 * MS);
    give(s, purse_id(0, 0), purse_id(1, 0), 10, 1);
    run(s, 100 * MS);
    struct stream_stats there = stats_of(s, 0, 1), back = stats_of(s, 1, 0);
    assert_true(there.sent == 1 && there.delivered == 1 && there.confirmed == 1);
    assert_true(there.waited_ns == 0 && !there.shut && there.openings > 0);
    assert_true(back.taken == 1 && back.sent == 1);
    s->lose_ppm = 1000000;
    give(s, purse_id(0, 0), purse_id(1, 0), 10, 2);
    give(s, purse_id(0, 1), purse_id(1, 0), 10, 3);
    run(s, 5 * NS_PER_S);
    there = stats_of(s, 0, 1);
    assert_true(there.sent == 3 && there.delivered == 3 && there.confirmed == 1);
    assert_int_equal(stream_stats_outstanding(&there), 2);
    assert_true(there.waited_ns > 4 * NS_PER_S && there.waited_ns < 6 * NS_PER_S && !there.shut);
}

static void one_that_does_not_move_is_shut_until_it_does(void **state)
{
    struct scene *s = *state;
    run(s, 50 * MS);
    assert_int_equal(shut_at(s, 0), 0);
    s->lose_ppm = 1000000;
    give(s, purse_id(0, 0), purse_id(1, 0), 10, 1);
    run(s, STREAM_LAG_MAX_NS + NS_PER_S);
    struct streams *streams = &shard_set_shard(s->set, 0)->streams;
    assert_true(stats_of(s, 0, 1).shut && shut_at(s, 0) == 1);
    assert_true(!streams_may_open(streams, 1) && streams_may_open(streams, 2));
    assert_int_equal(stats_of(s, 0, 1).refused, 1);
    s->lose_ppm = 0;
    run(s, 10 * NS_PER_S);
    assert_true(streams_may_open(streams, 1) && shut_at(s, 0) == 0);
    assert_int_equal(stats_of(s, 0, 1).confirmed, 1);
    assert_int_equal(stats_of(s, 0, 1).refused, 1);
}

/* Nobody is out of reach for having just started; who stays so is told of. */
static void one_that_was_never_agreed_on_is_shut_after_a_while(void **state)
{
    struct scene *s = *state;
    s->lose_ppm = 1000000;
    run(s, NS_PER_S);
    assert_true(stats_of(s, 0, 1).shut && shut_at(s, 0) == 0);
    run(s, STREAM_LAG_MAX_NS);
    assert_int_equal(shut_at(s, 0), SHARDS);
    assert_int_equal(stats_of(s, 0, 1).openings, 0);
}

/* The journal says from which on nothing need be looked for. */
static void a_restart_knows_what_was_confirmed_long_ago(void **state)
{
    struct scene *s = *state;
    run(s, 50 * MS);
    for (uint64_t key = 1; key <= STREAM_UNTAKEN_STEP + 20; key++) {
        s->giver_count = 0;
        struct giver *g = give(s, purse_id(0, key % 3), purse_id(1, 0), 1, key);
        run(s, 20 * MS);
        assert_true(g->answered);
        wire_writer_done(&g->message.reply);
        s->giver_count = 0;
    }
    uint64_t sent = stats_of(s, 0, 1).sent;
    assert_int_equal(stats_of(s, 0, 1).confirmed, sent);
    kill_node(s);
    s->lose_ppm = 1000000;
    start(s);
    run(s, NS_PER_S);
    struct stream_stats there = stats_of(s, 0, 1);
    assert_int_equal(there.sent, sent);
    assert_true(there.confirmed >= STREAM_UNTAKEN_STEP && there.confirmed < sent);
    assert_int_equal(there.delivered, there.confirmed);
}

/* However long ago that was, its place need not be read. */
static void what_is_taken_to_the_last_is_known_to_fit(void **state)
{
    struct scene *s = *state;
    run(s, 50 * MS);
    give(s, purse_id(0, 0), purse_id(1, 0), 1, 1);
    run(s, 50 * MS);
    kill_node(s);
    start(s);
    run(s, 50 * MS);
    const struct outgoing *o = &shard_set_shard(s->set, 0)->streams.pairs[1].outgoing[0];
    assert_true(o->opened && !o->verify);
    assert_int_equal(o->known.place, stream_of(s, 0, 1)->sent.place);
    struct giver *g = give(s, purse_id(0, 0), purse_id(1, 0), 1, 2);
    run(s, 10 * MS);
    assert_true(g->answered);
}

/* --- stored states ---------------------------------------------------------------------------- */

/* As it was written it is read; of another format, or cut, it is damage. */
static void expect_strict(struct scene *s, const struct actor_kind *kind, const void *state)
{
    struct registry *r = &shard_set_shard(s->set, 0)->registry;
    struct wire_writer w;
    struct wire_reader from;
    char *read = calloc(1, kind->state_size);
    assert_non_null(read);
    wire_writer_init(&w, 1000);
    kind->codec->write(&w, state);
    assert_false(w.failed);
    char *bytes = (char *)(uintptr_t)wire_written(&w).data;
    const uint32_t len = wire_written(&w).len;
    wire_reader_init(&from, bytes, len);
    assert_true(kind->codec->read(r, &from, read));
    assert_memory_equal(read, state, kind->state_size);
    for (uint32_t cut = 1; cut <= len; cut++) {
        wire_reader_init(&from, bytes, len - cut);
        assert_false(kind->codec->read(r, &from, read));
    }
    bytes[1]++; /* the format, behind the number of parts */
    wire_reader_init(&from, bytes, len);
    assert_false(kind->codec->read(r, &from, read));
    wire_writer_done(&w);
    free(read);
}

static void states_of_another_format_are_damage(void **state)
{
    struct scene *s = *state;
    const struct stream stream = {
        .sent = {9, 8, 7}, .taken = {6, 5, 4}, .untaken_n = 3, .untaken_place = 2};
    const struct open_ask ask = {.opened_ns = 1, .fingerprint = {2, 3}};
    const struct parked_queue queue = {.first = {1, 2}, .last = {3, 4}, .count = 5};
    run(s, 50 * MS);
    expect_strict(s, &stream_kind, &stream);
    expect_strict(s, &open_ask_kind, &ask);
    expect_strict(s, &parked_queue_kind, &queue);
}

static void a_parked_send_of_any_kind_and_type_is_read(void **state)
{
    struct scene *s = *state;
    const struct parked written = {.kind = KIND_MAX - 1, .type = DOMAIN_NUMBER_MAX - 1};
    struct parked read = {0};
    struct wire_writer w;
    struct wire_reader from;
    run(s, 50 * MS);
    wire_writer_init(&w, 1000);
    parked_kind.codec->write(&w, &written);
    wire_reader_init(&from, wire_written(&w).data, wire_written(&w).len);
    assert_true(parked_kind.codec->read(&shard_set_shard(s->set, 0)->registry, &from, &read));
    assert_int_equal(read.kind, written.kind);
    assert_int_equal(read.type, written.type);
    wire_writer_done(&w);
}

/* --- at random -------------------------------------------------------------------------------- */

#define KEYS 40

struct history {
    struct gift gifts[KEYS + 1]; /* by key */
    bool asked[KEYS + 1];
};

static void ask_at_random(struct scene *s, struct history *h)
{
    uint64_t key = rng_below(&s->rng, KEYS) + 1;
    if (s->giver_count == array_len(s->givers))
        return;
    if (!h->asked[key])
        h->gifts[key] = (struct gift){
            .from = purse_id((uint16_t)rng_below(&s->rng, SHARDS), rng_below(&s->rng, PURSES)),
            .to = purse_id((uint16_t)rng_below(&s->rng, SHARDS), rng_below(&s->rng, PURSES)),
            .coins = 1 + rng_below(&s->rng, 5)};
    h->asked[key] = true;
    give(s, h->gifts[key].from, h->gifts[key].to, h->gifts[key].coins, key);
}

/* Every gift that was asked for has its outcome, and took effect once. */
static void check_history(struct scene *s, struct history *h)
{
    uint64_t gave[SHARDS][PURSES] = {0}, got[SHARDS][PURSES] = {0};
    for (uint64_t key = 1; key <= KEYS; key++) {
        if (!h->asked[key])
            continue;
        const struct gift *g = &h->gifts[key];
        s->giver_count = 0;
        struct giver *again = give(s, g->from, g->to, g->coins, key);
        run(s, 100 * MS);
        assert_true(again->answered);
        assert_int_equal(again->message.code, ERR_OK);
        wire_writer_done(&again->message.reply);
        s->giver_count = 0;
        gave[id128_slot(g->from)][(g->from.lo >> 16) - 1] += g->coins;
        got[id128_slot(g->to)][(g->to.lo >> 16) - 1] += g->coins;
    }
    for (uint16_t i = 0; i < SHARDS; i++)
        for (uint64_t n = 0; n < PURSES; n++) {
            const struct purse *p = peek(s, PURSE, purse_id(i, n), i);
            if (p != NULL)
                assert_int_equal(p->coins, COINS - gave[i][n] + got[i][n]);
        }
}

static void each_send_takes_effect_once_whatever_happens(void **state)
{
    struct scene *s = *state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct history h = {0};
        kill_node(s);
        store_sim_free(s->sim);
        rng_seed(&s->rng, seed);
        s->sim = store_sim_new(&(struct store_sim_options){
            .rng = &s->rng,
            .faults = {
                .crash_lost_ppm = 500000, .unknown_lost_ppm = 5000, .unknown_written_ppm = 5000}});
        s->lose_ppm = (uint32_t)rng_below(&s->rng, 400000);
        s->repeat_ppm = 150000;
        start(s);
        for (int step = 0; step < 200; step++) {
            ask_at_random(s, &h);
            run(s, rng_below(&s->rng, 30) * MS);
            if (rng_chance(&s->rng, 30000)) {
                kill_node(s);
                start(s);
            }
        }
        s->lose_ppm = s->repeat_ppm = 0;
        store_sim_set_faults(s->sim, &(struct store_sim_faults){0});
        run(s, 60 * NS_PER_S);
        if (s->stopped > 0)
            fail_msg("seed %u: %s", (unsigned)seed, s->reason);
        for (uint32_t i = 0; i < s->giver_count; i++)
            wire_writer_done(&s->givers[i].message.reply);
        check_history(s, &h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_gift_is_answered_when_the_thanks_are_there),
        CASE(who_asks_again_waits_for_the_same_outcome),
        CASE(an_ask_outlives_the_process),
        CASE(an_ask_that_has_its_answer_is_closed_after_a_restart_too),
        CASE(a_deadline_says_that_the_work_goes_on),
        CASE(what_fails_is_parked_and_the_stream_goes_on),
        CASE(a_target_that_cannot_be_read_is_looked_for_with_pauses),
        CASE(a_sender_that_lost_its_end_stops),
        CASE(a_stream_tells_how_far_it_has_come),
        CASE(one_that_does_not_move_is_shut_until_it_does),
        CASE(one_that_was_never_agreed_on_is_shut_after_a_while),
        CASE(a_restart_knows_what_was_confirmed_long_ago),
        CASE(what_is_taken_to_the_last_is_known_to_fit),
        CASE(states_of_another_format_are_damage),
        CASE(a_parked_send_of_any_kind_and_type_is_read),
        CASE(each_send_takes_effect_once_whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
