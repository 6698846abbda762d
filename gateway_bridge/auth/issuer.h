/* SPDX-License-Identifier: Apache-2.0 */
/* Issuer: a development stand-in for the identity server, so that one command runs the platform.
 * OAuth2 client credentials (RFC 6749 section 4.4), discovery and JWKS, as pure functions of a
 * request; the bridge mounts them. Its client has a known secret and may act for any user of any
 * tenant, therefore it exists on loopback addresses only. One loop's thread at a time. */
#ifndef AUTH_ISSUER_H
#define AUTH_ISSUER_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway_bridge/auth/token.h"
#include "runtime/base/check.h"
#include "runtime/base/slice.h"

#define ISSUER_CLIENT "dev"
#define ISSUER_SECRET "dev-secret"
#define ISSUER_TENANT "default"
#define ISSUER_AUDIENCE "payment-platform"
#define ISSUER_FORM_TYPE "application/x-www-form-urlencoded" /* of a request for a token */
#define ISSUER_LIFETIME_S 3600
#define ISSUER_ANSWER_MAX 8192
#define ISSUER_SCOPES_MAX 1024 /* bytes of a list of scopes */
#define ISSUER_ERROR_MAX 256

struct issuer;

struct issuer_options {
    const char *directory;      /* <data>/issuer: keys, mode 0600; made if missing */
    const char *url;            /* "http://127.0.0.1:8080": issuer and base of the endpoints */
    const char *listen_address; /* of the bridge: must be a loopback address, or it refuses */
    const char *scopes;         /* all there are, separated by spaces; given when none is asked */
};

struct issuer_request {
    struct slice method, path;                /* no query */
    struct slice authorization, content_type; /* the headers' values, or empty */
    struct slice body;                        /* of a request for a token: a form */
};

struct issuer_answer {
    uint16_t status;
    const char *authenticate; /* value of WWW-Authenticate, or NULL; static */
    const char *allow;        /* methods of the path, with a 405 or 204; static */
    uint32_t len;
    char body[ISSUER_ANSWER_MAX]; /* JSON; to be sent with Cache-Control: no-store */
};

/* Loads the keys or makes them. NULL with one line in `error`. Text is copied. */
must_check struct issuer *issuer_start(const struct issuer_options *o,
                                       char error[ISSUER_ERROR_MAX]);
struct issuer *issuer_stop(struct issuer *i); /* NULL; takes NULL */

/* Answers POST /oauth2/token, GET and HEAD of /oauth2/jwks, of /.well-known/openid-configuration
 * and of /.well-known/oauth-authorization-server (RFC 8414; the same document), and OPTIONS of
 * each; false (and *out untouched) for any other request's path. now_s is Unix time. Besides the
 * standard fields of a token request the form may have `tenant` and `subject`, to act as different
 * users, and `signing_alg`. */
bool issuer_handle(struct issuer *i, const struct issuer_request *r, uint64_t now_s,
                   struct issuer_answer *out);

/* The public keys, for jwks_options.document; lives as long as the issuer. */
struct slice issuer_jwks(const struct issuer *i);

/* What a verifier accepts from it; `keys` is the source over issuer_jwks(). typ may also be "JWT":
 * libjwt writes nothing else in its older versions. */
struct token_issuer issuer_rules(const struct issuer *i, struct jwks *keys);

/* "127.0.0.0/8", "::1" or "localhost". */
bool issuer_loopback(const char *address);

#endif
