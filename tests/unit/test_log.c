/* SPDX-License-Identifier: Apache-2.0 */
/* Log: every line is one JSON object of bounded length, whatever the values hold. */
#include "runtime/observe/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NOON 1738317600123456789u /* 2025-01-31T10:00:00.123456789Z */

static char line[LOG_LINE_MAX + 1];

static const char *formatted(struct log_field field)
{
    const struct log_field fields[] = {field, {0}};
    size_t len = log_format(line, NOON, LOG_LEVEL_WARN, "tested", fields);
    assert_in_range(len, 1, LOG_LINE_MAX);
    line[len] = '\0';
    return line;
}

static void expect_text(const char *value, const char *json)
{
    char want[256];
    snprintf(want, sizeof want,
             "{\"time\":\"2025-01-31T10:00:00.123456Z\",\"level\":\"warn\",\"event\":\"tested\","
             "\"v\":%s}\n", json);
    assert_string_equal(formatted(log_text("v", value)), want);
}

static void values_keep_their_types(void **state)
{
    (void)state;
    assert_non_null(strstr(formatted(log_uint("n", UINT64_MAX)), "\"n\":18446744073709551615}"));
    assert_non_null(strstr(formatted(log_int("n", INT64_MIN)), "\"n\":-9223372036854775808}"));
    assert_non_null(strstr(formatted(log_bool("b", true)), "\"b\":true}"));
    assert_non_null(strstr(formatted(log_id("id", (struct id128){0, 1})),
                           "\"id\":\"00000000000000000000000001\"}"));
    expect_text(NULL, "null");
    expect_text("", "\"\"");
}

static void nothing_breaks_out_of_a_value(void **state)
{
    (void)state;
    expect_text("a\"b\\c", "\"a\\\"b\\\\c\"");
    expect_text("x\r\n{\"level\":\"info\"}", "\"x\\u000d\\u000a{\\\"level\\\":\\\"info\\\"}\"");
    expect_text("\x1b[2J\x7f", "\"\\u001b[2J\\u007f\"");
    expect_text("\xc2\x9b", "\"\\u009b\"");                 /* the one-byte form of ESC [ */
    expect_text("\xe2\x80\xa8\xe2\x80\xae", "\"\\u2028\\u202e\"");
    expect_text("gr\xc3\xbc\xc3\x9f \xf0\x9f\x92\xb6", "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x92\xb6\"");
}

static void broken_utf8_is_replaced(void **state)
{
    (void)state;
    expect_text("\xff", "\"\\ufffd\"");
    expect_text("a\xc3", "\"a\\ufffd\"");                    /* ends too early */
    expect_text("\xc0\xaf", "\"\\ufffd\\ufffd\"");           /* overlong */
    expect_text("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""); /* surrogate */
    expect_text("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""); /* beyond Unicode */
    expect_text("\xc3(", "\"\\ufffd(\"");
}

static void a_long_value_is_cut_and_the_line_bounded(void **state)
{
    (void)state;
    char text[20000];
    memset(text, '\n', sizeof text);
    struct slice value = {text, sizeof text};
    assert_true(strlen(formatted(log_slice("v", value))) < LOG_TEXT_MAX + 200);
    const struct log_field fields[] = {log_slice("a", value), log_slice("b", value),
                                       log_slice("c", value), log_slice("d", value),
                                       log_uint("n", 7), {0}};
    size_t len = log_format(line, NOON, LOG_LEVEL_ERROR, "tested", fields);
    assert_in_range(len, 1, LOG_LINE_MAX);
    line[len] = '\0';
    assert_non_null(strstr(line, "\"c\":"));
    assert_null(strstr(line, "\"d\":"));
    assert_non_null(strstr(line, ",\"n\":7,\"cut\":true}\n"));
}

static uint32_t computed;

static uint64_t compute(void)
{
    return ++computed;
}

static void a_line_below_the_level_costs_nothing(void **state)
{
    (void)state;
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    struct log log;
    enum log_level level;
    assert_true(log_level_parse("warn", &level));
    assert_false(log_level_parse("loud", &level));
    log_init(&log, pipe_fds[1], level);
    LOG_INFO(&log, "quiet", log_uint("n", compute()));
    LOG_INFO((struct log *)NULL, "silent", log_uint("n", compute()));
    assert_int_equal(computed, 0);
    LOG_WARN(&log, "bare");
    LOG_ERROR(&log, "loud", log_uint("n", compute()), log_text("s", "x"));
    close(pipe_fds[1]);
    char got[1024];
    ssize_t len = read(pipe_fds[0], got, sizeof got - 1);
    assert_true(len > 0);
    got[len] = '\0';
    close(pipe_fds[0]);
    assert_null(strstr(got, "quiet"));
    assert_non_null(strstr(got, "\"level\":\"warn\",\"event\":\"bare\"}\n{\"time\""));
    assert_non_null(strstr(got, "\"level\":\"error\",\"event\":\"loud\",\"n\":1,\"s\":\"x\"}\n"));
}

static void a_line_that_cannot_be_written_is_counted(void **state)
{
    (void)state;
    struct log log;
    log_init(&log, -1, LOG_LEVEL_DEBUG);
    LOG_DEBUG(&log, "nowhere");
    assert_int_equal(atomic_load(&log.lost), 1);
}

static void nobody_waits_for_a_reader_that_does_not_read(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct log log;
    log_init(&log, ends[1], LOG_LEVEL_INFO);
    uint64_t told = 0;
    while (atomic_load(&log.lost) == 0 && told++ < 100000)
        LOG_INFO(&log, "told");
    assert_int_equal(atomic_load(&log.lost), 1);
    char got[65536];
    assert_true(read(ends[0], got, sizeof got) > 0);
    LOG_INFO(&log, "told again");
    assert_int_equal(atomic_load(&log.lost), 1);
    close(ends[0]);
    close(ends[1]);
}

static void repeated_lines_are_limited_and_counted(void **state)
{
    (void)state;
    struct log_limit limit = {.lines_max = 2, .window_ns = 1000};
    uint64_t suppressed = 99;
    uint64_t now = 5000;
    assert_true(log_limit_pass(&limit, now, &suppressed));
    assert_int_equal(suppressed, 0);
    assert_true(log_limit_pass(&limit, now + 1, &suppressed));
    for (int i = 0; i < 40; i++)
        assert_false(log_limit_pass(&limit, now + 2, &suppressed));
    assert_true(log_limit_pass(&limit, now + 1000, &suppressed));
    assert_int_equal(suppressed, 40);
    assert_true(log_limit_pass(&limit, now + 1001, &suppressed));
    assert_int_equal(suppressed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_keep_their_types),
        cmocka_unit_test(nothing_breaks_out_of_a_value),
        cmocka_unit_test(broken_utf8_is_replaced),
        cmocka_unit_test(a_long_value_is_cut_and_the_line_bounded),
        cmocka_unit_test(a_line_below_the_level_costs_nothing),
        cmocka_unit_test(a_line_that_cannot_be_written_is_counted),
        cmocka_unit_test(nobody_waits_for_a_reader_that_does_not_read),
        cmocka_unit_test(repeated_lines_are_limited_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
