/* SPDX-License-Identifier: Apache-2.0 */
/* Supervision: what becomes of actors that fail and of those an operator holds, of their messages
 * and of what is due of them. */
#include <unistd.h>

#include "runtime/base/time.h"
#include "tests/unit/shard_fixture.h"

static struct actor_info info_of(struct fixture *f, uint64_t n)
{
    struct actor_info info;
    assert_int_equal(shard_actor_info(f->shard, PURSE_KIND, purse(n), &info), ERR_OK);
    return info;
}

static struct shard_stats stats_of(struct fixture *f)
{
    struct shard_stats stats;
    shard_get_stats(f->shard, &stats);
    return stats;
}

static void quarantine(struct fixture *f, uint64_t n)
{
    for (int i = 0; i <= SUPERVISOR_ACTOR_FAILURES; i++)
        assert_int_equal(break_purse(f, n), ERR_FAILED);
    assert_true(info_of(f, n).quarantined);
}

static bool count_letter(void *context, const struct dead_letter *letter)
{
    assert_ptr_equal(letter->type, &purse_break_type);
    ++*(int *)context;
    return true;
}

static void a_failing_actor_is_quarantined_and_others_go_on(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    fill(f, 2, 10);
    quarantine(f, 1);
    assert_int_equal(break_purse(f, 1), ERR_QUARANTINED);
    assert_int_equal(look(f, 2), 10);
    int letters = 0;
    shard_dead_letters(f->shard, count_letter, &letters);
    assert_int_equal(letters, 5);
    command(f, 1, ACTOR_COMMAND_RESUME);
    assert_int_equal(look(f, 1), 10);
    assert_int_equal(shard_dead_letter_replay(f->shard, 1), ERR_OK);
    assert_int_equal(shard_dead_letter_replay(f->shard, 1), ERR_NOT_FOUND);
    run(f, 100 * MS);
    crash(f);
    assert_int_equal(look(f, 1), 10);
}

/* More actors than are counted each for itself fail, but few of them at a time. */
static void failures_of_long_ago_are_forgotten_when_room_is_needed(void **state)
{
    struct fixture *f = *state;
    run(f, 50 * MS);
    for (uint64_t n = 1; n <= SUPERVISOR_FAILING_MAX; n++) {
        assert_int_equal(fill(f, n, 1), ERR_OK);
        assert_int_equal(break_purse(f, n), ERR_FAILED);
        if (n % SUPERVISOR_SHARD_FAILURES == 0)
            run(f, SUPERVISOR_PERIOD_NS + MS);
    }
    run(f, SUPERVISOR_PERIOD_NS + MS);
    fill(f, SUPERVISOR_FAILING_MAX + 1, 1);
    quarantine(f, SUPERVISOR_FAILING_MAX + 1);
    assert_int_equal(f->state, SHARD_RUNNING);
}

static void the_busiest_actors_come_first(void **state)
{
    struct fixture *f = *state;
    struct actor_info infos[3] = {0};
    run(f, 50 * MS);
    assert_int_equal(shard_actors_top(f->shard, NULL, 0), 0);
    for (uint64_t n = 1; n <= 20; n++) {
        fill(f, n, 1);
        struct shard_stats stats;
        shard_get_stats(f->shard, &stats);
        assert_int_equal(stats.state, SHARD_RUNNING);
    }
    assert_int_equal(shard_actors_top(f->shard, NULL, 0), 0);
    fill(f, 7, 1);
    command(f, 13, ACTOR_COMMAND_SUSPEND);
    struct ask a = {.body.look = {purse(13)}};
    post(f, &a, &purse_look_type, purse(13));
    run(f, 5 * MS);
    assert_int_equal(shard_actors_top(f->shard, infos, array_len(infos)), array_len(infos));
    const uint64_t order[] = {13, 7, 20};
    for (size_t i = 0; i < array_len(order); i++)
        assert_true(id128_equal(infos[i].id, purse(order[i])));
    command(f, 13, ACTOR_COMMAND_RESUME);
    finish(f, &a);
    forget(&a);
}

static uint16_t fill_keyed(struct fixture *f, uint64_t key)
{
    struct ask a = {.body.fill = {purse(1), 5}};
    keyed(&a, key, 1);
    post(f, &a, &purse_fill_type, purse(1));
    finish(f, &a);
    forget(&a);
    return a.message.code;
}

