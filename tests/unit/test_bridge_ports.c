/* SPDX-License-Identifier: Apache-2.0 */
/* The ports of one bridge, and the origins whose pages may call. */
#include "tests/unit/bridge_fixture.h"

#include "gateway_bridge/cors.h"

/* Clients of the services that were replaced know three members of / and of /health, to the byte.
 */
static void each_service_speaks_for_itself_at_its_port(void **state)
{
    struct fixture *f = given();
    (void)state;
    f->service = &notes;
    assert_int_equal(tell_text(f, GET "\r\n"), 200);
    assert_non_null(strstr(f->answer, "\r\n\r\n{\"status\":\"healthy\","
                                      "\"service\":\"notes_service\",\"version\":\"1.0.0\"}"));
    f->service = &pens;
    assert_int_equal(tell_text(f, "GET / HTTP/1.1\r\n" H "\r\n"), 200);
    assert_non_null(strstr(f->answer, "\r\n\r\n{\"service\":\"Pens Service\",\"message\":\"Pens.\","
                                      "\"endpoints\":[\"/health\",\"/health/live\","));
    assert_null(strstr(f->answer, "/wallets"));
    f->service = &platform;
    assert_int_equal(tell_text(f, "GET / HTTP/1.1\r\n" H "\r\n"), 200);
    assert_non_null(strstr(f->answer, "\"version\":\"9.8.7\""));
    done(f);
}

static void a_port_has_its_own_operations_and_names_the_one_of_others(void **state)
{
    struct fixture *f = given();
    char where[128];
    (void)state;
    f->service = &pens;
    assert_int_equal(post(f, KEY, BODY), 404);
    assert_int_equal(f->asked, 0);
    snprintf(where, sizeof where, "it is an operation of the Notes Service, at port %u.",
             (unsigned)bridge_port(f->bridge, &notes));
    assert_non_null(strstr(f->answer, where));
    assert_int_equal(tell_text(f, "GET /none HTTP/1.1\r\n" H "\r\n"), 404);
    assert_null(strstr(f->answer, "it is an operation"));
    f->service = &notes;
    assert_int_equal(post(f, KEY, BODY), 201);
    assert_int_equal(f->asked, 1);
    done(f);
}

static void a_list_of_origins_is_as_browsers_write_them(void **state)
{
    static const char *const wrong[] = {
        "*",
        "app.example",
        "https://",
        "https://app.example/",
        "https://A.b",
        "ftp://app.example",
        "http://a.b,https://",
        "http://a b.c",
    };
    struct cors c;
    (void)state;
    assert_true(cors_parse("", &c) && c.count == 0);
    assert_true(cors_parse("https://app.example, http://[::1]:3000", &c) && c.count == 2);
    for (size_t i = 0; i < array_len(wrong); i++)
        assert_false(cors_parse(wrong[i], &c));
    assert_true(cors_parse(CORS_DEVELOPMENT, &c));
    assert_int_equal(cors_find(&c, slice_of("http://localhost:5173")).len, 21);
    assert_int_equal(cors_find(&c, slice_of("http://localhost:51730")).len, 0);
    assert_int_equal(cors_find(&c, (struct slice){0}).len, 0);
}

static void no_more_origins_than_there_is_room_for(void **state)
{
    static const char origin[] = "http://a.b,";
    char text[CORS_TEXT_MAX + 1] = "";
    struct cors c;
    (void)state;
    for (size_t i = 0; i < CORS_ORIGINS_MAX + 1; i++) {
        memcpy(text + i * strlen(origin), origin, sizeof origin);
        assert_int_equal(cors_parse(text, &c), i < CORS_ORIGINS_MAX);
    }
    memset(text, 'a', CORS_TEXT_MAX);
    memcpy(text, "http://", strlen("http://"));
    assert_false(cors_parse(text, &c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_service_speaks_for_itself_at_its_port),
        cmocka_unit_test(a_port_has_its_own_operations_and_names_the_one_of_others),
        cmocka_unit_test(a_list_of_origins_is_as_browsers_write_them),
        cmocka_unit_test(no_more_origins_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
