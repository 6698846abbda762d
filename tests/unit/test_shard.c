/* SPDX-License-Identifier: Apache-2.0 */
/* A shard in the simulated world: nothing is said before it is durable, nothing durable is lost,
 * nothing happens twice. */
#include "tests/unit/shard_fixture.h"

#include "runtime/shard/shard_priv.h"

/* --- scenarios -------------------------------------------------------------------------------- */

static void coins_move_and_survive_a_crash(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fill(f, 1, 100), ERR_OK);
    assert_int_equal(fill(f, 2, 5), ERR_OK);
    assert_int_equal(move(f, 1, 2, 30, 1), ERR_OK);
    crash(f);
    assert_int_equal(look(f, 1), 70);
    assert_int_equal(look(f, 2), 35);
    assert_int_equal(look(f, 3), UINT64_MAX);
}

static void a_chain_stands_or_falls_together(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 100);
    fill(f, 2, 0);
    assert_int_equal(move(f, 1, 2, 30, 4), PURSE_EMPTY);
    assert_int_equal(look(f, 1), 100);
    assert_int_equal(look(f, 2), 0);
    assert_int_equal(move(f, 1, 2, 30, 3), ERR_OK);
    crash(f);
    assert_int_equal(look(f, 1), 10);
    assert_int_equal(look(f, 2), 90);
}

static void nothing_is_answered_before_it_is_durable(void **state)
{
    struct fixture *f = *state;
    run(f, 50 * MS);
    f->journal.delay_min_ns = f->journal.delay_max_ns = 20 * MS;
    struct ask write = {.body.fill = {purse(1), 7}};
    struct ask read = {.body.look = {purse(1)}};
    post(f, &write, &purse_fill_type, purse(1));
    post(f, &read, &purse_look_type, purse(1));
    run(f, 19 * MS);
    assert_int_equal(write.done, 0);
    assert_int_equal(read.done, 0);
    crash(f);
    assert_int_equal(look(f, 1), UINT64_MAX);
    forget(&write);
    forget(&read);
}

static void passes_during_an_append_fill_one_batch(void **state)
{
    enum { ASKS = 40 };
    struct fixture *f = *state;
    struct ask asks[ASKS];
    run(f, 50 * MS);
    f->journal.delay_min_ns = f->journal.delay_max_ns = 10 * MS;
    for (uint64_t i = 0; i < ASKS; i++) {
        asks[i] = (struct ask){.body.fill = {purse(i), 1}};
        post(f, &asks[i], &purse_fill_type, purse(i));
        run(f, MS);
    }
    run(f, 100 * MS);
    assert_int_equal(f->shard->journal.stats.records, ASKS);
    assert_in_range(f->shard->journal.stats.batches, 4, 20);
    for (uint64_t i = 0; i < ASKS; i++) {
        assert_int_equal(asks[i].done, 1);
        forget(&asks[i]);
    }
}

static void a_key_gives_its_first_outcome_again(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 3; round++) {
        struct ask a = {.body.fill = {purse(1), 7}};
        keyed(&a, 11, 1);
        post(f, &a, &purse_fill_type, purse(1));
        finish(f, &a);
        assert_int_equal(a.message.code, ERR_OK);
        assert_int_equal(coins_of(&a), 7);
        assert_int_equal(a.message.replayed, round > 0);
        struct ask other = {.body.fill = {purse(1), 8}};
        keyed(&other, 11, 2);
        post(f, &other, &purse_fill_type, purse(1));
        finish(f, &other);
        assert_int_equal(other.message.code, ERR_KEY_REUSED);
        forget(&a);
        forget(&other);
        if (round == 0)
            crash(f);
        else
            run(f, 500 * MS);
    }
    assert_int_equal(look(f, 1), 7);
}

static uint16_t fill_keyed(struct fixture *f, uint64_t key, uint64_t coins, bool replayed)
{
    struct ask a = {.body.fill = {purse(1), coins}};
    keyed(&a, key, coins);
    post(f, &a, &purse_fill_type, purse(1));
    finish(f, &a);
    assert_int_equal(a.message.replayed, replayed);
    forget(&a);
    return a.message.code;
}

/* The other shard of the deployment takes its turn in the same store, with nothing in memory. */
static void change_shard(struct fixture *f, uint16_t number)
{
    run(f, 1000 * MS); /* projected */
    f->number = number;
    crash(f);
}

