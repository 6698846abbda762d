/* SPDX-License-Identifier: Apache-2.0 */
/* The path of each handler: find the payment and both wallets (or wait); check the caller's role
 * and If-Match; the amount; the table of states; the posting; the payment's event; the answer. The
 * posting is the last that can be refused, because it emits. If payer and payee are in one shard,
 * one turn decides all of it; if not, the rest is payment_crossing.c's. The time of an
 * authorisation is checked at a capture too, since its timeout may be late. At the timeout nothing
 * can refuse: what is still authorised is pending, for the ledger's own messages resolve nothing
 * that a payment made. */
#include "actors/payment/payment_messages.h"

#include "actors/ledger/token.h"
#include "actors/payment/payment.h"
#include "actors/payment/payment_crossing.h"
#include "actors/wallet/wallet.h"
#include "runtime/base/mutant.h"
#include "schemas/common.h"
#include "schemas/payment_states.h"

static enum turn_result reply_payment(struct turn *t, struct id128 id)
{
    const struct payment_info info = payment_shown(t, id);
    turn_reply(t, RESULT_OK, &payment_info_type, &info, info.version);
    return TURN_DONE;
}

/* --- creating --------------------------------------------------------------------------------- */

/* What the request alone decides: amount and expiry. */
static uint16_t check_terms(const struct payment_create *create, bool at_once)
{
    if (create->amount == 0)
        return RESULT_AMOUNT_MUST_NOT_BE_ZERO;
    return at_once && create->has_expires_in_s ? RESULT_EXPIRY_WITHOUT_AUTHORIZATION : RESULT_OK;
}

/* What the payer asks for; of the payee nothing is known yet. */
static struct payment_created created_of(const struct message *m, const struct wallet *payer)
{
    const struct payment_create *create = m->body;
    struct payment_created created = {
        .tenant_id = payer->tenant_id,
        .payer_id = payer->owner_id,
        .from_account = create->from_account,
        .to_account = create->to_account,
        .amount = create->amount,
        .currency = create->currency,
        .capture = create->has_capture ? create->capture : PAYMENT_CAPTURE_MODE_AUTOMATIC,
        .has_description = create->has_description,
        .description = create->description,
        .has_customer_id = create->has_customer_id,
        .customer_id = create->customer_id,
    };
    if (create->has_metadata)
        created.metadata = create->metadata;
    return created;
}

/* The request, and what the payer's wallet is. */
static uint16_t check_request(const struct payment_create *create, const struct wallet_ref *payer)
{
    if (id128_equal(payer->id, create->to_account))
        return RESULT_PAYMENT_TO_SELF;
    return create->currency != payer->wallet->currency ? RESULT_CURRENCY_MISMATCH : RESULT_OK;
}

/* One in another shard is asked there. */
static uint16_t check_payee(struct turn *t, const struct payment_created *asked,
                            enum presence found, const struct wallet_ref *payee)
{
    if (token_crosses(t, asked->from_account, payee->id))
        return RESULT_OK;
    return payment_check_payee(asked->tenant_id, asked->currency, found, payee);
}

enum turn_result payment_on_create(struct turn *t, struct id128 self, const struct message *m)
{
    const struct payment_create *create = m->body;
    struct wallet_ref payer, payee;
    enum presence payer_found = wallet_find(t, self, &payer);
    enum presence payee_found = wallet_find(t, create->to_account, &payee);
    if (payer_found == PRESENCE_WAITING || payee_found == PRESENCE_WAITING)
        return TURN_WAIT;
    bool at_once = !create->has_capture || create->capture == PAYMENT_CAPTURE_MODE_AUTOMATIC;
    uint16_t code = check_terms(create, at_once);
    if (payer_found != PRESENCE_THERE ||
        !turn_may_see(t, payer.wallet->tenant_id, payer.wallet->owner_id)) {
        turn_refuse_unseen(t, code != RESULT_OK ? code : RESULT_PAYER_NOT_FOUND);
        return TURN_DONE;
    }
    /* What does not exist yet has no version that If-Match could name. */
    if (!turn_version_matches(t, 0))
        return TURN_DONE;
    if (code == RESULT_OK)
        code = check_request(create, &payer);
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    struct payment_created created = created_of(m, payer.wallet);
    created.payment_id = turn_new_id(t, id128_slot(self));
    code = wallet_check_payer(&payer, create->amount, turn_time(t));
    if (code != RESULT_OK)
        return payment_decline(t, &created, code);
    code = check_payee(t, &created, payee_found, &payee);
    if (code != RESULT_OK && code != RESULT_DESTINATION_CLOSED)
        return wallet_refuse(t, code);
    if (payee.wallet != NULL)
        created.payee_id = payee.wallet->owner_id;
    if (code != RESULT_OK)
        return payment_decline(t, &created, code);
    struct funds_move move = {
        .id = created.payment_id,
        .tenant_id = created.tenant_id,
        .from = self,
        .to = payee.id,
        .reference = created.payment_id,
        .amount = created.amount,
        .currency = created.currency,
        .code = MANAGED_PAYMENT,
    };
    if (!turn_at_home(t, payee.id))
        return at_once ? payment_cross(t, m, &created, &move)
                       : payment_cross_authorization(t, m, &created, &move);
    struct posting p = at_once ? funds_transfer(&move) : funds_pending(&move);
    if (funds_prepare(t, &p, &code) == PRESENCE_WAITING)
        return TURN_WAIT;
    if (code != RESULT_OK)
        return payment_decline(t, &created, code);
    posting_emit(t, &p);
    created.has_expires_at = !at_once;
    if (!at_once)
        created.expires_at =
            turn_time(t) + wallet_life_ns(create->has_expires_in_s, create->expires_in_s);
    turn_emit(t, &payment_created_type, &created);
    return reply_payment(t, created.payment_id);
}

