/* SPDX-License-Identifier: Apache-2.0 */
/* Each JWK is read into an OpenSSL key once, when the document comes; verifying a token afterwards
 * takes no conversion. A key for another purpose is left out, an unusable one too, and the first of
 * these is reported; neither affects the other keys. Weak keys are refused here (short or even
 * moduli, small exponents, those of a known faulty generator, points off the curve), since a
 * signature by one proves nothing. Two keys of one kid refuse the whole set. The reference count is
 * atomic: the loop that drops a set last frees it. */
#include "gateway_bridge/auth/key_set.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "gateway_bridge/auth/jose_json.h"
#include "runtime/base/base64url.h"

#define RSA_BYTES_MAX (KEY_RSA_BITS_MAX / 8)
#define RSA_EXPONENT_BYTES_MAX 8
#define RSA_EXPONENT_MIN 65537
#define P256_BYTES 32
#define POINT_UNCOMPRESSED 4 /* first byte of x and y (SEC 1 section 2.3.3) */
#define MEMBER_MAX 32        /* of kty, use, alg, crv */

/* Of one JWK. */
enum key_verdict {
    TAKEN,
    LEFT_OUT, /* it is for something else */
    UNUSABLE, /* it is malformed or weak: left out as well, but reported */
};

/* --- life ------------------------------------------------------------------------------------- */

struct key_set *key_set_empty(void)
{
    struct key_set *s = calloc(1, sizeof(*s));
    if (s != NULL)
        atomic_init(&s->refs, 1);
    return s;
}

struct key_set *key_set_ref(struct key_set *s)
{
    uint32_t before = atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    check(before > 0);
    return s;
}

struct key_set *key_set_unref(struct key_set *s)
{
    if (s == NULL)
        return NULL;
    uint32_t before = atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel);
    check(before > 0);
    if (before == 1) {
        for (uint32_t i = 0; i < s->count; i++)
            EVP_PKEY_free(s->keys[i].pkey);
        free(s);
    }
    return NULL;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static BIGNUM *key_set_number_get(yyjson_val *jwk, const char *name, uint32_t size_max,
                                  uint32_t *size)
{
    uint8_t bytes[RSA_BYTES_MAX];
    struct slice text;
    check(size_max <= sizeof(bytes));
    if (jose_text(jwk, name, BASE64URL_LEN(size_max), &text) != JOSE_FOUND ||
        !base64url_decode(text, bytes, size_max, size))
        return NULL;
    return BN_bin2bn(bytes, (int)*size, NULL);
}

/* Keys of a faulty generator (CVE-2017-15361, "ROCA") have moduli that are powers of 65537 modulo
 * every small prime. A sound key passes for one with a chance of about 2^-27. */
