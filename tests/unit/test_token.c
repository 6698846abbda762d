/* SPDX-License-Identifier: Apache-2.0 */
/* Which tokens open the door, and which do not. Every line of the refusals is an attack or a
 * misunderstanding that somebody's verifier once let through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka needs the four above */
#include <cmocka.h>
#include <jwt.h>

#include "gateway_bridge/auth/revocations.h"
#include "runtime/base/rng.h"
#include "runtime/base/sha256.h"
#include "schemas/result.h"
#include "tests/unit/token_fixture.h"

#define RS "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"" KID_RSA "\""
#define ES "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"" KID_EC "\""
#define ISS "\"iss\":\"" ISSUER_IS "\","
#define AUD "\"aud\":[\"client-1\",\"payment-platform\"],"
#define WHO "\"sub\":\"5f0c\",\"azp\":\"client-1\",\"client_id\":\"client-1\","
#define TENANT "\"tenant\":\"acme\","
#define SCOPE "\"scope\":\"openid wallets:write\","
#define TIMES "\"iat\":1799999900,\"nbf\":1799999900,\"exp\":1800003000"
#define RS_AM "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" KID_RSA "\"}"
#define ES_AM "{\"alg\":\"ES256\",\"kid\":\"" KID_EC "\"}"
#define WHOLE_AM                                                                                   \
    "{\"iss\":\"" ISSUER_AM "\",\"exp\":1800000800,\"iat\":1799999900,\"azp\":\"app-7\","          \
    "\"http://wso2.org/claims/enduserTenantId\":\"o-1\","                                         \
    "\"http://wso2.org/claims/enduser\":\"alice\"}"
#define WHOLE "{" ISS AUD WHO TENANT SCOPE TIMES
#define WITH_TIMES(times) "{" ISS AUD WHO TENANT times "}"
#define WITH_AUD(aud) "{" ISS aud WHO TENANT TIMES "}"
#define WITH_WHO(who) "{" ISS AUD who TENANT TIMES "}"
#define WITH_TENANT(tenant) "{" ISS AUD WHO tenant TIMES "}"
#define WITH_SCOPE(scope) "{" ISS AUD WHO TENANT scope TIMES "}"
#define LONG_128                                                                                   \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"                             \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct slice text(const char *token)
{
    return slice_of(token);
}

static int given_keys(void **state)
{
    *state = fixture_new();
    return 0;
}

static int no_more_keys(void **state)
{
    fixture_free(*state);
    return 0;
}

struct hostile {
    const char *name;
    enum signer by;
    const char *header, *payload;
    enum token_reason reason;
};

