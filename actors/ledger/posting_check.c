/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of a transfer. Each looks at one thing and says RESULT_OK or its code; the end of the
 * file puts them in order. Whatever a check reads of accounts, totals or pending transfer was found
 * by posting_find() and is there if the checks before it said OK. */
#include "actors/ledger/posting.h"

#include "actors/ledger/account.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/reservation.h"
#include "actors/ledger/transit.h"
#include "runtime/base/mutant.h"
#include "runtime/base/time.h"
#include "schemas/result.h"

/* --- the id was used before ------------------------------------------------------------------- */

/* A transfer recorded under the same id, as it would have been asked for. */
struct earlier_transfer {
    struct transfer_spec spec;
    struct id128 reverses_id; /* zero = none */
    bool all;                 /* a post or void that left nothing pending */
};

static bool earlier_transfer_of(const struct stored_event *stored, struct earlier_transfer *o)
{
    const struct transfer_resolved *resolved = stored->event;
    *o = (struct earlier_transfer){.all = false};
    switch (stored->number) {
    case TRANSFER_RESERVED_NUMBER:
        transfer_spec_from_transfer_reserved(&o->spec, stored->event);
        o->reverses_id = ((const struct transfer_reserved *)stored->event)->reverses_id;
        return true;
    case TRANSFER_CROSSED_NUMBER:
        transfer_spec_from_transfer_crossed(&o->spec, stored->event);
        o->reverses_id = ((const struct transfer_crossed *)stored->event)->reverses_id;
        return true;
    case LEG_RESERVED_NUMBER:
        transfer_spec_from_group_leg(&o->spec, stored->event);
        o->reverses_id = ((const struct group_leg *)stored->event)->reverses_id;
        return true;
    case LEG_POSTED_NUMBER:
        transfer_spec_from_leg_posted(&o->spec, stored->event);
        o->reverses_id = ((const struct leg_posted *)stored->event)->reverses_id;
        return true;
    case LEG_HELD_NUMBER:
        transfer_spec_from_leg_held(&o->spec, stored->event);
        return true;
    case TRANSFER_POSTED_NUMBER:
        transfer_spec_from_transfer_posted(&o->spec, stored->event);
        o->reverses_id = ((const struct transfer_posted *)stored->event)->reverses_id;
        return true;
    case TRANSFER_PENDING_NUMBER:
        transfer_spec_from_transfer_pending(&o->spec, stored->event);
        return true;
    case TRANSFER_RESOLVED_NUMBER:
        transfer_spec_from_transfer_resolved(&o->spec, resolved);
        bool voids = (resolved->flags & TRANSFER_FLAGS_VOID_PENDING) != 0;
        o->spec.amount = voids ? resolved->released : o->spec.amount;
        o->all = resolved->remaining == 0 && (resolved->released == 0 || voids);
        return true;
    }
    return false;
}

static bool amount_equal(const struct posting *p, const struct earlier_transfer *o)
{
    if (posting_has(p, POSTING_BALANCES))
        return !p->transfer.has_amount || p->transfer.amount >= o->spec.amount;
    bool whole = posting_has(p, POSTING_RESOLVES) && !p->transfer.has_amount;
    return whole ? o->all : p->transfer.amount == o->spec.amount;
}

/* What a post or void leaves out is the value of the pending transfer, which was recorded. */
static bool data_equal(const struct posting *p, bool asked, u128 value, u128 recorded)
{
    return value == recorded || (!asked && posting_has(p, POSTING_RESOLVES));
}

static uint16_t exists_accounts(const struct posting *p, const struct transfer_spec *o)
{
    const struct transfer_spec *s = &p->transfer;
    bool debit_given = !posting_has(p, POSTING_RESOLVES) || !id128_is_zero(s->debit_account_id);
    bool credit_given = !posting_has(p, POSTING_RESOLVES) || !id128_is_zero(s->credit_account_id);
    if (debit_given && !id128_equal(s->debit_account_id, o->debit_account_id))
        return RESULT_EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID;
    if (credit_given && !id128_equal(s->credit_account_id, o->credit_account_id))
        return RESULT_EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID;
    return RESULT_OK;
}

