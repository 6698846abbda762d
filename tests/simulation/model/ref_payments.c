/* SPDX-License-Identifier: Apache-2.0 */
/* See ref_payments.h. */
#include "tests/simulation/model/ref_payments.h"

#include "actors/payment/payment.h"
#include "runtime/base/array.h"
#include "tests/simulation/model/ref_spending.h"
#include "tests/simulation/verdict.h"

static struct ref_payment *crossing_of(const struct reference *r, struct id128 id)
{
    struct ref_payment *p = reference_payment(r, id);
    if (p == NULL || !p->crosses || p->declined || reference_home(r, id) != r->shard)
        broken("an event asks another shard about a payment that is none of it");
    return p;
}

static struct ref_wallet *wallet_named(const struct reference *r, struct id128 id)
{
    struct ref_wallet *w = reference_wallet(r, id);
    if (w == NULL)
        broken("an event of a payment names no wallet");
    return w;
}

static struct ref_wallet *payer_of(const struct reference *r, const struct ref_payment *p)
{
    return wallet_named(r, p->from);
}

/* --- started ---------------------------------------------------------------------------------- */

/* What is only authorised a pending transfer keeps aside, which reaches nobody. */
static void authorization_is_kept(const struct reference *r, const struct payment_started *e)
{
    const struct ref_transfer *t = reference_transfer(r, r->shard, e->payment_id);
    if (t == NULL || t->kind != REF_PENDING || t->amount != e->amount ||
        !id128_equal(t->debit, e->from_account) || id128_equal(t->credit, e->to_account))
        broken("an authorisation for another shard without its pending transfer");
}

static void payment_is_started(struct reference *r, const struct payment_started *e,
                               uint64_t time_ns, struct ref_effects *f)
{
    bool manual = e->capture == PAYMENT_CAPTURE_MODE_MANUAL;
    struct ref_wallet *payer = reference_wallet(r, e->from_account);
    if (reference_payment(r, e->payment_id) != NULL || payer == NULL)
        broken("a payment is started twice, or from no wallet");
    if (reference_home(r, e->payment_id) != r->shard ||
        reference_home(r, e->from_account) != r->shard ||
        reference_home(r, e->to_account) == r->shard)
        broken("a payment is started in the wrong shard, or need not cross");
    spending_use(payer, e->amount, time_ns);
    if (manual)
        authorization_is_kept(r, e);
    f->passing.debited = manual ? ID128_ZERO : e->from_account;
    f->passing.debited_amount = manual ? 0 : e->amount;
    array_reserve(r->payments, r->payment_cap, r->payment_count + 1);
    r->payments[r->payment_count++] = (struct ref_payment){
        .id = e->payment_id,
        .from = e->from_account,
        .to = e->to_account,
        .currency = e->currency,
        .amount = e->amount,
        .remaining = manual ? e->amount : 0,
        .created_ns = time_ns,
        .pending = e->payment_id,
        .manual = manual,
        .crosses = true,
        .started = true,
    };
}

static void payment_is_accepted(struct reference *r, const struct payment_accepted *e,
                                uint64_t time_ns, const struct ref_effects *f)
{
    struct ref_payment *p = crossing_of(r, e->payment_id);
    const struct ref_wallet *payee = reference_wallet(r, p->to);
    if (!p->started)
        broken("a payment is accepted that nobody was asked about");
    if (payee == NULL || !id128_equal(payee->owner, e->payee_id) ||
        reference_home(r, p->to) != e->shard)
        broken("a payment is accepted by somebody else");
    if (!p->manual && (f->posted != 1 || f->posted_amount != p->amount ||
                       !id128_equal(f->posted_from, p->from) ||
                       !id128_equal(f->posted_to, p->to)))
        broken("a payment is accepted, but its money did not move");
    if (p->manual && (!e->has_expires_at || e->expires_at <= time_ns || f->posted != 0))
        broken("an authorisation ends before it begins, or moves money");
    p->started = false;
    p->accepted_step = r->steps;
    p->captured = p->manual ? 0 : p->amount;
    p->expires_ns = p->manual ? e->expires_at : 0;
}

