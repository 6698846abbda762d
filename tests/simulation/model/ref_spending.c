/* SPDX-License-Identifier: Apache-2.0 */
/* One counter for the day of the newest debit: it begins anew with the first debit of another day.
 */
#include "tests/simulation/model/ref_spending.h"

#include "runtime/base/time.h"
#include "tests/simulation/verdict.h"

void spending_use(struct ref_wallet *w, u128 amount, uint64_t time_ns)
{
    if (w->status != WALLET_STATUS_ACTIVE)
        broken("money of a wallet moves that is frozen or closed");
    if (w->spent_day != time_ns / NS_PER_DAY)
        w->spent = 0;
    w->spent_day = time_ns / NS_PER_DAY;
    w->spent += amount;
    if (w->per_transaction.given && amount > w->per_transaction.amount)
        broken("a debit is beyond the wallet's limit of one transaction");
    if (w->per_day.given && w->spent > w->per_day.amount)
        broken("the debits of a day are beyond the wallet's limit");
}

void spending_return(struct ref_wallet *w, u128 amount, uint64_t since_ns)
{
    if (w->spent_day != since_ns / NS_PER_DAY)
        return;
    if (amount > w->spent)
        broken("more comes back to a wallet than was spent on that day");
    w->spent -= amount;
}

void spending_capture(const struct ref_wallet *w, struct ref_effects *effects)
{
    if (w->status == WALLET_STATUS_CLOSED || w->frozen_for_all)
        broken("something of a wallet is captured that is closed or frozen for all");
    if (w->status == WALLET_STATUS_FROZEN)
        effects->frozen_owner = w->owner;
}

static void spending_asked(struct ref_hold *h, const struct ref_wallet *w,
                           const struct wallet_hold_capturing *e, struct ref_effects *f)
{
    struct ref_effects now = {0};
    if (h->capturing != 0)
        broken("a hold is captured while another shard is asked about it");
    if (e->amount == 0 || e->amount > h->remaining)
        broken("another shard is asked for more than a hold has");
    spending_capture(w, &now);
    h->captured_frozen = !id128_is_zero(now.frozen_owner);
    h->capturing = f->passing.capturing = e->amount;
    h->capture_final = e->final;
}

static void spending_not_taken(struct ref_hold *h, struct ref_effects *f)
{
    if (h->capturing == 0)
        broken("a capture is refused that nobody was asked about");
    f->passing.capture_refused = h->capturing;
    h->capturing = 0;
}

bool spending_promised(const struct reference *r, struct ref_hold *h,
                       const struct wallet_hold_captured *e, struct ref_effects *f)
{
    if (h->capturing == 0)
        return false;
    u128 rest = h->remaining - h->capturing;
    if (e->amount != h->capturing || e->released != (h->capture_final ? rest : 0))
        broken("a hold is captured otherwise than another shard was asked");
    if (h->captured_frozen)
        f->frozen_owner = reference_wallet(r, h->wallet)->owner;
    f->passing.captured = h->capturing;
    h->capturing = 0;
    return true;
}

/* Of a wallet its debit, of the clearing account the capture of a hold. */
static bool is_told(const struct reference *r, struct id128 account, u128 amount,
                    struct id128 wallet, u128 of_wallet, u128 of_hold)
{
    if (id128_is_zero(account))
        return of_hold == 0;
    if (reference_wallet(r, account) != NULL)
        return id128_equal(wallet, account) && of_wallet == amount && of_hold == 0;
    return of_hold == amount;
}

void spending_check_passing(const struct reference *r, const struct ref_passing *p)
{
    if (!is_told(r, p->kept_of, p->kept, p->debited, p->debited_amount, p->capturing))
        broken("money is kept aside for another shard, and no wallet or hold counts it");
    if (!is_told(r, p->let_go_of, p->let_go, p->returned, p->returned_amount, p->capture_refused))
        broken("money for another shard is free again, and no wallet or hold has it back");
    if (!is_told(r, p->followed_of, p->followed, p->followed_of, p->followed, p->captured))
        broken("a captured hold is not what another shard took");
    if (p->awaited != p->refunding || p->not_coming != p->refund_refused || p->came != p->refunded)
        broken("what comes back from another shard is not what its payment says");
    if (!id128_is_zero(p->returned) && id128_is_zero(p->let_go_of))
        broken("a debit is given back that another shard did not refuse");
}

void spending_status_changed(struct ref_wallet *w, const struct wallet_status_changed *e)
{
    bool for_all = e->has_freeze_scope && e->freeze_scope == FREEZE_SCOPE_ALL;
    if (w->status == WALLET_STATUS_CLOSED)
        broken("the status of a closed wallet changes");
    if (w->status == e->status && (!for_all || w->frozen_for_all))
        broken("a wallet is frozen again, and not wider");
    w->status = e->status;
    w->frozen_for_all = for_all;
}

void spending_limits_changed(struct ref_wallet *w, const struct wallet_limits_changed *e)
{
    w->per_transaction = (struct ref_limit){e->has_per_transaction, e->per_transaction};
    w->per_day = (struct ref_limit){e->has_per_day, e->per_day};
    if (w->per_transaction.given && w->per_day.given &&
        w->per_day.amount < w->per_transaction.amount)
        broken("a wallet's day allows less than one transaction");
}

/* --- events ----------------------------------------------------------------------------------- */

static struct ref_wallet *spending_wallet(const struct reference *r, struct id128 id)
{
    struct ref_wallet *w = reference_wallet(r, id);
    if (w == NULL)
        broken("an event names a wallet that was never opened");
    return w;
}

static struct ref_hold *spending_hold(const struct reference *r, struct id128 id)
{
    struct ref_hold *h = reference_hold(r, id);
    if (h == NULL || h->remaining == 0)
        broken("an event uses a hold that is not open");
    return h;
}

void spending_event(const struct reference *r, const struct message_type *type, const void *event,
                    uint64_t time_ns, struct ref_effects *f)
{
    if (type == &wallet_hold_capturing_type) {
        const struct wallet_hold_capturing *e = event;
        struct ref_hold *h = spending_hold(r, e->hold_id);
        spending_asked(h, spending_wallet(r, h->wallet), e, f);
    } else if (type == &wallet_hold_capture_refused_type) {
        const struct wallet_hold_capture_refused *e = event;
        spending_not_taken(spending_hold(r, e->hold_id), f);
    } else if (type == &wallet_debited_type) {
        const struct wallet_debited *e = event;
        spending_use(spending_wallet(r, e->wallet_id), e->amount, time_ns);
        f->passing.debited = e->wallet_id;
        f->passing.debited_amount = e->amount;
    } else if (type == &wallet_debit_returned_type) {
        const struct wallet_debit_returned *e = event;
        spending_return(spending_wallet(r, e->wallet_id), e->amount, e->debited_time);
        f->passing.returned = e->wallet_id;
        f->passing.returned_amount = e->amount;
    } else if (type == &wallet_limits_changed_type) {
        const struct wallet_limits_changed *e = event;
        spending_limits_changed(spending_wallet(r, e->wallet_id), e);
    } else if (type == &wallet_status_changed_type) {
        const struct wallet_status_changed *e = event;
        spending_status_changed(spending_wallet(r, e->wallet_id), e);
    }
}