static const struct hostile hostile[] = {
    /* The algorithm belongs to the key. */
    {"alg none", BY_NOBODY, "{\"alg\":\"none\",\"typ\":\"at+jwt\"}", WHOLE "}", TOKEN_PARTS},
    {"alg none with some signature", BY_RSA, "{\"alg\":\"none\",\"typ\":\"at+jwt\"}", WHOLE "}",
     TOKEN_ALG},
    {"alg NONE as WSO2 samples have it", BY_RSA, "{\"alg\":\"NONE\",\"typ\":\"JWT\"}", WHOLE "}",
     TOKEN_ALG},
    {"alg nOnE with a blank", BY_RSA, "{\"alg\":\"nOnE \",\"typ\":\"at+jwt\"}", WHOLE "}",
     TOKEN_ALG},
    {"HS256 with the public key as secret", BY_HMAC_OF_PUBLIC_KEY,
     "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"" KID_RSA "\"}", WHOLE "}", TOKEN_ALG},
    {"HMAC of the public key under RS256", BY_HMAC_OF_PUBLIC_KEY, RS "}", WHOLE "}",
     TOKEN_SIGNATURE},
    {"ES256 for an RSA key", BY_EC,
     "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"" KID_RSA "\"}", WHOLE "}", TOKEN_ALG},
    {"RS256 for an EC key", BY_RSA, "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"" KID_EC "\"}",
     WHOLE "}", TOKEN_ALG},
    {"RS512", BY_RSA, "{\"alg\":\"RS512\",\"typ\":\"at+jwt\",\"kid\":\"" KID_RSA "\"}", WHOLE "}",
     TOKEN_ALG},
    {"alg in small letters", BY_RSA,
     "{\"alg\":\"rs256\",\"typ\":\"at+jwt\",\"kid\":\"" KID_RSA "\"}", WHOLE "}", TOKEN_ALG},
    {"alg missing", BY_RSA, "{\"typ\":\"at+jwt\",\"kid\":\"" KID_RSA "\"}", WHOLE "}", TOKEN_ALG},
    {"alg a number", BY_RSA, "{\"alg\":256,\"typ\":\"at+jwt\"}", WHOLE "}", TOKEN_ALG},
    {"another key under our kid", BY_OTHER_RSA, RS "}", WHOLE "}", TOKEN_SIGNATURE},
    {"ES256 signature in DER", BY_EC_DER, ES "}", WHOLE "}", TOKEN_SIGNATURE},

    /* The header brings nothing along and changes no meaning. */
    {"crit", BY_RSA, RS ",\"crit\":[\"exp\"]}", WHOLE "}", TOKEN_HEADER},
    {"b64 false", BY_RSA, RS ",\"b64\":false}", WHOLE "}", TOKEN_HEADER},
    {"zip", BY_RSA, RS ",\"zip\":\"DEF\"}", WHOLE "}", TOKEN_HEADER},
    {"enc", BY_RSA, RS ",\"enc\":\"A128GCM\"}", WHOLE "}", TOKEN_HEADER},
    {"jku", BY_OTHER_RSA, RS ",\"jku\":\"https://evil.example/jwks\"}", WHOLE "}", TOKEN_HEADER},
    {"x5u", BY_OTHER_RSA, RS ",\"x5u\":\"https://evil.example/x\"}", WHOLE "}", TOKEN_HEADER},
    {"jwk", BY_OTHER_RSA, RS ",\"jwk\":{\"kty\":\"RSA\"}}", WHOLE "}", TOKEN_HEADER},
    {"x5c is not looked at", BY_OTHER_RSA, RS ",\"x5c\":[\"MIIB\"]}", WHOLE "}", TOKEN_SIGNATURE},
    {"typ of an ID token", BY_RSA, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" KID_RSA "\"}",
     WHOLE "}", TOKEN_TYP},
    {"typ missing", BY_RSA, "{\"alg\":\"RS256\",\"kid\":\"" KID_RSA "\"}", WHOLE "}", TOKEN_TYP},
    {"typ of a refresh token", BY_RSA,
     "{\"alg\":\"RS256\",\"typ\":\"rt+jwt\",\"kid\":\"" KID_RSA "\"}", WHOLE "}", TOKEN_TYP},
    {"typ a number", BY_RSA, "{\"alg\":\"RS256\",\"typ\":1}", WHOLE "}", TOKEN_TYP},
    {"kid a path", BY_RSA, "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"../../etc/passwd\"}",
     WHOLE "}", TOKEN_KEY_UNKNOWN},
    {"kid an SQL text", BY_RSA, "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"' OR 1=1--\"}",
     WHOLE "}", TOKEN_KEY_UNKNOWN},
    {"kid empty", BY_RSA, "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"\"}", WHOLE "}",
     TOKEN_KID},
    {"kid too long", BY_RSA, "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"" LONG_128 "x\"}",
     WHOLE "}", TOKEN_KID},
    {"kid with NUL", BY_RSA, "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"ec-1\\u0000\"}",
     WHOLE "}", TOKEN_KID},
    {"kid unknown", BY_RSA, "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"nobody\"}", WHOLE "}",
     TOKEN_KEY_UNKNOWN},
    {"kid missing while there are two keys", BY_RSA, "{\"alg\":\"RS256\",\"typ\":\"at+jwt\"}",
     WHOLE "}", TOKEN_KEY_UNKNOWN},

    /* JSON that two readers would understand differently. */
    {"header no object", BY_RSA, "[\"RS256\"]", WHOLE "}", TOKEN_JSON},
    {"header with alg twice", BY_RSA, RS ",\"alg\":\"none\"}", WHOLE "}", TOKEN_JSON},
    {"payload no object", BY_RSA, RS "}", "\"sub\"", TOKEN_JSON},
    {"payload with sub twice", BY_RSA, RS "}", WHOLE ",\"sub\":\"root\"}", TOKEN_JSON},
    {"payload with a name twice, once escaped", BY_RSA, RS "}", WHOLE ",\"s\\u0075b\":\"root\"}",
     TOKEN_JSON},
    {"payload with a repeated name inside", BY_RSA, RS "}", WHOLE ",\"x\":[{\"a\":1,\"a\":2}]}",
     TOKEN_JSON},
    {"payload too deep", BY_RSA, RS "}", WHOLE ",\"x\":[[[[[[[[[[1]]]]]]]]]]}", TOKEN_JSON},
    {"payload with something behind", BY_RSA, RS "}", WHOLE "} {}", TOKEN_JSON},
    {"payload with a comment", BY_RSA, RS "}", WHOLE "/* */}", TOKEN_JSON},
    {"payload with wrong UTF-8", BY_RSA, RS "}", WHOLE ",\"x\":\"\xc0\xaf\"}", TOKEN_JSON},

    /* Who issued it, and for whom. */
    {"iss of somebody else", BY_RSA, RS "}",
     "{\"iss\":\"https://evil.example\"," AUD WHO TENANT TIMES "}", TOKEN_ISSUER},
    {"iss with a slash more", BY_RSA, RS "}",
     "{\"iss\":\"" ISSUER_IS "/\"," AUD WHO TENANT TIMES "}", TOKEN_ISSUER},
    {"iss missing", BY_RSA, RS "}", "{" AUD WHO TENANT TIMES "}", TOKEN_ISSUER},
    {"iss a list", BY_RSA, RS "}", "{\"iss\":[\"" ISSUER_IS "\"]," AUD WHO TENANT TIMES "}",
     TOKEN_ISSUER},
    {"aud of another service", BY_RSA, RS "}", WITH_AUD("\"aud\":\"shop\","), TOKEN_AUDIENCE},
    {"aud that begins like ours", BY_RSA, RS "}", WITH_AUD("\"aud\":\"payment-platform-2\","),
     TOKEN_AUDIENCE},
    {"aud missing", BY_RSA, RS "}", WITH_AUD(""), TOKEN_AUDIENCE},
    {"aud an empty list", BY_RSA, RS "}", WITH_AUD("\"aud\":[],"), TOKEN_AUDIENCE},
    {"aud with a number in the list", BY_RSA, RS "}", WITH_AUD("\"aud\":[\"payment-platform\",1],"),
     TOKEN_AUDIENCE},
    {"aud an object", BY_RSA, RS "}", WITH_AUD("\"aud\":{\"payment-platform\":1},"),
     TOKEN_AUDIENCE},

    /* Times are numbers of seconds. */
    {"exp missing", BY_RSA, RS "}", WITH_TIMES("\"iat\":1799999900"), TOKEN_TIME_TYPE},
    {"iat missing", BY_RSA, RS "}", WITH_TIMES("\"exp\":1800003000"), TOKEN_TIME_TYPE},
    {"exp a text", BY_RSA, RS "}", WITH_TIMES("\"iat\":1799999900,\"exp\":\"1800003000\""),
     TOKEN_TIME_TYPE},
    {"exp a fraction later", BY_RSA, RS "}", WITH_TIMES("\"iat\":1799999900,\"exp\":1800000000.5"),
     TOKEN_EXPIRED},
    {"exp in milliseconds with an exponent", BY_RSA, RS "}",
     WITH_TIMES("\"iat\":1799999900,\"exp\":1.8e12"), TOKEN_TIME_TYPE},
    {"exp a negative fraction", BY_RSA, RS "}", WITH_TIMES("\"iat\":1799999900,\"exp\":-0.5"),
     TOKEN_TIME_TYPE},
    {"exp negative", BY_RSA, RS "}", WITH_TIMES("\"iat\":1799999900,\"exp\":-1"), TOKEN_TIME_TYPE},
    {"exp 2^63", BY_RSA, RS "}", WITH_TIMES("\"iat\":1799999900,\"exp\":9223372036854775808"),
     TOKEN_TIME_TYPE},
    {"exp 2^64", BY_RSA, RS "}", WITH_TIMES("\"iat\":1799999900,\"exp\":18446744073709551616"),
     TOKEN_TIME_TYPE},
    {"exp null", BY_RSA, RS "}", WITH_TIMES("\"iat\":1799999900,\"exp\":null"), TOKEN_TIME_TYPE},
    {"exp in milliseconds", BY_RSA, RS "}", WITH_TIMES("\"iat\":1799999900,\"exp\":1800003000000"),
     TOKEN_TIME_TYPE},
    {"iat in milliseconds", BY_RSA, RS "}", WITH_TIMES("\"iat\":1799999900000,\"exp\":1800003000"),
     TOKEN_TIME_TYPE},
    {"nbf a text", BY_RSA, RS "}",
     WITH_TIMES("\"iat\":1799999900,\"nbf\":\"0\",\"exp\":1800003000"), TOKEN_TIME_TYPE},
    {"expired just now", BY_RSA, RS "}", WITH_TIMES("\"iat\":1799999900,\"exp\":1800000000"),
     TOKEN_EXPIRED},
    {"nbf beyond the skew", BY_RSA, RS "}",
     WITH_TIMES("\"iat\":1799999900,\"nbf\":1800000011,\"exp\":1800003000"), TOKEN_NOT_YET},
    {"iat beyond the skew", BY_RSA, RS "}", WITH_TIMES("\"iat\":1800000011,\"exp\":1800003000"),
     TOKEN_NOT_YET},
    {"lives longer than an hour", BY_RSA, RS "}",
     WITH_TIMES("\"iat\":1799999900,\"exp\":1800003501"), TOKEN_LIFETIME},

    /* Who is meant. */
    {"sub missing", BY_RSA, RS "}", WITH_WHO("\"azp\":\"c\","), TOKEN_SUBJECT},
    {"sub a number", BY_RSA, RS "}", WITH_WHO("\"sub\":7,\"azp\":\"c\","), TOKEN_SUBJECT},
    {"sub empty", BY_RSA, RS "}", WITH_WHO("\"sub\":\"\",\"azp\":\"c\","), TOKEN_SUBJECT},
    {"sub too long", BY_RSA, RS "}", WITH_WHO("\"sub\":\"" LONG_128 "x\",\"azp\":\"c\","),
     TOKEN_SUBJECT},
    {"sub with a line break", BY_RSA, RS "}", WITH_WHO("\"sub\":\"a\\nb\",\"azp\":\"c\","),
     TOKEN_SUBJECT},
    {"sub with NUL", BY_RSA, RS "}", WITH_WHO("\"sub\":\"a\\u0000b\",\"azp\":\"c\","),
     TOKEN_SUBJECT},
    {"sub that reorders text", BY_RSA, RS "}", WITH_WHO("\"sub\":\"a\\u202eb\",\"azp\":\"c\","),
     TOKEN_SUBJECT},
    {"sub of the platform itself", BY_RSA, RS "}", WITH_WHO("\"sub\":\"system\",\"azp\":\"c\","),
     TOKEN_SUBJECT},
    {"sub of an operator", BY_RSA, RS "}", WITH_WHO("\"sub\":\"unix:root\",\"azp\":\"c\","),
     TOKEN_SUBJECT},
    {"no client", BY_RSA, RS "}", WITH_WHO("\"sub\":\"5f0c\","), TOKEN_CLIENT},
    {"client a number", BY_RSA, RS "}", WITH_WHO("\"sub\":\"5f0c\",\"azp\":1,"), TOKEN_CLIENT},
    {"two different clients", BY_RSA, RS "}",
     WITH_WHO("\"sub\":\"5f0c\",\"azp\":\"a\",\"client_id\":\"b\","), TOKEN_CLIENT},
    {"tenant a list", BY_RSA, RS "}", WITH_TENANT("\"tenant\":[\"acme\"],"), TOKEN_TENANT},
    {"tenant empty does not mean the default", BY_RSA, RS "}", WITH_TENANT("\"tenant\":\"\","),
     TOKEN_TENANT},
    {"tenant null does not mean the default", BY_RSA, RS "}", WITH_TENANT("\"tenant\":null,"),
     TOKEN_TENANT},
    {"scope a list", BY_RSA, RS "}", WITH_SCOPE("\"scope\":[\"wallets:write\"],"), TOKEN_SCOPE},
    {"scope with a tab", BY_RSA, RS "}", WITH_SCOPE("\"scope\":\"a\\twallets:write\","),
     TOKEN_SCOPE},
    {"scope with a quote", BY_RSA, RS "}", WITH_SCOPE("\"scope\":\"a\\\" wallets:write\","),
     TOKEN_SCOPE},
    {"scope with a backslash", BY_RSA, RS "}", WITH_SCOPE("\"scope\":\"a\\\\ wallets:write\","),
     TOKEN_SCOPE},
    {"scope with a deleted character", BY_RSA, RS "}",
     WITH_SCOPE("\"scope\":\"a\\u007f wallets:write\","), TOKEN_SCOPE},
    {"an ID token by its nonce", BY_RSA, RS "}", WHOLE ",\"nonce\":\"n\"}", TOKEN_KIND},
    {"an ID token by its at_hash", BY_RSA, RS "}", WHOLE ",\"at_hash\":\"h\"}", TOKEN_KIND},
    {"bound to a client certificate", BY_RSA, RS "}", WHOLE ",\"cnf\":{\"x5t#S256\":\"AAAA\"}}",
     TOKEN_KIND},

    /* The gateway's tokens have rules of their own. */
    {"a backend token with the typ of an access token", BY_RSA, RS "}",
     "{\"iss\":\"" ISSUER_AM "\"," WHO "\"iat\":1799999900,\"exp\":1800000800}", TOKEN_TYP},
    {"a backend token with sub but no enduser", BY_RSA,
     "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" KID_RSA "\"}",
     "{\"iss\":\"" ISSUER_AM "\"," WHO "\"iat\":1799999900,\"exp\":1800000800}", TOKEN_SUBJECT},
    {"a backend token of an hour", BY_RSA,
     "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" KID_RSA "\"}",
     "{\"iss\":\"" ISSUER_AM "\"," WHO TIMES "}", TOKEN_LIFETIME},
};

