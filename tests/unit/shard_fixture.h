/* SPDX-License-Identifier: Apache-2.0 */
/* One shard of purses in the simulated world, with a simulated store, and the requests that tests
 * make of it. */
#ifndef TESTS_SHARD_FIXTURE_H
#define TESTS_SHARD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <unistd.h>

#include "runtime/base/time.h"
#include "runtime/observe/log.h"
#include "runtime/projector/replay.h"
#include "runtime/shard/ingress.h"
#include "runtime/shard/loader.h"
#include "runtime/shard/shard.h"
#include "runtime/shard/supervisor.h"
#include "runtime/sim/store_sim.h"
#include "runtime/sim/world.h"
#include "tests/unit/purse.h"

#define MS NS_PER_MS

/* --- a node with one shard -------------------------------------------------------------------- */

struct fixture {
    struct world world;
    struct committer committer;
    struct projector_stores stores;
    struct stepper stepper;
    struct world_worker journal, views, read, loads;
    struct rng rng;
    struct store_sim *sim;
    struct domain domain;
    struct shard *shard;
    enum shard_state state;
    const char *reason;
    size_t resident_max;
    uint64_t journal_quota;
    uint16_t number; /* of the shard that is running */
    struct progress progress;
    struct slot_map slots;
    struct progress_shard shards[2]; /* the other does not run, and stands at nothing */
};

/* One request and its answer. */
struct ask {
    struct message message;
    union {
        struct purse_fill fill;
        struct purse_move move;
        struct purse_look look;
        struct purse_expire expire;
    } body;
    int done;
};

static uint16_t list_code = ERR_OK; /* what a list says */

/* A list of nothing. */
static inline uint16_t run_list(struct view_store *s, const struct message *m,
                                struct wire_writer *reply, uint16_t *reply_type)
{
    (void)s;
    (void)m;
    (void)reply;
    (void)reply_type;
    return list_code;
}

static const struct message_type list_type = {.name = "list",
                                              .number = 17,
                                              .target_kind = PURSE_KIND,
                                              .target_offset = MESSAGE_NO_OFFSET,
                                              .view = true};
/* The same of one purse: its target stands in the body. */
static const struct message_type list_of_one_type = {.name = "list_of_one",
                                                     .number = 18,
                                                     .target_kind = PURSE_KIND,
                                                     .target_offset = 0,
                                                     .view = true};
static const struct query queries[] = {{&list_type, run_list}, {&list_of_one_type, run_list}};
static const struct service list_service = {
    .name = "list", .queries = queries, .query_count = array_len(queries)};

static const struct service *const services[] = {&purse_service, &list_service};

static inline void on_state(void *context, enum shard_state state, const char *reason)
{
    struct fixture *f = context;
    f->state = state;
    f->reason = reason;
}

static inline void on_pass(void *context)
{
    struct fixture *f = context;
    if (f->shard == NULL)
        return;
    shard_pass(f->shard, 500000);
    if (shard_answer(f->shard))
        env_wake(&f->world.loop.env);
}

static inline void on_notify(void *context, uint16_t shard)
{
    struct fixture *f = context;
    if (shard == f->number)
        env_wake(&f->world.loop.env);
}

static inline void start(struct fixture *f)
{
    if (f->committer.store != NULL) {
        committer_done(&f->committer);
        stepper_done(&f->stepper);
    }
    committer_init(&f->committer, (struct worker *)&f->journal, store_sim_journal(f->sim));
    f->stores = (struct projector_stores){store_sim_journal(f->sim), store_sim_views(f->sim)};
    stepper_init(&f->stepper, (struct worker *)&f->views, &projector_sink, &f->stores);
    struct shard_options o = {
        .env = &f->world.loop.env,
        .domain = &f->domain,
        .committer = &f->committer,
        .view_store = store_sim_views(f->sim),
        .stepper = &f->stepper,
        .read_worker = (struct worker *)&f->read,
        .load_worker = (struct worker *)&f->loads,
        .number = f->number,
        .slots = &f->slots,
        .progress = &f->progress,
        .owner = slice_of("test"),
        .resident_max = f->resident_max,
        .dedup_entries_max = 10000,
        .filter_bytes = 1 << 16,
        .journal_quota = f->journal_quota,
        .state_changed = on_state,
        .context = f,
    };
    slot_map_split(&f->slots, array_len(f->shards));
    memset(f->shards, 0, sizeof f->shards);
    f->shards[1 - f->number].accepted = f->shards[1 - f->number].opened = true;
    f->progress = (struct progress){
        .count = array_len(f->shards), .notify = on_notify, .context = f, .shards = f->shards};
    f->state = SHARD_OPENING;
    f->shard = shard_new(&o);
}

