/* SPDX-License-Identifier: Apache-2.0 */
/* Message reader: what a request asks of an actor, as the message of its exchange. Path, query and
 * body become the message's struct by its generated table; Idempotency-Key and If-Match its key and
 * its precondition. Loop's thread. */
#ifndef GATEWAY_BRIDGE_MESSAGE_READER_H
#define GATEWAY_BRIDGE_MESSAGE_READER_H

#include "gateway_bridge/exchange.h"

/* x->route is `match`'s and x->message.who is known. All that the message refers to is in the
 * exchange's arena afterwards. RESULT_OK, or the refusal, with x->error if a field broke a rule. */
must_check uint16_t message_read(struct exchange *x, const struct route_match *match,
                                 const struct request *r);

/* What the head alone tells of the body: it is taken, and is JSON. RESULT_OK or the refusal. */
must_check uint16_t message_check_head(struct exchange *x, const struct request *r);

/* Notes which field broke which rule (static), for the client; returns the code. */
uint16_t message_refuse_field(struct exchange *x, uint16_t code, struct slice field,
                              const char *rule);

#endif
