/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of a transfer, in the order of their codes, and its event. The order is that of the
 * functions called in posting_check(); schemas/errors.toml lists the codes in the same order. */
#include "actors/ledger/posting.h"

#include "actors/ledger/account.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/pending_transfer.h"
#include "runtime/base/mutant.h"
#include "runtime/base/time.h"
#include "schemas/common.h"
#include "schemas/result.h"


#define RESOLVES (TRANSFER_FLAGS_POST_PENDING | TRANSFER_FLAGS_VOID_PENDING)
#define BALANCES (TRANSFER_FLAGS_BALANCING_DEBIT | TRANSFER_FLAGS_BALANCING_CREDIT)
#define CLOSES (TRANSFER_FLAGS_CLOSING_DEBIT | TRANSFER_FLAGS_CLOSING_CREDIT)

static bool posting_has(const struct posting *p, uint32_t flags)
{
    return (p->transfer.flags & flags) != 0;
}

/* --- finding ---------------------------------------------------------------------------------- */

/* Looks the account up, unless the posting has it from before in this turn. */
static enum presence find_account(struct turn *t, struct id128 id, struct id128 *found,
                                  const struct account **account)
{
    if (*account != NULL && id128_equal(*found, id))
        return PRESENCE_THERE;
    const void *state = NULL;
    enum presence there = PRESENCE_ABSENT;
    *found = id;
    if (!id128_is_zero(id))
        there = turn_find(t, KIND_ACCOUNT, id, &state);
    *account = there == PRESENCE_THERE ? state : NULL;
    return there;
}

/* Of a transfer that was never pending: its debit account; zero if the event is another. */
static struct id128 final_debit_id(const struct stored_event *e)
{
    if (e->number == TRANSFER_POSTED_NUMBER)
        return ((const struct transfer_posted *)e->event)->debit_account_id;
    if (e->number == TRANSFER_RESOLVED_NUMBER)
        return ((const struct transfer_resolved *)e->event)->debit_account_id;
    return ID128_ZERO;
}

/* The pending transfer, or whether its id belongs to one of the tenant that never was pending:
 * another tenant's is as good as none. */
static enum presence find_pending(struct turn *t, struct posting *p)
{
    const void *state = NULL;
    enum presence there = turn_find(t, KIND_TRANSFER, p->transfer.pending_id, &state);
    p->pending = there == PRESENCE_THERE ? state : NULL;
    if (there != PRESENCE_ABSENT)
        return there;
    struct stored_event other;
    there = turn_find_decision(t, p->transfer.pending_id, &other);
    struct id128 debit_id = there == PRESENCE_THERE ? final_debit_id(&other) : ID128_ZERO;
    if (id128_is_zero(debit_id))
        return there;
    there = turn_find(t, KIND_ACCOUNT, debit_id, &state);
    if (there == PRESENCE_THERE)
        p->pending_was_final = p->any_tenant ||
            id128_equal(((const struct account *)state)->tenant_id, p->tenant_id);
    return there;
}

/* The tenant of what used the id before. */
static enum presence earlier_tenant(struct turn *t, const struct stored_event *e,
                                    struct id128 *tenant_id)
{
    struct id128 debit_id = final_debit_id(e);
    switch (e->number) {
    case TRANSFER_REFUSED_NUMBER:
        *tenant_id = ((const struct transfer_refused *)e->event)->tenant_id;
        return PRESENCE_THERE;
    case TRANSACTION_RECORDED_NUMBER:
        *tenant_id = ((const struct transaction_recorded *)e->event)->tenant_id;
        return PRESENCE_THERE;
    case TRANSFER_PENDING_NUMBER:
        debit_id = ((const struct transfer_pending *)e->event)->debit_account_id;
        break;
    }
    const void *debit = NULL;
    enum presence there = turn_find(t, KIND_ACCOUNT, debit_id, &debit);
    *tenant_id = there == PRESENCE_THERE ? ((const struct account *)debit)->tenant_id : ID128_ZERO;
    return there;
}

/* Ids are unique over all tenants, as the id alone is an actor's address; but of another tenant's
 * use nothing is told beyond that the id is taken. */
