/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of wallets and their holds. */
#include "tests/simulation/workload.h"

#define FUND_FACTOR 20 /* wallets get more at once than they spend at once */
#define HOLDS_TRIED 40
#define OWNERS_TRIED 4
#define WALLETS_TRIED 10

/* --- moving money ----------------------------------------------------------------------------- */

static bool has_wallet(const struct run *run, struct id128 owner, uint16_t currency)
{
    const struct reference *r = &run->reference;
    for (uint32_t i = 0; i < r->wallet_count; i++)
        if (id128_equal(r->wallets[i].owner, owner) && r->wallets[i].currency == currency)
            return true;
    return false;
}

/* Of an owner who has none, most of the time. */
static bool wallet_new(struct run *run, struct request *q)
{
    q->type = &wallet_open_type;
    for (int i = 0; i < OWNERS_TRIED; i++) {
        q->who = workload_owner(run, (uint32_t)rng_below(&run->rng, run->swarm.owners));
        q->body.wallet_open.currency = workload_currency(run);
        if (!has_wallet(run, q->who.subject_id, q->body.wallet_open.currency))
            break;
    }
    return true;
}

static bool fund_with(struct run *run, struct request *q, const struct ref_wallet *w, u128 amount)
{
    q->type = &wallet_fund_type;
    q->who = workload_clerk(run);
    q->body.wallet_fund.wallet_id = w->id;
    q->body.wallet_fund.amount = workload_decimal(amount, w->currency);
    q->expects = (struct request_expects){
        .posted = 1, .to = w->id, .amount_known = true, .amount = amount};
    return true;
}

bool workload_funded(struct run *run, struct request *q, const struct ref_wallet *w)
{
    u128 amount = workload_amount(run);
    if (amount < UINT64_MAX / FUND_FACTOR)
        amount *= FUND_FACTOR;
    return fund_with(run, q, w, workload_moved(run, amount, ID128_ZERO, w->id, false));
}

static bool make_fund(struct run *run, struct request *q)
{
    const struct ref_wallet *w = workload_chance(run, 4) ? workload_promised(run) : NULL;
    if (w == NULL)
        w = workload_wallet(run);
    return w != NULL && workload_funded(run, q, w);
}

static bool make_withdraw(struct run *run, struct request *q)
{
    const struct ref_wallet *w = workload_payer(run);
    if (w == NULL)
        return false;
    u128 amount = workload_moved(run, workload_payable(run, w), w->id, ID128_ZERO, false);
    q->type = &wallet_withdraw_type;
    q->who = workload_principal(run, w->owner);
    q->body.wallet_withdraw.wallet_id = w->id;
    q->body.wallet_withdraw.amount = workload_decimal(amount, w->currency);
    q->expects = (struct request_expects){
        .posted = 1, .from = w->id, .amount_known = true, .amount = amount};
    return true;
}

/* All that is there is withdrawn, so that the wallet can be closed. */
static bool wallet_emptied(struct run *run, struct request *q)
{
    const struct ref_wallet *w = workload_payer(run);
    if (w == NULL)
        return false;
    const struct ref_counters *c = &reference_account(&run->reference, w->id)->now;
    u128 amount = c->credits_posted - c->debits_posted;
    if (c->debits_pending > 0 || amount == 0)
        return false;
    q->type = &wallet_withdraw_type;
    q->who = workload_clerk(run);
    q->body.wallet_withdraw.wallet_id = w->id;
    q->body.wallet_withdraw.amount = workload_decimal(amount, w->currency);
    q->expects = (struct request_expects){
        .posted = 1, .from = w->id, .amount_known = true, .amount = amount};
    return true;
}

static bool transfer_between(struct run *run, struct request *q, const struct ref_wallet *w,
                             const struct ref_wallet *to, u128 amount)
{
    q->type = &wallet_transfer_type;
    q->who = workload_principal(run, w->owner);
    q->body.wallet_transfer.wallet_id = w->id;
    q->body.wallet_transfer.to_wallet_id = to->id;
    q->body.wallet_transfer.amount = workload_decimal(amount, w->currency);
    q->expects = (struct request_expects){
        .posted = 1, .from = w->id, .to = to->id, .amount_known = true, .amount = amount};
    return true;
}

/* A step to where a wallet has more than one of another shard can take: that one is promised
 * something and gets most of what its ledger can still move, then the other the rest. */
static bool wallet_overfills(struct run *run, struct request *q)
{
    struct workload_pair over;
    if (workload_overfull(run, false, &over))
        return fund_with(run, q, over.from, over.amount);
    const struct ref_wallet *w = run->swarm.edge_ppm > 0 ? workload_promised(run) : NULL;
    const struct ref_account *a = w == NULL ? NULL : reference_account(&run->reference, w->id);
    if (a == NULL || run->swarm.shards == 1 || a->now.credits_posted > U128_MAX / 2)
        return false;
    u128 rest = workload_rest(run, a);
    return rest > U128_MAX / 2 && fund_with(run, q, w, rest - rest / 4);
}

