/* SPDX-License-Identifier: Apache-2.0 */
/* Events change a payment here: each names the action, payment_move() takes the status from the
 * table of payment_status.c, and what goes back to the payer, released or refunded, goes back to
 * the allowance of the day that it was taken from. */
#include "actors/payment/payment.h"

#include "actors/common/owned_text.h"
#include "actors/payment/payment_crossing.h"
#include "actors/payment/payment_messages.h"
#include "actors/wallet/wallet.h"
#include "runtime/base/mutant.h"
#include "schemas/common.h"
#include "schemas/payment_states.h"
#include "schemas/wallet_states.h"

u128 payment_remaining(const struct payment *p)
{
    check(p->captured <= p->amount);
    return payment_status_open(p->status) ? p->amount - p->captured : 0;
}

u128 payment_refundable(const struct payment *p)
{
    u128 given_back;
    bool fits = u128_add(p->refunded, MUTANT(REFUND_AGAIN) ? 0 : p->refunding, &given_back);
    check(fits && given_back <= p->captured);
    return p->captured - given_back;
}

uint8_t payment_status(const struct payment *p)
{
    return p->has_capturing ? PAYMENT_STATUS_PROCESSING : p->status;
}

bool payment_knows_payee(const struct payment *p)
{
    return !id128_is_zero(p->payee_id);
}

bool payment_due(const struct payment *p, uint64_t *due_ns)
{
    bool failed = p->status == PAYMENT_STATUS_FAILED;
    uint8_t status = MUTANT(EXPIRE_CAPTURING) ? p->status : payment_status(p);
    *due_ns = failed ? p->created_at + PAYMENT_DECLINED_NS : p->expires_at;
    return failed || payment_status_open(status);
}

enum payment_action payment_capture_action(const struct payment *p, u128 amount, u128 released)
{
    u128 used = payment_remaining(p);
    bool last = amount <= used && used - amount == released;
    return last ? PAYMENT_ACTION_CAPTURE_LAST : PAYMENT_ACTION_CAPTURE_PART;
}

enum payment_action payment_refund_action(const struct payment *p, u128 amount)
{
    bool last = amount == p->captured - p->refunded;
    return last ? PAYMENT_ACTION_REFUND_LAST : PAYMENT_ACTION_REFUND_PART;
}

struct payment_info payment_info_of(struct id128 id, const struct payment *p)
{
    return (struct payment_info){
        .payment_id = id,
        .status = payment_status(p),
        .amount = p->amount,
        .currency = p->currency,
        .timestamp = p->created_at,
        .from_account = p->from_account,
        .to_account = p->to_account,
        .has_description = p->description.len != 0,
        .description = p->description,
        .has_customer_id = p->customer_id.len != 0,
        .customer_id = p->customer_id,
        .captured_amount = p->captured,
        .refunded_amount = p->refunded,
        .adapter = slice_of(PAYMENT_ADAPTER),
        .details =
            {
                .capture = p->capture,
                .has_expires_at = p->has_expires_at,
                .expires_at = p->expires_at,
            },
        .metadata = p->metadata,
        .updated_at = p->updated_at,
        .version = p->version,
        .has_failure_code = p->failure != 0,
        .failure_code = p->failure,
        .has_transfer_id = !id128_is_zero(p->last_transfer_id),
        .transfer_id = id,
        .has_last_transfer_id = !id128_is_zero(p->last_transfer_id),
        .last_transfer_id = p->last_transfer_id,
    };
}

/* --- in turns --------------------------------------------------------------------------------- */

struct payment_info payment_shown(struct turn *t, struct id128 id)
{
    const struct payment *p = turn_found_payment(t, id);
    struct payment_info info = payment_info_of(id, p);
    if (!turn_may_see(t, p->tenant_id, p->payer_id)) {
        info.has_customer_id = false;
        info.metadata = (struct metadata){0};
    }
    return info;
}

enum turn_result payment_decline(struct turn *t, const struct payment_created *asked, uint16_t code)
{
    struct payment_declined declined = {.failure = code};
    const struct payment_reference reference = {asked->payment_id};
    payment_declined_from_payment_created(&declined, asked);
    turn_emit(t, &payment_declined_type, &declined);
    turn_reply(t, code, &payment_reference_type, &reference, 0);
    return TURN_DONE;
}