static void payment_is_refused(struct reference *r, const struct payment_refused *e,
                               struct ref_effects *f)
{
    struct ref_payment *p = crossing_of(r, e->payment_id);
    if (!p->started || f->posted > 0)
        broken("a payment is refused that was decided, or whose money moved");
    if (p->manual && reference_transfer(r, r->shard, p->pending)->open)
        broken("an authorisation is refused, but kept aside");
    f->undone += p->manual;
    spending_return(payer_of(r, p), p->amount, p->created_ns);
    f->passing.returned = p->manual ? ID128_ZERO : p->from;
    f->passing.returned_amount = p->manual ? 0 : p->amount;
    p->started = false;
    p->remaining = 0;
    p->declined = true;
}

/* --- captured --------------------------------------------------------------------------------- */

static void payment_is_capturing(struct reference *r, const struct payment_capturing *e,
                                 struct ref_effects *f)
{
    struct ref_payment *p = crossing_of(r, e->payment_id);
    struct ref_effects now = {0};
    if (p->started || p->capturing != 0)
        broken("a payment is captured while another shard is asked about it");
    if (e->amount == 0 || e->amount > p->remaining || e->released > p->remaining - e->amount)
        broken("another shard is asked for more than is authorised");
    spending_capture(payer_of(r, p), &now);
    p->captured_frozen = !id128_is_zero(now.frozen_owner);
    p->capturing = f->passing.capturing = e->amount;
    p->releasing = e->released;
}

static void capture_is_refused(struct reference *r, const struct payment_capture_refused *e,
                               struct ref_effects *f)
{
    struct ref_payment *p = crossing_of(r, e->payment_id);
    if (p->capturing == 0 || p->capturing != e->amount)
        broken("a capture is refused that nobody was asked about");
    f->passing.capture_refused = p->capturing;
    p->capturing = p->releasing = 0;
}

static bool crossing_captured(const struct reference *r, struct ref_payment *p,
                              const struct payment_captured *e, struct ref_effects *f)
{
    if (p->crosses != e->has_shard)
        broken("a capture crosses, and the payment does not, or the other way");
    if (!p->crosses)
        return false;
    if (p->capturing != e->amount || p->releasing != e->released || f->posted != 1)
        broken("a payment is captured otherwise than another shard was asked");
    if (p->captured_frozen)
        f->frozen_owner = payer_of(r, p)->owner;
    f->passing.captured = p->capturing;
    p->capturing = p->releasing = 0;
    return true;
}

/* --- refunded --------------------------------------------------------------------------------- */

static void payment_is_refunding(struct reference *r, const struct payment_refunding *e,
                                 struct ref_effects *f)
{
    struct ref_payment *p = crossing_of(r, e->payment_id);
    if (e->amount == 0 || e->amount > p->captured - p->refunded - p->refunding)
        broken("more of a payment is asked back than was captured");
    p->refunding += e->amount;
    f->passing.refunding = e->amount;
}

static void refund_is_refused(struct reference *r, const struct payment_refund_refused *e,
                              struct ref_effects *f)
{
    struct ref_payment *p = crossing_of(r, e->payment_id);
    if (e->amount > p->refunding)
        broken("a refund is refused that nobody was asked about");
    p->refunding -= e->amount;
    f->passing.refund_refused = e->amount;
}

static bool crossing_refunded(struct ref_payment *p, const struct payment_refunded *e,
                              struct ref_effects *f)
{
    if (p->crosses != e->has_shard)
        broken("a refund crosses, and the payment does not, or the other way");
    if (!p->crosses)
        return false;
    if (e->amount > p->refunding)
        broken("a payment is refunded otherwise than another shard was asked");
    p->refunding -= e->amount;
    f->passing.refunded = e->amount;
    return true;
}

