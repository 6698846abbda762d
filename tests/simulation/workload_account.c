/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of accounts. */
#include "tests/simulation/workload.h"

#define CODE 7
#define HISTORY_LIMIT_MAX 60
#define LIST_LIMIT 1000 /* the largest page */

static bool account_open(struct run *run, struct request *q)
{
    struct account_create *c = &q->body.account_create;
    q->type = &account_create_type;
    q->who = workload_clerk(run);
    c->has_account_id = !workload_chance(run, 4);
    if (c->has_account_id)
        c->account_id = workload_new_id(run, workload_shard(run));
    c->currency = workload_currency(run);
    c->code = 1 + (uint16_t)rng_below(&run->rng, 3);
    c->has_flags = true;
    if (workload_chance(run, 3))
        c->flags = workload_chance(run, 2) ? ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS
                                           : ACCOUNT_FLAGS_CREDITS_MUST_NOT_EXCEED_DEBITS;
    c->has_debit_balance_max = c->flags == 0 && workload_chance(run, 5);
    c->debit_balance_max = workload_amount(run);
    c->has_credit_balance_max = c->flags == 0 && workload_chance(run, 5);
    c->credit_balance_max = workload_amount(run);
    c->has_name = workload_chance(run, 3);
    c->name = slice_of("An account");
    c->has_user_data_64 = workload_chance(run, 3);
    c->user_data_64 = rng_below(&run->rng, 4);
    return true;
}

static bool account_imported(struct run *run, struct request *q)
{
    struct account_create *c = &q->body.account_create;
    account_open(run, q);
    c->has_flags = true;
    c->flags |= ACCOUNT_FLAGS_IMPORTED;
    c->has_effective_time = !workload_chance(run, 20);
    c->effective_time = workload_imported_at(run);
    return true;
}

static bool accounts_open(struct run *run, struct request *q)
{
    struct accounts_create *c = &q->body.accounts_create;
    q->type = &accounts_create_type;
    q->who = workload_clerk(run);
    c->accounts = q->items.accounts;
    c->accounts_count = 1 + (uint32_t)rng_below(&run->rng, 4);
    uint16_t shard = workload_shard(run);
    bool imports = workload_chance(run, 2);
    uint64_t time = workload_imported_at(run);
    uint16_t currency = workload_currency(run);
    for (uint32_t i = 0; i < c->accounts_count; i++) {
        c->accounts[i] =
            (struct account_spec){.id = workload_new_id(run, shard),
                                  .currency = imports ? currency : workload_currency(run),
                                  .code = CODE};
        if (workload_chance(run, 3) && i + 1 < c->accounts_count)
            c->accounts[i].flags = ACCOUNT_FLAGS_LINKED;
        if (imports != workload_chance(run, 20)) /* one that is not like the others is refused */
            c->accounts[i].flags |= ACCOUNT_FLAGS_IMPORTED;
        c->accounts[i].has_effective_time = imports != workload_chance(run, 20);
        c->accounts[i].effective_time = time + i;
        if (workload_chance(run, 8))
            c->accounts[i].code = 0; /* refused */
    }
    return true;
}

static bool account_show(struct run *run, struct request *q)
{
    const struct ref_account *a = workload_account(run);
    if (a == NULL)
        return false;
    q->type = &account_get_type;
    q->who = workload_clerk(run);
    q->body.account_get.account_id = a->id;
    q->reads = a->id;
    return true;
}

static bool account_change(struct run *run, struct request *q)
{
    const struct ref_account *a = workload_account(run);
    if (a == NULL)
        return false;
    struct account_update *u = &q->body.account_update;
    q->type = &account_update_type;
    q->who = workload_clerk(run);
    u->account_id = a->id;
    u->has_name = true;
    u->name = slice_of("Renamed");
    u->has_currency = true;
    u->currency = a->currency;
    u->has_debit_balance_max = workload_chance(run, 3);
    u->debit_balance_max = workload_decimal(workload_amount(run), a->currency);
    u->has_credit_balance_min = workload_chance(run, 6);
    u->credit_balance_min = workload_decimal(workload_amount(run), a->currency);
    if (workload_chance(run, 4)) {
        q->conditional = true;
        q->precondition.match = (struct version_list){
            .versions = {a->version - rng_below(&run->rng, 2)}, .count = 1, .given = true};
    }
    return true;
}

static bool account_is_frozen(struct run *run, struct request *q)
{
    const struct ref_account *a = workload_account(run);
    if (a == NULL)
        return false;
    const struct reference *r = &run->reference;
    const struct ref_transfer *t =
        r->transfer_count == 0 ? NULL : &r->transfers[rng_below(&run->rng, r->transfer_count)];
    bool pending = t != NULL && t->open && (t->flags & TRANSFER_FLAGS_MANAGED) == 0;
    q->type = &account_freeze_type;
    q->who = workload_clerk(run);
    q->body.account_freeze.account_id = !pending                  ? a->id
                                        : workload_chance(run, 2) ? t->debit
                                                                  : t->credit;
    q->body.account_freeze.has_mode = true;
    q->body.account_freeze.mode = (uint8_t)(1 + rng_below(&run->rng, 3));
    return true;
}