static void hostile_tokens_are_refused(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < array_len(hostile); i++) {
        const struct hostile *h = &hostile[i];
        const struct token_claims *claims = NULL;
        char *token = token_make(f, h->by, h->header, h->payload);
        uint16_t code = token_verify(f->verifier, text(token), NOW, true, &claims);
        if (code != RESULT_UNAUTHENTICATED || token_reason(f->verifier) != h->reason)
            fail_msg("%s: code %u, %s", h->name, code,
                     token_reason_text(token_reason(f->verifier)));
        assert_null(claims);
        free(token);
    }
}

static void tokens_at_their_limits_are_good(void **state)
{
    static const char *const good[] = {
        WITH_TIMES("\"iat\":1799999900,\"exp\":1800000001"),
        WITH_TIMES("\"iat\":1799999900,\"nbf\":1800000010,\"exp\":1800003000"),
        WITH_TIMES("\"iat\":1800000010,\"exp\":1800003000"),
        WITH_TIMES("\"iat\":1799999900,\"exp\":1800003500"),
        WITH_WHO("\"sub\":\"" LONG_128 "\",\"azp\":\"c\","),
        WITH_WHO("\"sub\":\"s\",\"azp\":\"c\","),
        WITH_AUD("\"aud\":\"payment-platform\","),
        WITH_TENANT("\"tenant\":\"t\","),
        WITH_SCOPE("\"scope\":\"! # [ ] ~\","),
        WHOLE ",\"x\":[[[[[[[1,\"a\",null]]]]]]]}",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < array_len(good); i++) {
        const struct token_claims *claims = NULL;
        char *token = token_make(f, BY_RSA, RS "}", good[i]);
        if (token_verify(f->verifier, text(token), NOW, true, &claims) != 0)
            fail_msg("%s: %s", good[i], token_reason_text(token_reason(f->verifier)));
        free(token);
    }
}