/* An administrator's answer may be about others: it is for administrators. */
static void an_answer_is_not_for_whoever_may_not_see_it_any_more(void **state)
{
    struct fixture *f = *state;
    for (int again = 0; again < 2; again++) {
        for (int wide = 1; wide >= 0; wide--) {
            struct ask a = {.body.fill = {purse(1), 5}};
            keyed(&a, 7, 7);
            a.message.who.any_owner = wide != 0;
            post(f, &a, &purse_fill_type, purse(1));
            finish(f, &a);
            assert_int_equal(a.message.code, wide ? ERR_OK : ERR_FORBIDDEN);
            assert_int_equal(a.message.replayed, wide && again);
            forget(&a);
        }
        crash(f);
    }
    assert_int_equal(look(f, 1), 5);
}

static void a_key_of_one_shard_is_none_of_another(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 1);
    assert_int_equal(fill_keyed(f, 11, 7, false), ERR_OK);
    change_shard(f, 1);
    assert_int_equal(fill_keyed(f, 11, 20, false), ERR_OK);
    assert_int_equal(fill_keyed(f, 12, 30, false), ERR_OK);
    change_shard(f, 0);
    assert_int_equal(fill_keyed(f, 11, 7, true), ERR_OK);
    assert_int_equal(fill_keyed(f, 11, 20, false), ERR_KEY_REUSED);
    assert_int_equal(fill_keyed(f, 12, 2, false), ERR_OK);
    assert_int_equal(look(f, 1), 10);
    change_shard(f, 1);
    assert_int_equal(fill_keyed(f, 11, 20, true), ERR_OK);
    assert_int_equal(fill_keyed(f, 12, 30, true), ERR_OK);
    assert_int_equal(look(f, 1), 50);
}

/* More outcomes than the loader keeps parts of the journal. */
enum { CROWD = LOADER_PARTS_MAX + 40000 };

static struct ask *given_many_asks(struct fixture *f)
{
    f->resident_max = 2 * (size_t)CROWD;
    crash(f);
    run(f, 50 * MS);
    f->loads.delay_min_ns = f->loads.delay_max_ns = 200 * MS; /* meanwhile all of them come */
    struct ask *asks = calloc(CROWD, sizeof *asks);
    assert_non_null(asks);
    return asks;
}

static void post_many(struct fixture *f, struct ask *asks)
{
    for (uint64_t i = 0; i < CROWD; i++) {
        asks[i].body.fill = (struct purse_fill){purse(i), i};
        keyed(&asks[i], i + 1, 1);
        post(f, &asks[i], &purse_fill_type, purse(i));
        if (i % 1024 == 0)
            run(f, MS);
    }
}

static void finish_one(struct fixture *f, struct ask *asks, uint64_t i, bool replayed)
{
    finish(f, &asks[i]);
    assert_int_equal(asks[i].message.code, ERR_OK);
    assert_int_equal(asks[i].message.replayed, replayed);
    assert_int_equal(coins_of(&asks[i]), i);
}

static void forget_many(struct ask *asks)
{
    for (uint64_t i = 0; i < CROWD; i++)
        forget(&asks[i]);
    free(asks);
}

static void many_keys_at_once_all_give_their_outcomes(void **state)
{
    struct fixture *f = *state;
    struct ask *asks = given_many_asks(f);
    for (int round = 0; round < 2; round++) {
        post_many(f, asks);
        for (uint64_t i = 0; i < CROWD; i++)
            finish_one(f, asks, i, round > 0);
    }
    forget_many(asks);
}

/* The loader's room is one actor's alone when an operator suspends it. */
static void a_suspended_actor_leaves_the_loader_to_others(void **state)
{
    struct fixture *f = *state;
    struct ask *asks = given_many_asks(f);
    post_many(f, asks);
    for (uint64_t i = 0; i < CROWD; i++)
        finish_one(f, asks, i, false);
    post_many(f, asks);
    const struct shard *s = f->shard;
    const struct actor *const *exclusive = &s->admission.exclusive;
    for (int i = 0; i < 2000 && (*exclusive == NULL || ((*exclusive)->flags & ACTOR_WAITING) == 0);
         i++)
        run(f, MS);
    assert_non_null(*exclusive);
    struct id128 id = (*exclusive)->entry.id;
    uint64_t held = id.hi - purse(0).hi;
    assert_int_equal(shard_actor_command(f->shard, PURSE_KIND, id, ACTOR_COMMAND_SUSPEND), ERR_OK);
    for (uint64_t i = 0; i < CROWD; i++)
        if (i != held)
            finish_one(f, asks, i, true);
    assert_int_equal(asks[held].done, 0);
    assert_int_equal(shard_actor_command(f->shard, PURSE_KIND, id, ACTOR_COMMAND_RESUME), ERR_OK);
    finish_one(f, asks, held, true);
    forget_many(asks);
}