static enum presence find_earlier(struct turn *t, struct posting *p)
{
    struct id128 tenant_id;
    p->earlier.number = 0;
    p->earlier_is_foreign = false;
    enum presence there = turn_find_decision(t, p->transfer.id, &p->earlier);
    if (there != PRESENCE_THERE || p->any_tenant)
        return there;
    there = earlier_tenant(t, &p->earlier, &tenant_id);
    p->earlier_is_foreign = !id128_equal(tenant_id, p->tenant_id);
    return there;
}

/* The totals of the debit account, unless the posting has them. */
static enum presence find_totals(struct turn *t, struct posting *p)
{
    struct id128 id = ledger_totals_id(p->debit->tenant_id, p->debit->currency);
    if (p->totals != NULL && id128_equal(p->totals_id, id))
        return PRESENCE_THERE;
    const void *totals = NULL;
    enum presence there = turn_find(t, KIND_LEDGER_TOTALS, id, &totals);
    p->totals = there == PRESENCE_THERE ? totals : NULL;
    p->totals_id = id;
    return there;
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
    bool from_pending = p->pending != NULL && posting_has(p, RESOLVES);
    struct id128 debit_id = from_pending && id128_is_zero(s->debit_account_id)
                                ? p->pending->debit_account_id
                                : s->debit_account_id;
    struct id128 credit_id = from_pending && id128_is_zero(s->credit_account_id)
                                 ? p->pending->credit_account_id
                                 : s->credit_account_id;
    waiting |= find_account(t, debit_id, &p->debit_id, &p->debit) == PRESENCE_WAITING;
    waiting |= find_account(t, credit_id, &p->credit_id, &p->credit) == PRESENCE_WAITING;
    waiting |= find_earlier(t, p) == PRESENCE_WAITING;
    if (p->debit != NULL)
        waiting |= find_totals(t, p) == PRESENCE_WAITING;
    return waiting ? PRESENCE_WAITING : PRESENCE_THERE;
}

/* --- the id was used before ------------------------------------------------------------------- */

/* A transfer recorded under the same id, as it would have been asked for. */
struct earlier_transfer {
    struct transfer_spec spec;
    bool all; /* a post or void that left nothing pending */
};

static bool earlier_transfer_of(const struct stored_event *stored, struct earlier_transfer *o)
{
    const struct transfer_resolved *resolved = stored->event;
    *o = (struct earlier_transfer){.all = false};
    switch (stored->number) {
    case TRANSFER_POSTED_NUMBER:
        transfer_spec_from_transfer_posted(&o->spec, stored->event);
        return true;
    case TRANSFER_PENDING_NUMBER:
        transfer_spec_from_transfer_pending(&o->spec, stored->event);
        return true;
    case TRANSFER_RESOLVED_NUMBER:
        transfer_spec_from_transfer_resolved(&o->spec, resolved);
        if ((resolved->flags & TRANSFER_FLAGS_VOID_PENDING) != 0)
            o->spec.amount = resolved->released;
        o->all = resolved->remaining == 0 &&
                 (resolved->released == 0 || (resolved->flags & TRANSFER_FLAGS_VOID_PENDING) != 0);
        return true;
    default:
        return false;
    }
}

static bool amount_equal(const struct posting *p, const struct earlier_transfer *o)
{
    u128 asked = p->transfer.amount;
    if (posting_has(p, BALANCES))
        return asked >= o->spec.amount;
    if (posting_has(p, TRANSFER_FLAGS_VOID_PENDING) && asked == 0)
        return true;
    if (posting_has(p, RESOLVES) && asked == POSTING_AMOUNT_ALL)
        return o->all;
    return asked == o->spec.amount;
}

/* 0 in a post or void stands for the value of the pending transfer, which was recorded. */
static bool data_equal(const struct posting *p, u128 asked, u128 recorded)
{
    return asked == recorded || (asked == 0 && posting_has(p, RESOLVES));
}

static uint16_t exists_accounts(const struct posting *p, const struct transfer_spec *o)
{
    const struct transfer_spec *s = &p->transfer;
    bool debit_given = !posting_has(p, RESOLVES) || !id128_is_zero(s->debit_account_id);
    bool credit_given = !posting_has(p, RESOLVES) || !id128_is_zero(s->credit_account_id);
    if (debit_given && !id128_equal(s->debit_account_id, o->debit_account_id))
        return RESULT_EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID;
    if (credit_given && !id128_equal(s->credit_account_id, o->credit_account_id))
        return RESULT_EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID;
    return RESULT_OK;
}