/* --- finding ---------------------------------------------------------------------------------- */

enum role {
    ROLE_EITHER,
    ROLE_PAYER,
    ROLE_PAYEE,
};

struct payment_ref {
    struct id128 id;
    const struct payment *payment;
    struct wallet_ref payer, payee;
};

/* The payment and those wallets that are in this shard, as the payer's is; WAITING or ABSENT
 * concern the payment or any of them. */
static enum presence payment_find(struct turn *t, struct id128 id, struct payment_ref *ref)
{
    *ref = (struct payment_ref){.id = id};
    enum presence found = turn_find_payment(t, id, &ref->payment);
    if (found != PRESENCE_THERE)
        return found;
    enum presence payer = wallet_find(t, ref->payment->from_account, &ref->payer);
    enum presence payee = wallet_find(t, ref->payment->to_account, &ref->payee);
    if (payer == PRESENCE_WAITING || payee == PRESENCE_WAITING)
        return PRESENCE_WAITING;
    check(payer == PRESENCE_THERE);
    /* Of one that was declined it may be anything. */
    check(payee == PRESENCE_THERE || !turn_at_home(t, ref->payee.id) ||
          ref->payment->status == PAYMENT_STATUS_FAILED);
    return PRESENCE_THERE;
}

/* While the payee is not known it is nobody, whom only those see who see all. */
static struct id128 payment_payee(const struct payment *p)
{
    const struct id128 nobody = {UINT64_MAX, UINT64_MAX};
    return payment_knows_payee(p) ? p->payee_id : nobody;
}

/* Finds the payment for a caller who must have this role and, with If-Match, know its version.
 * false: it waits or was refused, and the handler returns *end. */
static bool payment_enter(struct turn *t, struct id128 self, enum role role,
                          struct payment_ref *ref, enum turn_result *end)
{
    enum presence found = payment_find(t, self, ref);
    *end = found == PRESENCE_WAITING ? TURN_WAIT : TURN_DONE;
    if (found == PRESENCE_WAITING)
        return false;
    bool payer = false, payee = false;
    if (found == PRESENCE_THERE) {
        payer = turn_may_see(t, ref->payment->tenant_id, ref->payment->payer_id);
        payee = turn_may_see(t, ref->payment->tenant_id, payment_payee(ref->payment)) &&
                ref->payment->status != PAYMENT_STATUS_FAILED;
    }
    if (!payer && !payee) {
        turn_refuse(t, RESULT_NOT_FOUND);
        return false;
    }
    if ((role == ROLE_PAYER && !payer) || (role == ROLE_PAYEE && !payee)) {
        turn_refuse(t, RESULT_FORBIDDEN);
        return false;
    }
    return turn_version_matches(t, ref->payment->version);
}

enum turn_result payment_on_get(struct turn *t, struct id128 self, const struct message *m)
{
    (void)m;
    struct payment_ref ref;
    enum turn_result end;
    if (!payment_enter(t, self, ROLE_EITHER, &ref, &end))
        return end;
    return reply_payment(t, self);
}

