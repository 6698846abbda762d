/* SPDX-License-Identifier: Apache-2.0 */
/* A connection remembers the claims of its last good token (token_memo), so that a client which
 * sends the same token again costs one comparison of bytes. Refusals note the challenge that the
 * client is given, and the reason for the log. */
#include "gateway_bridge/access.h"

#include "schemas/result.h"

void access_forget_connection(void *context, void *user)
{
    (void)context;
    struct token_memo memo = {user};
    token_memo_done(&memo);
}

/* The claims of the request's token; *claims is borrowed until the connection's next request. */
static uint16_t access_verify(struct exchange *x, struct http_connection *c,
                              const struct request *r, const struct token_claims **claims)
{
    struct bridge *b = x->bridge;
    struct slice token;
    if (!header_bearer(request_field(r, FIELD_AUTHORIZATION), &token)) {
        x->challenge = CHALLENGE_TOKEN_MISSING;
        x->token = TOKEN_MISSING;
        return RESULT_UNAUTHENTICATED;
    }
    struct token_memo memo = {http_connection_user(c)};
    uint16_t code = token_memo_verify(&memo, b->options.verifier, token, b->wall_s, claims);
    http_connection_set_user(c, memo.claims);
    if (code == RESULT_UNAUTHENTICATED)
        x->challenge = CHALLENGE_TOKEN_INVALID;
    if (code != RESULT_OK)
        x->token = token_reason(b->options.verifier);
    return code;
}

/* A token with the route's scope, whose claims name the principal; a route without a scope is open.
 */
static uint16_t access_authorise(struct exchange *x, struct http_connection *c,
                                 const struct request *r)
{
    const struct bridge_access *access = &x->bridge->access[x->route - x->bridge->options.routes];
    const struct token_claims *claims = NULL;
    if (x->route->scope == NULL)
        return RESULT_OK;
    uint16_t code = access_verify(x, c, r, &claims);
    if (code != RESULT_OK)
        return code;
    if (!token_allows(claims, access->scope)) {
        x->challenge = CHALLENGE_SCOPE;
        return RESULT_INSUFFICIENT_SCOPE;
    }
    x->claims = token_claims_ref(claims);
    x->message.who = (struct principal){
        .tenant = claims->tenant,
        .subject = claims->subject,
        .client = claims->client,
        .tenant_id = claims->tenant_id,
        .subject_id = claims->subject_id,
        .token_id = claims->token_id,
        .id = claims->principal_id,
        .any_owner = access->any_owner != 0 && token_allows(claims, access->any_owner),
    };
    return RESULT_OK;
}

/* Takes one request off what the token's client may send, once it is whole. */
static uint16_t access_count(struct exchange *x, bool whole)
{
    struct bridge *b = x->bridge;
    if (b->options.rate_limit == NULL || x->claims == NULL)
        return RESULT_OK;
    x->rate =
        rate_limit_take(b->options.rate_limit, x->claims->client_id, whole ? 1 : 0, b->mono_ns);
    x->rated = true;
    if (x->rate.passed)
        return RESULT_OK;
    x->message.retry_after_ms = x->rate.reset_s * 1000;
    return RESULT_RATE_LIMITED;
}

uint16_t access_check(struct exchange *x, struct http_connection *c, const struct request *r,
                      bool whole)
{
    check(x->route != NULL && x->claims == NULL);
    uint16_t code = access_authorise(x, c, r);
    return code == RESULT_OK ? access_count(x, whole) : code;
}
