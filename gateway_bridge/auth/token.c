/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier: header -> issuer -> key with its one algorithm -> signature -> claims, and memory
 * of what was verified. A token is looked for in the connection's memo (by its bytes), then in the
 * loop's cache (by its SHA-256); only then is there work for a public key. */
#include "gateway_bridge/auth/token.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_bridge/auth/jose_json.h"
#include "gateway_bridge/auth/jwks.h"
#include "gateway_bridge/auth/revocations.h"
#include "gateway_bridge/auth/token_read.h"
#include "runtime/base/base64url.h"
#include "runtime/base/check.h"
#include "runtime/base/principal.h"
#include "runtime/base/sha256.h"
#include "schemas/result.h"

#define CACHE_WINDOW 8 /* slots after its own in which a token may lie: two cache lines */
#define P256_BYTES 32
#define SIGNATURE_BYTES_MAX (KEY_RSA_BITS_MAX / 8)
#define DER_BYTES_MAX (2 * (P256_BYTES + 3) + 2)

static_assert((TOKEN_CACHE_MAX & (TOKEN_CACHE_MAX - 1)) == 0, "masked");
static_assert((TOKEN_REFUSED_MAX & (TOKEN_REFUSED_MAX - 1)) == 0, "masked");

/* What a remembered verdict depends on: it is valid until `until_s`, or until the issuer's keys
 * change. */
struct origin {
    uint64_t generation;
    uint64_t until_s;
    uint32_t issuer;
};

/* One verified token. */
struct entry {
    struct token_claims claims; /* text in `bytes` */
    struct origin origin;
    struct sha256_digest digest;
    uint64_t revocations; /* generation of the list in which it was last looked for */
    bool revoked;
    uint32_t refs;
    uint32_t token_len;
    char bytes[]; /* the token, then the text of the claims */
};

struct slot {
    uint64_t tag; /* first bits of the digest */
    struct entry *entry;
};

struct refused {
    struct sha256_digest digest;
    struct origin origin; /* until_s 0 = empty */
};

/* The key set of an issuer as this loop sees it. */
struct keys {
    struct key_set *set;
    uint64_t generation;
    EVP_PKEY_CTX *contexts[KEY_SET_KEYS_MAX]; /* made when first needed */
};

struct token_verifier {
    struct token_policy policy;
    struct keys keys[TOKEN_ISSUERS_MAX];
    enum token_reason reason;
    struct token_statistics statistics;
    struct entry *returned; /* by the last call; it is kept alive until the next one */
    size_t memory_size;
    void *header_memory, *payload_memory; /* memory_size bytes each, for parsed JSON */
    uint8_t header[TOKEN_PART_MAX], payload[TOKEN_PART_MAX];
    struct refused refused[TOKEN_REFUSED_MAX];
    struct slot slots[TOKEN_CACHE_MAX];
};

/* --- claims ----------------------------------------------------------------------------------- */

static struct entry *token_entry_of(const struct token_claims *claims)
{
    return container_of(claims, struct entry, claims);
}

struct token_claims *token_claims_ref(const struct token_claims *claims)
{
    struct entry *e = token_entry_of(claims);
    check(e->refs > 0 && e->refs < UINT32_MAX);
    e->refs++;
    return &e->claims;
}

struct token_claims *token_claims_unref(const struct token_claims *claims)
{
    if (claims == NULL)
        return NULL;
    struct entry *e = token_entry_of(claims);
    check(e->refs > 0);
    if (--e->refs == 0)
        free(e);
    return NULL;
}

static struct slice token_text_keep(char **to, struct slice text)
{
    struct slice kept = {*to, text.len};
    memcpy(*to, text.data, text.len);
    *to += text.len;
    return kept;
}