enum turn_result payment_on_update(struct turn *t, struct id128 self, const struct message *m)
{
    const struct payment_update *update = m->body;
    struct payment_ref ref;
    enum turn_result end;
    if (!payment_enter(t, self, ROLE_PAYER, &ref, &end))
        return end;
    struct payment_updated updated = {self, update->metadata};
    if (update->has_metadata && !fields_metadata_equal(&update->metadata, &ref.payment->metadata))
        turn_emit(t, &payment_updated_type, &updated);
    return reply_payment(t, self);
}

enum turn_result payment_on_extend(struct turn *t, struct id128 self, const struct message *m)
{
    const struct payment_extend *extend = m->body;
    struct payment_ref ref;
    enum turn_result end;
    if (!payment_enter(t, self, ROLE_PAYER, &ref, &end))
        return end;
    struct payment_extended extended = {.payment_id = self};
    uint16_t code = payment_step(payment_status(ref.payment), PAYMENT_ACTION_CAPTURE_LAST).refusal;
    if (code == RESULT_OK && turn_now(t) >= ref.payment->expires_at)
        code = RESULT_PAYMENT_EXPIRED;
    if (code == RESULT_OK)
        code = wallet_expiry_after(t, extend->has_expires_in_s, extend->expires_in_s,
                                   ref.payment->expires_at, &extended.expires_at);
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    turn_emit(t, &payment_extended_type, &extended);
    return reply_payment(t, self);
}

/* A move of the payment's money under a new id. Accounts and code are those of a refund; a capture
 * or void does not read them: its posting has those of the pending transfer. */
static struct funds_move move_of(struct turn *t, const struct payment_ref *ref, u128 amount)
{
    return (struct funds_move){
        .id = turn_new_id(t, id128_slot(ref->id)),
        .tenant_id = ref->payment->tenant_id,
        .from = ref->payment->to_account,
        .to = ref->payment->from_account,
        .reference = ref->id,
        .amount = amount,
        .currency = ref->payment->currency,
        .code = MANAGED_REFUND,
    };
}

/* --- capturing -------------------------------------------------------------------------------- */

/* How much is captured, and with `final` how much goes back to the payer. */
static uint16_t capture_amounts(struct turn *t, const struct payment_ref *ref,
                                const struct payment_capture *capture, u128 *amount,
                                u128 *released)
{
    u128 remaining = payment_remaining(ref->payment);
    uint16_t code = payment_step(payment_status(ref->payment), PAYMENT_ACTION_CAPTURE_LAST).refusal;
    *amount = remaining;
    *released = 0;
    /* The timeout may be late: the node was down, or the store takes no writes. */
    if (code == RESULT_OK && turn_now(t) >= ref->payment->expires_at)
        code = RESULT_PAYMENT_EXPIRED;
    if (code == RESULT_OK && capture->has_currency && capture->currency != ref->payment->currency)
        code = RESULT_CURRENCY_MISMATCH;
    if (code == RESULT_OK && capture->has_amount)
        code = wallet_amount(ref->payer.wallet, capture->amount, false, 0, amount);
    if (code != RESULT_OK)
        return code;
    if (*amount > remaining)
        return RESULT_CAPTURE_EXCEEDS_AUTHORIZED;
    if (capture->has_final && capture->final)
        *released = remaining - *amount;
    return RESULT_OK;
}

enum turn_result payment_on_capture(struct turn *t, struct id128 self, const struct message *m)
{
    const struct payment_capture *capture = m->body;
    struct payment_ref ref;
    enum turn_result end;
    if (!payment_enter(t, self, ROLE_PAYEE, &ref, &end))
        return end;
    u128 amount, released;
    uint16_t code = capture_amounts(t, &ref, capture, &amount, &released);
    if (code == RESULT_OK)
        code = wallet_check_capture(ref.payer.wallet, &m->who);
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    enum payment_action action = payment_capture_action(ref.payment, amount, released);
    struct payment_step step = payment_step(payment_status(ref.payment), action);
    if (step.next == 0)
        return wallet_refuse(t, step.refusal);
    struct funds_move move = move_of(t, &ref, amount);
    struct posting p =
        funds_capture(&move, ref.payment->pending_id, action == PAYMENT_ACTION_CAPTURE_PART);
    struct payment_captured captured = {
        .payment_id = self,
        .transfer_id = move.id,
        .amount = amount,
        .released = released,
        .currency = move.currency,
        .metadata = capture->metadata,
    };
    if (!turn_at_home(t, ref.payee.id))
        return payment_cross_capture(t, m, ref.payment, &p, &captured);
    if (!funds_post(t, &p, &end))
        return end;
    turn_emit(t, &payment_captured_type, &captured);
    return reply_payment(t, self);
}

