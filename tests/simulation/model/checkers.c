/* SPDX-License-Identifier: Apache-2.0 */
/* The live states against the reference, and against the journal replayed. */
#include "tests/simulation/model/checkers.h"

#include <string.h>

#include "actors/ledger/account.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/payment/payment.h"
#include "actors/wallet/hold.h"
#include "runtime/projector/replay.h"
#include "schemas/common.h"
#include "tests/simulation/model/ref_total.h"
#include "tests/simulation/model/ref_transit.h"
#include "tests/simulation/model/view_checkers.h"
#include "tests/simulation/verdict.h"

#define STATE_BYTES_MAX ((size_t)1 << 20)

/* --- after each event ------------------------------------------------------------------------- */

/* Turns fail where they are made to, and what is asked of such an actor then is kept. */
static bool check_letter(void *context, const struct dead_letter *letter)
{
    (void)context;
    if (letter->target_kind != KIND_TALLY)
        broken("a turn failed: %s", letter->reason);
    return true;
}

void checkers_after_step(struct run_shard *rs)
{
    struct shard *s = run_shard_running(rs->run, rs->number);
    if (s == NULL || s->stats.events == rs->events_audited)
        return;
    rs->events_audited = s->stats.events;
    const char *wrong = shard_audit(s);
    if (wrong != NULL)
        broken("%s", wrong);
    if (s->dead_letters.count != 0)
        shard_dead_letters(s, check_letter, NULL);
}

/* --- after each commit ------------------------------------------------------------------------ */

/* The live state if it stands where the history does: nothing newer, and resident. */
static const void *durable_state(struct run_shard *rs, uint16_t kind, struct id128 id)
{
    struct shard *s = shard_set_shard(rs->run->shard_set, rs->number);
    struct actor *a = registry_find(&s->registry, kind, id);
    if (a == NULL || (a->flags & (ACTOR_EXISTS | ACTOR_LOADING)) != ACTOR_EXISTS ||
        a->touched_seq > rs->history.seq)
        return NULL;
    return actor_state(a);
}

static void check_account(struct run_shard *rs, const struct ref_account *a)
{
    const struct account *live = durable_state(rs, KIND_ACCOUNT, a->id);
    if (live == NULL)
        return;
    const struct ref_counters *c = &a->now;
    if (live->debits_posted != c->debits_posted || live->credits_posted != c->credits_posted)
        broken("what is posted to an account is not what the journal says");
    if (live->debits_pending != c->debits_pending || live->credits_pending != c->credits_pending)
        broken("what is pending on an account is not what the journal says");
    if (live->version != a->version || (live->flags & ~ACCOUNT_LIMITED) != a->flags)
        broken("version or flags of an account are not what the journal says");
}

static void check_transit(struct run_shard *rs, const struct ref_account *a)
{
    const struct account *live = durable_state(rs, KIND_ACCOUNT, a->id);
    const struct ref_counters *c = &a->now;
    if (live != NULL && reference_home(rs->history.models.reference, a->id) == rs->number &&
        (live->debits_posted != c->debits_posted || live->credits_posted != c->credits_posted ||
         live->debits_pending != c->debits_pending || live->credits_pending != c->credits_pending))
        broken("money in transit is not what the journal says");
}

static void check_transfer(struct run_shard *rs, const struct ref_transfer *t)
{
    const struct pending_transfer *live = t->kind == REF_PENDING && t->shard == rs->number
                                              ? durable_state(rs, KIND_TRANSFER, t->id)
                                              : NULL;
    if (live != NULL &&
        (live->held != t->held || live->posted != t->posted || live->resolving != t->resolving ||
         (live->status == TRANSFER_STATUS_PENDING) != t->open))
        broken("a pending transfer is not what the journal says");
}

static void check_half(struct run_shard *rs, const struct ref_half *h)
{
    const struct pending_transfer *live =
        h->shard == rs->number ? durable_state(rs, KIND_TRANSFER, h->id) : NULL;
    if (live != NULL &&
        (live->held != h->held || (live->status == TRANSFER_STATUS_PENDING) != h->open))
        broken("the half of a pending transfer is not what the journal says");
}