/* Copies the claims out of the parsed payload. One reference; NULL without memory. */
static struct entry *token_entry_new(const struct token_claims *read, struct slice token,
                                     const struct sha256_digest *digest)
{
    size_t text_len = (size_t)read->tenant.len + read->subject.len + read->client.len;
    struct entry *e = malloc(sizeof(*e) + token.len + text_len);
    if (e == NULL)
        return NULL;
    char *to = e->bytes;
    (void)token_text_keep(&to, token);
    e->claims = *read;
    e->claims.tenant = token_text_keep(&to, read->tenant);
    e->claims.subject = token_text_keep(&to, read->subject);
    e->claims.client = token_text_keep(&to, read->client);
    struct slice pieces[] = {e->claims.tenant, {"", 1}, e->claims.client};
    struct principal who = {.tenant = e->claims.tenant,
                            .subject = e->claims.subject,
                            .client = e->claims.client,
                            .token_id = e->claims.token_id};
    principal_identify(&who);
    e->claims.tenant_id = who.tenant_id;
    e->claims.subject_id = who.subject_id;
    e->claims.client_id = sha256_id(pieces, array_len(pieces));
    e->claims.principal_id = who.id;
    e->digest = *digest;
    e->revocations = UINT64_MAX; /* not looked for yet */
    e->refs = 1;
    e->token_len = token.len;
    return e;
}

/* --- keys ------------------------------------------------------------------------------------- */

static void token_keys_drop(struct keys *k)
{
    for (uint32_t i = 0; i < KEY_SET_KEYS_MAX; i++) {
        EVP_PKEY_CTX_free(k->contexts[i]);
        k->contexts[i] = NULL;
    }
    k->set = key_set_unref(k->set);
}

/* The issuer's keys, taken anew if they have changed. */
static struct keys *token_keys_current(struct token_verifier *v, uint32_t issuer)
{
    struct keys *k = &v->keys[issuer];
    struct jwks *source = v->policy.issuers[issuer].keys;
    if (k->set == NULL || k->generation != jwks_generation(source)) {
        token_keys_drop(k);
        k->set = jwks_take(source, &k->generation);
    }
    return k;
}

static bool token_origin_valid(const struct token_verifier *v, const struct origin *o,
                               uint64_t now_s)
{
    return now_s < o->until_s &&
           o->generation == jwks_generation(v->policy.issuers[o->issuer].keys);
}

/* A context with the padding and hash of its key; parsing and set-up are paid once per key. */
static EVP_PKEY_CTX *token_context_of(struct keys *k, const struct key *key)
{
    EVP_PKEY_CTX **context = &k->contexts[key - k->set->keys];
    if (*context != NULL)
        return *context;
    EVP_PKEY_CTX *fresh = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (fresh == NULL || EVP_PKEY_verify_init(fresh) != 1 ||
        EVP_PKEY_CTX_set_signature_md(fresh, EVP_sha256()) != 1 ||
        (key->alg == KEY_RS256 && EVP_PKEY_CTX_set_rsa_padding(fresh, RSA_PKCS1_PADDING) != 1)) {
        EVP_PKEY_CTX_free(fresh);
        return NULL;
    }
    *context = fresh;
    return fresh;
}

/* --- signatures ------------------------------------------------------------------------------- */

/* 1 .. n-1 of P-256, which zero and everything that wraps around are not. */
static bool token_scalar_valid(const uint8_t scalar[P256_BYTES])
{
    static const uint8_t zero[P256_BYTES];
    static const uint8_t order[P256_BYTES] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
                                              0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                              0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
                                              0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    return memcmp(scalar, zero, P256_BYTES) != 0 && memcmp(scalar, order, P256_BYTES) < 0;
}

/* One DER INTEGER: no leading zeros but the one that keeps it positive. */
static uint8_t *token_der_integer(uint8_t *to, const uint8_t scalar[P256_BYTES])
{
    uint32_t skip = 0;
    while (scalar[skip] == 0)
        skip++;
    uint32_t sign = scalar[skip] >> 7;
    *to++ = 0x02;
    *to++ = (uint8_t)(P256_BYTES - skip + sign);
    if (sign != 0)
        *to++ = 0;
    memcpy(to, scalar + skip, P256_BYTES - skip);
    return to + P256_BYTES - skip;
}

