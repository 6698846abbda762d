/* SPDX-License-Identifier: Apache-2.0 */
/* A signing key of the development issuer: made once, kept as PEM in a file only its owner reads,
 * so that tokens outlive a restart. */
#ifndef AUTH_ISSUER_KEY_H
#define AUTH_ISSUER_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway_bridge/auth/key_set.h"
#include "runtime/base/check.h"

#define ISSUER_KEY_PEM_MAX 4096
#define ISSUER_KEY_JWK_MAX 1024
#define ISSUER_KEY_ERROR_MAX 256

struct issuer_key {
    enum key_alg alg;
    char kid[KEY_KID_MAX + 1];
    char jwk[ISSUER_KEY_JWK_MAX]; /* the public part, one JSON object */
    size_t pem_len;
    char pem[ISSUER_KEY_PEM_MAX]; /* the private key; wiped by issuer_key_done() */
};

/* Reads directory/<alg>.pem, or makes it with mode 0600. false with one line in `error`: the file
 * is readable by others, holds another kind of key, or cannot be made. */
must_check bool issuer_key_load(struct issuer_key *k, enum key_alg alg, const char *directory,
                                char error[ISSUER_KEY_ERROR_MAX]);
void issuer_key_done(struct issuer_key *k);

#endif
