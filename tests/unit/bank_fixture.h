/* SPDX-License-Identifier: Apache-2.0 */
/* A small bank for tests of wallets and payments: the real domain in a real shard, in a simulated
 * world with a simulated store. People of one tenant ask, answers come back when the world has
 * made them durable. */
#ifndef TESTS_BANK_FIXTURE_H
#define TESTS_BANK_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "actors/ledger/house.h"
#include "actors/ledger/ledger_directory.h"
#include "actors/services.h"
#include "runtime/base/sha256.h"
#include "runtime/base/time.h"
#include "runtime/node/frame_mail.h"
#include "runtime/shard/shard_priv.h"
#include "runtime/sim/store_sim.h"
#include "runtime/sim/world.h"
#include "schemas/common.h"
#include "schemas/payment.h"
#include "schemas/result.h"
#include "schemas/wallet.h"

#define BANK_STEPS_MAX 200000
#define BANK_TABLES_MAX 32
#define BANK_REPLY_MAX (1 << 20)
#define USD 840
#define JPY 392

struct bank {
    struct world world;
    struct committer committer;
    struct projector_stores stores;
    struct stepper stepper;
    struct world_worker journal, views, reads, loads;
    struct store_sim *sim;
    const struct view_table *tables[BANK_TABLES_MAX];
    struct domain domain;
    struct progress progress;
    struct progress_shard line;
    struct shard *shard;
    struct arena arena; /* of decoded replies */
    struct message message;
    const char *request_id; /* of what is asked from now on; NULL: none */
    bool answered;
    uint64_t if_match; /* version for the next request; 0 = none */
    struct precondition precondition; /* of the request under way */
    uint64_t if_none_match; /* as if_match */
    uint64_t key;      /* idempotency key of the next request; 0 = none */
    struct slot_map slots; /* of the deployment; this is the first of its shards */
    const struct env_ops *clocks; /* while they are stopped */
    struct env_ops stopped_clocks;
    uint64_t stopped_ns;
};

static inline void bank_answered(struct message *m)
{
    container_of(m, struct bank, message)->answered = true;
}

static inline struct id128 bank_clearing(const struct bank *b, struct id128 tenant_id,
                                         uint16_t currency)
{
    const struct house h = {
        .purpose = MANAGED_CLEARING, .tenant_id = tenant_id, .currency = currency};
    return house_id(&b->slots, &h);
}

static inline void bank_state_changed(void *context, enum shard_state state, const char *reason)
{
    (void)context;
    if (state == SHARD_STOPPED && reason != NULL && reason[0] != '\0')
        print_error("shard stopped: %s\n", reason);
}

static inline void bank_pass(void *context)
{
    struct bank *b = context;
    if (b->shard == NULL)
        return;
    shard_pass(b->shard, 1000000);
    if (shard_answer(b->shard))
        env_wake(&b->world.loop.env);
}

static inline void bank_on_frame(void *context, const struct frame *f)
{
    struct bank *b = context;
    if (b->shard != NULL)
        shard_frame(b->shard, f);
}

/* The other shards are not there. */
static inline void bank_carry(void *context, const struct frame *f)
{
    struct bank *b = context;
    if (f->to == 0)
        frame_mail_send(&b->world.loop.env, f, bank_on_frame, b);
}

static inline void bank_until_running(struct bank *b)
{
    for (int i = 0; i < BANK_STEPS_MAX && shard_state(b->shard) != SHARD_RUNNING; i++)
        if (!world_step(&b->world))
            break;
    assert_int_equal(shard_state(b->shard), SHARD_RUNNING);
}

static inline void bank_start(struct bank *b)
{
    memset(&b->line, 0, sizeof b->line);
    b->progress = (struct progress){.count = 1, .shards = &b->line};
    committer_init(&b->committer, (struct worker *)&b->journal, store_sim_journal(b->sim));
    b->stores = (struct projector_stores){store_sim_journal(b->sim), store_sim_views(b->sim)};
    stepper_init(&b->stepper, (struct worker *)&b->views, &projector_sink, &b->stores);
    b->shard = shard_new(&(struct shard_options){
        .env = &b->world.loop.env,
        .domain = &b->domain,
        .committer = &b->committer,
        .view_store = store_sim_views(b->sim),
        .stepper = &b->stepper,
        .read_worker = (struct worker *)&b->reads,
        .load_worker = (struct worker *)&b->loads,
        .number = 0,
        .slots = &b->slots,
        .transport = {bank_carry, b},
        .progress = &b->progress,
        .owner = slice_of("bank"),
        .resident_max = 100000,
        .dedup_entries_max = 100000,
        .filter_bytes = 1 << 16,
        .state_changed = bank_state_changed,
        .context = b,
    });
    bank_until_running(b);
}

