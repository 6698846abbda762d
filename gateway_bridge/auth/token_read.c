/* SPDX-License-Identifier: Apache-2.0 */
/* One rule per function; the first that fails gives the reason, which goes to the log, while the
 * client gets one of fewer, coarser texts. Numbers and text are taken only in the exact type that
 * the RFCs name: a parser that converts would accept what another refuses. The subject, client and
 * tenant come from the claims that the issuer's rules name, else from the usual ones. Nothing here
 * looks at keys or memory of earlier tokens. */
#include "gateway_bridge/auth/token_read.h"

#include <strings.h>
#include <yyjson.h>

#include "gateway_bridge/auth/jose_json.h"
#include "gateway_bridge/auth/revocations.h"
#include "runtime/base/principal.h"

#define HEADER_TEXT_MAX 64 /* bytes of typ and alg */
#define ISSUER_TEXT_MAX 512

const char *token_reason_text(enum token_reason reason)
{
    static const char *const texts[] = {
#define X(name, told, text) text,
        TOKEN_REASON_LIST(X)
#undef X
    };
    check((size_t)reason < array_len(texts));
    return texts[reason];
}

const char *token_reason_told(enum token_reason reason)
{
    enum {
#define X(name, text) TOLD_##name,
        TOKEN_TOLD_LIST(X)
#undef X
    };
    static const char *const texts[] = {
#define X(name, text) text,
        TOKEN_TOLD_LIST(X)
#undef X
    };
    static const uint8_t told[] = {
#define X(name, told, text) TOLD_##told,
        TOKEN_REASON_LIST(X)
#undef X
    };
    check((size_t)reason < array_len(told));
    return texts[told[reason]];
}

uint64_t token_scope_bit(struct token_scopes *scopes, const char *name)
{
    if (name == NULL)
        return 0;
    for (uint32_t i = 0; i < scopes->count; i++)
        if (strcmp(scopes->names[i], name) == 0)
            return (uint64_t)1 << i;
    check(scopes->count < TOKEN_SCOPES_MAX);
    scopes->names[scopes->count] = name;
    return (uint64_t)1 << scopes->count++;
}

/* --- compact form and header ------------------------------------------------------------------ */

enum token_reason token_split(struct slice token, struct token_parts *parts)
{
    check(token.len > 0 && token.len <= TOKEN_SIZE_MAX);
    const char *end = token.data + token.len;
    const char *first = memchr(token.data, '.', token.len);
    const char *second = first == NULL ? NULL : memchr(first + 1, '.', (size_t)(end - first - 1));
    if (second == NULL || memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL)
        return TOKEN_PARTS;
    parts->header = (struct slice){token.data, (uint32_t)(first - token.data)};
    parts->payload = (struct slice){first + 1, (uint32_t)(second - first - 1)};
    parts->signature = (struct slice){second + 1, (uint32_t)(end - second - 1)};
    parts->covered = (struct slice){token.data, (uint32_t)(second - token.data)};
    if (parts->header.len == 0 || parts->payload.len == 0 || parts->signature.len == 0)
        return TOKEN_PARTS;
    return TOKEN_OK;
}

static bool token_text_is(struct slice text, const char *wanted)
{
    return text.len == strlen(wanted) && strncasecmp(text.data, wanted, text.len) == 0;
}

static enum token_reason token_typ_read(yyjson_val *object, enum token_typ *typ)
{
    struct slice text;
    enum jose_found found = jose_text(object, "typ", HEADER_TEXT_MAX, &text);
    if (found == JOSE_WRONG)
        return TOKEN_TYP;
    if (found == JOSE_ABSENT)
        *typ = TOKEN_TYP_ABSENT;
    else if (token_text_is(text, "at+jwt") || token_text_is(text, "application/at+jwt"))
        *typ = TOKEN_TYP_AT_JWT;
    else if (token_text_is(text, "JWT"))
        *typ = TOKEN_TYP_JWT;
    else
        return TOKEN_TYP;
    return TOKEN_OK;
}

enum token_reason token_header_read(yyjson_val *object, struct token_header *h)
{
    static const char *const refused[] = {"crit", "b64", "zip", "enc", "jku", "x5u", "jwk"};
    struct slice alg;
    for (size_t i = 0; i < array_len(refused); i++)
        if (jose_member(object, refused[i]) != NULL)
            return TOKEN_HEADER;
    if (jose_text(object, "alg", HEADER_TEXT_MAX, &alg) != JOSE_FOUND)
        return TOKEN_ALG;
    if (slice_equal(alg, slice_of("RS256")))
        h->alg = KEY_RS256;
    else if (slice_equal(alg, slice_of("ES256")))
        h->alg = KEY_ES256;
    else
        return TOKEN_ALG;
    h->kid = (struct slice){NULL, 0};
    if (key_kid_read(object, &h->kid) == JOSE_WRONG)
        return TOKEN_KID;
    return token_typ_read(object, &h->typ);
}