static uint16_t exists_data(const struct posting *p, const struct transfer_spec *o)
{
    const struct transfer_spec *s = &p->transfer;
    if (!data_equal(p, s->user_data_128, o->user_data_128))
        return RESULT_EXISTS_WITH_DIFFERENT_USER_DATA_128;
    if (!data_equal(p, s->user_data_64, o->user_data_64))
        return RESULT_EXISTS_WITH_DIFFERENT_USER_DATA_64;
    if (!data_equal(p, s->user_data_32, o->user_data_32))
        return RESULT_EXISTS_WITH_DIFFERENT_USER_DATA_32;
    if (!data_equal(p, s->currency, o->currency))
        return RESULT_EXISTS_WITH_DIFFERENT_CURRENCY;
    if (!data_equal(p, s->code, o->code))
        return RESULT_EXISTS_WITH_DIFFERENT_CODE;
    if (s->effective_time != o->effective_time)
        return RESULT_EXISTS_WITH_DIFFERENT_TIME;
    return RESULT_OK;
}

static uint16_t exists_check(struct posting *p)
{
    struct earlier_transfer o;
    if (p->earlier.number == TRANSFER_REFUSED_NUMBER && !p->earlier_is_foreign)
        return RESULT_ID_ALREADY_FAILED;
    const struct transfer_spec *s = &p->transfer;
    if (p->earlier_is_foreign || !earlier_transfer_of(&p->earlier, &o) || s->flags != o.spec.flags)
        return RESULT_EXISTS_WITH_DIFFERENT_FLAGS;
    if (!id128_equal(s->pending_id, o.spec.pending_id))
        return RESULT_EXISTS_WITH_DIFFERENT_PENDING_ID;
    if (s->timeout_s != o.spec.timeout_s)
        return RESULT_EXISTS_WITH_DIFFERENT_TIMEOUT;
    uint16_t code = exists_accounts(p, &o.spec);
    if (code == RESULT_OK && !amount_equal(p, &o))
        code = RESULT_EXISTS_WITH_DIFFERENT_AMOUNT;
    if (code == RESULT_OK)
        code = exists_data(p, &o.spec);
    if (code != RESULT_OK)
        return code;
    p->exists = true;
    p->amount = o.spec.amount;
    return RESULT_EXISTS;
}

/* --- checks of all transfers ------------------------------------------------------------------ */

static uint16_t time_check(struct turn *t, const struct posting *p)
{
    uint64_t effective = p->transfer.effective_time;
    if (posting_has(p, TRANSFER_FLAGS_IMPORTED)) {
        if (effective == 0)
            return RESULT_IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE;
        if (effective >= turn_time(t))
            return RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE;
    } else if (effective != 0 && effective > turn_time(t)) {
        return RESULT_EFFECTIVE_TIME_IN_FUTURE;
    }
    return RESULT_OK;
}

static uint16_t accounts_given_check(const struct posting *p)
{
    const struct transfer_spec *s = &p->transfer;
    if (id128_is_zero(s->debit_account_id))
        return RESULT_DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO;
    if (id128_is_max(s->debit_account_id))
        return RESULT_DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX;
    if (id128_is_zero(s->credit_account_id))
        return RESULT_CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO;
    if (id128_is_max(s->credit_account_id))
        return RESULT_CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX;
    if (id128_equal(s->debit_account_id, s->credit_account_id))
        return RESULT_ACCOUNTS_MUST_BE_DIFFERENT;
    return RESULT_OK;
}

static uint16_t form_check(const struct posting *p)
{
    const struct transfer_spec *s = &p->transfer;
    if (!id128_is_zero(s->pending_id))
        return RESULT_PENDING_ID_MUST_BE_ZERO;
    if (s->timeout_s != 0 && !posting_has(p, TRANSFER_FLAGS_PENDING))
        return RESULT_TIMEOUT_RESERVED_FOR_PENDING_TRANSFER;
    if (posting_has(p, TRANSFER_FLAGS_KEEP_REMAINDER))
        return RESULT_KEEP_REMAINDER_RESERVED_FOR_POST;
    if (posting_has(p, CLOSES) && !posting_has(p, TRANSFER_FLAGS_PENDING))
        return RESULT_CLOSING_TRANSFER_MUST_BE_PENDING;
    if (s->amount == 0 && !posting_has(p, BALANCES | CLOSES))
        return RESULT_AMOUNT_MUST_NOT_BE_ZERO;
    if (s->currency == 0)
        return RESULT_CURRENCY_MUST_NOT_BE_ZERO;
    if (s->code == 0)
        return RESULT_CODE_MUST_NOT_BE_ZERO;
    return RESULT_OK;
}

