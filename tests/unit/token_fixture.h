/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, signatures of any kind and a verifier, for the tests of tokens. */
#ifndef TESTS_UNIT_TOKEN_FIXTURE_H
#define TESTS_UNIT_TOKEN_FIXTURE_H

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway_bridge/auth/issuer_key.h"
#include "gateway_bridge/auth/jwks.h"
#include "gateway_bridge/auth/token.h"
#include "runtime/base/base64url.h"
#include "runtime/base/check.h"

/* The form of a WSO2 kid: base64 of a certificate's SHA-256 in hex, and the algorithm. */
#define KID_RSA                                                                                    \
    "OWJmNzgyNTNhMGNiMzE1NGQ3ZjYxZTUzYTI2MmZhZTEyYzJkYTdlMDBjYjI2MDNlZWIxYmQ2MDkxZjM0NTY3OA_RS256"
#define KID_EC "ec-1"
#define ISSUER_IS "https://is.example:9444/oauth2/token"
#define ISSUER_AM "wso2.org/products/am"
#define NOW 1800000000u

enum signer { BY_RSA, BY_EC, BY_OTHER_RSA, BY_EC_DER, BY_HMAC_OF_PUBLIC_KEY, BY_NOBODY };

struct fixture {
    char directory[32], other_directory[32];
    struct issuer_key rsa, ec, other_rsa;
    char document[4096];
    char rsa_public[1024], ec_public[1024]; /* PEM */
    struct jwks *keys;
    struct token_scopes scopes;
    uint64_t write_bit;
    struct token_policy policy;
    struct token_verifier *verifier;
};

static inline EVP_PKEY *private_key(const struct issuer_key *k)
{
    BIO *bio = BIO_new_mem_buf(k->pem, (int)k->pem_len);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    check(pkey != NULL);
    BIO_free(bio);
    return pkey;
}

static inline void public_pem(const struct issuer_key *k, char *to, size_t size)
{
    EVP_PKEY *pkey = private_key(k);
    BIO *bio = BIO_new(BIO_s_mem());
    check(PEM_write_bio_PUBKEY(bio, pkey) == 1);
    int len = BIO_read(bio, to, (int)size - 1);
    check(len > 0);
    to[len] = 0;
    BIO_free(bio);
    EVP_PKEY_free(pkey);
}

/* The key's JWK under another kid. */
static inline void jwk_named(const struct issuer_key *k, const char *kid, char *to, size_t size)
{
    const char *at = strstr(k->jwk, k->kid);
    snprintf(to, size, "%.*s%s%s", (int)(at - k->jwk), k->jwk, kid, at + strlen(k->kid));
}

static inline uint32_t sign_with(const struct issuer_key *k, const char *text, size_t len,
                                 uint8_t *signature, size_t size)
{
    EVP_PKEY *pkey = private_key(k);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    check(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, pkey) == 1);
    check(EVP_DigestSign(context, signature, &size, (const uint8_t *)text, len) == 1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    return (uint32_t)size;
}

/* DER to r and s side by side. */
static inline uint32_t pair_of(uint8_t *signature, uint32_t len)
{
    const uint8_t *der = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
    check(pair != NULL);
    check(BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, 32) == 32);
    check(BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + 32, 32) == 32);
    ECDSA_SIG_free(pair);
    return 64;
}

/* A token with any header and payload; to be freed. */
static inline char *token_make(const struct fixture *f, enum signer by, const char *header,
                               const char *payload)
{
    char *token = malloc(strlen(header) * 2 + strlen(payload) * 2 + 2048);
    check(token != NULL);
    size_t at = base64url_encode((const uint8_t *)header, strlen(header), token);
    token[at++] = '.';
    at += base64url_encode((const uint8_t *)payload, strlen(payload), token + at);
    uint8_t signature[1024];
    uint32_t len = 0;
    if (by == BY_RSA || by == BY_OTHER_RSA)
        len = sign_with(by == BY_RSA ? &f->rsa : &f->other_rsa, token, at, signature,
                        sizeof(signature));
    if (by == BY_EC || by == BY_EC_DER)
        len = sign_with(&f->ec, token, at, signature, sizeof(signature));
    if (by == BY_EC)
        len = pair_of(signature, len);
    if (by == BY_HMAC_OF_PUBLIC_KEY)
        check(HMAC(EVP_sha256(), f->rsa_public, (int)strlen(f->rsa_public), (uint8_t *)token, at,
                   signature, &len) != NULL);
    token[at++] = '.';
    at += base64url_encode(signature, len, token + at);
    token[at] = 0;
    return token;
}

/* All tokens of the table tests are of this policy: an identity server and a gateway. */
static inline void policy_make(struct fixture *f)
{
    f->write_bit = token_scope_bit(&f->scopes, "wallets:write");
    (void)token_scope_bit(&f->scopes, "wallets:read");
    f->policy = (struct token_policy){
        .issuers = {{.issuer = ISSUER_IS,
                     .audiences = {"payment-platform", "payments"},
                     .audience_count = 2,
                     .tenant_default = "default",
                     .keys = f->keys},
                    {.issuer = ISSUER_AM,
                     .typs = TOKEN_TYP_JWT | TOKEN_TYP_ABSENT,
                     .lifetime_max_s = 900,
                     .subject_claim = "http://wso2.org/claims/enduser",
                     .tenant_claim = "http://wso2.org/claims/enduserTenantId",
                     .keys = f->keys}},
        .issuer_count = 2,
        .scopes = &f->scopes,
    };
}

static inline struct fixture *fixture_new(void)
{
    char error[256] = "", rsa[ISSUER_KEY_JWK_MAX], ec[ISSUER_KEY_JWK_MAX];
    struct fixture *f = calloc(1, sizeof(*f));
    check(f != NULL);
    snprintf(f->directory, sizeof(f->directory), "/tmp/token-XXXXXX");
    snprintf(f->other_directory, sizeof(f->other_directory), "/tmp/token-XXXXXX");
    check(mkdtemp(f->directory) != NULL && mkdtemp(f->other_directory) != NULL);
    check(issuer_key_load(&f->rsa, KEY_RS256, f->directory, error));
    check(issuer_key_load(&f->ec, KEY_ES256, f->directory, error));
    check(issuer_key_load(&f->other_rsa, KEY_RS256, f->other_directory, error));
    public_pem(&f->rsa, f->rsa_public, sizeof(f->rsa_public));
    public_pem(&f->ec, f->ec_public, sizeof(f->ec_public));
    jwk_named(&f->rsa, KID_RSA, rsa, sizeof(rsa));
    jwk_named(&f->ec, KID_EC, ec, sizeof(ec));
    snprintf(f->document, sizeof(f->document), "{\"keys\":[%s,%s]}", rsa, ec);
    f->keys = jwks_start(&(struct jwks_options){.document = slice_of(f->document)}, error);
    check(f->keys != NULL);
    policy_make(f);
    f->verifier = token_verifier_new(&f->policy);
    check(f->verifier != NULL);
    return f;
}

static inline void directory_remove(const char *directory)
{
    static const char *const names[] = {"rs256.pem", "es256.pem"};
    char path[128];
    for (size_t i = 0; i < array_len(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(directory);
}

static inline void fixture_free(struct fixture *f)
{
    directory_remove(f->directory);
    directory_remove(f->other_directory);
    token_verifier_free(f->verifier);
    jwks_stop(f->keys);
    free(f);
}

#endif
