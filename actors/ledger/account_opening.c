/* SPDX-License-Identifier: Apache-2.0 */
/* Opening an account. Checks come in the order of their codes, since clients see the first that
 * fails. An account that is there is compared with what was asked for when it was opened: limits,
 * name and pairs may have changed since, so the account keeps digests of them; what else may change
 * (closed, frozen) is not compared. */
#include "actors/ledger/account.h"

#include "actors/ledger/ledger_directory.h"
#include "actors/ledger/ledger_totals.h"
#include "runtime/base/time.h"
#include "schemas/currency.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

#define FLAGS_CHANGING                                                                             \
    (ACCOUNT_FLAGS_CLOSED | ACCOUNT_FLAGS_DEBITS_FROZEN | ACCOUNT_FLAGS_CREDITS_FROZEN)
#define FLAGS_EXCLUSIVE                                                                            \
    (ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS | ACCOUNT_FLAGS_CREDITS_MUST_NOT_EXCEED_DEBITS)

enum presence account_open_find(struct turn *t, const struct account_opened *e,
                                const struct account **existing)
{
    enum presence there = turn_find_account(t, e->account_id, existing);
    enum presence totals = ledger_totals_find(t, e->tenant_id, e->currency);
    return totals == PRESENCE_WAITING ? PRESENCE_WAITING : there;
}

uint16_t account_id_check(struct id128 id)
{
    if (id128_is_zero(id))
        return RESULT_ID_MUST_NOT_BE_ZERO;
    if (id128_is_reserved(id))
        return RESULT_ID_MUST_NOT_BE_INT_MAX;
    return RESULT_OK;
}

static uint16_t open_exists(const struct account_opened *e, const struct account *a)
{
    static const struct account_extra none;
    const struct account_extra *x = a->extra != NULL ? a->extra : &none;
    const uint32_t compared = ACCOUNT_FLAGS_ALL & ~FLAGS_CHANGING;
    check(a->version > 0);
    if (!id128_equal(a->tenant_id, e->tenant_id) || (a->flags & compared) != (e->flags & compared))
        return RESULT_EXISTS_WITH_DIFFERENT_FLAGS;
    if (x->user_data_128 != e->user_data_128)
        return RESULT_EXISTS_WITH_DIFFERENT_USER_DATA_128;
    if (x->user_data_64 != e->user_data_64)
        return RESULT_EXISTS_WITH_DIFFERENT_USER_DATA_64;
    if (x->user_data_32 != e->user_data_32)
        return RESULT_EXISTS_WITH_DIFFERENT_USER_DATA_32;
    if (a->currency != e->currency)
        return RESULT_EXISTS_WITH_DIFFERENT_CURRENCY;
    if (a->code != e->code)
        return RESULT_EXISTS_WITH_DIFFERENT_CODE;
    if (e->has_effective_time && a->opened_time != e->effective_time)
        return RESULT_EXISTS_WITH_DIFFERENT_TIME;
    const struct account_asked asked = account_asked_of(e);
    if (asked.limits != x->asked.limits)
        return RESULT_EXISTS_WITH_DIFFERENT_LIMITS;
    if (asked.name != x->asked.name)
        return RESULT_EXISTS_WITH_DIFFERENT_NAME;
    struct slice owner = e->has_owner ? e->owner : (struct slice){NULL, 0};
    if (!slice_equal(owner, account_owner(a)))
        return RESULT_EXISTS_WITH_DIFFERENT_OWNER;
    return asked.metadata != x->asked.metadata ? RESULT_EXISTS_WITH_DIFFERENT_METADATA
                                               : RESULT_ACCOUNT_EXISTS;
}

bool account_limits_contradict(const struct account_updated *l, uint32_t flags)
{
    bool no_debit_balance = (flags & ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS) != 0;
    bool no_credit_balance = (flags & ACCOUNT_FLAGS_CREDITS_MUST_NOT_EXCEED_DEBITS) != 0;
    u128 debit_max = l->has_debit_balance_max ? l->debit_balance_max : 0;
    u128 credit_max = l->has_credit_balance_max ? l->credit_balance_max : 0;
    u128 min = l->has_credit_balance_min ? l->credit_balance_min : 0;
    return (l->has_credit_balance_max && min > credit_max) || (min > 0 && debit_max > 0) ||
           (debit_max > 0 && no_debit_balance) ||
           (no_credit_balance && (credit_max > 0 || min > 0));
}

