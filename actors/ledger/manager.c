/* SPDX-License-Identifier: Apache-2.0 */
/* One row for each code that services give: where the manager's id is found, and which operation
 * does what the ledger refuses. A new service adds its rows here. */
#include "actors/ledger/manager.h"

#include <string.h>

#include "schemas/result.h"

enum managed_by {
    BY_DEBITED = 1, /* the wallet of the account debited */
    BY_CREDITED,
    BY_HOLD,        /* that the reference names */
    BY_PAYMENT,
};

struct manager_rule {
    uint8_t by;
    const char *use[MANAGER_REVERSE + 1]; /* for each act; NULL: it is never pending */
};

static const struct manager_rule rules[] = {
    [MANAGED_DEPOSIT] = {BY_CREDITED, {[MANAGER_REVERSE] = "POST /wallets/{wallet_id}/withdraw"}},
    [MANAGED_WITHDRAWAL] = {BY_DEBITED, {[MANAGER_REVERSE] = "POST /wallets/{wallet_id}/fund"}},
    [MANAGED_TRANSFER] = {BY_DEBITED, {[MANAGER_REVERSE] = "POST /wallets/{wallet_id}/transfer"}},
    [MANAGED_HOLD] = {BY_HOLD,
                      {[MANAGER_POST] = "POST /wallets/{wallet_id}/holds/{hold_id}/capture",
                       [MANAGER_VOID] = "POST /wallets/{wallet_id}/holds/{hold_id}/release",
                       [MANAGER_REVERSE] = "POST /wallets/{wallet_id}/fund"}},
    [MANAGED_HOLD_FORWARD] = {BY_HOLD, {[MANAGER_REVERSE] = "POST /wallets/{wallet_id}/transfer"}},
    [MANAGED_PAYMENT] = {BY_PAYMENT,
                         {[MANAGER_POST] = "POST /payments/{payment_id}/capture",
                          [MANAGER_VOID] = "POST /payments/{payment_id}/cancel",
                          [MANAGER_REVERSE] = "POST /payments/{payment_id}/refund"}},
    [MANAGED_REFUND] = {BY_PAYMENT, {[MANAGER_REVERSE] = "POST /payments"}},
};

static const struct manager_rule *rule_of(const struct managed *m)
{
    check(m->code > 0 && m->code < array_len(rules));
    return &rules[m->code];
}

struct slice manager_text(const struct managed *m, char memory[MANAGER_TEXT_MAX])
{
    static const char *const prefixes[] = {
        [BY_DEBITED] = "wal_", [BY_CREDITED] = "wal_", [BY_HOLD] = "hld_", [BY_PAYMENT] = "pay_"};
    const uint8_t by = rule_of(m)->by;
    const struct id128 ids[] = {
        [BY_DEBITED] = m->debit_account_id,
        [BY_CREDITED] = m->credit_account_id,
        [BY_HOLD] = {(uint64_t)(m->user_data_128 >> 64), (uint64_t)m->user_data_128},
        [BY_PAYMENT] = {(uint64_t)(m->user_data_128 >> 64), (uint64_t)m->user_data_128},
    };
    const size_t len = strlen(prefixes[by]);
    check(!id128_is_zero(ids[by]));
    check(len + ID128_TEXT_LEN <= MANAGER_TEXT_MAX);
    memcpy(memory, prefixes[by], len);
    id128_text(ids[by], memory + len);
    return (struct slice){memory, (uint32_t)(len + ID128_TEXT_LEN)};
}

void manager_refuse(struct turn *t, const struct managed *m, enum manager_act act)
{
    const char *use = rule_of(m)->use[act];
    check(use != NULL);
    char memory[MANAGER_TEXT_MAX];
    const struct managed_refusal refusal = {manager_text(m, memory), slice_of(use)};
    turn_reply(t, RESULT_MANAGED, &managed_refusal_type, &refusal, 0);
}
