/* SPDX-License-Identifier: Apache-2.0 */
/* Sends that cannot be handled: what a turn cannot send is refused as a whole; what was sent and
 * fails is parked, until an operator lets it run again or has it refused. */
#include "tests/unit/purses_fixture.h"

/* Actors of another shard than their givers' (0 and 2). */
#define VICTIM purse_id(1, CURSED)
#define OTHER purse_id(1, 0)
#define BY slice_of("unix:ann")
#define WHY "its purse is lost"

static uint64_t parked_count(struct scene *s, uint16_t shard)
{
    struct shard_stats stats;
    shard_get_stats(shard_set_shard(s->set, shard), &stats);
    return stats.parked;
}

static enum err retry(struct scene *s, uint16_t from, uint64_t n)
{
    return shard_parked_retry(shard_set_shard(s->set, 1), parked_id(from, false, n), BY);
}

static enum err refuse(struct scene *s, uint16_t from, uint64_t n)
{
    return shard_parked_refuse(shard_set_shard(s->set, 1), parked_id(from, false, n), BY,
                               slice_of(WHY));
}

/* Three gifts of shard 0 lie parked for the victim, the first because it failed. */
static void park_three(struct scene *s, struct giver *givers[3])
{
    curse = true;
    run(s, 50 * MS);
    for (uint64_t i = 0; i < 3; i++) {
        givers[i] = give(s, purse_id(0, i), VICTIM, 10 * (i + 1), i + 1);
        run(s, 20 * MS);
    }
    assert_int_equal(parked_count(s, 1), 3);
    curse = false;
}

static void restart(struct scene *s)
{
    kill_node(s);
    start(s);
    run(s, 50 * MS);
}

static void once_the_cause_is_gone_all_run_in_their_order(void **state)
{
    struct scene *s = *state;
    struct giver *givers[3];
    park_three(s, givers);
    struct parked_info info;
    struct shard *shard = shard_set_shard(s->set, 1);
    assert_int_equal(shard_parked_info(shard, parked_id(0, false, 2), &info), ERR_OK);
    assert_true(info.type == &present_type && info.refusable && !info.first && info.count == 3);
    assert_int_equal(shard_parked_info(shard, parked_id(2, false, 2), &info), ERR_NOT_FOUND);
    assert_int_equal(retry(s, 0, 3), ERR_OK); /* any of them stands for all */
    run(s, 50 * MS);
    for (int i = 0; i < 3; i++) {
        assert_true(givers[i]->answered);
        assert_int_equal(givers[i]->message.code, ERR_OK);
    }
    assert_int_equal(look(s, VICTIM).story, 102030);
    assert_int_equal(parked_count(s, 1), 0);
    assert_int_equal(stream_of(s, 1, 0)->taken.n, 3);
    struct giver *later = give(s, purse_id(0, 0), VICTIM, 40, 4);
    run(s, 50 * MS);
    assert_true(later->answered);
    restart(s);
    assert_int_equal(parked_count(s, 1), 0);
    struct giver *again = give(s, purse_id(0, 0), VICTIM, 10, 1);
    run(s, 50 * MS);
    assert_true(again->answered && again->message.replayed);
    assert_int_equal(retry(s, 0, 1), ERR_NOT_FOUND);
}

static void while_the_cause_lasts_the_first_stays_and_so_do_those_behind_it(void **state)
{
    struct scene *s = *state;
    struct giver *givers[3];
    park_three(s, givers);
    curse = true;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(retry(s, 0, 1), ERR_OK);
        run(s, 50 * MS);
        assert_int_equal(parked_count(s, 1), 3);
        assert_null(peek(s, PURSE, VICTIM, 1));
    }
}

static void what_comes_meanwhile_goes_behind_those_that_are_parked(void **state)
{
    struct scene *s = *state;
    struct giver *givers[3];
    park_three(s, givers);
    give(s, purse_id(2, 0), VICTIM, 40, 4);
    run(s, 50 * MS);
    give(s, purse_id(2, 0), OTHER, 50, 5);
    run(s, 50 * MS);
    assert_int_equal(parked_count(s, 1), 4);
    assert_int_equal(look(s, OTHER).story, 50);
    assert_int_equal(retry(s, 2, 1), ERR_OK);
    give(s, purse_id(2, 0), VICTIM, 60, 6);
    run(s, 50 * MS);
    assert_int_equal(look(s, VICTIM).story, 1020304060);
}