static inline int bank_setup(void **state)
{
    struct bank *b = calloc(1, sizeof *b);
    assert_non_null(b);
    slot_map_split(&b->slots, 1);
    world_init(&b->world, 42);
    b->world.loop.pass = bank_pass;
    b->world.loop.context = b;
    world_worker_init(&b->journal, &b->world, "journal", 1000, 50000);
    world_worker_init(&b->views, &b->world, "views", 1000, 50000);
    world_worker_init(&b->reads, &b->world, "reads", 1000, 50000);
    world_worker_init(&b->loads, &b->world, "loads", 1000, 50000);
    uint32_t tables = 0;
    services_domain_init(&b->domain);
    for (uint32_t i = 0; i < b->domain.service_count; i++)
        for (uint32_t j = 0; j < b->domain.services[i]->view_count; j++)
            b->tables[tables++] = b->domain.services[i]->views[j];
    b->sim = store_sim_new(&(struct store_sim_options){
        .tables = b->tables, .table_count = tables, .rng = &b->world.rng});
    arena_init(&b->arena, 16 << 20);
    wire_writer_init(&b->message.reply, BANK_REPLY_MAX);
    bank_start(b);
    *state = b;
    return 0;
}

static inline int bank_teardown(void **state)
{
    struct bank *b = *state;
    shard_kill(b->shard);
    committer_done(&b->committer);
    stepper_done(&b->stepper);
    world_done(&b->world);
    store_sim_free(b->sim);
    wire_writer_done(&b->message.reply);
    arena_done(&b->arena);
    free(b);
    return 0;
}

static inline bool bank_keeps_nothing(void *context)
{
    (void)context;
    return false;
}

/* Power fails and comes back: what was answered must still be there. */
static inline void bank_restart(struct bank *b)
{
    world_crash(&b->world, bank_keeps_nothing);
    b->shard = shard_kill(b->shard);
    committer_done(&b->committer);
    stepper_done(&b->stepper);
    store_sim_crash(b->sim);
    bank_start(b);
}

/* --- asking ----------------------------------------------------------------------------------- */

static inline struct principal someone(const char *tenant, const char *subject)
{
    struct principal who = {.tenant = slice_of(tenant), .subject = slice_of(subject)};
    who.client = who.subject;
    principal_identify(&who);
    return who;
}

static inline struct principal person(const char *subject)
{
    return someone("acme", subject);
}

/* Has the scope that opens other owners' things. */
static inline struct principal clerk(void)
{
    struct principal who = person("clerk");
    who.any_owner = true;
    return who;
}

static inline uint16_t bank_ask(struct bank *b, struct principal who,
                                const struct message_type *type, const void *body)
{
    struct wire_writer reply = b->message.reply;
    wire_writer_clear(&reply);
    b->precondition = (struct precondition){
        .match = {.versions = {b->if_match}, .count = b->if_match != 0, .given = b->if_match != 0},
        .none_match = {.versions = {b->if_none_match},
                       .count = b->if_none_match != 0,
                       .given = b->if_none_match != 0},
    };
    b->message = (struct message){
        .type = type,
        .body = body,
        .target_kind = type->target_kind,
        .target = domain_place(&b->domain, type, body, &who, 0).target,
        .who = who,
        .request_id = slice_of(b->request_id != NULL ? b->request_id : ""),
        .precondition = &b->precondition,
        .keyed = b->key != 0,
        .key = {0xBA4C, b->key},
        .fingerprint = {type->number, b->key},
        .home = &b->world.loop.env,
        .done = bank_answered,
        .reply = reply,
    };
    b->if_match = b->if_none_match = b->key = 0;
    b->answered = false;
    shard_post(b->shard, &b->message);
    env_wake(&b->world.loop.env);
    for (int i = 0; i < BANK_STEPS_MAX && !b->answered; i++)
        if (!world_step(&b->world))
            break;
    assert_true(b->answered);
    if (shard_state(b->shard) == SHARD_RUNNING)
        assert_null(shard_audit(b->shard));
    return b->message.code;
}

/* Decodes the last answer, which must be of this type. */
static inline void bank_reply(struct bank *b, const struct message_type *type, void *reply)
{
    assert_int_equal(b->message.reply_type, type->number);
    memset(reply, 0, type->size);
    struct wire_reader from;
    wire_reader_init(&from, b->message.reply.data, b->message.reply.len);
    assert_true(type->read(&from, &b->arena, reply));
}

/* The last answer is a refusal about this field. */
static inline void expect_field(struct bank *b, const char *field)
{
    struct field_refusal refusal;
    bank_reply(b, &field_refusal_type, &refusal);
    assert_true(slice_equal(refusal.field, slice_of(field)));
}

static inline void bank_wake_up(void *context)
{
    *(bool *)context = true;
}

/* Time goes by, and a little more, so that what became due has happened. */
static inline void bank_wait(struct bank *b, uint64_t ns)
{
    bool woken = false;
    world_at(&b->world, b->world.now_ns + ns + NS_PER_S / 10, bank_wake_up, &woken);
    while (!woken)
        assert_true(world_step(&b->world));
    assert_null(shard_audit(b->shard));
}

