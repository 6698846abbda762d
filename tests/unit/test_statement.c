/* SPDX-License-Identifier: Apache-2.0 */
/* Statements: what an account's owner is told of an interval, to the last cent. */
#include "tests/unit/ledger_fixture.h"

#include "actors/common/cursor.h"

#define MADE 5

/* What happens to account 1, a second apart; `recorded`: when. Three lines of 10 out, 4 in, 7 out;
 * before the last one 5 are held, which is no line, and 2 of them are posted as the last one. */
static void given_movements(struct bank *b, uint64_t recorded[MADE])
{
    struct transfer_spec specs[MADE] = {
        spec_of(10, 1, 2, 10),
        spec_of(11, 2, 1, 4),
        spec_of(12, 1, 2, 5),
        spec_of(13, 1, 2, 7),
        resolving(14, 12, 2, TRANSFER_FLAGS_POST_PENDING),
    };
    specs[2].flags = TRANSFER_FLAGS_PENDING;
    given_two_accounts(b);
    for (size_t i = 0; i < MADE; i++) {
        bank_wait(b, NS_PER_S);
        given_transfer(b, specs[i]);
        recorded[i] = show_transfer(b, specs[i].id).recorded_time;
    }
}

static uint16_t ask_statement(struct bank *b, struct account_statement q, struct statement *s)
{
    q.account_id = id_of(1);
    uint16_t code = bank_ask(b, teller(), &account_statement_type, &q);
    if (code == RESULT_OK)
        bank_reply(b, &statement_type, s);
    return code;
}

/* The statement has these of the four lines, from the first on, and adds up. */
static void expect_lines(struct bank *b, struct account_statement q, uint32_t first, uint32_t count)
{
    static const struct {
        uint64_t transfer, amount, balance;
        uint8_t type;
    } lines[] = {
        {10, 10, 10, ENTRY_TYPE_DEBIT},
        {11, 4, 6, ENTRY_TYPE_CREDIT},
        {13, 7, 13, ENTRY_TYPE_DEBIT},
        {14, 2, 15, ENTRY_TYPE_DEBIT},
    };
    struct statement s;
    u128 debits = 0, credits = 0;
    assert_int_equal(ask_statement(b, q, &s), RESULT_OK);
    assert_int_equal(s.lines_count, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct statement_line *line = &s.lines[i];
        assert_true(id128_equal(line->transfer_id, id_of(lines[first + i].transfer)));
        assert_true(id128_equal(line->counterparty_id, id_of(2)));
        assert_true(line->amount == lines[first + i].amount);
        assert_true(line->balance == lines[first + i].balance);
        assert_int_equal(line->balance_side, BALANCE_SIDE_DEBIT);
        assert_int_equal(line->type, lines[first + i].type);
        *(line->type == ENTRY_TYPE_DEBIT ? &debits : &credits) += line->amount;
    }
    assert_true(s.debits == debits && s.credits == credits);
    assert_true(s.opening_balance == (first == 0 ? 0 : lines[first - 1].balance));
    assert_true(s.closing_balance + credits == s.opening_balance + debits);
    assert_false(s.has_next_cursor);
}

static void test_lines_are_what_was_posted_and_add_up(void **state)
{
    struct bank *b = *state;
    uint64_t at[MADE];
    given_movements(b, at);
    const struct {
        struct account_statement q;
        uint32_t first, count;
    } cases[] = {
        {{.has_from = false}, 0, 4},
        {{.from = UINT64_MAX, .to = 1}, 0, 4}, /* absent, whatever its bytes are */
        {{.has_from = true, .from = at[0]}, 0, 4},
        {{.has_from = true, .from = at[0] + 1}, 1, 3},
        {{.has_from = true, .from = at[2]}, 2, 2},
        {{.has_to = true, .to = at[1]}, 0, 1},
        {{.has_to = true, .to = at[1] + 1}, 0, 2},
        {{.has_from = true, .from = at[1], .has_to = true, .to = at[3]}, 1, 1},
        {{.has_from = true, .from = at[3], .has_to = true, .to = at[3]}, 2, 0},
        {{.has_from = true, .from = at[4] + 1}, 4, 0},
        {{.has_from = true, .from = at[4] + 1, .has_to = true, .to = UINT64_MAX}, 4, 0},
        {{.has_to = true, .to = 0}, 0, 0},
    };
    for (size_t i = 0; i < array_len(cases); i++)
        expect_lines(b, cases[i].q, cases[i].first, cases[i].count);
}

