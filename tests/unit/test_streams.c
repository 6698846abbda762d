/* SPDX-License-Identifier: Apache-2.0 */
/* Sends between the shards of a node, over a transport that loses and repeats frames, with shards
 * that recover and a process that dies at any moment. A toy domain: an actor gives coins to
 * another, which says thanks; the giver's client is answered when the thanks are there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include "runtime/actor/turn.h"
#include "runtime/base/mutant.h"
#include "runtime/node/frame_mail.h"
#include "runtime/node/shard_set.h"
#include "runtime/sends/parked.h"
#include "runtime/sends/sends_service.h"
#include "runtime/shard/shard_priv.h"
#include "runtime/sim/store_sim.h"
#include "runtime/sim/world.h"

#define MS NS_PER_MS
#define SHARDS 3
#define PURSE 1
#define PURSES 4 /* in each shard */
#define COINS 1000
#define CURSED 3 /* the last purse of a shard: its turns fail while the curse lasts */

/* --- the domain ------------------------------------------------------------------------------- */

struct purse {
    uint64_t coins, given, got;
};

struct gift {
    struct id128 from, to;
    uint64_t coins;
    struct id128 ask; /* of present and thanks */
};

static bool curse; /* lasts */

static void gift_write(struct wire_writer *w, const void *body)
{
    const struct gift *g = body;
    wire_put_array(w, 4);
    wire_put_id(w, g->from);
    wire_put_id(w, g->to);
    wire_put_uint(w, g->coins);
    wire_put_id(w, g->ask);
}

static bool gift_read(struct wire_reader *r, struct arena *a, void *body)
{
    struct gift *g = body;
    (void)a;
    if (wire_get_array(r, 4) != 4)
        return false;
    g->from = wire_get_id(r);
    g->to = wire_get_id(r);
    g->coins = wire_get_uint(r, UINT64_MAX);
    g->ask = wire_get_id(r);
    return !r->failed;
}

#define GIFT_TYPE(type_name, type_number, offset)                                                  \
    static const struct message_type type_name##_type = {.name = #type_name,                       \
                                                         .number = type_number,                    \
                                                         .target_kind = PURSE,                     \
                                                         .target_offset = offset,                  \
                                                         .size = sizeof(struct gift),              \
                                                         .mutates = true,                          \
                                                         .read = gift_read,                        \
                                                         .write = gift_write}

GIFT_TYPE(give, 1, offsetof(struct gift, from));
GIFT_TYPE(present, 2, offsetof(struct gift, to));
GIFT_TYPE(thanks, 3, offsetof(struct gift, from));
GIFT_TYPE(given, 4, MESSAGE_NO_OFFSET);
GIFT_TYPE(got, 5, MESSAGE_NO_OFFSET);
GIFT_TYPE(made, 6, MESSAGE_NO_OFFSET);

static struct id128 purse_id(uint16_t shard, uint64_t number)
{
    return (struct id128){0, (number + 1) << 16 | shard};
}

static bool is_cursed(struct id128 id)
{
    return curse && id.lo >> 16 == CURSED + 1;
}

/* A purse is made by the first gift that it gives or gets. */
static void purse_make(struct turn *t, struct id128 id, enum presence found)
{
    const struct gift make = {.from = id};
    if (found == PRESENCE_ABSENT)
        turn_emit(t, &made_type, &make);
}

static enum turn_result on_give(struct turn *t, struct id128 self, const struct message *m)
{
    struct gift g = *(const struct gift *)m->body;
    const void *state;
    enum presence found = turn_find(t, PURSE, self, &state);
    if (found == PRESENCE_WAITING)
        return TURN_WAIT;
    purse_make(t, self, found);
    turn_emit(t, &given_type, &g);
    g.ask = turn_open(t, ID128_ZERO);
    turn_send(t, &present_type, &g);
    return TURN_DONE;
}

static enum turn_result on_present(struct turn *t, struct id128 self, const struct message *m)
{
    const void *state;
    enum presence found = turn_find(t, PURSE, self, &state);
    if (found == PRESENCE_WAITING)
        return TURN_WAIT;
    purse_make(t, self, found);
    turn_emit(t, &got_type, m->body);
    if (is_cursed(self))
        return turn_fail(t, "cursed");
    turn_send(t, &thanks_type, m->body);
    return TURN_DONE;
}

static enum turn_result on_thanks(struct turn *t, struct id128 self, const struct message *m)
{
    const struct gift *g = m->body;
    (void)self;
    turn_close(t, g->ask, ERR_OK, &given_type, g, 7);
    return TURN_DONE;
}

