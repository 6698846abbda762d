/* SPDX-License-Identifier: Apache-2.0 */
/* See pages.h. */
#include "tests/simulation/pages.h"

#include <string.h>

#include "tests/simulation/model/ref_groups.h"
#include "tests/simulation/model/ref_total.h"
#include "tests/simulation/verdict.h"
#include "tests/simulation/workload.h"

static bool sees_tenant(const struct principal *who, struct id128 tenant)
{
    return who->operator|| id128_equal(who->tenant_id, tenant);
}

static struct id128 seen_tenant(const struct principal *who)
{
    return who->operator? ID128_ZERO : who->tenant_id;
}

static void note_totals(const struct run *run, const struct principal *who,
                        struct ref_total totals[SWARM_CURRENCIES_MAX])
{
    for (uint32_t i = 0; i < SWARM_CURRENCIES_MAX; i++)
        totals[i] = ref_total_of(&run->reference, seen_tenant(who), workload_currencies[i],
                                 run->swarm.shards);
}

/* Are the views of a shard behind? */
static bool some_are_late(const struct run *run)
{
    for (uint16_t i = 0; i < run->swarm.shards; i++) {
        const struct shard *s = run_shard_running(run, i);
        if (s != NULL && s->projector.follower.position.seq < s->journal.committed_seq)
            return true;
    }
    return false;
}

void pages_note(struct run *run, struct request *q)
{
    const struct reference *r = &run->reference;
    if (q->sent_ns == 0)
        q->sent_ns = run->world.now_ns;
    q->known =
        (struct known){r->account_count, r->transfer_count, r->wallet_count,  r->payment_count,
                       r->decisions,     r->steps,          {{.accounts = 0}}};
    if (q->type == &trial_balance_get_type)
        note_totals(run, &q->who, q->known.totals);
    if (q->type->view && run->swarm.shards > 1 && some_are_late(run))
        run->cover.faults[COVER_LISTED_LATE]++;
}

/* --- lists ------------------------------------------------------------------------------------ */

static _Noreturn void pages_missing(const struct request *q, const char *what, struct id128 id)
{
    broken("request %u (%s) does not list %s %016llx, which was durable before", q->number,
           q->type->name, what, (unsigned long long)id.hi);
}

static _Noreturn void pages_foreign(const struct request *q, const char *what)
{
    broken("request %u (%s) lists %s that is not durable, or not the caller's", q->number,
           q->type->name, what);
}

/* The lists here begin at the first page: what is on it is all, unless there is a next one. */
static void pages_check_total(const struct request *q, bool asked, uint32_t total, uint32_t listed,
                              bool last)
{
    if (asked && (last ? total != listed : total < listed))
        broken("request %u (%s) counts %u where %u are listed", q->number, q->type->name, total,
               listed);
}

void pages_check_accounts(struct run *run, const struct request *q, const void *reply)
{
    const struct account_page *page = reply;
    const struct reference *r = &run->reference;
    for (uint32_t i = 0; i < page->accounts_count; i++) {
        const struct ref_account *a = reference_account(r, page->accounts[i].account_id);
        if (a == NULL || !sees_tenant(&q->who, a->tenant))
            pages_foreign(q, "an account");
    }
    for (uint32_t i = 0; i < q->known.accounts && !page->has_next_cursor; i++) {
        const struct ref_account *a = &r->accounts[i];
        bool found = !sees_tenant(&q->who, a->tenant);
        for (uint32_t k = 0; k < page->accounts_count && !found; k++)
            found = id128_equal(page->accounts[k].account_id, a->id);
        if (!found)
            pages_missing(q, "the account", a->id);
    }
    pages_check_total(q, q->body.accounts_list.has_count && q->body.accounts_list.count,
                      page->total, page->accounts_count, !page->has_next_cursor);
}

/* Modulo 2^128: what differs by the same amount does so there too. */
static u128 stated(u128 balance, uint8_t side)
{
    return side == BALANCE_SIDE_DEBIT ? -balance : balance;
}

static bool account_had(const struct run *run, struct id128 id, u128 balance)
{
    const struct ref_account *a = reference_account(&run->reference, id);
    for (uint64_t v = a->version; v > 0; v--) {
        const struct ref_counters *c = &a->past[v - 1].counters;
        if (c->credits_posted - c->debits_posted == balance)
            return true;
    }
    return balance == 0;
}

/* The lines lead from one balance, which the account durably had, to the other, and so do the
 * sums. */
