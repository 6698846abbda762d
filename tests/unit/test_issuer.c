/* SPDX-License-Identifier: Apache-2.0 */
/* The development issuer: tokens that our verifier takes, and requests it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka needs the four above */
#include <cmocka.h>
#include <limits.h>
#include <sys/stat.h>
#include <yyjson.h>

#include "gateway_bridge/auth/issuer.h"
#include "schemas/result.h"
#include "tests/unit/token_fixture.h"

#define URL "http://127.0.0.1:8080"
#define SCOPES "wallets:read wallets:write payments:write"
#define CLIENT "client_id=dev&client_secret=dev-secret&"
#define GRANT "grant_type=client_credentials"
#define BASIC "Basic ZGV2OmRldi1zZWNyZXQ=" /* dev:dev-secret */

struct platform {
    char directory[32];
    struct issuer *issuer;
    struct jwks *keys;
    struct token_scopes scopes;
    struct token_verifier *verifier;
    struct issuer_answer answer;
};

static struct issuer *start(const char *directory, const char *address, char *error)
{
    return issuer_start(&(struct issuer_options){.directory = directory,
                                                 .url = URL,
                                                 .listen_address = address,
                                                 .scopes = SCOPES},
                        error);
}

static int given_an_issuer(void **state)
{
    char error[ISSUER_ERROR_MAX] = "";
    struct platform *p = calloc(1, sizeof(*p));
    check(p != NULL);
    snprintf(p->directory, sizeof(p->directory), "/tmp/issuer-XXXXXX");
    check(mkdtemp(p->directory) != NULL);
    p->issuer = start(p->directory, "127.0.0.1", error);
    check(p->issuer != NULL);
    p->keys = jwks_start(&(struct jwks_options){.document = issuer_jwks(p->issuer)}, error);
    check(p->keys != NULL);
    (void)token_scope_bit(&p->scopes, "wallets:write");
    struct token_policy policy = {.issuers = {issuer_rules(p->issuer, p->keys)},
                                  .issuer_count = 1,
                                  .scopes = &p->scopes};
    p->verifier = token_verifier_new(&policy);
    check(p->verifier != NULL);
    *state = p;
    return 0;
}

static int no_more_issuer(void **state)
{
    struct platform *p = *state;
    token_verifier_free(p->verifier);
    jwks_stop(p->keys);
    issuer_stop(p->issuer);
    directory_remove(p->directory);
    free(p);
    return 0;
}

static uint16_t asked_as(struct platform *p, const char *authorization, const char *type,
                         const char *form)
{
    const struct issuer_request r = {
        .method = slice_of("POST"),
        .path = slice_of("/oauth2/token"),
        .authorization = slice_of(authorization),
        .content_type = slice_of(type),
        .body = slice_of(form),
    };
    p->answer.status = 0; /* of the request before */
    p->answer.body[0] = '\0';
    assert_true(issuer_handle(p->issuer, &r, NOW, &p->answer));
    return p->answer.status;
}

static uint16_t asked(struct platform *p, const char *authorization, const char *form)
{
    return asked_as(p, authorization, ISSUER_FORM_TYPE, form);
}

static bool handled(struct platform *p, const char *method, const char *path)
{
    const struct issuer_request r = {.method = slice_of(method), .path = slice_of(path)};
    return issuer_handle(p->issuer, &r, NOW, &p->answer);
}

/* A text member of the answer, in memory of the caller's. */
static const char *member(struct platform *p, const char *name, char text[4096])
{
    yyjson_doc *doc = yyjson_read(p->answer.body, p->answer.len, 0);
    const char *found = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), name));
    snprintf(text, 4096, "%s", found != NULL ? found : "");
    yyjson_doc_free(doc);
    return text;
}

static const struct token_claims *claims_given(struct platform *p)
{
    char token[4096];
    const struct token_claims *claims = NULL;
    (void)member(p, "access_token", token);
    if (token_verify(p->verifier, slice_of(token), NOW, true, &claims) != 0)
        fail_msg("%s: %s", p->answer.body, token_reason_text(token_reason(p->verifier)));
    return claims;
}

