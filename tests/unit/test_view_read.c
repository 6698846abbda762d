/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of one shard: what they wait for, and what ends the waiting. */
#include "tests/unit/shard_fixture.h"

static void closing_waits_for_no_list_whose_views_do_not_come(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    run(f, 1000 * MS);
    struct store_sim_faults faults = {.views_commit_ppm = 1000000};
    store_sim_set_faults(f->sim, &faults);
    fill(f, 1, 10);
    struct ask a = {.done = 0};
    post(f, &a, &list_type, purse(1));
    shard_close(f->shard);
    run(f, 4000 * MS);
    assert_int_equal(f->state, SHARD_STOPPED);
    assert_int_equal(a.message.code, ERR_UNAVAILABLE);
    forget(&a);
}

static void a_list_waits_for_views_that_fail(void **state)
{
    struct fixture *f = *state;
    struct store_sim_faults faults = {.views_commit_ppm = 1000000};
    store_sim_set_faults(f->sim, &faults);
    fill(f, 1, 10);
    struct ask a = {.done = 0};
    post(f, &a, &list_type, purse(1));
    run(f, 5000 * MS);
    assert_int_equal(a.done, 0);
    struct shard_stats stats;
    shard_get_stats(f->shard, &stats);
    assert_in_range(stats.projector_failures, 3, 5); /* it rests longer after each */
    faults.views_commit_ppm = 0;
    store_sim_set_faults(f->sim, &faults);
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_OK);
    forget(&a);
}

/* An operator reads of it; lists that are in order are no news. */
static void a_list_that_finds_the_views_damaged_is_told(void **state)
{
    struct fixture *f = *state;
    struct listener l;
    run(f, 50 * MS);
    for (int damaged = 0; damaged < 2; damaged++) {
        struct ask a = {.done = 0};
        list_code = damaged ? ERR_CORRUPT : ERR_OK;
        listen_to(f, &l);
        post(f, &a, &list_type, purse(1));
        finish(f, &a);
        assert_int_equal(heard(f, &l, "views_damaged"), damaged);
        assert_int_equal(a.message.code, list_code);
        forget(&a);
    }
    assert_non_null(strstr(l.text, "\"message\":\"list\""));
    list_code = ERR_OK;
}

/* What was accepted to be written goes on. */
static void lists_end_before_the_rest(void **state)
{
    struct fixture *f = *state;
    struct store_sim_faults faults = {.views_commit_ppm = 1000000};
    store_sim_set_faults(f->sim, &faults);
    fill(f, 1, 10);
    struct ask waits = {.done = 0}, late = {.done = 0}, a = {.body.fill = {purse(1), 5}};
    post(f, &waits, &list_type, purse(1));
    run(f, 100 * MS);
    assert_int_equal(waits.done, 0);
    post(f, &a, &purse_fill_type, purse(1));
    shard_end_lists(f->shard);
    run(f, MS / 100);
    assert_int_equal(waits.done, 1);
    assert_int_equal(waits.message.code, ERR_UNAVAILABLE);
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_OK);
    post(f, &late, &list_type, purse(1));
    finish(f, &late);
    assert_int_equal(late.message.code, ERR_UNAVAILABLE);
    assert_int_equal(look(f, 1), 15);
    forget(&waits);
    forget(&late);
    forget(&a);
}

/* A cold actor has workers of its own: lists of others, however long they take, are not before it.
 */
static void a_cold_actor_waits_for_no_list(void **state)
{
    struct fixture *f = *state;
    struct ask lists[20] = {0}, cool = {.body.look = {purse(1)}};
    fill(f, 1, 10);
    passivate(f, 1);
    f->read.delay_min_ns = f->read.delay_max_ns = 1000 * MS;
    for (size_t i = 0; i < array_len(lists); i++)
        post(f, &lists[i], &list_type, purse(2));
    run(f, 10 * MS);
    post(f, &cool, &purse_look_type, purse(1));
    run(f, 10 * MS);
    assert_int_equal(cool.done, 1);
    assert_int_equal(coins_of(&cool), 10);
    assert_int_equal(lists[0].done, 0);
    f->read.delay_min_ns = f->read.delay_max_ns = MS;
    for (size_t i = 0; i < array_len(lists); i++) {
        run(f, 2000 * MS);
        forget(&lists[i]);
    }
    forget(&cool);
}

#define MANY 100

/* Of a caller who asks for much. */
struct burst {
    struct ask asks[MANY];
};

static struct burst *burst_of(struct fixture *f, const char *client)
{
    struct burst *b = calloc(1, sizeof *b);
    assert_non_null(b);
    for (size_t i = 0; i < MANY; i++) {
        b->asks[i].message.who.client = slice_of(client);
        b->asks[i].message.deadline_ns = f->world.now_ns + 5000 * MS;
        post(f, &b->asks[i], &list_type, purse(1));
    }
    return b;
}

