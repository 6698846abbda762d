/* SPDX-License-Identifier: Apache-2.0 */
/* See view_checkers.h. */
#include "tests/simulation/model/view_checkers.h"

#include <string.h>

#include "actors/ledger/entry.h"
#include "tests/simulation/verdict.h"

#define ROWS_MAX 100000
#define FILTER_BYTES 1024 /* of a few runs: others are read again */

struct walk {
    struct run *run;
    const struct ref_account *account;
    struct sha256_digest hash; /* of the entry before */
    struct id128 last;         /* the id of the row before */
    uint64_t rows;
    bool found;
};

static void rows_scan(struct run *run, const struct view_table *t, const struct value *prefix,
                      view_row_cb row, void *context)
{
    struct view_scan q = {
        .table = t, .index = &t->key, .prefix = prefix, .prefix_count = prefix != NULL,
        .limit = ROWS_MAX};
    enum err e = run->view_store->ops->scan(run->view_store, &q, row, context);
    check(e == ERR_OK);
}

static void get_by(struct run *run, const struct view_table *t, const struct value *key,
                   view_row_cb row, struct walk *w)
{
    w->found = false;
    enum err e = run->view_store->ops->get(run->view_store, t, key, row, w);
    check(e == ERR_OK || e == ERR_NOT_FOUND);
    if (!w->found)
        broken("a row of the view %s is missing", t->name);
}

static void rows_get(struct run *run, const struct view_table *t, struct id128 id, view_row_cb row,
                     struct walk *w)
{
    struct value key = {.type = VALUE_ID, .id = id};
    get_by(run, t, &key, row, w);
}

/* --- accounts and entries --------------------------------------------------------------------- */

static bool on_entry(void *context, const struct value *values)
{
    struct walk *w = context;
    struct entries_row row;
    if (!entries_row_from_values(values, &row))
        broken("an entry cannot be read");
    const struct ref_account *a = w->account;
    w->rows++;
    if (row.version == 0 || row.version > a->version || !a->past[row.version - 1].entry)
        broken("an account has an entry that the journal does not give");
    const struct ref_counters *c = &a->past[row.version - 1].counters;
    if (row.debits_pending != c->debits_pending || row.debits_posted != c->debits_posted ||
        row.credits_pending != c->credits_pending || row.credits_posted != c->credits_posted)
        broken("an entry has other counters than the journal gives");
    w->hash = entry_hash(&w->hash, &row);
    if (row.hash.len != SHA256_SIZE || memcmp(w->hash.bytes, row.hash.data, SHA256_SIZE) != 0)
        broken("the hash chain of an account's entries is broken");
    return true;
}

static bool on_account(void *context, const struct value *values)
{
    struct walk *w = context;
    struct accounts_row row;
    if (!accounts_row_from_values(values, &row))
        broken("a row of the accounts cannot be read");
    w->found = true;
    if (row.version != w->account->changed_version || row.flags != w->account->flags ||
        row.currency != w->account->currency)
        broken("a row of the accounts is not what the journal gives");
    return true;
}

static void check_accounts(struct run *run)
{
    const struct reference *r = &run->reference;
    for (uint32_t i = 0; i < r->account_count; i++) {
        struct walk w = {.run = run, .account = &r->accounts[i]};
        rows_get(run, &accounts_view, w.account->id, on_account, &w);
        struct value prefix = {.type = VALUE_ID, .id = w.account->id};
        rows_scan(run, &entries_view, &prefix, on_entry, &w);
        if (w.rows != w.account->entry_count)
            broken("an account has %llu entries, not %llu", (unsigned long long)w.rows,
                   (unsigned long long)w.account->entry_count);
    }
}

/* --- transfers, payments, holds --------------------------------------------------------------- */

static bool on_transfer(void *context, const struct value *values)
{
    struct walk *w = context;
    struct transfers_row row;
    if (!transfers_row_from_values(values, &row))
        broken("a row of the transfers cannot be read");
    const struct ref_transfer *t =
        reference_transfer(&w->run->reference, row.shard, row.transfer_id);
    if (t == NULL || t->kind == REF_REFUSED)
        broken("the view of transfers has one that the journal does not give");
    if (!id128_equal(t->debit, row.debit_account_id) ||
        !id128_equal(t->credit, row.credit_account_id))
        broken("a row of the transfers names other accounts");
    if (t->kind == REF_PENDING &&
        (!row.has_remaining_amount || row.remaining_amount != t->held || row.amount != t->amount))
        broken("a row of the transfers does not tell what is held");
    if (t->kind == REF_POSTED && row.amount != t->amount)
        broken("a row of the transfers has another amount");
    w->run->cover.faults[COVER_ID_ELSEWHERE] += id128_equal(w->last, row.transfer_id);
    w->last = row.transfer_id;
    w->rows++;
    return true;
}