static uint16_t open_time_check(struct turn *t, const struct account_opened *e)
{
    if ((e->flags & ACCOUNT_FLAGS_IMPORTED) == 0)
        return e->has_effective_time ? RESULT_EFFECTIVE_TIME_MUST_BE_ZERO : RESULT_OK;
    if (!e->has_effective_time)
        return RESULT_IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE;
    if (e->effective_time >= turn_time(t))
        return RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE;
    return RESULT_OK;
}

/* The order of imports, and room for one more ledger if this account begins one. */
static uint16_t open_ledger_check(struct turn *t, const struct account_opened *e)
{
    const struct ledger_totals *own;
    const struct ledger_directory *shard;
    enum presence there =
        turn_find_ledger_totals(t, ledger_totals_id(e->tenant_id, e->currency), &own);
    if (there == PRESENCE_THERE) {
        check(own->currency == e->currency);
        bool imported = (e->flags & ACCOUNT_FLAGS_IMPORTED) != 0;
        return imported && e->effective_time < own->accounts_imported_to
                   ? RESULT_IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS
                   : RESULT_OK;
    }
    there = turn_find_ledger_directory(t, LEDGER_DIRECTORY_ID, &shard);
    bool full = there == PRESENCE_THERE && shard->names_count == LEDGERS_MAX;
    return full ? RESULT_TOO_LARGE : RESULT_OK;
}

static uint16_t open_rules_check(struct turn *t, const struct account_opened *e)
{
    if ((e->flags & FLAGS_EXCLUSIVE) == FLAGS_EXCLUSIVE)
        return RESULT_FLAGS_ARE_MUTUALLY_EXCLUSIVE;
    if (e->currency == 0)
        return RESULT_CURRENCY_MUST_NOT_BE_ZERO;
    if (currency_by_number(e->currency) == NULL)
        return RESULT_CURRENCY_UNKNOWN;
    if (e->code == 0)
        return RESULT_CODE_MUST_NOT_BE_ZERO;
    const struct account_updated limits = account_limits_of(e);
    if (account_limits_contradict(&limits, e->flags))
        return RESULT_LIMITS_CONTRADICT;
    return open_ledger_check(t, e);
}

static uint16_t open_form_check(struct turn *t, const struct account_opened *e)
{
    uint16_t code = open_time_check(t, e);
    if (code == RESULT_OK && (e->flags & ~ACCOUNT_FLAGS_ALL) != 0)
        code = RESULT_RESERVED_FLAG;
    return code;
}

uint16_t account_open_check(struct turn *t, const struct account_opened *e,
                            const struct account *existing)
{
    uint16_t code;
    if ((code = open_form_check(t, e)) != RESULT_OK ||
        (existing != NULL && (code = open_exists(e, existing)) != RESULT_OK))
        return code;
    return open_rules_check(t, e);
}

void account_open(struct turn *t, const struct account_opened *e)
{
    check(!id128_is_zero(e->account_id));
    check(turn_at_home(t, e->account_id));
    check(e->currency != 0);
    check(e->code != 0);
    check(e->shard == turn_shard(t));
    check((e->flags & ~ACCOUNT_FLAGS_ALL) == 0);
    turn_emit(t, &account_opened_type, e);
}

/* Time, flags and id come first in the order of the codes, also when the id is a client's. */
uint16_t account_open_client_check(struct turn *t, const struct account_opened *e,
                                   const struct account *existing)
{
    uint16_t code;
    if ((code = open_form_check(t, e)) != RESULT_OK ||
        (code = account_id_check(e->account_id)) != RESULT_OK)
        return code;
    if (!turn_at_home(t, e->account_id)) /* of several, whose first is here */
        return RESULT_ACCOUNTS_IN_DIFFERENT_SHARDS;
    if ((e->flags & ACCOUNT_FLAGS_MANAGED) != 0)
        return RESULT_RESERVED_FLAG;
    return account_open_check(t, e, existing);
}