static void a_restart_forgets_what_was_asked_but_not_what_is_parked(void **state)
{
    struct scene *s = *state;
    struct giver *givers[3];
    park_three(s, givers);
    restart(s);
    assert_int_equal(parked_count(s, 1), 3);
    assert_int_equal(retry(s, 0, 1), ERR_OK);
    assert_int_equal(retry(s, 0, 1), ERR_BUSY); /* its target is still to be loaded */
    restart(s);
    assert_int_equal(parked_count(s, 1), 3);
    assert_int_equal(retry(s, 0, 1), ERR_OK);
    run(s, 50 * MS);
    assert_int_equal(look(s, VICTIM).story, 102030);
    struct giver *again = give(s, purse_id(0, 0), VICTIM, 10, 1);
    run(s, 50 * MS);
    assert_int_equal(again->message.code, ERR_OK);
    assert_int_equal(look(s, purse_id(0, 0)).given, 1);
}

static void one_that_is_refused_comes_back_and_the_next_is_the_first(void **state)
{
    struct scene *s = *state;
    struct giver *givers[3];
    park_three(s, givers);
    curse = true;
    assert_int_equal(refuse(s, 0, 2), ERR_BUSY); /* not the first */
    assert_int_equal(refuse(s, 0, 1), ERR_OK);
    run(s, 50 * MS);
    assert_true(givers[0]->answered && !givers[1]->answered);
    assert_int_equal(givers[0]->message.code, DECLINED);
    assert_int_equal(look(s, purse_id(0, 0)).coins, COINS);
    assert_null(peek(s, PURSE, VICTIM, 1));
    assert_int_equal(parked_count(s, 1), 2);
    assert_int_equal(refuse(s, 0, 2), ERR_OK);
    run(s, 50 * MS);
    assert_int_equal(parked_count(s, 1), 1);
}

/* Thanks have happened: whoever gave must hear of them. */
static void what_cannot_be_refused_is_only_run_again(void **state)
{
    struct scene *s = *state;
    curse = true;
    run(s, 50 * MS);
    struct giver *g = give(s, VICTIM, purse_id(0, 0), 10, 1);
    run(s, 50 * MS);
    assert_int_equal(parked_count(s, 1), 1);
    assert_int_equal(refuse(s, 0, 1), ERR_UNSUPPORTED);
    curse = false;
    assert_int_equal(retry(s, 0, 1), ERR_OK);
    run(s, 50 * MS);
    assert_true(g->answered);
}

static void nothing_runs_for_a_target_that_is_halted(void **state)
{
    struct scene *s = *state;
    struct shard *shard = shard_set_shard(s->set, 1);
    run(s, 50 * MS);
    give(s, purse_id(0, 0), OTHER, 10, 1);
    run(s, 50 * MS);
    assert_int_equal(shard_actor_command(shard, PURSE, OTHER, ACTOR_COMMAND_SUSPEND), ERR_OK);
    struct giver *g = give(s, purse_id(0, 0), OTHER, 20, 2);
    run(s, 50 * MS);
    assert_int_equal(parked_count(s, 1), 1);
    const struct parked *p = peek(s, KIND_PARKED, parked_id(0, false, 2), 1);
    assert_true(slice_equal(p->reason, slice_of("the actor is suspended")));
    assert_int_equal(retry(s, 0, 2), ERR_SUSPENDED);
    assert_int_equal(shard_actor_command(shard, PURSE, OTHER, ACTOR_COMMAND_RESUME), ERR_OK);
    assert_int_equal(retry(s, 0, 2), ERR_OK);
    run(s, 50 * MS);
    assert_true(g->answered);
    assert_int_equal(look(s, OTHER).story, 1020);
}

static void one_that_fails_too_often_halts_its_target(void **state)
{
    struct scene *s = *state;
    struct giver *givers[3];
    enum err e = ERR_OK;
    park_three(s, givers);
    curse = true;
    for (int i = 0; i < 10 && e == ERR_OK; i++) {
        e = retry(s, 0, 1);
        run(s, 20 * MS);
    }
    assert_int_equal(e, ERR_QUARANTINED);
    assert_int_equal(parked_count(s, 1), 3);
}