/* --- claims ----------------------------------------------------------------------------------- */

const struct token_issuer *token_issuer_find(const struct token_policy *policy,
                                             yyjson_val *payload)
{
    struct slice text;
    if (jose_text(payload, "iss", ISSUER_TEXT_MAX, &text) != JOSE_FOUND)
        return NULL;
    for (uint32_t i = 0; i < policy->issuer_count; i++)
        if (slice_equal(text, slice_of(policy->issuers[i].issuer)))
            return &policy->issuers[i];
    return NULL;
}

static bool token_audience_is(const struct token_issuer *issuer, yyjson_val *value)
{
    for (uint32_t i = 0; i < issuer->audience_count; i++)
        if (yyjson_equals_str(value, issuer->audiences[i]))
            return true;
    return false;
}

/* RFC 7519 section 4.1.3: one string, or an array of them. */
static enum token_reason token_audience_check(const struct token_issuer *issuer,
                                              yyjson_val *payload)
{
    if (issuer->audience_count == 0)
        return TOKEN_OK;
    yyjson_val *aud = jose_member(payload, "aud");
    bool found = token_audience_is(issuer, aud);
    for (size_t i = 0; i < yyjson_arr_size(aud); i++) {
        yyjson_val *item = yyjson_arr_get(aud, i);
        if (!yyjson_is_str(item))
            return TOKEN_AUDIENCE;
        found |= token_audience_is(issuer, item);
    }
    return found ? TOKEN_OK : TOKEN_AUDIENCE;
}

/* A NumericDate (RFC 7519 section 2), cut to its whole second: any form of a number, but no sign
 * and no milliseconds. */
static enum jose_found token_seconds_get(yyjson_val *payload, const char *name, uint64_t *seconds)
{
    yyjson_val *value = jose_member(payload, name);
    if (value == NULL)
        return JOSE_ABSENT;
    if (!yyjson_is_uint(value) && !yyjson_is_real(value))
        return JOSE_WRONG;
    double number = yyjson_get_num(value);
    if (!(number >= 0 && number <= TOKEN_SECONDS_MAX))
        return JOSE_WRONG;
    *seconds = (uint64_t)number; /* below 2^53: exact */
    return JOSE_FOUND;
}

static enum token_reason token_times_check(const struct token_issuer *issuer, yyjson_val *payload,
                                           uint64_t now_s, struct token_claims *claims)
{
    uint64_t lifetime_max_s =
        issuer->lifetime_max_s != 0 ? issuer->lifetime_max_s : TOKEN_LIFETIME_MAX_S;
    uint64_t exp = 0, iat = 0, nbf = 0;
    if (token_seconds_get(payload, "exp", &exp) != JOSE_FOUND ||
        token_seconds_get(payload, "iat", &iat) != JOSE_FOUND ||
        token_seconds_get(payload, "nbf", &nbf) == JOSE_WRONG)
        return TOKEN_TIME_TYPE;
    if (exp <= now_s)
        return TOKEN_EXPIRED;
    if (nbf > now_s + TOKEN_SKEW_S || iat > now_s + TOKEN_SKEW_S)
        return TOKEN_NOT_YET;
    if (exp <= iat || exp - iat > lifetime_max_s)
        return TOKEN_LIFETIME;
    claims->expires_s = exp;
    claims->issued_s = iat;
    return TOKEN_OK;
}

/* ID tokens carry these; tokens with cnf are worth nothing without the key they are bound to, which
 * a plain HTTP connection does not show. */
static enum token_reason token_kind_check(yyjson_val *payload)
{
    static const char *const refused[] = {"nonce", "at_hash", "c_hash", "s_hash", "cnf"};
    for (size_t i = 0; i < array_len(refused); i++)
        if (jose_member(payload, refused[i]) != NULL)
            return TOKEN_KIND;
    return TOKEN_OK;
}

static enum token_reason token_client_read(const struct token_issuer *issuer, yyjson_val *payload,
                                           struct slice *client)
{
    if (issuer->client_claim != NULL)
        return jose_text(payload, issuer->client_claim, TOKEN_SUBJECT_MAX, client) == JOSE_FOUND
                   ? TOKEN_OK
                   : TOKEN_CLIENT;
    struct slice azp, client_id;
    enum jose_found found_azp = jose_text(payload, "azp", TOKEN_SUBJECT_MAX, &azp);
    enum jose_found found_id = jose_text(payload, "client_id", TOKEN_SUBJECT_MAX, &client_id);
    bool both = found_azp == JOSE_FOUND && found_id == JOSE_FOUND;
    if (found_azp == JOSE_WRONG || found_id == JOSE_WRONG ||
        (found_azp == JOSE_ABSENT && found_id == JOSE_ABSENT) ||
        (both && !slice_equal(azp, client_id)))
        return TOKEN_CLIENT;
    *client = found_azp == JOSE_FOUND ? azp : client_id;
    return TOKEN_OK;
}

