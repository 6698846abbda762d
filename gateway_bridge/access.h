/* SPDX-License-Identifier: Apache-2.0 */
/* Access: whether a client may make a request: its token, the scope of the route, and its rate.
 * Loop's thread. */
#ifndef GATEWAY_BRIDGE_ACCESS_H
#define GATEWAY_BRIDGE_ACCESS_H

#include "gateway_bridge/exchange.h"

/* Of the operation x->route: fills x->message.who, x->claims and x->rates. RESULT_OK, or the
 * refusal with x->challenge and x->token. A request that is not whole yet passes without being
 * counted. */
must_check uint16_t access_check(struct exchange *x, struct http_connection *c,
                                 const struct request *r, bool whole);

/* Counts what needs no token: a document, which all share, and a path without routes. RESULT_OK or
 * the refusal. */
must_check uint16_t access_check_shared(struct exchange *x, struct http_connection *c);
must_check uint16_t access_check_elsewhere(struct exchange *x, struct http_connection *c);

/* A connection with a token_memo ends: a call of struct http_handler. */
void access_forget_connection(void *context, void *user);

#endif