/* What we accept, libjwt verifies with the same key and the same algorithm. Its decoder refuses
 * every typ but "JWT", so only the gateway's tokens can be shown to both. */
static void second_engine_agrees(const struct fixture *f, const char *token)
{
    const char *pems[] = {f->rsa_public, f->ec_public};
    bool agreed = false;
    for (size_t i = 0; i < array_len(pems); i++) {
        jwt_t *jwt = NULL;
        if (jwt_decode(&jwt, token, (const unsigned char *)pems[i], (int)strlen(pems[i])) == 0)
            agreed |= jwt_get_alg(jwt) == (i == 0 ? JWT_ALG_RS256 : JWT_ALG_ES256);
        jwt_free(jwt);
    }
    assert_true(agreed);
}

static const struct token_claims *accepted(struct fixture *f, enum signer by, const char *header,
                                           const char *payload)
{
    const struct token_claims *claims = NULL;
    char *token = token_make(f, by, header, payload);
    if (token_verify(f->verifier, text(token), NOW, true, &claims) != 0)
        fail_msg("%s: %s", payload, token_reason_text(token_reason(f->verifier)));
    if (strstr(payload, ISSUER_AM) != NULL)
        second_engine_agrees(f, token);
    free(token);
    return claims;
}

static void assert_slice(struct slice s, const char *wanted)
{
    assert_true(slice_equal(s, text(wanted)));
}