static uint16_t accounts_check(struct turn *t, const struct posting *p)
{
    const struct transfer_spec *s = &p->transfer;
    if (!turn_at_home(t, s->debit_account_id) || !turn_at_home(t, s->credit_account_id))
        return RESULT_ACCOUNTS_IN_DIFFERENT_SHARDS;
    if (p->debit == NULL ||
        (!p->any_tenant && !id128_equal(p->debit->tenant_id, p->tenant_id)))
        return RESULT_DEBIT_ACCOUNT_NOT_FOUND;
    if (p->credit == NULL || !id128_equal(p->credit->tenant_id, p->debit->tenant_id))
        return RESULT_CREDIT_ACCOUNT_NOT_FOUND;
    if (p->debit->currency != p->credit->currency)
        return RESULT_ACCOUNTS_MUST_HAVE_THE_SAME_CURRENCY;
    if (s->currency != p->debit->currency)
        return RESULT_TRANSFER_MUST_HAVE_THE_SAME_CURRENCY_AS_ACCOUNTS;
    return RESULT_OK;
}

static uint16_t imported_check(const struct posting *p)
{
    const struct transfer_spec *s = &p->transfer;
    if (!posting_has(p, TRANSFER_FLAGS_IMPORTED))
        return RESULT_OK;
    check(p->totals != NULL);
    if (s->effective_time <= p->totals->imported_transfer_time)
        return RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS;
    if (s->effective_time <= p->debit->opened_time)
        return RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT;
    if (s->effective_time <= p->credit->opened_time)
        return RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT;
    return s->timeout_s != 0 ? RESULT_IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO : RESULT_OK;
}

static uint16_t status_check(const struct posting *p)
{
    uint32_t debit = p->debit->flags, credit = p->credit->flags;
    if ((debit & ACCOUNT_FLAGS_CLOSED) != 0)
        return RESULT_DEBIT_ACCOUNT_ALREADY_CLOSED;
    if ((credit & ACCOUNT_FLAGS_CLOSED) != 0)
        return RESULT_CREDIT_ACCOUNT_ALREADY_CLOSED;
    if ((debit & ACCOUNT_FLAGS_DEBITS_FROZEN) != 0)
        return RESULT_DEBIT_ACCOUNT_FROZEN;
    if ((credit & ACCOUNT_FLAGS_CREDITS_FROZEN) != 0)
        return RESULT_CREDIT_ACCOUNT_FROZEN;
    return RESULT_OK;
}

static u128 posting_balanced(const struct posting *p)
{
    u128 amount = p->transfer.amount;
    if (posting_has(p, TRANSFER_FLAGS_BALANCING_DEBIT)) {
        u128 room = account_debit_room(p->debit);
        amount = room < amount ? room : amount;
    }
    if (posting_has(p, TRANSFER_FLAGS_BALANCING_CREDIT)) {
        u128 room = account_credit_room(p->credit);
        amount = room < amount ? room : amount;
    }
    return amount;
}

static bool posting_overflows(u128 a, u128 b)
{
    return a + b < a;
}

static uint16_t overflow_check(struct turn *t, const struct posting *p)
{
    const struct account *d = p->debit, *c = p->credit;
    if (posting_has(p, TRANSFER_FLAGS_PENDING)) {
        if (posting_overflows(d->debits_pending, p->amount))
            return RESULT_OVERFLOWS_DEBITS_PENDING;
        if (posting_overflows(c->credits_pending, p->amount))
            return RESULT_OVERFLOWS_CREDITS_PENDING;
    }
    if (posting_overflows(d->debits_posted, p->amount))
        return RESULT_OVERFLOWS_DEBITS_POSTED;
    if (posting_overflows(c->credits_posted, p->amount))
        return RESULT_OVERFLOWS_CREDITS_POSTED;
    if (posting_overflows(d->debits_pending + d->debits_posted, p->amount))
        return RESULT_OVERFLOWS_DEBITS;
    if (posting_overflows(c->credits_pending + c->credits_posted, p->amount))
        return RESULT_OVERFLOWS_CREDITS;
    uint64_t timeout_ns = (uint64_t)p->transfer.timeout_s * NS_PER_S;
    return turn_time(t) + timeout_ns < timeout_ns ? RESULT_OVERFLOWS_TIMEOUT : RESULT_OK;
}