static void check_payment(struct run_shard *rs, const struct ref_payment *p)
{
    const struct payment *live = durable_state(rs, KIND_PAYMENT, p->id);
    if (live != NULL && p->forgotten)
        broken("a payment that was forgotten is there");
    if (live != NULL && (live->captured != p->captured || live->refunded != p->refunded ||
                         live->has_capturing != (p->capturing != 0) ||
                         live->capturing != p->capturing || live->refunding != p->refunding ||
                         (live->status == PAYMENT_STATUS_PROCESSING) != p->started))
        broken("a payment is not what the journal says");
}

static void check_wallet(struct run_shard *rs, const struct ref_wallet *w)
{
    const struct wallet *live = durable_state(rs, KIND_WALLET, w->id);
    if (live != NULL && (live->status != w->status || live->limit.spent != w->spent ||
                         live->limit.spent_day != w->spent_day))
        broken("a wallet is not what the journal says");
}

static void check_wallet_hold(struct run_shard *rs, const struct ref_hold *h)
{
    const struct hold *live = durable_state(rs, KIND_HOLD, h->id);
    if (live != NULL && (live->captured != h->captured || live->remaining != h->remaining))
        broken("a hold is not as the journal says");
}

/* What a hold or payment keeps aside its pending transfer holds, to the unit. */
static void check_pending(const struct reference *r, struct id128 id, u128 remaining)
{
    const struct ref_transfer *t = reference_transfer(r, reference_home(r, id), id);
    if (t == NULL || t->kind != REF_PENDING || t->held != remaining || t->open != (remaining != 0))
        broken("a hold or payment keeps aside what its pending transfer does not hold");
}

/* A wallet's account has pending what its holds and payments keep aside, and ends with it. */
static void check_wallets_account(const struct reference *r, const struct ref_wallet *w)
{
    u128 out = ref_transit_kept_of(r, w->id, false), in = ref_transit_kept_of(r, w->id, true);
    for (uint32_t i = 0; i < r->hold_count; i++)
        out += id128_equal(r->holds[i].wallet, w->id) ? r->holds[i].remaining : 0;
    for (uint32_t i = 0; i < r->payment_count; i++) {
        const struct ref_payment *p = &r->payments[i];
        out += id128_equal(p->from, w->id) ? p->remaining : 0;
        in += id128_equal(p->to, w->id) && !p->crosses ? p->remaining : 0;
    }
    const struct ref_account *a = reference_account(r, w->id);
    const uint32_t frozen = ACCOUNT_FLAGS_DEBITS_FROZEN | ACCOUNT_FLAGS_CREDITS_FROZEN;
    if (a == NULL || a->now.debits_pending != out || a->now.credits_pending != in)
        broken("a wallet's account has pending what no hold or payment keeps aside");
    bool closed = (a->flags & ACCOUNT_FLAGS_CLOSED) != 0;
    if (closed != (w->status == WALLET_STATUS_CLOSED) || (a->flags & frozen) != 0)
        broken("a wallet and its account are not closed together, or the account is frozen");
    if (closed && a->now.debits_posted != a->now.credits_posted)
        broken("money is in a closed wallet, out of reach");
}

/* Wallets, holds and payments against the ledger, as of this batch. */
static void check_managers(const struct reference *r)
{
    for (uint32_t i = 0; i < r->hold_count; i++)
        check_pending(r, r->holds[i].id, r->holds[i].remaining);
    for (uint32_t i = 0; i < r->payment_count; i++)
        if (r->payments[i].manual)
            check_pending(r, r->payments[i].pending, r->payments[i].remaining);
    for (uint32_t i = 0; i < r->wallet_count; i++)
        check_wallets_account(r, &r->wallets[i]);
}