static void made_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct gift *g = event;
    (void)time_ns;
    ((struct purse *)registry_create(r, PURSE, g->from))->coins = COINS;
}

static void given_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct gift *g = event;
    struct purse *p = registry_state(r, PURSE, g->from);
    (void)time_ns;
    p->coins -= g->coins;
    p->given++;
}

static void got_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct gift *g = event;
    struct purse *p = registry_state(r, PURSE, g->to);
    (void)time_ns;
    p->coins += g->coins;
    p->got++;
}

static void purse_write(struct wire_writer *w, const void *state)
{
    const struct purse *p = state;
    wire_put_array(w, 3);
    wire_put_uint(w, p->coins);
    wire_put_uint(w, p->given);
    wire_put_uint(w, p->got);
}

static bool purse_read(struct registry *r, struct wire_reader *from, void *state)
{
    struct purse *p = state;
    (void)r;
    if (wire_get_array(from, 3) != 3)
        return false;
    p->coins = wire_get_uint(from, UINT64_MAX);
    p->given = wire_get_uint(from, UINT64_MAX);
    p->got = wire_get_uint(from, UINT64_MAX);
    return !from->failed;
}

static const struct handler handlers[] = {
    {&give_type, on_give},
    {&present_type, on_present},
    {&thanks_type, on_thanks},
};
static const struct state_codec codec = {.write = purse_write, .read = purse_read};
static const struct actor_kind purse_kind = {.name = "purse",
                                             .number = PURSE,
                                             .state_size = sizeof(struct purse),
                                             .handlers = handlers,
                                             .handler_count = array_len(handlers),
                                             .codec = &codec};
static const struct actor_kind *const kinds[] = {&purse_kind};
static const struct event_rule rules[] = {
    {.type = &made_type, .key_offset = MESSAGE_NO_OFFSET, .apply = made_apply},
    {.type = &given_type, .key_offset = MESSAGE_NO_OFFSET, .apply = given_apply},
    {.type = &got_type, .key_offset = MESSAGE_NO_OFFSET, .apply = got_apply},
};
static const struct service purse_service = {.name = "purses",
                                             .kinds = kinds,
                                             .kind_count = array_len(kinds),
                                             .rules = rules,
                                             .rule_count = array_len(rules)};
static const struct service *const services[] = {&purse_service, &sends_service};

/* --- a node of three shards ------------------------------------------------------------------- */

struct giver { /* a client */
    struct message message;
    struct gift gift;
    bool answered;
};

struct scene {
    struct world world;
    struct world_worker journal, views, read, loads;
    struct rng rng;
    struct store_sim *sim;
    struct domain domain;
    struct shard_set *set;
    uint32_t lose_ppm, repeat_ppm; /* of frames */
    uint32_t stopped;
    char reason[256];
    struct giver givers[64];
    uint32_t giver_count;
};

static void on_pass(void *context)
{
    struct scene *s = context;
    for (uint16_t i = 0; s->set != NULL && i < SHARDS; i++)
        if (shard_set_pass(s->set, i, 500000))
            env_wake(&s->world.loop.env);
}

static void on_state(void *context, uint16_t shard, enum shard_state state, const char *reason)
{
    struct scene *s = context;
    (void)shard;
    if (state != SHARD_STOPPED)
        return;
    s->stopped++;
    snprintf(s->reason, sizeof s->reason, "%s", reason);
}

static void on_quiet(void *context, uint16_t shard)
{
    (void)context;
    (void)shard;
}

static void deliver(void *context, const struct frame *f)
{
    struct scene *s = context;
    if (s->set != NULL)
        shard_frame(shard_set_shard(s->set, f->to), f);
}

static void carry(void *context, const struct frame *f)
{
    struct scene *s = context;
    if (rng_chance(&s->rng, s->lose_ppm))
        return;
    frame_mail_send(&s->world.loop.env, f, deliver, s);
    if (rng_chance(&s->rng, s->repeat_ppm))
        frame_mail_send(&s->world.loop.env, f, deliver, s);
}