/* --- refunding -------------------------------------------------------------------------------- */

static uint16_t refund_amount(const struct payment_ref *ref, const struct payment_refund *refund,
                              u128 *amount)
{
    const struct payment *p = ref->payment;
    u128 refundable = payment_refundable(p);
    uint16_t code = payment_step(payment_status(p), PAYMENT_ACTION_REFUND_LAST).refusal;
    *amount = refundable;
    if (code == RESULT_OK && refund->has_currency && refund->currency != p->currency)
        code = RESULT_CURRENCY_MISMATCH;
    if (code == RESULT_OK && refund->has_amount)
        code = wallet_amount(ref->payer.wallet, refund->amount, false, 0, amount);
    if (code != RESULT_OK)
        return code;
    if (refundable == 0)
        return RESULT_PAYMENT_ALREADY_REFUNDED;
    if (*amount > refundable && !MUTANT(REFUND_TOO_MUCH))
        return RESULT_REFUND_EXCEEDS_CAPTURED;
    return payment_step(payment_status(p), payment_refund_action(p, *amount)).refusal;
}

/* A payee in another shard is asked there. */
static uint16_t check_refund(const struct payment_ref *ref)
{
    uint16_t code = RESULT_OK;
    if (ref->payee.wallet != NULL)
        code = payment_check_giver(ref->payee.wallet);
    if (code == RESULT_OK && ref->payer.wallet->status == WALLET_STATUS_CLOSED)
        code = RESULT_DESTINATION_CLOSED;
    return code;
}

enum turn_result payment_on_refund(struct turn *t, struct id128 self, const struct message *m)
{
    const struct payment_refund *refund = m->body;
    struct payment_ref ref;
    enum turn_result end;
    if (!payment_enter(t, self, ROLE_PAYEE, &ref, &end))
        return end;
    u128 amount;
    uint16_t code = refund_amount(&ref, refund, &amount);
    if (code == RESULT_OK)
        code = check_refund(&ref);
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    struct funds_move move = move_of(t, &ref, amount);
    if (!turn_at_home(t, ref.payee.id))
        return payment_cross_refund(t, m, &move);
    struct posting p = funds_transfer(&move);
    if (funds_prepare(t, &p, &code) == PRESENCE_WAITING)
        return TURN_WAIT;
    if (code == RESULT_EXCEEDS_CREDITS) /* whose: a refund is not the payer's to cover */
        code = RESULT_PAYEE_LACKS_FUNDS;
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    posting_emit(t, &p);
    struct payment_refunded refunded = {
        .payment_id = self,
        .transfer_id = move.id,
        .amount = amount,
        .currency = move.currency,
        .has_reason = refund->has_reason,
        .reason = refund->reason,
        .metadata = refund->metadata,
    };
    turn_emit(t, &payment_refunded_type, &refunded);
    return reply_payment(t, self);
}

/* --- giving back ------------------------------------------------------------------------------ */

/* The posting that gives back what is still authorised. */
static struct posting payment_void(struct turn *t, const struct payment_ref *ref)
{
    struct funds_move move = move_of(t, ref, 0);
    return funds_void(&move, ref->payment->pending_id);
}

/* --- authorising more ------------------------------------------------------------------------- */

/* How much more, within the payer's limits: one payment is one transaction to them. */
static uint16_t increase_amount(struct turn *t, const struct payment_ref *ref,
                                const struct payment_increase *increase, u128 *amount)
{
    const struct payment *p = ref->payment;
    const struct wallet *payer = ref->payer.wallet;
    u128 total;
    uint16_t code = payment_step(payment_status(p), PAYMENT_ACTION_CAPTURE_LAST).refusal;
    if (code == RESULT_OK && turn_now(t) >= p->expires_at)
        code = RESULT_PAYMENT_EXPIRED;
    if (code == RESULT_OK)
        code = wallet_amount(payer, increase->amount, increase->has_currency, increase->currency,
                             amount);
    if (code != RESULT_OK)
        return code;
    if (!u128_add(p->amount, *amount, &total))
        return RESULT_AMOUNT_OUT_OF_RANGE;
    /* Nobody closes a wallet while this is on its way to or from it; what another shard is to get
     * stands in no transfer to it, and is refused by it when it is captured. */
    check(ref->payee.wallet == NULL || ref->payee.wallet->status != WALLET_STATUS_CLOSED);
    code = wallet_check_debit(payer, *amount, turn_time(t));
    return code == RESULT_OK && limit_forbids(&payer->limit, total)
               ? RESULT_PER_TRANSACTION_LIMIT_EXCEEDED
               : code;
}