void checkers_after_commit(struct run_shard *rs)
{
    check_managers(rs->history.models.reference);
    const struct reference *r = rs->history.models.reference;
    for (uint32_t i = 0; i < r->account_count; i++)
        check_account(rs, &r->accounts[i]);
    for (uint32_t i = 0; i < r->transit_count; i++)
        check_transit(rs, &r->transits[i]);
    ref_transit_check(r);
    for (uint32_t i = 0; i < r->transfer_count; i++)
        check_transfer(rs, &r->transfers[i]);
    for (uint32_t i = 0; i < r->half_count; i++)
        check_half(rs, &r->halves[i]);
    for (uint32_t i = 0; i < r->payment_count; i++)
        check_payment(rs, &r->payments[i]);
    for (uint32_t i = 0; i < r->wallet_count; i++)
        check_wallet(rs, &r->wallets[i]);
    for (uint32_t i = 0; i < r->hold_count; i++)
        check_wallet_hold(rs, &r->holds[i]);
}

/* --- replay ----------------------------------------------------------------------------------- */

struct replaying {
    struct run *run;
    struct run_shard *watched;
    struct shard *live; /* NULL while the process is down */
    struct registry registry;
    struct replay replay;
    struct wire_writer one, other;
    const struct actor_kind *kind;
    bool stored;     /* the states in the store stand at the same batch */
    uint64_t count;  /* states that exist */
};

static bool replay_row(void *context, const struct batch_row *row)
{
    struct replaying *r = context;
    if (row->seq > r->watched->history.seq)
        return false;
    if (replay_batch(&r->replay, row) != ERR_OK)
        broken("the journal cannot be replayed: %s", r->replay.reason);
    return true;
}

static bool copy_row(void *context, const struct state_row *row)
{
    struct wire_writer *w = context;
    wire_put_raw(w, row->body);
    return false;
}

static void checkers_compare(const struct replaying *r, const char *what)
{
    if (r->one.len != r->other.len || memcmp(r->one.data, r->other.data, r->one.len) != 0)
        broken("the %s state of an actor of kind %s is not what replaying the journal gives", what,
               r->kind->name);
}

static bool check_state(void *context, struct id128 id, const void *state)
{
    struct replaying *r = context;
    struct shard *s = r->live;
    r->count++;
    wire_writer_clear(&r->one);
    r->kind->codec->write(&r->one, state);
    struct actor *live =
        s == NULL ? NULL : registry_find(&s->registry, r->kind->number, id);
    if (live != NULL && (live->flags & ACTOR_LOADING) == 0 &&
        live->touched_seq <= r->watched->history.seq) {
        if ((live->flags & ACTOR_EXISTS) == 0)
            broken("an actor of kind %s is in the journal, but not there", r->kind->name);
        wire_writer_clear(&r->other);
        r->kind->codec->write(&r->other, actor_state(live));
        checkers_compare(r, "live");
    }
    if (!r->stored)
        return true;
    wire_writer_clear(&r->other);
    struct view_store *store = r->run->view_store;
    enum err e = store->ops->state_load(store, r->watched->number, r->kind->number, id, copy_row,
                                        &r->other);
    if (e != ERR_OK)
        broken("the stored state of an actor of kind %s is missing", r->kind->name);
    checkers_compare(r, "stored");
    return true;
}

static bool check_live(void *context, struct id128 id, const void *state)
{
    struct replaying *r = context;
    (void)state;
    struct actor *live = registry_find(&r->live->registry, r->kind->number, id);
    if (live->touched_seq > r->watched->history.seq)
        return true;
    struct actor *replayed = registry_find(&r->registry, r->kind->number, id);
    if (replayed == NULL || (replayed->flags & ACTOR_EXISTS) == 0)
        broken("an actor of kind %s is there, but not in the journal", r->kind->name);
    return true;
}

static bool count_row(void *context, const struct state_row *row)
{
    (void)row;
    (*(uint64_t *)context)++;
    return true;
}