static void a_token_of_the_identity_server_is_read(void **state)
{
    struct fixture *f = *state;
    const struct token_claims *c = accepted(
        f, BY_RSA, RS ",\"x5t\":\"Zm9v\"}",
        WHOLE ",\"jti\":\"8c5f\",\"aut\":\"APPLICATION_USER\",\"org_id\":\"10084a8d\","
              "\"binding_type\":\"sso-session\",\"binding_ref\":\"x\"}");
    assert_slice(c->tenant, "acme");
    assert_slice(c->subject, "5f0c");
    assert_slice(c->client, "client-1");
    assert_true(token_allows(c, f->write_bit));
    assert_false(token_allows(c, token_scope_bit(&f->scopes, "wallets:read")));
    assert_int_equal(c->expires_s, 1800003000);
    assert_false(c->application);
    struct slice pieces[] = {text("acme"), {"", 1}, text("5f0c")};
    assert_true(id128_equal(c->tenant_id, sha256_id(pieces, 1)));
    assert_true(id128_equal(c->subject_id, sha256_id(pieces, 3)));
}

static void a_time_is_any_number_of_seconds(void **state)
{
    static const char *const times[] = {
        WITH_TIMES("\"iat\":1799999900.25,\"exp\":1800003000.5"),
        WITH_TIMES("\"iat\":1.7999999E9,\"nbf\":0.0,\"exp\":1.800003e+09"),
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < array_len(times); i++) {
        const struct token_claims *claims = NULL;
        char *token = token_make(f, BY_RSA, RS "}", times[i]);
        assert_int_equal(token_verify(f->verifier, text(token), NOW, true, &claims), 0);
        assert_int_equal(claims->issued_s, 1799999900);
        assert_int_equal(claims->expires_s, 1800003000);
        free(token);
    }
}

static void an_ec_key_verifies_as_well(void **state)
{
    struct fixture *f = *state;
    assert_slice(accepted(f, BY_EC, ES "}", WHOLE "}")->subject, "5f0c");
}

static void a_backend_token_of_the_gateway_is_read(void **state)
{
    struct fixture *f = *state;
    const struct token_claims *c = accepted(
        f, BY_RSA, "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"" KID_RSA "\"}",
        "{\"iss\":\"" ISSUER_AM "\",\"exp\":1800000800,\"iat\":1799999900,\"jti\":\"1\","
        "\"http://wso2.org/claims/enduser\":\"alice@carbon.super\","
        "\"http://wso2.org/claims/enduserTenantId\":\"carbon.super\","
        "\"http://wso2.org/claims/apicontext\":\"/wallets/1.0.0\","
        "\"azp\":\"app-7\",\"scope\":\"wallets:read wallets:write\"}");
    assert_slice(c->subject, "alice@carbon.super");
    assert_slice(c->tenant, "carbon.super");
    assert_true(token_allows(c, f->write_bit));
}

static void what_may_be_missing_has_its_meaning(void **state)
{
    struct fixture *f = *state;
    /* No other claim stands in for the tenant's: whoever may set that one would choose. */
    assert_slice(accepted(f, BY_RSA, RS "}", WITH_TENANT("\"org_id\":\"o-1\","))->tenant,
                 "default");
    assert_slice(accepted(f, BY_RSA, RS "}", WITH_TENANT(""))->tenant, "default");
    assert_int_equal(accepted(f, BY_RSA, RS "}", WITH_SCOPE(""))->scopes, 0);
    assert_int_equal(accepted(f, BY_RSA, RS "}", WITH_SCOPE("\"scope\":\"\","))->scopes, 0);
    assert_int_equal(accepted(f, BY_RSA, RS "}", WITH_AUD("\"aud\":\"payments\","))->scopes, 0);
    assert_true(token_allows(accepted(f, BY_RSA, RS "}", WITH_TENANT("")), 0));
    (void)accepted(f, BY_RSA, RS "}", WITH_TIMES("\"iat\":1800000010,\"exp\":1800000011"));
    (void)accepted(f, BY_RSA,
                   "{\"alg\":\"RS256\",\"typ\":\"application/AT+JWT\",\"kid\":\"" KID_RSA "\"}",
                   WHOLE "}");
}

static void a_client_for_itself_is_an_application(void **state)
{
    struct fixture *f = *state;
    assert_true(accepted(f, BY_RSA, RS "}", WHOLE ",\"aut\":\"APPLICATION\"}")->application);
    assert_true(accepted(f, BY_RSA, RS "}", WITH_WHO("\"sub\":\"c\",\"azp\":\"c\","))->application);
    assert_false(accepted(f, BY_RSA, RS "}", WHOLE "}")->application);
}

/* --- damaged text ----------------------------------------------------------------------------- */

static enum token_reason reason_of(struct fixture *f, const char *token)
{
    const struct token_claims *claims = NULL;
    return token_verify(f->verifier, text(token), NOW, true, &claims) == 0 ? TOKEN_OK
                                                                     : token_reason(f->verifier);
}

static enum token_reason reason_of_joined(struct fixture *f, const char *a, const char *b,
                                          const char *c)
{
    char joined[4096];
    snprintf(joined, sizeof(joined), "%s%s%s", a, b, c);
    return reason_of(f, joined);
}

