/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that move a wallet's money at once: all checks, one posting, the count against the
 * limits, the answer. */
#include "actors/wallet/wallet_move.h"

#include "actors/ledger/transfer.h"

/* What a handler knows once the request itself is in order. */
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
        .move = {
            .id = turn_new_id(t),
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
    struct wallet_ref w = wallet_again(t, plan->wallet_id);
    struct balance b = wallet_balance_of(&w);
    struct wallet_transaction reply = {
        .transaction_id = plan->move.id,
        .wallet_id = plan->wallet_id,
        .amount = plan->move.amount,
        .currency = plan->move.currency,
        .type = plan->type,
        .timestamp = time_ns,
        .balance = b.posted,
        .available_balance = b.available,
        .has_counterparty_wallet_id = plan->has_counterparty,
        .counterparty_wallet_id = plan->counterparty,
        .has_description = plan->note.has_description,
        .description = plan->note.description,
        .metadata = plan->note.metadata,
    };
    turn_reply(t, RESULT_OK, &wallet_transaction_type, &reply, wallet_version(&w));
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
        struct wallet_debited debited = {plan->wallet_id, plan->move.amount};
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
        plan_of(t, self, w.wallet, amount, WALLET_TRANSACTION_TYPE_DEPOSIT, FUNDS_DEPOSIT);
    plan.move.from = funds_clearing_id(w.wallet->tenant_id, w.wallet->currency, turn_shard(t));
    plan.move.to = self;
    plan.note = (struct transfer_note){fund->has_description, fund->has_metadata,
                                       fund->description, fund->metadata};
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
        plan_of(t, self, w.wallet, amount, WALLET_TRANSACTION_TYPE_WITHDRAWAL, FUNDS_WITHDRAWAL);
    plan.move.from = self;
    plan.move.to = funds_clearing_id(w.wallet->tenant_id, w.wallet->currency, turn_shard(t));
    plan.note = (struct transfer_note){withdraw->has_description, withdraw->has_metadata,
                                       withdraw->description, withdraw->metadata};
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
    uint16_t code = wallet_amount(from.wallet, transfer->amount, transfer->has_currency,
                                  transfer->currency, &amount);
    if (code == RESULT_OK)
        code = wallet_check_destination(t, &from, found, &to);
    if (code == RESULT_OK)
        code = wallet_check_debit(from.wallet, amount, turn_time(t));
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    struct plan plan = plan_of(t, self, from.wallet, amount, WALLET_TRANSACTION_TYPE_TRANSFER_OUT,
                               FUNDS_TRANSFER);
    plan.move.from = self;
    plan.move.to = to.id;
    plan.has_counterparty = true;
    plan.counterparty = to.id;
    plan.note = (struct transfer_note){transfer->has_description, transfer->has_metadata,
                                       transfer->description, transfer->metadata};
    return carry_out(t, &plan);
}
