/* SPDX-License-Identifier: Apache-2.0 */
/* From request to message and back: fields, keys, versions, problems, pages. */
#include "tests/unit/bridge_fixture.h"

#include "runtime/observe/log.h"
#include "schemas/catalog.h"

/* --- what an answer says ---------------------------------------------------------------------- */

static void a_refused_body_names_field_and_rule(void **state)
{
    static const struct {
        const char *body, *field, *code;
    } rows[] = {
        {"{", "", "invalid_json"},
        {"[]", "", "invalid_field"},
        {"{\"text\":\"a\",}", "", "invalid_json"},
        {"{\"text\":\"a\",\"text\":\"b\"}", "text", "duplicate_field"},
        {"{\"text\":\"a\",\"wallet_id\":\"" WALLET "\"}", "wallet_id", "duplicate_field"},
        {"{\"text\":\"a\",\"admin\":true}", "admin", "unknown_field"},
        {"{\"text\":1}", "text", "invalid_field"},
        {"{\"text\":\"\"}", "text", "invalid_field"},
        {"{\"text\":\"a\",\"count\":-1}", "count", "invalid_field"},
        {"{\"text\":\"a\",\"count\":1e3}", "count", "invalid_field"},
        {"{\"count\":1}", "text", "missing_field"},
    };
    struct fixture *f = given();
    (void)state;
    for (size_t i = 0; i < array_len(rows); i++) {
        char field[64];
        snprintf(field, sizeof field, "{\"field\":\"%s\",\"rule\":\"", rows[i].field);
        if (post(f, KEY, rows[i].body) != 400 || strstr(f->answer, rows[i].code) == NULL ||
            strstr(f->answer, field) == NULL)
            fail_msg("%s: %s", rows[i].body, f->answer);
        assert_false(f->closed);
    }
    assert_int_equal(f->asked, 0);
    done(f);
}

static void query_parameters_are_checked_like_fields(void **state)
{
    static const struct {
        const char *query;
        int status;
        const char *code;
    } rows[] = {
        {"", 200, "\"count\":\"0\""},
        {"?", 200, "\"count\":\"0\""},
        {"?count=12", 200, "\"count\":\"12\""},
        {"?c%6funt=12&text=a%20b+c", 200, "\"text\":\"a b c\""},
        {"?count=1&count=1", 400, "duplicate_field"},
        {"?count=x", 400, "invalid_field"},
        {"?count=", 400, "invalid_field"},
        {"?limit=1", 400, "unknown_field"},
        {"?wallet_id=" WALLET, 400, "unknown_field"},
        {"?&", 200, "\"count\":\"0\""},
        {"?&&count=12&", 200, "\"count\":\"12\""},
        {"?=1", 400, "unknown_field"},
        {"?=1", 400, "\"query has a parameter without a name\""},
        {"?%00=1", 400, "\"query has a parameter without a name\""},
        {"?text=%zz", 400, "bad_request"},
        {"?text=%2", 400, "bad_request"},
        {"?text=%00", 400, "invalid_field"},
        {"?text=%c3%28", 400, "bad_request"},
    };
    struct fixture *f = given();
    (void)state;
    for (size_t i = 0; i < array_len(rows); i++) {
        char text[512];
        snprintf(text, sizeof text, READ, rows[i].query);
        if (tell_text(f, text) != rows[i].status || strstr(f->answer, rows[i].code) == NULL)
            fail_msg("%s: %s", rows[i].query, f->answer);
    }
    done(f);
}

static void a_wrong_id_in_the_path_is_a_wrong_field(void **state)
{
    struct fixture *f = given();
    (void)state;
    tell_text(f, "GET /wallets/pay_01J9ZZZZZZZZZZZZZZZZZZZZZZ/notes HTTP/1.1\r\n" H
                 "Authorization: Bearer reader\r\n\r\n");
    assert_int_equal(status(f), 400);
    assert_non_null(strstr(f->answer, "\"field\":\"wallet_id\""));
    done(f);
}

