/* SPDX-License-Identifier: Apache-2.0 */
/* Transaction messages: handlers of what makes, shows and reverses transactions: several transfers,
 * all or none, with a description and metadata of their own. */
#ifndef LEDGER_TRANSACTION_MESSAGES_H
#define LEDGER_TRANSACTION_MESSAGES_H

#include "runtime/actor/domain.h"
#include "schemas/ledger.h"

enum turn_result transaction_on_create(struct turn *t, struct id128 self, const struct message *m);
enum turn_result transaction_on_get(struct turn *t, struct id128 self, const struct message *m);
enum turn_result transaction_on_reverse(struct turn *t, struct id128 self, const struct message *m);

#endif
