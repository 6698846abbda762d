/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of payments. */
#include "tests/simulation/workload.h"

#define PAYMENTS_TRIED 40
#define RIVALS_TRIED 12
#define REFUNDS_BACK 12 /* requests ago that a refund was asked for; it may be under way */

/* One beside this wallet that keeps nothing aside; NULL: not soon found. */
static const struct ref_wallet *a_rival(struct run *run, const struct ref_wallet *to)
{
    for (int i = 0; i < RIVALS_TRIED; i++) {
        const struct ref_wallet *w = workload_wallet(run);
        if (w != to && w->status == WALLET_STATUS_ACTIVE && w->currency == to->currency &&
            run_home(run, w->id) == run_home(run, to->id) &&
            reference_account(&run->reference, w->id)->now.debits_pending == 0)
            return w;
    }
    return NULL;
}

static bool create_between(struct run *run, struct request *q, const struct ref_wallet *from,
                           const struct ref_wallet *to, bool now)
{
    bool asks = run_home(run, from->id) != run_home(run, to->id);
    struct payment_create *c = &q->body.payment_create;
    q->type = &payment_create_type;
    q->who = workload_principal(run, from->owner);
    c->amount = workload_moved(run, workload_payable(run, from), from->id, to->id, !now);
    c->currency = from->currency;
    c->from_account = from->id;
    c->to_account = to->id;
    c->has_description = workload_chance(run, 3);
    c->description = slice_of("Lunch");
    c->has_capture = true;
    c->capture = now ? PAYMENT_CAPTURE_MODE_AUTOMATIC : PAYMENT_CAPTURE_MODE_MANUAL;
    c->has_expires_in_s = !now && !workload_chance(run, 5);
    c->expires_in_s = workload_expiry_s(run);
    q->expects = (struct request_expects){.posted = now,
                                          .pending = !now && !asks, /* before, if it asks */
                                          .from = from->id,
                                          .to = to->id,
                                          .amount_known = now || !asks,
                                          .amount = c->amount};
    return true;
}

static bool make_create(struct run *run, struct request *q, bool now)
{
    const struct ref_wallet *from = workload_payer(run);
    return from != NULL && create_between(run, q, from, workload_payee(run, from), now);
}

static bool make_pay(struct run *run, struct request *q)
{
    return make_create(run, q, true);
}

bool workload_pays_over(struct run *run, struct request *q, const struct workload_pair *over)
{
    bool made = create_between(run, q, over->from, over->to, true);
    q->body.payment_create.amount = q->expects.amount = over->amount;
    return made;
}

static bool make_authorize(struct run *run, struct request *q)
{
    return make_create(run, q, false);
}

static const struct ref_payment *a_payment(struct run *run)
{
    const struct reference *r = &run->reference;
    return r->payment_count == 0 ? NULL : &r->payments[rng_below(&run->rng, r->payment_count)];
}

/* Of a wallet that may be none: the payee of a payment that failed. */
static uint8_t status_of(const struct run *run, struct id128 wallet)
{
    const struct ref_wallet *w = reference_wallet(&run->reference, wallet);
    return w != NULL ? w->status : 0;
}

/* With something left to capture, most of the time; by a frozen payer or to a closed payee, if such
 * is wanted and soon found. */
static const struct ref_payment *an_authorized(struct run *run)
{
    bool frozen = workload_chance(run, 3), closed = !frozen && workload_chance(run, 3),
         any = workload_chance(run, 8);
    const struct ref_payment *p = a_payment(run);
    for (int i = 0; i < PAYMENTS_TRIED && p != NULL && !any; i++) {
        bool wanted = (!frozen && !closed) || i >= PAYMENTS_TRIED / 2 ||
                      (frozen && status_of(run, p->from) == WALLET_STATUS_FROZEN) ||
                      (closed && status_of(run, p->to) == WALLET_STATUS_CLOSED);
        if (p->remaining > 0 && wanted)
            break;
        p = a_payment(run);
    }
    return p;
}

/* With something to give back, most of the time; between wallets of which one is closed, if such is
 * wanted and soon found. */
static const struct ref_payment *a_captured(struct run *run)
{
    bool closed = workload_chance(run, 3), any = workload_chance(run, 8);
    const struct ref_payment *p = a_payment(run);
    for (int i = 0; i < PAYMENTS_TRIED && p != NULL && !any; i++) {
        bool wanted = !closed || i >= PAYMENTS_TRIED / 2 ||
                      status_of(run, p->from) == WALLET_STATUS_CLOSED ||
                      status_of(run, p->to) == WALLET_STATUS_CLOSED;
        if (p->captured > p->refunded && wanted)
            break;
        p = a_payment(run);
    }
    return p;
}

/* Whose such a wallet is. */
static struct id128 owner_of(const struct run *run, struct id128 wallet)
{
    const struct ref_wallet *w = reference_wallet(&run->reference, wallet);
    return w != NULL ? w->owner : ID128_ZERO;
}