static void another_form_of_a_good_token_is_refused(void **state)
{
    struct fixture *f = *state;
    char *good = token_make(f, BY_EC, ES "}", WHOLE "}");
    assert_int_equal(reason_of(f, good), TOKEN_OK);
    assert_int_equal(reason_of(f, ""), TOKEN_MISSING);
    assert_int_equal(reason_of(f, "."), TOKEN_PARTS);
    assert_int_equal(reason_of(f, ".."), TOKEN_PARTS);
    assert_int_equal(reason_of(f, "opaque-refresh-token"), TOKEN_PARTS);
    assert_int_equal(reason_of_joined(f, good, ".", "AAAA"), TOKEN_PARTS);
    assert_int_equal(reason_of_joined(f, good, ".", ""), TOKEN_PARTS);
    assert_int_equal(reason_of_joined(f, "{\"payload\":\"", good, "\"}"), TOKEN_BASE64);
    assert_int_equal(reason_of_joined(f, " ", good, ""), TOKEN_BASE64);
    assert_int_equal(reason_of_joined(f, good, "==", ""), TOKEN_SIGNATURE);
    assert_int_equal(reason_of_joined(f, good, "A", ""), TOKEN_SIGNATURE);
    assert_int_equal(reason_of_joined(f, good, "\n", ""), TOKEN_SIGNATURE);

    /* 64 bytes end within a character: its last bits must be zero. */
    size_t len = strlen(good);
    char last = good[len - 1];
    good[len - 1] = last == 'A' ? 'B' : (char)(last + 1);
    assert_int_equal(reason_of(f, good), TOKEN_SIGNATURE);
    good[len - 1] = last;

    char *dot = strrchr(good, '.');
    char kept = dot[1];
    dot[1] = 0;
    assert_int_equal(reason_of(f, good), TOKEN_PARTS);
    dot[1] = kept;
    good[len - 1] = 0;
    assert_int_equal(reason_of(f, good), TOKEN_SIGNATURE);
    free(good);
}

static void a_header_with_trailing_bits_is_refused(void **state)
{
    struct fixture *f = *state;
    /* "{}" is e30; e31 decodes to the same bytes in a lenient reader. */
    assert_int_equal(reason_of(f, "e31.e30.AA"), TOKEN_BASE64);
    assert_int_equal(reason_of(f, "e30=.e30.AA"), TOKEN_BASE64);
    assert_int_equal(reason_of(f, "e+/w.e30.AA"), TOKEN_BASE64);
    assert_int_equal(reason_of(f, "e30.e30.AA"), TOKEN_ALG);
}

static void a_token_beyond_the_limit_is_not_read(void **state)
{
    struct fixture *f = *state;
    char *token = malloc(TOKEN_SIZE_MAX + 2);
    check(token != NULL);
    memset(token, 'A', TOKEN_SIZE_MAX + 1);
    token[TOKEN_SIZE_MAX + 1] = 0;
    assert_int_equal(reason_of(f, token), TOKEN_TOO_LONG);
    token[TOKEN_SIZE_MAX] = 0;
    assert_int_equal(reason_of(f, token), TOKEN_PARTS);
    free(token);
}

/* CVE-2022-21449: r = s = 0 was good for every message. */
static void signatures_out_of_range_are_refused(void **state)
{
    struct fixture *f = *state;
    char *good = token_make(f, BY_EC, ES "}", WHOLE "}");
    char *signature = strrchr(good, '.') + 1;
    static const uint8_t fills[][2] = {{0, 0}, {0, 1}, {1, 0}, {0xff, 0xff}, {0xff, 1}, {1, 0xff}};
    for (size_t i = 0; i < array_len(fills); i++) {
        uint8_t pair[64];
        memset(pair, fills[i][0], 32);
        memset(pair + 32, fills[i][1], 32);
        check(base64url_encode(pair, sizeof(pair), signature) == strlen(signature));
        assert_int_equal(reason_of(f, good), TOKEN_SIGNATURE);
    }
    free(good);
}

/* Of 256 numbers one begins with a zero byte, which DER leaves out. */
static void a_signature_of_short_numbers_is_good(void **state)
{
    struct fixture *f = *state;
    bool met[2] = {false, false};
    for (int i = 0; i < 20000 && !(met[0] && met[1]); i++) {
        uint8_t pair[64];
        uint32_t len = 0;
        char *token = token_make(f, BY_EC, ES "}", WHOLE "}");
        bool decoded = base64url_decode(slice_of(strrchr(token, '.') + 1), pair, 64, &len);
        assert_true(decoded && len == 64);
        if (pair[0] == 0 || pair[32] == 0) {
            assert_int_equal(reason_of(f, token), TOKEN_OK);
            met[0] |= pair[0] == 0;
            met[1] |= pair[32] == 0;
        }
        free(token);
    }
    assert_true(met[0] && met[1]);
}

static void every_truncation_is_refused(void **state)
{
    struct fixture *f = *state;
    char *good = token_make(f, BY_RSA, RS "}", WHOLE "}");
    const struct token_claims *claims = NULL;
    for (uint32_t len = 0; len < strlen(good); len++)
        assert_int_equal(token_verify(f->verifier, (struct slice){good, len}, NOW, true, &claims),
                         RESULT_UNAUTHENTICATED);
    free(good);
}

