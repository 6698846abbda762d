/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of a wallet, and what opening one emits. Those that move money find the wallets, make
 * all their checks and fill a plan; carry_out() then makes one posting, the note, the count against
 * the limits of the wallet that pays, and the answer. The posting is the last that can wait or be
 * refused, and nothing before it emits, so a turn that waits can simply run again. The answer shows
 * the balance after the turn's events. */
#include "actors/wallet/wallet_messages.h"

#include "actors/common/refusal.h"
#include "actors/ledger/token.h"
#include "actors/ledger/transfer.h"
#include "actors/wallet/owner.h"
#include "actors/wallet/wallet_crossing.h"
#include "schemas/common.h"
#include "schemas/wallet_states.h"

/* --- showing ---------------------------------------------------------------------------------- */

static enum turn_result reply_wallet(struct turn *t, const struct wallet_ref *w)
{
    const struct wallet *s = w->wallet;
    struct balance b = wallet_balance_of(w);
    struct wallet_info info = {
        .wallet_id = w->id,
        .user_id = s->user_id,
        .balance = b.posted,
        .currency = s->currency,
        .status = s->status,
        .has_freeze_scope = s->status == WALLET_STATUS_FROZEN,
        .freeze_scope = wallet_freeze_scope(s),
        .created_at = s->created_at,
        .available_balance = b.available,
        .pending_balance = b.held,
        .incoming_balance = b.incoming,
        .total_balance = b.posted,
        .has_per_transaction = s->limit.has_per_transaction,
        .per_transaction = s->limit.per_transaction,
        .has_per_day = s->limit.has_per_day,
        .per_day = s->limit.per_day,
        .has_spent_today = true,
        .spent_today = limit_spent(&s->limit, turn_now(t)),
        .open_holds = s->open_holds,
        .metadata = s->metadata,
        .version = wallet_version(w),
    };
    turn_reply(t, RESULT_OK, &wallet_info_type, &info, info.version);
    return TURN_DONE;
}

enum turn_result wallet_on_get(struct turn *t, struct id128 self, const struct message *m)
{
    (void)m;
    struct wallet_ref w;
    enum turn_result end;
    if (!wallet_enter(t, self, &w, &end))
        return end;
    return reply_wallet(t, &w);
}

enum turn_result wallet_on_balance_get(struct turn *t, struct id128 self, const struct message *m)
{
    (void)m;
    struct wallet_ref w;
    enum turn_result end;
    if (!wallet_enter(t, self, &w, &end))
        return end;
    struct balance b = wallet_balance_of(&w);
    struct wallet_balance reply = {
        .wallet_id = self,
        .balance = b.posted,
        .currency = w.wallet->currency,
        .available_balance = b.available,
        .pending_balance = b.held,
        .incoming_balance = b.incoming,
        .total_balance = b.posted,
        .version = wallet_version(&w),
    };
    turn_reply(t, RESULT_OK, &wallet_balance_type, &reply, reply.version);
    return TURN_DONE;
}

/* --- opening ---------------------------------------------------------------------------------- */

enum turn_result wallet_open_in_turn(struct turn *t, const struct wallet_opened *opened)
{
    uint16_t code =
        funds_open_wallet(t, opened->wallet_id, opened->tenant_id, opened->currency);
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    turn_emit(t, &wallet_opened_type, opened);
    struct wallet_ref w = wallet_again(t, opened->wallet_id);
    return reply_wallet(t, &w);
}

/* --- status ----------------------------------------------------------------------------------- */

struct status_change {
    uint8_t status;
    bool has_freeze_scope;
    uint8_t freeze_scope;
    bool has_reason;
    struct slice reason;
};

static enum turn_result change_status(struct turn *t, struct id128 self,
                                      const struct status_change *change)
{
    struct wallet_status_changed changed = {
        .wallet_id = self,
        .status = change->status,
        .has_freeze_scope = change->has_freeze_scope,
        .freeze_scope = change->freeze_scope,
        .has_reason = change->has_reason,
        .reason = change->reason,
    };
    turn_emit(t, &wallet_status_changed_type, &changed);
    struct wallet_ref w = wallet_again(t, self);
    return reply_wallet(t, &w);
}

/* wallet_enter() for what a closed wallet refuses. */
static bool enter_open(struct turn *t, struct id128 self, struct wallet_ref *w,
                       enum turn_result *end)
{
    if (!wallet_enter(t, self, w, end))
        return false;
    if (w->wallet->status != WALLET_STATUS_CLOSED)
        return true;
    *end = wallet_refuse(t, RESULT_WALLET_CLOSED);
    return false;
}

/* A frozen wallet is frozen again only to widen the scope. */
enum turn_result wallet_on_freeze(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_freeze *freeze = m->body;
    struct wallet_ref w;
    enum turn_result end;
    if (!enter_open(t, self, &w, &end))
        return end;
    uint8_t scope = freeze->has_scope ? freeze->scope : FREEZE_SCOPE_OWNER;
    if (scope <= wallet_freeze_scope(w.wallet))
        return reply_wallet(t, &w); /* as asked for: nothing changes */
    struct status_change change = {WALLET_STATUS_FROZEN, true, scope, freeze->has_reason,
                                   freeze->reason};
    return change_status(t, self, &change);
}

