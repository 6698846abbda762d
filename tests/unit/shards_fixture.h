/* SPDX-License-Identifier: Apache-2.0 */
/* A bank of two shards, or more if a test says so, in one process: the real domain, a simulated
 * store, and between the shards a transport that a test can cut. Account n lives in shard
 * n % SHARDS. */
#ifndef TESTS_SHARDS_FIXTURE_H
#define TESTS_SHARDS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/ledger/account.h"
#include "actors/ledger/transit.h"
#include "actors/services.h"
#include "runtime/node/frame_mail.h"
#include "runtime/node/shard_set.h"
#include "runtime/shard/shard_priv.h"
#include "runtime/sim/store_sim.h"
#include "runtime/sim/world.h"
#include "schemas/common.h"
#include "schemas/ledger.h"
#include "schemas/result.h"

#ifndef SHARDS
#define SHARDS 2
#endif
#define SHARD_SLOTS (SLOT_COUNT / SHARDS)
#define USD 840
#define EUR 978
#define TABLES_MAX 32
#define QUESTIONS_MAX 64

struct question { /* of a client, and its answer */
    struct message message;
    bool answered;
};

struct shards_bank {
    struct world world;
    struct world_worker journal, views, read, loads;
    struct rng rng;
    struct store_sim *sim;
    const struct view_table *tables[TABLES_MAX];
    uint32_t table_count;
    struct domain domain;
    struct slot_map slots;
    struct shard_set *set;
    struct arena arena;            /* of decoded answers */
    uint32_t lose_ppm, repeat_ppm; /* of frames */
    bool cut[SHARDS];              /* nothing leaves this shard */
    void (*forge)(struct shards_bank *b, struct frame *f); /* what leaves is changed by it */
    bool lost[SHARDS][SHARDS];     /* what the first says to the second does not arrive */
    struct slice asker;            /* who asks; empty: the teller */
    bool operates;                 /* as an operator */
    bool adjusts;                  /* ... and may move money beneath a service */
    const struct precondition *condition; /* of what is asked; NULL: none */
    bool may_stop;                        /* a shard, for a reason */
    char reason[1024];                    /* of the one that has stopped */
    struct question questions[QUESTIONS_MAX];
    uint32_t question_count;
};

static inline void shards_pass(void *context)
{
    struct shards_bank *b = context;
    for (uint16_t i = 0; b->set != NULL && i < SHARDS; i++)
        shard_set_pass(b->set, i, 500000);
    for (uint16_t i = 0; b->set != NULL && i < SHARDS; i++)
        if (shard_set_answer(b->set, i))
            env_wake(&b->world.loop.env);
}

static inline void shards_state(void *context, uint16_t shard, enum shard_state state,
                                const char *reason)
{
    struct shards_bank *b = context;
    if (state == SHARD_STOPPED && !b->may_stop)
        fail_msg("shard %u stopped: %s", shard, reason);
    if (state == SHARD_STOPPED)
        snprintf(b->reason, sizeof b->reason, "%s", reason);
}

static inline void shards_quiet(void *context, uint16_t shard)
{
    (void)context;
    (void)shard;
}

static inline void shards_deliver(void *context, const struct frame *f)
{
    struct shards_bank *b = context;
    if (b->set != NULL)
        shard_frame(shard_set_shard(b->set, f->to), f);
}

static inline void shards_carry(void *context, const struct frame *f)
{
    struct shards_bank *b = context;
    if ((b->cut[f->from] && f->from != f->to) || b->lost[f->from][f->to] ||
        rng_chance(&b->rng, b->lose_ppm))
        return;
    struct frame sent = *f;
    if (b->forge != NULL)
        b->forge(b, &sent);
    frame_mail_send(&b->world.loop.env, &sent, shards_deliver, b);
    if (rng_chance(&b->rng, b->repeat_ppm))
        frame_mail_send(&b->world.loop.env, &sent, shards_deliver, b);
}

static inline void shards_run(struct shards_bank *b, uint64_t ns)
{
    world_run(&b->world, b->world.now_ns + ns);
}

