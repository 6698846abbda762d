/* SPDX-License-Identifier: Apache-2.0 */
/* A list as a table: what a program reads back, and what a spreadsheet must not do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway_bridge/csv.h"
#include "runtime/base/arena.h"
#include "schemas/json_writer.h"
#include "schemas/ledger.h"

#define HEADER                                                                                     \
    "transfer_id,timestamp,value_date,type,amount,currency,balance,balance_side,"                  \
    "counterparty_id,code,description\r\n"

static const struct route_table lines = {"lines", &statement_line_json};

struct table {
    struct arena arena;
    struct json_writer body;
    bool made;
};

static struct table given_answer(const char *json)
{
    struct table t = {.made = false};
    arena_init(&t.arena, 1 << 20);
    json_writer_init(&t.body, 1 << 20);
    json_put_raw(&t.body, json, strlen(json));
    t.made = csv_write(&lines, &t.arena, &t.body);
    return t;
}

static void expect_table(const char *json, const char *text)
{
    struct table t = given_answer(json);
    assert_true(t.made);
    struct slice written = json_written(&t.body);
    assert_int_equal(written.len, strlen(text));
    assert_memory_equal(written.data, text, written.len);
    json_writer_done(&t.body);
    arena_done(&t.arena);
}

static void a_list_becomes_lines_under_the_names_of_the_columns(void **state)
{
    (void)state;
    expect_table("{\"lines\":[]}", HEADER);
    expect_table(
        "{\"account_id\":\"acc_1\",\"lines\":[{\"transfer_id\":\"trf_1\",\"amount\":\"10.50\","
        "\"code\":7},{\"code\":8,\"description\":null,\"type\":\"debit\"}]}",
        HEADER "trf_1,,,,10.50,,,,,7,\r\n,,,debit,,,,,,8,\r\n");
    expect_table("{\"lines\":[{\"amount\":10.50}]}", HEADER ",,,,10.50,,,,,,\r\n");
}

static void a_text_stays_one_cell(void **state)
{
    static const char *const texts[][2] = {
        {"a, b", "\"a, b\""},
        {"say \\\"x\\\"", "\"say \"\"x\"\"\""},
        {"two\\r\\nlines", "\"two\r\nlines\""},
        {"\\u00e4 b", "\xc3\xa4 b"},
    };
    (void)state;
    for (size_t i = 0; i < array_len(texts); i++) {
        char json[256], text[256];
        snprintf(json, sizeof json, "{\"lines\":[{\"description\":\"%s\"}]}", texts[i][0]);
        snprintf(text, sizeof text, HEADER ",,,,,,,,,,%s\r\n", texts[i][1]);
        expect_table(json, text);
    }
}

static void a_text_is_never_a_formula(void **state)
{
    static const char *const texts[][2] = {
        {"=1+1", "'=1+1"},  {"+1", "'+1"},          {"-1", "'-1"},  {"@sum", "'@sum"},
        {"\\t=1", "'\t=1"}, {"\\r=1", "\"'\r=1\""}, {"1=1", "1=1"},
    };
    (void)state;
    for (size_t i = 0; i < array_len(texts); i++) {
        char json[256], text[256];
        snprintf(json, sizeof json, "{\"lines\":[{\"description\":\"%s\"}]}", texts[i][0]);
        snprintf(text, sizeof text, HEADER ",,,,,,,,,,%s\r\n", texts[i][1]);
        expect_table(json, text);
    }
}

static void what_has_no_such_list_is_no_table(void **state)
{
    static const char *const answers[] = {"", "{}", "[]", "{\"lines\":1}", "{\"others\":[]}"};
    (void)state;
    for (size_t i = 0; i < array_len(answers); i++) {
        struct table t = given_answer(answers[i]);
        assert_false(t.made);
        json_writer_done(&t.body);
        arena_done(&t.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_becomes_lines_under_the_names_of_the_columns),
        cmocka_unit_test(a_text_stays_one_cell),
        cmocka_unit_test(a_text_is_never_a_formula),
        cmocka_unit_test(what_has_no_such_list_is_no_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