/* One send, in as many streams as there are shards. */
static void what_goes_to_all_is_parked_where_it_fails(void **state)
{
    struct scene *s = *state;
    curse = true;
    run(s, 50 * MS);
    struct giver *g = ask(s, &cheer_type, purse_id(0, 0), VICTIM, 10, 1);
    run(s, 50 * MS);
    assert_true(g->answered);
    for (uint16_t i = 0; i < SHARDS; i++)
        assert_int_equal(parked_count(s, i), 1);
    curse = false;
    restart(s);
    struct shard *shard = shard_set_shard(s->set, 1);
    assert_int_equal(shard_parked_retry(shard, parked_id(0, true, 1), BY), ERR_OK);
    run(s, 50 * MS);
    for (uint16_t i = 0; i < SHARDS; i++)
        assert_int_equal(parked_count(s, i), i == 1 ? 0 : 1);
    const struct purse *p = peek(s, PURSE, VICTIM, 1);
    assert_int_equal(p->story, 10);
}

/* --- beyond a limit --------------------------------------------------------------------------- */

static void a_turn_with_more_sends_than_a_record_holds_leaves_nothing(void **state)
{
    struct scene *s = *state;
    run(s, 50 * MS);
    flood = FLOOD;
    struct giver *g = give(s, purse_id(0, 0), OTHER, 10, 1);
    run(s, 50 * MS);
    assert_true(g->answered);
    assert_int_equal(g->message.code, ERR_TOO_LARGE);
    assert_null(peek(s, PURSE, purse_id(0, 0), 0));
    assert_null(stream_of(s, 0, 1));
}

static void so_does_one_with_a_send_that_is_too_large(void **state)
{
    struct scene *s = *state;
    run(s, 50 * MS);
    struct giver *fits = ask(s, &pack_type, purse_id(0, 0), OTHER, 65000, 1);
    struct giver *large = ask(s, &pack_type, purse_id(0, 1), OTHER, 65600, 2);
    run(s, 50 * MS);
    assert_int_equal(fits->message.code, ERR_OK);
    assert_int_equal(large->message.code, ERR_TOO_LARGE);
    assert_true(fits->answered && large->answered);
    assert_null(peek(s, PURSE, purse_id(0, 1), 0));
    assert_int_equal(stream_of(s, 0, 1)->sent.n, 1);
}

/* Its turn is left by a jump, first from the window of its stream, then as a parked one. */
static void a_send_whose_turn_is_beyond_a_limit_is_parked_and_stays_so(void **state)
{
    struct scene *s = *state;
    run(s, 50 * MS);
    struct giver *g = give(s, purse_id(0, 0), OTHER, 10, 1);
    while (s->world.now_ns < 10 * NS_PER_S && stream_of(s, 0, 1) == NULL)
        run(s, MS / 100);
    flood = FLOOD;
    run(s, 50 * MS);
    const struct parked *p = peek(s, KIND_PARKED, parked_id(0, false, 1), 1);
    assert_non_null(p);
    assert_true(slice_equal(p->reason, slice_of("a limit on size or count was exceeded")));
    assert_int_equal(retry(s, 0, 1), ERR_OK);
    run(s, 50 * MS);
    assert_int_equal(parked_count(s, 1), 1);
    flood = 0;
    struct giver *other = give(s, purse_id(0, 0), purse_id(1, 1), 20, 2);
    run(s, 50 * MS);
    assert_true(other->answered);
    assert_int_equal(retry(s, 0, 1), ERR_OK);
    run(s, 50 * MS);
    assert_true(g->answered);
    assert_int_equal(look(s, OTHER).story, 10);
}

/* Neither its mark nor its end is recorded then: the next one would not follow. */
static void one_whose_record_has_no_room_for_its_end_is_parked(void **state)
{
    struct scene *s = *state;
    run(s, 50 * MS);
    brim = true;
    struct giver *g = give(s, purse_id(0, 0), OTHER, 10, 1);
    run(s, 50 * MS);
    assert_int_equal(parked_count(s, 1), 1);
    assert_int_equal(retry(s, 0, 1), ERR_OK);
    run(s, 50 * MS);
    assert_int_equal(parked_count(s, 1), 1);
    assert_null(peek(s, PURSE, OTHER, 1));
    brim = false;
    struct giver *next = give(s, purse_id(0, 1), purse_id(1, 1), 20, 2);
    run(s, 50 * MS);
    assert_true(next->answered && !g->answered);
    assert_int_equal(stream_of(s, 1, 0)->taken.n, 2);
    assert_int_equal(retry(s, 0, 1), ERR_OK);
    run(s, 50 * MS);
    assert_true(g->answered);
    assert_int_equal(look(s, OTHER).story, 10);
}

