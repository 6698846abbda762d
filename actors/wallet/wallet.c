/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers of wallets and payments ask of a wallet (finding it, may it pay, may it receive),
 * and what events do to it. The count of a day's debits is kept here and given back from here, also
 * for payments. */
#include "actors/wallet/wallet.h"

#include "actors/common/owned_text.h"
#include "actors/wallet/hold_messages.h"
#include "actors/wallet/owner.h"
#include "actors/wallet/wallet_crossing.h"
#include "actors/wallet/wallet_messages.h"
#include "runtime/base/time.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"
#include "schemas/wallet_states.h"

/* --- finding ---------------------------------------------------------------------------------- */

enum presence wallet_find(struct turn *t, struct id128 id, struct wallet_ref *w)
{
    *w = (struct wallet_ref){.id = id};
    if (!turn_at_home(t, id))
        return PRESENCE_ABSENT;
    enum presence wallet_there = turn_find_wallet(t, id, &w->wallet);
    enum presence account_there = turn_find_account(t, id, &w->account);
    if (wallet_there == PRESENCE_WAITING || account_there == PRESENCE_WAITING)
        return PRESENCE_WAITING;
    if (wallet_there == PRESENCE_ABSENT)
        return PRESENCE_ABSENT;
    check(account_there == PRESENCE_THERE);
    return PRESENCE_THERE;
}

bool wallet_enter(struct turn *t, struct id128 id, struct wallet_ref *w, enum turn_result *end)
{
    enum presence found = wallet_find(t, id, w);
    *end = found == PRESENCE_WAITING ? TURN_WAIT : TURN_DONE;
    if (found == PRESENCE_WAITING)
        return false;
    if (found == PRESENCE_ABSENT || !turn_may_see(t, w->wallet->tenant_id, w->wallet->owner_id)) {
        turn_refuse(t, RESULT_NOT_FOUND);
        return false;
    }
    return turn_version_matches(t, wallet_version(w));
}

struct wallet_ref wallet_again(struct turn *t, struct id128 id)
{
    struct wallet_ref w;
    enum presence found = wallet_find(t, id, &w);
    check(found == PRESENCE_THERE);
    return w;
}

uint8_t wallet_freeze_scope(const struct wallet *w)
{
    check(!w->frozen_for_all || w->status == WALLET_STATUS_FROZEN);
    if (w->status != WALLET_STATUS_FROZEN)
        return 0;
    return w->frozen_for_all ? FREEZE_SCOPE_ALL : FREEZE_SCOPE_OWNER;
}

uint64_t wallet_version(const struct wallet_ref *w)
{
    return w->wallet->version + w->account->version;
}

struct balance wallet_balance_of(const struct wallet_ref *w)
{
    return funds_balance(w->account->debits_pending, w->account->debits_posted,
                         w->account->credits_pending, w->account->credits_posted);
}

/* --- rules ------------------------------------------------------------------------------------ */

uint16_t wallet_amount(const struct wallet *w, struct decimal d, bool has_currency,
                       uint16_t currency, u128 *amount)
{
    if (has_currency && currency != w->currency)
        return RESULT_CURRENCY_MISMATCH;
    const struct currency *c = currency_by_number(w->currency);
    check(c != NULL);
    u128 minor = 0;
    switch (currency_minor(d, c, &minor)) {
    case CURRENCY_TOO_PRECISE:
        return RESULT_AMOUNT_TOO_PRECISE;
    case CURRENCY_OVERFLOW:
        return RESULT_AMOUNT_OUT_OF_RANGE;
    case CURRENCY_FITS:
        break;
    }
    if (minor == 0)
        return RESULT_AMOUNT_MUST_NOT_BE_ZERO;
    *amount = minor;
    return RESULT_OK;
}

uint16_t wallet_check_debit(const struct wallet *w, u128 amount, uint64_t time_ns)
{
    if (w->status == WALLET_STATUS_CLOSED)
        return RESULT_WALLET_CLOSED;
    if (w->status == WALLET_STATUS_FROZEN)
        return RESULT_WALLET_FROZEN;
    return limit_check(&w->limit, amount, time_ns);
}