static void a_letter_that_was_sent_again_meanwhile_does_nothing_when_it_is_replayed(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    quarantine(f, 1);
    uint64_t first = SUPERVISOR_ACTOR_FAILURES + 2;
    assert_int_equal(fill_keyed(f, 77), ERR_QUARANTINED);
    assert_int_equal(fill_keyed(f, 78), ERR_QUARANTINED);
    command(f, 1, ACTOR_COMMAND_RESUME);
    assert_int_equal(fill_keyed(f, 77), ERR_OK);
    assert_int_equal(look(f, 1), 15);
    assert_int_equal(shard_dead_letter_replay(f->shard, first), ERR_OK);
    run(f, 100 * MS);
    assert_int_equal(look(f, 1), 15);
    assert_int_equal(shard_dead_letter_replay(f->shard, first + 1), ERR_OK);
    run(f, 100 * MS);
    assert_int_equal(look(f, 1), 20);
    assert_int_equal(fill_keyed(f, 78), ERR_OK);
    assert_int_equal(look(f, 1), 20);
}

static bool note_number(void *context, const struct dead_letter *letter)
{
    *(uint64_t *)context = letter->number;
    return true;
}

struct last_record {
    uint32_t batches;
    char request[ATTRIBUTION_REQUEST_MAX + 1];
};

static bool note_last_record(void *context, const struct batch_row *row)
{
    struct last_record *last = context;
    struct record_reader r;
    struct attribution_list principals = {0};
    record_reader_init(&r, row->body);
    last->batches++;
    for (enum record_part part; (part = record_next(&r)) != RECORD_DONE;) {
        assert_int_not_equal(part, RECORD_DAMAGED);
        if (part != RECORD_BEGIN)
            continue;
        attribution_resolve(&principals, &r.attribution);
        assert_true(slice_equal(r.attribution.subject, slice_of("ada")));
        assert_true(slice_equal(r.attribution.client, slice_of("app")));
        memset(last->request, 0, sizeof last->request);
        attribution_request_text(&r.attribution, last->request);
    }
    attribution_list_done(&principals);
    return true;
}

static void a_letter_that_is_replayed_is_a_record_of_who_sent_it(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    quarantine(f, 1);
    struct ask a = {.message.request_id = slice_of("the-first-time"), .body.fill = {purse(1), 5}};
    post(f, &a, &purse_fill_type, purse(1));
    finish(f, &a);
    forget(&a);
    command(f, 1, ACTOR_COMMAND_RESUME);
    assert_int_equal(shard_dead_letter_replay(f->shard, SUPERVISOR_ACTOR_FAILURES + 2), ERR_OK);
    run(f, 100 * MS);
    struct last_record last = {0};
    struct journal_store *s = store_sim_journal(f->sim);
    assert_int_equal(s->ops->tail(s, f->number, 1, note_last_record, &last), ERR_OK);
    assert_true(last.batches > 1);
    assert_string_equal(last.request, "the-first-time");
}

static void a_letter_that_nobody_can_handle_now_is_kept(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    assert_int_equal(break_purse(f, 1), ERR_FAILED);
    store_sim_disk_full(f->sim, true);
    assert_int_equal(fill(f, 1, 1), ERR_STORE_FULL);
    assert_int_equal(shard_dead_letter_replay(f->shard, 1), ERR_OK);
    run(f, 10 * MS);
    uint64_t number = 0;
    shard_dead_letters(f->shard, note_number, &number);
    assert_int_equal(number, 1);
}

/* --- a rebuild under steady load -------------------------------------------------------------- */

enum { WORKERS = 16 };

struct worker {
    struct ask ask;
    struct fixture *fixture;
    uint64_t purse, answered, refused;
    bool stop;
};

static void work_on(struct message *m)
{
    struct worker *w = container_of(m, struct worker, ask.message);
    w->answered++;
    w->refused += m->code != ERR_OK;
    w->ask.done = w->stop;
    if (w->stop)
        return;
    wire_writer_clear(&m->reply);
    shard_post(w->fixture->shard, m);
}

static void hire(struct fixture *f, struct worker *w, uint64_t n)
{
    *w = (struct worker){.fixture = f, .purse = n};
    w->ask.body.fill = (struct purse_fill){purse(n), 1};
    post(f, &w->ask, &purse_fill_type, purse(n));
    w->ask.message.done = work_on;
}

