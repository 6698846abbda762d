/* SPDX-License-Identifier: Apache-2.0 */
/* Finding what a posting needs, and its event; between them come the checks (posting_check.c).
 * posting_find() asks for everything before it says WAITING, so that all of it loads together; only
 * what follows from something found (the accounts that a pending transfer names, the totals of an
 * account) may wait once more. What is found is kept in the posting, so that the next one of the
 * same turn finds less. posting_emit() chooses among three events: posted, pending, or resolved, in
 * which what a post or void left open is taken from the pending transfer. */
#include "actors/ledger/posting.h"

#include "actors/ledger/account.h"
#include "actors/ledger/group_share.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/pending_half.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/reservation.h"
#include "actors/ledger/told_transfer.h"
#include "actors/ledger/transit.h"
#include "runtime/base/mutant.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

/* --- finding ---------------------------------------------------------------------------------- */

/* Looks the account up, unless the posting has it from before in this turn. */
static enum presence find_account(struct turn *t, struct id128 id, struct id128 *found,
                                  const struct account **account)
{
    if (*account != NULL && id128_equal(*found, id))
        return PRESENCE_THERE;
    *found = id;
    *account = NULL;
    return id128_is_zero(id) ? PRESENCE_ABSENT : turn_find_account(t, id, account);
}

/* Of a transfer that was never pending: an account of this shard; zero if the event is another. */
static struct id128 final_account_id(struct turn *t, const struct stored_event *e)
{
    const struct transfer_resolved *resolved = e->event;
    if (e->number == TRANSFER_CROSSED_NUMBER)
        return transit_opposite(e->event);
    if (e->number == TRANSFER_POSTED_NUMBER)
        return ((const struct transfer_posted *)e->event)->debit_account_id;
    if (e->number == TRANSFER_RESOLVED_NUMBER)
        return turn_at_home(t, resolved->debit_account_id) ? resolved->debit_account_id
                                                           : resolved->credit_account_id;
    return ID128_ZERO;
}

/* The pending transfer, or whether its id belongs to a transfer of the tenant that never was
 * pending: one of another tenant counts as none. */
static enum presence find_pending(struct turn *t, struct posting *p)
{
    enum presence there = turn_find_pending_transfer(t, p->transfer.pending_id, &p->pending);
    if (there != PRESENCE_ABSENT)
        return there;
    struct stored_event other;
    there = turn_find_decision(t, p->transfer.pending_id, &other);
    if (there == PRESENCE_THERE && other.number == LEG_POSTED_NUMBER) {
        struct id128 tenant_id = ((const struct leg_posted *)other.event)->tenant_id;
        p->pending_was_final = p->any_tenant || id128_equal(tenant_id, p->tenant_id);
        return there;
    }
    struct id128 account_id = there == PRESENCE_THERE ? final_account_id(t, &other) : ID128_ZERO;
    if (id128_is_zero(account_id))
        return there;
    const struct account *account;
    there = turn_find_account(t, account_id, &account);
    if (there == PRESENCE_THERE)
        p->pending_was_final = p->any_tenant || id128_equal(account->tenant_id, p->tenant_id);
    return there;
}

/* The tenant of what used the id before. */
static enum presence earlier_tenant(struct turn *t, const struct stored_event *e,
                                    struct id128 *tenant_id)
{
    struct id128 account_id = final_account_id(t, e);
    switch (e->number) {
    case TRANSFER_REFUSED_NUMBER:
        *tenant_id = ((const struct transfer_refused *)e->event)->tenant_id;
        return PRESENCE_THERE;
    case TRANSACTION_RECORDED_NUMBER:
        *tenant_id = ((const struct transaction_recorded *)e->event)->tenant_id;
        return PRESENCE_THERE;
    case LEG_POSTED_NUMBER:
        *tenant_id = ((const struct leg_posted *)e->event)->tenant_id;
        return PRESENCE_THERE;
    case LEG_HELD_NUMBER:
        *tenant_id = ((const struct leg_held *)e->event)->tenant_id;
        return PRESENCE_THERE;
    case TRANSACTION_BEGUN_NUMBER:
        *tenant_id = ((const struct transaction_begun *)e->event)->tenant_id;
        return PRESENCE_THERE;
    case TRANSFER_PENDING_NUMBER:
        account_id = ((const struct transfer_pending *)e->event)->debit_account_id;
        break;
    case TRANSFER_RESERVED_NUMBER:
        account_id = reservation_account(e->event);
        break;
    }
    const struct account *account;
    *tenant_id = ID128_ZERO;
    if (id128_is_zero(account_id))
        return PRESENCE_THERE; /* of what is no transfer it is nobody's */
    enum presence there = turn_find_account(t, account_id, &account);
    if (there == PRESENCE_THERE)
        *tenant_id = account->tenant_id;
    return there;
}

