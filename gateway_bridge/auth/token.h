/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens: signed JWTs (RFC 7519, 9068) of the issuers named in the configuration. The
 * header only names a key; what that key may sign with is fixed by the key set (RFC 8725).
 * One verifier per loop with a cache of its own; all calls on that loop's thread. The key sets
 * behind it are shared and refreshed by a thread of theirs (jwks.h). */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/id128.h"
#include "runtime/base/slice.h"

#define TOKEN_SIZE_MAX 8192       /* bytes of the whole token */
#define TOKEN_ISSUERS_MAX 4       /* of a policy */
#define TOKEN_AUDIENCES_MAX 8     /* of an issuer */
#define TOKEN_SCOPES_MAX 64       /* different scopes that routes ask for */
#define TOKEN_TENANT_MAX 64       /* bytes */
#define TOKEN_SUBJECT_MAX 128     /* bytes, client as well */
#define TOKEN_CACHE_MAX 4096      /* verified tokens a verifier remembers */
#define TOKEN_REFUSED_MAX 256     /* wrongly signed tokens a verifier remembers */
#define TOKEN_CACHE_S 60          /* a verified token is looked at again after this, or at exp */
#define TOKEN_SKEW_S 10           /* nbf and iat may lie this far in the future; exp has none */
#define TOKEN_LIFETIME_MAX_S 3600 /* exp - iat, unless the issuer says otherwise */

struct jwks;
struct revocations;
struct token_verifier;

/* What the client is told of a token that was refused, RFC 6750 section 3: enough for its own
 * mistakes. What the claims must be is told only to whoever shows a good signature. The texts have
 * no quotes, as they stand in WWW-Authenticate too. */
#define TOKEN_TOLD_LIST(X)                                                                         \
    X(OK, NULL)                                                                                    \
    X(MISSING, "This operation needs an access token: Authorization: Bearer and the token.")       \
    X(MALFORMED, "The access token is malformed.")                                                 \
    X(KIND, "The token is no access token for bearers.")                                           \
    X(KEY, "The access token names a key that its issuer does not publish.")                       \
    X(ISSUER, "The access token is of an issuer that this service does not know.")                 \
    X(SIGNATURE, "The signature of the access token is wrong.")                                    \
    X(AUDIENCE, "The access token is for another audience.")                                       \
    X(EXPIRED, "The access token has expired.")                                                    \
    X(NOT_YET, "The access token is not valid yet.")                                               \
    X(CLAIMS, "A claim of the access token is missing or not acceptable.")                         \
    X(REVOKED, "The access token was revoked.")

/* Why a token was refused: for the log, with what the client is told. */
#define TOKEN_REASON_LIST(X)                                                                       \
    X(OK, OK, "ok")                                                                                \
    X(MISSING, MISSING, "no token")                                                                \
    X(TOO_LONG, MALFORMED, "longer than allowed")                                                  \
    X(PARTS, MALFORMED, "not three parts")                                                         \
    X(BASE64, MALFORMED, "not strict base64url")                                                   \
    X(JSON, MALFORMED, "header or payload is not a JSON object with unique members")               \
    X(HEADER, MALFORMED, "header has a member that is not allowed")                                \
    X(ALG, SIGNATURE, "alg is not the one of the key")                                             \
    X(TYP, KIND, "typ is not that of an access token")                                             \
    X(KID, MALFORMED, "kid is malformed")                                                          \
    X(KEY_UNKNOWN, KEY, "no such key")                                                             \
    X(ISSUER, ISSUER, "iss is not a known issuer")                                                 \
    X(SIGNATURE, SIGNATURE, "signature is wrong")                                                  \
    X(AUDIENCE, AUDIENCE, "aud does not contain this service")                                     \
    X(TIME_TYPE, CLAIMS, "exp, nbf or iat is missing or not a number of seconds")                  \
    X(EXPIRED, EXPIRED, "expired")                                                                 \
    X(NOT_YET, NOT_YET, "nbf or iat lies in the future")                                           \
    X(LIFETIME, CLAIMS, "lives longer than allowed")                                               \
    X(SUBJECT, CLAIMS, "sub is missing or malformed")                                              \
    X(CLIENT, CLAIMS, "azp or client_id is missing, malformed or contradictory")                   \
    X(TENANT, CLAIMS, "the tenant's claim is missing or malformed")                                \
    X(SCOPE, CLAIMS, "scope is malformed")                                                         \
    X(ID, CLAIMS, "jti is malformed or too long")                                                  \
    X(KIND, KIND, "an ID token or one bound to a key that was not shown")                          \
    X(REVOKED, REVOKED, "revoked by an operator")                                                  \
    X(UNEXAMINED, OK, "neither known nor to be examined now")                                      \
    X(NO_MEMORY, OK, "out of memory")

enum token_reason {
#define X(name, told, text) TOKEN_##name,
    TOKEN_REASON_LIST(X)
#undef X
};