enum turn_result wallet_on_unfreeze(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_unfreeze *unfreeze = m->body;
    struct wallet_ref w;
    enum turn_result end;
    if (!enter_open(t, self, &w, &end))
        return end;
    if (w.wallet->status != WALLET_STATUS_FROZEN)
        return wallet_refuse(t, RESULT_WALLET_NOT_FROZEN);
    struct status_change change = {WALLET_STATUS_ACTIVE, false, 0, unfreeze->has_reason,
                                   unfreeze->reason};
    return change_status(t, self, &change);
}

/* An owner may close a wallet; a frozen one only a caller who may unfreeze it. */
static uint16_t may_close(const struct wallet_ref *w, const struct message *m)
{
    struct balance b = wallet_balance_of(w);
    if (w->wallet->status == WALLET_STATUS_CLOSED)
        return RESULT_WALLET_CLOSED;
    if (w->wallet->status == WALLET_STATUS_FROZEN && !wallet_administrator(&m->who))
        return RESULT_WALLET_FROZEN;
    if (w->account->hold_count != 0) /* the amounts of some are nothing */
        return RESULT_WALLET_HAS_HOLDS;
    check(w->wallet->open_holds == 0);
    return b.posted != 0 ? RESULT_WALLET_NOT_EMPTY : RESULT_OK;
}

enum turn_result wallet_on_close(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_close *close = m->body;
    struct wallet_ref w;
    enum turn_result end;
    if (!wallet_enter(t, self, &w, &end))
        return end;
    const struct owner *owner;
    struct id128 key = owner_key(w.wallet->owner_id);
    if (turn_find_owner(t, key, &owner) == PRESENCE_WAITING)
        return TURN_WAIT;
    uint16_t code = may_close(&w, m);
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    funds_close_wallet(t, self, w.account);
    struct status_change change = {WALLET_STATUS_CLOSED, false, 0, close->has_reason,
                                   close->reason};
    return change_status(t, self, &change);
}

/* --- limits ----------------------------------------------------------------------------------- */

/* The limits asked for. *field is the one that is refused. */
static uint16_t limits_wanted(const struct wallet *w, const struct wallet_limits_set *set,
                              struct limit *wanted, const char **field)
{
    uint16_t code = RESULT_OK;
    *wanted = (struct limit){.has_per_transaction = set->has_per_transaction,
                             .has_per_day = set->has_per_day};
    *field = "currency";
    if (set->has_currency && set->currency != w->currency)
        return RESULT_CURRENCY_MISMATCH;
    *field = "per_transaction";
    if (set->has_per_transaction)
        code = wallet_amount(w, set->per_transaction, false, 0, &wanted->per_transaction);
    if (code != RESULT_OK)
        return code;
    *field = "per_day";
    if (set->has_per_day)
        code = wallet_amount(w, set->per_day, false, 0, &wanted->per_day);
    if (code == RESULT_OK && !limit_consistent(wanted))
        code = RESULT_PER_DAY_BELOW_PER_TRANSACTION;
    return code;
}

static bool limits_equal(const struct limit *a, const struct limit *b)
{
    return a->has_per_transaction == b->has_per_transaction && a->has_per_day == b->has_per_day &&
           a->per_transaction == b->per_transaction && a->per_day == b->per_day;
}

enum turn_result wallet_on_limits_set(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_limits_set *set = m->body;
    struct wallet_ref w;
    enum turn_result end;
    if (!enter_open(t, self, &w, &end))
        return end;
    struct limit wanted;
    const char *field;
    uint16_t code = limits_wanted(w.wallet, set, &wanted, &field);
    if (code != RESULT_OK) {
        refusal_of_field(t, code, field);
        return TURN_DONE;
    }
    if (limits_equal(&wanted, &w.wallet->limit))
        return reply_wallet(t, &w);
    struct wallet_limits_changed changed = {
        .wallet_id = self,
        .has_per_transaction = set->has_per_transaction,
        .per_transaction = wanted.per_transaction,
        .has_per_day = set->has_per_day,
        .per_day = wanted.per_day,
        .currency = w.wallet->currency,
    };
    turn_emit(t, &wallet_limits_changed_type, &changed);
    struct wallet_ref after = wallet_again(t, self);
    return reply_wallet(t, &after);
}

/* --- words ------------------------------------------------------------------------------------ */

enum turn_result wallet_on_update(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_update *update = m->body;
    struct wallet_ref w;
    enum turn_result end;
    if (!enter_open(t, self, &w, &end))
        return end;
    if (!update->has_metadata || fields_metadata_equal(&update->metadata, &w.wallet->metadata))
        return reply_wallet(t, &w);
    struct wallet_updated updated = {self, update->metadata};
    turn_emit(t, &wallet_updated_type, &updated);
    struct wallet_ref after = wallet_again(t, self);
    return reply_wallet(t, &after);
}

/* --- moving money ----------------------------------------------------------------------------- */