static inline void run(struct fixture *f, uint64_t ns)
{
    world_run(&f->world, f->world.now_ns + ns);
}

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    world_init(&f->world, 7);
    f->world.loop.pass = on_pass;
    f->world.loop.context = f;
    world_worker_init(&f->journal, &f->world, "journal", MS / 10, MS / 2);
    world_worker_init(&f->views, &f->world, "views", MS / 10, 2 * MS);
    world_worker_init(&f->read, &f->world, "read", MS / 100, MS / 10);
    world_worker_init(&f->loads, &f->world, "loads", MS / 100, MS / 10);
    rng_seed(&f->rng, 99);
    struct store_sim_options o = {
        .rng = &f->rng, .in_flight = false};
    f->sim = store_sim_new(&o);
    domain_init(&f->domain, services, array_len(services));
    f->resident_max = 1000;
    start(f);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->shard != NULL)
        f->shard = shard_kill(f->shard);
    committer_done(&f->committer);
    stepper_done(&f->stepper);
    store_sim_free(f->sim);
    world_done(&f->world);
    free(f);
    return 0;
}

static inline bool keep_none(void *context)
{
    (void)context;
    return false;
}

static inline void crash(struct fixture *f)
{
    world_crash(&f->world, keep_none);
    f->shard = shard_kill(f->shard);
    store_sim_crash(f->sim);
    f->journal.free_ns = f->views.free_ns = f->read.free_ns = f->loads.free_ns = 0;
    start(f);
}

static inline void on_done(struct message *m)
{
    container_of(m, struct ask, message)->done++;
}

static inline struct id128 purse(uint64_t n)
{
    return (struct id128){((WORLD_EPOCH_NS / NS_PER_MS) << 16) | n, 0};
}

static inline struct principal someone_asking(void)
{
    struct principal who = {
        .tenant = slice_of("acme"), .subject = slice_of("ada"), .client = slice_of("app")};
    principal_identify(&who);
    return who;
}

static inline void post(struct fixture *f, struct ask *a, const struct message_type *type,
                        struct id128 target)
{
    a->message.type = type;
    a->message.body = &a->body;
    a->message.target_kind = PURSE_KIND;
    a->message.target = target;
    struct slice client = a->message.who.client, tenant = a->message.who.tenant;
    bool any_owner = a->message.who.any_owner, operator= a->message.who.operator;
    a->message.who = someone_asking();
    a->message.who.any_owner = any_owner;
    a->message.who.operator= operator;
    if (client.len > 0)
        a->message.who.client = client;
    if (tenant.len > 0) {
        a->message.who.tenant = tenant;
        principal_identify(&a->message.who);
    }
    a->message.done = on_done;
    a->message.home = &f->world.loop.env;
    if (a->message.reply.len_max == 0)
        wire_writer_init(&a->message.reply, 1 << 16);
    a->done = 0;
    shard_post(f->shard, &a->message);
}

static inline void finish(struct fixture *f, struct ask *a)
{
    for (int i = 0; i < 2000 && a->done == 0; i++)
        run(f, MS);
    assert_int_equal(a->done, 1);
}

static inline void forget(struct ask *a)
{
    wire_writer_done(&a->message.reply);
}

static inline uint64_t coins_of(const struct ask *a)
{
    struct purse_coins c = {0};
    struct wire_reader r;
    wire_reader_init(&r, a->message.reply.data, a->message.reply.len);
    assert_int_equal(a->message.reply_type, purse_coins_type.number);
    assert_true(purse_coins_type.read(&r, NULL, &c));
    return c.coins;
}

static inline uint16_t fill(struct fixture *f, uint64_t n, uint64_t coins)
{
    struct ask a = {.body.fill = {purse(n), coins}};
    post(f, &a, &purse_fill_type, purse(n));
    finish(f, &a);
    forget(&a);
    return a.message.code;
}

static inline uint16_t move(struct fixture *f, uint64_t from, uint64_t to, uint64_t coins,
                            uint32_t times)
{
    struct ask a = {.body.move = {purse(from), purse(to), coins, times}};
    post(f, &a, &purse_move_type, purse(from));
    finish(f, &a);
    forget(&a);
    return a.message.code;
}