static void test_a_line_has_its_words_and_the_day_that_it_counts_on(void **state)
{
    struct bank *b = *state;
    struct statement s;
    given_two_accounts(b);
    struct transfer_create rent = {.debit_account_id = id_of(1),
                                   .has_credit_account_id = true,
                                   .credit_account_id = id_of(2),
                                   .has_amount = true,
                                   .amount = 3,
                                   .currency = USD,
                                   .has_code = true,
                                   .code = 1,
                                   .has_description = true,
                                   .description = slice_of("rent")};
    assert_int_equal(bank_ask(b, teller(), &transfer_create_type, &rent), RESULT_OK);
    assert_int_equal(ask_statement(b, (struct account_statement){0}, &s), RESULT_OK);
    assert_int_equal(s.lines_count, 1);
    assert_true(slice_equal(s.lines[0].description, slice_of("rent")));
    assert_int_equal(s.lines[0].value_date.len, 10);
    assert_int_equal(s.lines[0].value_date.data[4], '-');
}

/* What is posted while somebody turns the pages is in none of them. */
static void test_all_pages_are_of_one_statement(void **state)
{
    struct bank *b = *state;
    uint64_t at[MADE];
    struct account_statement q = {.has_limit = true, .limit = 1};
    struct statement s;
    u128 debits = 0, credits = 0;
    uint32_t seen = 0;
    given_movements(b, at);
    do {
        assert_int_equal(ask_statement(b, q, &s), RESULT_OK);
        for (uint32_t i = 0; i < s.lines_count; i++, seen++)
            *(s.lines[i].type == ENTRY_TYPE_DEBIT ? &debits : &credits) += s.lines[i].amount;
        assert_true(s.opening_balance == 0 && s.closing_balance == 15);
        assert_true(s.debits == 19 && s.credits == 4);
        q.has_cursor = s.has_next_cursor;
        q.cursor = arena_copy(&b->arena, s.next_cursor);
        given_transfer(b, spec_of(20 + seen, 1, 2, 100));
    } while (q.has_cursor);
    assert_int_equal(seen, 4);
    assert_true(debits == 19 && credits == 4);
}

static void test_what_is_no_statement_is_refused(void **state)
{
    struct bank *b = *state;
    uint64_t at[MADE];
    struct statement s;
    given_movements(b, at);
    assert_int_equal(
        ask_statement(b, (struct account_statement){.has_from = true, .from = 2, .has_to = true,
                                                    .to = 1},
                      &s),
        RESULT_INTERVAL_BACKWARDS);
    struct account_statement q = {.account_id = id_of(3)};
    assert_int_equal(bank_ask(b, teller(), &account_statement_type, &q), RESULT_NOT_FOUND);
    q.account_id = id_of(1);
    struct principal stranger = teller();
    stranger.tenant_id.lo ^= 1;
    assert_int_equal(bank_ask(b, stranger, &account_statement_type, &q), RESULT_NOT_FOUND);
}

/* Made like one of the platform, but of no page. */
static void test_a_cursor_of_no_page_is_refused(void **state)
{
    struct bank *b = *state;
    uint64_t at[MADE];
    struct statement s;
    given_movements(b, at);
    static const uint64_t numbers[][2] = {{77, 2}, {2, 77}, {UINT64_MAX, 0}};
    for (size_t i = 0; i < array_len(numbers); i++) {
        struct account_statement q = {.account_id = id_of(1)};
        const struct principal who = teller();
        const struct message m = {.type = &account_statement_type, .body = &q, .who = who};
        struct cursor forged;
        cursor_make(&forged, &m, PAGE_STATEMENT, numbers[i], 2);
        q.has_cursor = true;
        q.cursor = (struct slice){(const char *)forged.bytes, forged.len};
        assert_int_equal(ask_statement(b, q, &s), RESULT_INVALID_CURSOR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(test_lines_are_what_was_posted_and_add_up),
        LEDGER_TEST(test_a_line_has_its_words_and_the_day_that_it_counts_on),
        LEDGER_TEST(test_all_pages_are_of_one_statement),
        LEDGER_TEST(test_what_is_no_statement_is_refused),
        LEDGER_TEST(test_a_cursor_of_no_page_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