/* Time goes by while no state can be read: what became due meanwhile has not happened yet. */
static inline void bank_wait_unread(struct bank *b, uint64_t ns)
{
    bank_wait(b, NS_PER_S);
    bank_restart(b);
    store_sim_set_faults(b->sim, &(struct store_sim_faults){.read_io_ppm = 1000000});
    bank_wait(b, ns);
    store_sim_set_faults(b->sim, &(struct store_sim_faults){0});
}

static inline uint64_t bank_stopped_mono_ns(struct env *e)
{
    return container_of(e, struct bank, world.loop.env)->stopped_ns;
}

static inline uint64_t bank_stopped_wall_ns(struct env *e)
{
    return WORLD_EPOCH_NS + bank_stopped_mono_ns(e);
}

/* The clocks show this time, which is to come, and stand still; states cannot be read until then,
 * so that what becomes due has not happened yet. */
static inline void bank_stop_clocks(struct bank *b, uint64_t wall_ns)
{
    assert_true(wall_ns > WORLD_EPOCH_NS + b->world.now_ns + 10 * NS_PER_S);
    bank_wait_unread(b, NS_PER_S);
    b->clocks = b->world.loop.env.ops;
    b->stopped_clocks = *b->clocks;
    b->stopped_clocks.mono_ns = bank_stopped_mono_ns;
    b->stopped_clocks.wall_ns = bank_stopped_wall_ns;
    b->stopped_ns = b->world.now_ns = wall_ns - WORLD_EPOCH_NS;
    b->world.loop.env.ops = &b->stopped_clocks;
}

static inline void bank_let_clocks_go_on(struct bank *b)
{
    b->world.loop.env.ops = b->clocks;
}

/* A deadline of this actor fires, whether it is due or not. */
static inline void bank_fire_deadline(struct bank *b, uint16_t kind, struct id128 id)
{
    registry_arm(&b->shard->registry, kind, id, 1);
    env_wake(&b->world.loop.env);
    bank_wait(b, NS_PER_S);
}

/* --- the words of the domain ------------------------------------------------------------------ */

static inline struct decimal money(const char *text)
{
    struct decimal d;
    assert_int_equal(decimal_parse(text, strlen(text), &d), DECIMAL_GOOD);
    return d;
}

static inline struct id128 open_wallet(struct bank *b, struct principal who, uint16_t currency)
{
    struct wallet_open open = {.currency = currency};
    assert_int_equal(bank_ask(b, who, &wallet_open_type, &open), RESULT_OK);
    struct wallet_info info;
    bank_reply(b, &wallet_info_type, &info);
    return info.wallet_id;
}

static inline uint16_t fund(struct bank *b, struct id128 wallet, const char *amount)
{
    struct wallet_fund body = {.wallet_id = wallet, .amount = money(amount)};
    return bank_ask(b, clerk(), &wallet_fund_type, &body);
}

/* A wallet in USD with this much in it. */
static inline struct id128 given_wallet(struct bank *b, const char *owner, const char *amount)
{
    struct id128 id = open_wallet(b, person(owner), USD);
    if (amount != NULL)
        assert_int_equal(fund(b, id, amount), RESULT_OK);
    return id;
}

static inline struct wallet_info show_wallet(struct bank *b, struct id128 wallet)
{
    struct wallet_get get = {.wallet_id = wallet};
    assert_int_equal(bank_ask(b, clerk(), &wallet_get_type, &get), RESULT_OK);
    struct wallet_info info;
    bank_reply(b, &wallet_info_type, &info);
    return info;
}

static inline bool bank_count_row(void *context, const struct value *row)
{
    (void)row;
    (*(uint32_t *)context)++;
    return true;
}

/* Rows that say who asked, one of a batch, once the views have come so far. */
static inline uint32_t bank_attribution_rows(struct bank *b)
{
    uint32_t count = 0;
    const struct view_scan all = {
        .table = &attributions_view, .index = &attributions_view.key, .limit = UINT32_MAX};
    bank_wait(b, 10 * NS_PER_S);
    assert_int_equal(views_scan(store_sim_views(b->sim), &all, bank_count_row, &count), ERR_OK);
    return count;
}

/* Minor units: posted, of which held. */
static inline void expect_wallet(struct bank *b, struct id128 wallet, uint64_t posted,
                                 uint64_t held)
{
    struct wallet_info info = show_wallet(b, wallet);
    assert_true(info.balance == posted);
    assert_true(info.pending_balance == held);
    assert_true(info.available_balance == posted - held);
    assert_true(info.total_balance == posted);
}

static inline uint16_t set_limits(struct bank *b, struct id128 wallet, const char *per_transaction,
                                  const char *per_day)
{
    struct wallet_limits_set set = {.wallet_id = wallet};
    set.has_per_transaction = per_transaction != NULL;
    if (per_transaction != NULL)
        set.per_transaction = money(per_transaction);
    set.has_per_day = per_day != NULL;
    if (per_day != NULL)
        set.per_day = money(per_day);
    return bank_ask(b, clerk(), &wallet_limits_set_type, &set);
}

#endif
