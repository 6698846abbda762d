/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 as the bridge speaks it: what is answered, what is refused, whether the connection
 * survives; pieces, order, sizes. */
#include "tests/unit/bridge_fixture.h"

/* --- what is accepted and what is not --------------------------------------------------------- */

static const struct vector {
    const char *name;
    const char *bytes;
    int status; /* 0 = no answer */
    bool open;  /* the connection can be used again */
    const char *code;
} vectors[] = {
    {"plain", GET "\r\n", 200, true, NULL},
    {"leading empty line", "\r\n" GET "\r\n", 200, true, NULL},
    {"1.0", "GET /health HTTP/1.0\r\n\r\n", 200, false, NULL},
    {"1.0 kept", "GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, true, NULL},
    {"close", GET "Connection: close\r\n\r\n", 200, false, NULL},
    {"absolute form", "GET http://pay.example/health HTTP/1.1\r\n" H "\r\n", 200, true, NULL},
    {"absolute form, other host", "GET https://evil:1/health HTTP/1.1\r\n" H "\r\n", 200, true,
     "healthy"},
    {"absolute form without a path", "GET http://pay.example HTTP/1.1\r\n" H "\r\n", 200, true,
     "endpoints"},
    {"absolute form with a query alone", "GET http://a?b=/c HTTP/1.1\r\n" H "\r\n", 200, true,
     "endpoints"},
    {"encoded path", "GET /%68ealt%68 HTTP/1.1\r\n" H "\r\n", 200, true, "healthy"},
    {"encoded path of another length", "GET /%68ealth%20 HTTP/1.1\r\n" H "\r\n", 404, true, NULL},
    {"1.2", "GET /health HTTP/1.2\r\n" H "\r\n", 200, true, "healthy"},
    {"1.9, chunked", "POST " NOTES " HTTP/1.9\r\n" H "Authorization: Bearer writer\r\n" KEY JSON
     "Transfer-Encoding: chunked\r\n\r\n10\r\n" BODY "\r\n0\r\n\r\n", 201, true, NULL},
    {"key with parameters", POST "Idempotency-Key: \"k 1\";x=1; *y=\"a;\\\"b\";z\r\n" JSON
     "Content-Length: 16\r\n\r\n" BODY, 201, true, NULL},
    {"host with port", "GET /health HTTP/1.1\r\nHost: pay.example:8080\r\n\r\n", 200, true, NULL},
    {"host IPv6", "GET /health HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200, true, NULL},
    {"content length", POST KEY JSON "Content-Length: 16\r\n\r\n" BODY, 201, true, NULL},
    {"chunked", CHUNKED "\r\n10\r\n" BODY "\r\n0\r\n\r\n", 201, true, NULL},
    {"chunks", CHUNKED "\r\n1\r\n{\r\nf\r\n\"text\":\"hello\"}\r\n0\r\n\r\n", 201, true, NULL},
    {"chunk extension", CHUNKED "\r\n10;a=b\r\n" BODY "\r\n0\r\n\r\n", 201, true, NULL},
    {"trailer", CHUNKED "\r\n10\r\n" BODY "\r\n0\r\nHost: evil\r\nX-A: b\r\n\r\n", 201, true, NULL},
    {"charset", POST KEY "Content-Type: application/json; charset=UTF-8\r\n"
     "Content-Length: 16\r\n\r\n" BODY, 201, true, NULL},
    {"key with a space", POST "Idempotency-Key: k 1\r\n" JSON "Content-Length: 16\r\n\r\n" BODY,
     400, true, "invalid_key"},
    {"quoted key", POST "Idempotency-Key: \"k 1\"\r\n" JSON "Content-Length: 16\r\n\r\n" BODY, 201,
     true, NULL},
    {"other parameters", POST KEY "Content-Type: application/json ;v=1; charset=\"utf-8\";\r\n"
     "Content-Length: 16\r\n\r\n" BODY, 201, true, NULL},
    {"other charset", POST KEY "Content-Type: application/json; v=1; charset=latin1\r\n"
     "Content-Length: 16\r\n\r\n" BODY, 415, true, NULL},
    {"offer of HTTP/2", GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
     "HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\n\r\n", 200, true, NULL},
    {"offer with a body", POST KEY JSON "Connection: Upgrade\r\nUpgrade: h2c\r\n"
     "Content-Length: 16\r\n\r\n" BODY, 201, true, NULL},
    {"offer with chunks", CHUNKED "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n10\r\n" BODY
     "\r\n0\r\n\r\n", 201, true, NULL},
    {"offer of WebSocket", GET "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 200, true,
     NULL},
    {"two traces", GET "traceparent: a\r\ntraceparent: b\r\nX-Request-Id: a\r\n"
     "X-Request-Id: b\r\n\r\n", 200, true, NULL},
    {"structured key", POST "Idempotency-Key: \"k1\"\r\n" JSON "Content-Length: 16\r\n\r\n" BODY,
     201, true, NULL},
    {"expect", POST KEY JSON "Expect: 100-continue\r\nContent-Length: 16\r\n\r\n" BODY, 201, true,
     NULL},

    {"both lengths", CHUNKED "Content-Length: 16\r\n\r\n10\r\n" BODY "\r\n0\r\n\r\n", 400, false,
     "bad_request"},
    {"chunked, then length", POST KEY JSON "Content-Length: 16\r\nTransfer-Encoding: chunked\r\n"
     "\r\n10\r\n" BODY "\r\n0\r\n\r\n", 400, false, "bad_request"},
    {"space before colon", POST KEY JSON "Content-Length : 16\r\n\r\n" BODY, 400, false, NULL},
    {"space before name", GET " Content-Length: 16\r\n\r\n", 400, false, NULL},
    {"folded", GET "X-A: b\r\n c\r\n\r\n", 400, false, NULL},
    {"bare LF", "GET /health HTTP/1.1\nHost: pay.example\n\n", 400, false, NULL},
    {"bare CR in the head", GET "X-A: b\rX-B: c\r\n\r\n", 400, false, NULL},
    {"CR at the end of the head", GET "X-A: b\r\n\rX", 400, false, NULL},
    {"two lengths", POST KEY JSON "Content-Length: 16\r\nContent-Length: 17\r\n\r\n" BODY, 400,
     false, NULL},
    {"equal lengths", POST KEY JSON "Content-Length: 16\r\nContent-Length: 16\r\n\r\n" BODY, 400,
     false, NULL},
    {"list of lengths", POST KEY JSON "Content-Length: 16, 16\r\n\r\n" BODY, 400, false, NULL},
    {"signed length", POST KEY JSON "Content-Length: +16\r\n\r\n" BODY, 400, false, NULL},
    {"negative length", POST KEY JSON "Content-Length: -1\r\n\r\n" BODY, 400, false, NULL},
    {"hex length", POST KEY JSON "Content-Length: 0x10\r\n\r\n" BODY, 400, false, NULL},
    {"empty length", POST KEY JSON "Content-Length: \r\n\r\n" BODY, 400, false, NULL},
    {"spaced length", POST KEY JSON "Content-Length: 1 6\r\n\r\n" BODY, 400, false, NULL},
    {"long length", POST KEY JSON "Content-Length: 99999999999999999999\r\n\r\n", 400, false, NULL},
    {"large length", POST KEY JSON "Content-Length: 65537\r\n\r\n", 413, false, "too_large"},
    {"gzip, chunked", POST KEY JSON "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, false,
     NULL},
    {"chunked twice", POST KEY JSON "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400,
     false, NULL},
    {"two codings", CHUNKED "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, false, NULL},
    {"identity", POST KEY JSON "Transfer-Encoding: identity\r\n\r\n", 400, false, NULL},
    {"xchunked", POST KEY JSON "Transfer-Encoding: xchunked\r\n\r\n", 400, false, NULL},
    {"chunked in quotes", POST KEY JSON "Transfer-Encoding: \"chunked\"\r\n\r\n", 400, false, NULL},
    {"chunked in 1.0", "POST " NOTES " HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, false, NULL},
    {"chunk size 0x", CHUNKED "\r\n0x5\r\nhello\r\n0\r\n\r\n", 400, false, NULL},
    {"chunk size signed", CHUNKED "\r\n+5\r\nhello\r\n0\r\n\r\n", 400, false, NULL},
    {"chunk size spaced", CHUNKED "\r\n5 \r\nhello\r\n0\r\n\r\n", 400, false, NULL},
    {"chunk size overflow", CHUNKED "\r\nfffffffffffffffff\r\nhello", 400, false, NULL},
    {"chunk size beyond the limit", CHUNKED "\r\nffffffff\r\nhello", 413, false, "too_large"},
    {"chunk without CRLF", CHUNKED "\r\n5\r\nhelloX\r\n0\r\n\r\n", 400, false, NULL},
    {"chunk with LF", CHUNKED "\r\n5\nhello\r\n0\r\n\r\n", 400, false, NULL},
    {"NUL in a value", "GET /health HTTP/1.1\r\n" H "X-A: \x01\r\n\r\n", 400, false, NULL},
    {"empty name", GET ": b\r\n\r\n", 400, false, NULL},
    {"no colon", GET "X-A\r\n\r\n", 400, false, NULL},
    {"name with space", GET "X A: b\r\n\r\n", 400, false, NULL},

    {"no host", "GET /health HTTP/1.1\r\n\r\n", 400, false, "bad_request"},
    {"two hosts", GET H "\r\n", 400, false, NULL},
    {"empty host", "GET /health HTTP/1.1\r\nHost: \r\n\r\n", 400, false, NULL},
    {"host with path", "GET /health HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, false, NULL},
    {"host with user", "GET /health HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, false, NULL},
    {"host with space", "GET /health HTTP/1.1\r\nHost: a b\r\n\r\n", 400, false, NULL},
    {"host with bad port", "GET /health HTTP/1.1\r\nHost: a:8x\r\n\r\n", 400, false, NULL},
    {"host list", "GET /health HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, false, NULL},
    {"absolute form without a host", "GET http:///health HTTP/1.1\r\n" H "\r\n", 400, false, NULL},
    {"absolute form, no Host", "GET http://a/health HTTP/1.1\r\n\r\n", 400, false, NULL},
    {"absolute form, user", "GET http://a@pay.example/health HTTP/1.1\r\n" H "\r\n", 400, false,
     NULL},
    {"other scheme", "GET ftp://pay.example/health HTTP/1.1\r\n" H "\r\n", 400, false, NULL},
    {"asterisk", "GET * HTTP/1.1\r\n" H "\r\n", 400, false, NULL},
    {"no slash", "GET health HTTP/1.1\r\n" H "\r\n", 400, false, NULL},
    {"fragment", "GET /health#a HTTP/1.1\r\n" H "\r\n", 400, false, NULL},
    {"high byte in target", "GET /h\xc3\xa9 HTTP/1.1\r\n" H "\r\n", 400, false, NULL},
    {"tab in target", "GET /he\talth HTTP/1.1\r\n" H "\r\n", 400, false, NULL},
    {"space in target", "GET /he alth HTTP/1.1\r\n" H "\r\n", 400, false, NULL},
    {"underscore", POST "Idempotency_Key: k1\r\n" JSON "Content-Length: 16\r\n\r\n" BODY, 400,
     false, NULL},
    {"underscored length", POST KEY "Content_Length: 1\r\n\r\n", 400, false, NULL},
    {"two keys", POST KEY KEY JSON "Content-Length: 16\r\n\r\n" BODY, 400, false, NULL},
    {"two tokens", POST "Authorization: Bearer reader\r\n\r\n", 400, false, NULL},

    {"01.01", "GET /health HTTP/01.01\r\n" H "\r\n", 400, false, "bad_request"},
    {"1.10", "GET /health HTTP/1.10\r\n" H "\r\n", 400, false, "bad_request"},
    {"version with a space", "GET /health HTTP/ 1.1\r\n" H "\r\n", 400, false, "bad_request"},
    {"2.0", "GET /health HTTP/2.0\r\n" H "\r\n", 505, false, NULL},
    {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, false, NULL},
    {"0.9", "GET /health\r\n\r\n", 505, false, NULL},
    {"lower case version", "GET /health http/1.1\r\n" H "\r\n", 400, false, NULL},
    {"TLS", "\x16\x03\x01\x02", 400, false, NULL},
    {"RTSP", "GET /health RTSP/1.0\r\n" H "\r\n", 505, false, "version_not_supported"},
    {"Icecast", "SOURCE /health ICE/1.0\r\n" H "\r\n", 505, false, "version_not_supported"},
    {"lower case method", "get /health HTTP/1.1\r\n" H "\r\n", 501, false, "not_implemented"},
    {"unknown method", "FETCH /health HTTP/1.1\r\n" H "\r\n", 501, false, "not_implemented"},
    {"longer method", "GETS /health HTTP/1.1\r\n" H "\r\n", 501, false, "not_implemented"},
    {"method in quotes", "\"GET\" /health HTTP/1.1\r\n" H "\r\n", 400, false, "bad_request"},
    {"method and tab", "GET\t/health HTTP/1.1\r\n" H "\r\n", 400, false, "bad_request"},
    {"CONNECT", "CONNECT pay.example:443 HTTP/1.1\r\n" H "\r\n", 501, false, "not_implemented"},
    {"other expectation", GET "Expect: 200-ok\r\n\r\n", 417, false, "expectation_failed"},

    {"no route", "GET /nothing HTTP/1.1\r\n" H "\r\n", 404, true, "no_route"},
    {"dots", "GET /../health HTTP/1.1\r\n" H "\r\n", 404, true, "no_route"},
    {"double slash", "GET //health HTTP/1.1\r\n" H "\r\n", 404, true, "no_route"},
    {"trailing slash", "GET /health/ HTTP/1.1\r\n" H "\r\n", 404, true, "no_route"},
    {"other method", "DELETE " NOTES " HTTP/1.1\r\n" H "\r\n", 405, true, "method_not_allowed"},
    {"TRACE", "TRACE /health HTTP/1.1\r\n" H "\r\n", 405, true, "method_not_allowed"},
    {"PROPFIND", "PROPFIND " NOTES " HTTP/1.1\r\n" H "\r\n", 405, true, "method_not_allowed"},
    {"no token", "GET " NOTES " HTTP/1.1\r\n" H "\r\n", 401, true, "unauthenticated"},
    {"basic", "GET " NOTES " HTTP/1.1\r\n" H "Authorization: Basic YTpi\r\n\r\n", 401, true, NULL},
    {"wrong token", "GET " NOTES " HTTP/1.1\r\n" H "Authorization: Bearer x\r\n\r\n", 401, true,
     NULL},
    {"scope", "POST " NOTES " HTTP/1.1\r\n" H "Authorization: Bearer reader\r\n" KEY JSON
     "Content-Length: 16\r\n\r\n" BODY, 403, true, "insufficient_scope"},
    {"no key", POST JSON "Content-Length: 16\r\n\r\n" BODY, 400, true, "key_missing"},
    {"empty key", POST "Idempotency-Key: \r\n" JSON "Content-Length: 16\r\n\r\n" BODY, 400, true,
     "invalid_key"},
    {"half quoted key", POST "Idempotency-Key: \"k\r\n" JSON "Content-Length: 16\r\n\r\n" BODY, 400,
     true, "invalid_key"},
    {"no type", POST KEY "Content-Length: 16\r\n\r\n" BODY, 415, true, "unsupported_media_type"},
    {"form", POST KEY "Content-Type: application/x-www-form-urlencoded\r\n"
     "Content-Length: 16\r\n\r\n" BODY, 415, true, NULL},
    {"json with suffix", POST KEY "Content-Type: application/jsonx\r\nContent-Length: 16\r\n\r\n"
     BODY, 415, true, NULL},
    {"latin-1", POST KEY "Content-Type: application/json; charset=latin1\r\n"
     "Content-Length: 16\r\n\r\n" BODY, 415, true, NULL},
    {"coded body", POST KEY JSON "Content-Encoding: gzip\r\nContent-Length: 16\r\n\r\n" BODY, 415,
     true, NULL},
    {"no body", POST KEY JSON "Content-Length: 0\r\n\r\n", 400, true, "missing_field"},
    {"body where none is taken", "GET " NOTES " HTTP/1.1\r\n" H "Authorization: Bearer reader\r\n"
     JSON "Content-Length: 16\r\n\r\n" BODY, 400, true, "bad_request"},
    {"if-match on a list", "GET " NOTES " HTTP/1.1\r\n" H "Authorization: Bearer reader\r\n"
     "If-Match: \"1\"\r\n\r\n", 400, true, "invalid_header"},
};

static void what_is_accepted_and_what_is_not(void **state)
{
    struct fixture *f = given();
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < array_len(vectors); i++) {
        const struct vector *v = &vectors[i];
        int got = tell_text(f, v->bytes);
        if (got == 100) { /* the answer proper comes after it */
            f->answer_len -= 25;
            memmove(f->answer, f->answer + 25, f->answer_len + 1);
            got = status(f);
        }
        bool code = v->code == NULL || strstr(f->answer, v->code) != NULL;
        bool open = v->open ? !f->closed : !is_closed(f);
        if (got != v->status || open != v->open || !code || answers(f) > 1) {
            print_error("%s: %d %s\n%.600s\n", v->name, got, f->closed ? "closed" : "open",
                        f->answer);
            wrong++;
        }
        if (got >= 400)
            assert_non_null(strstr(f->answer, "application/problem+json"));
    }
    assert_int_equal(wrong, 0);
    done(f);
}

static void what_is_no_uri_is_refused(void **state)
{
    static const char wrong[] = "\"<>\\^`{|}\x7f";
    struct fixture *f = given();
    (void)state;
    for (const char *c = wrong; *c != '\0'; c++) {
        char text[128];
        for (int query = 0; query < 2; query++) {
            snprintf(text, sizeof text, "GET /health%s%c HTTP/1.1\r\n" H "\r\n",
                     query ? "?a=" : "/", *c);
            if (tell_text(f, text) != 400)
                fail_msg("%s: %s", text, f->answer);
            assert_null(strstr(f->answer, "\"instance\""));
        }
    }
    assert_int_equal(tell_text(f, "GET /a[b]%5c%%zz%2 HTTP/1.1\r\n" H "\r\n"), 404);
    assert_non_null(strstr(f->answer, "\"instance\":\"/a%5Bb%5D%5c%25%25zz%252\""));
    done(f);
}

static void nul_bytes_are_refused_anywhere_in_the_head(void **state)
{
    struct fixture *f = given();
    static const char text[] = GET "X-A: b\r\n\r\n";
    (void)state;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        char bytes[sizeof text];
        memcpy(bytes, text, sizeof text);
        bytes[i] = '\0';
        int got = tell(f, bytes, sizeof text - 1);
        if (got != 400 && got != 505 && got != 0)
            fail_msg("NUL at %zu: %d", i, got);
        assert_int_equal(f->asked, 0);
    }
    done(f);
}

/* --- pieces ----------------------------------------------------------------------------------- */

static void a_request_may_come_in_any_two_pieces(void **state)
{
    struct fixture *f = given();
    static const char *const texts[] = {
        POST KEY JSON "Content-Length: 16\r\n\r\n" BODY,
        CHUNKED "\r\n1;x=y\r\n{\r\nf\r\n\"text\":\"hello\"}\r\n0\r\nX-T: 1\r\n\r\n",
    };
    (void)state;
    for (size_t t = 0; t < array_len(texts); t++) {
        size_t len = strlen(texts[t]);
        for (size_t i = 1; i < len; i++) {
            connect_to(f);
            send_all(f, texts[t], i);
            arrive(f);
            send_all(f, texts[t] + i, len - i);
            settle(f);
            assert_int_equal(status(f), 201);
            assert_non_null(strstr(f->answer, "{\"text\":\"hello\",\"count\":\"0\"}"));
        }
    }
    done(f);
}

static void a_request_may_come_byte_by_byte(void **state)
{
    struct fixture *f = given();
    static const char text[] = CHUNKED "\r\n1\r\n{\r\nf\r\n\"text\":\"hello\"}\r\n0\r\n\r\n";
    (void)state;
    connect_to(f);
    for (int round = 1; round <= 2; round++) {
        for (size_t i = 0; i < sizeof text - 1; i++) {
            send_all(f, text + i, 1);
            arrive(f);
        }
        settle(f);
        assert_int_equal(answers(f), round);
        assert_int_equal(f->asked, round);
    }
    done(f);
}

static void the_client_is_told_to_go_on(void **state)
{
    struct fixture *f = given();
    static const char head[] = POST KEY JSON "Expect: 100-continue\r\nContent-Length: 16\r\n\r\n";
    (void)state;
    assert_int_equal(tell_text(f, head), 100);
    send_all(f, BODY, 16);
    settle(f);
    assert_int_equal(answers(f), 2);
    assert_non_null(strstr(f->answer, "201 Created"));
    done(f);
}

static void the_client_is_told_to_go_on_after_the_answers_before(void **state)
{
    struct fixture *f = given();
    static const char text[] = GET "\r\n" POST KEY JSON
        "Expect: 100-continue\r\nContent-Length: 16\r\n\r\n";
    (void)state;
    tell_text(f, text);
    settle(f);
    assert_int_equal(answers(f), 2);
    const char *answer = strstr(f->answer, "200 OK");
    assert_non_null(answer);
    assert_non_null(strstr(answer, "100 Continue"));
    send_all(f, BODY, 16);
    settle(f);
    assert_int_equal(answers(f), 3);
    assert_non_null(strstr(f->answer, "201 Created"));
    done(f);
}

static void a_client_of_1_0_is_not_told_to_go_on(void **state)
{
    struct fixture *f = given();
    (void)state;
    tell_text(f, "POST " NOTES " HTTP/1.0\r\nAuthorization: Bearer writer\r\n" KEY JSON
                 "Expect: 100-continue\r\nContent-Length: 16\r\n\r\n");
    settle(f);
    assert_int_equal(answers(f), 0);
    send_all(f, BODY, 16);
    settle(f);
    assert_int_equal(answers(f), 1);
    assert_non_null(strstr(f->answer, "201 Created"));
    done(f);
}

/* --- order ------------------------------------------------------------------------------------ */

static void pipelined_answers_keep_the_order_of_requests(void **state)
{
    struct fixture *f = given();
    (void)state;
    f->backwards = true;
    char text[32 * 1024];
    size_t len = 0;
    for (int i = 0; i < 50; i++)
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "GET " NOTES "?count=%d HTTP/1.1\r\n" H
                                "Authorization: Bearer reader\r\n\r\n%s", i,
                                i % 7 == 0 ? GET "\r\n" : "");
    tell(f, text, len);
    settle(f);
    const char *at = f->answer;
    for (int i = 0; i < 50; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "\"count\":\"%d\"}", i);
        at = strstr(at, expected);
        assert_non_null(at);
    }
    assert_int_equal(answers(f), 58);
    done(f);
}

static void at_most_sixteen_requests_of_a_connection_are_in_work(void **state)
{
    struct fixture *f = given();
    static const char one[] = "GET " NOTES " HTTP/1.1\r\n" H "Authorization: Bearer reader\r\n\r\n";
    (void)state;
    connect_to(f);
    for (int i = 0; i < 40; i++)
        send_all(f, one, sizeof one - 1);
    for (int i = 0; i < 5000 && f->unanswered_count < HTTP_PIPELINE_MAX; i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(100);
    }
    for (int i = 0; i < 10; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->unanswered_count, HTTP_PIPELINE_MAX);
    settle(f);
    assert_int_equal(answers(f), 40);
    done(f);
}

static void nothing_is_read_after_a_refused_request(void **state)
{
    struct fixture *f = given();
    (void)state;
    tell_text(f, POST KEY JSON "Content-Length: 16\r\n\r\n" BODY
                 "GET /health HTTP/1.1\r\n\r\n" POST KEY JSON "Content-Length: 16\r\n\r\n" BODY);
    assert_int_equal(answers(f), 2);
    assert_int_equal(f->asked, 1);
    assert_true(is_closed(f));
    done(f);
}

static void a_client_may_leave_before_its_answer(void **state)
{
    struct fixture *f = given();
    static const char one[] = "GET " NOTES " HTTP/1.1\r\n" H "Authorization: Bearer reader\r\n\r\n";
    (void)state;
    connect_to(f);
    send_all(f, one, sizeof one - 1);
    arrive(f);
    assert_int_equal(f->unanswered_count, 1);
    shutdown(f->client, SHUT_WR); /* half closed: it still reads */
    arrive(f);
    assert_false(message_over(f->unanswered[0], 0));
    settle(f);
    assert_int_equal(status(f), 200);
    assert_true(is_closed(f));
    connect_to(f);
    send_all(f, one, sizeof one - 1);
    arrive(f);
    struct linger reset = {1, 0};
    setsockopt(f->client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    hang_up(f);
    for (int i = 0; i < 5000 && !message_over(f->unanswered[0], 0); i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(100);
    }
    assert_int_equal(f->unanswered_count, 1);
    assert_true(message_over(f->unanswered[0], 0)); /* who answers is told */
    done(f);
}

/* --- sizes ------------------------------------------------------------------------------------ */

/* "before", `count` times c, "after". */
static int tell_padded(struct fixture *f, const char *before, size_t count, char c,
                       const char *after)
{
    size_t head = strlen(before), tail = strlen(after);
    char *text = malloc(head + count + tail);
    assert_non_null(text);
    memcpy(text, before, head);
    memset(text + head, c, count);
    memcpy(text + head + count, after, tail);
    int got = tell(f, text, head + count + tail);
    free(text);
    return got;
}

static void the_target_has_a_limit(void **state)
{
    struct fixture *f = given();
    size_t fixed = strlen("/health?");
    (void)state;
    for (size_t len = REQUEST_TARGET_MAX - 1; len <= REQUEST_TARGET_MAX + 1; len++) {
        int got = tell_padded(f, "GET /health?", len - fixed, 'a', " HTTP/1.1\r\n" H "\r\n");
        assert_int_equal(got, len <= REQUEST_TARGET_MAX ? 200 : 414);
        if (got != 200)
            assert_true(is_closed(f));
    }
    done(f);
}

static void the_head_has_a_limit(void **state)
{
    struct fixture *f = given();
    size_t fixed = strlen(H "X-A: ");
    (void)state;
    for (size_t len = REQUEST_HEAD_MAX - 1; len <= REQUEST_HEAD_MAX + 1; len++) {
        int got = tell_padded(f, "GET /health HTTP/1.1\r\n" H "X-A: ", len - fixed, 'a',
                              "\r\n\r\n");
        assert_int_equal(got, len <= REQUEST_HEAD_MAX ? 200 : 431);
        if (got != 200)
            assert_true(is_closed(f));
    }
    assert_int_equal(tell_padded(f, "", 30000, '\n', ""), 431);
    done(f);
}

static void the_number_of_headers_has_a_limit(void **state)
{
    struct fixture *f = given();
    (void)state;
    for (int count = REQUEST_HEADERS_MAX - 1; count <= REQUEST_HEADERS_MAX + 1; count++) {
        char text[4096] = GET;
        size_t len = strlen(text);
        for (int i = 1; i < count; i++)
            len += (size_t)snprintf(text + len, sizeof text - len, "X-%d: a\r\n", i);
        len += (size_t)snprintf(text + len, sizeof text - len, "\r\n");
        assert_int_equal(tell(f, text, len), count <= REQUEST_HEADERS_MAX ? 200 : 431);
    }
    done(f);
}

static void the_body_has_a_limit_by_length(void **state)
{
    struct fixture *f = given();
    (void)state;
    for (size_t len = REQUEST_BODY_MAX - 1; len <= REQUEST_BODY_MAX + 1; len++) {
        char head[512];
        snprintf(head, sizeof head, POST KEY JSON "Content-Length: %zu\r\n\r\n" BODY, len);
        int got = tell_padded(f, head, len - strlen(BODY), ' ', "");
        assert_int_equal(got, len <= REQUEST_BODY_MAX ? 201 : 413);
        if (got != 201)
            assert_true(is_closed(f));
    }
    done(f);
}

static void the_body_has_a_limit_in_chunks(void **state)
{
    struct fixture *f = given();
    (void)state;
    for (size_t len = REQUEST_BODY_MAX - 1; len <= REQUEST_BODY_MAX + 1; len++) {
        char head[512];
        snprintf(head, sizeof head, CHUNKED "\r\n%zx\r\n" BODY, len);
        int got = tell_padded(f, head, len - strlen(BODY), ' ', "\r\n0\r\n\r\n");
        assert_int_equal(got, len <= REQUEST_BODY_MAX ? 201 : 413);
    }
    done(f);
}

static void a_bulk_operation_takes_a_larger_body(void **state)
{
    static const char *const paths[] = {"/notes/batch", "/n%6ftes/%62atch"};
    struct fixture *f = given();
    (void)state;
    for (size_t len = REQUEST_BODY_LARGE_MAX - 1; len <= REQUEST_BODY_LARGE_MAX + 1; len++) {
        char head[512];
        snprintf(head, sizeof head,
                 "POST %s HTTP/1.1\r\n" H "Authorization: Bearer writer\r\n" JSON
                 "Content-Length: %zu\r\n\r\n{\"wallet_id\":\"" WALLET "\",\"text\":\"a\"}",
                 paths[len % 2], len);
        const char *body = strstr(head, "{");
        int got = tell_padded(f, head, len - strlen(body), ' ', "");
        assert_int_equal(got, len <= REQUEST_BODY_LARGE_MAX ? 201 : 413);
    }
    done(f);
}

static void chunks_may_not_waste_bytes(void **state)
{
    struct fixture *f = given();
    (void)state;
    assert_int_equal(tell_padded(f, CHUNKED "\r\n1;", 256, 'a', "\r\n{\r\n0\r\n\r\n"), 400);
    assert_non_null(strstr(f->answer, "invalid_json"));
    assert_int_equal(tell_padded(f, CHUNKED "\r\n1;", 257, 'a', "\r\n{\r\n0\r\n\r\n"), 400);
    assert_non_null(strstr(f->answer, "chunk extensions"));
    assert_int_equal(tell_padded(f, CHUNKED "\r\n", 300000, '0', "1\r\n{\r\n0\r\n\r\n"), 400);
    done(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_accepted_and_what_is_not),
        cmocka_unit_test(what_is_no_uri_is_refused),
        cmocka_unit_test(nul_bytes_are_refused_anywhere_in_the_head),
        cmocka_unit_test(a_request_may_come_in_any_two_pieces),
        cmocka_unit_test(a_request_may_come_byte_by_byte),
        cmocka_unit_test(the_client_is_told_to_go_on),
        cmocka_unit_test(the_client_is_told_to_go_on_after_the_answers_before),
        cmocka_unit_test(a_client_of_1_0_is_not_told_to_go_on),
        cmocka_unit_test(pipelined_answers_keep_the_order_of_requests),
        cmocka_unit_test(at_most_sixteen_requests_of_a_connection_are_in_work),
        cmocka_unit_test(nothing_is_read_after_a_refused_request),
        cmocka_unit_test(a_client_may_leave_before_its_answer),
        cmocka_unit_test(the_target_has_a_limit),
        cmocka_unit_test(the_head_has_a_limit),
        cmocka_unit_test(the_number_of_headers_has_a_limit),
        cmocka_unit_test(the_body_has_a_limit_by_length),
        cmocka_unit_test(the_body_has_a_limit_in_chunks),
        cmocka_unit_test(a_bulk_operation_takes_a_larger_body),
        cmocka_unit_test(chunks_may_not_waste_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
