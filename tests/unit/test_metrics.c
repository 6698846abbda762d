/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: the page is what a scraper of the text format 0.0.4 accepts. */
#include "runtime/observe/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/base/check.h"
#include "runtime/base/time.h"
#include "runtime/observe/process.h"

/* Ends with NUL; strndup() would be taken for reading beyond a page that has none. */
static char *text_of(const struct metrics *m)
{
    char *text = calloc(1, m->len + 1);
    assert_non_null(text);
    memcpy(text, m->text, m->len);
    return text;
}

static void expect_page(struct metrics *m, const char *want)
{
    assert_false(m->failed);
    assert_int_equal(m->len, strlen(want));
    assert_memory_equal(m->text, want, m->len);
    metrics_done(m);
}

static void a_family_comes_before_its_samples(void **state)
{
    (void)state;
    struct metrics m;
    metrics_init(&m);
    metrics_family(&m, METRICS_COUNTER, "payd_turns_total", "Messages handled.");
    metrics_uint(&m, "payd_turns_total", 7, "shard", "0", "kind", "wallet");
    metrics_uint(&m, "payd_turns_total", UINT64_MAX, "shard", "1", "kind", "wallet");
    metrics_family(&m, METRICS_GAUGE, "up_seconds", "Time.");
    metrics_sample_seconds(&m, "up_seconds", 1000000001, (const char *const[]){NULL});
    expect_page(&m, "# HELP payd_turns_total Messages handled.\n"
                    "# TYPE payd_turns_total counter\n"
                    "payd_turns_total{shard=\"0\",kind=\"wallet\"} 7\n"
                    "payd_turns_total{shard=\"1\",kind=\"wallet\"} 18446744073709551615\n"
                    "# HELP up_seconds Time.\n"
                    "# TYPE up_seconds gauge\n"
                    "up_seconds 1.000000001\n");
}

static void label_values_are_escaped_and_bounded(void **state)
{
    (void)state;
    struct metrics m;
    metrics_init(&m);
    metrics_uint(&m, "a", 1, "b", "x\"y\\z\nnext 2");
    expect_page(&m, "a{b=\"x\\\"y\\\\z\\nnext 2\"} 1\n");
    char text[1000];
    memset(text, 'v', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    metrics_uint(&m, "a", 1, "b", text);
    assert_int_equal(m.len, METRICS_LABEL_MAX + strlen("a{b=\"\"} 1\n"));
    metrics_done(&m);
}

/* The number after the last blank of the line that begins so. */
static double sample(const char *page, const char *begin)
{
    const char *line = strstr(page, begin);
    assert_non_null(line);
    return strtod(strchr(line, ' ') + 1, NULL);
}

static void buckets_of_a_histogram_are_cumulative(void **state)
{
    (void)state;
    struct histogram h = {0};
    static const uint64_t values[] = {0, 1, 2, 3, 4, 5, 32768, 32769, 1000000};
    for (size_t i = 0; i < array_len(values); i++)
        histogram_add(&h, HISTOGRAM_BATCH_UNIT, values[i]);
    struct metrics m;
    metrics_init(&m);
    metrics_family(&m, METRICS_HISTOGRAM, "batch", "Records.");
    metrics_sample_histogram(&m, "batch", &h, HISTOGRAM_BATCH_UNIT, false,
                             METRICS_LABELS("shard", "0"));
    assert_false(m.failed);
    char *page = text_of(&m);
    assert_true(sample(page, "batch_bucket{shard=\"0\",le=\"1\"}") == 2);
    assert_true(sample(page, "batch_bucket{shard=\"0\",le=\"2\"}") == 3);
    assert_true(sample(page, "batch_bucket{shard=\"0\",le=\"4\"}") == 5);
    assert_true(sample(page, "batch_bucket{shard=\"0\",le=\"8\"}") == 6);
    assert_true(sample(page, "batch_bucket{shard=\"0\",le=\"32768\"}") == 7);
    assert_true(sample(page, "batch_bucket{shard=\"0\",le=\"+Inf\"}") == 9);
    assert_true(sample(page, "batch_count{shard=\"0\"}") == 9);
    assert_true(sample(page, "batch_sum{shard=\"0\"}") == 1065552);
    free(page);
    metrics_done(&m);
}

static void latencies_are_written_in_seconds(void **state)
{
    (void)state;
    struct histogram h = {0};
    histogram_add(&h, HISTOGRAM_LATENCY_UNIT, 250000);
    struct metrics m;
    metrics_init(&m);
    metrics_sample_histogram(&m, "commit_seconds", &h, HISTOGRAM_LATENCY_UNIT, true,
                             (const char *const[]){NULL});
    char *page = text_of(&m);
    assert_true(sample(page, "commit_seconds_bucket{le=\"0.000125000\"}") == 0);
    assert_true(sample(page, "commit_seconds_bucket{le=\"0.000250000\"}") == 1);
    assert_true(sample(page, "commit_seconds_bucket{le=\"2.048000000\"}") == 1);
    assert_non_null(strstr(page, "\ncommit_seconds_sum 0.000250000\n"));
    free(page);
    metrics_done(&m);
}

static void a_page_that_grows_too_long_fails(void **state)
{
    (void)state;
    struct metrics m;
    metrics_init(&m);
    while (!m.failed)
        metrics_uint(&m, "a_name", 1, "label", "value");
    assert_true(m.len <= METRICS_PAGE_MAX);
    size_t len = m.len;
    metrics_uint(&m, "a", 1, "b", "c");
    assert_int_equal(m.len, len);
    metrics_done(&m);
}

static void the_process_is_measured(void **state)
{
    (void)state;
    struct process_usage usage;
    process_get_usage(&usage);
    assert_true(usage.resident_bytes > 100000);
    assert_true(usage.open_fds >= 3 && usage.open_fds <= usage.fds_max);
    assert_true(usage.up_ns < NS_PER_HOUR);
    FILE *file = tmpfile();
    assert_non_null(file);
    uint64_t before = usage.open_fds;
    process_get_usage(&usage);
    assert_int_equal(usage.open_fds, before + 1);
    fclose(file);
}

/* Several readings agree on the start, as alerts about restarts need. */
static void the_start_does_not_move(void **state)
{
    (void)state;
    struct process_usage first, usage;
    process_get_usage(&first);
    assert_true(first.started_ns > UINT64_C(1600000000000000000));
    for (int i = 0; i < 20; i++) {
        process_get_usage(&usage);
        uint64_t apart = usage.started_ns > first.started_ns ? usage.started_ns - first.started_ns
                                                             : first.started_ns - usage.started_ns;
        assert_true(apart <= 10000000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_comes_before_its_samples),
        cmocka_unit_test(label_values_are_escaped_and_bounded),
        cmocka_unit_test(buckets_of_a_histogram_are_cumulative),
        cmocka_unit_test(latencies_are_written_in_seconds),
        cmocka_unit_test(a_page_that_grows_too_long_fails),
        cmocka_unit_test(the_process_is_measured),
        cmocka_unit_test(the_start_does_not_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