static inline uint64_t look(struct fixture *f, uint64_t n)
{
    struct ask a = {.body.look = {purse(n)}};
    post(f, &a, &purse_look_type, purse(n));
    finish(f, &a);
    uint64_t coins = a.message.code == ERR_OK ? coins_of(&a) : UINT64_MAX;
    forget(&a);
    return coins;
}

static inline void keyed(struct ask *a, uint64_t key, uint64_t fingerprint)
{
    a->message.keyed = true;
    a->message.key = (struct id128){key, 1};
    a->message.fingerprint = (struct id128){fingerprint, 2};
}

static inline uint16_t break_purse(struct fixture *f, uint64_t n)
{
    struct ask a = {.body.look = {purse(n)}};
    post(f, &a, &purse_break_type, purse(n));
    finish(f, &a);
    forget(&a);
    return a.message.code;
}

/* Sets a deadline after which the purse is emptied. */
static inline void expire_after(struct fixture *f, uint64_t n, uint64_t ns)
{
    struct ask a = {.body.expire = {purse(n), WORLD_EPOCH_NS + f->world.now_ns + ns}};
    post(f, &a, &purse_expire_type, purse(n));
    finish(f, &a);
    assert_int_equal(a.message.code, ERR_OK);
    forget(&a);
}

static inline void command(struct fixture *f, uint64_t n, enum actor_command what)
{
    assert_int_equal(shard_actor_command(f->shard, PURSE_KIND, purse(n), what), ERR_OK);
}

static inline void passivate(struct fixture *f, uint64_t n)
{
    for (int i = 0; i < 3000; i++) {
        run(f, MS);
        if (shard_actor_command(f->shard, PURSE_KIND, purse(n), ACTOR_COMMAND_STOP) == ERR_OK)
            return;
    }
    fail_msg("purse %u does not leave", (unsigned)n);
}

/* A batch of nothing but refusals after `row`, written behind the shard's back. */
static inline void append_refusals(struct fixture *f, uint32_t count, struct wire_writer *body,
                                   struct batch_row *row)
{
    const uint64_t seq = row->seq + 1;
    struct journal_store *s = store_sim_journal(f->sim);
    wire_writer_clear(body);
    record_body_start(body);
    for (uint32_t i = 0; i < count; i++) {
        const struct id128 key = {seq, i + 1}, fingerprint = {1, 1};
        const struct principal who = principal_system();
        const struct record_head head = {.time_ns = env_wall_ns(&f->world.loop.env) + seq,
                                         .key = &key,
                                         .fingerprint = &fingerprint,
                                         .who = &who};
        record_begin(body, &head, 0, i == 0);
        record_end(body, &(struct record_answer){.code = PURSE_EMPTY});
    }
    row->seq = seq;
    row->count = count;
    row->body = wire_written(body);
    row->prev_hash = row->hash;
    row->hash = batch_hash(row);
    struct batch_run run = {.rows = row, .count = 1};
    s->ops->append(s, &run, 1);
    assert_int_equal(run.result, ERR_OK);
}

/* --- the log ---------------------------------------------------------------------------------- */

struct listener {
    struct log log;
    int ends[2];
    char text[8 * LOG_LINE_MAX];
};

/* What the shard logs from now on is heard, until heard(). */
static inline void listen_to(struct fixture *f, struct listener *l)
{
    assert_int_equal(pipe(l->ends), 0);
    log_init(&l->log, l->ends[1], LOG_LEVEL_INFO);
    f->world.loop.env.log = &l->log;
}

/* How many lines of this event there were; the text has them all. */
static inline int heard(struct fixture *f, struct listener *l, const char *event)
{
    int count = 0;
    f->world.loop.env.log = NULL;
    close(l->ends[1]);
    ssize_t len = read(l->ends[0], l->text, sizeof l->text - 1);
    assert_true(len >= 0);
    l->text[len] = '\0';
    close(l->ends[0]);
    for (const char *at = l->text; (at = strstr(at, event)) != NULL; at++)
        count++;
    return count;
}

/* Another process takes the lease, which stops the shard at its next write. */
static inline void be_fenced(struct fixture *f)
{
    fill(f, 1, 1);
    struct journal_store *store = store_sim_journal(f->sim);
    uint64_t epoch;
    assert_int_equal(store->ops->lease_take(store, 0, slice_of("other"), &epoch), ERR_OK);
    assert_int_equal(fill(f, 1, 1), ERR_UNAVAILABLE);
    assert_int_equal(f->state, SHARD_STOPPED);
}

#endif
