/* SPDX-License-Identifier: Apache-2.0 */
/* Access: whether a client may make a request: its token, the scope of the route, and its rate.
 * Loop's thread. */
#ifndef GATEWAY_BRIDGE_ACCESS_H
#define GATEWAY_BRIDGE_ACCESS_H

#include "gateway_bridge/exchange.h"

/* Of the operation x->route: fills x->message.who, x->claims and x->rate. RESULT_OK, or the refusal
 * with x->challenge and x->token. A request that is not whole yet passes without being counted. */
must_check uint16_t access_check(struct exchange *x, struct http_connection *c,
                                 const struct request *r, bool whole);

/* A connection with a token_memo ends: a call of struct http_handler. */
void access_forget_connection(void *context, void *user);

#endif
