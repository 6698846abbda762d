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
        {"charset without a dash", "application/json; charset=utf8", true},
        {"charset in quotes without a dash", "application/json; charset=\"UTF8\"", true},
        {"charset that only begins so", "application/json; charset=utf8x", false},
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

static void host_name(void **state)
{
    static const struct vector vectors[] = {
        {"name", "pay.example", "pay.example"}, {"with a port", "localhost:8080", "localhost"},
        {"IPv6", "[::1]", "::1"},               {"IPv6 with a port", "[::1]:8080", "::1"},
        {"IPv4", "127.0.0.1:1", "127.0.0.1"},
    };
    (void)state;
    for (size_t i = 0; i < array_len(vectors); i++) {
        struct slice name = header_host_name(slice_of(vectors[i].value));
        expect_text(&vectors[i], true, name.data, name.len);
    }
}

static void accept_encoding(void **state)
{
    static const struct {
        const char *name, *value;
        bool good;
    } vectors[] = {
        {"gzip", "gzip", true},
        {"old name", "x-GZIP", true},
        {"among others", "br;q=1.0, gzip;q=0.8, *;q=0.1", true},
        {"anything", "*", true},
        {"as good as plain", "identity;q=0.5, gzip;q=0.5", true},
        {"least weight", "gzip; q=0.001", true},
        {"empty items", ", gzip ,,", true},
        {"nothing", "", false},
        {"another", "br, deflate", false},
        {"unwelcome", "gzip;q=0", false},
        {"unwelcome with digits", "*, gzip;q=0.000", false},
        {"anything but", "*;q=0", false},
        {"plain is better", "identity, gzip;q=0.9", false},
        {"weight above one", "gzip;q=1.001", false},
        {"weight without a digit", "gzip;q=", false},
        {"weight with a comma", "gzip;q=0,5", false},
        {"weight too long", "gzip;q=0.1234", false},
        {"signed weight", "gzip;q=-1", false},
        {"two weights", "gzip;q=1;q=0", false},
        {"another parameter", "gzip;level=9", false},
    };
    (void)state;
    for (size_t i = 0; i < array_len(vectors); i++)
        expect_good(vectors[i].name, header_takes_gzip(slice_of(vectors[i].value)),
                    vectors[i].good);
}

static void accept(void **state)
{
    static const struct {
        const char *name, *value;
        bool good;
    } vectors[] = {
        {"alone", "text/csv", true},
        {"in capitals", "Text/CSV", true},
        {"with a parameter", "text/csv;header=present", true},
        {"before anything", "text/csv, */*;q=0.1", true},
        {"preferred", "application/json;q=0.5, text/csv;q=0.8", true},
        {"weight after a parameter", "application/json;q=0.5, text/csv;header=absent;q=0.6", true},
        {"nothing", "", false},
        {"anything", "*/*", false},
        {"any text", "text/*", false},
        {"as welcome as the other", "text/csv, application/json", false},
        {"less welcome", "text/csv;q=0.5, application/json", false},
        {"unwelcome", "text/csv;q=0", false},
        {"malformed weight", "text/csv;q=x", false},
        {"another", "text/csvx", false},
    };
    (void)state;
    for (size_t i = 0; i < array_len(vectors); i++)
        expect_good(vectors[i].name,
                    header_prefers(slice_of(vectors[i].value), "text/csv", "application/json"),
                    vectors[i].good);
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
        {"string with parameters", "\"k\";x=1;y=\"a\\\"b\"; *z-1=:YQ==:;b=?0;c", "k"},
        {"parameter without a name", "\"k\";=1", NULL},
        {"parameter without a value", "\"k\";x=", NULL},
        {"parameter with a capital", "\"k\";X=1", NULL},
        {"parameter with half a string", "\"k\";x=\"1", NULL},
        {"blank before a parameter", "\"k\" ;x=1", NULL},
        {"two strings", "\"k\", \"l\"", NULL},
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

static void entity_tags(void **state)
{
    static const struct {
        const char *name, *first, *second; /* lines of the field */
        bool weak_counts, good, has_17;
    } vectors[] = {
        {"any", "*", NULL, false, true, true},
        {"a version", "\"17\"", NULL, false, true, true},
        {"one of its answers", "\"17-0a1b2c3d\"", NULL, false, true, true},
        {"digest too short", "\"17-0a1b2c3\"", NULL, false, true, false},
        {"digest in capitals", "\"17-0A1B2C3D\"", NULL, false, true, false},
        {"no digest", "\"17-\"", NULL, false, true, false},
        {"another", "\"170\"", NULL, false, true, false},
        {"zero, which is no version", "\"0\"", NULL, false, true, false},
        {"beyond", "\"18446744073709551615\"", NULL, false, true, false},
        {"weak", "W/\"17\"", NULL, false, true, false},
        {"weak where that counts", "W/\"17\"", NULL, true, true, true},
        {"of another server", "\"abc\"", NULL, false, true, false},
        {"leading zero", "\"017\"", NULL, false, true, false},
        {"empty tag", "\"\"", NULL, false, true, false},
        {"list", "\"0\", \"17\"", NULL, false, true, true},
        {"list without blanks", "\"x\",\"17\",W/\"1\"", NULL, false, true, true},
        {"trailing comma", "\"17\",", NULL, false, true, true},
        {"empty elements", ", ,\"17\" ,\t,", NULL, false, true, true},
        {"a comma in a tag", "\"a,17\", \"17\"", NULL, false, true, true},
        {"16 versions and a foreign tag", "\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\","
         "\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"17\",\"x\"", NULL, false, true, true},
        {"17 versions", "\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\","
         "\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"", NULL, false, false, false},
        {"two lines", "\"1\"", "\"17\"", false, true, true},
        {"any beside a tag", "*, \"17\"", NULL, false, false, false},
        {"any before a line", "*", "\"17\"", false, false, false},
        {"any after a line", "\"17\"", "*", false, false, false},
        {"nothing", "", NULL, false, false, false},
        {"commas alone", ",,", NULL, false, false, false},
        {"without quotes", "17", NULL, false, false, false},
        {"one quote", "\"", NULL, false, false, false},
        {"without an end", "\"1\", \"17", NULL, false, false, false},
        {"weak alone", "W/", NULL, false, false, false},
        {"weak in small", "w/\"17\"", NULL, false, false, false},
        {"without a comma", "\"1\" \"17\"", NULL, false, false, false},
        {"between tags", "\"1\"17\"2\"", NULL, false, false, false},
    };
    (void)state;
    for (size_t i = 0; i < array_len(vectors); i++) {
        struct version_list list = {0};
        bool weak = vectors[i].weak_counts;
        bool good = header_version_list(slice_of(vectors[i].first), weak, &list);
        if (good && vectors[i].second != NULL)
            good = header_version_list(slice_of(vectors[i].second), weak, &list);
        expect_good(vectors[i].name, good, vectors[i].good);
        if (good)
            expect_good(vectors[i].name, version_list_has(&list, 17), vectors[i].has_17);
    }
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
        cmocka_unit_test(host_name),
        cmocka_unit_test(accept_encoding),
        cmocka_unit_test(accept),
        cmocka_unit_test(idempotency_key),
        cmocka_unit_test(entity_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