static void check_transfers(struct run *run)
{
    const struct reference *r = &run->reference;
    struct walk w = {.run = run};
    rows_scan(run, &transfers_view, NULL, on_transfer, &w);
    uint64_t expected = 0;
    for (uint32_t i = 0; i < r->transfer_count; i++)
        expected += r->transfers[i].kind != REF_REFUSED;
    if (w.rows != expected)
        broken("the view has %llu transfers, the journal %llu", (unsigned long long)w.rows,
               (unsigned long long)expected);
}

static bool on_payment(void *context, const struct value *values)
{
    struct walk *w = context;
    struct payments_row row;
    if (!payments_row_from_values(values, &row))
        broken("a row of the payments cannot be read");
    const struct ref_payment *p = reference_payment(&w->run->reference, row.payment_id);
    if (p == NULL || p->forgotten || p->amount != row.amount ||
        p->captured != row.captured_amount || p->refunded != row.refunded_amount)
        broken("a row of the payments is not what the journal gives");
    w->rows++;
    return true;
}

static bool on_hold(void *context, const struct value *values)
{
    struct walk *w = context;
    struct wallet_holds_row row;
    if (!wallet_holds_row_from_values(values, &row))
        broken("a row of the holds cannot be read");
    const struct ref_hold *h = reference_hold(&w->run->reference, row.hold_id);
    if (h == NULL || h->amount != row.amount || h->captured != row.captured_amount ||
        h->remaining != row.remaining_amount)
        broken("a row of the holds is not what the journal gives");
    w->rows++;
    return true;
}

static bool on_wallet(void *context, const struct value *values)
{
    struct walk *w = context;
    struct wallets_row row;
    if (!wallets_row_from_values(values, &row))
        broken("a row of the wallets cannot be read");
    const struct ref_wallet *wallet = reference_wallet(&w->run->reference, row.wallet_id);
    if (wallet == NULL || wallet->status != row.status || wallet->currency != row.currency ||
        wallet->frozen_for_all != (row.freeze_scope == FREEZE_SCOPE_ALL) ||
        wallet->per_day.given != row.has_per_day || wallet->per_day.amount != row.per_day)
        broken("a row of the wallets is not what the journal gives");
    w->rows++;
    return true;
}

static void rows_count(struct run *run, const struct view_table *t, view_row_cb row,
                       uint32_t expected)
{
    struct walk w = {.run = run};
    rows_scan(run, t, NULL, row, &w);
    if (w.rows != expected)
        broken("the view %s has %llu rows, the journal gives %u", t->name,
               (unsigned long long)w.rows, expected);
}

/* --- outcomes and ids ------------------------------------------------------------------------- */

/* By its key or id. */
static bool is_known(const struct run *run, struct key_space space, struct id128 key)
{
    uint64_t position;
    enum err e = run->view_store->ops->key_find(run->view_store, space, key, &position);
    check(e == ERR_OK || e == ERR_NOT_FOUND);
    return e == ERR_OK;
}

/* Keys expire after a month; no run is that long before it is quiet. */
static void check_outcomes(struct run *run, const struct run_shard *rs)
{
    const struct key_space keys = {rs->number, KEY_KIND_REQUEST};
    for (uint32_t i = 0; i < rs->history.count; i++)
        if (!is_known(run, keys, rs->history.records[i].key))
            broken("the views do not know the key of record %u", i);
}

/* Refused ones too: an id is used once. */
static void check_ids(struct run *run, const struct run_shard *rs)
{
    const struct reference *r = &run->reference;
    for (uint32_t i = 0; i < r->transfer_count; i++) {
        const struct ref_transfer *t = &r->transfers[i];
        const struct key_space ids = {rs->number,
                                      t->kind == REF_REFUSED ? KEY_KIND_REFUSAL : KEY_KIND_EVENT};
        if (t->shard == rs->number && !is_known(run, ids, t->id))
            broken("the views do not know the id of transfer %u", i);
    }
}

static void check_position(struct run *run, const struct run_shard *rs)
{
    struct store_position position;
    enum err e = run->view_store->ops->position(run->view_store, rs->number, &position);
    check(e == ERR_OK);
    if (position.seq != rs->history.seq)
        broken("the views stand at batch %llu, the journal at %llu",
               (unsigned long long)position.seq, (unsigned long long)rs->history.seq);
}

/* --------------------------------------------------------------------------------------------- */

void view_checkers(struct run *run)
{
    const struct reference *r = &run->reference;
    run_faults(run, false);
    for (uint16_t i = 0; i < run->swarm.shards; i++) {
        check_position(run, &run->shards[i]);
        check_outcomes(run, &run->shards[i]);
        check_ids(run, &run->shards[i]);
    }
    check_accounts(run);
    check_transfers(run);
    uint32_t shown = 0;
    for (uint32_t i = 0; i < r->payment_count; i++)
        shown += !r->payments[i].forgotten;
    rows_count(run, &payments_view, on_payment, shown);
    rows_count(run, &wallet_holds_view, on_hold, r->hold_count);
    rows_count(run, &wallets_view, on_wallet, r->wallet_count);
    run_faults(run, true);
}
