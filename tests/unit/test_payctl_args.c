/* SPDX-License-Identifier: Apache-2.0 */
/* payctl's command line: what is understood, what is refused and with which words; and the rows of
 * an import. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include "bin/payctl/payctl_args.h"
#include "bin/payctl/payctl_import_csv.h"

static const struct command_option fund_options[] = {
    {"wallet_id", "wal_...", "The wallet.", true, true},
    {"amount", "decimal", "How much.", true, true},
    {"currency", "code like USD", "Its currency.", false, true},
    {"final", "bool", "A switch.", false, false},
    {"metadata", "key=value", "Pairs.", false, false},
};

static const struct payctl_command commands[] = {
    {{.name = "wallets fund", .options = fund_options, .option_count = 5}, NULL},
    {{.name = "wallets list"}, NULL},
    {{.name = "ping"}, NULL},
    {{.name = "help"}, NULL},
};

static const char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

static const char *an_environment(const char *name)
{
    return strcmp(name, "PAYCTL_SOCKET") == 0 ? "/run/payd.sock" : "acme";
}

#define WORDS_MAX 16

/* Splits at blanks and parses; `error` is empty if that went well. */
static struct payctl_args parse_with(const char *(*environment)(const char *), const char *line,
                                     char error[PAYCTL_ERROR_MAX])
{
    static char text[256]; /* the arguments point into it */
    char *words[WORDS_MAX] = {text};
    struct payctl_args a;
    int count = 1;
    assert_true(strlen(line) < sizeof text);
    memcpy(text, line, strlen(line) + 1);
    char *rest = text, *word;
    while ((word = strsep(&rest, " ")) != NULL)
        words[count++] = word;
    error[0] = '\0';
    bool good = payctl_args_parse(&a, commands, array_len(commands), count, words, environment,
                                  error);
    assert_int_equal(good, error[0] == '\0');
    return a;
}

static struct payctl_args parse(const char *line)
{
    char error[PAYCTL_ERROR_MAX];
    struct payctl_args a = parse_with(no_environment, line, error);
    assert_string_equal(error, "");
    return a;
}

static void assert_refused(const char *line, const char *with)
{
    char error[PAYCTL_ERROR_MAX];
    (void)parse_with(no_environment, line, error);
    if (strstr(error, with) == NULL)
        fail_msg("%s: \"%s\" lacks \"%s\"", line, error, with);
}

static void test_words_fill_what_is_required(void **state)
{
    (void)state;
    struct payctl_args a = parse("wallets fund wal_1 10.50 --currency USD");
    assert_ptr_equal(a.command, &commands[0]);
    assert_string_equal(payctl_args_value(&a, "wallet_id"), "wal_1");
    assert_string_equal(payctl_args_value(&a, "amount"), "10.50");
    assert_string_equal(payctl_args_value(&a, "currency"), "USD");
    assert_null(payctl_args_value(&a, "final"));
    assert_null(payctl_args_value(&a, "nothing"));
}

static void test_words_fill_optional_arguments_in_their_order(void **state)
{
    (void)state;
    struct payctl_args a = parse("wallets fund wal_1 10.50 USD");
    assert_string_equal(payctl_args_value(&a, "currency"), "USD");
    a = parse("wallets fund --amount 1 wal_1 USD");
    assert_string_equal(payctl_args_value(&a, "currency"), "USD");
}

static void test_options_come_in_any_order_and_form(void **state)
{
    (void)state;
    struct payctl_args a = parse("wallets fund --amount=10.50 --final --wallet-id wal_1 --json");
    assert_string_equal(payctl_args_value(&a, "wallet_id"), "wal_1");
    assert_string_equal(payctl_args_value(&a, "amount"), "10.50");
    assert_string_equal(payctl_args_value(&a, "final"), "true");
    assert_true(a.json);
    a = parse("wallets fund --final=false wal_1 --amount 1");
    assert_string_equal(payctl_args_value(&a, "final"), "false");
    a = parse("wallets fund wal_1 -- --5");
    assert_string_equal(payctl_args_value(&a, "amount"), "--5");
}

static void test_globals_and_environment(void **state)
{
    (void)state;
    char error[PAYCTL_ERROR_MAX];
    struct payctl_args a = parse("--timeout 5 ping --no-color --key k1");
    assert_int_equal(a.timeout_ms, 5000);
    assert_true(a.no_color);
    assert_string_equal(a.key, "k1");
    assert_string_equal(a.socket, PAYCTL_SOCKET);
    assert_null(a.tenant);
    a = parse_with(an_environment, "ping", error);
    assert_string_equal(a.socket, "/run/payd.sock");
    assert_string_equal(a.tenant, "acme");
    a = parse_with(an_environment, "ping --socket here --tenant other", error);
    assert_string_equal(a.socket, "here");
    assert_string_equal(a.tenant, "other");
}