void pages_check_statement(struct run *run, const struct request *q, const void *reply)
{
    const struct statement *s = reply;
    const struct account_statement *asked = &q->body.account_statement;
    u128 balance = stated(s->opening_balance, s->opening_side);
    u128 closing = stated(s->closing_balance, s->closing_side);
    if (balance + s->credits - s->debits != closing)
        broken("request %u: the sums of a statement are not the difference of its balances",
               q->number);
    if (!account_had(run, s->account_id, balance) || !account_had(run, s->account_id, closing))
        broken("request %u: a statement has a balance that the account never had", q->number);
    for (uint32_t i = 0; i < s->lines_count; i++) {
        const struct statement_line *line = &s->lines[i];
        balance += line->type == ENTRY_TYPE_DEBIT ? -line->amount : line->amount;
        if (stated(line->balance, line->balance_side) != balance)
            broken("request %u: a line of a statement does not follow from the one before",
                   q->number);
        if ((asked->has_from && line->timestamp < asked->from) ||
            (asked->has_to && line->timestamp >= asked->to))
            broken("request %u: a statement has a line of another time", q->number);
    }
    if (!s->has_next_cursor && balance != closing)
        broken("request %u: a statement lacks a line", q->number);
}

static bool transfer_asked_for(const struct reference *r, const struct request *q,
                               const struct ref_transfer *t)
{
    const struct transfers_list *asked = &q->body.transfers_list;
    if (t->kind == REF_REFUSED || !sees_tenant(&q->who, reference_account(r, t->debit)->tenant))
        return false;
    return !asked->has_account_id || id128_equal(asked->account_id, t->debit) ||
           id128_equal(asked->account_id, t->credit);
}

/* Its home alone decides a void, and one of a group may follow before others: an account lists it
 * once its shard has followed. */
static bool pages_may_lack(struct run *run, const struct request *q, const struct ref_transfer *t)
{
    const struct transfers_list *asked = &q->body.transfers_list;
    bool voids = (t->flags & TRANSFER_FLAGS_VOID_PENDING) != 0;
    return (voids || t->grouped) && asked->has_account_id &&
           run_home(run, asked->account_id) != t->shard;
}

void pages_check_transfers(struct run *run, const struct request *q, const void *reply)
{
    const struct transfer_page *page = reply;
    const struct reference *r = &run->reference;
    for (uint32_t i = 0; i < page->transfers_count; i++) {
        const struct transfer_info *info = &page->transfers[i];
        const struct ref_transfer *t =
            reference_transfer_of(r, info->transfer_id, info->debit_account_id);
        if (t == NULL || !transfer_asked_for(r, q, t))
            pages_foreign(q, "a transfer");
        if (history_hash(info->by) != t->by)
            pages_foreign(q, "a transfer's author");
    }
    for (uint32_t i = 0; i < q->known.transfers && !page->has_next_cursor; i++) {
        const struct ref_transfer *t = &r->transfers[i];
        bool found = !transfer_asked_for(r, q, t) || pages_may_lack(run, q, t);
        for (uint32_t k = 0; k < page->transfers_count && !found; k++)
            found = id128_equal(page->transfers[k].transfer_id, t->id) &&
                    id128_equal(page->transfers[k].debit_account_id, t->debit);
        if (!found)
            pages_missing(q, "the transfer", t->id);
    }
    pages_check_total(q, q->body.transfers_list.has_count && q->body.transfers_list.count,
                      page->total, page->transfers_count, !page->has_next_cursor);
}

static bool wallet_is_seen(const struct principal *who, const struct ref_wallet *w)
{
    return sees_tenant(who, w->tenant) &&
           (who->any_owner || id128_equal(who->subject_id, w->owner));
}

void pages_check_wallets(struct run *run, const struct request *q, const void *reply)
{
    const struct wallet_page *page = reply;
    const struct reference *r = &run->reference;
    for (uint32_t i = 0; i < page->wallets_count; i++) {
        const struct ref_wallet *w = reference_wallet(r, page->wallets[i].wallet_id);
        if (w == NULL || !wallet_is_seen(&q->who, w))
            pages_foreign(q, "a wallet");
    }
    for (uint32_t i = 0; i < q->known.wallets && !page->has_next_cursor; i++) {
        const struct ref_wallet *w = &r->wallets[i];
        bool found = !wallet_is_seen(&q->who, w);
        for (uint32_t k = 0; k < page->wallets_count && !found; k++)
            found = id128_equal(page->wallets[k].wallet_id, w->id);
        if (!found)
            pages_missing(q, "the wallet", w->id);
    }
    pages_check_total(q, q->body.wallet_list.has_count && q->body.wallet_list.count, page->total,
                      page->wallets_count, !page->has_next_cursor);
}

static bool payment_is_seen(const struct reference *r, const struct principal *who,
                            const struct ref_payment *p)
{
    return wallet_is_seen(who, reference_wallet(r, p->from)) ||
           (!p->declined && !p->started && wallet_is_seen(who, reference_wallet(r, p->to)));
}

/* A list may be of a moment at which its payee had not spoken yet. */
static bool payment_shown_as(const struct ref_payment *p, uint8_t status)
{
    return (status == PAYMENT_STATUS_FAILED) == p->declined ||
           (p->crosses && status == PAYMENT_STATUS_PROCESSING);
}