/* Static storage. */
const char *token_reason_text(enum token_reason reason);
/* The same for the client; NULL: nothing of it. */
const char *token_reason_told(enum token_reason reason);

/* The scopes that routes ask for, each with a bit. Filled while the process is composed, constant
 * afterwards and shared by all loops. */
struct token_scopes {
    const char *names[TOKEN_SCOPES_MAX]; /* borrowed */
    uint32_t count;
};

/* The bit of a scope, which is added if new. 0 for NULL (open to everyone). */
uint64_t token_scope_bit(struct token_scopes *scopes, const char *name);

enum token_typ {
    TOKEN_TYP_AT_JWT = 1, /* "at+jwt", "application/at+jwt" */
    TOKEN_TYP_JWT = 2,    /* "JWT": backend tokens of a gateway */
    TOKEN_TYP_ABSENT = 4,
};

/* What is accepted from one issuer. Text is borrowed for the verifier's life. */
struct token_issuer {
    const char *issuer;                         /* exactly the claim iss */
    const char *audiences[TOKEN_AUDIENCES_MAX]; /* one of them must be in aud */
    uint32_t audience_count;    /* 0 = aud is not looked at: backend tokens have none */
    uint32_t typs;              /* of enum token_typ; 0 = TOKEN_TYP_AT_JWT */
    uint32_t lifetime_max_s;    /* 0 = TOKEN_LIFETIME_MAX_S */
    const char *subject_claim;  /* NULL = "sub" */
    const char *client_claim;   /* NULL = "azp", else "client_id" */
    const char *tenant_claim;   /* NULL = "tenant"; absent: tenant_default, no other claim */
    const char *tenant_default; /* NULL = a token without a tenant is refused */
    struct jwks *keys;          /* outlives the verifier */
};

struct token_policy {
    struct token_issuer issuers[TOKEN_ISSUERS_MAX];
    uint32_t issuer_count;
    const struct token_scopes *scopes; /* outlives the verifier */
    struct revocations *revocations;   /* as well; NULL = no token is ever revoked */
};

/* What a good token says. Counted references, loop's thread only; the fields are constant, so the
 * text may be read anywhere while a reference is held. */
struct token_claims {
    struct slice tenant;
    struct slice subject;
    struct slice client;
    struct id128 tenant_id;  /* sha256_id(tenant) */
    struct id128 subject_id; /* sha256_id(tenant, 0, subject) */
    struct id128 client_id;  /* sha256_id(tenant, 0, client) */
    struct id128 token_id;   /* revocation_token_id(jti); zero = it has none */
    struct id128 principal_id; /* struct principal's id */
    uint64_t scopes;         /* bits of token_scope_bit(); unknown scopes have none */
    uint64_t expires_s;      /* Unix time of exp */
    uint64_t issued_s;       /* of iat */
    bool application;        /* a client acting for itself, no user */
};

static inline bool token_allows(const struct token_claims *claims, uint64_t scope_bit)
{
    return (claims->scopes & scope_bit) == scope_bit;
}

struct token_claims *token_claims_ref(const struct token_claims *claims);
struct token_claims *token_claims_unref(const struct token_claims *claims); /* NULL; takes NULL */

/* The policy is copied. NULL without memory. */
must_check struct token_verifier *token_verifier_new(const struct token_policy *policy);
struct token_verifier *token_verifier_free(struct token_verifier *v); /* NULL; takes NULL */

/* 0, or RESULT_UNAUTHENTICATED with token_reason(v) set and *ret untouched. `token` is what follows
 * "Bearer "; now_s is Unix time. *ret is borrowed until the next call on this verifier; take a
 * reference to keep it longer. Unless `examine`, a token that is
 * not remembered is refused as TOKEN_UNEXAMINED, without work for a public key. */
must_check uint16_t token_verify(struct token_verifier *v, struct slice token, uint64_t now_s,
                                 bool examine, const struct token_claims **ret);

/* Of the last token_verify() or token_memo_verify(). */
enum token_reason token_reason(const struct token_verifier *v);

/* The last good token of a connection, zeroed at first: as long as a client sends the same token,
 * verifying it is one comparison of bytes. */
struct token_memo {
    struct token_claims *claims;
};

/* As token_verify(); *ret is borrowed until the memo's next call or its end. */
must_check uint16_t token_memo_verify(struct token_memo *m, struct token_verifier *v,
                                      struct slice token, uint64_t now_s, bool examine,
                                      const struct token_claims **ret);

/* Before the verifier is freed. */
void token_memo_done(struct token_memo *m);

struct token_statistics {
    uint64_t hits;     /* answered by memo or cache */
    uint64_t verified; /* good signatures checked */
    uint64_t refused;
    uint64_t refused_hits; /* of the refused: remembered as wrongly signed */
    uint32_t cached;
};

struct token_statistics token_statistics(const struct token_verifier *v);

#endif
