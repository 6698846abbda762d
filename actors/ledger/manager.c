/* SPDX-License-Identifier: Apache-2.0 */
/* One row for each code that services give: where the manager's id is found, and which operation
 * does what the ledger refuses. A new service adds its rows here. A clearing account has no owner
 * and no operation of its own: its id stands for the manager. */
#include "actors/ledger/manager.h"

#include <string.h>

#include "actors/ledger/account.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/posting.h"
#include "runtime/base/mutant.h"
#include "schemas/result.h"

enum managed_by {
    BY_DEBITED, /* the wallet of the account debited */
    BY_CREDITED,
    BY_REFERENCE,
};

#define OF_ACCOUNT 256 /* plus its code: a rule of accounts */

struct manager_rule {
    uint8_t by;
    const char *prefix;
    const char *uses[MANAGER_ACTS];
};

static const struct manager_rule transfer_rules[] = {
    [MANAGED_DEPOSIT] = {BY_CREDITED, "wal_",
                         {[MANAGER_REVERSE] = "POST /wallets/{wallet_id}/withdraw"}},
    [MANAGED_WITHDRAWAL] = {BY_DEBITED, "wal_",
                            {[MANAGER_REVERSE] = "POST /wallets/{wallet_id}/fund"}},
    [MANAGED_TRANSFER] = {BY_DEBITED, "wal_",
                          {[MANAGER_REVERSE] = "POST /wallets/{wallet_id}/transfer"}},
    [MANAGED_HOLD] = {BY_REFERENCE, "hld_",
                      {[MANAGER_POST] = "POST /wallets/{wallet_id}/holds/{hold_id}/capture",
                       [MANAGER_VOID] = "POST /wallets/{wallet_id}/holds/{hold_id}/release",
                       [MANAGER_REVERSE] = "POST /wallets/{wallet_id}/fund"}},
    [MANAGED_HOLD_FORWARD] = {BY_REFERENCE, "hld_",
                              {[MANAGER_REVERSE] = "POST /wallets/{wallet_id}/transfer"}},
    [MANAGED_PAYMENT] = {BY_REFERENCE, "pay_",
                         {[MANAGER_POST] = "POST /payments/{payment_id}/capture",
                          [MANAGER_VOID] = "POST /payments/{payment_id}/cancel",
                          [MANAGER_REVERSE] = "POST /payments/{payment_id}/refund"}},
    [MANAGED_REFUND] = {BY_REFERENCE, "pay_", {[MANAGER_REVERSE] = "POST /payments"}},
    [MANAGED_AUTHORIZATION] = {BY_REFERENCE, "pay_",
                               {[MANAGER_POST] = "POST /payments/{payment_id}/capture",
                                [MANAGER_VOID] = "POST /payments/{payment_id}/cancel",
                                [MANAGER_REVERSE] = "POST /payments/{payment_id}/refund"}},
    [MANAGED_PAYMENT_FORWARD] = {BY_REFERENCE, "pay_",
                                 {[MANAGER_REVERSE] = "POST /payments/{payment_id}/refund"}},
};

static const struct manager_rule account_rules[] = {
    [MANAGED_WALLET] = {0, "wal_",
                        {[MANAGER_KEEP_ASIDE] = "POST /wallets/{wallet_id}/holds",
                         [MANAGER_FREEZE] = "POST /wallets/{wallet_id}/freeze",
                         [MANAGER_UNFREEZE] = "POST /wallets/{wallet_id}/unfreeze",
                         [MANAGER_CLOSE] = "POST /wallets/{wallet_id}/close",
                         [MANAGER_LIMIT] = "PUT /wallets/{wallet_id}/limits"}},
    [MANAGED_CLEARING] = {0, "acc_", {NULL}},
};

struct manager manager_of_transfer(uint16_t code, struct id128 debit_account_id,
                                   struct id128 credit_account_id, u128 user_data_128)
{
    check(code > 0 && code < array_len(transfer_rules));
    const struct manager_rule *rule = &transfer_rules[code];
    const struct id128 ids[] = {
        [BY_DEBITED] = debit_account_id,
        [BY_CREDITED] = credit_account_id,
        [BY_REFERENCE] = {(uint64_t)(user_data_128 >> 64), (uint64_t)user_data_128},
    };
    check(!id128_is_zero(ids[rule->by]));
    return (struct manager){ids[rule->by], rule->prefix, rule->uses, code};
}

uint8_t manager_purpose(uint16_t code, uint32_t flags)
{
    if ((flags & ACCOUNT_FLAGS_MANAGED) == 0)
        return 0;
    check(code == MANAGED_WALLET || code == MANAGED_CLEARING);
    return code == MANAGED_WALLET ? ACCOUNT_PURPOSE_WALLET : ACCOUNT_PURPOSE_CLEARING;
}

struct manager manager_of_account(uint16_t code, struct id128 account_id)
{
    check(code > 0 && code < array_len(account_rules));
    return (struct manager){account_id, account_rules[code].prefix, account_rules[code].uses,
                            (uint16_t)(OF_ACCOUNT + code)};
}