static bool account_is_unfrozen(struct run *run, struct request *q)
{
    const struct ref_account *a = workload_account(run);
    if (a == NULL)
        return false;
    for (int i = 0; i < 8 && (a->flags & (ACCOUNT_FLAGS_DEBITS_FROZEN |
                                          ACCOUNT_FLAGS_CREDITS_FROZEN)) == 0; i++)
        a = workload_account(run);
    q->type = &account_unfreeze_type;
    q->who = workload_clerk(run);
    q->body.account_unfreeze.account_id = a->id;
    q->body.account_unfreeze.has_mode = workload_chance(run, 2);
    q->body.account_unfreeze.mode = (uint8_t)(1 + rng_below(&run->rng, 3));
    return true;
}

static bool account_is_closed(struct run *run, struct request *q)
{
    const struct ref_account *a = workload_account(run);
    if (a == NULL || !workload_chance(run, 4))
        return false;
    q->type = &account_close_type;
    q->who = workload_clerk(run);
    q->body.account_close.account_id = a->id;
    return true;
}

static bool make_entries(struct run *run, struct request *q)
{
    const struct ref_account *a = workload_account(run);
    if (a == NULL)
        return false;
    q->type = &account_entries_type;
    q->who = workload_clerk(run);
    q->body.account_entries.account_id = a->id;
    q->body.account_entries.has_limit = true;
    q->body.account_entries.limit = (uint16_t)(1 + rng_below(&run->rng, HISTORY_LIMIT_MAX));
    q->reads = a->id;
    return true;
}

static bool balance_at(struct run *run, struct request *q)
{
    const struct ref_account *a = workload_account(run);
    if (a == NULL)
        return false;
    q->type = &account_balance_at_type;
    q->who = workload_clerk(run);
    q->body.account_balance_at.account_id = a->id;
    q->body.account_balance_at.has_time = true;
    q->body.account_balance_at.time = (uint8_t)(1 + rng_below(&run->rng, 2));
    q->body.account_balance_at.has_at = workload_chance(run, 2);
    q->body.account_balance_at.at =
        run_wall_ns(run) - rng_below(&run->rng, 1 + run->world.now_ns);
    return true;
}

static bool list_accounts(struct run *run, struct request *q)
{
    q->type = &accounts_list_type;
    q->who = workload_chance(run, 4) ? workload_operator() : workload_clerk(run);
    q->body.accounts_list.has_limit = workload_chance(run, 2);
    q->body.accounts_list.limit = LIST_LIMIT;
    q->body.accounts_list.has_count = q->body.accounts_list.count = workload_chance(run, 2);
    return true;
}

static bool account_moves(struct run *run, struct request *q)
{
    const struct ref_account *a = workload_account(run);
    if (a == NULL)
        return false;
    q->type = &account_transactions_type;
    q->who = workload_clerk(run);
    q->body.account_transactions.account_id = a->id;
    return true;
}

/* Of an interval that may be of the future, or end before it begins. */
static bool account_stated(struct run *run, struct request *q)
{
    const struct ref_account *a = workload_account(run);
    if (a == NULL)
        return false;
    uint64_t now = run_wall_ns(run), life = 1 + run->world.now_ns;
    struct account_statement *asked = &q->body.account_statement;
    q->type = &account_statement_type;
    q->who = workload_clerk(run);
    asked->account_id = a->id;
    asked->has_from = workload_chance(run, 2);
    asked->from = now - rng_below(&run->rng, life);
    asked->has_to = workload_chance(run, 2);
    asked->to = now + NS_PER_S - rng_below(&run->rng, life);
    asked->has_limit = workload_chance(run, 2);
    asked->limit = (uint16_t)(1 + rng_below(&run->rng, HISTORY_LIMIT_MAX));
    return true;
}

const struct operation account_operations[] = {
    {"account_open", account_open},
    {"account_imported", account_imported},
    {"accounts_open", accounts_open},
    {"account_show", account_show},
    {"account_change", account_change},
    {"entries", make_entries},
    {"balance_at", balance_at},
    {"list_accounts", list_accounts},
    {"account_moves", account_moves},
    {"account_stated", account_stated},
    {"account_is_frozen", account_is_frozen},
    {"account_is_unfrozen", account_is_unfrozen},
    {"account_is_closed", account_is_closed},
};
const uint32_t account_operation_count = array_len(account_operations);
