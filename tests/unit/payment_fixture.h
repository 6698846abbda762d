/* SPDX-License-Identifier: Apache-2.0 */
/* Two parties of payments and what they ask for: alice pays, shop receives. Amounts are in minor
 * units where they are numbers, in dollars where they are text. */
#ifndef TESTS_PAYMENT_FIXTURE_H
#define TESTS_PAYMENT_FIXTURE_H

#include "tests/unit/bank_fixture.h"

/* alice pays, shop receives. */
struct parties {
    struct bank *bank;
    struct id128 alice, shop;
};

static inline struct parties given(void **state, const char *alice_has, const char *shop_has)
{
    struct bank *b = *state;
    struct parties p = {.bank = b};
    p.alice = given_wallet(b, "alice", alice_has);
    p.shop = given_wallet(b, "shop", shop_has);
    return p;
}

static inline struct payment_create order(const struct parties *p, u128 minor)
{
    return (struct payment_create){
        .amount = minor, .currency = USD, .from_account = p->alice, .to_account = p->shop};
}

static inline struct id128 paid(struct bank *b, struct principal who,
                                const struct payment_create *create)
{
    assert_int_equal(bank_ask(b, who, &payment_create_type, create), RESULT_OK);
    struct payment_info info;
    bank_reply(b, &payment_info_type, &info);
    return info.payment_id;
}

static inline struct id128 pay(const struct parties *p, u128 minor)
{
    struct payment_create create = order(p, minor);
    return paid(p->bank, person("alice"), &create);
}

static inline struct id128 authorize(const struct parties *p, u128 minor)
{
    struct payment_create create = order(p, minor);
    create.has_capture = true;
    create.capture = PAYMENT_CAPTURE_MODE_MANUAL;
    return paid(p->bank, person("alice"), &create);
}

/* The same for a minute. */
static inline struct id128 authorize_briefly(const struct parties *p, u128 minor)
{
    struct payment_create create = order(p, minor);
    create.has_capture = create.has_expires_in_s = true;
    create.capture = PAYMENT_CAPTURE_MODE_MANUAL;
    create.expires_in_s = 60;
    return paid(p->bank, person("alice"), &create);
}

static inline uint16_t capture(struct bank *b, const char *who, struct id128 id, const char *amount,
                               bool final)
{
    struct payment_capture body = {
        .payment_id = id, .has_amount = amount != NULL, .has_final = true, .final = final};
    if (amount != NULL)
        body.amount = money(amount);
    return bank_ask(b, person(who), &payment_capture_type, &body);
}

static inline uint16_t refund(struct bank *b, const char *who, struct id128 id, const char *amount)
{
    struct payment_refund body = {.payment_id = id, .has_amount = amount != NULL};
    if (amount != NULL)
        body.amount = money(amount);
    return bank_ask(b, person(who), &payment_refund_type, &body);
}

static inline uint16_t cancel(struct bank *b, const char *who, struct id128 id)
{
    struct payment_cancel body = {
        .payment_id = id, .has_reason = true, .reason = slice_of("changed my mind")};
    return bank_ask(b, person(who), &payment_cancel_type, &body);
}

static inline struct payment_info show(struct bank *b, struct id128 id)
{
    struct payment_get get = {.payment_id = id};
    assert_int_equal(bank_ask(b, clerk(), &payment_get_type, &get), RESULT_OK);
    struct payment_info info;
    bank_reply(b, &payment_info_type, &info);
    return info;
}

static inline void expect_payment(struct bank *b, struct id128 id, uint8_t status,
                                  uint64_t captured, uint64_t refunded)
{
    struct payment_info info = show(b, id);
    assert_int_equal(info.status, status);
    assert_true(info.captured_amount == captured);
    assert_true(info.refunded_amount == refunded);
}

static inline void expect_money(const struct parties *p, uint64_t alice, uint64_t held,
                                uint64_t shop)
{
    expect_wallet(p->bank, p->alice, alice, held);
    expect_wallet(p->bank, p->shop, shop, 0);
}

#endif