static uint16_t exists_data(const struct posting *p, const struct transfer_spec *o)
{
    const struct transfer_spec *s = &p->transfer;
    if (!data_equal(p, s->has_user_data_128, s->user_data_128, o->user_data_128))
        return RESULT_EXISTS_WITH_DIFFERENT_USER_DATA_128;
    if (!data_equal(p, s->has_user_data_64, s->user_data_64, o->user_data_64))
        return RESULT_EXISTS_WITH_DIFFERENT_USER_DATA_64;
    if (!data_equal(p, s->has_user_data_32, s->user_data_32, o->user_data_32))
        return RESULT_EXISTS_WITH_DIFFERENT_USER_DATA_32;
    if (!data_equal(p, s->currency != 0, s->currency, o->currency))
        return RESULT_EXISTS_WITH_DIFFERENT_CURRENCY;
    if (!data_equal(p, s->code != 0, s->code, o->code))
        return RESULT_EXISTS_WITH_DIFFERENT_CODE;
    if (s->has_effective_time != o->has_effective_time ||
        (s->has_effective_time && s->effective_time != o->effective_time))
        return RESULT_EXISTS_WITH_DIFFERENT_TIME;
    return RESULT_OK;
}

static uint16_t exists_check(struct posting *p)
{
    struct earlier_transfer o;
    if (p->earlier.number == 0)
        return RESULT_OK;
    check(p->earlier_is_foreign || p->earlier.event != NULL);
    if (p->earlier.number == TRANSFER_REFUSED_NUMBER && !p->earlier_is_foreign)
        return RESULT_ID_ALREADY_FAILED;
    const struct transfer_spec *s = &p->transfer;
    if (p->earlier_is_foreign || !earlier_transfer_of(&p->earlier, &o) || s->flags != o.spec.flags)
        return RESULT_EXISTS_WITH_DIFFERENT_FLAGS;
    check(id128_equal(s->id, o.spec.id));
    if (!id128_equal(s->pending_id, o.spec.pending_id))
        return RESULT_EXISTS_WITH_DIFFERENT_PENDING_ID;
    if (s->has_timeout_s != o.spec.has_timeout_s || s->timeout_s != o.spec.timeout_s)
        return RESULT_EXISTS_WITH_DIFFERENT_TIMEOUT;
    if (p->reservation != NULL && p->pending != NULL) /* a post: of all that is held? */
        o.all = p->pending->held == o.spec.amount;
    uint16_t code = exists_accounts(p, &o.spec);
    if (code == RESULT_OK && !amount_equal(p, &o))
        code = RESULT_EXISTS_WITH_DIFFERENT_AMOUNT;
    if (code == RESULT_OK)
        code = exists_data(p, &o.spec);
    if (code == RESULT_OK && !id128_equal(p->reverses_id, o.reverses_id) && !MUTANT(REVERSE_OTHER))
        code = RESULT_EXISTS_WITH_DIFFERENT_REVERSES_ID;
    if (code != RESULT_OK)
        return code;
    if (p->earlier_in_group)
        return RESULT_OUTCOME_PENDING;
    if (p->reservation != NULL)
        return MUTANT(RESERVE_TWICE) ? RESULT_OK : RESULT_OUTCOME_PENDING;
    p->exists = true;
    p->amount = o.spec.amount;
    return RESULT_EXISTS;
}

/* --- checks of all transfers ------------------------------------------------------------------ */