static void a_refusal_with_a_key_stays_refused(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 1);
    fill(f, 2, 1);
    for (int round = 0; round < 2; round++) {
        struct ask a = {.body.move = {purse(1), purse(2), 50, 1}};
        keyed(&a, 5, 5);
        post(f, &a, &purse_move_type, purse(1));
        finish(f, &a);
        assert_int_equal(a.message.code, PURSE_EMPTY);
        forget(&a);
        fill(f, 1, 100);
        crash(f);
    }
    assert_int_equal(look(f, 1), 201);
}

static void an_unknown_commit_is_looked_up(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    for (int written = 0; written < 2; written++) {
        struct ask a = {.body.fill = {purse(1), 1}};
        keyed(&a, (uint64_t)(20 + written), 1);
        store_sim_script(f->sim, written ? STORE_SIM_UNKNOWN_WRITTEN : STORE_SIM_UNKNOWN_LOST, 0);
        post(f, &a, &purse_fill_type, purse(1));
        finish(f, &a);
        assert_int_equal(a.message.code, written ? ERR_OK : ERR_UNAVAILABLE);
        post(f, &a, &purse_fill_type, purse(1));
        finish(f, &a);
        assert_int_equal(a.message.code, ERR_OK);
        forget(&a);
    }
    assert_int_equal(look(f, 1), 12);
}

static void an_unknown_commit_is_looked_up_until_it_can_be_read(void **state)
{
    struct fixture *f = *state;
    for (uint32_t position = 0; position < 4; position++) {
        struct ask a = {.body.fill = {purse(1), 1}};
        store_sim_script(f->sim, STORE_SIM_UNKNOWN_WRITTEN, 0);
        store_sim_script(f->sim, STORE_SIM_READ_IO, position);
        post(f, &a, &purse_fill_type, purse(1));
        finish(f, &a);
        assert_int_equal(a.message.code, ERR_OK);
        assert_int_equal(coins_of(&a), position + 1);
        forget(&a);
        run(f, 2000 * MS);
    }
    assert_int_equal(look(f, 1), 4);
}

/* Opening anew writes, for which a full disk has no room. */
static enum err reopen_full(struct journal_store *s)
{
    (void)s;
    return ERR_STORE_FULL;
}

static void a_full_disk_needs_no_opening_anew(void **state)
{
    struct fixture *f = *state;
    struct journal_store *store = store_sim_journal(f->sim);
    const struct journal_store_ops *truly = store->ops;
    struct journal_store_ops full = *truly;
    full.reopen = reopen_full;
    store->ops = &full;
    fill(f, 1, 10);
    store_sim_disk_full(f->sim, true);
    assert_int_equal(fill(f, 1, 1), ERR_STORE_FULL);
    assert_int_equal(look(f, 1), 10);
    run(f, 5000 * MS);
    assert_int_equal(look(f, 1), 10);
    store_sim_disk_full(f->sim, false);
    run(f, 1000 * MS);
    assert_int_equal(fill(f, 1, 1), ERR_OK);
    /* A commit that may be written is another matter: it is waited for. */
    struct ask a = {.body.fill = {purse(1), 1}};
    store_sim_script(f->sim, STORE_SIM_UNKNOWN_WRITTEN, 0);
    post(f, &a, &purse_fill_type, purse(1));
    struct ask late = {.body.fill = {purse(1), 100}};
    late.message.deadline_ns = f->world.now_ns + 5000 * MS;
    run(f, 1000 * MS);
    post(f, &late, &purse_fill_type, purse(1));
    run(f, 3900 * MS);
    assert_int_equal(late.done, 0);
    run(f, 300 * MS);
    assert_int_equal(late.message.code, ERR_EXPIRED);
    run(f, 20000 * MS);
    assert_int_equal(a.done, 0);
    assert_int_equal(f->state, SHARD_RECOVERING);
    store->ops = truly;
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_OK);
    assert_int_equal(coins_of(&a), 12);
    forget(&a);
    forget(&late);
}