/* JWS has r and s side by side (RFC 7518 section 3.4), OpenSSL wants a SEQUENCE of them. */
static size_t token_der_signature(uint8_t der[DER_BYTES_MAX], const uint8_t pair[2 * P256_BYTES])
{
    uint8_t *end = token_der_integer(token_der_integer(der + 2, pair), pair + P256_BYTES);
    der[0] = 0x30;
    der[1] = (uint8_t)(end - der - 2);
    return (size_t)(end - der);
}

static bool token_signature_good(struct keys *k, const struct key *key,
                                 const struct token_parts *parts)
{
    uint8_t signature[SIGNATURE_BYTES_MAX], der[DER_BYTES_MAX];
    uint32_t len = 0;
    if (!base64url_decode(parts->signature, signature, key->signature_size, &len) ||
        len != key->signature_size)
        return false;
    const uint8_t *given = signature;
    size_t given_len = len;
    if (key->alg == KEY_ES256) {
        if (!token_scalar_valid(signature) || !token_scalar_valid(signature + P256_BYTES))
            return false;
        given_len = token_der_signature(der, signature);
        given = der;
    }
    EVP_PKEY_CTX *context = token_context_of(k, key);
    if (context == NULL)
        return false;
    struct sha256_digest digest = sha256(&parts->covered, 1);
    bool good = EVP_PKEY_verify(context, given, given_len, digest.bytes, SHA256_SIZE) == 1;
    if (!good)
        ERR_clear_error();
    return good;
}

/* --- memory of verdicts ----------------------------------------------------------------------- */

static uint64_t token_tag_of(const struct sha256_digest *digest)
{
    uint64_t tag;
    memcpy(&tag, digest->bytes, sizeof(tag));
    return tag;
}

static struct slot *token_slot_at(struct token_verifier *v, uint64_t tag, uint32_t step)
{
    return &v->slots[(tag + step) & (TOKEN_CACHE_MAX - 1)];
}

static void token_slot_clear(struct token_verifier *v, struct slot *slot)
{
    if (slot->entry == NULL)
        return;
    token_claims_unref(&slot->entry->claims);
    slot->entry = NULL;
    v->statistics.cached--;
}

static struct entry *token_cache_find(struct token_verifier *v, const struct sha256_digest *digest,
                                      uint64_t now_s)
{
    uint64_t tag = token_tag_of(digest);
    for (uint32_t step = 0; step < CACHE_WINDOW; step++) {
        struct slot *slot = token_slot_at(v, tag, step);
        if (slot->entry == NULL || slot->tag != tag ||
            memcmp(&slot->entry->digest, digest, sizeof(*digest)) != 0)
            continue;
        if (token_origin_valid(v, &slot->entry->origin, now_s))
            return slot->entry;
        token_slot_clear(v, slot);
    }
    return NULL;
}

/* Takes a reference. The slot is a free one of the window, else that of the entry which would go
 * first anyway. */
static void token_cache_put(struct token_verifier *v, struct entry *e)
{
    uint64_t tag = token_tag_of(&e->digest);
    struct slot *victim = token_slot_at(v, tag, 0);
    for (uint32_t step = 0; step < CACHE_WINDOW && victim->entry != NULL; step++) {
        struct slot *slot = token_slot_at(v, tag, step);
        if (slot->entry == NULL ||
            slot->entry->origin.until_s < victim->entry->origin.until_s)
            victim = slot;
    }
    token_slot_clear(v, victim);
    *victim = (struct slot){tag, e};
    (void)token_claims_ref(&e->claims);
    v->statistics.cached++;
}

static struct refused *token_refused_at(struct token_verifier *v,
                                        const struct sha256_digest *digest)
{
    return &v->refused[token_tag_of(digest) & (TOKEN_REFUSED_MAX - 1)];
}

/* --- verifying -------------------------------------------------------------------------------- */