uint8_t wallet_direction_of(uint8_t type)
{
    switch (type) {
    case WALLET_TRANSACTION_TYPE_DEPOSIT:
    case WALLET_TRANSACTION_TYPE_TRANSFER_IN:
    case WALLET_TRANSACTION_TYPE_HOLD_RELEASED:
    case WALLET_TRANSACTION_TYPE_HOLD_RECEIVED:
    case WALLET_TRANSACTION_TYPE_PAYMENT_IN:
    case WALLET_TRANSACTION_TYPE_PAYMENT_RELEASED:
    case WALLET_TRANSACTION_TYPE_REFUND_IN:
    case WALLET_TRANSACTION_TYPE_ADJUSTMENT_IN:
        return WALLET_DIRECTION_IN;
    default:
        return WALLET_DIRECTION_OUT;
    }
}

uint16_t wallet_check_payer(const struct wallet_ref *w, u128 amount, uint64_t time_ns)
{
    uint16_t code = wallet_check_debit(w->wallet, amount, time_ns);
    return code == RESULT_OK ? account_debit_check(w->account, amount) : code;
}

struct wallet_transaction wallet_transaction_made(struct turn *t, struct id128 wallet_id,
                                                  const struct funds_move *move, uint8_t type,
                                                  uint64_t time_ns)
{
    struct wallet_ref w = wallet_again(t, wallet_id);
    struct balance b = wallet_balance_of(&w);
    return (struct wallet_transaction){
        .transfer_id = move->id,
        .transaction_id = move->id,
        .wallet_id = wallet_id,
        .amount = move->amount,
        .currency = move->currency,
        .type = type,
        .direction = wallet_direction_of(type),
        .timestamp = time_ns,
        .balance = b.posted,
        .available_balance = b.available,
    };
}

uint16_t wallet_check_capture(const struct wallet *w, const struct principal *who)
{
    /* A wallet with something held is not closed. */
    check(w->status != WALLET_STATUS_CLOSED && w->open_holds > 0);
    if (w->status != WALLET_STATUS_FROZEN)
        return RESULT_OK;
    bool owner = id128_equal(who->subject_id, w->owner_id) && !wallet_administrator(who);
    return owner || w->frozen_for_all ? RESULT_WALLET_FROZEN : RESULT_OK;
}

uint16_t wallet_check_destination(const struct wallet_ref *from, enum presence found,
                                  const struct wallet_ref *to)
{
    if (id128_equal(from->id, to->id))
        return RESULT_DESTINATION_IS_SOURCE;
    return wallet_check_receiver(from->wallet->tenant_id, from->wallet->currency, found, to);
}

uint16_t wallet_check_receiver(struct id128 tenant_id, uint16_t currency, enum presence found,
                               const struct wallet_ref *to)
{
    if (found != PRESENCE_THERE || !id128_equal(to->wallet->tenant_id, tenant_id))
        return RESULT_DESTINATION_NOT_FOUND;
    if (to->wallet->currency != currency)
        return RESULT_CURRENCY_MISMATCH;
    return to->wallet->status == WALLET_STATUS_CLOSED ? RESULT_DESTINATION_CLOSED : RESULT_OK;
}

uint64_t wallet_life_ns(bool given, uint32_t seconds)
{
    if (!given)
        seconds = WALLET_EXPIRY_S_DEFAULT;
    check(seconds > 0 && seconds <= WALLET_EXPIRY_S_MAX); /* by the readers of messages */
    return seconds * NS_PER_S;
}

uint16_t wallet_expiry_after(struct turn *t, bool given, uint32_t seconds, uint64_t present,
                             uint64_t *expires_at)
{
    *expires_at = turn_time(t) + wallet_life_ns(given, seconds);
    return *expires_at <= present ? RESULT_EXPIRY_NOT_LATER : RESULT_OK;
}

/* --- apply ------------------------------------------------------------------------------------ */

void wallet_count_debit(struct registry *r, struct id128 id, u128 amount, uint64_t time_ns,
                        bool opens_hold)
{
    struct wallet *w = registry_wallet(r, id);
    check(w->status == WALLET_STATUS_ACTIVE);
    limit_use(&w->limit, amount, time_ns);
    if (opens_hold) {
        w->open_holds++;
        w->version++;
    }
}