static void a_full_disk_refuses_writes_and_resumes(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    struct listener l;
    listen_to(f, &l);
    store_sim_disk_full(f->sim, true);
    assert_int_equal(fill(f, 1, 1), ERR_STORE_FULL);
    assert_int_equal(fill(f, 1, 1), ERR_STORE_FULL);
    assert_int_equal(look(f, 1), 10);
    run(f, 10000 * MS);
    assert_int_equal(heard(f, &l, "store_full"), 1); /* however often it is tried */
    assert_null(strstr(l.text, "store_writable"));
    listen_to(f, &l);
    store_sim_disk_full(f->sim, false);
    run(f, 2000 * MS);
    assert_int_equal(fill(f, 1, 1), ERR_OK);
    assert_int_equal(heard(f, &l, "store_writable"), 1);
    assert_null(strstr(l.text, "store_full"));
    assert_int_equal(look(f, 1), 11);
}

static void cold_actors_come_back_from_the_views(void **state)
{
    struct fixture *f = *state;
    f->resident_max = 10;
    run(f, 50 * MS);
    crash(f);
    for (uint64_t n = 1; n <= 200; n++)
        assert_int_equal(fill(f, n, n), ERR_OK);
    run(f, 1000 * MS);
    for (int i = 0; i < 50; i++) {
        fill(f, 500, 1);
        run(f, 10 * MS);
    }
    struct shard_stats stats;
    shard_get_stats(f->shard, &stats);
    assert_in_range(stats.resident, 0, 30);
    assert_true(stats.evicted > 100);
    for (uint64_t n = 1; n <= 200; n++)
        assert_int_equal(look(f, n), n);
    assert_int_equal(move(f, 3, 150, 2, 1), ERR_OK);
    assert_int_equal(look(f, 3), 1);
    assert_int_equal(look(f, 150), 152);
}

static void what_a_waiting_turn_needs_stays_till_it_has_all(void **state)
{
    struct fixture *f = *state;
    f->resident_max = 1;
    run(f, 50 * MS);
    crash(f);
    for (uint64_t n = 1; n <= 20; n++)
        assert_int_equal(fill(f, n, n), ERR_OK);
    run(f, 1000 * MS);
    for (uint64_t n = 2; n <= 20; n++)
        assert_int_equal(move(f, n, n - 1, 1, 1), ERR_OK);
    assert_int_equal(look(f, 20), 19);
}

static void a_deadline_survives_crashes_and_fires_once(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    expire_after(f, 1, 5000 * MS);
    crash(f);
    run(f, 2000 * MS);
    crash(f);
    assert_int_equal(look(f, 1), 10);
    run(f, 4000 * MS);
    assert_int_equal(look(f, 1), 0);
    fill(f, 1, 4);
    run(f, 20000 * MS);
    crash(f);
    assert_int_equal(look(f, 1), 4);
}

static void a_full_mailbox_is_busy(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 0);
    passivate(f, 1); /* while it is loaded none of them runs */
    enum { MANY = 1100 };
    struct ask *asks = calloc(MANY, sizeof *asks);
    int busy = 0;
    for (int i = 0; i < MANY; i++) {
        asks[i].body.fill = (struct purse_fill){purse(1), 1};
        post(f, &asks[i], &purse_fill_type, purse(1));
    }
    for (int i = 0; i < MANY; i++) {
        finish(f, &asks[i]);
        busy += asks[i].message.code == ERR_BUSY;
        forget(&asks[i]);
    }
    assert_int_equal(busy, MANY - 1024);
    assert_int_equal(look(f, 1), 1024);
    free(asks);
}

static void it_closes_with_everything_projected(void **state)
{
    struct fixture *f = *state;
    for (uint64_t n = 1; n < 20; n++)
        fill(f, n, n);
    shard_close(f->shard);
    for (int i = 0; i < 1000 && !shard_quiet(f->shard); i++)
        run(f, MS);
    assert_true(shard_quiet(f->shard));
    struct shard_stats stats;
    shard_get_stats(f->shard, &stats);
    assert_int_equal(stats.committed_seq, stats.projected_seq);
    f->shard = shard_free(f->shard);
    start(f);
    assert_int_equal(look(f, 19), 19);
}

