/* SPDX-License-Identifier: Apache-2.0 */
/* The grammars of header values, by vectors with names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway_bridge/http/headers.h"

#define KEY_255                                                                                    \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab" \
    "cdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567" \
    "89abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"
#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"
#define ZERO_16 "0000000000000000"

/* `text` says what comes out; NULL: the value is refused. */
struct vector {
    const char *name, *value, *text;
};

static void expect_text(const struct vector *v, bool good, const char *text, size_t len)
{
    if (good != (v->text != NULL))
        fail_msg("%s: %s", v->name, good ? "taken" : "refused");
    if (good && (len != strlen(v->text) || memcmp(text, v->text, len) != 0))
        fail_msg("%s: %.*s", v->name, (int)len, text);
}

static void expect_good(const char *name, bool good, bool wanted)
{
    if (good != wanted)
        fail_msg("%s: %s", name, good ? "taken" : "refused");
}

static void letters_of_any_case(void **state)
{
    (void)state;
    assert_true(header_equal(slice_of("ChunkeD"), "chunked"));
    assert_false(header_equal(slice_of("chunke"), "chunked"));
    assert_false(header_equal(slice_of("chunked "), "chunked"));
    assert_true(header_equal((struct slice){0}, ""));
    assert_true(header_starts(slice_of("HTTP://a"), "http://"));
    assert_false(header_starts(slice_of("http:/"), "http://"));
    assert_false(header_starts((struct slice){0}, "a"));
    assert_int_equal(header_lower('Z'), 'z');
    assert_int_equal(header_lower('['), '[');
}

static void host(void **state)
{
    static const struct {
        const char *name, *value;
        bool good;
    } vectors[] = {
        {"name", "pay.example", true},
        {"port", "pay.example:8080", true},
        {"empty port", "pay.example:", true},
        {"port of five digits", "a:65535", true},
        {"IPv4", "127.0.0.1", true},
        {"IPv6", "[::1]", true},
        {"IPv6 with a port", "[2001:db8::1]:443", true},
        {"IPv4 in IPv6", "[::FFFF:1.2.3.4]", true},
        {"nothing", "", false},
        {"port alone", ":80", false},
        {"port of six digits", "a:123456", false},
        {"port with a letter", "a:8x", false},
        {"user", "a@b", false},
        {"path", "a/b", false},
        {"blank", "a b", false},
        {"brackets without an address", "[]", false},
        {"one colon in brackets", "[:]", false},
        {"bracket alone", "[", false},
        {"open brackets", "[::1", false},
        {"other letters in brackets", "[::g]", false},
        {"bytes behind the brackets", "[::1]a", false},
    };
    (void)state;
    for (size_t i = 0; i < array_len(vectors); i++)
        expect_good(vectors[i].name, header_host_valid(slice_of(vectors[i].value)),
                    vectors[i].good);
}

static void bearer(void **state)
{
    static const struct vector vectors[] = {
        {"token", "Bearer abc", "abc"},
        {"other case", "bEARER abc", "abc"},
        {"several spaces", "Bearer   a.b.c", "a.b.c"},
        {"spaces alone", "Bearer  ", ""},
        {"blanks at the end stay", "Bearer abc ", "abc "},
        {"nothing", "", NULL},
        {"scheme alone", "Bearer", NULL},
        {"scheme and a space", "Bearer ", NULL},
        {"tab", "Bearer\tabc", NULL},
        {"other scheme", "Basic YTpi", NULL},
        {"longer scheme", "Bearers abc", NULL},
    };
    (void)state;
    for (size_t i = 0; i < array_len(vectors); i++) {
        struct slice token = {0};
        bool good = header_bearer(slice_of(vectors[i].value), &token);
        expect_text(&vectors[i], good, token.data, token.len);
    }
}

static void media_type(void **state)
{
    static const struct {
        const char *name, *value;
        bool good;
    } vectors[] = {
        {"plain", "application/json", true},
        {"other case", "Application/JSON", true},
        {"charset", "application/json; charset=UTF-8", true},
        {"charset in quotes", "application/json;charset=\"utf-8\"", true},
        {"other parameters", "application/json ;v=1;\tq=2 ;", true},
        {"empty parameters", "application/json;;;", true},
        {"nothing", "", false},
        {"other type", "text/json", false},
        {"longer type", "application/json5", false},
        {"two types", "application/json, text/plain", false},
        {"other charset", "application/json; charset=latin1", false},
        {"other charset later", "application/json; charset=utf-8; charset=latin1", false},
        {"empty charset", "application/json; charset=", false},
    };
    (void)state;
    for (size_t i = 0; i < array_len(vectors); i++)
        expect_good(vectors[i].name, header_media_type_json(slice_of(vectors[i].value)),
                    vectors[i].good);
    assert_false(header_media_type_json((struct slice){0}));
}

static void request_id(void **state)
{
    char longest[HEADER_REQUEST_ID_MAX + 1];
    (void)state;
    memset(longest, 'a', sizeof longest);
    assert_true(header_request_id_valid(slice_of("req_01J9-a.B")));
    assert_true(header_request_id_valid((struct slice){longest, sizeof longest - 1}));
    assert_false(header_request_id_valid((struct slice){longest, sizeof longest}));
    assert_false(header_request_id_valid((struct slice){0}));
    assert_false(header_request_id_valid(slice_of("a b")));
    assert_false(header_request_id_valid(slice_of("a\"")));
    assert_false(header_request_id_valid(slice_of("\xc3\xa9")));
}

