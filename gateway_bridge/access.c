/* SPDX-License-Identifier: Apache-2.0 */
/* A connection remembers the claims of its last good token (token_memo), so that a client which
 * sends the same token again costs one comparison of bytes. Refusals note the challenge that the
 * client is given, and the reason for the log.
 *
 * Rates. What a good token asks for counts for its subject, unless that is the client itself, and
 * then for its client: a user who is refused takes nothing of what the client's other users may
 * send. All else counts for the address, whose bucket must have something left before a public key
 * is used; tokens that are known are not affected by it. */
#include "gateway_bridge/access.h"

#include "runtime/base/sha256.h"
#include "schemas/result.h"

#define COST_REFUSED 5 /* requests that one without a good token, or without the scope, counts as  \
                        */

void access_forget_connection(void *context, void *user)
{
    (void)context;
    struct token_memo memo = {user};
    token_memo_done(&memo);
}

/* --- rates ------------------------------------------------------------------------------------ */

/* Takes tokens of a bucket; false: there are not as many. */
static bool access_take(struct exchange *x, const char *policy, struct rate_limit *limit,
                        struct id128 id, uint32_t count)
{
    if (limit == NULL)
        return true;
    check(x->rate_count < EXCHANGE_RATES_MAX);
    struct exchange_rate *rate = &x->rates[x->rate_count++];
    *rate = (struct exchange_rate){policy, limit,
                                   rate_limit_take(limit, id, count, x->bridge->mono_ns)};
    if (rate->verdict.passed)
        return true;
    x->rate_refused = policy;
    x->message.retry_after_ms = rate->verdict.reset_s * 1000;
    return false;
}

static bool access_take_of_claims(struct exchange *x, const struct token_claims *claims,
                                  uint32_t count)
{
    const struct rate_limits *limits = &x->bridge->options.rate_limits;
    return (claims->application ||
            access_take(x, "subject", limits->subject, claims->subject_id, count)) &&
           access_take(x, "client", limits->client, claims->client_id, count);
}

static bool access_take_of_address(struct exchange *x, const struct http_connection *c,
                                   uint32_t count)
{
    const struct bridge *b = x->bridge;
    const struct rate_limits *limits = &b->options.rate_limits;
    if (limits->address == NULL || http_connection_trusted(c))
        return true;
    struct slice pieces[] = {
        {(const char *)&b->rate_seed, sizeof b->rate_seed},
        {(const char *)http_connection_address(c)->bytes, ADDRESS_BYTES},
    };
    return access_take(x, "address", limits->address, sha256_id(pieces, array_len(pieces)), count);
}

/* --- token and scope -------------------------------------------------------------------------- */

/* As token_memo_verify(); a token that is not known costs a look at the address's bucket before the
 * work. */
static uint16_t access_verify_token(struct exchange *x, struct http_connection *c,
                                    struct slice token, const struct token_claims **claims)
{
    struct bridge *b = x->bridge;
    struct token_verifier *v = b->options.verifier;
    struct token_memo memo = {http_connection_user(c)};
    uint16_t code = token_memo_verify(&memo, v, token, b->wall_s, false, claims);
    if (code != RESULT_OK && token_reason(v) == TOKEN_UNEXAMINED)
        code = access_take_of_address(x, c, 0)
                   ? token_memo_verify(&memo, v, token, b->wall_s, true, claims)
                   : RESULT_RATE_LIMITED;
    http_connection_set_user(c, memo.claims);
    if (code != RESULT_RATE_LIMITED)
        x->rate_count = 0; /* it was a look */
    return code;
}

/* The claims of the request's token; *claims is borrowed until the connection's next request. */
static uint16_t access_verify(struct exchange *x, struct http_connection *c,
                              const struct request *r, const struct token_claims **claims)
{
    struct slice token;
    if (!header_bearer(request_field(r, FIELD_AUTHORIZATION), &token)) {
        x->challenge = CHALLENGE_TOKEN_MISSING;
        x->token = TOKEN_MISSING;
        return RESULT_UNAUTHENTICATED;
    }
    uint16_t code = access_verify_token(x, c, token, claims);
    if (code == RESULT_UNAUTHENTICATED)
        x->challenge = CHALLENGE_TOKEN_INVALID;
    if (code != RESULT_OK)
        x->token = token_reason(x->bridge->options.verifier);
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
        .adjusts = access->adjust != 0 && token_allows(claims, access->adjust),
    };
    if (token_allows(claims, access->scope))
        return RESULT_OK;
    x->challenge = CHALLENGE_SCOPE;
    return RESULT_INSUFFICIENT_SCOPE;
}

static uint16_t access_refuse_rate(struct exchange *x)
{
    x->challenge = CHALLENGE_NONE;
    return RESULT_RATE_LIMITED;
}

uint16_t access_check(struct exchange *x, struct http_connection *c, const struct request *r,
                      bool whole)
{
    check(x->route != NULL && x->claims == NULL);
    uint16_t code = access_authorise(x, c, r);
    bool passed = true;
    if (code == RESULT_UNAUTHENTICATED)
        passed = access_take_of_address(x, c, COST_REFUSED);
    else if (x->claims != NULL)
        passed = access_take_of_claims(x, x->claims, code != RESULT_OK ? COST_REFUSED : whole);
    return passed ? code : access_refuse_rate(x);
}

uint16_t access_check_shared(struct exchange *x, struct http_connection *c)
{
    const struct token_claims *known = http_connection_user(c);
    bool passed =
        known != NULL ? access_take_of_claims(x, known, 1) : access_take_of_address(x, c, 1);
    return passed ? RESULT_OK : access_refuse_rate(x);
}

uint16_t access_check_elsewhere(struct exchange *x, struct http_connection *c)
{
    return access_take_of_address(x, c, COST_REFUSED) ? RESULT_OK : access_refuse_rate(x);
}