static bool key_set_modulus_roca(const BIGNUM *n)
{
    static const uint16_t primes[] = {3,  5,  7,  11, 13, 17, 19,  23,  29,  31,  37,  41,  43,
                                      47, 53, 59, 61, 67, 71, 73,  79,  83,  89,  97,  101, 103,
                                      107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
    for (size_t i = 0; i < array_len(primes); i++) {
        uint32_t prime = primes[i];
        uint32_t rest = (uint32_t)BN_mod_word(n, prime);
        uint32_t power = 1;
        bool reached = false;
        for (uint32_t step = 0; step < prime && !reached; step++) {
            reached = power == rest;
            power = power * (65537 % prime) % prime;
        }
        if (!reached)
            return false;
    }
    return true;
}

static EVP_PKEY *key_make(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return pkey;
}

/* --- one key ---------------------------------------------------------------------------------- */

static const char *key_set_rsa_fault(const BIGNUM *n, const BIGNUM *e)
{
    if (n == NULL)
        return "n is missing, malformed or too long";
    if (e == NULL)
        return "e is missing, malformed or too long";
    if (BN_num_bits(n) < KEY_RSA_BITS_MIN)
        return "the modulus has less than 2048 bits";
    if (!BN_is_odd(n))
        return "the modulus is even";
    if (!BN_is_odd(e) || (BN_num_bits(e) <= 32 && BN_get_word(e) < RSA_EXPONENT_MIN))
        return "the exponent is even or below 65537";
    if (key_set_modulus_roca(n))
        return "the modulus comes from a faulty generator (CVE-2017-15361)";
    return NULL;
}

static const char *key_set_rsa_read(yyjson_val *jwk, struct key *key)
{
    uint32_t size = 0;
    BIGNUM *n = key_set_number_get(jwk, "n", RSA_BYTES_MAX, &size);
    BIGNUM *e = key_set_number_get(jwk, "e", RSA_EXPONENT_BYTES_MAX, &size);
    const char *fault = key_set_rsa_fault(n, e);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (fault == NULL && builder != NULL &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        key->pkey = key_make("RSA", builder);
    if (fault == NULL && key->pkey == NULL)
        fault = "not usable";
    if (fault == NULL) {
        key->alg = KEY_RS256;
        key->signature_size = (uint32_t)EVP_PKEY_get_size(key->pkey);
    }
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    BN_free(e);
    return fault;
}

/* Exactly 32 bytes, as RFC 7518 section 6.2.1.2 has it. */
static bool key_set_coordinate_get(yyjson_val *jwk, const char *name, uint8_t bytes[P256_BYTES])
{
    struct slice text;
    uint32_t size = 0;
    return jose_text(jwk, name, BASE64URL_LEN(P256_BYTES), &text) == JOSE_FOUND &&
           base64url_decode(text, bytes, P256_BYTES, &size) && size == P256_BYTES;
}

/* OpenSSL refuses a point that is not on the curve; the full check is made once more. */
static bool key_set_point_valid(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool valid = context != NULL && EVP_PKEY_public_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    return valid;
}

static const char *key_set_ec_read(yyjson_val *jwk, struct key *key)
{
    uint8_t point[1 + 2 * P256_BYTES] = {POINT_UNCOMPRESSED};
    if (!key_set_coordinate_get(jwk, "x", point + 1) ||
        !key_set_coordinate_get(jwk, "y", point + 1 + P256_BYTES))
        return "x or y is missing or not 32 bytes";
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (builder != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point,
                                         sizeof(point)) == 1)
        key->pkey = key_make("EC", builder);
    OSSL_PARAM_BLD_free(builder);
    if (key->pkey == NULL || !key_set_point_valid(key->pkey))
        return "the point is not on the curve";
    key->alg = KEY_ES256;
    key->signature_size = 2 * P256_BYTES;
    return NULL;
}

enum jose_found key_kid_read(yyjson_val *object, struct slice *kid)
{
    yyjson_val *value = jose_member(object, "kid");
    if (value == NULL)
        return JOSE_ABSENT;
    if (!yyjson_is_str(value))
        return JOSE_WRONG;
    struct slice text = {yyjson_get_str(value), (uint32_t)yyjson_get_len(value)};
    if (text.len == 0 || text.len > KEY_KID_MAX)
        return JOSE_WRONG;
    for (uint32_t i = 0; i < text.len; i++) {
        if ((uint8_t)text.data[i] < 0x20 || text.data[i] == 0x7f)
            return JOSE_WRONG;
    }
    *kid = text;
    return JOSE_FOUND;
}

/* Does the member, if there is one, say what we need? */
static bool key_set_member_is(yyjson_val *jwk, const char *name, const char *wanted)
{
    struct slice text;
    enum jose_found found = jose_text(jwk, name, MEMBER_MAX, &text);
    return found == JOSE_ABSENT ||
           (found == JOSE_FOUND && slice_equal(text, slice_of(wanted)));
}

/* RFC 7517 section 4.3: if key_ops is there, it must allow verifying. */
static bool key_set_operations_allow(yyjson_val *jwk)
{
    yyjson_val *operations = jose_member(jwk, "key_ops");
    if (operations == NULL)
        return true;
    for (size_t i = 0; i < yyjson_arr_size(operations); i++)
        if (yyjson_equals_str(yyjson_arr_get(operations, i), "verify"))
            return true;
    return false;
}

/* *key is zeroed; its pkey may be set even if it is refused. */
static enum key_verdict key_read(yyjson_val *jwk, struct key *key, const char **fault)
{
    struct slice kty, kid;
    enum jose_found found = key_kid_read(jwk, &kid);
    if (found == JOSE_WRONG) {
        *fault = "kid is not a string of 1 to 128 bytes without control characters";
        return UNUSABLE;
    }
    if (found == JOSE_FOUND) {
        memcpy(key->kid, kid.data, kid.len);
        key->kid_len = (uint8_t)kid.len;
    }
    if (jose_text(jwk, "kty", MEMBER_MAX, &kty) != JOSE_FOUND) {
        *fault = "kty is missing";
        return UNUSABLE;
    }
    bool rsa = slice_equal(kty, slice_of("RSA")) && key_set_member_is(jwk, "alg", "RS256");
    bool ec = slice_equal(kty, slice_of("EC")) && key_set_member_is(jwk, "alg", "ES256") &&
              key_set_member_is(jwk, "crv", "P-256");
    if ((!rsa && !ec) || !key_set_member_is(jwk, "use", "sig") || !key_set_operations_allow(jwk))
        return LEFT_OUT;
    if (jose_member(jwk, "d") != NULL)
        *fault = "it is a private key";
    else
        *fault = rsa ? key_set_rsa_read(jwk, key) : key_set_ec_read(jwk, key);
    return *fault == NULL ? TAKEN : UNUSABLE;
}

/* --- the set ---------------------------------------------------------------------------------- */

/* Has a key before this one the same kid? Those left out count: a kid names one key. */
static bool key_set_kid_repeated(yyjson_val *keys, size_t index)
{
    struct slice kid, before;
    if (key_kid_read(yyjson_arr_get(keys, index), &kid) != JOSE_FOUND)
        return false;
    for (size_t i = 0; i < index; i++)
        if (key_kid_read(yyjson_arr_get(keys, i), &before) == JOSE_FOUND &&
            slice_equal(before, kid))
            return true;
    return false;
}

/* One bad key does not take the others with it (RFC 7517 section 5), else an issuer that publishes
 * one more would lock everybody out; but which key a kid names must be clear. */
static bool key_set_set_fill(struct key_set *s, yyjson_val *keys, char error[KEY_SET_ERROR_MAX])
{
    error[0] = '\0';
    for (size_t i = 0; i < yyjson_arr_size(keys); i++) {
        yyjson_val *jwk = yyjson_arr_get(keys, i);
        struct key key = {.kid_len = 0};
        const char *fault = "not an object";
        enum key_verdict verdict = yyjson_is_obj(jwk) ? key_read(jwk, &key, &fault) : UNUSABLE;
        if (verdict == TAKEN && s->count == KEY_SET_KEYS_MAX) {
            verdict = UNUSABLE;
            fault = "it is beyond the 32 that are used";
        }
        if (verdict == TAKEN)
            s->keys[s->count++] = key;
        else
            EVP_PKEY_free(key.pkey);
        if (key_set_kid_repeated(keys, i)) {
            snprintf(error, KEY_SET_ERROR_MAX, "key %zu: its kid is that of another key", i);
            return false;
        }
        if (verdict == UNUSABLE && error[0] == '\0')
            snprintf(error, KEY_SET_ERROR_MAX, "key %zu: %s", i, fault);
    }
    for (uint32_t i = 0; i < s->count; i++)
        if (s->keys[i].kid_len == 0 && s->count > 1) {
            snprintf(error, KEY_SET_ERROR_MAX, "a key without kid beside others");
            return false;
        }
    if (s->count == 0 && error[0] == '\0')
        snprintf(error, KEY_SET_ERROR_MAX, "no key for RS256 or ES256");
    return s->count > 0;
}

struct key_set *key_set_parse(struct slice document, char error[KEY_SET_ERROR_MAX])
{
    if (document.len > KEY_SET_SIZE_MAX) {
        snprintf(error, KEY_SET_ERROR_MAX, "longer than %d bytes", KEY_SET_SIZE_MAX);
        return NULL;
    }
    size_t memory_size = jose_memory_size(document.len);
    void *memory = malloc(memory_size);
    struct key_set *s = key_set_empty();
    bool filled = false;
    if (memory == NULL || s == NULL) {
        snprintf(error, KEY_SET_ERROR_MAX, "out of memory");
    } else {
        yyjson_val *root = jose_read(document, memory, memory_size);
        yyjson_val *keys = root == NULL ? NULL : jose_member(root, "keys");
        if (!yyjson_is_arr(keys))
            snprintf(error, KEY_SET_ERROR_MAX, "not a JSON object with an array \"keys\"");
        else if (yyjson_arr_size(keys) > KEY_SET_LISTED_MAX)
            snprintf(error, KEY_SET_ERROR_MAX, "more than %d keys", KEY_SET_LISTED_MAX);
        else
            filled = key_set_set_fill(s, keys, error);
    }
    free(memory);
    return filled ? s : key_set_unref(s);
}

const struct key *key_set_find(const struct key_set *s, struct slice kid)
{
    if (kid.len == 0)
        return s->count == 1 ? &s->keys[0] : NULL;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct key *key = &s->keys[i];
        if (key->kid_len == kid.len && memcmp(key->kid, kid.data, kid.len) == 0)
            return key;
    }
    return NULL;
}