/* The sums over all accounts are in the ledger's totals: they may not overflow either. */
static uint16_t totals_check(const struct posting *p)
{
    const struct ledger_totals *l = p->totals;
    check(l != NULL);
    if (posting_overflows(l->debits_posted, p->amount) ||
        posting_overflows(l->debits_posted + l->debits_pending, p->amount))
        return RESULT_OVERFLOWS_DEBITS;
    return RESULT_OK;
}

static uint16_t new_transfer_check(struct turn *t, struct posting *p)
{
    uint16_t code = accounts_given_check(p);
    if (code == RESULT_OK)
        code = form_check(p);
    if (code == RESULT_OK)
        code = accounts_check(t, p);
    if (code == RESULT_OK)
        code = imported_check(p);
    if (code == RESULT_OK)
        code = status_check(p);
    if (code != RESULT_OK)
        return code;
    p->amount = posting_balanced(p);
    code = overflow_check(t, p);
    if (code == RESULT_OK)
        code = totals_check(p);
    if (code == RESULT_OK)
        code = account_debit_check(p->debit, p->amount);
    return code != RESULT_OK ? code : account_credit_check(p->credit, p->amount);
}

/* --- checks of post and void ------------------------------------------------------------------ */

static uint16_t pending_given_check(const struct posting *p)
{
    const struct transfer_spec *s = &p->transfer;
    if (id128_is_zero(s->pending_id))
        return RESULT_PENDING_ID_MUST_NOT_BE_ZERO;
    if (id128_is_max(s->pending_id))
        return RESULT_PENDING_ID_MUST_NOT_BE_INT_MAX;
    if (id128_equal(s->pending_id, s->id))
        return RESULT_PENDING_ID_MUST_BE_DIFFERENT;
    if (s->timeout_s != 0)
        return RESULT_TIMEOUT_RESERVED_FOR_PENDING_TRANSFER;
    if (posting_has(p, TRANSFER_FLAGS_KEEP_REMAINDER) &&
        posting_has(p, TRANSFER_FLAGS_VOID_PENDING))
        return RESULT_KEEP_REMAINDER_RESERVED_FOR_POST;
    return RESULT_OK;
}

static uint16_t pending_equal_check(const struct posting *p)
{
    const struct transfer_spec *s = &p->transfer;
    const struct pending_transfer *h = p->pending;
    if (h == NULL && p->pending_was_final)
        return RESULT_PENDING_TRANSFER_NOT_PENDING;
    if (h == NULL || (!p->any_tenant && !id128_equal(h->tenant_id, p->tenant_id)))
        return RESULT_PENDING_TRANSFER_NOT_FOUND;
    if (!id128_equal(p->debit_id, h->debit_account_id))
        return RESULT_PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID;
    if (!id128_equal(p->credit_id, h->credit_account_id))
        return RESULT_PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID;
    check(p->debit != NULL && p->credit != NULL);
    if (s->currency != 0 && s->currency != h->currency)
        return RESULT_PENDING_TRANSFER_HAS_DIFFERENT_CURRENCY;
    if (s->code != 0 && s->code != h->code)
        return RESULT_PENDING_TRANSFER_HAS_DIFFERENT_CODE;
    return RESULT_OK;
}

static uint16_t pending_amount_check(struct posting *p)
{
    const struct pending_transfer *h = p->pending;
    bool voids = posting_has(p, TRANSFER_FLAGS_VOID_PENDING);
    u128 asked = p->transfer.amount;
    /* Once resolved nothing is held: the amount asked for is compared with what was. */
    u128 most = h->status == TRANSFER_STATUS_PENDING ? h->held : h->amount;
    p->amount = asked == POSTING_AMOUNT_ALL || (voids && asked == 0) ? most : asked;
    if (p->amount > most)
        return RESULT_EXCEEDS_PENDING_TRANSFER_AMOUNT;
    if (voids && p->amount < most)
        return RESULT_PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT;
    return RESULT_OK;
}

