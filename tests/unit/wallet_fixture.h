/* SPDX-License-Identifier: Apache-2.0 */
/* What people ask of wallets and holds; amounts are dollars in text. */
#ifndef TESTS_WALLET_FIXTURE_H
#define TESTS_WALLET_FIXTURE_H

#include "tests/unit/bank_fixture.h"

static inline uint16_t withdraw(struct bank *b, const char *who, struct id128 wallet,
                                const char *amount)
{
    struct wallet_withdraw body = {.wallet_id = wallet, .amount = money(amount)};
    return bank_ask(b, person(who), &wallet_withdraw_type, &body);
}

static inline uint16_t transfer(struct bank *b, const char *who, struct id128 from, struct id128 to,
                                const char *amount)
{
    struct wallet_transfer body = {.wallet_id = from, .to_wallet_id = to, .amount = money(amount)};
    return bank_ask(b, person(who), &wallet_transfer_type, &body);
}

static inline uint16_t hold(struct bank *b, const char *who, struct id128 wallet,
                            const char *amount, struct id128 *id)
{
    struct wallet_hold_create body = {.wallet_id = wallet, .amount = money(amount)};
    uint16_t code = bank_ask(b, person(who), &wallet_hold_create_type, &body);
    if (code == RESULT_OK) {
        struct wallet_hold_info info;
        bank_reply(b, &wallet_hold_info_type, &info);
        *id = info.hold_id;
    }
    return code;
}

struct capture {
    const char *amount; /* NULL = all */
    bool final;
    struct id128 to; /* zero = outside */
};

static inline uint16_t capture_by(struct bank *b, struct principal who, struct id128 wallet,
                                  struct id128 id, struct capture how)
{
    struct wallet_hold_capture body = {
        .hold_id = id,
        .wallet_id = wallet,
        .has_amount = how.amount != NULL,
        .has_final = true,
        .final = how.final,
        .has_to_wallet_id = !id128_is_zero(how.to),
        .to_wallet_id = how.to,
    };
    if (how.amount != NULL)
        body.amount = money(how.amount);
    return bank_ask(b, who, &wallet_hold_capture_type, &body);
}

static inline uint16_t capture(struct bank *b, const char *who, struct id128 wallet,
                               struct id128 id, struct capture how)
{
    return capture_by(b, person(who), wallet, id, how);
}

static inline uint16_t release(struct bank *b, const char *who, struct id128 wallet,
                               struct id128 id)
{
    struct wallet_hold_release body = {.hold_id = id, .wallet_id = wallet};
    return bank_ask(b, person(who), &wallet_hold_release_type, &body);
}

static inline struct wallet_hold_info show_hold(struct bank *b, struct id128 wallet,
                                                struct id128 id)
{
    struct wallet_hold_get get = {.hold_id = id, .wallet_id = wallet};
    assert_int_equal(bank_ask(b, clerk(), &wallet_hold_get_type, &get), RESULT_OK);
    struct wallet_hold_info info;
    bank_reply(b, &wallet_hold_info_type, &info);
    return info;
}

static inline uint16_t freeze(struct bank *b, struct id128 wallet)
{
    struct wallet_freeze body = {.wallet_id = wallet};
    return bank_ask(b, clerk(), &wallet_freeze_type, &body);
}

static inline uint16_t freeze_for(struct bank *b, struct id128 wallet, enum freeze_scope scope)
{
    struct wallet_freeze body = {.wallet_id = wallet, .has_scope = true, .scope = (uint8_t)scope};
    return bank_ask(b, clerk(), &wallet_freeze_type, &body);
}

static inline uint16_t unfreeze(struct bank *b, struct id128 wallet)
{
    struct wallet_unfreeze body = {.wallet_id = wallet};
    return bank_ask(b, clerk(), &wallet_unfreeze_type, &body);
}

static inline uint16_t close_wallet(struct bank *b, const char *who, struct id128 wallet)
{
    struct wallet_close body = {.wallet_id = wallet};
    return bank_ask(b, person(who), &wallet_close_type, &body);
}

#endif