static void the_client_gets_a_token_that_we_take(void **state)
{
    struct platform *p = *state;
    assert_int_equal(asked(p, BASIC, GRANT), 200);
    const struct token_claims *c = claims_given(p);
    assert_true(slice_equal(c->client, slice_of("dev")));
    assert_true(slice_equal(c->subject, slice_of("dev")));
    assert_true(slice_equal(c->tenant, slice_of("default")));
    assert_true(c->application);
    assert_true(token_allows(c, token_scope_bit(&p->scopes, "wallets:write")));
    assert_int_equal(c->expires_s, NOW + 3600);
    char text[4096];
    assert_string_equal(member(p, "token_type", text), "Bearer");
    assert_string_equal(member(p, "scope", text), SCOPES);
}

static void what_the_client_sends_as_in_a_form_is_its_secret_too(void **state)
{
    struct platform *p = *state;
    static const char dash[] = "Basic ZGV2OmRldiUyRHNlY3JldA==";   /* dev:dev%2Dsecret */
    static const char d[] = "Basic JTY0ZXY6ZGV2LXNlY3JldA==";      /* %64ev:dev-secret */
    static const char broken[] = "Basic ZGV2OmRldiUyLXNlY3JldA=="; /* dev:dev%2-secret */
    assert_int_equal(asked(p, dash, GRANT), 200);
    assert_int_equal(asked(p, d, GRANT), 200);
    assert_int_equal(asked(p, broken, GRANT), 401);
    assert_int_equal(asked(p, BASIC, "&&&" GRANT), 200); /* nothing is no field */
}

static void it_may_act_as_any_user_with_any_key(void **state)
{
    struct platform *p = *state;
    assert_int_equal(asked(p, "", CLIENT GRANT "&subject=alice%20%22a%22&tenant=acme+inc"
                                         "&scope=wallets%3Aread&signing_alg=ES256"), 200);
    const struct token_claims *c = claims_given(p);
    assert_true(slice_equal(c->subject, slice_of("alice \"a\"")));
    assert_true(slice_equal(c->tenant, slice_of("acme inc")));
    assert_false(c->application);
    assert_int_equal(c->scopes, 0);
}

static void wrong_requests_are_refused(void **state)
{
    struct platform *p = *state;
    static const struct {
        const char *authorization, *form;
        uint16_t status;
        const char *error;
    } wrong[] = {
        {"", GRANT, 401, "invalid_client"},
        {"", "client_id=dev&client_secret=wrong&" GRANT, 401, "invalid_client"},
        {"", "client_id=dev&" GRANT, 401, "invalid_client"},
        {"Basic ZGV2OmRldi1zZWNyZXR4", GRANT, 401, "invalid_client"},
        {"Basic ZGV2OmRldi1zZWNyZXQ", GRANT, 401, "invalid_client"},
        {"Basic ====", GRANT, 401, "invalid_client"},
        {"Bearer x", GRANT, 401, "invalid_client"},
        {BASIC, CLIENT GRANT, 400, "invalid_request"},
        {BASIC, "", 400, "invalid_request"},
        {BASIC, "grant_type=password", 400, "unsupported_grant_type"},
        {BASIC, GRANT "&" GRANT, 400, "invalid_request"},
        {BASIC, GRANT "&scope=root", 400, "invalid_scope"},
        {BASIC, GRANT "&scope=wallets:read++wallets:write", 400, "invalid_scope"},
        {BASIC, GRANT "&subject=", 400, "invalid_request"},
        {BASIC, GRANT "&subject=a%00b", 400, "invalid_request"},
        {BASIC, GRANT "&subject=a%0Ab", 400, "invalid_request"},
        {BASIC, GRANT "&subject=a%zz", 400, "invalid_request"},
        {BASIC, GRANT "&subject=a%4", 400, "invalid_request"},
        {BASIC, GRANT "&subject=%ff", 400, "invalid_request"},
        {BASIC, GRANT "&subject=system", 400, "invalid_request"},
        {BASIC, GRANT "&subject=unix:root", 400, "invalid_request"},
        {BASIC, GRANT "&signing_alg=none", 400, "invalid_request"},
        {BASIC, GRANT "&tenant=0123456789012345678901234567890123456789012345678901234567890123x",
         400, "invalid_request"},
        {BASIC, "a=&b=&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q=", 400, "invalid_request"},
    };
    for (size_t i = 0; i < array_len(wrong); i++) {
        char text[4096];
        uint16_t status = asked(p, wrong[i].authorization, wrong[i].form);
        if (status != wrong[i].status)
            fail_msg("%s: %u %s", wrong[i].form, status, p->answer.body);
        assert_string_equal(member(p, "error", text), wrong[i].error);
        assert_int_equal(p->answer.authenticate != NULL, status == 401);
    }
}

