/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in, when, and how often: token, scope and rate, before the body is read. */
#include <unistd.h>

#include "runtime/observe/log.h"
#include "tests/unit/bridge_fixture.h"

static void a_missing_token_and_a_missing_scope_say_what_is_needed(void **state)
{
    struct fixture *f = given();
    (void)state;
    tell_text(f, "GET " NOTES " HTTP/1.1\r\n" H "\r\n");
    assert_non_null(strstr(f->answer, "WWW-Authenticate: Bearer realm=\"payments\"\r\n"));
    assert_non_null(strstr(f->answer, "\"detail\":\"send a token\""));
    tell_text(f, "GET " NOTES " HTTP/1.1\r\n" H "Authorization: Bearer x\r\n\r\n");
    assert_non_null(strstr(f->answer, "error=\"invalid_token\", "
                                      "error_description=\"it is not acceptable\"\r\n"));
    assert_non_null(strstr(f->answer, "\"detail\":\"it is not acceptable\""));
    tell_text(f, "POST " NOTES " HTTP/1.1\r\n" H "Authorization: Bearer reader\r\n\r\n");
    assert_non_null(strstr(f->answer, "error=\"insufficient_scope\", scope=\"notes:write\""));
    assert_non_null(strstr(f->answer, "lacks the scope notes:write"));
    tell_text(f, "DELETE " NOTES " HTTP/1.1\r\n" H "\r\n");
    assert_non_null(strstr(f->answer, "\r\nAllow: GET, HEAD, POST, OPTIONS\r\n"));
    done(f);
}

static void a_head_is_enough_to_refuse(void **state)
{
    static const struct {
        const char *head;
        int status;
    } rows[] = {
        {"POST " NOTES " HTTP/1.1\r\n" H KEY JSON, 401},
        {"POST " NOTES " HTTP/1.1\r\n" H KEY JSON "Authorization: Bearer x\r\n", 401},
        {"POST " NOTES " HTTP/1.1\r\n" H KEY JSON "Authorization: Bearer reader\r\n", 403},
        {POST KEY, 415},
        {POST KEY JSON "Content-Encoding: br\r\n", 415},
        {"POST /nothing HTTP/1.1\r\n" H, 404},
        {"PUT " NOTES " HTTP/1.1\r\n" H, 405},
        {"GET " NOTES " HTTP/1.1\r\n" H "Authorization: Bearer reader\r\n", 400},
        {"GET /health HTTP/1.1\r\n" H, 200}, /* or to answer */
    };
    struct fixture *f = given();
    (void)state;
    for (size_t i = 0; i < array_len(rows); i++) {
        char text[512];
        for (int expects = 0; expects < 2; expects++) { /* with a byte of the body, or none */
            snprintf(text, sizeof text, "%sContent-Length: 1000\r\n%s", rows[i].head,
                     expects ? "Expect: 100-continue\r\n\r\n" : "\r\n{");
            if (tell_text(f, text) != rows[i].status)
                fail_msg("%s: %s", text, f->answer);
            assert_int_equal(answers(f), 1);
            assert_non_null(strstr(f->answer, "\r\nConnection: close\r\n"));
            assert_true(is_closed(f));
        }
    }
    assert_int_equal(f->asked, 0);
    done(f);
}

static void what_may_not_be_asked_now_is_refused_before_its_body(void **state)
{
    struct fixture *f = given_with(NULL, (struct rate_limits){.client = rate_limit_new(1, 1)});
    static const char head[] = POST KEY JSON "Content-Length: 16\r\n\r\n";
    (void)state;
    connect_to(f);
    send_all(f, head, strlen(head));
    arrive(f);
    send_all(f, BODY, 16); /* counted once it is whole */
    settle(f);
    assert_int_equal(status(f), 201);
    assert_non_null(strstr(f->answer, "\r\nRateLimit: \"client\";r=0;t=1\r\n"));
    assert_int_equal(tell_text(f, head), 429);
    assert_int_equal(f->asked, 1);
    done(f);
}

static void a_client_that_sends_too_much_is_told_when_to_go_on(void **state)
{
    struct fixture *f = given_with(NULL, (struct rate_limits){.client = rate_limit_new(1, 2)});
    (void)state;
    assert_int_equal(post(f, KEY, BODY), 201);
    assert_non_null(strstr(f->answer, "\r\nRateLimit-Policy: \"client\";q=2;w=2\r\n"));
    assert_non_null(strstr(f->answer, "\r\nRateLimit: \"client\";r=1;t=1\r\n"));
    assert_int_equal(post(f, KEY, BODY), 201);
    assert_int_equal(post(f, KEY, BODY), 429);
    assert_int_equal(f->asked, 2);
    assert_non_null(strstr(f->answer, "\r\nRateLimit: \"client\";r=0;t=1\r\n"));
    assert_non_null(strstr(f->answer, "\r\nRetry-After: 1\r\n"));
    assert_non_null(strstr(f->answer, "\"code\":\"rate_limited\""));
    assert_non_null(strstr(f->answer, "#quota-exceeded\""));
    assert_non_null(strstr(f->answer, "\"violated-policies\":[\"client\"]"));
    assert_int_equal(tell_text(f, GET "\r\n"), 200); /* pages need no token */
    assert_null(strstr(f->answer, "RateLimit"));
    done(f);
}

