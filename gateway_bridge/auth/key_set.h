/* SPDX-License-Identifier: Apache-2.0 */
/* Key set: the public keys of one issuer, read from a JWK Set (RFC 7517). Immutable and counted, so
 * that any number of loops verify with it while a newer one replaces it. */
#ifndef AUTH_KEY_SET_H
#define AUTH_KEY_SET_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway_bridge/auth/jose_json.h"
#include "runtime/base/check.h"
#include "runtime/base/slice.h"

#define KEY_SET_SIZE_MAX (64 * 1024) /* bytes of the document */
#define KEY_SET_KEYS_MAX 32    /* that are used */
#define KEY_SET_LISTED_MAX 256 /* of a document, with those that are left out */
#define KEY_KID_MAX 128 /* WSO2 IS: base64 of a SHA-256 in hex and "_RS256", 92 characters */
#define KEY_RSA_BITS_MIN 2048
#define KEY_RSA_BITS_MAX 8192 /* verifying costs grow with the square */
#define KEY_SET_ERROR_MAX 160

enum key_alg { KEY_RS256 = 1, KEY_ES256 };

struct key {
    char kid[KEY_KID_MAX];
    uint8_t kid_len; /* 0 = it has none; then it is the only key */
    enum key_alg alg;
    EVP_PKEY *pkey;
    uint32_t signature_size; /* bytes: of the modulus; 64 for ES256 */
};

struct key_set {
    _Atomic uint32_t refs;
    uint32_t count;
    struct key keys[KEY_SET_KEYS_MAX];
};

/* Reads a document. Left out are keys for other uses, algorithms or curves, and keys that are
 * malformed, weak or more than KEY_SET_KEYS_MAX: the first of these is named in `error`, which is
 * empty else. NULL, and why in `error`, if it is no JWK Set, lists more than KEY_SET_LISTED_MAX,
 * has two keys of one kid, a key without kid beside others, or no key to use. Any thread. */
must_check struct key_set *key_set_parse(struct slice document, char error[KEY_SET_ERROR_MAX]);

/* A set of no keys, which verifies nothing. NULL without memory. */
must_check struct key_set *key_set_empty(void);

/* Any thread. */
struct key_set *key_set_ref(struct key_set *s);
struct key_set *key_set_unref(struct key_set *s); /* NULL; takes NULL */

/* The member kid of a key or of a token's header: any string of 1 to KEY_KID_MAX bytes without
 * control characters, as it is only compared (RFC 7517 section 4.5). Lives as long as the
 * object. */
enum jose_found key_kid_read(struct yyjson_val *object, struct slice *kid);

/* The key of a valid kid, or of a token without kid (kid.len == 0) if the set has just one key.
 * NULL if there is none. */
const struct key *key_set_find(const struct key_set *s, struct slice kid);

#endif
