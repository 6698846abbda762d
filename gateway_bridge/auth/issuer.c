/* SPDX-License-Identifier: Apache-2.0 */
/* A request for a token passes the form, the client's credentials (in the form or as Basic, never
 * both) and the grant, and is then signed; the first step that fails answers with the error code of
 * RFC 6749. The key set and the discovery document are made once at the start, from options that
 * are checked to need no escaping in JSON. libjwt signs and the verifier does not use it, so that
 * neither hides a fault of the other. After the start there is no I/O, and nothing is remembered of
 * the tokens. */
#include "gateway_bridge/auth/issuer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jwt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "gateway_bridge/auth/form.h"
#include "gateway_bridge/auth/issuer_key.h"
#include "gateway_bridge/http/headers.h"
#include "gateway_bridge/http/percent.h"
#include "runtime/base/hex.h"
#include "runtime/base/principal.h"
#include "runtime/base/utf8.h"

#define URL_MAX 256
#define JWKS_MAX (2 * ISSUER_KEY_JWK_MAX + 32)
#define BASIC_MAX 512 /* characters of the credentials */
#define JTI_BYTES 16

struct issuer {
    struct issuer_key rs256, es256;
    char url[URL_MAX];
    char scopes[ISSUER_SCOPES_MAX];
    char jwks[JWKS_MAX];
    char discovery[ISSUER_ANSWER_MAX];
};

/* --- life ------------------------------------------------------------------------------------- */