static bool wallet_overfilled(struct run *run, struct request *q)
{
    struct workload_pair over;
    if (!workload_overfull(run, true, &over))
        return wallet_overfills(run, q);
    return workload_chance(run, 2) ? workload_pays_over(run, q, &over)
                                   : transfer_between(run, q, over.from, over.to, over.amount);
}

static bool wallet_pays(struct run *run, struct request *q)
{
    const struct ref_wallet *w = workload_payer(run);
    if (w == NULL)
        return false;
    const struct ref_wallet *to = workload_payee(run, w), *promised = workload_promised(run);
    if (promised != NULL && promised != w && workload_chance(run, 4))
        to = promised;
    u128 amount = workload_moved(run, workload_payable(run, w), w->id, to->id, false);
    return transfer_between(run, q, w, to, amount);
}
/* --- holds ------------------------------------------------------------------------------------ */

static bool make_hold(struct run *run, struct request *q)
{
    const struct ref_wallet *w = workload_payer(run);
    if (w == NULL)
        return false;
    u128 amount = workload_moved(run, workload_payable(run, w), w->id, ID128_ZERO, true);
    struct wallet_hold_create *c = &q->body.wallet_hold_create;
    q->type = &wallet_hold_create_type;
    q->who = workload_principal(run, w->owner);
    c->wallet_id = w->id;
    c->amount = workload_decimal(amount, w->currency);
    c->has_expires_in_s = !workload_chance(run, 5);
    c->expires_in_s = workload_expiry_s(run);
    c->has_description = workload_chance(run, 3);
    c->description = slice_of("A deposit");
    q->expects = (struct request_expects){
        .pending = 1, .from = w->id, .amount_known = true, .amount = amount};
    return true;
}

/* Open, most of the time; of a frozen wallet, if such is wanted and soon found. */
static const struct ref_hold *a_hold(struct run *run)
{
    const struct reference *r = &run->reference;
    bool frozen = workload_chance(run, 3), any = workload_chance(run, 8);
    for (int i = 0; i < HOLDS_TRIED && r->hold_count > 0; i++) {
        const struct ref_hold *h = &r->holds[rng_below(&run->rng, r->hold_count)];
        bool wanted = !frozen || i >= HOLDS_TRIED / 2 ||
                      reference_wallet(r, h->wallet)->status == WALLET_STATUS_FROZEN;
        if (any || (h->remaining > 0 && wanted))
            return h;
    }
    return NULL;
}

static bool make_capture(struct run *run, struct request *q)
{
    const struct ref_hold *h = a_hold(run);
    if (h == NULL)
        return false;
    const struct ref_wallet *w = reference_wallet(&run->reference, h->wallet);
    struct wallet_hold_capture *c = &q->body.wallet_hold_capture;
    q->type = &wallet_hold_capture_type;
    q->who = workload_principal(run, w->owner);
    c->hold_id = h->id;
    c->wallet_id = h->wallet;
    c->has_amount = !workload_chance(run, 3);
    u128 amount = workload_part(run, h->remaining);
    c->amount = workload_decimal(amount, w->currency);
    c->has_final = workload_chance(run, 2);
    c->final = true;
    c->has_to_wallet_id = !workload_chance(run, 4);
    c->to_wallet_id = workload_payee(run, w)->id;
    q->expects = (struct request_expects){.posted = c->has_to_wallet_id,
                                          .resolved = 1,
                                          .to = c->has_to_wallet_id ? c->to_wallet_id : ID128_ZERO,
                                          .amount_known = c->has_amount,
                                          .amount = amount,
                                          .resolved_id = h->id};
    return true;
}

static bool make_release(struct run *run, struct request *q)
{
    const struct ref_hold *h = a_hold(run);
    if (h == NULL)
        return false;
    q->type = &wallet_hold_release_type;
    q->who = workload_clerk(run);
    q->body.wallet_hold_release.hold_id = h->id;
    q->body.wallet_hold_release.wallet_id = h->wallet;
    q->expects = (struct request_expects){
        .resolved = 1, .amount_known = true, .amount = 0, .resolved_id = h->id};
    return true;
}

static bool hold_longer(struct run *run, struct request *q)
{
    const struct ref_hold *h = a_hold(run);
    if (h == NULL)
        return false;
    const struct ref_wallet *w = reference_wallet(&run->reference, h->wallet);
    q->type = &wallet_hold_extend_type;
    q->who = workload_principal(run, w->owner);
    q->body.wallet_hold_extend.hold_id = h->id;
    q->body.wallet_hold_extend.wallet_id = h->wallet;
    q->body.wallet_hold_extend.has_expires_in_s = !workload_chance(run, 4);
    q->body.wallet_hold_extend.expires_in_s = workload_expiry_s(run);
    return true;
}

