/* SPDX-License-Identifier: Apache-2.0 */
/* Instants to and from RFC 3339. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "runtime/base/rng.h"
#include "runtime/base/time.h"
#include "schemas/instant.h"


static void known_instants_match_their_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.000000001Z", 1},
        {"1970-03-01T00:00:00Z", (uint64_t)59 * 86400 * NS_PER_S},
        {"2000-02-29T23:59:59.123Z", (uint64_t)951868799 * NS_PER_S + 123000000},
        {"2024-02-29T12:00:00.000500Z", (uint64_t)1709208000 * NS_PER_S + 500000},
        {"2026-12-31T23:59:59Z", (uint64_t)1798761599 * NS_PER_S},
        {"2100-03-01T00:00:00Z", (uint64_t)4107542400 * NS_PER_S},
        {"2554-07-21T23:34:33.709551615Z", UINT64_MAX},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        char text[INSTANT_TEXT_MAX];
        uint64_t ns = 1;
        assert_int_equal(instant_text(cases[i].ns, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
        assert_int_equal(instant_parse(cases[i].text, strlen(cases[i].text), &ns), INSTANT_THERE);
        assert_true(ns == cases[i].ns);
    }
}

static void fewer_decimals_mean_the_same(void **state)
{
    (void)state;
    uint64_t a, b;
    assert_int_equal(instant_parse("2026-01-31T12:00:00.5Z", 22, &a), INSTANT_THERE);
    assert_int_equal(instant_parse("2026-01-31T12:00:00.500000000Z", 30, &b), INSTANT_THERE);
    assert_true(a == b && a % NS_PER_S == 500000000);
}

static void an_offset_names_the_same_instant(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "2026-01-31T12:00:00.5+00:00", "2026-01-31T12:00:00.5-00:00", "2026-01-31T14:00:00.5+02:00",
        "2026-02-01T11:59:00.500000000+23:59", "2026-01-30T12:01:00.500-23:59",
        "2026-01-31t12:00:00.5z",
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        uint64_t ns = 0;
        assert_int_equal(instant_parse(cases[i], strlen(cases[i]), &ns), INSTANT_THERE);
        assert_true(ns == (uint64_t)1769860800 * NS_PER_S + 500000000);
    }
    uint64_t ns = 1;
    assert_int_equal(instant_parse("1970-01-01T01:00:00+01:00", 25, &ns), INSTANT_THERE);
    assert_int_equal(ns, 0);
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "Z",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+01:60",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00 02:00",
        "2026-01-31T12:00:00+0200",
        "2026-01-31T12:00:00+02",
        "2026-01-31T12:00:+02:00",
        "2026-01-31T12:00:00Z+01:00",
        "2026-02-29T12:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-04-31T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-00-01T12:00:00Z",
        "2026-01-00T12:00:00Z",
        "2026-01-32T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-12-30T23:59:60Z",
        "2026-12-31T23:58:60Z",
        "2026-12-31T22:59:60Z",
        "2026-12-31T23:59:60+01:00",
        "2026-12-31T23:59:61Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00.1234567890",
        "2026-01-31T12:00:00.12345678901x2Z",
        "2026-01-31T12:00:00,5Z",
        "2026-01-31T12:00:00.5",
        "1900-02-29T12:00:00Z",
        "9999-13-01T00:00:00Z",
        "-026-01-31T12:00:00Z",
        "2026-1-31T12:00:000Z",
        "2026-01-31T12:00:0xZ",
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        uint64_t ns;
        assert_int_equal(instant_parse(cases[i], strlen(cases[i]), &ns), INSTANT_NONE);
    }
}

static void a_time_that_cannot_be_held_is_told_from_none(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "1969-12-31T23:59:59Z",           "1970-01-01T00:00:00+00:01", "1969-12-31T23:59:60Z",
        "2554-07-21T23:34:33.709551616Z", "2554-07-21T23:34:34Z",      "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:60Z",           "0000-01-01T00:00:00Z",      "0000-02-29T00:00:00Z",
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        uint64_t ns;
        assert_int_equal(instant_parse(cases[i], strlen(cases[i]), &ns), INSTANT_BEYOND);
    }
}

static void digits_after_the_ninth_are_cut(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "2026-01-31T12:00:00.123456789Z",
        "2026-01-31T12:00:00.1234567899Z",
        "2026-01-31T13:00:00.12345678999999999999999999999999999999+01:00",
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        uint64_t ns = 0;
        assert_int_equal(instant_parse(cases[i], strlen(cases[i]), &ns), INSTANT_THERE);
        assert_true(ns == (uint64_t)1769860800 * NS_PER_S + 123456789);
    }
}

static void a_leap_second_is_the_last_moment_before_it(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "2016-12-31T23:59:60Z",
        "2016-12-31T23:59:60.5Z",
        "2016-12-31T15:59:60.123-08:00",
        "2017-01-01T05:29:60+05:30",
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        uint64_t ns = 0;
        assert_int_equal(instant_parse(cases[i], strlen(cases[i]), &ns), INSTANT_THERE);
        assert_true(ns == (uint64_t)1483228800 * NS_PER_S - 1);
    }
}

static void every_instant_survives_and_agrees_with_the_library(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 7);
    for (int i = 0; i < 100000; i++) {
        char text[INSTANT_TEXT_MAX], expected[INSTANT_TEXT_MAX];
        uint64_t ns = rng_next(&r), back;
        size_t len = instant_text(ns, text);
        assert_int_equal(instant_parse(text, len, &back), INSTANT_THERE);
        assert_true(back == ns);
        struct tm tm;
        time_t seconds = (time_t)(ns / NS_PER_S);
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_int_equal(strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &tm), 19);
        assert_memory_equal(text, expected, 19);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_instants_match_their_text),
        cmocka_unit_test(fewer_decimals_mean_the_same),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(a_time_that_cannot_be_held_is_told_from_none),
        cmocka_unit_test(digits_after_the_ninth_are_cut),
        cmocka_unit_test(a_leap_second_is_the_last_moment_before_it),
        cmocka_unit_test(an_offset_names_the_same_instant),
        cmocka_unit_test(every_instant_survives_and_agrees_with_the_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
