/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of the messages that move no money, and what opening a wallet emits. */
#include "actors/wallet/wallet_messages.h"

#include "actors/wallet/owner.h"
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
        .created_at = s->created_at,
        .available_balance = b.available,
        .pending_balance = b.held,
        .incoming_balance = b.incoming,
        .total_balance = b.posted,
        .has_per_transaction = s->limit.per_transaction != LIMIT_NONE,
        .per_transaction = s->limit.per_transaction,
        .has_per_day = s->limit.per_day != LIMIT_NONE,
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
    bool has_reason;
    struct slice reason;
};

static enum turn_result change_status(struct turn *t, struct id128 self, const struct message *m,
                                      const struct status_change *change)
{
    struct wallet_status_changed changed = {
        .wallet_id = self,
        .status = change->status,
        .by = m->who.subject,
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

enum turn_result wallet_on_freeze(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_freeze *freeze = m->body;
    struct wallet_ref w;
    enum turn_result end;
    if (!enter_open(t, self, &w, &end))
        return end;
    if (w.wallet->status == WALLET_STATUS_FROZEN)
        return wallet_refuse(t, RESULT_WALLET_FROZEN);
    struct status_change change = {WALLET_STATUS_FROZEN, freeze->has_reason, freeze->reason};
    return change_status(t, self, m, &change);
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
    struct status_change change = {WALLET_STATUS_ACTIVE, unfreeze->has_reason, unfreeze->reason};
    return change_status(t, self, m, &change);
}

/* An owner may close a wallet, a frozen one only who may unfreeze it. */
static uint16_t may_close(const struct wallet_ref *w, const struct message *m)
{
    struct balance b = wallet_balance_of(w);
    if (w->wallet->status == WALLET_STATUS_CLOSED)
        return RESULT_WALLET_CLOSED;
    if (w->wallet->status == WALLET_STATUS_FROZEN && !m->who.any_owner && !m->who.operator)
        return RESULT_WALLET_FROZEN;
    if (w->wallet->open_holds != 0 || b.held != 0 || b.incoming != 0)
        return RESULT_WALLET_HAS_HOLDS;
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
    struct id128 key = owner_key(w.wallet->owner_id, id128_home(self));
    if (turn_find_owner(t, key, &owner) == PRESENCE_WAITING)
        return TURN_WAIT;
    uint16_t code = may_close(&w, m);
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    funds_close_wallet(t, self, w.account);
    struct status_change change = {WALLET_STATUS_CLOSED, close->has_reason, close->reason};
    return change_status(t, self, m, &change);
}

/* --- limits ----------------------------------------------------------------------------------- */

enum turn_result wallet_on_limits_set(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_limits_set *set = m->body;
    struct wallet_ref w;
    enum turn_result end;
    if (!enter_open(t, self, &w, &end))
        return end;
    struct wallet_limits_changed changed = {
        .wallet_id = self,
        .has_per_transaction = set->has_per_transaction,
        .has_per_day = set->has_per_day,
        .by = m->who.subject,
    };
    uint16_t code = RESULT_OK;
    if (set->has_per_transaction)
        code = wallet_amount(w.wallet, set->per_transaction, false, 0, &changed.per_transaction);
    if (code == RESULT_OK && set->has_per_day)
        code = wallet_amount(w.wallet, set->per_day, false, 0, &changed.per_day);
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    turn_emit(t, &wallet_limits_changed_type, &changed);
    struct wallet_ref after = wallet_again(t, self);
    return reply_wallet(t, &after);
}