/* A transfer or transaction that was under way in a group: while it is, a transfer is known by what
 * was asked for. ABSENT: not any more. */
static enum presence earlier_in_group(struct turn *t, struct posting *p, struct id128 *tenant_id)
{
    const struct group_share *share;
    const struct group_leg *leg = NULL;
    enum presence there;
    if (p->earlier.number == TRANSACTION_BEGUN_NUMBER) {
        const struct transaction_begun *begun = p->earlier.event;
        *tenant_id = begun->tenant_id;
        return turn_find_group_share(t, begun->share_id, &share);
    }
    const struct leg_reserved *e = p->earlier.event;
    there = group_share_find_leg(t, e->share_id, e->id, p->memo, &leg, tenant_id);
    p->earlier.event = leg;
    p->earlier_in_group = there == PRESENCE_THERE;
    return there;
}

/* Ids are unique over all tenants, as the id alone is an actor's address; but of another tenant's
 * use a client sees only that the id is taken. */
static enum presence find_earlier(struct turn *t, struct posting *p)
{
    struct id128 tenant_id = ID128_ZERO;
    p->earlier.number = 0;
    p->earlier_is_foreign = p->earlier_in_group = false;
    p->reservation = NULL;
    enum presence there = turn_find_decision(t, p->transfer.id, &p->earlier);
    uint16_t number = there == PRESENCE_THERE ? p->earlier.number : 0;
    bool grouped = number == LEG_RESERVED_NUMBER || number == TRANSACTION_BEGUN_NUMBER;
    if (grouped)
        there = earlier_in_group(t, p, &tenant_id);
    if (there == PRESENCE_THERE && p->earlier.number == TRANSFER_RESERVED_NUMBER)
        there = turn_find_reservation(t, reservation_id_of(p->earlier.event), &p->reservation);
    if (there == PRESENCE_ABSENT)
        p->earlier.number = 0; /* what was kept aside is let go: as if it had not been asked for */
    if (there != PRESENCE_THERE || p->any_tenant)
        return there;
    check(p->earlier.number != 0);
    if (!grouped)
        there = earlier_tenant(t, &p->earlier, &tenant_id);
    p->earlier_is_foreign = !id128_equal(tenant_id, p->tenant_id);
    return there;
}

/* The totals of the first account that is in this shard, unless the posting has them. */
static enum presence find_totals(struct turn *t, struct posting *p, const struct account *first)
{
    struct id128 id = ledger_totals_id(first->tenant_id, first->currency);
    if (p->totals != NULL && id128_equal(p->totals_id, id))
        return PRESENCE_THERE;
    p->totals_id = id;
    return turn_find_ledger_totals(t, id, &p->totals);
}

/* Both accounts, but one that is away. */
static bool find_sides(struct turn *t, struct posting *p, bool debit_away, bool credit_away)
{
    const struct transfer_spec *s = &p->transfer;
    const struct pending_transfer *h = posting_has(p, POSTING_RESOLVES) ? p->pending : NULL;
    struct id128 debit_id =
        h != NULL && id128_is_zero(s->debit_account_id) ? h->debit_account_id : s->debit_account_id;
    struct id128 credit_id = h != NULL && id128_is_zero(s->credit_account_id)
                                 ? h->credit_account_id
                                 : s->credit_account_id;
    bool waiting = false;
    if (!debit_away)
        waiting = find_account(t, debit_id, &p->debit_id, &p->debit) == PRESENCE_WAITING;
    if (!credit_away)
        waiting |= find_account(t, credit_id, &p->credit_id, &p->credit) == PRESENCE_WAITING;
    if (debit_away && !p->debit_away) {
        p->debit_id = debit_id;
        p->debit = NULL;
    }
    if (credit_away && !p->credit_away) {
        p->credit_id = credit_id;
        p->credit = NULL;
    }
    return waiting;
}

