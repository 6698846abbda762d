/* SPDX-License-Identifier: Apache-2.0 */
/* The live states against the reference, and against the journal replayed. */
#include "tests/simulation/model/checkers.h"

#include <string.h>

#include "actors/ledger/account.h"
#include "actors/ledger/hold.h"
#include "actors/ledger/ledger.h"
#include "actors/payment/payment.h"
#include "actors/wallet/wallet_hold.h"
#include "runtime/journal/replay.h"
#include "schemas/common.h"
#include "tests/simulation/model/view_checkers.h"
#include "tests/simulation/verdict.h"

#define STATE_BYTES_MAX ((size_t)1 << 20)

/* --- after each event ------------------------------------------------------------------------ */

void checkers_after_step(struct run *run)
{
    struct shard *s = run->shard;
    if (s->stats.events == run->events_audited)
        return;
    run->events_audited = s->stats.events;
    const char *wrong = shard_audit(s);
    if (wrong != NULL)
        broken("%s", wrong);
    if (s->supervisor.letters != 0)
        broken("a turn failed: %s", "see the dead letters");
}

/* --- after each commit ----------------------------------------------------------------------- */

/* The live state if it stands where the history does: nothing newer, and resident. */
static const void *durable_state(struct run *run, uint16_t kind, struct id128 id)
{
    struct actor *a = registry_find(&run->shard->registry, kind, id);
    if (a == NULL || (a->flags & (ACTOR_EXISTS | ACTOR_LOADING)) != ACTOR_EXISTS ||
        a->touched_seq > run->history.seq)
        return NULL;
    return actor_state(a);
}

static void check_account(struct run *run, const struct ref_account *a)
{
    const struct account *live = durable_state(run, KIND_ACCOUNT, a->id);
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

static void check_transfer(struct run *run, const struct ref_transfer *t)
{
    const struct hold *live =
        t->kind == REF_PENDING ? durable_state(run, KIND_TRANSFER, t->id) : NULL;
    if (live != NULL && (live->held != t->held || live->posted != t->posted ||
                         (live->status == TRANSFER_STATUS_PENDING) != t->open))
        broken("a pending transfer is not what the journal says");
}

static void check_payment(struct run *run, const struct ref_payment *p)
{
    const struct payment *live = durable_state(run, KIND_PAYMENT, p->id);
    if (live != NULL && (live->captured != p->captured || live->refunded != p->refunded))
        broken("a payment is not what the journal says");
}

static void check_wallet_hold(struct run *run, const struct ref_hold *h)
{
    const struct wallet_hold *live = durable_state(run, KIND_HOLD, h->id);
    if (live != NULL && (live->captured != h->captured || live->remaining != h->remaining))
        broken("a hold is not what the journal says");
}

void checkers_after_commit(struct run *run)
{
    const struct reference *r = &run->history.reference;
    for (uint32_t i = 0; i < r->account_count; i++)
        check_account(run, &r->accounts[i]);
    for (uint32_t i = 0; i < r->transfer_count; i++)
        check_transfer(run, &r->transfers[i]);
    for (uint32_t i = 0; i < r->payment_count; i++)
        check_payment(run, &r->payments[i]);
    for (uint32_t i = 0; i < r->hold_count; i++)
        check_wallet_hold(run, &r->holds[i]);
}

/* --- replay ---------------------------------------------------------------------------------- */

struct replaying {
    struct run *run;
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
    if (row->seq > r->run->history.seq)
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

static void compare(const struct replaying *r, const char *what)
{
    if (r->one.len != r->other.len || memcmp(r->one.data, r->other.data, r->one.len) != 0)
        broken("the %s state of an actor of kind %s is not what replaying the journal gives", what,
               r->kind->name);
}

static bool check_state(void *context, struct id128 id, const void *state)
{
    struct replaying *r = context;
    struct shard *s = r->run->shard;
    r->count++;
    wire_writer_clear(&r->one);
    r->kind->write(&r->one, state);
    struct actor *live =
        s == NULL ? NULL : registry_find(&s->registry, r->kind->number, id);
    if (live != NULL && (live->flags & ACTOR_LOADING) == 0 &&
        live->touched_seq <= r->run->history.seq) {
        if ((live->flags & ACTOR_EXISTS) == 0)
            broken("an actor of kind %s is in the journal, but not there", r->kind->name);
        wire_writer_clear(&r->other);
        r->kind->write(&r->other, actor_state(live));
        compare(r, "live");
    }
    if (!r->stored)
        return true;
    wire_writer_clear(&r->other);
    enum err e = r->run->store->ops->state_load(r->run->store, 0, r->kind->number, id, copy_row,
                                                &r->other);
    if (e != ERR_OK)
        broken("the stored state of an actor of kind %s is missing", r->kind->name);
    compare(r, "stored");
    return true;
}

static bool check_live(void *context, struct id128 id, const void *state)
{
    struct replaying *r = context;
    (void)state;
    struct actor *live = registry_find(&r->run->shard->registry, r->kind->number, id);
    if (live->touched_seq > r->run->history.seq)
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
    if (r->run->shard != NULL)
        registry_each(&r->run->shard->registry, kind->number, check_live, r);
    if (!r->stored)
        return;
    struct store *store = r->run->store;
    uint64_t stored = 0;
    /* The walk begins after the id zero, which is that of the shard's own ledger. */
    enum err zero = store->ops->state_load(store, 0, kind->number, ID128_ZERO, count_row, &stored);
    check(zero == ERR_OK || zero == ERR_NOT_FOUND);
    enum err e = store->ops->states_each(store, 0, kind->number, ID128_ZERO, count_row, &stored);
    check(e == ERR_OK);
    if (stored != r->count)
        broken("the store holds %llu states of kind %s where the journal gives %llu",
               (unsigned long long)stored, kind->name, (unsigned long long)r->count);
}

static bool stored_here(const struct run *run)
{
    struct store_position position;
    enum err e = run->store->ops->position(run->store, 0, &position);
    check(e == ERR_OK);
    return position.seq == run->history.seq;
}

void checkers_replay(struct run *run)
{
    run->counts.full_checks++;
    if (run->shard != NULL && run->shard->scrub.damaged_seq != 0)
        broken("the scrub takes batch %llu for damaged",
               (unsigned long long)run->shard->scrub.damaged_seq);
    run_faults(run, false);
    struct replaying r = {.run = run, .stored = stored_here(run)};
    const struct store_position start = {.seq = 0};
    registry_init(&r.registry, run->domain);
    replay_init(&r.replay, run->domain, &r.registry, 0, &start);
    wire_writer_init(&r.one, STATE_BYTES_MAX);
    wire_writer_init(&r.other, STATE_BYTES_MAX);
    if (run->history.seq > 0) {
        enum err e = run->store->ops->tail(run->store, 0, 1, replay_row, &r);
        check(e == ERR_OK);
    }
    if (r.replay.seq != run->history.seq)
        broken("the journal ends before what was durable");
    for (int k = 0; k < KIND_MAX; k++)
        if (run->domain->kinds[k] != NULL)
            check_kind(&r, run->domain->kinds[k]);
    wire_writer_done(&r.one);
    wire_writer_done(&r.other);
    replay_done(&r.replay);
    registry_done(&r.registry);
    run_faults(run, true);
}

void checkers_full(struct run *run)
{
    checkers_after_commit(run);
    checkers_replay(run);
    view_checkers(run);
}

void checkers_closed(struct run *run)
{
    checkers_replay(run);
    view_checkers(run);
}