bool ref_payments_open(const struct reference *r)
{
    for (uint32_t i = 0; i < r->payment_count; i++) {
        const struct ref_payment *p = &r->payments[i];
        if (p->started || p->capturing != 0 || p->refunding != 0)
            return true;
    }
    return false;
}

static bool crossing_event(struct reference *r, const struct message_type *type, const void *event,
                           uint64_t time_ns, struct ref_effects *f)
{
    if (type == &payment_started_type)
        payment_is_started(r, event, time_ns, f);
    else if (type == &payment_accepted_type)
        payment_is_accepted(r, event, time_ns, f);
    else if (type == &payment_refused_type)
        payment_is_refused(r, event, f);
    else if (type == &payment_capturing_type)
        payment_is_capturing(r, event, f);
    else if (type == &payment_capture_refused_type)
        capture_is_refused(r, event, f);
    else if (type == &payment_refunding_type)
        payment_is_refunding(r, event, f);
    else if (type == &payment_refund_refused_type)
        refund_is_refused(r, event, f);
    else
        return false;
    return true;
}

/* --- of all ----------------------------------------------------------------------------------- */

static void payment_is_created(struct reference *r, const struct payment_created *e,
                               uint64_t time_ns)
{
    bool now = e->capture == PAYMENT_CAPTURE_MODE_AUTOMATIC;
    const struct ref_transfer *t = reference_transfer(r, r->shard, e->payment_id);
    if (t == NULL || t->kind != (now ? REF_POSTED : REF_PENDING) || t->amount != e->amount ||
        !id128_equal(t->debit, e->from_account) || !id128_equal(t->credit, e->to_account))
        broken("a payment without its transfer");
    if (reference_home(r, e->payment_id) != r->shard)
        broken("a payment is made in another shard than that of its id");
    spending_use(wallet_named(r, e->from_account), e->amount, time_ns);
    array_reserve(r->payments, r->payment_cap, r->payment_count + 1);
    r->payments[r->payment_count++] = (struct ref_payment){
        .id = e->payment_id,
        .from = e->from_account,
        .to = e->to_account,
        .currency = e->currency,
        .amount = e->amount,
        .captured = now ? e->amount : 0,
        .remaining = now ? 0 : e->amount,
        .created_ns = time_ns,
        .expires_ns = now ? 0 : e->expires_at,
        .pending = e->payment_id,
        .manual = !now,
    };
}

static void payment_is_declined(struct reference *r, const struct payment_declined *e,
                                uint64_t time_ns, const struct ref_effects *f)
{
    if (f->posted + f->pending + f->resolved > 0)
        broken("a payment is declined, but money moved");
    if (reference_home(r, e->payment_id) != r->shard)
        broken("a payment is made in another shard than that of its id");
    array_reserve(r->payments, r->payment_cap, r->payment_count + 1);
    r->payments[r->payment_count++] = (struct ref_payment){
        .id = e->payment_id,
        .from = e->from_account,
        .to = e->to_account,
        .currency = e->currency,
        .amount = e->amount,
        .created_ns = time_ns,
        .declined = true,
    };
}

static struct ref_payment *payment_of(const struct reference *r, struct id128 id)
{
    struct ref_payment *p = reference_payment(r, id);
    if (p == NULL || p->forgotten)
        broken("an event uses a payment that does not exist");
    return p;
}

static void payment_is_forgotten(struct reference *r, const struct payment_forgotten *e,
                                 uint64_t time_ns)
{
    struct ref_payment *p = payment_of(r, e->payment_id);
    if (!p->declined || time_ns < p->created_ns + PAYMENT_DECLINED_NS)
        broken("a payment is forgotten that is to be shown");
    p->forgotten = true;
}