static uint32_t burst_answered(const struct burst *b, uint16_t code)
{
    uint32_t count = 0;
    for (size_t i = 0; i < MANY; i++)
        count += b->asks[i].done == 1 && b->asks[i].message.code == code;
    return count;
}

static void burst_end(struct fixture *f, struct burst *b)
{
    run(f, 10000 * MS);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(b->asks[i].done, 1);
        forget(&b->asks[i]);
    }
    free(b);
}

static void lists_of_one_caller_hold_up_nobody_elses(void **state)
{
    struct fixture *f = *state;
    f->read.delay_min_ns = f->read.delay_max_ns = 20 * MS;
    struct burst *much = burst_of(f, "much");
    struct ask one = {.message.who.client = slice_of("one")};
    run(f, 10 * MS);
    post(f, &one, &list_type, purse(1));
    run(f, 200 * MS);
    assert_int_equal(one.done, 1);
    assert_int_equal(one.message.code, ERR_OK);
    assert_true(burst_answered(much, ERR_OK) < 12);
    burst_end(f, much);
    forget(&one);
}

/* Whatever is read before them. */
static void lists_end_at_their_deadlines(void **state)
{
    struct fixture *f = *state;
    f->read.delay_min_ns = f->read.delay_max_ns = 200 * MS;
    struct burst *b = burst_of(f, "much");
    run(f, 5400 * MS); /* one more than was begun is read after the deadline, and seen to be late */
    assert_int_equal(burst_answered(b, ERR_OK) + burst_answered(b, ERR_EXPIRED), MANY);
    assert_in_range(burst_answered(b, ERR_OK), 20, 26);
    burst_end(f, b);
}

static void nothing_is_read_for_who_has_left(void **state)
{
    struct fixture *f = *state;
    atomic_bool gone = false;
    struct ask lists[10] = {0};
    struct shard_stats stats;
    f->read.delay_min_ns = f->read.delay_max_ns = 20 * MS;
    for (size_t i = 0; i < array_len(lists); i++) {
        lists[i].message.gone = &gone;
        post(f, &lists[i], &list_type, purse(1));
    }
    run(f, 10 * MS);
    gone = true;
    run(f, 150 * MS);
    for (size_t i = 0; i < array_len(lists); i++) {
        assert_int_equal(lists[i].done, 1);
        assert_int_equal(lists[i].message.code, ERR_EXPIRED);
        forget(&lists[i]);
    }
    shard_get_stats(f->shard, &stats);
    assert_int_equal(stats.kinds[PURSE_KIND].expired, array_len(lists));
}

static void a_caller_has_a_bounded_number_of_lists(void **state)
{
    struct fixture *f = *state;
    struct ask other = {.message.who.client = slice_of("other")};
    struct burst *bursts[3];
    f->read.delay_min_ns = f->read.delay_max_ns = 20 * MS;
    for (size_t i = 0; i < array_len(bursts); i++)
        bursts[i] = burst_of(f, "much");
    post(f, &other, &list_type, purse(1));
    run(f, 100 * MS);
    assert_int_equal(burst_answered(bursts[2], ERR_BUSY), 3 * MANY - FAIR_QUEUE_EACH_MAX);
    assert_int_equal(other.message.code, ERR_OK);
    for (size_t i = 0; i < array_len(bursts); i++)
        burst_end(f, bursts[i]);
    forget(&other);
}

/* Those that the read worker has not begun. */
static void lists_on_their_way_end_too(void **state)
{
    struct fixture *f = *state;
    f->read.delay_min_ns = f->read.delay_max_ns = 20 * MS;
    struct ask a = {.done = 0};
    post(f, &a, &list_type, purse(1));
    run(f, MS);
    shard_end_lists(f->shard);
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_UNAVAILABLE);
    forget(&a);
}

/* --- what other shards committed -------------------------------------------------------------- */

/* The other shard has committed this far and its views show this much. */
static void other_stands(struct fixture *f, uint64_t committed, uint64_t projected)
{
    progress_commit(&f->progress, 1, committed);
    progress_project(&f->progress, 1, projected, projected);
}

/* Posts a list that has to wait. */
static void post_waiting(struct fixture *f, struct ask *a)
{
    post(f, a, &list_type, purse(1));
    run(f, 100 * MS);
    assert_int_equal(a->done, 0);
}