static uint16_t time_check(struct turn *t, const struct posting *p)
{
    const struct transfer_spec *s = &p->transfer;
    if (posting_has(p, TRANSFER_FLAGS_IMPORTED)) {
        if (!s->has_effective_time)
            return RESULT_IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE;
        if (s->effective_time >= turn_time(t))
            return RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE;
    } else if (s->has_effective_time && s->effective_time > turn_time(t)) {
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
    if (s->has_timeout_s && !posting_has(p, TRANSFER_FLAGS_PENDING))
        return RESULT_TIMEOUT_RESERVED_FOR_PENDING_TRANSFER;
    if (posting_has(p, TRANSFER_FLAGS_KEEP_REMAINDER))
        return RESULT_KEEP_REMAINDER_RESERVED_FOR_POST;
    if (posting_has(p, POSTING_CLOSES) && !posting_has(p, TRANSFER_FLAGS_PENDING))
        return RESULT_CLOSING_TRANSFER_MUST_BE_PENDING;
    bool all = posting_has(p, POSTING_BALANCES) && !s->has_amount;
    if (s->amount == 0 && !all && !posting_has(p, POSTING_CLOSES))
        return RESULT_AMOUNT_MUST_NOT_BE_ZERO;
    if (s->currency == 0)
        return RESULT_CURRENCY_MUST_NOT_BE_ZERO;
    if (s->code == 0)
        return RESULT_CODE_MUST_NOT_BE_ZERO;
    return RESULT_OK;
}

static bool account_seen(const struct posting *p, const struct account *a, struct id128 id)
{
    return a != NULL && !transit_is(a, id) &&
           (p->any_tenant || id128_equal(a->tenant_id, p->tenant_id));
}

/* Of a transfer between shards one account is looked at here, the other there. */
static uint16_t end_check(const struct posting *p)
{
    check(p->debit_away != p->credit_away);
    const struct account *a = p->debit_away ? p->credit : p->debit;
    if (!account_seen(p, a, p->debit_away ? p->credit_id : p->debit_id))
        return p->debit_away ? RESULT_CREDIT_ACCOUNT_NOT_FOUND : RESULT_DEBIT_ACCOUNT_NOT_FOUND;
    if (p->transfer.currency == a->currency)
        return RESULT_OK;
    return p->continues ? RESULT_ACCOUNTS_MUST_HAVE_THE_SAME_CURRENCY
                        : RESULT_TRANSFER_MUST_HAVE_THE_SAME_CURRENCY_AS_ACCOUNTS;
}

static uint16_t accounts_check(struct turn *t, const struct posting *p)
{
    const struct transfer_spec *s = &p->transfer;
    if (p->debit_away || p->credit_away)
        return end_check(p);
    if (!turn_at_home(t, s->debit_account_id) || !turn_at_home(t, s->credit_account_id))
        return RESULT_ACCOUNTS_IN_DIFFERENT_SHARDS;
    if (!account_seen(p, p->debit, p->debit_id))
        return RESULT_DEBIT_ACCOUNT_NOT_FOUND;
    if (p->credit == NULL || transit_is(p->credit, p->credit_id) ||
        !id128_equal(p->credit->tenant_id, p->debit->tenant_id))
        return RESULT_CREDIT_ACCOUNT_NOT_FOUND;
    if (p->debit->currency != p->credit->currency)
        return RESULT_ACCOUNTS_MUST_HAVE_THE_SAME_CURRENCY;
    if (s->currency != p->debit->currency)
        return RESULT_TRANSFER_MUST_HAVE_THE_SAME_CURRENCY_AS_ACCOUNTS;
    return RESULT_OK;
}

/* From here on an account that is NULL is in another shard. */
static uint32_t flags_here(const struct account *a)
{
    return a != NULL ? a->flags : 0;
}

/* The ledger's own messages adjust what a service manages: at once, with a right and a reason. They
 * keep nothing aside there, for no hold or payment would have it, and close nothing. */
static uint16_t sides_managed_check(const struct posting *p)
{
    uint32_t flags = flags_here(p->debit) | flags_here(p->credit);
    if (p->managed || (flags & ACCOUNT_FLAGS_MANAGED) == 0)
        return RESULT_OK;
    if (posting_has(p, TRANSFER_FLAGS_PENDING))
        return RESULT_MANAGED;
    if (!p->adjusts && !MUTANT(ADJUST_FREELY))
        return RESULT_ADJUSTMENT_NOT_ALLOWED;
    /* Of one over shards the first has looked at what it says: token_of(). */
    bool away = p->debit_away || p->credit_away || p->grouped;
    bool says_why = p->transfer.has_reason && (away || !fields_blank(p->transfer.reason));
    return says_why || MUTANT(ADJUST_SILENTLY) ? RESULT_OK : RESULT_REASON_MISSING;
}

static uint16_t imported_check(const struct posting *p)
{
    const struct transfer_spec *s = &p->transfer;
    check(p->totals != NULL);
    check(s->has_effective_time);
    if (s->effective_time < p->totals->transfers_imported_to && !MUTANT(IMPORT_BACKWARDS))
        return RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS;
    if (p->debit != NULL && s->effective_time <= p->debit->opened_time)
        return RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT;
    if (p->credit != NULL && s->effective_time <= p->credit->opened_time)
        return RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT;
    return s->has_timeout_s ? RESULT_IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO : RESULT_OK;
}

/* The books of a moment have no release of what was not held by then. */
static bool counts_before_original(const struct posting *p)
{
    uint64_t time = p->transfer.effective_time;
    bool resolves = posting_has(p, POSTING_RESOLVES);
    check(p->transfer.has_effective_time);
    check(!resolves || p->pending != NULL);
    if (MUTANT(COUNT_BEFORE_ORIGINAL))
        return false;
    return (!id128_is_zero(p->reverses_id) && time < p->original_time) ||
           (resolves && time < p->pending->effective_time);
}

/* What counts must be there by then: both accounts, and the transfer that this one undoes or
 * resolves. Without a time of its own a transfer counts from now on, which is later. */
static uint16_t past_check(const struct posting *p)
{
    const struct transfer_spec *s = &p->transfer;
    uint16_t code;
    if (posting_has(p, TRANSFER_FLAGS_IMPORTED) && (code = imported_check(p)) != RESULT_OK)
        return code;
    if (!s->has_effective_time)
        return RESULT_OK;
    uint64_t opened = p->debit != NULL ? p->debit->opened_time : 0;
    if (p->credit != NULL && p->credit->opened_time > opened)
        opened = p->credit->opened_time;
    if (s->effective_time < opened && !MUTANT(COUNT_BEFORE_ACCOUNT))
        return RESULT_EFFECTIVE_TIME_BEFORE_ACCOUNT;
    return counts_before_original(p) ? RESULT_EFFECTIVE_TIME_BEFORE_ORIGINAL : RESULT_OK;
}

static uint16_t status_check(const struct posting *p)
{
    uint32_t debit = flags_here(p->debit), credit = flags_here(p->credit);
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

static u128 posting_most(u128 amount, u128 room, u128 kept)
{
    room = room > kept ? room - kept : 0;
    return room < amount ? room : amount;
}

/* What the debit account keeps aside for a transfer that the other shard balances. It could not
 * give more: if that should be wanted, token_check() has the cause. */
static u128 posting_kept(const struct posting *p, u128 amount)
{
    u128 most = account_debit_most(p->debit);
    if (most == U128_MAX && !p->transfer.has_amount)
        most = POSTING_CAP_MAX;
    return posting_most(amount, most, 0);
}

static u128 posting_balanced(const struct posting *p)
{
    u128 amount = p->transfer.amount;
    if (posting_has(p, POSTING_BALANCES) && !p->transfer.has_amount)
        amount = U128_MAX;
    if (posting_has(p, TRANSFER_FLAGS_BALANCING_CREDIT) && p->credit_away)
        amount = posting_kept(p, amount);
    if (posting_has(p, TRANSFER_FLAGS_BALANCING_DEBIT) && p->debit != NULL)
        amount = posting_most(amount, account_debit_room(p->debit), p->debits_kept);
    if (posting_has(p, TRANSFER_FLAGS_BALANCING_CREDIT) && p->credit != NULL)
        amount = posting_most(amount, account_credit_room(p->credit), p->credits_kept);
    return amount;
}

static bool posting_overflows(u128 a, u128 b)
{
    return a + b < a;
}

/* Of what it takes and brings beside what is earmarked. */
static uint16_t overflow_check(struct turn *t, const struct posting *p, u128 debits, u128 credits)
{
    static const struct account away;
    const struct account *d = p->debit != NULL ? p->debit : &away;
    const struct account *c = p->credit != NULL ? p->credit : &away;
    if (posting_has(p, TRANSFER_FLAGS_PENDING)) {
        if (posting_overflows(d->debits_pending, debits))
            return RESULT_OVERFLOWS_DEBITS_PENDING;
        if (posting_overflows(c->credits_pending, credits))
            return RESULT_OVERFLOWS_CREDITS_PENDING;
    }
    if (posting_overflows(d->debits_posted, debits))
        return RESULT_OVERFLOWS_DEBITS_POSTED;
    if (posting_overflows(c->credits_posted, credits))
        return RESULT_OVERFLOWS_CREDITS_POSTED;
    if (posting_overflows(d->debits_pending + d->debits_posted, debits))
        return RESULT_OVERFLOWS_DEBITS;
    if (posting_overflows(c->credits_pending + c->credits_posted, credits))
        return RESULT_OVERFLOWS_CREDITS;
    uint64_t timeout_ns = (uint64_t)p->transfer.timeout_s * NS_PER_S;
    return turn_time(t) + timeout_ns < timeout_ns ? RESULT_OVERFLOWS_TIMEOUT : RESULT_OK;
}

/* The sums over all accounts are in the ledger's totals: they may not overflow either. */
static uint16_t room_check(struct turn *t, const struct posting *p)
{
    u128 debits, credits, sums;
    check(p->totals != NULL);
    if (!u128_add(p->amount, p->debits_kept, &debits) ||
        !u128_add(p->amount, p->credits_kept, &credits) ||
        !u128_add(p->amount, p->sums_kept, &sums))
        return RESULT_OVERFLOWS_DEBITS;
    uint16_t code = overflow_check(t, p, debits, credits);
    if (code == RESULT_OK && !ledger_totals_have_room(p->totals, sums))
        code = RESULT_OVERFLOWS_DEBITS;
    if (code == RESULT_OK && p->debit != NULL)
        code = account_debit_check(p->debit, debits);
    return code == RESULT_OK && p->credit != NULL ? account_credit_check(p->credit, credits) : code;
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
    if (s->has_timeout_s)
        return RESULT_TIMEOUT_RESERVED_FOR_PENDING_TRANSFER;
    if (posting_has(p, TRANSFER_FLAGS_KEEP_REMAINDER) &&
        posting_has(p, TRANSFER_FLAGS_VOID_PENDING))
        return RESULT_KEEP_REMAINDER_RESERVED_FOR_POST;
    return s->has_amount && s->amount == 0 ? RESULT_AMOUNT_MUST_NOT_BE_ZERO : RESULT_OK;
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
    check(p->debit != NULL || pending_transfer_is_half(h));
    check(p->credit != NULL || h->side == CROSSING_SIDE_DEBIT);
    if (s->currency != 0 && s->currency != h->currency)
        return RESULT_PENDING_TRANSFER_HAS_DIFFERENT_CURRENCY;
    if (s->code != 0 && s->code != h->code)
        return RESULT_PENDING_TRANSFER_HAS_DIFFERENT_CODE;
    return RESULT_OK;
}

/* Among several what another shard must be asked for cannot be posted, nor, there, voided. */
static uint16_t pending_home_check(const struct posting *p)
{
    check(p->pending != NULL);
    bool asks = pending_transfer_is_half(p->pending) ||
                (p->pending->crosses && posting_has(p, TRANSFER_FLAGS_POST_PENDING));
    return asks && !p->over_shards ? RESULT_ACCOUNTS_IN_DIFFERENT_SHARDS : RESULT_OK;
}

/* What a service keeps aside, it alone gives on or back. */
static uint16_t pending_managed_check(const struct posting *p)
{
    check(p->pending != NULL);
    bool managed = (p->pending->flags & TRANSFER_FLAGS_MANAGED) != 0;
    check(managed || !p->managed);
    return managed && !p->managed && !MUTANT(RESOLVE_MANAGED) ? RESULT_MANAGED : RESULT_OK;
}

static uint16_t pending_amount_check(struct posting *p)
{
    const struct pending_transfer *h = p->pending;
    check(h != NULL);
    check(h->held <= h->amount);
    bool voids = posting_has(p, TRANSFER_FLAGS_VOID_PENDING);
    /* Once resolved nothing is pending: the amount asked for is compared with what was. */
    u128 most = h->status == TRANSFER_STATUS_PENDING ? h->held : h->amount;
    p->amount = p->transfer.has_amount ? p->transfer.amount : most;
    if (p->amount > most)
        return RESULT_EXCEEDS_PENDING_TRANSFER_AMOUNT;
    if (voids && p->amount < most)
        return RESULT_PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT;
    return RESULT_OK;
}

static uint16_t pending_status_check(struct turn *t, const struct posting *p)
{
    const struct pending_transfer *h = p->pending;
    check(h != NULL);
    switch (h->status) {
    case TRANSFER_STATUS_POSTED:
        return RESULT_PENDING_TRANSFER_ALREADY_POSTED;
    case TRANSFER_STATUS_VOIDED:
        return RESULT_PENDING_TRANSFER_ALREADY_VOIDED;
    case TRANSFER_STATUS_EXPIRED:
        return RESULT_PENDING_TRANSFER_EXPIRED;
    default:
        if (h->resolving && !MUTANT(EXPIRE_POSTING))
            return RESULT_PENDING_TRANSFER_UNDER_WAY;
        return h->has_timeout_s && pending_transfer_due_ns(h) <= turn_time(t)
                   ? RESULT_PENDING_TRANSFER_EXPIRED
                   : RESULT_OK;
    }
}

/* --- all of it: the order of the codes -------------------------------------------------------- */

/* The first check that does not say OK decides, in the order of schemas/errors.toml. */

static uint16_t flags_check(const struct posting *p)
{
    const uint32_t asked = TRANSFER_FLAGS_ALL & ~(uint32_t)TRANSFER_FLAGS_MANAGED;
    return (p->transfer.flags & ~asked) != 0 ? RESULT_RESERVED_FLAG : RESULT_OK;
}

static uint16_t exclusion_check(const struct posting *p)
{
    const uint32_t new_only = TRANSFER_FLAGS_PENDING | POSTING_BALANCES | POSTING_CLOSES;
    bool both = (p->transfer.flags & POSTING_RESOLVES) == POSTING_RESOLVES;
    return both || (posting_has(p, POSTING_RESOLVES) && posting_has(p, new_only))
               ? RESULT_FLAGS_ARE_MUTUALLY_EXCLUSIVE
               : RESULT_OK;
}

uint16_t posting_form_check(const struct posting *p)
{
    uint16_t code;
    if ((code = flags_check(p)) != RESULT_OK ||
        (code = account_id_check(p->transfer.id)) != RESULT_OK ||
        (code = exclusion_check(p)) != RESULT_OK || (code = accounts_given_check(p)) != RESULT_OK)
        return code;
    return posting_has(p, POSTING_RESOLVES) ? pending_given_check(p) : form_check(p);
}

/* What the accounts say to it that are in this shard. */
static uint16_t sides_check(struct turn *t, struct posting *p)
{
    uint16_t code;
    if (p->debit_away && p->credit_away) {
        p->amount = p->transfer.amount;
        return past_check(p);
    }
    if ((code = accounts_check(t, p)) != RESULT_OK ||
        (code = sides_managed_check(p)) != RESULT_OK || (code = past_check(p)) != RESULT_OK ||
        (code = status_check(p)) != RESULT_OK)
        return code;
    p->amount = posting_balanced(p);
    return room_check(t, p);
}

static uint16_t new_transfer_check(struct turn *t, struct posting *p)
{
    uint16_t code;
    if ((code = accounts_given_check(p)) != RESULT_OK || (code = form_check(p)) != RESULT_OK)
        return code;
    return sides_check(t, p);
}

/* Pending and posted together did not overflow when it began: they cannot now. */
static uint16_t resolving_check(struct turn *t, struct posting *p)
{
    uint16_t code;
    if ((code = pending_given_check(p)) != RESULT_OK ||
        (code = pending_equal_check(p)) != RESULT_OK ||
        (code = pending_home_check(p)) != RESULT_OK ||
        (code = pending_managed_check(p)) != RESULT_OK ||
        (code = pending_amount_check(p)) != RESULT_OK ||
        (code = pending_status_check(t, p)) != RESULT_OK || (code = past_check(p)) != RESULT_OK)
        return code;
    return posting_has(p, TRANSFER_FLAGS_POST_PENDING) ? status_check(p) : RESULT_OK;
}

/* Two shards were asked at once for transfers to each other under one id, and each has kept its own
 * aside: so that one of them is made, the one of the lower shard comes first. It may, for that one
 * kept its own before it sent this, and refuses ours, which finds that or what came of it. */
static bool goes_first(struct turn *t, const struct posting *p)
{
    check(p->continues);
    check(p->grouped || p->from != turn_shard(t));
    return !p->grouped && p->reservation != NULL && p->reservation->kept.peer == p->from &&
           p->from < turn_shard(t);
}

/* Home holds it: the account alone may be against it, or that nothing is held here yet. */
static uint16_t half_check(struct posting *p)
{
    if (p->pending == NULL)
        return RESULT_PENDING_TRANSFER_UNDER_WAY;
    check(pending_transfer_is_half(p->pending) && p->pending->status == TRANSFER_STATUS_PENDING);
    check(p->transfer.amount <= p->pending->held);
    p->amount = p->transfer.amount;
    uint16_t code = past_check(p);
    return code != RESULT_OK ? code : status_check(p);
}

static uint16_t continued_check(struct turn *t, struct posting *p)
{
    uint16_t code = goes_first(t, p) ? RESULT_OK : exists_check(p);
    if (code == RESULT_OK && p->reversed && !MUTANT(REVERSE_AGAIN))
        return RESULT_ALREADY_REVERSED;
    if (code != RESULT_OK) /* what is kept of this one is its own outcome */
        return code != RESULT_OUTCOME_PENDING || MUTANT(AWAIT_RIVAL) ? code : RESULT_ID_UNDER_WAY;
    return posting_has(p, TRANSFER_FLAGS_POST_PENDING) ? half_check(p) : sides_check(t, p);
}

uint16_t posting_check(struct turn *t, struct posting *p)
{
    uint16_t code;
    if (p->continues)
        return continued_check(t, p);
    if ((code = time_check(t, p)) != RESULT_OK || (code = flags_check(p)) != RESULT_OK ||
        (code = account_id_check(p->transfer.id)) != RESULT_OK ||
        (code = exists_check(p)) != RESULT_OK || (code = exclusion_check(p)) != RESULT_OK)
        return code;
    return posting_has(p, POSTING_RESOLVES) ? resolving_check(t, p) : new_transfer_check(t, p);
}
