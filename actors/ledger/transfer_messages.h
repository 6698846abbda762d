/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer messages: handlers of what makes, resolves, reverses and shows one transfer. */
#ifndef LEDGER_TRANSFER_MESSAGES_H
#define LEDGER_TRANSFER_MESSAGES_H

#include "actors/ledger/transfer.h"
#include "runtime/actor/turn.h"

enum turn_result transfer_on_create(struct turn *t, struct id128 self, const struct message *m);
enum turn_result transfer_on_get(struct turn *t, struct id128 self, const struct message *m);
enum turn_result transfer_on_post(struct turn *t, struct id128 self, const struct message *m);
enum turn_result transfer_on_void(struct turn *t, struct id128 self, const struct message *m);
enum turn_result transfer_on_reverse(struct turn *t, struct id128 self, const struct message *m);

/* posting_check() of one that is asked for by itself. */
must_check uint16_t transfer_created_check(struct turn *t, struct posting *p);

/* For transactions as well. RESULT_OK, or why this transfer cannot be moved back. */
must_check uint16_t transfer_reversible(const struct transfer_info *info);

/* The posting that moves it back; transfer_reversal_emit() after its posting_emit(). */
struct posting transfer_reversal_of(const struct transfer_info *info, struct id128 reversal_id,
                                    struct id128 tenant_id);

#endif