static void a_list_waits_for_the_views_of_other_shards(void **state)
{
    struct fixture *f = *state;
    run(f, 100 * MS);
    other_stands(f, 7, 5);
    struct ask a = {.done = 0}, later = {.done = 0};
    post_waiting(f, &a);
    assert_true(progress_wanted(&f->progress, 1, 6));
    assert_false(progress_wanted(&f->progress, 1, 7));
    other_stands(f, 9, 6);
    post_waiting(f, &later);
    assert_int_equal(a.done, 0);
    other_stands(f, 9, 7);
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_OK);
    assert_int_equal(later.done, 0);
    other_stands(f, 12, 9);
    finish(f, &later);
    assert_int_equal(later.message.code, ERR_OK);
    forget(&a);
    forget(&later);
}

/* It may show what the other account's shard wrote: a note, a reason. */
static void a_list_of_one_actor_waits_for_other_shards_too(void **state)
{
    struct fixture *f = *state;
    struct ask a = {.done = 0};
    run(f, 100 * MS);
    other_stands(f, 7, 5);
    post(f, &a, &list_of_one_type, purse(1));
    run(f, 100 * MS);
    assert_int_equal(a.done, 0);
    other_stands(f, 8, 7);
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_OK);
    assert_false(a.message.stale);
    forget(&a);
}

/* What the other shard would add is missing; if anything can be, the list says so. */
static void a_list_of_one_actor_does_without_a_shard_that_stopped(void **state)
{
    struct fixture *f = *state;
    run(f, 100 * MS);
    for (int opened = 0; opened < 2; opened++) {
        f->shards[1].opened = opened == 1;
        f->shards[1].stopped = false;
        other_stands(f, 7, 5);
        struct ask a = {.done = 0};
        post(f, &a, &list_of_one_type, purse(1));
        run(f, 100 * MS);
        assert_int_equal(a.done, 0);
        progress_stop(&f->progress, 1);
        finish(f, &a);
        assert_int_equal(a.message.code, ERR_OK);
        assert_int_equal(a.message.stale, opened);
        assert_int_equal(a.message.shown_ns, opened ? 5 : 0);
        forget(&a);
    }
}

/* Without space the views stand where they are: a list says as of when it is, until they move
 * on. */
static void lists_without_space_are_as_of_the_last_projection(void **state)
{
    struct fixture *f = *state;
    struct ask a = {.done = 0}, one = {.done = 0};
    fill(f, 1, 10);
    run(f, 1000 * MS);
    uint64_t shown_ns = WORLD_EPOCH_NS + f->world.now_ns;
    other_stands(f, 3, 3);
    f->views.delay_min_ns = f->views.delay_max_ns = 300 * MS;
    fill(f, 1, 5);
    store_sim_disk_full(f->sim, true);
    run(f, 2000 * MS);
    post(f, &a, &list_type, purse(1));
    post(f, &one, &list_of_one_type, purse(1));
    run(f, 100 * MS);
    assert_int_equal(a.message.code + one.message.code, ERR_OK);
    assert_int_equal(a.done + one.done, 2);
    assert_true(a.message.stale && one.message.stale);
    assert_in_range(a.message.shown_ns, WORLD_EPOCH_NS, shown_ns);
    assert_int_equal(one.message.shown_ns, a.message.shown_ns);
    assert_int_equal(fill(f, 1, 1), ERR_STORE_FULL);
    f->views.delay_min_ns = f->views.delay_max_ns = MS;
    run(f, 1000 * MS); /* no step is under way that began without space */
    store_sim_disk_full(f->sim, false);
    while (fill(f, 1, 5) != ERR_OK) /* until a write goes through again: then all is listed */
        run(f, 10 * MS);
    post(f, &a, &list_type, purse(1));
    finish(f, &a);
    assert_false(a.message.stale);
    assert_int_equal(a.message.code, ERR_OK);
    forget(&a);
    forget(&one);
}

/* What another shard has no space for may be missing, nothing else. */
static void a_list_is_as_of_the_shard_that_is_behind(void **state)
{
    struct fixture *f = *state;
    struct ask a = {.done = 0}, one = {.done = 0};
    run(f, 100 * MS);
    other_stands(f, 7, 5);
    progress_stick(&f->progress, 1);
    post(f, &a, &list_type, purse(1));
    post(f, &one, &list_of_one_type, purse(1));
    run(f, 100 * MS);
    assert_int_equal(a.done + one.done, 2);
    assert_true(a.message.stale);
    assert_int_equal(a.message.shown_ns, 5);
    assert_true(one.message.stale);
    progress_project(&f->progress, 1, 6, 6);
    post_waiting(f, &a);
    forget(&a);
    forget(&one);
}

static void a_list_waits_until_other_shards_have_opened(void **state)
{
    struct fixture *f = *state;
    f->shards[1].opened = false;
    struct ask a = {.done = 0};
    post_waiting(f, &a);
    progress_open(&f->progress, 1, 20, 19, 19);
    run(f, 100 * MS);
    assert_int_equal(a.done, 0);
    progress_project(&f->progress, 1, 20, 20);
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_OK);
    forget(&a);
}

