/* SPDX-License-Identifier: Apache-2.0 */
/* The identity of payd's clients: whose tokens are accepted, which of them are revoked, and how
 * many requests a client may send. */
#ifndef BIN_PAYD_IDENTITY_H
#define BIN_PAYD_IDENTITY_H

#include "gateway_bridge/auth/issuer.h"
#include "gateway_bridge/auth/jwks.h"
#include "gateway_bridge/auth/rate_limit.h"
#include "gateway_bridge/auth/revocations.h"
#include "gateway_bridge/auth/token.h"
#include "runtime/node/node.h"

struct payd;

/* What a loop has of its own. */
struct payd_loop_identity {
    struct issuer *issuer; /* development tokens; NULL = none */
    struct token_verifier *verifier;
};

struct payd_identity {
    struct token_scopes scopes;    /* those of all routes */
    struct rate_limits rate_limits;
    struct revocations *revocations;
    struct jwks *keys; /* of the token issuer */
    struct payd_loop_identity loops[NODE_LOOPS_MAX];
    uint16_t loop_count;
};

/* Those of an issuer that is not ours, before the data is opened: what is wrong with the settings
 * changes no file. false after payd_fail(). */
must_check bool payd_identity_fetch_keys(struct payd *p);

/* For each loop of the node; false after payd_fail(). */
must_check bool payd_identity_make(struct payd *p);

/* After the loops have ended. */
void payd_identity_free(struct payd_identity *i);

#endif