static void a_form_says_that_it_is_one(void **state)
{
    struct platform *p = *state;
    static const char form[] =
        "grant_type=client_credentials&client_id=" ISSUER_CLIENT "&client_secret=" ISSUER_SECRET;
    static const struct {
        const char *type;
        uint16_t status;
    } rows[] = {
        {ISSUER_FORM_TYPE, 200},
        {"Application/X-WWW-Form-Urlencoded; charset=UTF-8", 200},
        {"application/x-www-form-urlencoded-not", 400},
        {"application/json", 400},
        {"text/plain", 400},
        {"", 400},
    };
    for (size_t i = 0; i < array_len(rows); i++) {
        assert_int_equal(asked_as(p, "", rows[i].type, form), rows[i].status);
        if (rows[i].status != 200)
            assert_non_null(strstr(p->answer.body, "\"error\":\"invalid_request\""));
    }
}

static void its_documents_name_its_endpoints(void **state)
{
    struct platform *p = *state;
    char text[4096];
    assert_true(handled(p, "GET", "/.well-known/openid-configuration"));
    assert_string_equal(member(p, "issuer", text), URL);
    assert_string_equal(member(p, "jwks_uri", text), URL "/oauth2/jwks");
    assert_string_equal(member(p, "token_endpoint", text), URL "/oauth2/token");
    assert_non_null(strstr(p->answer.body, "\"response_types_supported\":[\"none\"]"));
    assert_true(handled(p, "GET", "/oauth2/jwks"));
    assert_null(strstr(p->answer.body, "\"d\""));
    assert_true(handled(p, "GET", "/oauth2/token"));
    assert_int_equal(p->answer.status, 405);
    assert_string_equal(p->answer.allow, "POST, OPTIONS");
    uint32_t len = p->answer.len;
    assert_true(handled(p, "HEAD", "/oauth2/jwks"));
    assert_int_equal(p->answer.status, 200);
    assert_true(p->answer.len > len && p->answer.allow == NULL);
    assert_true(handled(p, "OPTIONS", "/oauth2/jwks"));
    assert_int_equal(p->answer.status, 204);
    assert_string_equal(p->answer.allow, "GET, HEAD, OPTIONS");
    assert_false(handled(p, "GET", "/wallets"));
}

static void its_keys_outlive_it_and_are_its_own(void **state)
{
    struct platform *p = *state;
    char error[ISSUER_ERROR_MAX], path[64];
    struct stat status;
    struct issuer *again = start(p->directory, "::1", error);
    assert_non_null(again);
    assert_true(slice_equal(issuer_jwks(again), issuer_jwks(p->issuer)));
    issuer_stop(again);
    snprintf(path, sizeof(path), "%s/rs256.pem", p->directory);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(chmod(path, 0644), 0);
    assert_null(start(p->directory, "::1", error));
    assert_non_null(strstr(error, "0600"));
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 100), 0);
    assert_null(start(p->directory, "::1", error));
    assert_non_null(strstr(error, "not a key for this issuer"));
    assert_int_equal(unlink(path), 0);
    again = start(p->directory, "::1", error);
    assert_non_null(again);
    issuer_stop(again);
}