static bool hold_show(struct run *run, struct request *q)
{
    const struct ref_hold *h = a_hold(run);
    if (h == NULL)
        return false;
    q->type = &wallet_hold_get_type;
    q->who = workload_clerk(run);
    q->body.wallet_hold_get.hold_id = h->id;
    q->body.wallet_hold_get.wallet_id = h->wallet;
    return true;
}

/* --- looking after wallets -------------------------------------------------------------------- */

/* A message that names a wallet first and nothing else that must be given. */
static bool about_wallet(struct run *run, struct request *q, const struct message_type *type,
                         struct id128 *wallet_id)
{
    const struct ref_wallet *w = workload_wallet(run);
    if (w == NULL)
        return false;
    q->type = type;
    q->who = workload_principal(run, w->owner);
    *wallet_id = w->id;
    q->reads = w->id;
    return true;
}

static bool wallet_noted(struct run *run, struct request *q)
{
    struct wallet_update *u = &q->body.wallet_update;
    u->has_metadata = !workload_chance(run, 4);
    u->metadata = workload_pairs(run);
    return about_wallet(run, q, &wallet_update_type, &u->wallet_id);
}

static bool wallet_show(struct run *run, struct request *q)
{
    return about_wallet(run, q, &wallet_get_type, &q->body.wallet_get.wallet_id);
}

static bool wallet_funds(struct run *run, struct request *q)
{
    return about_wallet(run, q, &wallet_balance_get_type, &q->body.wallet_balance_get.wallet_id);
}

static bool wallet_history(struct run *run, struct request *q)
{
    struct wallet_transaction_list *list = &q->body.wallet_transaction_list;
    list->has_type = workload_chance(run, 2);
    list->type = (uint8_t)(1 + rng_below(&run->rng, WALLET_TRANSACTION_TYPE_COUNT));
    return about_wallet(run, q, &wallet_transaction_list_type, &list->wallet_id);
}

static bool wallet_happened(struct run *run, struct request *q)
{
    struct wallet_event_list *list = &q->body.wallet_event_list;
    list->has_limit = workload_chance(run, 2);
    list->limit = (uint32_t)(1 + rng_below(&run->rng, 5));
    return about_wallet(run, q, &wallet_event_list_type, &list->wallet_id);
}

static bool hold_happened(struct run *run, struct request *q)
{
    const struct ref_hold *h = a_hold(run);
    if (h == NULL)
        return false;
    q->type = &wallet_hold_event_list_type;
    q->who = workload_principal(run, reference_wallet(&run->reference, h->wallet)->owner);
    q->body.wallet_hold_event_list.hold_id = h->id;
    q->body.wallet_hold_event_list.wallet_id = h->wallet;
    return true;
}

static bool wallet_movement(struct run *run, struct request *q)
{
    const struct reference *r = &run->reference;
    if (r->transfer_count == 0)
        return false;
    const struct ref_transfer *t = &r->transfers[rng_below(&run->rng, r->transfer_count)];
    const struct ref_wallet *w =
        reference_wallet(r, workload_chance(run, 2) ? t->debit : t->credit);
    if (w == NULL)
        return false;
    q->type = &wallet_transaction_get_type;
    q->who = workload_principal(run, w->owner);
    q->body.wallet_transaction_get.wallet_id = w->id;
    q->body.wallet_transaction_get.transfer_id = t->id;
    return true;
}

static bool wallet_holds_listed(struct run *run, struct request *q)
{
    return about_wallet(run, q, &wallet_hold_list_type, &q->body.wallet_hold_list.wallet_id);
}

static bool wallet_is_frozen(struct run *run, struct request *q)
{
    struct wallet_freeze *f = &q->body.wallet_freeze;
    if (!workload_chance(run, 2) || !about_wallet(run, q, &wallet_freeze_type, &f->wallet_id))
        return false;
    const struct ref_hold *h = workload_chance(run, 2) ? a_hold(run) : NULL;
    if (h != NULL) {
        q->who = workload_clerk(run);
        q->reads = f->wallet_id = h->wallet;
    }
    const struct reference *r = &run->reference;
    const struct ref_payment *p =
        r->payment_count == 0 ? NULL : &r->payments[rng_below(&run->rng, r->payment_count)];
    if (p != NULL && p->remaining > 0) {
        q->who = workload_clerk(run);
        q->reads = f->wallet_id = p->from;
    }
    f->has_scope = workload_chance(run, 2);
    f->scope = (uint8_t)(1 + rng_below(&run->rng, 2));
    return true;
}