static bool make_capture(struct run *run, struct request *q)
{
    const struct ref_payment *p = an_authorized(run);
    if (p == NULL)
        return false;
    struct payment_capture *c = &q->body.payment_capture;
    q->type = &payment_capture_type;
    q->who = workload_principal(run, owner_of(run, p->to));
    c->payment_id = p->id;
    c->has_amount = !workload_chance(run, 3);
    u128 amount = workload_part(run, p->remaining);
    c->amount = workload_decimal(amount, p->currency);
    c->has_final = workload_chance(run, 2);
    c->final = true;
    c->has_metadata = workload_chance(run, 3);
    c->metadata = workload_pairs(run);
    q->expects =
        (struct request_expects){.posted = p->crosses,
                                 .to = p->crosses ? p->to : ID128_ZERO,
                                 .resolved = 1,
                                 .amount_known = c->has_amount,
                                 .amount = amount};
    return true;
}

/* One of which a refund was asked for that is not answered: two of them may then meet, and exceed
 * together what was captured. */
static const struct ref_payment *a_refunded(const struct run *run)
{
    uint32_t n = run->request_count, first = n > REFUNDS_BACK ? n - REFUNDS_BACK : 0;
    for (uint32_t i = n; i-- > first;) {
        const struct request *q = run->requests[i];
        bool ours = id128_equal(q->who.tenant_id, run->tenants[run->acting].id);
        if (q->type == &payment_refund_type && !q->answered && ours)
            return reference_payment(&run->reference, q->body.payment_refund.payment_id);
    }
    return NULL;
}

static bool make_refund(struct run *run, struct request *q)
{
    const struct ref_payment *p = workload_chance(run, 2) ? a_refunded(run) : NULL;
    if (p == NULL)
        p = a_captured(run);
    if (p == NULL)
        return false;
    struct payment_refund *r = &q->body.payment_refund;
    q->type = &payment_refund_type;
    q->who = workload_principal(run, owner_of(run, p->to));
    r->payment_id = p->id;
    r->has_amount = !workload_chance(run, 3);
    u128 amount = workload_part(run, p->captured - p->refunded);
    r->amount = workload_decimal(amount, p->currency);
    r->has_metadata = workload_chance(run, 3);
    r->metadata = workload_pairs(run);
    q->expects = (struct request_expects){.posted = 1,
                                          .from = p->to,
                                          .to = p->from,
                                          .amount_known = r->has_amount,
                                          .amount = amount};
    return true;
}

static bool make_cancel(struct run *run, struct request *q)
{
    const struct ref_payment *p = an_authorized(run);
    if (p == NULL)
        return false;
    q->type = &payment_cancel_type;
    q->who = workload_principal(run, owner_of(run, p->from));
    q->body.payment_cancel.payment_id = p->id;
    q->expects = (struct request_expects){.resolved = 1, .amount_known = true, .amount = 0};
    return true;
}

/* With other pairs, or with none: a repetition then changes nothing. */
static bool payment_noted(struct run *run, struct request *q)
{
    const struct ref_payment *p = a_payment(run);
    if (p == NULL)
        return false;
    q->type = &payment_update_type;
    q->who = workload_principal(run, owner_of(run, p->from));
    q->body.payment_update.payment_id = p->id;
    q->body.payment_update.has_metadata = !workload_chance(run, 4);
    q->body.payment_update.metadata = workload_pairs(run);
    return true;
}

static bool payment_longer(struct run *run, struct request *q)
{
    const struct ref_payment *p = an_authorized(run);
    if (p == NULL)
        return false;
    q->type = &payment_extend_type;
    q->who = workload_principal(run, owner_of(run, p->from));
    q->body.payment_extend.payment_id = p->id;
    q->body.payment_extend.has_expires_in_s = !workload_chance(run, 4);
    q->body.payment_extend.expires_in_s = workload_expiry_s(run);
    return true;
}

/* What the two keep aside for others beside this payment. */
static u128 debits_beside(const struct run *run, const struct ref_payment *p)
{
    return reference_account(&run->reference, p->from)->now.debits_pending - p->remaining;
}

static u128 credits_beside(const struct run *run, const struct ref_payment *p)
{
    const struct ref_account *a = reference_account(&run->reference, p->to);
    return p->crosses || a == NULL ? 0 : a->now.credits_pending - p->remaining;
}

/* One to whose payee others have promised more than its payer has to others. */
static const struct ref_payment *one_of_several(struct run *run)
{
    const struct reference *r = &run->reference;
    const struct ref_payment *found = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->payment_count; i++) {
        const struct ref_payment *p = &r->payments[i];
        if (p->remaining > 0 && credits_beside(run, p) > debits_beside(run, p) &&
            rng_below(&run->rng, ++count) == 0)
            found = p;
    }
    return found;
}