static struct yyjson_val *token_part_read(const struct token_verifier *v, struct slice part,
                                          uint8_t bytes[TOKEN_PART_MAX], void *memory,
                                          enum token_reason *reason)
{
    uint32_t len = 0;
    if (!base64url_decode(part, bytes, TOKEN_PART_MAX, &len)) {
        *reason = TOKEN_BASE64;
        return NULL;
    }
    struct slice text = {(const char *)bytes, len};
    struct yyjson_val *object = jose_read(text, memory, v->memory_size);
    *reason = object == NULL ? TOKEN_JSON : TOKEN_OK;
    return object;
}

/* Checks a token that is not remembered; fills *read and *origin when TOKEN_OK. */
static enum token_reason token_examine(struct token_verifier *v, struct slice token,
                                       uint64_t now_s, struct token_claims *read,
                                       struct origin *origin)
{
    struct token_parts parts;
    struct token_header header;
    struct yyjson_val *object = NULL, *payload = NULL;
    enum token_reason reason = token_split(token, &parts);
    if (reason == TOKEN_OK)
        object = token_part_read(v, parts.header, v->header, v->header_memory, &reason);
    if (reason == TOKEN_OK)
        reason = token_header_read(object, &header);
    if (reason == TOKEN_OK)
        payload = token_part_read(v, parts.payload, v->payload, v->payload_memory, &reason);
    if (reason != TOKEN_OK)
        return reason;

    const struct token_issuer *issuer = token_issuer_find(&v->policy, payload);
    if (issuer == NULL)
        return TOKEN_ISSUER;
    uint32_t typs = issuer->typs != 0 ? issuer->typs : TOKEN_TYP_AT_JWT;
    if ((header.typ & typs) == 0)
        return TOKEN_TYP;
    origin->issuer = (uint32_t)(issuer - v->policy.issuers);
    struct keys *k = token_keys_current(v, origin->issuer);
    origin->generation = k->generation;
    const struct key *key = key_set_find(k->set, header.kid);
    if (key == NULL) {
        jwks_want(issuer->keys);
        return TOKEN_KEY_UNKNOWN;
    }
    if (key->alg != header.alg)
        return TOKEN_ALG;
    if (!token_signature_good(k, key, &parts))
        return TOKEN_SIGNATURE;
    return token_claims_read(issuer, v->policy.scopes, payload, now_s, read);
}

static uint16_t token_refuse(struct token_verifier *v, enum token_reason reason)
{
    v->reason = reason;
    v->statistics.refused++;
    return RESULT_UNAUTHENTICATED;
}

/* Looked up anew only when the list has changed. */
static bool token_revoked(const struct token_verifier *v, struct entry *e)
{
    struct revocations *list = v->policy.revocations;
    if (list == NULL)
        return false;
    uint64_t generation = revocations_generation(list);
    if (e->revocations != generation) {
        e->revoked = revocations_hit(list, e->claims.token_id, e->claims.subject_id,
                                     e->claims.issued_s);
        e->revocations = generation;
    }
    return e->revoked;
}

static uint16_t token_accept(struct token_verifier *v, struct entry *e,
                             const struct token_claims **ret)
{
    if (token_revoked(v, e))
        return token_refuse(v, TOKEN_REVOKED);
    v->reason = TOKEN_OK;
    *ret = &e->claims;
    return 0;
}

/* Keeps `e`, whose reference is handed over, alive until the next call; NULL: nothing. */
static void token_set_returned(struct token_verifier *v, struct entry *e)
{
    struct entry *old = v->returned;
    v->returned = e;
    if (old != NULL)
        token_claims_unref(&old->claims);
}