uint16_t payment_check_payee(struct id128 tenant_id, uint16_t currency, enum presence found,
                             const struct wallet_ref *payee)
{
    uint16_t code = wallet_check_receiver(tenant_id, currency, found, payee);
    return code == RESULT_DESTINATION_NOT_FOUND ? RESULT_PAYEE_NOT_FOUND : code;
}

uint16_t payment_check_giver(const struct wallet *payee)
{
    if (payee->status == WALLET_STATUS_CLOSED)
        return RESULT_WALLET_CLOSED;
    return payee->status == WALLET_STATUS_FROZEN ? RESULT_WALLET_FROZEN : RESULT_OK;
}

/* --- apply ------------------------------------------------------------------------------------ */

static void payment_set_deadline(struct registry *r, struct id128 id, const struct payment *p)
{
    uint64_t due_ns;
    if (payment_due(p, &due_ns))
        registry_deadline(r, KIND_PAYMENT, id, due_ns);
    else
        registry_no_deadline(r, KIND_PAYMENT, id);
}

/* The one function that writes the status; check() fails if the table has no such step. The
 * transfer is the step's own. */
static void payment_move(struct registry *r, struct id128 id, struct payment *p,
                         enum payment_action action, struct id128 transfer_id, uint64_t time_ns)
{
    check(p->captured <= p->amount && p->refunded <= p->captured);
    p->last_transfer_id = transfer_id;
    p->status = payment_status_after(p->status, action, p->captured, p->refunded);
    p->updated_at = time_ns;
    p->version++;
    payment_set_deadline(r, id, p);
}

/* As it was asked for. */
static struct payment *payment_new(struct registry *r, const struct payment_created *e,
                                   uint64_t time_ns)
{
    check(e->amount != 0 && !id128_equal(e->from_account, e->to_account));
    struct payment *p = registry_create(r, KIND_PAYMENT, e->payment_id);
    *p = (struct payment){
        .tenant_id = e->tenant_id,
        .payer_id = e->payer_id,
        .payee_id = e->payee_id,
        .from_account = e->from_account,
        .to_account = e->to_account,
        .amount = e->amount,
        .created_at = time_ns,
        .has_expires_at = e->has_expires_at,
        .expires_at = e->expires_at,
        .metadata = owned_metadata_copy(r, &e->metadata),
        .currency = e->currency,
        .capture = e->capture,
        .status = PAYMENT_STATUS_NONE,
    };
    if (e->has_description)
        p->description = owned_text_copy(r, e->description);
    if (e->has_customer_id)
        p->customer_id = owned_text_copy(r, e->customer_id);
    return p;
}

void payment_apply_created(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_created *e = event;
    bool at_once = e->capture == PAYMENT_CAPTURE_MODE_AUTOMATIC;
    check(at_once != e->has_expires_at);
    wallet_count_debit(r, e->from_account, e->amount, time_ns, !at_once);
    struct payment *p = payment_new(r, e, time_ns);
    p->captured = at_once ? e->amount : 0;
    p->pending_id = e->payment_id;
    payment_move(r, e->payment_id, p, at_once ? PAYMENT_ACTION_PAY : PAYMENT_ACTION_AUTHORIZE,
                 e->payment_id, time_ns);
}

void payment_apply_declined(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_declined *e = event;
    struct payment_created asked = {.amount = 0};
    payment_created_from_payment_declined(&asked, e);
    check(e->failure != 0);
    struct payment *p = payment_new(r, &asked, time_ns);
    p->failure = e->failure;
    payment_move(r, e->payment_id, p, PAYMENT_ACTION_DECLINE, ID128_ZERO, time_ns);
}

/* --- apply, of one whose payee is in another shard -------------------------------------------- */