/* The lease is on its way back when the store would be tried again. */
static void it_closes_while_the_store_is_full(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 1);
    run(f, 1000 * MS);
    store_sim_disk_full(f->sim, true);
    assert_int_equal(fill(f, 1, 1), ERR_STORE_FULL);
    run(f, 100 * MS);
    f->journal.delay_min_ns = f->journal.delay_max_ns = 1500 * MS;
    shard_close(f->shard);
    for (int i = 0; i < 10000 && !shard_quiet(f->shard); i++)
        run(f, MS);
    assert_true(shard_quiet(f->shard));
    assert_string_equal(f->reason, "");
}

static void a_second_writer_fences_the_first(void **state)
{
    struct fixture *f = *state;
    be_fenced(f);
    assert_non_null(f->reason);
}

/* What was told must not be missing after the next start: gone, or as if it had been torn. The
 * lease, which would be the first thing to be written, is not taken then. */
static void assert_refused_after(struct fixture *f, bool delete, const char *reason)
{
    assert_int_equal(fill(f, 1, 1), ERR_OK);
    struct journal_store *store = store_sim_journal(f->sim);
    uint64_t last = f->shard->journal.committed_seq, epoch = f->shard->journal.epoch, next;
    store_sim_views_back(f->sim, UINT32_MAX);
    assert_true(delete ? store_sim_delete(f->sim, 0, last)
                       : store_sim_truncate(f->sim, 0, last, 1));
    crash(f);
    run(f, 100 * MS);
    assert_int_equal(f->state, SHARD_STOPPED);
    if (strstr(f->reason, reason) == NULL)
        fail_msg("reason: %s", f->reason);
    assert_int_equal(store->ops->lease_take(store, 0, slice_of("other"), &next), ERR_OK);
    assert_int_equal(next, epoch + 1);
}

static void a_journal_whose_end_is_lost_is_refused(void **state)
{
    assert_refused_after(*state, true, "was committed, but the journal of shard 0 ends at batch");
}

static void a_committed_batch_is_never_cut(void **state)
{
    assert_refused_after(*state, false, "is damaged at batch");
}

static void a_read_error_during_recovery_is_survived(void **state)
{
    struct fixture *f = *state;
    for (uint64_t n = 1; n < 30; n++)
        fill(f, n, n);
    run(f, 1000 * MS); /* projected */
    f->views.delay_min_ns = f->views.delay_max_ns = 100000 * MS;
    for (uint64_t n = 1; n < 30; n++)
        fill(f, n, 1); /* to be replayed on stored states */
    for (uint32_t position = 0; position < 40; position++) {
        store_sim_script(f->sim, STORE_SIM_READ_IO, position);
        crash(f);
        run(f, 200 * MS);
    }
    for (uint64_t n = 1; n < 30; n++)
        assert_int_equal(look(f, n), n + 1);
}

/* A commit of the views that is done although it is reported as failed. */
static enum err (*commit_truly)(struct view_store *s);

static enum err commit_and_fail(struct view_store *s)
{
    enum err e = commit_truly(s);
    return e == ERR_OK ? ERR_IO : e;
}

static void a_commit_of_the_views_that_only_seems_to_fail_moves_no_coin_twice(void **state)
{
    struct fixture *f = *state;
    struct view_store *store = store_sim_views(f->sim);
    const struct view_store_ops *truly = store->ops;
    struct view_store_ops lying = *truly;
    fill(f, 2, 50);
    passivate(f, 2);
    commit_truly = truly->commit;
    lying.commit = commit_and_fail;
    store->ops = &lying;
    fill(f, 2, 100);
    run(f, 600 * MS);
    store->ops = truly;
    passivate(f, 2);
    assert_int_equal(look(f, 2), 150);
}

static void a_deadline_outlives_a_read_error(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    expire_after(f, 1, 5000 * MS);
    passivate(f, 1);
    store_sim_script(f->sim, STORE_SIM_READ_IO, 0);
    run(f, 6000 * MS);
    assert_int_equal(look(f, 1), 0);
}