static void what_both_engines_see_they_see_alike(void **state)
{
    struct fixture *f = *state;
    struct rng rng;
    rng_seed(&rng, 12);
    (void)accepted(f, BY_RSA, RS_AM, WHOLE_AM);
    (void)accepted(f, BY_EC, ES_AM, WHOLE_AM);
    for (int by = BY_RSA; by <= BY_EC; by++) {
        char *good = token_make(f, (enum signer)by, by == BY_RSA ? RS_AM : ES_AM, WHOLE_AM);
        for (int i = 0; i < 500; i++) {
            char *changed = strdup(good);
            check(changed != NULL);
            size_t at = rng_below(&rng, strlen(good));
            changed[at] = "ABCxyz019-_.=+"[rng_below(&rng, 14)];
            if (reason_of(f, changed) == TOKEN_OK) {
                assert_string_equal(changed, good);
                second_engine_agrees(f, changed);
            }
            free(changed);
        }
        free(good);
    }
}

/* --- what is remembered ----------------------------------------------------------------------- */

static void a_verified_token_is_remembered_for_a_minute_or_until_exp(void **state)
{
    struct fixture *f = *state;
    struct token_verifier *v = token_verifier_new(&f->policy);
    const struct token_claims *claims = NULL;
    char *token = token_make(f, BY_RSA, RS "}",
                             WITH_TIMES("\"iat\":1799999900,\"exp\":1800000090"));
    static const struct {
        uint32_t at_s;
        uint64_t verified;
        bool good;
    } steps[] = {{0, 1, true}, {59, 1, true}, {60, 2, true}, {89, 2, true}, {90, 2, false}};
    for (size_t i = 0; i < array_len(steps); i++) {
        uint16_t code = token_verify(v, text(token), NOW + steps[i].at_s, true, &claims);
        assert_int_equal(code == 0, steps[i].good);
        assert_int_equal(token_statistics(v).verified, steps[i].verified);
    }
    assert_int_equal(token_reason(v), TOKEN_EXPIRED);
    assert_int_equal(token_statistics(v).cached, 0);
    free(token);
    token_verifier_free(v);
}

static void strike(struct revocations *list, const char *jti, const char *subject)
{
    struct revocation v;
    bool made = jti != NULL ? revocation_of_token(&v, slice_of(jti), NOW)
                            : revocation_of_subject(&v, slice_of("acme"), slice_of(subject),
                                                    NOW, NOW);
    assert_true(made);
    assert_int_equal(revocations_add(list, &v, NOW), REVOCATIONS_DONE);
}

/* Remembered by the connection or by the loop: the next request is refused. */
static void a_revoked_token_is_refused_wherever_it_is_remembered(void **state)
{
    struct fixture *f = *state;
    char error[REVOCATIONS_ERROR_MAX], path[64];
    struct token_policy policy = f->policy;
    policy.revocations = revocations_open(f->directory, TOKEN_LIFETIME_MAX_S, error);
    assert_non_null(policy.revocations);
    struct token_verifier *v = token_verifier_new(&policy);
    struct token_memo memo = {0}, other_memo = {0};
    const struct token_claims *claims = NULL;
    char *lost = token_make(f, BY_EC, ES "}", WHOLE ",\"jti\":\"lost\"}");
    char *kept = token_make(f, BY_EC, ES "}", WHOLE ",\"jti\":\"kept\"}");
    assert_int_equal(token_memo_verify(&memo, v, text(lost), NOW, true, &claims), 0);
    assert_int_equal(token_memo_verify(&other_memo, v, text(kept), NOW, true, &claims), 0);
    strike(policy.revocations, "lost", NULL);
    assert_int_equal(token_memo_verify(&memo, v, text(lost), NOW, true, &claims),
                     RESULT_UNAUTHENTICATED);
    assert_int_equal(token_reason(v), TOKEN_REVOKED);
    assert_int_equal(token_verify(v, text(lost), NOW, true, &claims), RESULT_UNAUTHENTICATED);
    assert_int_equal(token_memo_verify(&other_memo, v, text(kept), NOW, true, &claims), 0);
    strike(policy.revocations, NULL, "5f0c");
    assert_int_equal(token_memo_verify(&other_memo, v, text(kept), NOW, true, &claims),
                     RESULT_UNAUTHENTICATED);
    struct token_verifier *later = token_verifier_new(&policy); /* that never saw it good */
    assert_int_equal(token_verify(later, text(lost), NOW, true, &claims), RESULT_UNAUTHENTICATED);
    assert_int_equal(token_reason(later), TOKEN_REVOKED);
    token_memo_done(&memo);
    token_memo_done(&other_memo);
    token_verifier_free(v);
    token_verifier_free(later);
    revocations_close(policy.revocations);
    snprintf(path, sizeof path, "%s/revoked", f->directory);
    (void)unlink(path);
    free(lost);
    free(kept);
}

static void a_wrong_signature_is_paid_for_once(void **state)
{
    struct fixture *f = *state;
    struct token_verifier *v = token_verifier_new(&f->policy);
    const struct token_claims *claims = NULL;
    char *token = token_make(f, BY_OTHER_RSA, RS "}", WHOLE "}");
    for (int i = 0; i < 3; i++)
        assert_int_equal(token_verify(v, text(token), NOW, true, &claims), RESULT_UNAUTHENTICATED);
    assert_int_equal(token_reason(v), TOKEN_SIGNATURE);
    assert_int_equal(token_statistics(v).refused, 3);
    assert_int_equal(token_statistics(v).refused_hits, 2);
    free(token);
    token_verifier_free(v);
}