static void check_kind(struct replaying *r, const struct actor_kind *kind)
{
    r->kind = kind;
    r->count = 0;
    registry_each(&r->registry, kind->number, check_state, r);
    if (r->live != NULL)
        registry_each(&r->live->registry, kind->number, check_live, r);
    if (!r->stored)
        return;
    struct view_store *store = r->run->view_store;
    uint64_t stored = 0;
    uint16_t shard = r->watched->number;
    /* The walk begins after the id zero, which is that of the first shard's own ledger. */
    enum err zero =
        store->ops->state_load(store, shard, kind->number, ID128_ZERO, count_row, &stored);
    check(zero == ERR_OK || zero == ERR_NOT_FOUND);
    enum err e =
        store->ops->states_each(store, shard, kind->number, ID128_ZERO, count_row, &stored);
    check(e == ERR_OK);
    if (stored != r->count)
        broken("the store holds %llu states of kind %s where the journal gives %llu",
               (unsigned long long)stored, kind->name, (unsigned long long)r->count);
}

static bool stored_here(const struct run_shard *rs)
{
    struct view_store *store = rs->run->view_store;
    struct store_position position;
    enum err e = store->ops->position(store, rs->number, &position);
    check(e == ERR_OK);
    return position.seq == rs->history.seq;
}

static void replay_shard(struct run *run, struct run_shard *rs)
{
    struct replaying r = {.run = run, .watched = rs, .stored = stored_here(rs)};
    const struct store_position start = {.seq = 0};
    r.live = run->shard_set == NULL ? NULL : shard_set_shard(run->shard_set, rs->number);
    if (r.live != NULL && r.live->scrub.damaged_seq != 0)
        broken("the scrub takes batch %llu for damaged",
               (unsigned long long)r.live->scrub.damaged_seq);
    registry_init(&r.registry, run->domain);
    replay_init(&r.replay, run->domain, &r.registry, rs->number, &start);
    wire_writer_init(&r.one, STATE_BYTES_MAX);
    wire_writer_init(&r.other, STATE_BYTES_MAX);
    if (rs->history.seq > 0) {
        enum err e =
            run->journal_store->ops->tail(run->journal_store, rs->number, 1, replay_row, &r);
        check(e == ERR_OK);
    }
    if (r.replay.seq != rs->history.seq)
        broken("the journal ends before what was durable");
    for (int k = 0; k < KIND_MAX; k++)
        if (run->domain->kinds[k] != NULL)
            check_kind(&r, run->domain->kinds[k]);
    wire_writer_done(&r.one);
    wire_writer_done(&r.other);
    replay_done(&r.replay);
    registry_done(&r.registry);
}

void checkers_replay(struct run *run)
{
    run->counts.full_checks++;
    run_faults(run, false);
    for (uint16_t i = 0; i < run->swarm.shards; i++)
        replay_shard(run, &run->shards[i]);
    run_faults(run, true);
}

/* --- totals ----------------------------------------------------------------------------------- */

/* Each shard balances by itself, and so all of them do. */
static void check_totals(const struct reference *r, uint16_t currency, uint16_t shard)
{
    const struct ref_total t = ref_total_books(r, currency, shard);
    if (t.counters.debits_posted != t.counters.credits_posted ||
        t.counters.debits_pending != t.counters.credits_pending)
        broken("debits are not credits in shard %u", shard);
}

static void check_all_books(const struct run *run)
{
    const struct reference *r = &run->reference;
    for (uint32_t i = 0; i < r->account_count; i++)
        for (uint16_t shard = 0; shard <= run->swarm.shards; shard++)
            check_totals(r, r->accounts[i].currency, shard);
}

/* --------------------------------------------------------------------------------------------- */

void checkers_full(struct run *run)
{
    for (uint16_t i = 0; i < run->swarm.shards; i++)
        checkers_after_commit(&run->shards[i]);
    checkers_replay(run);
    view_checkers(run);
    check_all_books(run);
}

void checkers_closed(struct run *run)
{
    checkers_replay(run);
    view_checkers(run);
}
