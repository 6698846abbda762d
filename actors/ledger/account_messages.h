/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of the messages that accounts get, and of those that open accounts. */
#ifndef LEDGER_ACCOUNT_MESSAGES_H
#define LEDGER_ACCOUNT_MESSAGES_H

#include "actors/ledger/account.h"

enum turn_result account_on_create(struct turn *t, struct id128 self, const struct message *m);
enum turn_result accounts_on_create(struct turn *t, struct id128 self, const struct message *m);
enum turn_result account_on_get(struct turn *t, struct id128 self, const struct message *m);
enum turn_result account_on_update(struct turn *t, struct id128 self, const struct message *m);
enum turn_result account_on_freeze(struct turn *t, struct id128 self, const struct message *m);
enum turn_result account_on_unfreeze(struct turn *t, struct id128 self, const struct message *m);
enum turn_result account_on_close(struct turn *t, struct id128 self, const struct message *m);

#endif
