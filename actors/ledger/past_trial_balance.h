/* SPDX-License-Identifier: Apache-2.0 */
/* Past trial balance: the totals of all accounts as they were at a moment, from the views. */
#ifndef LEDGER_PAST_TRIAL_BALANCE_H
#define LEDGER_PAST_TRIAL_BALANCE_H

#include "runtime/actor/domain.h"

/* Answers trial_balance_at. Looks at LEDGER_LIST_ROWS_MAX accounts at most. */
uint16_t past_trial_balance_query(struct view_store *s, const struct message *m,
                                  struct wire_writer *reply, uint16_t *reply_type);

#endif