static inline void shards_start(struct shards_bank *b)
{
    struct env *envs[] = {&b->world.loop.env};
    struct worker *readers[] = {(struct worker *)&b->read};
    struct worker *loaders[] = {(struct worker *)&b->loads};
    b->set = shard_set_new(&(struct shard_set_options){
        .domain = &b->domain,
        .journal_store = store_sim_journal(b->sim),
        .view_store = store_sim_views(b->sim),
        .slots = &b->slots,
        .envs = envs,
        .env_count = 1,
        .journal_worker = (struct worker *)&b->journal,
        .views_worker = (struct worker *)&b->views,
        .read_workers = readers,
        .reader_count = 1,
        .load_workers = loaders,
        .loader_count = 1,
        .owner = slice_of("test"),
        .resident_max = 1000,
        .dedup_entries_max = 10000,
        .filter_bytes = 1 << 16,
        .transport = {shards_carry, b},
        .state_changed = shards_state,
        .quiet = shards_quiet,
        .context = b,
    });
    env_wake(&b->world.loop.env);
    shards_run(b, 100 * NS_PER_MS);
}

static inline int shards_setup(void **state)
{
    struct shards_bank *b = calloc(1, sizeof *b);
    assert_non_null(b);
    world_init(&b->world, 7);
    b->world.loop.pass = shards_pass;
    b->world.loop.context = b;
    world_worker_init(&b->journal, &b->world, "journal", 1000, 50000);
    world_worker_init(&b->views, &b->world, "views", 1000, 50000);
    world_worker_init(&b->read, &b->world, "read", 1000, 50000);
    world_worker_init(&b->loads, &b->world, "loads", 1000, 50000);
    rng_seed(&b->rng, 99);
    services_domain_init(&b->domain);
    slot_map_split(&b->slots, SHARDS);
    for (uint32_t i = 0; i < b->domain.service_count; i++)
        for (uint32_t j = 0; j < b->domain.services[i]->view_count; j++)
            b->tables[b->table_count++] = b->domain.services[i]->views[j];
    b->sim = store_sim_new(&(struct store_sim_options){
        .tables = b->tables, .table_count = b->table_count, .rng = &b->rng});
    arena_init(&b->arena, 16 << 20);
    shards_start(b);
    *state = b;
    return 0;
}

static inline bool shards_keep_none(void *context)
{
    (void)context;
    return false;
}

static inline void shards_forget_questions(struct shards_bank *b)
{
    for (uint32_t i = 0; i < b->question_count; i++)
        wire_writer_done(&b->questions[i].message.reply);
    b->question_count = 0;
}

static inline void shards_kill(struct shards_bank *b)
{
    b->set = shard_set_kill(b->set);
    world_crash(&b->world, shards_keep_none);
    store_sim_crash(b->sim);
    shards_forget_questions(b);
}

/* The process dies and comes back. */
static inline void shards_restart(struct shards_bank *b)
{
    shards_kill(b);
    shards_start(b);
}

static inline int shards_teardown(void **state)
{
    struct shards_bank *b = *state;
    shards_kill(b);
    store_sim_free(b->sim);
    world_done(&b->world);
    arena_done(&b->arena);
    free(b);
    return 0;
}

/* --- asking ----------------------------------------------------------------------------------- */

static inline struct principal shards_teller(void)
{
    struct principal who = {.tenant = slice_of("acme"),
                            .subject = slice_of("teller"),
                            .client = slice_of("app"),
                            .any_owner = true};
    principal_identify(&who);
    return who;
}

static inline struct principal shards_asker(const struct shards_bank *b)
{
    struct principal who = shards_teller();
    who.adjusts = b->adjusts;
    who.operator = b->operates;
    if (b->asker.len == 0)
        return who;
    who.any_owner = false;
    who.subject = b->asker;
    principal_identify(&who);
    return who;
}

static inline void shards_answered(struct message *m)
{
    container_of(m, struct question, message)->answered = true;
}

/* The body is copied, what it points to is not. `key` 0: without an idempotency key. */
static inline struct question *shards_ask(struct shards_bank *b, const struct message_type *type,
                                          const void *body, uint64_t key)
{
    assert_true(b->question_count < QUESTIONS_MAX);
    struct question *q = &b->questions[b->question_count++];
    void *copy = arena_alloc(&b->arena, type->size);
    assert_non_null(copy);
    memcpy(copy, body, type->size);
    *q = (struct question){.message = {.type = type,
                                       .body = copy,
                                       .keyed = key != 0,
                                       .key = {1, key},
                                       .fingerprint = {type->number, key},
                                       .who = shards_asker(b),
                                       .precondition = b->condition,
                                       .home = &b->world.loop.env,
                                       .done = shards_answered}};
    wire_writer_init(&q->message.reply, 1 << 16);
    shard_set_post(b->set, &b->world.loop.env, &q->message);
    return q;
}