uint16_t token_verify(struct token_verifier *v, struct slice token, uint64_t now_s, bool examine,
                      const struct token_claims **ret)
{
    if (token.len == 0 || token.len > TOKEN_SIZE_MAX)
        return token_refuse(v, token.len == 0 ? TOKEN_MISSING : TOKEN_TOO_LONG);
    struct sha256_digest digest = sha256(&token, 1);
    struct entry *e = token_cache_find(v, &digest, now_s);
    if (e != NULL) {
        v->statistics.hits++;
        token_set_returned(v, token_entry_of(token_claims_ref(&e->claims)));
        return token_accept(v, e, ret);
    }
    struct refused *refused = token_refused_at(v, &digest);
    if (memcmp(&refused->digest, &digest, sizeof(digest)) == 0 &&
        token_origin_valid(v, &refused->origin, now_s)) {
        v->statistics.refused_hits++;
        return token_refuse(v, TOKEN_SIGNATURE);
    }
    if (!examine) {
        v->reason = TOKEN_UNEXAMINED;
        return RESULT_UNAUTHENTICATED;
    }
    struct token_claims read = {.expires_s = 0};
    struct origin origin = {.until_s = now_s + TOKEN_CACHE_S};
    enum token_reason reason = token_examine(v, token, now_s, &read, &origin);
    if (reason == TOKEN_SIGNATURE)
        *refused = (struct refused){digest, origin};
    if (reason != TOKEN_OK)
        return token_refuse(v, reason);
    v->statistics.verified++;
    e = token_entry_new(&read, token, &digest);
    if (e == NULL) {
        v->reason = TOKEN_NO_MEMORY;
        return RESULT_NO_MEMORY;
    }
    e->origin = origin;
    if (read.expires_s < origin.until_s)
        e->origin.until_s = read.expires_s;
    token_cache_put(v, e);
    token_set_returned(v, e);
    return token_accept(v, e, ret);
}

enum token_reason token_reason(const struct token_verifier *v)
{
    return v->reason;
}

struct token_statistics token_statistics(const struct token_verifier *v)
{
    return v->statistics;
}

uint16_t token_memo_verify(struct token_memo *m, struct token_verifier *v, struct slice token,
                           uint64_t now_s, bool examine, const struct token_claims **ret)
{
    if (m->claims != NULL) {
        struct entry *e = token_entry_of(m->claims);
        if (slice_equal(token, (struct slice){e->bytes, e->token_len}) &&
            token_origin_valid(v, &e->origin, now_s)) {
            v->statistics.hits++;
            return token_accept(v, e, ret);
        }
    }
    const struct token_claims *claims = NULL;
    uint16_t code = token_verify(v, token, now_s, examine, &claims);
    m->claims = token_claims_unref(m->claims);
    if (code == 0) {
        m->claims = token_claims_ref(claims);
        *ret = claims;
    }
    return code;
}

void token_memo_done(struct token_memo *m)
{
    m->claims = token_claims_unref(m->claims);
}

/* --- life ------------------------------------------------------------------------------------- */

struct token_verifier *token_verifier_new(const struct token_policy *policy)
{
    check(policy->issuer_count <= TOKEN_ISSUERS_MAX && policy->scopes != NULL);
    for (uint32_t i = 0; i < policy->issuer_count; i++)
        check(policy->issuers[i].issuer != NULL && policy->issuers[i].keys != NULL &&
              policy->issuers[i].audience_count <= TOKEN_AUDIENCES_MAX);
    struct token_verifier *v = calloc(1, sizeof(*v));
    if (v == NULL)
        return NULL;
    v->policy = *policy;
    v->memory_size = jose_memory_size(TOKEN_PART_MAX);
    v->header_memory = malloc(v->memory_size);
    v->payload_memory = malloc(v->memory_size);
    if (v->header_memory == NULL || v->payload_memory == NULL)
        return token_verifier_free(v);
    return v;
}

struct token_verifier *token_verifier_free(struct token_verifier *v)
{
    if (v == NULL)
        return NULL;
    token_set_returned(v, NULL);
    for (uint32_t i = 0; i < TOKEN_CACHE_MAX; i++)
        token_slot_clear(v, &v->slots[i]);
    for (uint32_t i = 0; i < TOKEN_ISSUERS_MAX; i++)
        token_keys_drop(&v->keys[i]);
    free(v->header_memory);
    free(v->payload_memory);
    free(v);
    return NULL;
}