enum presence posting_find(struct turn *t, struct posting *p)
{
    const struct transfer_spec *s = &p->transfer;
    bool waiting = false;
    p->pending = NULL;
    p->pending_was_final = false;
    p->exists = false;
    if (!id128_is_zero(s->pending_id))
        waiting = find_pending(t, p) == PRESENCE_WAITING;
    const struct pending_transfer *h = posting_has(p, POSTING_RESOLVES) ? p->pending : NULL;
    bool crosses = h != NULL && h->crosses, half = crosses && pending_transfer_is_half(h);
    bool debit_away = p->debit_away || half;
    waiting |= find_sides(t, p, debit_away, p->credit_away || (crosses && !half));
    if (!p->decided)
        waiting |= find_earlier(t, p) == PRESENCE_WAITING;
    const struct account *first = debit_away ? p->credit : p->debit;
    if (first != NULL)
        waiting |= find_totals(t, p, first) == PRESENCE_WAITING;
    if (first != NULL && crosses)
        waiting |= transit_find(t, first, h->peer) == PRESENCE_WAITING;
    return waiting ? PRESENCE_WAITING : PRESENCE_THERE;
}

void posting_prepare(struct turn *t, struct posting *p)
{
    enum presence there = posting_find(t, p);
    check(there == PRESENCE_THERE || there == PRESENCE_WAITING);
}

/* --- events ----------------------------------------------------------------------------------- */

/* A posting that posting_check() found OK has all that its event and apply function need. The apply
 * function (movement.c) asserts that the sides are of one tenant and currency and that the sums
 * fit. */
static void posting_assert(const struct posting *p)
{
    check(!p->exists);
    check(!p->earlier_is_foreign);
    check(p->earlier.number == 0);
    check(p->debit != NULL);
    check(p->credit != NULL || posting_has(p, TRANSFER_FLAGS_VOID_PENDING));
    check(!p->debit_away && !p->credit_away);
    check(p->totals != NULL);
    check(p->any_tenant || id128_equal(p->debit->tenant_id, p->tenant_id));
}

static void posting_assert_new(const struct posting *p)
{
    check(p->transfer.currency == p->debit->currency);
    check(!p->transfer.has_amount || p->amount <= p->transfer.amount);
}

static void posting_assert_resolving(const struct posting *p)
{
    const struct pending_transfer *h = p->pending;
    check(h != NULL);
    check(h->status == TRANSFER_STATUS_PENDING);
    check(p->amount <= h->held);
    check(id128_equal(p->debit_id, h->debit_account_id));
    check(id128_equal(p->credit_id, h->credit_account_id));
    check(h->held <= p->debit->debits_pending);
    check(h->side == CROSSING_SIDE_DEBIT || h->held <= p->credit->credits_pending);
}

static void emit_new(struct turn *t, struct posting *p)
{
    posting_assert_new(p);
    p->transfer.amount = p->amount;
    p->transfer.flags |= p->managed ? TRANSFER_FLAGS_MANAGED : 0u;
    if (!posting_has(p, TRANSFER_FLAGS_PENDING)) {
        struct transfer_posted e = {.amount = 0};
        transfer_posted_from_transfer_spec(&e, &p->transfer);
        e.has_reverses_id = !id128_is_zero(p->reverses_id);
        e.reverses_id = p->reverses_id;
        e.has_transaction_id = !id128_is_zero(p->transaction_id);
        e.transaction_id = p->transaction_id;
        turn_emit(t, &transfer_posted_type, &e);
        return;
    }
    struct transfer_pending e = {.amount = 0};
    transfer_pending_from_transfer_spec(&e, &p->transfer);
    e.has_reverses_id = !id128_is_zero(p->reverses_id);
    e.reverses_id = p->reverses_id;
    e.has_transaction_id = !id128_is_zero(p->transaction_id);
    e.transaction_id = p->transaction_id;
    turn_emit(t, &transfer_pending_type, &e);
}