static void a_rebuild_does_not_wait_for_the_load_to_end(void **state)
{
    struct fixture *f = *state;
    struct worker *workers = calloc(WORKERS, sizeof *workers);
    for (uint64_t i = 0; i < WORKERS; i++)
        hire(f, &workers[i], 1000 + i);
    for (uint64_t n = 0; n <= SUPERVISOR_SHARD_FAILURES; n++)
        assert_int_equal(break_purse(f, n), ERR_FAILED);
    run(f, 100 * MS);
    assert_int_equal(stats_of(f).restarts, 1);
    assert_int_equal(f->state, SHARD_RUNNING);
    for (int i = 0; i < WORKERS; i++) {
        struct worker *w = &workers[i];
        w->stop = true;
        finish(f, &w->ask);
        forget(&w->ask);
        assert_int_equal(w->refused, 0); /* what was decided became durable before */
        assert_int_equal(look(f, w->purse), w->answered);
    }
    free(workers);
}

/* --- held actors ------------------------------------------------------------------------------ */

static void a_message_for_a_suspended_actor_waits_until_its_deadline(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    struct ask before = {.body.fill = {purse(1), 1}}, early = before, late = before, never = before;
    before.message.deadline_ns = f->world.now_ns + 400 * MS;
    early.message.deadline_ns = f->world.now_ns + 200 * MS;
    late.message.deadline_ns = f->world.now_ns + 5000 * MS;
    post(f, &before, &purse_fill_type, purse(1));
    command(f, 1, ACTOR_COMMAND_SUSPEND);
    post(f, &late, &purse_fill_type, purse(1));
    post(f, &early, &purse_fill_type, purse(1));
    post(f, &never, &purse_fill_type, purse(1));
    run(f, 190 * MS);
    assert_int_equal(early.done, 0);
    run(f, 20 * MS);
    assert_int_equal(early.done, 1);
    assert_int_equal(early.message.code, ERR_EXPIRED);
    assert_int_equal(before.done, 0);
    run(f, 200 * MS);
    assert_int_equal(before.message.code, ERR_EXPIRED);
    assert_int_equal(info_of(f, 1).mailbox, 2);
    command(f, 1, ACTOR_COMMAND_RESUME);
    finish(f, &late);
    finish(f, &never);
    assert_int_equal(late.message.code, ERR_OK);
    assert_int_equal(look(f, 1), 12);
    forget(&before);
    forget(&early);
    forget(&late);
    forget(&never);
}

static void what_is_due_of_a_held_actor_happens_once_it_is_resumed(void **state)
{
    struct fixture *f = *state;
    for (uint64_t n = 1; n <= 2; n++) {
        fill(f, n, 10);
        expire_after(f, n, 1000 * MS);
    }
    quarantine(f, 1);
    command(f, 2, ACTOR_COMMAND_SUSPEND);
    uint64_t turns = stats_of(f).kinds[PURSE_KIND].turns;
    run(f, 10000 * MS);
    assert_int_equal(stats_of(f).kinds[PURSE_KIND].turns, turns);
    for (uint64_t n = 1; n <= 2; n++) {
        command(f, n, ACTOR_COMMAND_RESUME);
        assert_int_equal(look(f, n), 10);
        run(f, 1100 * MS);
        assert_int_equal(look(f, n), 0);
    }
}

static void a_deadline_that_fails_is_tried_until_its_actor_is_quarantined(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, PURSE_CURSED);
    expire_after(f, 1, 1000 * MS);
    run(f, 10000 * MS);
    assert_true(info_of(f, 1).quarantined);
    assert_int_equal(stats_of(f).kinds[PURSE_KIND].failed, SUPERVISOR_ACTOR_FAILURES + 1);
    command(f, 1, ACTOR_COMMAND_RESUME);
    assert_int_equal(fill(f, 1, 1), ERR_OK);
    run(f, 1100 * MS);
    assert_int_equal(look(f, 1), 0);
}