static uint16_t pending_status_check(struct turn *t, const struct posting *p)
{
    const struct pending_transfer *h = p->pending;
    switch (h->status) {
    case TRANSFER_STATUS_POSTED:
        return RESULT_PENDING_TRANSFER_ALREADY_POSTED;
    case TRANSFER_STATUS_VOIDED:
        return RESULT_PENDING_TRANSFER_ALREADY_VOIDED;
    case TRANSFER_STATUS_EXPIRED:
        return RESULT_PENDING_TRANSFER_EXPIRED;
    default:
        return h->due_time != 0 && h->due_time <= turn_time(t) ? RESULT_PENDING_TRANSFER_EXPIRED
                                                               : RESULT_OK;
    }
}

static uint16_t resolving_check(struct turn *t, struct posting *p)
{
    uint16_t code = pending_given_check(p);
    if (code == RESULT_OK)
        code = pending_equal_check(p);
    if (code == RESULT_OK)
        code = pending_amount_check(p);
    if (code == RESULT_OK)
        code = pending_status_check(t, p);
    if (code == RESULT_OK)
        code = imported_check(p);
    if (code == RESULT_OK && posting_has(p, TRANSFER_FLAGS_POST_PENDING))
        code = status_check(p);
    return code; /* pending and posted together did not overflow: they cannot now */
}

/* --- all of it -------------------------------------------------------------------------------- */

static bool flags_exclude_each_other(const struct posting *p)
{
    const uint32_t new_only = TRANSFER_FLAGS_PENDING | BALANCES | CLOSES;
    return (p->transfer.flags & RESOLVES) == RESOLVES ||
           (posting_has(p, RESOLVES) && posting_has(p, new_only));
}

uint16_t posting_check(struct turn *t, struct posting *p)
{
    uint16_t code = time_check(t, p);
    if (code == RESULT_OK && (p->transfer.flags & ~TRANSFER_FLAGS_ALL) != 0)
        code = RESULT_RESERVED_FLAG;
    if (code == RESULT_OK)
        code = account_id_check(t, p->transfer.id);
    if (code == RESULT_OK && p->earlier.number != 0)
        code = exists_check(p);
    if (code == RESULT_OK && flags_exclude_each_other(p))
        code = RESULT_FLAGS_ARE_MUTUALLY_EXCLUSIVE;
    if (code != RESULT_OK)
        return code;
    return posting_has(p, RESOLVES) ? resolving_check(t, p) : new_transfer_check(t, p);
}

/* --- events ----------------------------------------------------------------------------------- */

static void emit_new(struct turn *t, const struct posting *p)
{
    const struct transfer_spec *s = &p->transfer;
    if (!posting_has(p, TRANSFER_FLAGS_PENDING)) {
        struct transfer_posted e = {.amount = 0};
        transfer_posted_from_transfer_spec(&e, s);
        e.amount = p->amount;
        e.has_reverses_id = !id128_is_zero(p->reverses_id);
        e.reverses_id = p->reverses_id;
        e.has_transaction_id = !id128_is_zero(p->transaction_id);
        e.transaction_id = p->transaction_id;
        turn_emit(t, &transfer_posted_type, &e);
        return;
    }
    struct transfer_pending e = {.amount = 0};
    transfer_pending_from_transfer_spec(&e, s);
    e.amount = p->amount;
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
    e.user_data_128 = s->user_data_128 != 0 ? s->user_data_128 : h->user_data_128;
    e.user_data_64 = s->user_data_64 != 0 ? s->user_data_64 : h->user_data_64;
    e.user_data_32 = s->user_data_32 != 0 ? s->user_data_32 : h->user_data_32;
    e.has_transaction_id = !id128_is_zero(p->transaction_id);
    e.transaction_id = p->transaction_id;
    turn_emit(t, &transfer_resolved_type, &e);
}

void posting_emit(struct turn *t, const struct posting *p)
{
    check(!p->exists);
    if (posting_has(p, RESOLVES))
        emit_resolved(t, p);
    else
        emit_new(t, p);
    if (MUTANT(POST_TWICE) && !posting_has(p, RESOLVES))
        emit_new(t, p);
}

/* Refusals that may turn into a success when the same is asked later. */
static bool is_transient(uint16_t code)
{
    switch (code) {
    case RESULT_DEBIT_ACCOUNT_NOT_FOUND:
    case RESULT_CREDIT_ACCOUNT_NOT_FOUND:
    case RESULT_PENDING_TRANSFER_NOT_FOUND:
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
    if (!is_transient(code))
        return;
    struct transfer_refused e = {p->transfer.id, p->tenant_id, code};
    turn_emit(t, &transfer_refused_type, &e);
}