struct slice manager_text(const struct manager *m, char memory[MANAGER_TEXT_MAX])
{
    const size_t len = strlen(m->prefix);
    check(len + ID128_TEXT_LEN <= MANAGER_TEXT_MAX);
    memcpy(memory, m->prefix, len);
    id128_text(m->id, memory + len);
    return (struct slice){memory, (uint32_t)(len + ID128_TEXT_LEN)};
}

struct managed_refusal manager_refusal(struct turn *t, const struct manager *m,
                                       enum manager_act act)
{
    check(act < MANAGER_ACTS);
    const char *use = m->uses[act];
    return (struct managed_refusal){
        .managed_by = manager_text(m, turn_alloc(t, MANAGER_TEXT_MAX)),
        .has_use = use != NULL,
        .use = slice_of(use != NULL ? use : ""),
    };
}

/* Whose the pending transfer is that it would resolve, or the account that it would close or keep
 * something aside of. */
static struct manager manager_of_posting(const struct posting *p, enum manager_act *act)
{
    const uint32_t flags = p->transfer.flags;
    if ((flags & POSTING_RESOLVES) != 0) {
        check((p->pending->flags & TRANSFER_FLAGS_MANAGED) != 0);
        *act = (flags & TRANSFER_FLAGS_VOID_PENDING) != 0 ? MANAGER_VOID : MANAGER_POST;
        return MANAGER_OF_TRANSFER(p->pending);
    }
    bool debit = p->debit != NULL && (p->debit->flags & ACCOUNT_FLAGS_MANAGED) != 0;
    check(debit || (p->credit != NULL && (p->credit->flags & ACCOUNT_FLAGS_MANAGED) != 0));
    uint32_t closing = debit ? TRANSFER_FLAGS_CLOSING_DEBIT : TRANSFER_FLAGS_CLOSING_CREDIT;
    *act = (flags & closing) != 0 ? MANAGER_CLOSE : MANAGER_KEEP_ASIDE;
    return debit ? manager_of_account(p->debit->code, p->debit_id)
                 : manager_of_account(p->credit->code, p->credit_id);
}

struct managed_refusal manager_refusal_of_posting(struct turn *t, const struct posting *p)
{
    enum manager_act act;
    const struct manager m = manager_of_posting(p, &act);
    return manager_refusal(t, &m, act);
}

static struct manager manager_away(struct turn *t, struct id128 account_id)
{
    check(!turn_at_home(t, account_id));
    uint16_t code = id128_is_reserved(account_id) ? MANAGED_CLEARING : MANAGED_WALLET;
    return manager_of_account(code, account_id);
}

struct managed_refusal manager_refusal_away(struct turn *t, struct id128 account_id, bool closes)
{
    const struct manager m = manager_away(t, account_id);
    return manager_refusal(t, &m, closes ? MANAGER_CLOSE : MANAGER_KEEP_ASIDE);
}

/* --- for another shard ------------------------------------------------------------------------ */

static void manager_note(const struct manager *m, enum manager_act act, struct bulk_refusal *r)
{
    check(r->result == RESULT_MANAGED);
    r->manager_id = m->id;
    r->manager_code = m->code;
    r->manager_act = (uint8_t)act;
    check(manager_told(r));
}

void manager_note_posting(const struct posting *p, struct bulk_refusal *r)
{
    enum manager_act act;
    const struct manager m = manager_of_posting(p, &act);
    manager_note(&m, act, r);
}

void manager_note_away(struct turn *t, struct id128 account_id, bool closes, struct bulk_refusal *r)
{
    const struct manager m = manager_away(t, account_id);
    manager_note(&m, closes ? MANAGER_CLOSE : MANAGER_KEEP_ASIDE, r);
}

bool manager_told(const struct bulk_refusal *r)
{
    uint16_t code = r->manager_code % OF_ACCOUNT;
    size_t rules =
        r->manager_code < OF_ACCOUNT ? array_len(transfer_rules) : array_len(account_rules);
    return !id128_is_zero(r->manager_id) && r->manager_code < 2 * OF_ACCOUNT && code > 0 &&
           code < rules && r->manager_act < MANAGER_ACTS;
}

struct managed_refusal manager_refusal_told(struct turn *t, const struct bulk_refusal *r)
{
    uint16_t code = r->manager_code % OF_ACCOUNT;
    check(manager_told(r));
    const struct manager_rule *rule =
        r->manager_code < OF_ACCOUNT ? &transfer_rules[code] : &account_rules[code];
    const struct manager m = {r->manager_id, rule->prefix, rule->uses, r->manager_code};
    return manager_refusal(t, &m, (enum manager_act)r->manager_act);
}

void manager_refuse(struct turn *t, const struct manager *m, enum manager_act act)
{
    const struct managed_refusal refusal = manager_refusal(t, m, act);
    turn_reply(t, RESULT_MANAGED, &managed_refusal_type, &refusal, 0);
}

bool manager_allows(struct turn *t, const struct account *a, struct id128 id, enum manager_act act)
{
    if ((a->flags & ACCOUNT_FLAGS_MANAGED) == 0 || MUTANT(CHANGE_MANAGED))
        return true;
    const struct manager m = manager_of_account(a->code, id);
    manager_refuse(t, &m, act);
    return false;
}