static int read_as(struct fixture *f, const char *token)
{
    char text[256];
    snprintf(text, sizeof text, "GET " NOTES " HTTP/1.1\r\n" H "Authorization: Bearer %s\r\n\r\n",
             token);
    return tell_text(f, text);
}

static void one_user_does_not_lock_out_the_others_of_its_client(void **state)
{
    struct fixture *f = given_with(NULL, (struct rate_limits){.client = rate_limit_new(10, 10),
                                                              .subject = rate_limit_new(1, 2)});
    (void)state;
    assert_int_equal(read_as(f, "ann"), 200);
    assert_non_null(
        strstr(f->answer, "\r\nRateLimit: \"subject\";r=1;t=1, \"client\";r=9;t=1\r\n"));
    assert_int_equal(read_as(f, "ann"), 200);
    for (int i = 0; i < 20; i++)
        assert_int_equal(read_as(f, "ann"), 429);
    assert_non_null(strstr(f->answer, "\"violated-policies\":[\"subject\"]"));
    assert_int_equal(read_as(f, "bob"), 200);
    assert_non_null(strstr(f->answer, "\"client\";r=7;"));
    for (int i = 0; i < 5; i++) /* a client is no user of its own */
        assert_int_equal(read_as(f, "reader"), 200);
    done(f);
}

static void a_missing_scope_counts_five_times(void **state)
{
    struct fixture *f = given_with(NULL, (struct rate_limits){.client = rate_limit_new(1, 11)});
    static const char wrong[] =
        "POST " NOTES " HTTP/1.1\r\n" H "Authorization: Bearer reader\r\n\r\n";
    (void)state;
    assert_int_equal(tell_text(f, wrong), 403);
    assert_int_equal(tell_text(f, wrong), 403);
    assert_int_equal(tell_text(f, wrong), 429);
    assert_int_equal(read_as(f, "reader"), 200);
    assert_int_equal(read_as(f, "reader"), 429);
    done(f);
}

static void without_a_good_token_the_address_counts(void **state)
{
    struct address_list gateways;
    assert_true(address_list_parse("127.0.0.1", &gateways));
    (void)state;
    for (int gateway = 0; gateway < 2; gateway++) {
        struct http_limits limits = http_limits_default;
        limits.trusted = gateway ? &gateways : NULL;
        struct fixture *f =
            given_with(&limits, (struct rate_limits){.address = rate_limit_new(1, 16)});
        examined = 0;
        assert_int_equal(tell_text(f, "GET /docs HTTP/1.1\r\n" H "\r\n"), 200);
        assert_int_equal(read_as(f, "forged"), 401);
        assert_int_equal(read_as(f, "forged"), 401);
        assert_int_equal(tell_text(f, "GET " NOTES " HTTP/1.1\r\n" H "\r\n"), 401);
        assert_int_equal(read_as(f, "forged"), gateway ? 401 : 429);
        assert_int_equal(examined, gateway ? 3 : 2); /* no key was used for the last one */
        assert_int_equal(tell_text(f, "GET /openapi.json HTTP/1.1\r\n" H "\r\n"),
                         gateway ? 200 : 429);
        assert_int_equal(read_as(f, "reader"), 200);
        assert_int_equal(tell_text(f, GET "\r\n"), 200);
        done(f);
    }
}

/* Of all that a flood causes some lines are left out, and counted; none of anybody else's. */
static void a_flood_of_refusals_hides_no_other_client_s(void **state)
{
    struct fixture *f = given();
    static char lines[128 * 1024];
    struct log log;
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    log_init(&log, ends[1], LOG_LEVEL_INFO);
    f->env.log = &log;
    for (int i = 0; i < 150; i++)
        assert_int_equal(tell_text(f, "GET " NOTES " HTTP/1.1\r\n" H "\r\n"), 401);
    assert_int_equal(
        tell_text(f, "POST " NOTES " HTTP/1.1\r\n" H "Authorization: Bearer reader\r\n\r\n"), 403);
    f->env.log = NULL;
    ssize_t len = read(ends[0], lines, sizeof lines - 1);
    assert_true(len > 0);
    lines[len] = '\0';
    int refused = 0;
    for (const char *at = lines; (at = strstr(at, "\"request_refused\"")) != NULL; at++)
        refused++;
    assert_in_range(refused, 20, 100);
    assert_non_null(strstr(lines, "\"insufficient_scope\""));
    close(ends[0]);
    close(ends[1]);
    done(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_token_and_a_missing_scope_say_what_is_needed),
        cmocka_unit_test(a_head_is_enough_to_refuse),
        cmocka_unit_test(what_may_not_be_asked_now_is_refused_before_its_body),
        cmocka_unit_test(a_client_that_sends_too_much_is_told_when_to_go_on),
        cmocka_unit_test(one_user_does_not_lock_out_the_others_of_its_client),
        cmocka_unit_test(a_missing_scope_counts_five_times),
        cmocka_unit_test(without_a_good_token_the_address_counts),
        cmocka_unit_test(a_flood_of_refusals_hides_no_other_client_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
