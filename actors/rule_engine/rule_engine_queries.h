/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules would decide, and which there are. Read worker. */
#ifndef RULE_ENGINE_RULE_ENGINE_QUERIES_H
#define RULE_ENGINE_RULE_ENGINE_QUERIES_H

#include "runtime/actor/domain.h"

uint16_t rule_engine_query_evaluate(struct view_store *s, const struct message *m,
                                    struct wire_writer *reply, uint16_t *reply_type);
uint16_t rule_engine_query_rules(struct view_store *s, const struct message *m,
                                 struct wire_writer *reply, uint16_t *reply_type);

#endif