static void it_starts_on_loopback_only(void **state)
{
    struct platform *p = *state;
    assert_null(issuer_stop(NULL)); /* as where none was started */
    static const char *const others[] = {"0.0.0.0", "::", "10.0.0.1", "192.168.1.7", "128.0.0.1",
                                         "127.0.0.1.evil.example", "localhost.", "", "2001:db8::1"};
    char error[ISSUER_ERROR_MAX];
    for (size_t i = 0; i < array_len(others); i++) {
        assert_null(start(p->directory, others[i], error));
        assert_non_null(strstr(error, "loopback"));
    }
    assert_true(issuer_loopback("127.8.9.1"));
    assert_true(issuer_loopback("localhost"));
}

static const char *refusal(const struct issuer_options *o)
{
    static char error[ISSUER_ERROR_MAX];
    error[0] = '\0';
    assert_null(issuer_start(o, error));
    return error;
}

/* They stand in its documents as they are. */
static void its_url_and_scopes_need_no_escape(void **state)
{
    static const char *const bad[] = {"", "http://a\\", "\\http://a", "http://a\"b", "\"",
                                      "http://a\x1f", "http://a\x7f", "http://\xc3\xa4"};
    struct platform *p = *state;
    struct issuer_options o = {
        .directory = p->directory, .url = URL, .listen_address = "::1", .scopes = SCOPES};
    for (size_t i = 0; i < array_len(bad); i++) {
        o.url = bad[i];
        assert_non_null(strstr(refusal(&o), "empty or malformed"));
        o.url = URL;
        o.scopes = bad[i];
        assert_non_null(strstr(refusal(&o), "empty or malformed"));
        o.scopes = SCOPES;
    }
    char url[257], error[ISSUER_ERROR_MAX];
    memset(url, 'u', sizeof url);
    url[256] = '\0';
    o.url = url;
    assert_non_null(strstr(refusal(&o), "empty or malformed"));
    url[255] = '\0';
    url[254] = '~';
    url[253] = ' ';
    struct issuer *longest = issuer_start(&o, error);
    assert_non_null(longest);
    issuer_stop(longest);
}

static void its_directory_is_made_or_named(void **state)
{
    struct platform *p = *state;
    char path[PATH_MAX + 1], made[64], error[ISSUER_ERROR_MAX];
    struct issuer_options o = {
        .directory = path, .url = URL, .listen_address = "::1", .scopes = SCOPES};
    snprintf(path, sizeof path, "%s/a/b", p->directory);
    assert_non_null(strstr(refusal(&o), "cannot make /tmp/issuer-"));
    snprintf(made, sizeof made, "%s/a", p->directory);
    o.directory = made;
    struct issuer *there = issuer_start(&o, error);
    assert_non_null(there);
    issuer_stop(there);
    directory_remove(made);
    o.directory = path;
    size_t len = (size_t)snprintf(path, sizeof path, "%s", p->directory);
    for (; len + 2 < PATH_MAX - 4; len += 2)
        memcpy(path + len, "/.", 3);
    assert_non_null(strstr(refusal(&o), "name too long: /tmp/issuer-"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_gets_a_token_that_we_take),
        cmocka_unit_test(what_the_client_sends_as_in_a_form_is_its_secret_too),
        cmocka_unit_test(it_may_act_as_any_user_with_any_key),
        cmocka_unit_test(wrong_requests_are_refused),
        cmocka_unit_test(a_form_says_that_it_is_one),
        cmocka_unit_test(its_documents_name_its_endpoints),
        cmocka_unit_test(its_keys_outlive_it_and_are_its_own),
        cmocka_unit_test(it_starts_on_loopback_only),
        cmocka_unit_test(its_url_and_scopes_need_no_escape),
        cmocka_unit_test(its_directory_is_made_or_named),
    };
    return cmocka_run_group_tests(tests, given_an_issuer, no_more_issuer);
}