static bool wallet_is_unfrozen(struct run *run, struct request *q)
{
    return about_wallet(run, q, &wallet_unfreeze_type, &q->body.wallet_unfreeze.wallet_id);
}

/* Nothing was ever on it, or all of that has gone. */
static bool wallet_is_empty(const struct run *run, struct id128 wallet)
{
    const struct ref_account *a = reference_account(&run->reference, wallet);
    return a != NULL && a->now.credits_posted == a->now.debits_posted;
}

/* It can be closed, and the capture is refused where it is. NULL: there is none. */
static const struct ref_wallet *payee_to_close(struct run *run)
{
    const struct reference *r = &run->reference;
    const struct ref_payment *found = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->payment_count; i++) {
        const struct ref_payment *p = &r->payments[i];
        if (p->crosses && p->remaining > 0 && wallet_is_empty(run, p->to) &&
            rng_below(&run->rng, ++count) == 0)
            found = p;
    }
    return found == NULL ? NULL : reference_wallet(r, found->to);
}

bool workload_payee_closes(struct run *run, struct request *q)
{
    const struct ref_wallet *payee = payee_to_close(run);
    if (payee == NULL || !workload_chance(run, 3))
        return false;
    q->type = &wallet_close_type;
    q->who = workload_principal(run, payee->owner);
    q->body.wallet_close.wallet_id = q->reads = payee->id;
    return true;
}

static bool wallet_is_closed(struct run *run, struct request *q)
{
    if (!workload_chance(run, 2) ||
        !about_wallet(run, q, &wallet_close_type, &q->body.wallet_close.wallet_id))
        return false;
    for (int i = 0; i < WALLETS_TRIED; i++) {
        const struct ref_wallet *w = workload_wallet(run);
        const struct ref_counters *c = &reference_account(&run->reference, w->id)->now;
        if (c->credits_posted > 0 && c->credits_posted == c->debits_posted) {
            q->body.wallet_close.wallet_id = q->reads = w->id;
            q->who = workload_principal(run, w->owner);
            break;
        }
    }
    return true;
}

static bool make_limits(struct run *run, struct request *q)
{
    struct wallet_limits_set *s = &q->body.wallet_limits_set;
    const struct ref_wallet *w = workload_wallet(run);
    if (w == NULL)
        return false;
    q->type = &wallet_limits_set_type;
    q->who = workload_clerk(run);
    s->wallet_id = w->id;
    s->has_per_transaction = workload_chance(run, 2);
    s->per_transaction = workload_decimal(workload_amount(run), w->currency);
    s->has_per_day = workload_chance(run, 2);
    s->per_day = workload_decimal(workload_amount(run) * 4, w->currency);
    const struct reference *r = &run->reference;
    const struct ref_payment *p =
        r->payment_count == 0 ? NULL : &r->payments[rng_below(&run->rng, r->payment_count)];
    if (p != NULL && p->remaining > 0) { /* there are limits to what is added to it */
        s->wallet_id = p->from;
        s->has_per_transaction = false;
        s->has_per_day = true;
        s->per_day = workload_decimal(workload_part(run, p->amount), p->currency);
    }
    return true;
}

static bool list_wallets(struct run *run, struct request *q)
{
    q->type = &wallet_list_type;
    q->body.wallet_list.has_count = q->body.wallet_list.count = workload_chance(run, 2);
    q->who = workload_chance(run, 2)
                 ? workload_clerk(run)
                 : workload_owner(run, (uint32_t)rng_below(&run->rng, run->swarm.owners));
    return true;
}

const struct operation wallet_operations[] = {
    {"wallet_new", wallet_new},
    {"fund", make_fund},
    {"withdraw", make_withdraw},
    {"wallet_emptied", wallet_emptied},
    {"wallet_is_closed", wallet_is_closed},
    {"wallet_filled", workload_filled},
    {"wallet_pays", wallet_pays},
    {"wallet_overfilled", wallet_overfilled},
    {"hold", make_hold},
    {"capture", make_capture},
    {"release", make_release},
    {"hold_show", hold_show},
    {"hold_longer", hold_longer},
    {"wallet_noted", wallet_noted},
    {"wallet_show", wallet_show},
    {"wallet_funds", wallet_funds},
    {"wallet_history", wallet_history},
    {"wallet_happened", wallet_happened},
    {"hold_happened", hold_happened},
    {"wallet_movement", wallet_movement},
    {"wallet_holds_listed", wallet_holds_listed},
    {"wallet_is_frozen", wallet_is_frozen},
    {"wallet_is_unfrozen", wallet_is_unfrozen},
    {"limits", make_limits},
    {"list_wallets", list_wallets},
    {"beneath_hold", workload_beneath_hold},
};
const uint32_t wallet_operation_count = array_len(wallet_operations);