bool issuer_loopback(const char *address)
{
    struct in_addr four;
    struct in6_addr six;
    if (strcmp(address, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, address, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

/* The text goes into JSON as it is. */
static bool issuer_text_plain(const char *text, size_t size_max)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x20 || text[i] > 0x7e || text[i] == '"' || text[i] == '\\')
            return false;
    return len > 0 && len < size_max;
}

static bool issuer_options_valid(const struct issuer_options *o, char error[ISSUER_ERROR_MAX])
{
    if (!issuer_loopback(o->listen_address)) {
        snprintf(error, ISSUER_ERROR_MAX,
                 "the development issuer gives tokens to anybody, so it only works on a loopback "
                 "address, not on %.64s; configure the JWKS of an identity server instead",
                 o->listen_address);
        return false;
    }
    if (!issuer_text_plain(o->url, URL_MAX) || !issuer_text_plain(o->scopes, ISSUER_SCOPES_MAX)) {
        snprintf(error, ISSUER_ERROR_MAX, "the issuer's URL or scopes are empty or malformed");
        return false;
    }
    if (mkdir(o->directory, 0700) != 0 && errno != EEXIST) {
        char text[80];
        snprintf(error, ISSUER_ERROR_MAX, "cannot make %.128s: %s", o->directory,
                 strerror_r(errno, text, sizeof(text)));
        return false;
    }
    return true;
}

/* ["a","b"] of "a b". */
static void issuer_scopes_list(const char *scopes, char list[2 * ISSUER_SCOPES_MAX])
{
    char *to = list;
    for (const char *c = scopes; *c != 0; c++) {
        if (*c != ' ') {
            *to++ = *c;
        } else {
            memcpy(to, "\",\"", 3);
            to += 3;
        }
    }
    *to = 0;
}

static bool issuer_documents_make(struct issuer *i)
{
    char list[3 * ISSUER_SCOPES_MAX];
    issuer_scopes_list(i->scopes, list);
    snprintf(i->jwks, sizeof(i->jwks), "{\"keys\":[%s,%s]}", i->rs256.jwk, i->es256.jwk);
    int len = snprintf(
        i->discovery, sizeof(i->discovery),
        "{\"issuer\":\"%s\",\"token_endpoint\":\"%s/oauth2/token\","
        "\"jwks_uri\":\"%s/oauth2/jwks\",\"grant_types_supported\":[\"client_credentials\"],"
        "\"response_types_supported\":[\"none\"],\"subject_types_supported\":[\"public\"],"
        "\"id_token_signing_alg_values_supported\":[\"RS256\"],"
        "\"token_endpoint_auth_methods_supported\":[\"client_secret_basic\","
        "\"client_secret_post\"],\"scopes_supported\":[\"%s\"]}",
        i->url, i->url, i->url, list);
    return len > 0 && (size_t)len < sizeof(i->discovery);
}

struct issuer *issuer_start(const struct issuer_options *o, char error[ISSUER_ERROR_MAX])
{
    if (!issuer_options_valid(o, error))
        return NULL;
    struct issuer *i = calloc(1, sizeof(*i));
    if (i == NULL) {
        snprintf(error, ISSUER_ERROR_MAX, "out of memory");
        return NULL;
    }
    snprintf(i->url, sizeof(i->url), "%s", o->url);
    snprintf(i->scopes, sizeof(i->scopes), "%s", o->scopes);
    if (!issuer_key_load(&i->rs256, KEY_RS256, o->directory, error) ||
        !issuer_key_load(&i->es256, KEY_ES256, o->directory, error))
        return issuer_stop(i);
    if (!issuer_documents_make(i)) {
        snprintf(error, ISSUER_ERROR_MAX, "the issuer has too many scopes");
        return issuer_stop(i);
    }
    return i;
}

struct issuer *issuer_stop(struct issuer *i)
{
    if (i == NULL)
        return NULL;
    issuer_key_done(&i->rs256);
    issuer_key_done(&i->es256);
    free(i);
    return NULL;
}

struct slice issuer_jwks(const struct issuer *i)
{
    return slice_of(i->jwks);
}

struct token_issuer issuer_rules(const struct issuer *i, struct jwks *keys)
{
    return (struct token_issuer){.issuer = i->url,
                                 .audiences = {ISSUER_AUDIENCE},
                                 .audience_count = 1,
                                 .typs = TOKEN_TYP_AT_JWT | TOKEN_TYP_JWT,
                                 .lifetime_max_s = ISSUER_LIFETIME_S,
                                 .keys = keys};
}

/* --- answers ---------------------------------------------------------------------------------- */

printf_like(3, 4) static void issuer_put_answer(struct issuer_answer *out, uint16_t status,
                                                const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(out->body, sizeof(out->body), format, args);
    va_end(args);
    check(len >= 0 && (size_t)len < sizeof(out->body)); /* every part has its limit */
    out->status = status;
    out->authenticate = status == 401 ? "Basic realm=\"issuer\"" : NULL;
    out->len = (uint32_t)len;
}

/* RFC 6749 section 5.2 */
static void issuer_refuse(struct issuer_answer *out, uint16_t status, const char *code,
                          const char *why)
{
    issuer_put_answer(out, status, "{\"error\":\"%s\",\"error_description\":\"%s\"}", code, why);
}

/* --- the client ------------------------------------------------------------------------------- */

static bool issuer_secret_equal(struct slice given, const char *wanted)
{
    return given.len == strlen(wanted) && CRYPTO_memcmp(given.data, wanted, given.len) == 0;
}

/* "Basic " and base64 of "id:secret", both as in a form (RFC 6749 section 2.3.1). */
static bool issuer_basic_good(struct slice authorization)
{
    uint8_t text[BASIC_MAX];
    uint32_t skip = 6;
    if (authorization.len <= skip || strncasecmp(authorization.data, "Basic ", skip) != 0 ||
        authorization.len - skip > BASIC_MAX || (authorization.len - skip) % 4 != 0)
        return false;
    const uint8_t *encoded = (const uint8_t *)authorization.data + skip;
    int len = EVP_DecodeBlock(text, encoded, (int)(authorization.len - skip));
    if (len <= 0)
        return false;
    for (uint32_t end = authorization.len; len > 0 && authorization.data[end - 1] == '='; end--)
        len--; /* the padding was decoded to zeros */
    struct slice pair = {(const char *)text, (uint32_t)len};
    return percent_decode(pair, true, (char *)text, &pair.len) &&
           issuer_secret_equal(pair, ISSUER_CLIENT ":" ISSUER_SECRET);
}

static bool issuer_client_check(struct slice authorization, const struct form *form,
                                struct issuer_answer *out)
{
    struct slice id = form_get(form, "client_id"), secret = form_get(form, "client_secret");
    if (authorization.len > 0 && secret.len > 0) {
        issuer_refuse(out, 400, "invalid_request", "credentials are given in two places");
        return false;
    }
    if (authorization.len == 0 && id.len == 0 && secret.len == 0) {
        issuer_refuse(out, 401, "invalid_client",
                      "client_id and client_secret are missing: send them in a form, or as Basic");
        return false;
    }
    bool good = authorization.len > 0 ? issuer_basic_good(authorization)
                                      : issuer_secret_equal(id, ISSUER_CLIENT) &&
                                            issuer_secret_equal(secret, ISSUER_SECRET);
    if (!good)
        issuer_refuse(out, 401, "invalid_client", "client_id or client_secret is wrong");
    return good;
}

/* --- the token -------------------------------------------------------------------------------- */

/* One request for a token, after its checks; text is terminated. */
struct grant {
    const struct issuer_key *key;
    bool user;
    char subject[TOKEN_SUBJECT_MAX + 1];
    char tenant[TOKEN_TENANT_MAX + 1];
    char scope[ISSUER_SCOPES_MAX];
};

static bool issuer_text_take(struct slice given, const char *otherwise, char *to, size_t size)
{
    struct slice text = given.data != NULL ? given : slice_of(otherwise);
    if (text.len == 0 || text.len >= size || text.data[0] == ' ' ||
        text.data[text.len - 1] == ' ')
        return false;
    memcpy(to, text.data, text.len);
    to[text.len] = 0;
    return true;
}

/* Is the name one of the list? */
static bool issuer_scope_known(const char *list, struct slice name)
{
    for (const char *at = list; *at != 0;) {
        size_t len = strcspn(at, " ");
        if (slice_equal(name, (struct slice){at, (uint32_t)len}))
            return true;
        at += len + (at[len] == ' ');
    }
    return false;
}

static bool issuer_scope_take(const struct issuer *i, struct slice asked,
                              char to[ISSUER_SCOPES_MAX])
{
    if (!issuer_text_take(asked.len > 0 ? asked : (struct slice){NULL, 0}, i->scopes, to,
                          ISSUER_SCOPES_MAX))
        return false;
    for (const char *at = to; *at != 0;) {
        size_t len = strcspn(at, " ");
        if (!issuer_scope_known(i->scopes, (struct slice){at, (uint32_t)len}))
            return false;
        at += len + (at[len] == ' ');
    }
    return true;
}

static bool issuer_grant_read(const struct issuer *i, const struct form *form, struct grant *g,
                              struct issuer_answer *out)
{
    struct slice type = form_get(form, "grant_type"), subject = form_get(form, "subject");
    struct slice alg = form_get(form, "signing_alg");
    if (type.len == 0) {
        issuer_refuse(out, 400, "invalid_request", "grant_type is missing");
    } else if (!slice_equal(type, slice_of("client_credentials"))) {
        issuer_refuse(out, 400, "unsupported_grant_type", "only client_credentials");
    } else if (!issuer_text_take(subject, ISSUER_CLIENT, g->subject, sizeof(g->subject)) ||
               !issuer_text_take(form_get(form, "tenant"), ISSUER_TENANT, g->tenant,
                                 sizeof(g->tenant))) {
        issuer_refuse(out, 400, "invalid_request", "subject or tenant is empty or too long");
    } else if (!utf8_valid((const uint8_t *)g->subject, strlen(g->subject)) ||
               !utf8_valid((const uint8_t *)g->tenant, strlen(g->tenant))) {
        issuer_refuse(out, 400, "invalid_request", "subject or tenant is not UTF-8");
    } else if (principal_reserved(slice_of(g->subject))) {
        issuer_refuse(out, 400, "invalid_request",
                      "subject is what the platform or an operator is called");
    } else if (!issuer_scope_take(i, form_get(form, "scope"), g->scope)) {
        issuer_refuse(out, 400, "invalid_scope",
                      "scope has a name that is not in scopes_supported");
    } else if (alg.len > 0 && !slice_equal(alg, slice_of("RS256")) &&
               !slice_equal(alg, slice_of("ES256"))) {
        issuer_refuse(out, 400, "invalid_request", "signing_alg is RS256 or ES256");
    } else {
        g->user = subject.data != NULL;
        g->key = slice_equal(alg, slice_of("ES256")) ? &i->es256 : &i->rs256;
        return true;
    }
    return false;
}

static int issuer_claims_add(jwt_t *jwt, const struct issuer *i, const struct grant *g,
                             uint64_t now_s)
{
    uint8_t random[JTI_BYTES];
    char jti[2 * JTI_BYTES + 1] = {0};
    if (RAND_bytes(random, sizeof(random)) != 1)
        return EIO;
    hex_write(random, sizeof random, jti);
    const struct {
        const char *name, *value;
    } texts[] = {
        {"iss", i->url},           {"sub", g->subject},  {"azp", ISSUER_CLIENT},
        {"client_id", ISSUER_CLIENT}, {"scope", g->scope}, {"tenant", g->tenant},
        {"jti", jti},              {"aut", g->user ? "APPLICATION_USER" : "APPLICATION"},
    };
    int rc = jwt_add_grants_json(jwt,
                                 "{\"aud\":[\"" ISSUER_CLIENT "\",\"" ISSUER_AUDIENCE "\"]}");
    for (size_t n = 0; n < array_len(texts) && rc == 0; n++)
        rc = jwt_add_grant(jwt, texts[n].name, texts[n].value);
    if (rc == 0)
        rc = jwt_add_grant_int(jwt, "iat", (long)now_s);
    if (rc == 0)
        rc = jwt_add_grant_int(jwt, "nbf", (long)now_s);
    if (rc == 0)
        rc = jwt_add_grant_int(jwt, "exp", (long)(now_s + ISSUER_LIFETIME_S));
    return rc;
}

/* The signed token, to be freed; NULL if libjwt fails: no memory. */
static char *issuer_token_sign(const struct issuer *i, const struct grant *g, uint64_t now_s)
{
    jwt_t *jwt = NULL;
    char *token = NULL;
    if (jwt_new(&jwt) != 0)
        return NULL;
    if (issuer_claims_add(jwt, i, g, now_s) == 0 && jwt_add_header(jwt, "typ", "at+jwt") == 0 &&
        jwt_add_header(jwt, "kid", g->key->kid) == 0 &&
        jwt_set_alg(jwt, g->key->alg == KEY_RS256 ? JWT_ALG_RS256 : JWT_ALG_ES256,
                    (const unsigned char *)g->key->pem, (int)g->key->pem_len) == 0)
        token = jwt_encode_str(jwt);
    jwt_free(jwt);
    return token;
}

static void issuer_token_answer(const struct issuer *i, const struct issuer_request *r,
                                uint64_t now_s, struct issuer_answer *out)
{
    struct form form;
    struct grant grant;
    if (!header_media_type_is(r->content_type, ISSUER_FORM_TYPE)) {
        issuer_refuse(out, 400, "invalid_request", "the Content-Type must be " ISSUER_FORM_TYPE);
        return;
    }
    if (!form_read(r->body, &form)) {
        issuer_refuse(out, 400, "invalid_request",
                      "the form is malformed, too long or repeats a field");
        return;
    }
    if (!issuer_client_check(r->authorization, &form, out) ||
        !issuer_grant_read(i, &form, &grant, out))
        return;
    char *token = issuer_token_sign(i, &grant, now_s);
    if (token == NULL) {
        issuer_refuse(out, 503, "temporarily_unavailable", "no memory for a token");
        return;
    }
    issuer_put_answer(out, 200,
                      "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%d,"
                      "\"scope\":\"%s\"}",
                      token, ISSUER_LIFETIME_S, grant.scope);
    free(token);
}

bool issuer_handle(struct issuer *i, const struct issuer_request *r, uint64_t now_s,
                   struct issuer_answer *out)
{
    bool token = slice_equal(r->path, slice_of("/oauth2/token"));
    bool jwks = slice_equal(r->path, slice_of("/oauth2/jwks"));
    bool discovery = slice_equal(r->path, slice_of("/.well-known/openid-configuration")) ||
                     slice_equal(r->path, slice_of("/.well-known/oauth-authorization-server"));
    if (!token && !jwks && !discovery)
        return false;
    bool post = slice_equal(r->method, slice_of("POST"));
    bool get = slice_equal(r->method, slice_of("GET")) || slice_equal(r->method, slice_of("HEAD"));
    out->allow = token ? "POST, OPTIONS" : "GET, HEAD, OPTIONS";
    if (slice_equal(r->method, slice_of("OPTIONS"))) {
        issuer_put_answer(out, 204, "%s", "");
    } else if (token ? !post : !get) {
        issuer_refuse(out, 405, "invalid_request", token ? "use POST" : "use GET");
    } else {
        out->allow = NULL;
        if (token)
            issuer_token_answer(i, r, now_s, out);
        else
            issuer_put_answer(out, 200, "%s", jwks ? i->jwks : i->discovery);
    }
    return true;
}