void payment_apply_started(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_started *e = event;
    struct payment_created asked = {.amount = 0};
    payment_created_from_payment_started(&asked, e);
    bool at_once = e->capture == PAYMENT_CAPTURE_MODE_AUTOMATIC;
    wallet_count_debit(r, e->from_account, e->amount, time_ns, !at_once);
    struct payment *p = payment_new(r, &asked, time_ns);
    p->pending_id = e->payment_id;
    payment_move(r, e->payment_id, p, PAYMENT_ACTION_START, ID128_ZERO, time_ns);
}

void payment_apply_accepted(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_accepted *e = event;
    struct payment *p = registry_payment(r, e->payment_id);
    bool at_once = p->capture == PAYMENT_CAPTURE_MODE_AUTOMATIC;
    check(!id128_is_zero(e->payee_id) && at_once != e->has_expires_at);
    p->payee_id = e->payee_id;
    p->captured = at_once ? p->amount : 0;
    p->has_expires_at = e->has_expires_at;
    p->expires_at = e->expires_at;
    payment_move(r, e->payment_id, p, at_once ? PAYMENT_ACTION_PAY : PAYMENT_ACTION_AUTHORIZE,
                 e->payment_id, time_ns);
}

void payment_apply_refused(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_refused *e = event;
    struct payment *p = registry_payment(r, e->payment_id);
    check(e->failure != 0);
    p->failure = e->failure;
    payment_move(r, e->payment_id, p, PAYMENT_ACTION_DECLINE, ID128_ZERO, time_ns);
    if (MUTANT(KEEP_REFUSED) && p->capture == PAYMENT_CAPTURE_MODE_AUTOMATIC)
        return;
    wallet_count_return(r, p->from_account, p->amount, p->created_at,
                        p->capture == PAYMENT_CAPTURE_MODE_MANUAL);
}

/* A step that changes nothing yet. Nothing but its outcome ends the payment meanwhile. */
static void payment_step_asked(struct registry *r, struct id128 id, struct payment *p,
                               uint64_t time_ns)
{
    p->updated_at = time_ns;
    p->version++;
    payment_set_deadline(r, id, p);
}

void payment_apply_capturing(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_capturing *e = event;
    struct payment *p = registry_payment(r, e->payment_id);
    check(!p->has_capturing && e->amount != 0 && e->amount <= payment_remaining(p));
    check(e->released <= payment_remaining(p) - e->amount);
    p->has_capturing = true;
    p->capturing = e->amount;
    p->releasing = e->released;
    p->capture_id = e->transfer_id;
    payment_step_asked(r, e->payment_id, p, time_ns);
}

static void payment_capture_over(struct payment *p)
{
    p->has_capturing = false;
    p->capturing = p->releasing = 0;
    p->capture_id = ID128_ZERO;
}

void payment_apply_capture_refused(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_capture_refused *e = event;
    struct payment *p = registry_payment(r, e->payment_id);
    check(p->has_capturing && p->capturing == e->amount && e->failure != 0);
    payment_capture_over(p);
    payment_step_asked(r, e->payment_id, p, time_ns);
}

void payment_apply_refunding(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_refunding *e = event;
    struct payment *p = registry_payment(r, e->payment_id);
    check(e->amount != 0 && e->amount <= payment_refundable(p));
    p->refunding += e->amount;
    payment_step_asked(r, e->payment_id, p, time_ns);
}

void payment_apply_refund_refused(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_refund_refused *e = event;
    struct payment *p = registry_payment(r, e->payment_id);
    check(e->amount <= p->refunding && e->failure != 0);
    p->refunding -= e->amount;
    payment_step_asked(r, e->payment_id, p, time_ns);
}

/* --- apply, of one that exists ---------------------------------------------------------------- */

void payment_apply_updated(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_updated *e = event;
    struct payment *p = registry_payment(r, e->payment_id);
    struct metadata before = p->metadata;
    p->metadata = owned_metadata_copy(r, &e->metadata);
    p->updated_at = time_ns;
    p->version++;
    owned_metadata_free(r, &before);
}

void payment_apply_increased(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_increased *e = event;
    struct payment *p = registry_payment(r, e->payment_id);
    check(payment_status_open(payment_status(p)) && e->amount != 0);
    bool fits = u128_add(p->amount, e->amount, &p->amount);
    check(fits);
    wallet_count_debit(r, p->from_account, e->amount, time_ns, false);
    p->pending_id = p->last_transfer_id = e->transfer_id;
    p->updated_at = time_ns;
    p->version++;
}

