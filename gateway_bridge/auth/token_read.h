/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of tokens: what a JWT says, without any trust in it. Pure functions behind token.h; the
 * order in which the verifier calls them is its policy. */
#ifndef AUTH_TOKEN_READ_H
#define AUTH_TOKEN_READ_H

#include <stdint.h>

#include "gateway_bridge/auth/key_set.h"
#include "gateway_bridge/auth/token.h"

#define TOKEN_PART_MAX (TOKEN_SIZE_MAX * 3 / 4) /* bytes of a decoded part */
#define TOKEN_SECONDS_MAX 100000000000u /* a later time is one in milliseconds (year 5138) */

struct yyjson_val;

/* The three parts as they were sent. */
struct token_parts {
    struct slice header, payload, signature;
    struct slice covered; /* what the signature is about: header, dot, payload */
};

/* Of 1 to TOKEN_SIZE_MAX bytes. */
must_check enum token_reason token_split(struct slice token, struct token_parts *parts);

struct token_header {
    struct slice kid; /* empty if absent */
    enum key_alg alg;
    enum token_typ typ;
};

/* Refuses whatever would change the meaning of the rest (crit, b64, zip, enc) or bring a key along
 * (jku, x5u, jwk); x5c and x5t are not looked at. */
must_check enum token_reason token_header_read(struct yyjson_val *object, struct token_header *h);

/* The issuer of this name, or NULL. */
const struct token_issuer *token_issuer_find(const struct token_policy *policy,
                                             struct yyjson_val *payload);

/* Checks all claims but iss against the issuer's rules and the clock. Text of *claims points into
 * the payload or the policy; the ids are not filled in. */
must_check enum token_reason token_claims_read(const struct token_issuer *issuer,
                                               const struct token_scopes *scopes,
                                               struct yyjson_val *payload, uint64_t now_s,
                                               struct token_claims *claims);

#endif