/* Somebody else promises something to the payee of one that is open, or gets money to do so. */
static bool make_another(struct run *run, struct request *q)
{
    const struct ref_wallet *to = workload_promised(run);
    const struct ref_wallet *from = to == NULL ? NULL : a_rival(run, to);
    if (from == NULL)
        return false;
    return workload_available(run, from) == 0 ? workload_funded(run, q, from)
                                              : create_between(run, q, from, to, false);
}

static bool payment_more(struct run *run, struct request *q)
{
    bool edge = run->swarm.edge_ppm > 0 && !workload_chance(run, 3);
    const struct ref_payment *full = edge ? one_of_several(run) : NULL;
    if (edge && full == NULL && make_another(run, q))
        return true;
    const struct ref_payment *p = full != NULL ? full : an_authorized(run);
    if (p == NULL)
        return false;
    q->type = &payment_increase_type;
    q->who = workload_principal(run, owner_of(run, p->from));
    q->body.payment_increase.payment_id = p->id;
    u128 more = workload_moved(run, workload_part(run, p->amount), p->from, p->to, true);
    if (full != NULL) /* one too much beside the others */
        more = U128_MAX - credits_beside(run, p) + 1 - p->remaining;
    if (more > U128_MAX - p->amount) /* beside what it keeps aside itself */
        more = workload_chance(run, 2) ? U128_MAX - p->amount : more - p->remaining;
    q->body.payment_increase.amount = workload_decimal(more, p->currency);
    q->expects = (struct request_expects){.pending = 1,
                                          .resolved = 1,
                                          .from = p->from,
                                          .to = p->crosses ? ID128_ZERO : p->to};
    return true;
}

static bool list_refunds(struct run *run, struct request *q)
{
    const struct ref_payment *p = a_payment(run);
    if (p == NULL)
        return false;
    q->type = &payment_refund_list_type;
    q->who = workload_principal(run, owner_of(run, p->to));
    q->body.payment_refund_list.payment_id = p->id;
    return true;
}

static bool payment_show(struct run *run, struct request *q)
{
    const struct ref_payment *p = a_payment(run);
    if (p == NULL)
        return false;
    q->type = &payment_get_type;
    q->who = workload_principal(run, owner_of(run, p->from));
    q->body.payment_get.payment_id = p->id;
    return true;
}

static bool list_payments(struct run *run, struct request *q)
{
    q->type = &payment_list_type;
    q->body.payment_list.has_currency = workload_chance(run, 4);
    q->body.payment_list.currency = workload_currency(run);
    if (run->reference.wallet_count > 0 && workload_chance(run, 4)) {
        q->body.payment_list.has_from_account = true;
        q->body.payment_list.from_account = workload_wallet(run)->id;
    }
    q->body.payment_list.has_count = q->body.payment_list.count = workload_chance(run, 2);
    q->who = workload_chance(run, 2)
                 ? workload_clerk(run)
                 : workload_owner(run, (uint32_t)rng_below(&run->rng, run->swarm.owners));
    return true;
}

static bool list_adapters(struct run *run, struct request *q)
{
    q->type = &payment_adapter_list_type;
    q->who = workload_clerk(run);
    return true;
}

/* Whoever asks, for whatever transaction. */
static bool evaluate(struct run *run, struct request *q)
{
    static const char *const countries[] = {"US", "ir", "RU", "U1"};
    static const char *const types[] = {"transfer", "withdrawal"};
    struct transaction_evaluate *m = &q->body.transaction_evaluate;
    q->type = &transaction_evaluate_type;
    q->who = workload_clerk(run);
    m->transaction_amount = (struct decimal){rng_below(&run->rng, 15000000), 2};
    m->transaction_type = slice_of(types[rng_below(&run->rng, array_len(types))]);
    m->user_id = slice_of("ann");
    m->country = slice_of(countries[rng_below(&run->rng, array_len(countries))]);
    return true;
}

static bool list_rules(struct run *run, struct request *q)
{
    q->type = &rule_list_type;
    q->who = workload_clerk(run);
    return true;
}

static bool payment_history(struct run *run, struct request *q)
{
    const struct ref_payment *p = a_payment(run);
    if (p == NULL)
        return false;
    q->type = &payment_event_list_type;
    q->who = workload_clerk(run);
    q->body.payment_event_list.payment_id = p->id;
    return true;
}

const struct operation payment_operations[] = {
    {"pay", make_pay},
    {"authorize", make_authorize},
    {"capture", make_capture},
    {"refund", make_refund},
    {"cancel", make_cancel},
    {"payment_noted", payment_noted},
    {"payment_longer", payment_longer},
    {"payment_more", payment_more},
    {"list_refunds", list_refunds},
    {"payment_show", payment_show},
    {"list_payments", list_payments},
    {"payment_history", payment_history},
    {"list_adapters", list_adapters},
    {"evaluate", evaluate},
    {"list_rules", list_rules},
    {"beneath_payment", workload_beneath_payment},
    {"payee_filled", workload_filled},
    {"payee_closes", workload_payee_closes},
};
const uint32_t payment_operation_count = array_len(payment_operations);