void payment_apply_extended(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_extended *e = event;
    struct payment *p = registry_payment(r, e->payment_id);
    check(payment_status_open(payment_status(p)) && e->expires_at > p->expires_at);
    p->expires_at = e->expires_at;
    p->updated_at = time_ns;
    p->version++;
    registry_deadline(r, KIND_PAYMENT, e->payment_id, e->expires_at);
}

void payment_apply_captured(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_captured *e = event;
    struct payment *p = registry_payment(r, e->payment_id);
    enum payment_action action = payment_capture_action(p, e->amount, e->released);
    check(e->amount <= payment_remaining(p) && e->released <= payment_remaining(p) - e->amount);
    check(!p->has_capturing || (p->capturing == e->amount && p->releasing == e->released));
    payment_capture_over(p);
    p->captured += e->amount;
    payment_move(r, e->payment_id, p, action, e->transfer_id, time_ns);
    wallet_count_return(r, p->from_account, e->released, p->created_at,
                        action == PAYMENT_ACTION_CAPTURE_LAST);
}

void payment_apply_refunded(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_refunded *e = event;
    struct payment *p = registry_payment(r, e->payment_id);
    enum payment_action action = payment_refund_action(p, e->amount);
    if (e->has_shard) {
        check(e->amount <= p->refunding);
        p->refunding -= e->amount;
    }
    check(e->amount <= payment_refundable(p));
    p->refunded += e->amount;
    payment_move(r, e->payment_id, p, action, e->transfer_id, time_ns);
    wallet_count_return(r, p->from_account, e->amount, p->created_at, false);
}

/* What is still authorised goes back to the payer. */
static void payment_give_back(struct registry *r, struct id128 id, u128 released,
                              struct id128 transfer_id, enum payment_action action,
                              uint64_t time_ns)
{
    struct payment *p = registry_payment(r, id);
    check(released == payment_remaining(p) && !p->has_capturing);
    payment_move(r, id, p, action, transfer_id, time_ns);
    wallet_count_return(r, p->from_account, released, p->created_at, true);
}

void payment_apply_cancelled(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_cancelled *e = event;
    payment_give_back(r, e->payment_id, e->released, e->transfer_id, PAYMENT_ACTION_CANCEL,
                      time_ns);
}

void payment_apply_expired(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_expired *e = event;
    payment_give_back(r, e->payment_id, e->released, e->transfer_id, PAYMENT_ACTION_EXPIRE,
                      time_ns);
}

void payment_apply_forgotten(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct payment_forgotten *e = event;
    const struct payment *p = registry_payment(r, e->payment_id);
    uint64_t due_ns;
    check(p->status == PAYMENT_STATUS_FAILED);
    bool due = payment_due(p, &due_ns);
    check(due && time_ns >= due_ns);
    check(p->version == e->steps);
    registry_remove(r, KIND_PAYMENT, e->payment_id);
}

/* --- kind ------------------------------------------------------------------------------------- */

static const struct handler handlers[] = {
    {&payment_create_type, payment_on_create},   {&payment_get_type, payment_on_get},
    {&payment_capture_type, payment_on_capture}, {&payment_refund_type, payment_on_refund},
    {&payment_cancel_type, payment_on_cancel},   {&payment_update_type, payment_on_update},
    {&payment_extend_type, payment_on_extend},   {&payment_increase_type, payment_on_increase},
    {&payment_token_type, payment_on_token},     {&payment_follow_type, payment_on_follow},
    {&payment_ask_type, payment_on_ask},         {&payment_told_type, payment_on_told},
};

static const struct message_type *const refusable[] = {&payment_token_type, &payment_ask_type};

const struct actor_kind payment_kind = {
    .name = "payment",
    .number = KIND_PAYMENT,
    .state_size = sizeof(struct payment),
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .refusable = refusable,
    .refusable_count = array_len(refusable),
    .codec = &payment_codec,
    .timeout = payment_on_timeout,
};