/* What time mends is looked at again: it was refused for no wrong signature. */
static void a_token_that_came_too_early_is_taken_at_its_time(void **state)
{
    struct fixture *f = *state;
    struct token_verifier *v = token_verifier_new(&f->policy);
    const struct token_claims *claims = NULL;
    char *token = token_make(f, BY_RSA, RS "}", WHOLE "}");
    const uint64_t early = NOW - 3600;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(token_verify(v, text(token), early, true, &claims),
                         RESULT_UNAUTHENTICATED);
        assert_int_equal(token_reason(v), TOKEN_NOT_YET);
    }
    assert_int_equal(token_statistics(v).refused_hits, 0);
    assert_int_equal(token_verify(v, text(token), NOW, true, &claims), RESULT_OK);
    free(token);
    token_verifier_free(v);
}

static void the_cache_is_bounded_and_claims_in_use_survive_it(void **state)
{
    struct fixture *f = *state;
    struct token_verifier *v = token_verifier_new(&f->policy);
    const struct token_claims *claims = NULL;
    struct token_claims *kept = NULL;
    for (int i = 0; i < 300; i++) {
        char payload[1024];
        snprintf(payload, sizeof(payload), WHOLE ",\"jti\":\"%d\"}", i);
        char *token = token_make(f, BY_RSA, RS "}", payload);
        assert_int_equal(token_verify(v, text(token), NOW, true, &claims), 0);
        if (i == 0)
            kept = token_claims_ref(claims);
        free(token);
    }
    assert_in_range(token_statistics(v).cached, 250, 300);
    token_verifier_free(v);
    assert_slice(kept->subject, "5f0c");
    token_claims_unref(kept);
}

static void a_connection_remembers_its_last_token(void **state)
{
    struct fixture *f = *state;
    struct token_verifier *v = token_verifier_new(&f->policy);
    struct token_memo memo = {NULL};
    const struct token_claims *claims = NULL;
    char *token = token_make(f, BY_RSA, RS "}", WHOLE "}");
    char *other = token_make(f, BY_EC, ES "}", WITH_TENANT("\"tenant\":\"other\","));
    assert_int_equal(token_memo_verify(&memo, v, text(token), NOW, false, &claims),
                     RESULT_UNAUTHENTICATED); /* it is not known yet, and may not be examined */
    assert_int_equal(token_reason(v), TOKEN_UNEXAMINED);
    for (int i = 0; i < 5; i++)
        assert_int_equal(token_memo_verify(&memo, v, text(token), NOW, true, &claims), 0);
    assert_int_equal(token_statistics(v).verified, 1);
    assert_int_equal(token_statistics(v).hits, 4);
    assert_int_equal(token_memo_verify(&memo, v, text(token), NOW, false, &claims), 0);
    assert_int_equal(token_memo_verify(&memo, v, text(other), NOW, true, &claims), 0);
    assert_slice(claims->tenant, "other");
    assert_int_equal(token_memo_verify(&memo, v, text("x"), NOW, true, &claims),
                     RESULT_UNAUTHENTICATED);
    assert_null(memo.claims);
    assert_int_equal(token_memo_verify(&memo, v, text(token), NOW + 3000, true, &claims),
                     RESULT_UNAUTHENTICATED);
    assert_int_equal(token_reason(v), TOKEN_EXPIRED);
    token_memo_done(&memo);
    free(token);
    free(other);
    token_verifier_free(v);
}

/* In a problem and within the quotes of a header. */
static void what_a_client_is_told_can_be_sent(void **state)
{
    (void)state;
    assert_null(token_reason_told(TOKEN_OK));
    assert_null(token_reason_told(TOKEN_NO_MEMORY));
    assert_null(token_reason_told(TOKEN_UNEXAMINED));
    for (int reason = TOKEN_MISSING; reason < TOKEN_UNEXAMINED; reason++) {
        const char *told = token_reason_told((enum token_reason)reason);
        assert_non_null(told);
        assert_int_equal(strcspn(told, "\"\\"), strlen(told));
    }
    assert_string_not_equal(token_reason_told(TOKEN_EXPIRED), token_reason_told(TOKEN_REVOKED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_tokens_are_refused),
        cmocka_unit_test(tokens_at_their_limits_are_good),
        cmocka_unit_test(a_token_of_the_identity_server_is_read),
        cmocka_unit_test(a_time_is_any_number_of_seconds),
        cmocka_unit_test(an_ec_key_verifies_as_well),
        cmocka_unit_test(a_backend_token_of_the_gateway_is_read),
        cmocka_unit_test(what_may_be_missing_has_its_meaning),
        cmocka_unit_test(a_client_for_itself_is_an_application),
        cmocka_unit_test(another_form_of_a_good_token_is_refused),
        cmocka_unit_test(a_header_with_trailing_bits_is_refused),
        cmocka_unit_test(a_token_beyond_the_limit_is_not_read),
        cmocka_unit_test(signatures_out_of_range_are_refused),
        cmocka_unit_test(a_signature_of_short_numbers_is_good),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(what_both_engines_see_they_see_alike),
        cmocka_unit_test(a_verified_token_is_remembered_for_a_minute_or_until_exp),
        cmocka_unit_test(a_revoked_token_is_refused_wherever_it_is_remembered),
        cmocka_unit_test(a_wrong_signature_is_paid_for_once),
        cmocka_unit_test(a_token_that_came_too_early_is_taken_at_its_time),
        cmocka_unit_test(the_cache_is_bounded_and_claims_in_use_survive_it),
        cmocka_unit_test(a_connection_remembers_its_last_token),
        cmocka_unit_test(what_a_client_is_told_can_be_sent),
    };
    return cmocka_run_group_tests(tests, given_keys, no_more_keys);
}