static void emit_resolved(struct turn *t, const struct posting *p)
{
    const struct transfer_spec *s = &p->transfer;
    const struct pending_transfer *h = p->pending;
    posting_assert_resolving(p);
    bool voids = posting_has(p, TRANSFER_FLAGS_VOID_PENDING);
    bool keeps = posting_has(p, TRANSFER_FLAGS_KEEP_REMAINDER);
    u128 rest = voids ? h->held : h->held - p->amount;
    struct transfer_resolved e = {.amount = 0};
    transfer_resolved_from_transfer_spec(&e, s);
    e.debit_account_id = p->debit_id;
    e.credit_account_id = p->credit_id;
    e.amount = voids ? 0 : p->amount + MUTANT(CAPTURE_TOO_MUCH);
    e.released = keeps ? 0 : rest;
    e.remaining = keeps ? rest : 0;
    e.currency = h->currency;
    e.code = h->code;
    e.flags |= h->flags & TRANSFER_FLAGS_MANAGED;
    e.user_data_128 = s->has_user_data_128 ? s->user_data_128 : h->user_data_128;
    e.user_data_64 = s->has_user_data_64 ? s->user_data_64 : h->user_data_64;
    e.user_data_32 = s->has_user_data_32 ? s->user_data_32 : h->user_data_32;
    e.has_transaction_id = !id128_is_zero(p->transaction_id);
    e.transaction_id = p->transaction_id;
    uint64_t time_ns = turn_time(t);
    turn_emit(t, &transfer_resolved_type, &e);
    told_transfer_send(t, s->pending_id);
    if (!h->crosses)
        return;
    const struct half_end end = {
        .pending_id = s->pending_id,
        .released = e.released,
        .currency = e.currency,
        .effective_time = s->has_effective_time ? s->effective_time : time_ns,
        .decided_time = time_ns,
        .has_ended_by_id = true,
        .ended_by_id = s->id,
    };
    check(voids);
    pending_half_send_end(t, h, &end);
}

void posting_emit(struct turn *t, struct posting *p)
{
    posting_assert(p);
    if (posting_has(p, POSTING_RESOLVES))
        emit_resolved(t, p);
    else
        emit_new(t, p);
    if (MUTANT(POST_TWICE) && !posting_has(p, POSTING_RESOLVES))
        emit_new(t, p);
}

static bool account_seen(const struct turn *t, const struct account *a)
{
    return a != NULL && turn_may_see(t, a->tenant_id, ID128_ZERO);
}

bool posting_unseen(const struct turn *t, const struct posting *p, uint16_t code)
{
    check(code != RESULT_OK);
    check(p->pending == NULL || !p->pending_was_final);
    if (!id128_is_zero(p->reverses_id) || code == RESULT_PENDING_TRANSFER_UNDER_WAY)
        return false; /* whoever reverses, or ends, has seen what */
    if (code == RESULT_DEBIT_ACCOUNT_NOT_FOUND || code == RESULT_CREDIT_ACCOUNT_NOT_FOUND ||
        code == RESULT_PENDING_TRANSFER_NOT_FOUND)
        return true;
    bool pending_seen = p->pending_was_final ||
                        (p->pending != NULL && turn_may_see(t, p->pending->tenant_id, ID128_ZERO));
    return !pending_seen && !account_seen(t, p->debit) && !account_seen(t, p->credit);
}

/* Refusals that the same request may not get later. */
static bool is_transient(uint16_t code)
{
    switch (code) {
    case RESULT_DEADLINE_PASSED:
    case RESULT_DEBIT_ACCOUNT_ALREADY_CLOSED:
    case RESULT_CREDIT_ACCOUNT_ALREADY_CLOSED:
    case RESULT_DEBIT_ACCOUNT_FROZEN:
    case RESULT_CREDIT_ACCOUNT_FROZEN:
    case RESULT_EXCEEDS_CREDITS:
    case RESULT_EXCEEDS_DEBITS:
    case RESULT_EXCEEDS_DEBIT_BALANCE_MAX:
    case RESULT_EXCEEDS_CREDIT_BALANCE_MAX:
    case RESULT_BELOW_CREDIT_BALANCE_MIN:
        return true;
    default:
        return false;
    }
}

void posting_refused(struct turn *t, const struct posting *p, uint16_t code)
{
    check(code != RESULT_OK);
    if (!is_transient(code))
        return;
    check(!id128_is_zero(p->transfer.id));
    struct transfer_refused e = {p->transfer.id, p->tenant_id, code};
    turn_emit(t, &transfer_refused_type, &e);
}