void pages_check_payments(struct run *run, const struct request *q, const void *reply)
{
    const struct payment_page *page = reply;
    const struct reference *r = &run->reference;
    const struct payment_list *asked = &q->body.payment_list;
    for (uint32_t i = 0; i < page->payments_count; i++) {
        const struct ref_payment *p = reference_payment(r, page->payments[i].payment_id);
        if (p == NULL || !payment_is_seen(r, &q->who, p) ||
            !payment_shown_as(p, page->payments[i].status) ||
            (asked->has_from_account && !id128_equal(p->from, asked->from_account)) ||
            (asked->has_currency && p->currency != asked->currency))
            pages_foreign(q, "a payment");
    }
    for (uint32_t i = 0; i < q->known.payments && !page->has_next_cursor; i++) {
        const struct ref_payment *p = &r->payments[i];
        /* Home had not heard of its payee. */
        bool late = p->accepted_step > q->known.steps &&
                    !wallet_is_seen(&q->who, reference_wallet(r, p->from));
        bool found = p->forgotten || late || !payment_is_seen(r, &q->who, p) ||
                     (asked->has_from_account && !id128_equal(p->from, asked->from_account)) ||
                     (asked->has_currency && p->currency != asked->currency);
        for (uint32_t k = 0; k < page->payments_count && !found; k++)
            found = id128_equal(page->payments[k].payment_id, p->id);
        if (!found)
            pages_missing(q, "the payment", p->id);
    }
    pages_check_total(q, q->body.payment_list.has_count && q->body.payment_list.count, page->total,
                      page->payments_count, !page->has_next_cursor);
}

/* --- the trial balance ------------------------------------------------------------------------ */

/* What is on its way is shown by what the accounts of money in transit have more on one side, in
 * shards that are read at different moments between `least` and `most`. */
static u128 debits_most(const struct ref_total *least, const struct ref_total *most)
{
    u128 out = most->transit.debits_posted, back = least->transit.credits_posted;
    return reference_sum(most->counters.debits_posted, out > back ? out - back : 0);
}

/* Each shard answers as of a moment of its own between the request and the answer. What is posted
 * and how many accounts there are only grows. One shard has a part of it. */
static void check_line(const struct request *q, const struct trial_balance_line *line,
                       const struct ref_total *least, const struct ref_total *most)
{
    if (line->debits_posted < least->counters.debits_posted ||
        line->account_count < least->accounts)
        broken("request %u: the trial balance leaves out what was durable", q->number);
    if (line->debits_posted > debits_most(least, most) || line->account_count > most->accounts)
        broken("request %u: the trial balance has more than is durable", q->number);
}

void pages_check_books(struct run *run, const struct request *q, const void *reply)
{
    const struct trial_balance *b = reply;
    struct ref_total now[SWARM_CURRENCIES_MAX], least[SWARM_CURRENCIES_MAX] = {{.accounts = 0}};
    note_totals(run, &q->who, now);
    if (!q->body.trial_balance_get.has_shard || run->swarm.shards == 1)
        memcpy(least, q->known.totals, sizeof least);
    if (!b->balanced)
        broken("request %u: the trial balance does not balance", q->number);
    for (uint32_t i = 0; i < SWARM_CURRENCIES_MAX; i++) {
        struct trial_balance_line line = {.currency = workload_currencies[i]};
        for (uint32_t k = 0; k < b->lines_count; k++)
            if (b->lines[k].currency == line.currency)
                line = b->lines[k];
        check_line(q, &line, &least[i], &now[i]);
    }
    run->cover.faults[COVER_GATHERED] += run->swarm.shards > 1;
}

/* At every moment debits equalled credits, and nothing was there that is not now. What is decided
 * while it is answered may be shown where it was followed alone. */
void pages_check_past_books(struct run *run, const struct request *q, const void *reply)
{
    const struct past_trial_balance *b = reply;
    struct ref_total now[SWARM_CURRENCIES_MAX], none = {.accounts = 0};
    note_totals(run, &q->who, now);
    if (!b->balanced && run->reference.decisions == q->known.decisions)
        broken("request %u: a past trial balance does not balance", q->number);
    for (uint32_t i = 0; i < SWARM_CURRENCIES_MAX; i++) {
        for (uint32_t k = 0; k < b->lines_count; k++) {
            const struct past_trial_balance_line *line = &b->lines[k];
            u128 most = reference_sum(debits_most(&none, &now[i]),
                                      ref_groups_to_follow(&run->reference, line->currency));
            if (line->currency == workload_currencies[i] &&
                (line->debits_posted > most || line->account_count > now[i].accounts))
                broken("request %u: a past trial balance has more than is durable", q->number);
        }
    }
}
