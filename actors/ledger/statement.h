/* SPDX-License-Identifier: Apache-2.0 */
/* Statement: what was posted to an account in an interval of recorded time, the oldest first, with
 * the balance before, after and between. It is read from the account's own history, whose entries
 * never change: one of the past is the same whenever it is asked for, and its lines add up to the
 * difference of its two balances. Read worker. */
#ifndef LEDGER_STATEMENT_H
#define LEDGER_STATEMENT_H

#include "runtime/actor/domain.h"

uint16_t statement_query(struct view_store *s, const struct message *m, struct wire_writer *reply,
                         uint16_t *reply_type);

#endif