static void a_cold_deadline_outlives_a_read_error_of_the_start(void **state)
{
    struct fixture *f = *state;
    for (uint32_t position = 0; position < 12; position++) {
        fill(f, 1, 10);
        expire_after(f, 1, 2000 * MS);
        run(f, 1000 * MS); /* projected: after the crash only the store knows of it */
        store_sim_script(f->sim, STORE_SIM_READ_IO, position);
        crash(f);
        run(f, 3000 * MS);
        assert_int_equal(look(f, 1), 0);
    }
}

/* What the sweep finds may be on its way into memory already, for another message, in vain. */
static void a_deadline_outlives_a_read_error_of_another_message(void **state)
{
    struct fixture *f = *state;
    f->loads.delay_min_ns = f->loads.delay_max_ns = 5 * MS;
    for (uint32_t position = 0; position < 12; position++) {
        fill(f, 1, 10);
        expire_after(f, 1, 2000 * MS);
        run(f, 1000 * MS);
        store_sim_script(f->sim, STORE_SIM_READ_IO, position);
        crash(f);
        while (f->state != SHARD_RUNNING)
            run(f, MS / 10);
        struct ask a = {.body.look = {purse(1)}};
        post(f, &a, &purse_look_type, purse(1));
        finish(f, &a);
        forget(&a);
        run(f, 3000 * MS);
        assert_int_equal(look(f, 1), 0);
    }
}

static void a_deadline_is_tried_ever_less_often_while_nothing_can_be_read(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    expire_after(f, 1, 5000 * MS);
    passivate(f, 1);
    store_sim_set_faults(f->sim, &(struct store_sim_faults){.read_io_ppm = 1000000});
    run(f, 65000 * MS);
    assert_in_range(store_sim_counts(f->sim)->met[STORE_SIM_READ_IO], 8, 20);
    store_sim_set_faults(f->sim, &(struct store_sim_faults){0});
    run(f, 15000 * MS);
    assert_int_equal(look(f, 1), 0);
}

static void a_deadline_that_is_too_large_is_not_given_up(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, PURSE_WORDY);
    expire_after(f, 1, 1000 * MS);
    run(f, 2000 * MS);
    assert_int_equal(look(f, 1), PURSE_WORDY);
    fill(f, 1, 1);
    run(f, 3000 * MS);
    assert_int_equal(look(f, 1), 0);
}

static void a_deadline_waits_for_a_full_store(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    expire_after(f, 1, 3000 * MS);
    store_sim_disk_full(f->sim, true);
    assert_int_equal(fill(f, 2, 1), ERR_STORE_FULL);
    run(f, 10000 * MS);
    struct shard_stats stats;
    shard_get_stats(f->shard, &stats);
    assert_int_equal(stats.recoveries, 1); /* probes do without */
    assert_in_range(stats.appends, 15, 30);
    assert_int_equal(look(f, 1), 10);
    store_sim_disk_full(f->sim, false);
    run(f, 2000 * MS);
    assert_int_equal(look(f, 1), 0);
}

static void a_traced_actor_that_cannot_be_read_is_unavailable(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    passivate(f, 1);
    store_sim_script(f->sim, STORE_SIM_READ_IO, 0);
    struct ask a = {.body.look = {purse(1)}};
    post(f, &a, &purse_look_type, purse(1));
    assert_int_equal(shard_actor_command(f->shard, PURSE_KIND, purse(1), ACTOR_COMMAND_TRACE),
                     ERR_OK);
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_UNAVAILABLE);
    forget(&a);
    assert_int_equal(look(f, 1), 10);
}

static void a_turn_beyond_a_limit_is_refused_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    fill(f, 2, 10);
    /* More events than a batch holds. */
    assert_int_equal(move(f, 1, 2, 0, 2000000), ERR_TOO_LARGE);
    /* A larger answer than the asker takes: nothing was done, and the key is as new. */
    struct ask a = {.body.fill = {purse(1), 5}};
    keyed(&a, 9, 9);
    wire_writer_init(&a.message.reply, 1);
    post(f, &a, &purse_fill_type, purse(1));
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_TOO_LARGE);
    assert_int_equal(a.message.reply_type, 0);
    assert_int_equal(look(f, 1), 10);
    a.message.reply.len_max = 1 << 16;
    post(f, &a, &purse_fill_type, purse(1));
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_OK);
    assert_false(a.message.replayed);
    /* An answer that this caller has no room for. */
    forget(&a);
    wire_writer_init(&a.message.reply, 1);
    post(f, &a, &purse_fill_type, purse(1));
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_TOO_LARGE);
    forget(&a);
    assert_int_equal(move(f, 1, 2, 1, 3), ERR_OK);
    crash(f);
    assert_int_equal(look(f, 1), 12);
    assert_int_equal(look(f, 2), 13);
}

