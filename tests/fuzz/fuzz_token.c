/* SPDX-License-Identifier: Apache-2.0 */
/* What comes with a request before its client is known: tokens, their JSON, key sets and forms. The
 * first byte chooses the reader. No input is ever a good token. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_bridge/auth/form.h"
#include "gateway_bridge/auth/jose_json.h"
#include "gateway_bridge/auth/jwks.h"
#include "gateway_bridge/auth/key_set.h"
#include "gateway_bridge/auth/token.h"
#include "gateway_bridge/auth/token_read.h"
#include "runtime/base/base64url.h"
#include "runtime/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (2 * TOKEN_SIZE_MAX)

/* The key of RFC 7515 appendix A.3.1; its private part is not used anywhere here. */
static const char key_document[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\","
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";

static void read_token(struct slice text)
{
    static struct token_scopes scopes = {.names = {"wallets:write"}, .count = 1};
    char error[JWKS_ERROR_MAX];
    struct jwks *keys =
        jwks_start(&(struct jwks_options){.document = slice_of(key_document)}, error);
    check(keys != NULL);
    struct token_policy policy = {
        .issuers = {{.issuer = "i", .tenant_default = "t", .keys = keys}},
        .issuer_count = 1,
        .scopes = &scopes,
    };
    struct token_verifier *v = token_verifier_new(&policy);
    const struct token_claims *claims = NULL;
    check(v != NULL);
    check(token_verify(v, text, 1800000000, true, &claims) != 0 && claims == NULL);
    check(token_verify(v, text, 1800000000, true, &claims) != 0 && claims == NULL);
    token_verifier_free(v);
    jwks_stop(keys);
}

static void read_json(struct slice text)
{
    struct token_scopes scopes = {.names = {"wallets:write"}, .count = 1};
    struct token_issuer issuer = {.issuer = "i", .audiences = {"a"}, .audience_count = 1};
    struct token_policy policy = {.issuers = {issuer}, .issuer_count = 1, .scopes = &scopes};
    size_t memory_size = jose_memory_size(text.len);
    void *memory = malloc(memory_size);
    check(memory != NULL);
    struct yyjson_val *object = jose_read(text, memory, memory_size);
    if (object != NULL) {
        struct token_header header;
        struct token_claims claims;
        if (token_header_read(object, &header) == TOKEN_OK)
            check(header.kid.len <= KEY_KID_MAX);
        (void)token_issuer_find(&policy, object);
        if (token_claims_read(&issuer, &scopes, object, 1800000000, &claims) == TOKEN_OK)
            check(claims.subject.len > 0 && claims.tenant.len > 0 &&
                  claims.expires_s > 1800000000 && claims.expires_s <= 1800003610);
    }
    free(memory);
}

static void read_key_set(struct slice text)
{
    char error[KEY_SET_ERROR_MAX] = "";
    struct key_set *s = key_set_parse(text, error);
    check(s != NULL || error[0] != 0); /* of a usable set it names a key that was left out */
    if (s != NULL)
        check(s->count > 0 && s->count <= KEY_SET_KEYS_MAX);
    key_set_unref(s);
}

static void read_form(struct slice text)
{
    struct form form;
    if (form_read(text, &form))
        check(form.count <= FORM_FIELDS_MAX);
}

/* What decodes has exactly one text. */
static void read_base64url(struct slice text)
{
    uint8_t bytes[INPUT_MAX];
    char again[BASE64URL_LEN(INPUT_MAX) + 1];
    uint32_t len = 0;
    if (base64url_decode(text, bytes, sizeof(bytes), &len)) {
        check(base64url_encode(bytes, len, again) == text.len);
        check(text.len == 0 || memcmp(again, text.data, text.len) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct slice text) = {read_token, read_json, read_key_set,
                                                         read_form, read_base64url};
    if (size == 0 || size > INPUT_MAX)
        return 0;
    struct slice text = {(const char *)data + 1, (uint32_t)(size - 1)};
    readers[data[0] % array_len(readers)](text);
    return 0;
}