static void traceparent(void **state)
{
    static const struct vector vectors[] = {
        {"version 00", "00-" TRACE "-" PARENT "-01", "00-" TRACE "-" PARENT "-01"},
        {"later version", "01-" TRACE "-" PARENT "-01", "00-" TRACE "-" PARENT "-01"},
        {"later and longer", "cc-" TRACE "-" PARENT "-01-x", "00-" TRACE "-" PARENT "-01"},
        {"nothing", "", NULL},
        {"too short", "00-" TRACE "-" PARENT "-0", NULL},
        {"00 and longer", "00-" TRACE "-" PARENT "-01-x", NULL},
        {"longer without a dash", "01-" TRACE "-" PARENT "-01x", NULL},
        {"version ff", "ff-" TRACE "-" PARENT "-01", NULL},
        {"capitals", "00-" TRACE "-B7AD6B7169203331-01", NULL},
        {"other digits", "00-" TRACE "-" PARENT "-0g", NULL},
        {"dash at another byte", "00-" TRACE "0" PARENT "-01", NULL},
        {"trace of zeros", "00-" ZERO_16 ZERO_16 "-" PARENT "-01", NULL},
        {"parent of zeros", "00-" TRACE "-" ZERO_16 "-01", NULL},
    };
    (void)state;
    for (size_t i = 0; i < array_len(vectors); i++) {
        char out[HEADER_TRACEPARENT_LEN];
        bool good = header_traceparent(slice_of(vectors[i].value), out);
        expect_text(&vectors[i], good, out, sizeof out);
    }
}

static void idempotency_key(void **state)
{
    static const struct vector vectors[] = {
        {"bare", "k1", "k1"},
        {"one character", "~", "~"},
        {"string", "\"k1\"", "k1"},
        {"string with a space", "\"k 1\"", "k 1"},
        {"quotes in a string", "\"a\\\"b\\\\\"", "a\"b\\"},
        {"backslash of a bare one", "a\\b", "a\\b"},
        {"longest", KEY_255, KEY_255},
        {"longest string", "\"" KEY_255 "\"", KEY_255},
        {"nothing", "", NULL},
        {"empty string", "\"\"", NULL},
        {"one quote", "\"", NULL},
        {"string without an end", "\"k1", NULL},
        {"end without a string", "k1\"", NULL},
        {"quote in the middle", "\"k\"1\"", NULL},
        {"escaped end", "\"k1\\\"", NULL},
        {"escaped letter", "\"\\k\"", NULL},
        {"bare with a space", "k 1", NULL},
        {"control character", "\"k\x01\"", NULL},
        {"DEL", "k\x7f", NULL},
        {"high byte", "k\xc3\xa9", NULL},
        {"too long", KEY_255 "f", NULL},
        {"string too long", "\"" KEY_255 "f\"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < array_len(vectors); i++) {
        char key[HEADER_KEY_MAX];
        uint32_t len = 0;
        bool good = header_idempotency_key(slice_of(vectors[i].value), key, &len);
        expect_text(&vectors[i], good, key, len);
    }
}

static void if_match(void **state)
{
    static const struct {
        const char *name, *value;
        enum header_if_match is;
        uint64_t version;
    } vectors[] = {
        {"any", "*", IF_MATCH_ANY, 0},
        {"version", "\"17\"", IF_MATCH_VERSION, 17},
        {"zero", "\"0\"", IF_MATCH_VERSION, 0},
        {"greatest", "\"18446744073709551614\"", IF_MATCH_VERSION, UINT64_MAX - 1},
        {"beyond", "\"18446744073709551615\"", IF_MATCH_VERSION, HEADER_NO_VERSION},
        {"weak", "W/\"17\"", IF_MATCH_VERSION, HEADER_NO_VERSION},
        {"of another server", "\"abc\"", IF_MATCH_VERSION, HEADER_NO_VERSION},
        {"leading zero", "\"017\"", IF_MATCH_VERSION, HEADER_NO_VERSION},
        {"empty tag", "\"\"", IF_MATCH_VERSION, HEADER_NO_VERSION},
        {"nothing", "", IF_MATCH_MALFORMED, 0},
        {"without quotes", "17", IF_MATCH_MALFORMED, 0},
        {"one quote", "\"", IF_MATCH_MALFORMED, 0},
        {"without an end", "\"17", IF_MATCH_MALFORMED, 0},
        {"weak alone", "W/", IF_MATCH_MALFORMED, 0},
        {"list", "\"17\", \"18\"", IF_MATCH_MALFORMED, 0},
    };
    (void)state;
    for (size_t i = 0; i < array_len(vectors); i++) {
        uint64_t version = 0;
        enum header_if_match is = header_if_match(slice_of(vectors[i].value), &version);
        if (is != vectors[i].is || version != vectors[i].version)
            fail_msg("%s: %d, version %ju", vectors[i].name, (int)is, (uintmax_t)version);
    }
}

static void none_match(void **state)
{
    static const struct {
        const char *name, *value;
        bool listed;
    } vectors[] = {
        {"any", "*", true},
        {"alone", "\"17\"", true},
        {"weak", "W/\"17\"", true},
        {"in a list", "\"1\", \"17\", \"x\"", true},
        {"nothing", "", false},
        {"without quotes", "17", false},
        {"another", "\"170\"", false},
        {"between tags", "\"1\"17\"2\"", false},
        {"without an end", "\"1\", \"17", false},
    };
    (void)state;
    for (size_t i = 0; i < array_len(vectors); i++)
        expect_good(vectors[i].name, header_none_match(slice_of(vectors[i].value), 17),
                    vectors[i].listed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_of_any_case),
        cmocka_unit_test(host),
        cmocka_unit_test(bearer),
        cmocka_unit_test(media_type),
        cmocka_unit_test(request_id),
        cmocka_unit_test(traceparent),
        cmocka_unit_test(idempotency_key),
        cmocka_unit_test(if_match),
        cmocka_unit_test(none_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