static enum token_reason token_tenant_read(const struct token_issuer *issuer, yyjson_val *payload,
                                           struct slice *tenant)
{
    const char *claim = issuer->tenant_claim != NULL ? issuer->tenant_claim : "tenant";
    enum jose_found found = jose_text(payload, claim, TOKEN_TENANT_MAX, tenant);
    if (found == JOSE_ABSENT && issuer->tenant_default != NULL) {
        *tenant = slice_of(issuer->tenant_default);
        found = JOSE_FOUND;
    }
    return found == JOSE_FOUND ? TOKEN_OK : TOKEN_TENANT;
}

static uint64_t scope_bit(const struct token_scopes *scopes, struct slice name)
{
    for (uint32_t i = 0; i < scopes->count; i++)
        if (slice_equal(name, slice_of(scopes->names[i])))
            return (uint64_t)1 << i;
    return 0;
}

/* RFC 6749 section 3.3: names of printable ASCII without quote and backslash, between blanks. */
static enum token_reason token_scope_read(const struct token_scopes *scopes, yyjson_val *payload,
                                          uint64_t *bits)
{
    yyjson_val *value = jose_member(payload, "scope");
    *bits = 0;
    if (value == NULL)
        return TOKEN_OK;
    if (!yyjson_is_str(value))
        return TOKEN_SCOPE;
    struct slice text = {yyjson_get_str(value), (uint32_t)yyjson_get_len(value)};
    uint32_t start = 0;
    for (uint32_t i = 0; i <= text.len; i++) {
        char c = i < text.len ? text.data[i] : ' ';
        if (c == ' ') {
            *bits |= scope_bit(scopes, (struct slice){text.data + start, i - start});
            start = i + 1;
        } else if (c < 0x21 || c > 0x7e || c == '"' || c == '\\') {
            return TOKEN_SCOPE;
        }
    }
    return TOKEN_OK;
}

/* WSO2 says so in `aut`; others by a subject that is the client (RFC 9068 section 2.2). */
static bool token_application_is(yyjson_val *payload, const struct token_claims *claims)
{
    yyjson_val *aut = jose_member(payload, "aut");
    if (aut != NULL)
        return yyjson_equals_str(aut, "APPLICATION");
    return slice_equal(claims->subject, claims->client);
}

/* Without one a token can only be revoked with all of its subject's. */
static enum token_reason token_id_read(yyjson_val *payload, struct id128 *id)
{
    struct slice jti;
    enum jose_found found = jose_text(payload, "jti", REVOCATION_NAME_MAX, &jti);
    *id = found == JOSE_FOUND ? revocation_token_id(jti) : ID128_ZERO;
    return found == JOSE_WRONG ? TOKEN_ID : TOKEN_OK;
}

enum token_reason token_claims_read(const struct token_issuer *issuer,
                                    const struct token_scopes *scopes, yyjson_val *payload,
                                    uint64_t now_s, struct token_claims *claims)
{
    const char *subject_claim = issuer->subject_claim != NULL ? issuer->subject_claim : "sub";
    enum token_reason reason = token_kind_check(payload);
    if (reason == TOKEN_OK)
        reason = token_audience_check(issuer, payload);
    if (reason == TOKEN_OK)
        reason = token_times_check(issuer, payload, now_s, claims);
    if (reason == TOKEN_OK && jose_text(payload, subject_claim, TOKEN_SUBJECT_MAX,
                                        &claims->subject) != JOSE_FOUND)
        reason = TOKEN_SUBJECT;
    if (reason == TOKEN_OK && principal_reserved(claims->subject))
        reason = TOKEN_SUBJECT;
    if (reason == TOKEN_OK)
        reason = token_client_read(issuer, payload, &claims->client);
    if (reason == TOKEN_OK)
        reason = token_tenant_read(issuer, payload, &claims->tenant);
    if (reason == TOKEN_OK)
        reason = token_scope_read(scopes, payload, &claims->scopes);
    if (reason == TOKEN_OK)
        reason = token_id_read(payload, &claims->token_id);
    if (reason == TOKEN_OK)
        claims->application = token_application_is(payload, claims);
    return reason;
}