static void start(struct scene *s)
{
    static struct env *envs[1];
    static struct worker *readers[1], *loaders[1];
    envs[0] = &s->world.loop.env;
    readers[0] = (struct worker *)&s->read;
    loaders[0] = (struct worker *)&s->loads;
    s->set = shard_set_new(&(struct shard_set_options){
        .domain = &s->domain,
        .journal_store = store_sim_journal(s->sim),
        .view_store = store_sim_views(s->sim),
        .shards = SHARDS,
        .envs = envs,
        .env_count = 1,
        .journal_worker = (struct worker *)&s->journal,
        .views_worker = (struct worker *)&s->views,
        .read_workers = readers,
        .reader_count = 1,
        .load_workers = loaders,
        .loader_count = 1,
        .owner = slice_of("test"),
        .resident_max = 1000,
        .dedup_entries_max = 10000,
        .filter_bytes = 1 << 16,
        .transport = {carry, s},
        .state_changed = on_state,
        .quiet = on_quiet,
        .context = s,
    });
    env_wake(&s->world.loop.env);
}

static int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    world_init(&s->world, 7);
    s->world.loop.pass = on_pass;
    s->world.loop.context = s;
    world_worker_init(&s->journal, &s->world, "journal", MS / 10, MS / 2);
    world_worker_init(&s->views, &s->world, "views", MS / 10, 2 * MS);
    world_worker_init(&s->read, &s->world, "read", MS / 100, MS / 10);
    world_worker_init(&s->loads, &s->world, "loads", MS / 100, MS / 10);
    rng_seed(&s->rng, 99);
    s->sim = store_sim_new(&(struct store_sim_options){.rng = &s->rng});
    domain_init(&s->domain, services, array_len(services));
    curse = false;
    start(s);
    *state = s;
    return 0;
}

static bool keep_none(void *context)
{
    (void)context;
    return false;
}

/* The process dies. */
static void kill_node(struct scene *s)
{
    s->set = shard_set_kill(s->set);
    world_crash(&s->world, keep_none);
    store_sim_crash(s->sim);
    for (uint32_t i = 0; i < s->giver_count; i++)
        wire_writer_done(&s->givers[i].message.reply);
    s->giver_count = 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    kill_node(s);
    store_sim_free(s->sim);
    world_done(&s->world);
    free(s);
    return 0;
}

static void run(struct scene *s, uint64_t ns)
{
    world_run(&s->world, s->world.now_ns + ns);
}

static void on_answer(struct message *m)
{
    container_of(m, struct giver, message)->answered = true;
}

/* A client gives coins under a key of its own. */
static struct giver *give(struct scene *s, struct id128 from, struct id128 to, uint64_t coins,
                          uint64_t key)
{
    assert_true(s->giver_count < array_len(s->givers));
    struct giver *g = &s->givers[s->giver_count++];
    *g = (struct giver){.gift = {.from = from, .to = to, .coins = coins}};
    g->message = (struct message){.type = &give_type,
                                  .body = &g->gift,
                                  .done = on_answer,
                                  .keyed = true,
                                  .key = {1, key},
                                  .fingerprint = {2, coins},
                                  .who = principal_system()};
    wire_writer_init(&g->message.reply, 1000);
    shard_set_post(s->set, &s->world.loop.env, &g->message);
    return g;
}

static const void *peek(struct scene *s, uint16_t kind, struct id128 id, uint16_t shard)
{
    struct actor *a = registry_find(&shard_set_shard(s->set, shard)->registry, kind, id);
    return a != NULL && (a->flags & ACTOR_EXISTS) != 0 ? actor_state(a) : NULL;
}

/* Of purses that are in memory, as all are that were used since the start. */
static struct purse look(struct scene *s, struct id128 id)
{
    const struct purse *p = peek(s, PURSE, id, id128_home(id) % SHARDS);
    return p != NULL ? *p : (struct purse){COINS, 0, 0};
}

static const struct stream *stream_of(struct scene *s, uint16_t shard, uint16_t other)
{
    return peek(s, KIND_STREAM, stream_id(other, false), shard);
}

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
    assert_int_equal(queue->count, 2);
    assert_int_equal(stream_of(s, 1, 0)->taken.n, 3);
    assert_null(peek(s, PURSE, target, 1));
    kill_node(s);
    start(s);
    run(s, 100 * MS);
    assert_non_null(peek(s, KIND_PARKED, parked_id(0, false, 2), 1));
}

/* Its journal is shorter than what another shard has taken. */
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
        gave[id128_home(g->from)][(g->from.lo >> 16) - 1] += g->coins;
        got[id128_home(g->to)][(g->to.lo >> 16) - 1] += g->coins;
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

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_gift_is_answered_when_the_thanks_are_there),
        CASE(who_asks_again_waits_for_the_same_outcome),
        CASE(an_ask_outlives_the_process),
        CASE(a_deadline_says_that_the_work_goes_on),
        CASE(what_fails_is_parked_and_the_stream_goes_on),
        CASE(a_sender_that_lost_its_end_stops),
        CASE(each_send_takes_effect_once_whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