static inline uint16_t shards_code(struct shards_bank *b, struct question *q)
{
    for (int i = 0; i < 2000 && !q->answered; i++)
        shards_run(b, NS_PER_MS);
    assert_true(q->answered);
    return q->message.code;
}

static inline void shards_reply(struct shards_bank *b, const struct question *q,
                                const struct message_type *type, void *reply)
{
    struct wire_reader from;
    assert_int_equal(q->message.reply_type, type->number);
    memset(reply, 0, type->size);
    wire_reader_init(&from, q->message.reply.data, q->message.reply.len);
    assert_true(type->read(&from, &b->arena, reply));
}

/* Asks, waits, and has what it took forgotten. */
static inline uint16_t shards_do(struct shards_bank *b, const struct message_type *type,
                                 const void *body)
{
    struct question *q = shards_ask(b, type, body, 0);
    uint16_t code = shards_code(b, q);
    assert_ptr_equal(q, &b->questions[b->question_count - 1]);
    wire_writer_done(&q->message.reply);
    b->question_count--;
    return code;
}

static inline struct id128 shards_account(uint64_t n)
{
    return (struct id128){WORLD_EPOCH_NS / NS_PER_MS << 16, n << 16 | n % SHARDS * SHARD_SLOTS};
}

static inline void shards_open(struct shards_bank *b, uint64_t n, uint16_t currency, uint32_t flags)
{
    struct account_create c = {.has_account_id = true,
                               .account_id = shards_account(n),
                               .currency = currency,
                               .code = 100,
                               .has_flags = true,
                               .flags = flags};
    assert_int_equal(shards_do(b, &account_create_type, &c), RESULT_OK);
}

static inline struct transfer_create shards_transfer(uint64_t debit, uint64_t credit,
                                                     uint64_t amount)
{
    return (struct transfer_create){.debit_account_id = shards_account(debit),
                                    .has_credit_account_id = true,
                                    .credit_account_id = shards_account(credit),
                                    .has_amount = true,
                                    .amount = amount,
                                    .currency = USD};
}

static inline uint16_t shards_move(struct shards_bank *b, uint64_t debit, uint64_t credit,
                                   uint64_t amount)
{
    struct transfer_create c = shards_transfer(debit, credit, amount);
    return shards_do(b, &transfer_create_type, &c);
}

static inline struct account_info shards_show(struct shards_bank *b, uint64_t n)
{
    struct account_info info;
    const struct account_get get = {shards_account(n)};
    struct question *q = shards_ask(b, &account_get_type, &get, 0);
    assert_int_equal(shards_code(b, q), RESULT_OK);
    shards_reply(b, q, &account_info_type, &info);
    return info;
}

static inline void expect_account(struct shards_bank *b, uint64_t n, u128 posted, u128 available)
{
    const struct account_info info = shards_show(b, n);
    assert_true(info.balance == posted);
    assert_true(info.available == available);
}

/* Nothing is on its way any more, and each shard balances. */
static inline void expect_settled(struct shards_bank *b)
{
    int64_t transit = 0;
    shards_run(b, 10 * NS_PER_S);
    for (uint16_t i = 0; i < SHARDS; i++) {
        struct registry *r = &shard_set_shard(b->set, i)->registry;
        assert_null(shard_audit(shard_set_shard(b->set, i)));
        for (uint16_t peer = 0; peer < SHARDS; peer++) {
            const struct account *a = registry_state_if(
                r, KIND_ACCOUNT, transit_id(i * SHARD_SLOTS, peer, shards_teller().tenant_id, USD));
            assert_true(a == NULL || (a->debits_pending == 0 && a->credits_pending == 0));
            transit += a == NULL ? 0 : (int64_t)a->credits_posted - (int64_t)a->debits_posted;
        }
    }
    assert_int_equal(transit, 0);
}

#define SHARDS_TEST(f) cmocka_unit_test_setup_teardown(f, shards_setup, shards_teardown)

#endif