/* As from a sender of a newer version. */
static void a_send_that_its_target_does_not_handle_is_parked(void **state)
{
    struct scene *s = *state;
    run(s, 50 * MS);
    ask(s, &whisper_type, purse_id(0, 0), OTHER, 10, 1);
    struct giver *other = give(s, purse_id(0, 1), purse_id(1, 1), 20, 2);
    run(s, 50 * MS);
    const struct parked *p = peek(s, KIND_PARKED, parked_id(0, false, 1), 1);
    assert_non_null(p);
    assert_true(slice_equal(p->reason, slice_of("its target handles no such message")));
    assert_true(other->answered);
    assert_int_equal(retry(s, 0, 1), ERR_UNSUPPORTED);
    assert_int_equal(refuse(s, 0, 1), ERR_UNSUPPORTED);
}

/* Every id has its home in some shard. */
static void what_is_for_a_shard_that_does_not_exist_goes_to_one_that_does(void **state)
{
    struct scene *s = *state;
    struct id128 far = purse_id(60001, 0);
    run(s, 50 * MS);
    struct giver *g = give(s, purse_id(0, 0), far, 10, 1);
    run(s, 50 * MS);
    assert_true(g->answered);
    const struct purse *p = peek(s, PURSE, far, SHARDS - 1);
    assert_non_null(p);
    assert_int_equal(p->coins, COINS + 10);
}

/* --- accepted is accepted --------------------------------------------------------------------- */

/* The receiver has less quota left than the two shards that send to it. */
static void a_tenant_without_quota_gets_what_was_sent(void **state)
{
    struct scene *s = *state;
    uint64_t sent = 0;
    kill_node(s);
    s->journal_quota = 4000;
    start(s);
    run(s, 50 * MS);
    for (uint64_t key = 1; key <= 40; key++) {
        struct giver *g = ask(s, &give_type, purse_id(key % 2 == 0 ? 0 : 2, 0), OTHER, 1, key);
        g->message.who.tenant = slice_of("shop");
        g->message.who.client = slice_of("till");
        g->message.who.operator= false;
        principal_identify(&g->message.who);
        run(s, 20 * MS);
        assert_true(g->answered);
        sent += g->message.code == ERR_OK;
    }
    assert_true(sent > 5 && sent < 40);
    assert_int_equal(look(s, OTHER).got, sent);
}

/* Once its lease is on the way back, no batch may follow. */
static void a_shard_that_closes_takes_nothing_more(void **state)
{
    struct scene *s = *state;
    for (uint64_t key = 1; key <= 20; key++) {
        struct shard *shard = shard_set_shard(s->set, 1);
        run(s, 100 * MS);
        for (uint64_t i = 0; i < 3; i++)
            give(s, purse_id(0, i), OTHER, 1, 3 * key + i);
        run(s, key * MS / 20);
        shard_close(shard);
        for (int step = 0; step < 1000 && shard_state(shard) != SHARD_STOPPED; step++) {
            run(s, MS / 100);
            assert_true(!closing_releases(&shard->closing) || journal_idle(&shard->journal));
        }
        assert_int_equal(s->stopped, key);
        assert_string_equal(s->reason, "");
        kill_node(s);
        start(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(once_the_cause_is_gone_all_run_in_their_order),
        CASE(while_the_cause_lasts_the_first_stays_and_so_do_those_behind_it),
        CASE(what_comes_meanwhile_goes_behind_those_that_are_parked),
        CASE(a_restart_forgets_what_was_asked_but_not_what_is_parked),
        CASE(one_that_is_refused_comes_back_and_the_next_is_the_first),
        CASE(what_cannot_be_refused_is_only_run_again),
        CASE(nothing_runs_for_a_target_that_is_halted),
        CASE(one_that_fails_too_often_halts_its_target),
        CASE(what_goes_to_all_is_parked_where_it_fails),
        CASE(a_turn_with_more_sends_than_a_record_holds_leaves_nothing),
        CASE(so_does_one_with_a_send_that_is_too_large),
        CASE(a_send_whose_turn_is_beyond_a_limit_is_parked_and_stays_so),
        CASE(one_whose_record_has_no_room_for_its_end_is_parked),
        CASE(a_send_that_its_target_does_not_handle_is_parked),
        CASE(what_is_for_a_shard_that_does_not_exist_goes_to_one_that_does),
        CASE(a_tenant_without_quota_gets_what_was_sent),
        CASE(a_shard_that_closes_takes_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