/* The move that keeps aside what is still authorised; of a payee in another shard to clearing. */
static struct funds_move payment_hold(struct turn *t, const struct payment_ref *ref)
{
    const struct payment *p = ref->payment;
    bool away = !turn_at_home(t, ref->payee.id);
    return (struct funds_move){
        .id = turn_new_id(t, id128_slot(ref->id)),
        .tenant_id = p->tenant_id,
        .from = p->from_account,
        .to = away ? house_own_id(t, MANAGED_CLEARING, p->tenant_id, p->currency) : p->to_account,
        .reference = ref->id,
        .amount = payment_remaining(p),
        .currency = p->currency,
        .code = away ? MANAGED_AUTHORIZATION : MANAGED_PAYMENT,
    };
}

/* A pending transfer cannot grow: it is voided and another one made in its place, both or none. */
enum turn_result payment_on_increase(struct turn *t, struct id128 self, const struct message *m)
{
    struct payment_ref ref;
    enum turn_result end;
    if (!payment_enter(t, self, ROLE_PAYER, &ref, &end))
        return end;
    struct payment_increased increased = {.payment_id = self, .currency = ref.payment->currency};
    uint16_t code = increase_amount(t, &ref, m->body, &increased.amount);
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    struct posting given_back = payment_void(t, &ref);
    struct funds_move move = payment_hold(t, &ref);
    move.amount += increased.amount;
    struct posting held = funds_pending(&move);
    bool waiting = posting_find(t, &given_back) == PRESENCE_WAITING;
    waiting |= posting_find(t, &held) == PRESENCE_WAITING;
    if (waiting)
        return TURN_WAIT;
    code = funds_post_both(t, &given_back, &held);
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    increased.transfer_id = move.id;
    turn_emit(t, &payment_increased_type, &increased);
    return reply_payment(t, self);
}

enum turn_result payment_on_cancel(struct turn *t, struct id128 self, const struct message *m)
{
    const struct payment_cancel *cancel = m->body;
    struct payment_ref ref;
    enum turn_result end;
    if (!payment_enter(t, self, ROLE_PAYER, &ref, &end))
        return end;
    struct payment_step step = payment_step(payment_status(ref.payment), PAYMENT_ACTION_CANCEL);
    if (step.next == 0)
        return wallet_refuse(t, step.refusal);
    struct posting p = payment_void(t, &ref);
    struct payment_cancelled cancelled = {
        .payment_id = self,
        .transfer_id = p.transfer.id,
        .released = payment_remaining(ref.payment),
        .currency = ref.payment->currency,
        .has_reason = cancel->has_reason,
        .reason = cancel->reason,
    };
    if (!funds_post(t, &p, &end))
        return end;
    turn_emit(t, &payment_cancelled_type, &cancelled);
    return reply_payment(t, self);
}

static enum turn_result payment_forget(struct turn *t, const struct payment_ref *ref)
{
    const struct payment_forgotten e = {.payment_id = ref->id, .steps = ref->payment->version};
    turn_emit(t, &payment_forgotten_type, &e);
    return TURN_DONE;
}

enum turn_result payment_on_timeout(struct turn *t, struct id128 self)
{
    struct payment_ref ref;
    uint64_t due_ns;
    enum presence found = payment_find(t, self, &ref);
    if (found == PRESENCE_WAITING)
        return TURN_WAIT;
    if (found == PRESENCE_ABSENT || !payment_due(ref.payment, &due_ns) || turn_now(t) < due_ns)
        return TURN_DONE;
    if (ref.payment->status == PAYMENT_STATUS_FAILED)
        return payment_forget(t, &ref);
    struct posting p = payment_void(t, &ref);
    uint16_t code;
    if (funds_prepare(t, &p, &code) == PRESENCE_WAITING)
        return TURN_WAIT;
    if (code != RESULT_OK)
        return turn_fail(t, "an expired authorisation cannot be given back");
    struct payment_expired expired = {
        .payment_id = self,
        .transfer_id = p.transfer.id,
        .released = payment_remaining(ref.payment),
        .currency = ref.payment->currency,
    };
    posting_emit(t, &p);
    turn_emit(t, &payment_expired_type, &expired);
    return TURN_DONE;
}