static void payment_is_captured(struct reference *r, const struct payment_captured *e,
                                struct ref_effects *f)
{
    struct ref_payment *p = payment_of(r, e->payment_id);
    if (e->amount > p->remaining || e->released > p->remaining - e->amount)
        broken("a payment captures more than was authorised");
    if (!id128_equal(f->resolved_id, p->pending))
        broken("a payment captures what another transfer holds");
    bool promised = crossing_captured(r, p, e, f);
    p->captured += e->amount;
    p->remaining -= e->amount + e->released;
    spending_return(payer_of(r, p), e->released, p->created_ns);
    if (!promised)
        spending_capture(payer_of(r, p), f);
}

static void payment_is_refunded(struct reference *r, const struct payment_refunded *e,
                                struct ref_effects *f)
{
    struct ref_payment *p = payment_of(r, e->payment_id);
    if (e->amount > p->captured - p->refunded)
        broken("a payment refunds more than was captured");
    if (!crossing_refunded(p, e, f) && wallet_named(r, p->to)->status != WALLET_STATUS_ACTIVE)
        broken("a payment is refunded from a wallet that is frozen or closed");
    p->refunded += e->amount;
    spending_return(payer_of(r, p), e->amount, p->created_ns);
}

static void payment_is_ended(struct reference *r, struct id128 id, u128 released)
{
    struct ref_payment *p = payment_of(r, id);
    if (p->started || p->capturing != 0)
        broken("a payment ends while another shard is asked about it");
    if (p->remaining == 0 || released != p->remaining ||
        reference_transfer(r, r->shard, p->pending)->open)
        broken("a payment gives back what is not authorised");
    p->remaining = 0;
    spending_return(payer_of(r, p), released, p->created_ns);
}

static void payment_is_increased(struct reference *r, const struct payment_increased *e,
                                 uint64_t time_ns)
{
    struct ref_payment *p = payment_of(r, e->payment_id);
    const struct ref_transfer *t = reference_transfer(r, r->shard, e->transfer_id);
    const struct ref_transfer *before = reference_transfer(r, r->shard, p->pending);
    if (p->started || p->capturing != 0)
        broken("a payment grows while another shard is asked about it");
    if (p->remaining == 0 || t == NULL || t->kind != REF_PENDING || before->open ||
        t->amount != p->remaining + e->amount)
        broken("a payment is increased, but not what is held");
    spending_use(payer_of(r, p), e->amount, time_ns);
    p->amount += e->amount;
    p->remaining += e->amount;
    p->pending = e->transfer_id;
}

static void payment_is_extended(struct reference *r, const struct payment_extended *e)
{
    struct ref_payment *p = payment_of(r, e->payment_id);
    if (p->remaining == 0 || e->expires_at <= p->expires_ns)
        broken("a payment is extended that is not open, or to an earlier end");
    p->expires_ns = e->expires_at;
}

void ref_payments_event(struct reference *r, const struct message_type *type, const void *event,
                        uint64_t time_ns, struct ref_effects *f)
{
    if (crossing_event(r, type, event, time_ns, f))
        return;
    if (type == &payment_created_type) {
        payment_is_created(r, event, time_ns);
    } else if (type == &payment_declined_type) {
        payment_is_declined(r, event, time_ns, f);
    } else if (type == &payment_forgotten_type) {
        payment_is_forgotten(r, event, time_ns);
    } else if (type == &payment_extended_type) {
        payment_is_extended(r, event);
    } else if (type == &payment_increased_type) {
        payment_is_increased(r, event, time_ns);
    } else if (type == &payment_captured_type) {
        payment_is_captured(r, event, f);
    } else if (type == &payment_refunded_type) {
        payment_is_refunded(r, event, f);
    } else if (type == &payment_cancelled_type) {
        const struct payment_cancelled *e = event;
        payment_is_ended(r, e->payment_id, e->released);
    } else if (type == &payment_expired_type) {
        const struct payment_expired *e = event;
        if (time_ns < payment_of(r, e->payment_id)->expires_ns)
            broken("a payment expires before its time");
        payment_is_ended(r, e->payment_id, e->released);
    }
}