/* Whether it had opened before or not. */
static void a_list_waits_for_no_shard_that_stopped(void **state)
{
    struct fixture *f = *state;
    struct ask a = {.done = 0}, late = {.done = 0};
    for (int opened = 0; opened < 2; opened++) {
        f->shards[1].opened = opened == 1;
        f->shards[1].stopped = false;
        other_stands(f, 7, 5);
        post_waiting(f, &a);
        progress_stop(&f->progress, 1);
        finish(f, &a);
        assert_int_equal(a.message.code, ERR_UNAVAILABLE);
        post(f, &late, &list_type, purse(1));
        finish(f, &late);
        assert_int_equal(late.message.code, ERR_UNAVAILABLE);
    }
    other_stands(f, 7, 7); /* it had shown all before it stopped */
    post(f, &late, &list_type, purse(1));
    finish(f, &late);
    assert_int_equal(late.message.code, ERR_OK);
    forget(&a);
    forget(&late);
}

/* Also behind one that may wait longer, and while nothing else happens. */
static void a_list_waits_until_its_deadline(void **state)
{
    struct fixture *f = *state;
    run(f, 100 * MS);
    other_stands(f, 7, 5);
    struct ask patient = {.done = 0}, hasty = {.done = 0};
    patient.message.deadline_ns = f->world.now_ns + 60000 * MS;
    hasty.message.deadline_ns = f->world.now_ns + 500 * MS;
    post(f, &patient, &list_type, purse(1));
    post_waiting(f, &hasty);
    run(f, 600 * MS);
    assert_int_equal(hasty.done, 1);
    assert_int_equal(hasty.message.code, ERR_EXPIRED);
    assert_int_equal(patient.done, 0);
    other_stands(f, 7, 7);
    finish(f, &patient);
    assert_int_equal(patient.message.code, ERR_OK);
    forget(&patient);
    forget(&hasty);
}

static void closing_waits_for_no_list_of_other_shards(void **state)
{
    struct fixture *f = *state;
    run(f, 100 * MS);
    other_stands(f, 7, 5);
    struct ask a = {.done = 0};
    post_waiting(f, &a);
    shard_close(f->shard);
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_UNAVAILABLE);
    run(f, 100 * MS);
    assert_int_equal(f->state, SHARD_STOPPED);
    forget(&a);
}

/* Nobody waits: the views of this shard take their time, until another one's list wants them. */
static void views_hurry_for_lists_of_other_shards(void **state)
{
    struct fixture *f = *state;
    uint64_t wanted[2];
    struct shard_stats stats;
    f->views.delay_min_ns = f->views.delay_max_ns = 200 * MS; /* there, and back */
    fill(f, 1, 10);
    run(f, 500 * MS);
    fill(f, 1, 10); /* now it rests */
    run(f, 50 * MS);
    shard_get_stats(f->shard, &stats);
    assert_true(stats.projected_seq < stats.committed_seq);
    assert_true(progress_capture(&f->progress, 1, false, wanted));
    assert_int_equal(wanted[0], stats.committed_seq);
    assert_int_equal(progress_reached(&f->progress, wanted), PROGRESS_BEHIND);
    progress_wait(&f->progress, 1, true);
    run(f, 500 * MS);
    assert_int_equal(progress_reached(&f->progress, wanted), PROGRESS_REACHED);
}

int main(void)
{
#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SCENARIO(closing_waits_for_no_list_whose_views_do_not_come),
        SCENARIO(a_list_waits_for_views_that_fail),
        SCENARIO(a_list_that_finds_the_views_damaged_is_told),
        SCENARIO(lists_end_before_the_rest),
        SCENARIO(lists_on_their_way_end_too),
        SCENARIO(a_cold_actor_waits_for_no_list),
        SCENARIO(lists_of_one_caller_hold_up_nobody_elses),
        SCENARIO(lists_end_at_their_deadlines),
        SCENARIO(nothing_is_read_for_who_has_left),
        SCENARIO(a_caller_has_a_bounded_number_of_lists),
        SCENARIO(a_list_waits_for_the_views_of_other_shards),
        SCENARIO(a_list_of_one_actor_waits_for_other_shards_too),
        SCENARIO(a_list_of_one_actor_does_without_a_shard_that_stopped),
        SCENARIO(lists_without_space_are_as_of_the_last_projection),
        SCENARIO(a_list_is_as_of_the_shard_that_is_behind),
        SCENARIO(a_list_waits_until_other_shards_have_opened),
        SCENARIO(a_list_waits_for_no_shard_that_stopped),
        SCENARIO(a_list_waits_until_its_deadline),
        SCENARIO(closing_waits_for_no_list_of_other_shards),
        SCENARIO(views_hurry_for_lists_of_other_shards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
