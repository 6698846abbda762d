/* SPDX-License-Identifier: Apache-2.0 */
/* Single transfer: what the compact form asks for, with the fields of a transfer made by itself.
 * For unit tests and the simulator. */
#ifndef TESTS_SINGLE_TRANSFER_H
#define TESTS_SINGLE_TRANSFER_H

#include "schemas/ledger.h"

static inline struct transfer_create single_transfer(const struct transfer_spec *s)
{
    return (struct transfer_create){
        .has_transfer_id = true,
        .transfer_id = s->id,
        .debit_account_id = s->debit_account_id,
        .has_credit_account_id = true,
        .credit_account_id = s->credit_account_id,
        .has_amount = s->has_amount,
        .amount = s->amount,
        .currency = s->currency,
        .has_code = true,
        .code = s->code,
        .has_flags = true,
        .flags = s->flags,
        .has_pending_id = true,
        .pending_id = s->pending_id,
        .has_timeout_s = s->has_timeout_s,
        .timeout_s = s->timeout_s,
        .has_effective_time = s->has_effective_time,
        .effective_time = s->effective_time,
        .has_user_data_128 = s->has_user_data_128,
        .user_data_128 = s->user_data_128,
        .has_user_data_64 = s->has_user_data_64,
        .user_data_64 = s->user_data_64,
        .has_user_data_32 = s->has_user_data_32,
        .user_data_32 = s->user_data_32,
    };
}

#endif
