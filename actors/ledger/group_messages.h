/* SPDX-License-Identifier: Apache-2.0 */
/* Group messages: handlers of what shards say to each other about groups. */
#ifndef LEDGER_GROUP_MESSAGES_H
#define LEDGER_GROUP_MESSAGES_H

#include "runtime/actor/domain.h"

extern const struct actor_kind group_share_kind;

enum turn_result group_on_token(struct turn *t, struct id128 self, const struct message *m);

#endif
