/* SPDX-License-Identifier: Apache-2.0 */
/* See forgery.h. What is not written here is zero. */
#include "tests/simulation/forgery.h"

#include "schemas/common.h"
#include "schemas/ledger.h"
#include "schemas/payment.h"
#include "schemas/result.h"
#include "schemas/wallet.h"

#define FORGERIES 11

/* Of accounts that are both there, of one of its transfers without an id, or of nobody's. */
static struct token forgery_token(struct id128 target, uint64_t number)
{
    struct token k = {.amount = 1, .currency = 840, .code = 1, .decide_until = UINT64_MAX / 4};
    k.id = number % 3 == 0 ? ID128_ZERO : target;
    k.debit_account_id = number % 3 == 1 ? ID128_ZERO : (struct id128){1, target.lo};
    k.credit_account_id = target;
    return k;
}

static void forgery_decision(struct turn *t, struct id128 target, uint64_t number)
{
    const struct decision d = {
        .result = number % 2 == 0 ? RESULT_OK : RESULT_EXCEEDS_CREDITS,
        .amount = 1,
        .currency = 840,
        .decided_time = turn_time(t),
    };
    const struct transfer_follow transfer = {target, d};
    const struct wallet_follow wallet = {target, target, d, d.decided_time};
    const struct hold_follow hold = {target, target, d};
    const struct payment_follow payment = {
        .payment_id = target, .reservation_id = target, .decision = d};
    switch (number % 4) {
    case 0:
        turn_send(t, &transfer_follow_type, &transfer);
        break;
    case 1:
        turn_send(t, &wallet_follow_type, &wallet);
        break;
    case 2:
        turn_send(t, &hold_follow_type, &hold);
        break;
    default:
        turn_send(t, &payment_follow_type, &payment);
    }
}

void forgery_send(struct turn *t, struct id128 to, uint64_t number)
{
    const struct id128 target = {FORGED_ID, number << 16 | id128_slot(to)};
    const struct token k = forgery_token(target, number / FORGERIES);
    const struct transfer_token transfer = {k};
    const struct wallet_token wallet = {.to_wallet_id = target, .token = k};
    const struct payment_token payment = {.to_account = target, .payment_id = target, .token = k};
    const struct payment_ask ask = {.to_account = target, .currency = 840};
    const struct payment_told told = {.payment_id = target, .ask = target};
    const struct transfer_half_end half = {target, {.pending_id = target, .released = 1}};
    const struct group_token group = {.account_id = target, .group = {.tenant_id = target}};
    const struct group_follow follow = {.share_id = target, .decided_time = turn_time(t)};
    switch (number % FORGERIES) {
    case 0:
        turn_send(t, &transfer_token_type, &transfer);
        break;
    case 1:
        turn_send(t, &wallet_token_type, &wallet);
        break;
    case 2:
        turn_send(t, &payment_token_type, &payment);
        break;
    case 3:
        turn_send(t, &payment_ask_type, &ask);
        break;
    case 4:
        turn_send(t, &payment_told_type, &told);
        break;
    case 5:
        turn_send(t, &transfer_half_end_type, &half);
        break;
    case 6:
        turn_send(t, &group_token_type, &group);
        break;
    case 7:
        turn_send(t, &group_follow_type, &follow);
        break;
    default:
        forgery_decision(t, target, number);
    }
}