static void controls_outlive_a_recovery_and_end_with_the_process(void **state)
{
    struct fixture *f = *state;
    for (uint64_t n = 1; n <= 3; n++)
        fill(f, n, 10);
    passivate(f, 3);
    assert_int_equal(look(f, 3), 10); /* it will not be in the tail of the journal */
    quarantine(f, 1);
    command(f, 2, ACTOR_COMMAND_TRACE);
    command(f, 3, ACTOR_COMMAND_SUSPEND);
    store_sim_script(f->sim, STORE_SIM_UNKNOWN_WRITTEN, 0);
    assert_int_equal(fill(f, 4, 1), ERR_OK);
    assert_int_equal(stats_of(f).recoveries, 1);
    assert_true(info_of(f, 1).quarantined);
    assert_true(info_of(f, 2).traced);
    run(f, 10 * MS);
    assert_true(info_of(f, 3).suspended && info_of(f, 3).exists);
    struct ask a = {.body.look = {purse(3)}};
    post(f, &a, &purse_look_type, purse(3));
    run(f, 1000 * MS);
    assert_int_equal(a.done, 0);
    command(f, 3, ACTOR_COMMAND_RESUME);
    finish(f, &a);
    assert_int_equal(coins_of(&a), 10);
    forget(&a);
    crash(f);
    assert_int_equal(look(f, 1), 10);
    assert_false(info_of(f, 1).quarantined);
}

static void a_held_actor_that_cannot_be_read_stays_held(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 10);
    passivate(f, 1);
    assert_int_equal(look(f, 1), 10);
    command(f, 1, ACTOR_COMMAND_SUSPEND);
    f->loads.delay_min_ns = f->loads.delay_max_ns = 20 * MS;
    store_sim_script(f->sim, STORE_SIM_UNKNOWN_WRITTEN, 0);
    assert_int_equal(fill(f, 2, 1), ERR_OK);
    store_sim_script(f->sim, STORE_SIM_READ_IO, 0);
    run(f, 200 * MS);
    struct ask a = {.body.look = {purse(1)}};
    post(f, &a, &purse_look_type, purse(1));
    run(f, 200 * MS);
    assert_int_equal(a.done, 0);
    assert_true(info_of(f, 1).suspended);
    command(f, 1, ACTOR_COMMAND_RESUME);
    finish(f, &a);
    forget(&a);
}

/* --- turns that take long, and many ----------------------------------------------------------- */

static uint64_t mono_slowly(struct env *e)
{
    struct world *w = container_of(e, struct world, loop.env);
    w->now_ns += 6 * MS; /* so long takes whatever is done between two looks at the clock */
    return w->now_ns;
}

static void turns_that_stall_the_loop_are_recorded(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 1);
    assert_int_equal(stats_of(f).stalls, 0);
    const struct env_ops *truly = f->world.loop.env.ops;
    struct env_ops slowly = *truly;
    slowly.mono_ns = mono_slowly;
    f->world.loop.env.ops = &slowly;
    fill(f, 1, 1);
    f->world.loop.env.ops = truly;
    assert_int_equal(stats_of(f).stalls, 1);
    assert_in_range(stats_of(f).stall_ns_max, 5 * MS, 20 * MS);
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

/* While it lasts, each look at the clock takes long; what is logged meanwhile goes into a pipe. */
struct slow_time {
    int ends[2];
    struct log log;
    const struct env_ops *truly;
    struct env_ops slowly;
};

static void make_slow(struct fixture *f, struct slow_time *slow)
{
    assert_int_equal(pipe(slow->ends), 0);
    log_init(&slow->log, slow->ends[1], LOG_LEVEL_WARN);
    slow->truly = f->world.loop.env.ops;
    slow->slowly = *slow->truly;
    slow->slowly.mono_ns = mono_slowly;
    f->world.loop.env.ops = &slow->slowly;
    f->world.loop.env.log = &slow->log;
}

static void end_slow(struct fixture *f, struct slow_time *slow, char *text, size_t size)
{
    f->world.loop.env.ops = slow->truly;
    f->world.loop.env.log = NULL;
    close(slow->ends[1]);
    ssize_t len = read(slow->ends[0], text, size - 1);
    assert_in_range(len, 1, size - 1);
    text[len] = '\0';
    close(slow->ends[0]);
}

/* One line a minute for each handler; the count has them all. */
static void stalls_of_one_handler_do_not_flood_the_log(void **state)
{
    struct fixture *f = *state;
    struct slow_time slow;
    make_slow(f, &slow);
    for (int i = 0; i < 5; i++)
        fill(f, 1, 1);
    f->world.now_ns += 61 * NS_PER_S;
    fill(f, 1, 1);
    char text[4 * LOG_LINE_MAX];
    end_slow(f, &slow, text, sizeof text);
    assert_int_equal(stats_of(f).stalls, 6);
    assert_int_equal(count_of(text, "turn_stalled"), 2);
    assert_int_equal(count_of(text, "\"suppressed\":4"), 1);
}