static void test_help_needs_nothing_else(void **state)
{
    (void)state;
    assert_true(parse("wallets fund --help").help);
    assert_true(parse("-h").help);
    assert_true(parse("--version").version);
    assert_null(parse("--json").command);
    assert_string_equal(parse("wallets --help").topic[0], "wallets");
    struct payctl_args a = parse("help wallets fund");
    assert_string_equal(a.topic[0], "wallets");
    assert_string_equal(a.topic[1], "fund");
}

static void test_pairs_add_up(void **state)
{
    (void)state;
    char error[PAYCTL_ERROR_MAX];
    struct payctl_args a = parse_with(
        no_environment, "wallets fund wal_1 1 --metadata a=1 --metadata=b=2 --metadata c=", error);
    assert_string_equal(error, "");
    assert_string_equal(a.pairs, "a=1\nb=2\nc=");
    assert_refused("wallets fund wal_1 1 --metadata a=1\nb=2", "has a line break");
    assert_refused("wallets fund wal_1 1 --metadata", "needs a value");
}

static void test_mistakes_are_named(void **state)
{
    (void)state;
    assert_refused("walets fund", "did you mean wallets fund?");
    assert_refused("wallets lst", "did you mean wallets list?");
    assert_refused("pong", "did you mean ping?");
    assert_refused("frobnicate", "see payctl help");
    assert_refused("wallets", "One of: fund, list");
    assert_refused("wallets fund", "needs --wallet-id (wal_...)");
    assert_refused("wallets fund wal_1", "needs --amount (decimal)");
    assert_refused("wallets fund wal_1 1 USD 2",
                   "does not take 2: it takes only <wallet-id> <amount> [currency]");
    assert_refused("wallets list 2", "it takes no such word");
    assert_refused("wallets fund wal_1 1 --amount 2", "--amount is given twice");
    assert_refused("wallets fund --curency USD", "did you mean --currency?");
    assert_refused("wallets fund --wallet-id", "needs a value");
    assert_refused("ping --jsn", "did you mean --json?");
    assert_refused("ping --json=yes", "--json takes no value");
    assert_refused("wallets fund wal_1 1 --final=yes", "--final must be true or false");
    assert_refused("-x ping", "there is no option -x");
    assert_refused("wallets xyzzyxyzzy", "after wallets comes one of: ");
    assert_refused("ping --socket=", "--socket must have 1 to 100 bytes");
    assert_refused("ping --timeout 0", "1 to 3600 seconds");
    assert_refused("ping --timeout -1", "1 to 3600 seconds");
    assert_refused("ping --timeout 5x", "1 to 3600 seconds");
    assert_refused("ping --key=", "--key must have 1 to 255 bytes");
    assert_refused("ping --tenant 0123456789012345678901234567890123456789012345678901234567890123"
                   "4", "--tenant must have at most 64 bytes");
}

/* --- rows of an import ------------------------------------------------------------------------ */

static struct csv_row row_of(const char *line)
{
    static char text[1024];
    struct csv_row row;
    assert_true(strlen(line) < sizeof text);
    memcpy(text, line, strlen(line) + 1);
    csv_parse(text, &row);
    return row;
}

static void assert_cell(const struct csv_row *row, uint32_t at, const char *text)
{
    assert_true(at < row->count);
    assert_true(slice_equal(row->cells[at], slice_of(text)));
}

static void test_rows_are_split(void **state)
{
    (void)state;
    struct csv_row row = row_of("a,,\"b, \"\"c\"\"\",d\r\n");
    assert_true(row.good);
    assert_int_equal(row.count, 4);
    assert_cell(&row, 0, "a");
    assert_cell(&row, 1, "");
    assert_cell(&row, 2, "b, \"c\"");
    assert_cell(&row, 3, "d");
    row = row_of("a,\n");
    assert_int_equal(row.count, 2);
    assert_cell(&row, 1, "");
}

static void test_wrong_rows_are_refused(void **state)
{
    (void)state;
    char many[CSV_CELLS_MAX + 2];
    assert_false(row_of("a,\"b\n").good);
    assert_false(row_of("\"a\"b,c\n").good);
    memset(many, ',', CSV_CELLS_MAX);
    many[CSV_CELLS_MAX] = '\0';
    assert_false(row_of(many).good);
    many[CSV_CELLS_MAX - 1] = '\0';
    assert_true(row_of(many).good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_fill_what_is_required),
        cmocka_unit_test(test_words_fill_optional_arguments_in_their_order),
        cmocka_unit_test(test_options_come_in_any_order_and_form),
        cmocka_unit_test(test_globals_and_environment),
        cmocka_unit_test(test_help_needs_nothing_else),
        cmocka_unit_test(test_pairs_add_up),
        cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_rows_are_split),
        cmocka_unit_test(test_wrong_rows_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
