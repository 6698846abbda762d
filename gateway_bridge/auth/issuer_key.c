/* SPDX-License-Identifier: Apache-2.0 */
/* A key is written under another name, fsynced and renamed, so that a crash leaves a whole key or
 * none. A file that others may read, or that has another kind of key, is refused and never
 * replaced: tokens signed with it may be in use. The public part is derived from the private one at
 * each start; the kid is the hash of the public key, so a new key has a new name. */
#include "gateway_bridge/auth/issuer_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/base64url.h"
#include "runtime/base/sha256.h"

#define RSA_BITS 2048
#define NUMBER_BYTES_MAX (RSA_BITS / 8)

static bool issuer_key_fail(char error[ISSUER_KEY_ERROR_MAX], const char *what, const char *path)
{
    char text[80] = "";
    if (errno != 0)
        snprintf(error, ISSUER_KEY_ERROR_MAX, "%s %s: %s", what, path,
                 strerror_r(errno, text, sizeof(text)));
    else
        snprintf(error, ISSUER_KEY_ERROR_MAX, "%s %s", what, path);
    return false;
}

/* --- the file --------------------------------------------------------------------------------- */

static bool issuer_key_file_read(struct issuer_key *k, const char *path, char *error)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &status) != 0) {
        issuer_key_fail(error, "cannot open", path);
        if (fd >= 0)
            close(fd);
        return false;
    }
    ssize_t len = read(fd, k->pem, sizeof(k->pem));
    close(fd);
    errno = 0;
    if ((status.st_mode & 077) != 0)
        return issuer_key_fail(error, "the mode must be 0600, others could read the key in", path);
    if (len <= 0 || (size_t)len >= sizeof(k->pem))
        return issuer_key_fail(error, "no key in", path);
    k->pem_len = (size_t)len;
    return true;
}

/* Under another name first: a crash leaves no half key behind. */
static bool issuer_key_file_write(const struct issuer_key *k, const char *path, char *error)
{
    char draft[PATH_MAX + 8];
    snprintf(draft, sizeof(draft), "%s.new", path);
    errno = 0;
    (void)unlink(draft); /* of an earlier crash */
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return issuer_key_fail(error, "cannot make", draft);
    bool written = write(fd, k->pem, k->pem_len) == (ssize_t)k->pem_len && fsync(fd) == 0;
    close(fd);
    if (!written || rename(draft, path) != 0)
        return issuer_key_fail(error, "cannot write", draft);
    return true;
}

static EVP_PKEY *issuer_key_key_parse(struct issuer_key *k)
{
    BIO *bio = BIO_new_mem_buf(k->pem, (int)k->pem_len);
    EVP_PKEY *pkey = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return pkey;
}

static EVP_PKEY *issuer_key_key_make(struct issuer_key *k)
{
    EVP_PKEY *pkey = k->alg == KEY_RS256 ? EVP_RSA_gen(RSA_BITS) : EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long len = 0;
    if (pkey != NULL && bio != NULL &&
        PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1)
        len = BIO_get_mem_data(bio, &text);
    if (len > 0 && (size_t)len < sizeof(k->pem)) {
        memcpy(k->pem, text, (size_t)len);
        k->pem_len = (size_t)len;
    } else {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    BIO_free(bio);
    return pkey;
}

/* --- the public part -------------------------------------------------------------------------- */

/* A number of the key as base64url of `size` bytes (0 = no more than it needs). */
static bool issuer_key_number_text(EVP_PKEY *pkey, const char *name, int size,
                                   char text[BASE64URL_LEN(NUMBER_BYTES_MAX) + 1])
{
    uint8_t bytes[NUMBER_BYTES_MAX];
    BIGNUM *number = NULL;
    if (EVP_PKEY_get_bn_param(pkey, name, &number) != 1)
        return false;
    int len = size != 0 ? size : BN_num_bytes(number);
    bool fits = len <= NUMBER_BYTES_MAX && BN_bn2binpad(number, bytes, len) == len;
    BN_free(number);
    if (!fits)
        return false;
    text[base64url_encode(bytes, (size_t)len, text)] = 0;
    return true;
}

/* The kid is the hash of the public key, so a file that was replaced has another one. */
static bool issuer_key_kid_make(struct issuer_key *k, EVP_PKEY *pkey)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);
    if (len <= 0)
        return false;
    struct slice piece = {(const char *)der, (uint32_t)len};
    struct sha256_digest digest = sha256(&piece, 1);
    OPENSSL_free(der);
    k->kid[base64url_encode(digest.bytes, SHA256_SIZE, k->kid)] = 0;
    return true;
}

static bool issuer_key_jwk_make(struct issuer_key *k, EVP_PKEY *pkey)
{
    char first[BASE64URL_LEN(NUMBER_BYTES_MAX) + 1], second[BASE64URL_LEN(NUMBER_BYTES_MAX) + 1];
    if (!issuer_key_kid_make(k, pkey))
        return false;
    if (k->alg == KEY_RS256) {
        if (!EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_get_bits(pkey) != RSA_BITS ||
            !issuer_key_number_text(pkey, OSSL_PKEY_PARAM_RSA_N, 0, first) ||
            !issuer_key_number_text(pkey, OSSL_PKEY_PARAM_RSA_E, 0, second))
            return false;
        snprintf(k->jwk, sizeof(k->jwk),
                 "{\"kty\":\"RSA\",\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":\"%s\","
                 "\"n\":\"%s\",\"e\":\"%s\"}",
                 k->kid, first, second);
        return true;
    }
    char curve[32] = "";
    if (!EVP_PKEY_is_a(pkey, "EC") ||
        EVP_PKEY_get_group_name(pkey, curve, sizeof(curve), NULL) != 1 ||
        strcmp(curve, "prime256v1") != 0 ||
        !issuer_key_number_text(pkey, OSSL_PKEY_PARAM_EC_PUB_X, 32, first) ||
        !issuer_key_number_text(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, 32, second))
        return false;
    snprintf(k->jwk, sizeof(k->jwk),
             "{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"alg\":\"ES256\","
             "\"kid\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"}",
             k->kid, first, second);
    return true;
}

bool issuer_key_load(struct issuer_key *k, enum key_alg alg, const char *directory,
                     char error[ISSUER_KEY_ERROR_MAX])
{
    char path[PATH_MAX];
    EVP_PKEY *pkey = NULL;
    int len = snprintf(path, sizeof(path), "%s/%s.pem", directory,
                       alg == KEY_RS256 ? "rs256" : "es256");
    errno = 0;
    if (len < 0 || (size_t)len >= sizeof(path))
        return issuer_key_fail(error, "name too long:", directory);
    k->alg = alg;
    if (access(path, F_OK) == 0) {
        if (!issuer_key_file_read(k, path, error))
            return false;
        pkey = issuer_key_key_parse(k);
    } else {
        pkey = issuer_key_key_make(k);
        if (pkey != NULL && !issuer_key_file_write(k, path, error)) {
            EVP_PKEY_free(pkey);
            return false;
        }
    }
    bool good = pkey != NULL && issuer_key_jwk_make(k, pkey);
    EVP_PKEY_free(pkey);
    errno = 0;
    return good || issuer_key_fail(error, "not a key for this issuer:", path);
}

void issuer_key_done(struct issuer_key *k)
{
    OPENSSL_cleanse(k->pem, sizeof(k->pem));
    k->pem_len = 0;
}