static void a_stall_is_told_with_its_handler_and_all_whose_turn_it_may_have_been(void **state)
{
    struct fixture *f = *state;
    for (uint64_t n = 1; n <= 3; n++)
        fill(f, n, 1);
    struct slow_time slow;
    make_slow(f, &slow);
    struct ask looks[] = {{.body.look = {purse(1)}}, {.body.look = {purse(2)}}};
    post(f, &looks[0], &purse_look_type, purse(1));
    post(f, &looks[1], &purse_look_type, purse(2));
    fill(f, 3, 1);
    char text[4 * LOG_LINE_MAX];
    end_slow(f, &slow, text, sizeof text);
    assert_int_equal(stats_of(f).stalls, 2);
    assert_int_equal(count_of(text, "turn_stalled"), 3);
    assert_int_equal(count_of(text, "\"message\":\"purse_look_type\""), 2);
    assert_int_equal(count_of(text, "\"turns\":2,"), 2);
    assert_int_equal(count_of(text, "\"message\":\"purse_fill_type\""), 1);
    assert_int_equal(count_of(text, "\"turns\":1,"), 1);
    for (size_t i = 0; i < array_len(looks); i++) {
        char actor[ID128_TEXT_LEN + 1] = {0};
        id128_text(purse(i + 1), actor);
        assert_int_equal(count_of(text, actor), 1);
        finish(f, &looks[i]);
        forget(&looks[i]);
    }
}

static uint64_t answered;

static void note_order(struct message *m)
{
    struct ask *a = container_of(m, struct ask, message);
    a->done = (int)++answered;
}

/* Its messages wait in the mailbox when another actor's comes. */
static void a_busy_actor_lets_others_run_between(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 300 };
    struct ask *asks = calloc(MANY + 1, sizeof *asks);
    answered = 0;
    for (uint64_t n = 1; n <= 2; n++) {
        fill(f, n, 1);
        command(f, n, ACTOR_COMMAND_SUSPEND);
    }
    for (int i = 0; i <= MANY; i++) {
        uint64_t n = i < MANY ? 1 : 2;
        asks[i].body.fill = (struct purse_fill){purse(n), 1};
        post(f, &asks[i], &purse_fill_type, purse(n));
        asks[i].message.done = note_order;
    }
    run(f, 100 * MS);
    command(f, 1, ACTOR_COMMAND_RESUME);
    command(f, 2, ACTOR_COMMAND_RESUME);
    run(f, 100 * MS);
    assert_int_equal(answered, MANY + 1);
    assert_int_equal(asks[MANY].done, 64 + 1); /* after 64 of the first one */
    for (int i = 0; i <= MANY; i++)
        forget(&asks[i]);
    free(asks);
}

int main(void)
{
#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SCENARIO(a_failing_actor_is_quarantined_and_others_go_on),
        SCENARIO(a_letter_that_was_sent_again_meanwhile_does_nothing_when_it_is_replayed),
        SCENARIO(a_letter_that_is_replayed_is_a_record_of_who_sent_it),
        SCENARIO(a_letter_that_nobody_can_handle_now_is_kept),
        SCENARIO(a_rebuild_does_not_wait_for_the_load_to_end),
        SCENARIO(a_message_for_a_suspended_actor_waits_until_its_deadline),
        SCENARIO(the_busiest_actors_come_first),
        SCENARIO(failures_of_long_ago_are_forgotten_when_room_is_needed),
        SCENARIO(what_is_due_of_a_held_actor_happens_once_it_is_resumed),
        SCENARIO(a_deadline_that_fails_is_tried_until_its_actor_is_quarantined),
        SCENARIO(controls_outlive_a_recovery_and_end_with_the_process),
        SCENARIO(a_held_actor_that_cannot_be_read_stays_held),
        SCENARIO(turns_that_stall_the_loop_are_recorded),
        SCENARIO(stalls_of_one_handler_do_not_flood_the_log),
        SCENARIO(a_stall_is_told_with_its_handler_and_all_whose_turn_it_may_have_been),
        SCENARIO(a_busy_actor_lets_others_run_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