static void an_answer_carries_version_and_identity(void **state)
{
    struct fixture *f = given();
    (void)state;
    f->replayed = true;
    assert_int_equal(post(f, KEY "X-Request-Id: abc.1\r\nIf-Match: \"41\"\r\ntraceparent: "
                          "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n", BODY),
                     201);
    assert_non_null(strstr(f->answer, "\r\nETag: \"7\"\r\n"));
    assert_non_null(strstr(f->answer, "\r\nLocation: /wallets/" WALLET "/note\r\n"));
    assert_non_null(strstr(f->answer, "\r\nIdempotency-Replayed: true\r\n"));
    assert_non_null(strstr(f->answer, "\r\nX-Request-Id: abc.1\r\n"));
    assert_non_null(strstr(f->answer, "\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"));
    assert_non_null(strstr(f->answer, "\r\nCache-Control: no-store\r\n"));
    assert_non_null(strstr(f->answer, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    assert_string_equal(f->request_id, "abc.1");
    assert_string_equal(f->trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_true(f->precondition.match.given && !precondition_holds(&f->precondition, 7));
    assert_true(precondition_holds(&f->precondition, 41));
    assert_int_equal(post(f, KEY "If-Match: *\r\n", BODY), 201);
    assert_true(f->precondition.match.any && precondition_holds(&f->precondition, 7));
    done(f);
}

static void a_tag_that_is_none_of_ours_is_never_the_current_version(void **state)
{
    static const char *const wrong[] = {"41",  "*, \"2\"", "\"1", "1\"", "\"",
                                        "W/\"1", "W/",           ""};
    static const char *const foreign[] = {"W/\"41\"", "\"x\"", "\"\"", "\"-1\"",
                                          "\"99999999999999999999999\"",
                                          "\"18446744073709551615\""};
    struct fixture *f = given();
    char text[128];
    (void)state;
    for (size_t i = 0; i < array_len(foreign); i++) {
        snprintf(text, sizeof text, KEY "If-Match: %s\r\n", foreign[i]);
        assert_int_equal(post(f, text, BODY), 201); /* what answers here compares nothing */
        assert_true(f->precondition.match.given && f->precondition.match.count == 0);
    }
    for (size_t i = 0; i < array_len(wrong); i++) {
        snprintf(text, sizeof text, KEY "If-Match: %s\r\n", wrong[i]);
        assert_int_equal(post(f, text, BODY), 400);
        assert_non_null(strstr(f->answer, "\"invalid_header\""));
    }
    done(f);
}

static void any_version_of_a_list_in_any_line_will_do(void **state)
{
    static const char *const lists[] = {"\"0\", \"5\"", "\"4\"\r\nIf-Match: \"5\"", "\"5\",",
                                        "\"x\"\r\nX-Other: 1\r\nIf-Match: W/\"4\", \"5\""};
    struct fixture *f = given();
    char text[128];
    (void)state;
    for (size_t i = 0; i < array_len(lists); i++) {
        snprintf(text, sizeof text, KEY "If-Match: %s\r\n", lists[i]);
        assert_int_equal(post(f, text, BODY), 201);
        assert_true(precondition_holds(&f->precondition, 5));
        assert_false(precondition_holds(&f->precondition, 6));
    }
    done(f);
}

static void what_is_changed_must_not_have_a_version_of_if_none_match(void **state)
{
    struct fixture *f = given();
    (void)state;
    assert_int_equal(post(f, KEY "If-None-Match: *\r\n", BODY), 201);
    assert_false(precondition_holds(&f->precondition, 7));
    assert_int_equal(post(f, KEY "If-None-Match: \"7\"\r\nIf-None-Match: W/\"8\"\r\n", BODY), 201);
    assert_false(precondition_holds(&f->precondition, 7) ||
                 precondition_holds(&f->precondition, 8));
    assert_true(precondition_holds(&f->precondition, 9));
    assert_int_equal(post(f, KEY "If-None-Match: 7\r\n", BODY), 400);
    assert_non_null(strstr(f->answer, "\"field\":\"If-None-Match\""));
    done(f);
}

static void what_has_no_versions_is_not_changed_either_if_nothing_may_be_there(void **state)
{
    static const char note[] = "{\"wallet_id\":\"" WALLET "\",\"text\":\"hello\"}";
    static const struct {
        const char *tags;
        int status;
    } rows[] = {{"*", 412}, {"\"7\"", 201}, {"7", 400}};
    struct fixture *f = given();
    (void)state;
    for (size_t i = 0; i < array_len(rows); i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "POST /notes/batch HTTP/1.1\r\n" H "Authorization: Bearer writer\r\n" JSON
                 "If-None-Match: %s\r\nContent-Length: %zu\r\n\r\n%s",
                 rows[i].tags, sizeof note - 1, note);
        assert_int_equal(tell_text(f, text), rows[i].status);
    }
    assert_int_equal(f->asked, 1);
    done(f);
}

static void a_trace_goes_on_whatever_version_its_parent_has(void **state)
{
#define TRACE "-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    static const struct {
        const char *given;
        bool taken;
    } rows[] = {
        {"00" TRACE, true},
        {"cc" TRACE, true},
        {"cc" TRACE "-what-else", true},
        {"cc" TRACE ".what", false},
        {"00" TRACE "-x", false},
        {"ff" TRACE, false},
        {"0g" TRACE, false},
        {"CC" TRACE, false},
        {"00" TRACE "\r\ntraceparent: 00" TRACE, false},
        {"00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
        {"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false},
        {"", false},
    };
    struct fixture *f = given();
    (void)state;
    for (size_t i = 0; i < array_len(rows); i++) {
        char text[512];
        snprintf(text, sizeof text, GET "traceparent: %s\r\n\r\n", rows[i].given);
        assert_int_equal(tell_text(f, text), 200);
        bool echoed = strstr(f->answer, "\r\ntraceparent: 00" TRACE "\r\n") != NULL;
        if (echoed != rows[i].taken)
            fail_msg("%s: %s", rows[i].given, f->answer);
    }
    done(f);
}

#define ONE "GET /wallets/" WALLET "/note HTTP/1.1\r\n" H "Authorization: Bearer reader\r\n"

static void a_known_version_is_not_sent_again(void **state)
{
    static const struct {
        const char *tags;
        int status;
    } rows[] = {
        {"\"7\"", 304},
        {"W/\"7\"", 304},
        {"\"3\", \"7\"", 304},
        {"*", 304},
        {"\"8\"", 200},
        {"7", 200},
        {"\"7", 200},
        {"\"77\", \"\"", 200},
    };
    struct fixture *f = given();
    (void)state;
    for (size_t i = 0; i < array_len(rows); i++) {
        char text[512];
        snprintf(text, sizeof text, ONE "If-None-Match: %s\r\n\r\n", rows[i].tags);
        assert_int_equal(tell_text(f, text), rows[i].status);
        assert_non_null(strstr(f->answer, "\r\nETag: \"7\"\r\n"));
        if (rows[i].status == 304) {
            assert_null(strstr(f->answer, "\r\nContent-"));
            assert_string_equal(f->answer + f->answer_len - 4, "\r\n\r\n");
        }
    }
    f->code = RESULT_NOT_FOUND;
    assert_int_equal(tell_text(f, ONE "If-None-Match: *\r\n\r\n"), 404);
    done(f);
}

/* The count changes without a new version, as what was spent today does at midnight. */
static void a_reply_that_changes_without_its_version_has_a_tag_of_its_own(void **state)
{
    struct fixture *f = given();
    char text[512], tag[128], other[128];
    static const char today[] = "GET /wallets/" WALLET "/today?count=%d HTTP/1.1\r\n" H
                                "Authorization: Bearer reader\r\nIf-None-Match: %s\r\n\r\n";
    (void)state;
    snprintf(text, sizeof text, today, 1, "\"7\"");
    assert_int_equal(tell_text(f, text), 200);
    field_of(f, "ETag", tag);
    assert_int_equal(strncmp(tag, "\"7-", 3), 0);
    snprintf(text, sizeof text, today, 1, tag);
    assert_int_equal(tell_text(f, text), 304);
    assert_string_equal(field_of(f, "ETag", other), tag);
    snprintf(text, sizeof text, today, 2, tag);
    assert_int_equal(tell_text(f, text), 200);
    assert_string_not_equal(field_of(f, "ETag", other), tag);
    snprintf(text, sizeof text, KEY "If-Match: %s\r\n", tag); /* of a write the version counts */
    assert_int_equal(post(f, text, BODY), 201);
    assert_true(precondition_holds(&f->precondition, 7));
    done(f);
}

static void what_is_read_must_have_a_version_of_if_match(void **state)
{
    static const struct {
        const char *fields;
        int status;
    } rows[] = {
        {"If-Match: \"7\"\r\n", 200},
        {"If-Match: \"1\", \"7\"\r\n", 200},
        {"If-Match: *\r\n", 200},
        {"If-Match: \"8\"\r\n", 412},
        {"If-Match: W/\"7\"\r\n", 412},
        {"If-Match: \"nope\"\r\n", 412},
        {"If-Match: \"8\"\r\nIf-None-Match: \"7\"\r\n", 412},
        {"If-Match: \"7\"\r\nIf-None-Match: \"7\"\r\n", 304},
    };
    struct fixture *f = given();
    (void)state;
    for (size_t i = 0; i < array_len(rows); i++) {
        char text[512];
        snprintf(text, sizeof text, ONE "%s\r\n", rows[i].fields);
        if (tell_text(f, text) != rows[i].status)
            fail_msg("%s: %s", rows[i].fields, f->answer);
        assert_true(rows[i].status < 400 || strstr(f->answer, "\"code\":\"precondition\"") != NULL);
    }
    f->code = RESULT_NOT_FOUND;
    assert_int_equal(tell_text(f, ONE "If-Match: \"8\"\r\n\r\n"), 404);
    done(f);
}

static void a_key_is_bound_to_what_was_asked(void **state)
{
    struct fixture *f = given();
    (void)state;
    assert_int_equal(post(f, KEY, BODY), 201);
    struct id128 key = f->key, fingerprint = f->fingerprint;
    assert_false(id128_is_zero(key) || id128_is_zero(fingerprint) || id128_is_zero(f->target));
    const char *same = " { \"text\" : \"hell\\u006f\" }";
    assert_int_equal(post(f, "Idempotency-Key: \"k1\"\r\n", same), 201);
    assert_true(id128_equal(f->key, key));
    assert_true(id128_equal(f->fingerprint, fingerprint));
    assert_int_equal(post(f, "Idempotency-Key: k2\r\n", "{\"text\":\"other\"}"), 201);
    assert_false(id128_equal(f->key, key));
    assert_false(id128_equal(f->fingerprint, fingerprint));
    char text[512];
    for (int len = 255; len <= 256; len++) {
        snprintf(text, sizeof text, "Idempotency-Key: %0*d\r\n", len, 1);
        assert_int_equal(post(f, text, BODY), len == 255 ? 201 : 400);
    }
    done(f);
}

static void a_list_that_may_lack_something_says_since_when(void **state)
{
    struct fixture *f = given();
    static const char list[] =
        "GET " NOTES " HTTP/1.1\r\n" H "Authorization: Bearer reader\r\n\r\n";
    (void)state;
    assert_int_equal(tell_text(f, list), 200);
    assert_null(strstr(f->answer, "X-Stale"));
    assert_non_null(strstr(f->answer, "\r\nX-Rows-Looked-At: 7\r\n"));
    f->shown_ns = 1700000000 * NS_PER_S + 5;
    assert_int_equal(tell_text(f, list), 200);
    assert_non_null(
        strstr(f->answer, "\r\nX-Stale-As-Of: 2023-11-14T22:13:20.000000005Z\r\n"));
    f->code = RESULT_NOT_FOUND;
    assert_int_equal(tell_text(f, list), 404);
    assert_null(strstr(f->answer, "X-Stale"));
    done(f);
}

static void a_refusal_of_the_domain_becomes_a_problem(void **state)
{
    struct fixture *f = given();
    (void)state;
    f->code = RESULT_BUSY;
    f->retry_after_ms = 2500;
    assert_int_equal(post(f, KEY, BODY), 429);
    assert_null(strstr(f->answer, "Location"));
    assert_non_null(strstr(f->answer, "\r\nRetry-After: 3\r\n"));
    f->code = RESULT_KEY_REUSED;
    assert_int_equal(post(f, KEY, BODY), 422);
    assert_non_null(strstr(f->answer, "\"code\":\"key_reused\""));
    assert_non_null(strstr(f->answer, "\"instance\":\"" NOTES "\""));
    f->code = 65535; /* it is not declared */
    assert_int_equal(post(f, KEY, BODY), 500);
    done(f);
}

/* What other shards decide: it is accepted if there is something to show, else to be sent again. */
static void what_is_still_being_decided_is_accepted_and_shown(void **state)
{
    struct fixture *f = given();
    (void)state;
    f->code = RESULT_OUTCOME_PENDING;
    f->goes_on = true;
    assert_int_equal(post(f, KEY, BODY), 202);
    assert_non_null(strstr(f->answer, "\r\nLocation: /wallets/" WALLET "/note\r\n"));
    assert_non_null(strstr(f->answer, "\r\nRetry-After: "));
    assert_non_null(strstr(f->answer, "\r\n\r\n{\"text\":"));
    assert_null(strstr(f->answer, "outcome_pending"));
    f->goes_on = false;
    assert_int_equal(post(f, KEY, BODY), 503);
    assert_non_null(strstr(f->answer, "\"code\":\"outcome_pending\""));
    assert_non_null(strstr(f->answer, "\r\nRetry-After: "));
    assert_null(strstr(f->answer, "Location"));
    done(f);
}

static void head_gives_the_head_of_get(void **state)
{
    static const struct {
        const char *rest;
        int status;
    } rows[] = {
        {"/health HTTP/1.1\r\n" H "\r\n", 200},
        {"/metrics HTTP/1.1\r\n" H "\r\n", 200},
        {"/openapi.json HTTP/1.1\r\n" H "\r\n", 200},
        {"/docs HTTP/1.1\r\n" H "\r\n", 200},
        {NOTES "?count=12 HTTP/1.1\r\n" H "Authorization: Bearer reader\r\n\r\n", 200},
        {"/wallets/" WALLET "/note HTTP/1.1\r\n" H
         "Authorization: Bearer reader\r\nIf-None-Match: \"7\"\r\n\r\n", 304},
        {NOTES "?count=x HTTP/1.1\r\n" H "Authorization: Bearer reader\r\n\r\n", 400},
        {NOTES " HTTP/1.1\r\n" H "\r\n", 401},
        {"/nothing HTTP/1.1\r\n" H "\r\n", 404},
        {"/health#a HTTP/1.1\r\n" H "\r\n", 400}, /* refused by the framing */
    };
    struct fixture *f = given();
    (void)state;
    for (size_t i = 0; i < array_len(rows); i++) {
        char text[512], expected[4096];
        snprintf(text, sizeof text, "GET %s", rows[i].rest);
        assert_int_equal(tell_text(f, text), rows[i].status);
        size_t len = (size_t)(strstr(f->answer, "\r\n\r\n") + 4 - f->answer);
        assert_true(len < sizeof expected);
        snprintf(expected, sizeof expected, "%.*s", (int)len, f->answer);
        snprintf(text, sizeof text, "HEAD %s", rows[i].rest);
        assert_int_equal(tell_text(f, text), rows[i].status);
        char *id = strstr(f->answer, "X-Request-Id: "), *first = strstr(expected, "X-Request-Id: ");
        memcpy(id, first, 14 + 4 + ID128_TEXT_LEN); /* each has its own */
        assert_string_equal(f->answer, expected);
    }
    done(f);
}

static void head_is_answered_in_order_with_others(void **state)
{
    struct fixture *f = given();
    (void)state;
    tell_text(f, "HEAD /health HTTP/1.1\r\n" H "\r\n" GET "\r\n");
    assert_int_equal(answers(f), 2);
    const char *second = strstr(f->answer + 1, "HTTP/1.1 200 OK");
    assert_memory_equal(second - 4, "\r\n\r\n", 4);
    assert_non_null(strstr(second, "\"status\":\"healthy\""));
    done(f);
}

static void options_name_the_methods_of_a_path(void **state)
{
    static const struct {
        const char *target, *allow;
    } rows[] = {
        {NOTES, "\r\nAllow: GET, HEAD, POST, OPTIONS\r\n"},
        {"/health", "\r\nAllow: GET, HEAD, OPTIONS\r\n"},
        {"*", "\r\nAllow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"},
    };
    struct fixture *f = given();
    (void)state;
    for (size_t i = 0; i < array_len(rows); i++) {
        char text[512];
        snprintf(text, sizeof text, "OPTIONS %s HTTP/1.1\r\n" H "\r\n", rows[i].target);
        assert_int_equal(tell_text(f, text), 204);
        assert_non_null(strstr(f->answer, rows[i].allow));
        assert_null(strstr(f->answer, "\r\nContent-"));
        assert_string_equal(f->answer + f->answer_len - 4, "\r\n\r\n");
        assert_false(f->closed);
    }
    assert_int_equal(tell_text(f, "OPTIONS /nothing HTTP/1.1\r\n" H "\r\n"), 404);
    assert_int_equal(tell_text(f, "GET * HTTP/1.1\r\n" H "\r\n"), 400);
    assert_int_equal(f->asked, 0);
    done(f);
}

static void a_client_is_told_which_bodies_are_taken(void **state)
{
    static const char note[] =
        " /wallets/" WALLET "/note HTTP/1.1\r\n" H "Authorization: Bearer writer\r\n";
    static const struct {
        const char *method, *fields, *told;
        int status;
    } rows[] = {
        {"OPTIONS", "\r\n", "\r\nAccept-Patch: application/json\r\n", 204},
        {"PATCH", "Content-Type: text/plain\r\nContent-Length: 16\r\n\r\n" BODY,
         "\r\nAccept-Patch: application/json\r\n", 415},
        {"PATCH", JSON "Content-Encoding: gzip\r\nContent-Length: 16\r\n\r\n" BODY,
         "\r\nAccept-Encoding: identity\r\n", 415},
    };
    struct fixture *f = given();
    (void)state;
    for (size_t i = 0; i < array_len(rows); i++) {
        char text[512];
        snprintf(text, sizeof text, "%s%s%s", rows[i].method, note, rows[i].fields);
        assert_int_equal(tell_text(f, text), rows[i].status);
        assert_non_null(strstr(f->answer, rows[i].told));
    }
    assert_int_equal(post(f, KEY, BODY), 201);
    assert_null(strstr(f->answer, "\r\nAccept-"));
    done(f);
}

static void the_own_pages_answer(void **state)
{
    struct fixture *f = given();
    (void)state;
    assert_int_equal(tell_text(f, GET "\r\n"), 200);
    assert_non_null(strstr(f->answer, "\r\n\r\n{\"status\":\"healthy\","
                                      "\"service\":\"payment_platform\",\"version\":\"1.0.0\"}"));
    assert_int_equal(tell_text(f, "GET /health/live HTTP/1.1\r\n" H "\r\n"), 200);
    assert_non_null(strstr(f->answer, "\r\n\r\n{\"status\":\"healthy\","
                                      "\"service\":\"payment_platform\",\"version\":\"9.8.7\"}"));
    assert_int_equal(tell_text(f, "GET /health/ready HTTP/1.1\r\n" H "\r\n"), 200);
    assert_null(strstr(f->answer, "warning"));
    f->warned = true;
    assert_int_equal(tell_text(f, "GET /health/ready HTTP/1.1\r\n" H "\r\n"), 200);
    assert_non_null(strstr(f->answer, "\"degraded\",\"warning\":\"a batch is damaged\""));
    f->ready = false;
    assert_int_equal(tell_text(f, "GET /health/ready HTTP/1.1\r\n" H "\r\n"), 503);
    assert_non_null(strstr(f->answer, "the store is full"));
    assert_int_equal(tell_text(f, "GET /metrics HTTP/1.1\r\n" H "\r\n"), 200);
    assert_non_null(strstr(f->answer, "notes_total 1\n"));
    f->metrics_too_long = true;
    assert_int_equal(tell_text(f, "GET /metrics HTTP/1.1\r\n" H "\r\n"), 500);
    assert_non_null(strstr(f->answer, "\"status\":500"));
    assert_int_equal(tell_text(f, "GET / HTTP/1.1\r\n" H "\r\n"), 200);
    assert_non_null(strstr(f->answer, "\"/wallets/{wallet_id}/notes\""));
    assert_int_equal(tell_text(f, "GET /openapi.json HTTP/1.1\r\n" H "\r\n"), 200);
    static const char *const documents[] = {"/docs", "/docs/docs.js", "/docs/docs.css"};
    for (size_t i = 0; i < array_len(documents); i++) {
        char text[128];
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n" H "\r\n", documents[i]);
        assert_int_equal(tell_text(f, text), 200);
        assert_non_null(strstr(f->answer, "Content-Security-Policy: default-src 'none'"));
    }
    done(f);
}

static int ask_document(struct fixture *f, const char *fields)
{
    char text[512];
    snprintf(text, sizeof text, "GET /docs HTTP/1.1\r\n" H "%s\r\n", fields);
    return tell_text(f, text);
}

static void a_document_comes_in_the_coding_that_is_welcome(void **state)
{
    struct fixture *f = given();
    char plain[128], coded[128], value[128], fields[256];
    (void)state;
    assert_int_equal(ask_document(f, ""), 200);
    assert_non_null(strstr(f->answer, "<!DOCTYPE html>"));
    assert_string_equal(field_of(f, "Vary", value), "Accept-Encoding");
    assert_string_equal(field_of(f, "Content-Encoding", value), "");
    assert_string_equal(field_of(f, "Cache-Control", value), "no-cache");
    field_of(f, "ETag", plain);
    assert_int_equal(ask_document(f, "Accept-Encoding: br, gzip;q=0.5\r\n"), 200);
    assert_string_equal(field_of(f, "Content-Encoding", value), "gzip");
    assert_memory_equal(strstr(f->answer, "\r\n\r\n") + 4, "\x1f\x8b\x08", 3);
    assert_string_not_equal(field_of(f, "ETag", coded), plain);
    assert_int_equal(ask_document(f, "Accept-Encoding: gzip\r\nAccept-Encoding: br\r\n"), 200);
    assert_string_equal(field_of(f, "Content-Encoding", value), "");
    for (int gzip = 0; gzip < 2; gzip++) { /* a tag is that of its coding alone */
        snprintf(fields, sizeof fields,
                 "Accept-Encoding: gzip;q=%d\r\nIf-None-Match: \"x\", W/%s\r\n", gzip, coded);
        assert_int_equal(ask_document(f, fields), gzip ? 304 : 200);
    }
    snprintf(fields, sizeof fields, "If-None-Match: \"x\"\r\nIf-None-Match: %s\r\n", plain);
    assert_int_equal(ask_document(f, fields), 304);
    assert_string_equal(field_of(f, "ETag", value), plain);
    assert_string_equal(f->answer + f->answer_len - 4, "\r\n\r\n");
    done(f);
}

static void a_refusal_is_logged_without_secrets(void **state)
{
    struct fixture *f = given();
    struct log log;
    int ends[2];
    char line[LOG_LINE_MAX] = "";
    (void)state;
    assert_int_equal(pipe(ends), 0);
    log_init(&log, ends[1], LOG_LEVEL_INFO);
    f->env.log = &log;
    const char *body = "{\"text\":\"secret2\",\"x\":1}";
    assert_int_equal(post(f, "Idempotency-Key: secret1\r\n", body), 400);
    assert_true(read(ends[0], line, sizeof line - 1) > 0);
    assert_non_null(strstr(line, "\"event\":\"request_refused\""));
    assert_non_null(strstr(line, "\"code\":\"unknown_field\""));
    assert_non_null(strstr(line, "\"field\":\"x\""));
    assert_null(strstr(line, "secret"));
    assert_null(strstr(line, "writer"));
    memset(line, 0, sizeof line);
    tell_text(f, "GET " NOTES " HTTP/1.1\r\n" H "Authorization: Bearer forged\r\n\r\n");
    assert_null(strstr(f->answer, "signature"));
    assert_true(read(ends[0], line, sizeof line - 1) > 0);
    assert_non_null(strstr(line, "\"token\":\"signature is wrong\""));
    assert_null(strstr(line, "forged"));
    f->env.log = NULL;
    close(ends[0]);
    close(ends[1]);
    done(f);
}

#define READER "Authorization: Bearer  reader\r\n" /* two spaces are as good as one */

static void a_refusal_names_what_broke_which_rule(void **state)
{
    static const struct {
        const char *request, *detail;
    } rows[] = {
        {"GET /health HTTP/1.1\r\n\r\n", "Host is missing"},
        {"GET /health HTTP/1.1\r\n" H "X-Request-Id: a\r\nHost: b\r\n\r\n",
         "Host is given twice"},
        {"GET /health HTTP/1.1\r\n" H "Content_Length: 1\r\n\r\n",
         "Content-Length is spelled with _ in place of -"},
        {"GET /health HTTP/1.1\r\n" H "A : b\r\n\r\n", "The request is not valid HTTP: "},
        {"GET  /health HTTP/1.1\r\n" H "\r\n",
         "request target must have one space on each side"},
        {"GET " NOTES " HTTP/1.1\r\n" H READER "Content-Length: 2\r\n\r\n{}",
         "body is not taken by this operation"},
        {"GET " NOTES "?%zz HTTP/1.1\r\n" H READER "\r\n", "query is not percent-encoded text"},
    };
    static const struct {
        const char *body, *detail;
    } bodies[] = {
        {"[]", "The body must be an object"},
        {"{\"text\":'a'}", "The body must be valid JSON: unexpected character"},
        {"{\"text\":\"a\"", "The body must be valid JSON: "},
    };
    struct fixture *f = given();
    char wanted[200];
    (void)state;
    for (size_t i = 0; i < array_len(rows); i++) {
        assert_int_equal(tell_text(f, rows[i].request), 400);
        snprintf(wanted, sizeof wanted, "\"detail\":\"%s", rows[i].detail);
        assert_non_null(strstr(f->answer, wanted));
    }
    for (size_t i = 0; i < array_len(bodies); i++) {
        assert_int_equal(post(f, "Idempotency-Key: k\r\n", bodies[i].body), 400);
        snprintf(wanted, sizeof wanted, "\"detail\":\"%s", bodies[i].detail);
        assert_non_null(strstr(f->answer, wanted));
    }
    assert_int_equal(f->asked, 0);
    done(f);
}

static void a_refusal_names_all_that_a_body_lacks_or_has_wrong(void **state)
{
    struct fixture *f = given();
    (void)state;
    assert_int_equal(post(f, "Idempotency-Key: k\r\n", "{\"count\":-1,\"colour\":1}"), 400);
    assert_non_null(strstr(f->answer, "\"detail\":\"count must be "));
    assert_non_null(strstr(f->answer, "\"errors\":[{\"field\":\"count\",\"rule\":\""));
    assert_non_null(strstr(f->answer, "{\"field\":\"colour\",\"rule\":\"is not known here\"},"
                                      "{\"field\":\"text\",\"rule\":\"is required\"}]"));
    done(f);
}

static void what_clients_do_wrong_is_no_warning(void **state)
{
    static const char *const wrong[] = {"FETCH /health HTTP/1.1\r\n" H "\r\n",
                                        "GET /health HTTP/2.0\r\n" H "\r\n",
                                        "GET /nothing HTTP/1.1\r\n" H "\r\n"};
    struct fixture *f = given();
    struct log log;
    int ends[2];
    char line[LOG_LINE_MAX];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    log_init(&log, ends[1], LOG_LEVEL_INFO);
    f->env.log = &log;
    for (size_t i = 0; i < array_len(wrong); i++) {
        memset(line, 0, sizeof line);
        assert_true(tell_text(f, wrong[i]) >= 400);
        assert_true(read(ends[0], line, sizeof line - 1) > 0);
        assert_non_null(strstr(line, "\"level\":\"info\""));
    }
    f->code = RESULT_STORE_FULL;
    memset(line, 0, sizeof line);
    assert_int_equal(post(f, "Idempotency-Key: k\r\n", "{\"text\":\"a\"}"), 503);
    assert_true(read(ends[0], line, sizeof line - 1) > 0);
    assert_non_null(strstr(line, "\"level\":\"warn\""));
    f->env.log = NULL;
    close(ends[0]);
    close(ends[1]);
    done(f);
}

static void set_true(void *context)
{
    *(bool *)context = true;
}

/* Every declared route finds its place in the tree, and none collides with an own page. */
static void the_declared_routes_can_be_served(void **state)
{
    struct fixture *f = given();
    (void)state;
    assert_true(catalog_route_count > 0);
    for (uint32_t i = 0; i < catalog_route_count; i++) {
        const struct route *r = &catalog_routes[i];
        assert_non_null(r->scope);
        assert_true(r->request != NULL && r->reply != NULL && r->reply_json != NULL);
        assert_true(r->status >= 200 && r->status < 300);
    }
    bool stopped = false;
    struct bridge *b = bridge_new(&(struct bridge_options){
        .loop = &f->loop,
        .env = &f->env,
        .backend = &f->backend,
        .routes = catalog_routes,
        .route_count = catalog_route_count,
        .scopes = &f->scopes,
        .counts = &f->counts,
        .version = "1",
    });
    assert_non_null(b);
    const struct bridge_port_options whole = {
        .service = &catalog_platform, .route_count = catalog_route_count, .pages = ALL_PAGES};
    assert_int_equal(bridge_listen(b, &whole, "127.0.0.1", 0, true), 0);
    for (uint32_t i = 0; i < catalog_service_count; i++) {
        const struct route_service *s = &catalog_services[i];
        const struct bridge_port_options own = {.service = s,
                                                .route_first = s->route_first,
                                                .route_count = s->route_count,
                                                .pages = ALL_PAGES,
                                                .compat = true};
        assert_int_equal(bridge_listen(b, &own, "127.0.0.1", 0, true), 0);
        for (uint32_t k = 0; k < s->route_count; k++)
            assert_ptr_equal(catalog_routes[s->route_first + k].service, s);
    }
    bridge_stop(b, set_true, &stopped);
    while (!stopped)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    done(f);
}

static void stopping_answers_what_is_in_work(void **state)
{
    struct fixture *f = given();
    (void)state;
    connect_to(f);
    send_all(f, POST KEY JSON "Content-Length: 16\r\n\r\n" BODY, strlen(POST KEY JSON) + 38);
    arrive(f);
    bridge_stop(f->bridge, on_stopped, f);
    settle(f);
    assert_int_equal(status(f), 201);
    assert_non_null(strstr(f->answer, "Connection: close"));
    assert_true(is_closed(f));
    hang_up(f);
    for (int i = 0; i < 1000 && !f->stopped; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_true(f->stopped);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_body_names_field_and_rule),
        cmocka_unit_test(query_parameters_are_checked_like_fields),
        cmocka_unit_test(a_wrong_id_in_the_path_is_a_wrong_field),
        cmocka_unit_test(an_answer_carries_version_and_identity),
        cmocka_unit_test(a_tag_that_is_none_of_ours_is_never_the_current_version),
        cmocka_unit_test(a_trace_goes_on_whatever_version_its_parent_has),
        cmocka_unit_test(a_known_version_is_not_sent_again),
        cmocka_unit_test(any_version_of_a_list_in_any_line_will_do),
        cmocka_unit_test(what_is_changed_must_not_have_a_version_of_if_none_match),
        cmocka_unit_test(what_has_no_versions_is_not_changed_either_if_nothing_may_be_there),
        cmocka_unit_test(a_reply_that_changes_without_its_version_has_a_tag_of_its_own),
        cmocka_unit_test(what_is_read_must_have_a_version_of_if_match),
        cmocka_unit_test(a_key_is_bound_to_what_was_asked),
        cmocka_unit_test(a_list_that_may_lack_something_says_since_when),
        cmocka_unit_test(a_refusal_of_the_domain_becomes_a_problem),
        cmocka_unit_test(what_is_still_being_decided_is_accepted_and_shown),
        cmocka_unit_test(head_gives_the_head_of_get),
        cmocka_unit_test(head_is_answered_in_order_with_others),
        cmocka_unit_test(options_name_the_methods_of_a_path),
        cmocka_unit_test(a_client_is_told_which_bodies_are_taken),
        cmocka_unit_test(the_own_pages_answer),
        cmocka_unit_test(a_document_comes_in_the_coding_that_is_welcome),
        cmocka_unit_test(a_refusal_is_logged_without_secrets),
        cmocka_unit_test(a_refusal_names_what_broke_which_rule),
        cmocka_unit_test(a_refusal_names_all_that_a_body_lacks_or_has_wrong),
        cmocka_unit_test(what_clients_do_wrong_is_no_warning),
        cmocka_unit_test(the_declared_routes_can_be_served),
        cmocka_unit_test(stopping_answers_what_is_in_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