static void closing_finishes_what_waits_for_a_cold_actor(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    passivate(f, 1);
    f->loads.delay_min_ns = f->loads.delay_max_ns = 20 * MS;
    struct ask a = {.body.fill = {purse(1), 5}};
    post(f, &a, &purse_fill_type, purse(1));
    shard_close(f->shard);
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_OK);
    forget(&a);
}

static void refusals_that_go_on_do_not_keep_it_open(void **state)
{
    struct fixture *f = *state;
    struct ask a = {.body.fill = {purse(1), 5}};
    post(f, &a, &purse_fill_type, purse(1));
    shard_close(f->shard);
    for (int i = 0; i < 10000 && f->state != SHARD_STOPPED; i++) {
        struct ask late = {.body.look = {purse(1)}};
        post(f, &late, &purse_look_type, purse(1));
        while (late.done == 0)
            run(f, 1000); /* one pass: each has a refusal to give */
        assert_int_equal(late.message.code, ERR_UNAVAILABLE);
        forget(&late);
    }
    assert_int_equal(f->state, SHARD_STOPPED);
    assert_int_equal(a.message.code, ERR_OK);
    forget(&a);
}

int main(void)
{
#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SCENARIO(coins_move_and_survive_a_crash),
        SCENARIO(a_chain_stands_or_falls_together),
        SCENARIO(nothing_is_answered_before_it_is_durable),
        SCENARIO(passes_during_an_append_fill_one_batch),
        SCENARIO(a_key_gives_its_first_outcome_again),
        SCENARIO(an_answer_is_not_for_whoever_may_not_see_it_any_more),
        SCENARIO(a_key_of_one_shard_is_none_of_another),
        SCENARIO(many_keys_at_once_all_give_their_outcomes),
        SCENARIO(a_suspended_actor_leaves_the_loader_to_others),
        SCENARIO(a_refusal_with_a_key_stays_refused),
        SCENARIO(an_unknown_commit_is_looked_up),
        SCENARIO(an_unknown_commit_is_looked_up_until_it_can_be_read),
        SCENARIO(a_full_disk_needs_no_opening_anew),
        SCENARIO(a_full_disk_refuses_writes_and_resumes),
        SCENARIO(cold_actors_come_back_from_the_views),
        SCENARIO(what_a_waiting_turn_needs_stays_till_it_has_all),
        SCENARIO(a_deadline_survives_crashes_and_fires_once),
        SCENARIO(a_full_mailbox_is_busy),
        SCENARIO(it_closes_with_everything_projected),
        SCENARIO(it_closes_while_the_store_is_full),
        SCENARIO(a_second_writer_fences_the_first),
        SCENARIO(a_journal_whose_end_is_lost_is_refused),
        SCENARIO(a_committed_batch_is_never_cut),
        SCENARIO(a_read_error_during_recovery_is_survived),
        SCENARIO(a_commit_of_the_views_that_only_seems_to_fail_moves_no_coin_twice),
        SCENARIO(a_deadline_outlives_a_read_error),
        SCENARIO(a_cold_deadline_outlives_a_read_error_of_the_start),
        SCENARIO(a_deadline_outlives_a_read_error_of_another_message),
        SCENARIO(a_deadline_is_tried_ever_less_often_while_nothing_can_be_read),
        SCENARIO(a_deadline_that_is_too_large_is_not_given_up),
        SCENARIO(a_deadline_waits_for_a_full_store),
        SCENARIO(a_traced_actor_that_cannot_be_read_is_unavailable),
        SCENARIO(a_turn_beyond_a_limit_is_refused_and_leaves_nothing),
        SCENARIO(closing_finishes_what_waits_for_a_cold_actor),
        SCENARIO(refusals_that_go_on_do_not_keep_it_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