void wallet_count_return(struct registry *r, struct id128 id, u128 amount, uint64_t since_ns,
                         bool ends_hold)
{
    struct wallet *w = registry_wallet(r, id);
    limit_return(&w->limit, amount, since_ns);
    if (ends_hold) {
        check(w->open_holds > 0);
        w->open_holds--;
        w->version++;
    }
}

void wallet_apply_opened(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct wallet_opened *e = event;
    check(!id128_is_zero(e->owner_id) && e->currency != 0);
    struct wallet *w = registry_create(r, KIND_WALLET, e->wallet_id);
    *w = (struct wallet){
        .tenant_id = e->tenant_id,
        .owner_id = e->owner_id,
        .created_at = time_ns,
        .version = 1,
        .user_id = owned_text_copy(r, e->user_id),
        .metadata = owned_metadata_copy(r, &e->metadata),
        .currency = e->currency,
        .status = WALLET_STATUS_ACTIVE,
    };
    owner_wallet_add(r, owner_key(e->owner_id), (struct owner_wallet){e->wallet_id, e->currency});
}

void wallet_apply_debited(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct wallet_debited *e = event;
    wallet_count_debit(r, e->wallet_id, e->amount, time_ns, false);
}

void wallet_apply_debit_returned(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct wallet_debit_returned *e = event;
    wallet_count_return(r, e->wallet_id, e->amount, e->debited_time, false);
}

void wallet_apply_status_changed(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct wallet_status_changed *e = event;
    struct wallet *w = registry_wallet(r, e->wallet_id);
    bool for_all = e->has_freeze_scope && e->freeze_scope == FREEZE_SCOPE_ALL;
    check(w->status != WALLET_STATUS_CLOSED);
    check(w->status != e->status || (for_all && !w->frozen_for_all));
    check(e->has_freeze_scope == (e->status == WALLET_STATUS_FROZEN));
    check(e->status != WALLET_STATUS_CLOSED || w->open_holds == 0);
    w->status = e->status;
    w->frozen_for_all = for_all;
    w->version++;
    if (e->status == WALLET_STATUS_CLOSED)
        owner_wallet_drop(r, owner_key(w->owner_id), e->wallet_id);
}

void wallet_apply_updated(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct wallet_updated *e = event;
    struct wallet *w = registry_wallet(r, e->wallet_id);
    check(w->status != WALLET_STATUS_CLOSED);
    struct metadata before = w->metadata;
    w->metadata = owned_metadata_copy(r, &e->metadata);
    w->version++;
    owned_metadata_free(r, &before);
}

void wallet_apply_limits_changed(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct wallet_limits_changed *e = event;
    struct wallet *w = registry_wallet(r, e->wallet_id);
    check(w->status != WALLET_STATUS_CLOSED);
    w->limit.has_per_transaction = e->has_per_transaction;
    w->limit.per_transaction = e->per_transaction;
    w->limit.has_per_day = e->has_per_day;
    w->limit.per_day = e->per_day;
    check(limit_consistent(&w->limit));
    w->version++;
}

/* --- kind ------------------------------------------------------------------------------------- */

static const struct handler handlers[] = {
    {&wallet_get_type, wallet_on_get},           {&wallet_balance_get_type, wallet_on_balance_get},
    {&wallet_fund_type, wallet_on_fund},         {&wallet_withdraw_type, wallet_on_withdraw},
    {&wallet_transfer_type, wallet_on_transfer}, {&wallet_hold_create_type, hold_on_create},
    {&wallet_freeze_type, wallet_on_freeze},     {&wallet_unfreeze_type, wallet_on_unfreeze},
    {&wallet_close_type, wallet_on_close},       {&wallet_limits_set_type, wallet_on_limits_set},
    {&wallet_update_type, wallet_on_update},     {&wallet_token_type, wallet_on_token},
    {&wallet_follow_type, wallet_on_follow},
};

static const struct message_type *const refusable[] = {&wallet_token_type};

const struct actor_kind wallet_kind = {
    .name = "wallet",
    .number = KIND_WALLET,
    .state_size = sizeof(struct wallet),
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .refusable = refusable,
    .refusable_count = array_len(refusable),
    .codec = &wallet_codec,
};