/* What is decided once the request itself is found to be in order. */
struct plan {
    struct id128 wallet_id; /* whose history the answer shows */
    struct funds_move move;
    uint8_t type;           /* enum wallet_transaction_type */
    bool has_counterparty;
    struct id128 counterparty;
    struct transfer_note note;
};

static struct plan plan_of(struct turn *t, struct id128 self, const struct wallet *w, u128 amount,
                           uint8_t type, uint16_t code)
{
    return (struct plan){
        .wallet_id = self,
        .move =
            {
                .id = turn_new_id(t, id128_slot(self)),
                .tenant_id = w->tenant_id,
                .amount = amount,
                .currency = w->currency,
                .code = code,
            },
        .type = type,
    };
}

static enum turn_result reply_transaction(struct turn *t, const struct plan *plan,
                                          uint64_t time_ns)
{
    struct wallet_transaction reply =
        wallet_transaction_made(t, plan->wallet_id, &plan->move, plan->type, time_ns);
    reply.has_counterparty_wallet_id = plan->has_counterparty;
    reply.counterparty_wallet_id = plan->counterparty;
    reply.has_description = plan->note.has_description;
    reply.description = plan->note.description;
    reply.metadata = plan->note.metadata;
    turn_reply(t, RESULT_OK, &wallet_transaction_type, &reply, 0); /* it has no versions */
    return TURN_DONE;
}

static enum turn_result carry_out(struct turn *t, const struct plan *plan)
{
    struct posting p = funds_transfer(&plan->move);
    uint16_t code;
    if (funds_prepare(t, &p, &code) == PRESENCE_WAITING)
        return TURN_WAIT;
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    uint64_t time_ns = turn_time(t);
    posting_emit(t, &p);
    transfer_note_emit(t, plan->move.tenant_id, plan->move.id, &plan->note);
    if (id128_equal(plan->move.from, plan->wallet_id)) {
        struct wallet_debited debited = {plan->wallet_id, plan->move.amount, plan->move.currency};
        turn_emit(t, &wallet_debited_type, &debited);
    }
    return reply_transaction(t, plan, time_ns);
}

enum turn_result wallet_on_fund(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_fund *fund = m->body;
    struct wallet_ref w;
    enum turn_result end;
    if (!wallet_enter(t, self, &w, &end))
        return end;
    u128 amount = 0;
    uint16_t code =
        wallet_amount(w.wallet, fund->amount, fund->has_currency, fund->currency, &amount);
    if (code == RESULT_OK && w.wallet->status == WALLET_STATUS_CLOSED)
        code = RESULT_WALLET_CLOSED;
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    struct plan plan =
        plan_of(t, self, w.wallet, amount, WALLET_TRANSACTION_TYPE_DEPOSIT, MANAGED_DEPOSIT);
    plan.move.from = house_own_id(t, MANAGED_CLEARING, w.wallet->tenant_id, w.wallet->currency);
    plan.move.to = self;
    plan.note = TRANSFER_NOTE_OF(fund);
    return carry_out(t, &plan);
}

enum turn_result wallet_on_withdraw(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_withdraw *withdraw = m->body;
    struct wallet_ref w;
    enum turn_result end;
    if (!wallet_enter(t, self, &w, &end))
        return end;
    u128 amount = 0;
    uint16_t code = wallet_amount(w.wallet, withdraw->amount, withdraw->has_currency,
                                  withdraw->currency, &amount);
    if (code == RESULT_OK)
        code = wallet_check_debit(w.wallet, amount, turn_time(t));
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    struct plan plan =
        plan_of(t, self, w.wallet, amount, WALLET_TRANSACTION_TYPE_WITHDRAWAL, MANAGED_WITHDRAWAL);
    plan.move.from = self;
    plan.move.to = house_own_id(t, MANAGED_CLEARING, w.wallet->tenant_id, w.wallet->currency);
    plan.note = TRANSFER_NOTE_OF(withdraw);
    return carry_out(t, &plan);
}

enum turn_result wallet_on_transfer(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_transfer *transfer = m->body;
    struct wallet_ref from, to;
    enum turn_result end;
    enum presence found = wallet_find(t, transfer->to_wallet_id, &to);
    if (!wallet_enter(t, self, &from, &end))
        return end;
    if (found == PRESENCE_WAITING)
        return TURN_WAIT;
    u128 amount = 0;
    bool crosses = token_crosses(t, self, to.id);
    uint16_t code = wallet_amount(from.wallet, transfer->amount, transfer->has_currency,
                                  transfer->currency, &amount);
    if (code == RESULT_OK)
        code = wallet_check_payer(&from, amount, turn_time(t));
    if (code == RESULT_OK && !crosses)
        code = wallet_check_destination(&from, found, &to);
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    struct plan plan = plan_of(t, self, from.wallet, amount, WALLET_TRANSACTION_TYPE_TRANSFER_OUT,
                               MANAGED_TRANSFER);
    plan.move.from = self;
    plan.move.to = to.id;
    plan.has_counterparty = true;
    plan.counterparty = to.id;
    plan.note = TRANSFER_NOTE_OF(transfer);
    return crosses ? wallet_cross(t, m, &plan.move, &plan.note) : carry_out(t, &plan);
}
