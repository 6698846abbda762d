/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of the ledger: each filter by itself, the boundaries of times, pages that continue. */
#include "tests/unit/ledger_fixture.h"

#include "actors/common/cursor.h"

#define PENDING TRANSFER_FLAGS_PENDING
#define MADE_MAX 8

/* --- transfers -------------------------------------------------------------------------------- */

/* Transfers between 1 and 2 that differ in all that lists filter by; `recorded`: of each. */
static void given_different_transfers(struct bank *b, uint64_t *recorded)
{
    given_two_accounts(b);
    struct transfer_spec specs[] = {
        spec_of(10, 1, 2, 1), spec_of(11, 1, 2, 2), spec_of(12, 2, 1, 3), spec_of(13, 1, 2, 4)};
    specs[0].has_user_data_128 = true, specs[0].user_data_128 = 70;
    specs[1].has_user_data_64 = true, specs[1].user_data_64 = 71;
    specs[1].flags = PENDING;
    specs[2].has_user_data_32 = true, specs[2].user_data_32 = 72;
    specs[2].code = 9;
    specs[3].has_effective_time = true;
    specs[3].effective_time = show(b, 2).opened_time + 1;
    for (size_t i = 0; i < array_len(specs); i++) {
        bank_wait(b, NS_PER_S);
        given_transfer(b, specs[i]);
        recorded[i] = show_transfer(b, specs[i].id).recorded_time;
    }
}

/* The list has exactly these, the newest first: bit n is the transfer 10 + n. */
static void expect_transfers(struct bank *b, struct transfers_list q, uint32_t wanted)
{
    for (int by_account = 0; by_account < 2; by_account++) {
        struct transfer_page page;
        uint32_t seen = 0;
        q.has_account_id = by_account == 1;
        q.account_id = id_of(1);
        assert_int_equal(bank_ask(b, teller(), &transfers_list_type, &q), RESULT_OK);
        bank_reply(b, &transfer_page_type, &page);
        for (uint32_t i = 0; i < page.transfers_count; i++)
            seen |= 1u << ((page.transfers[i].transfer_id.lo >> 16) - 10);
        assert_int_equal(seen, wanted);
        assert_int_equal(page.transfers_count, __builtin_popcount(wanted));
        assert_false(page.has_next_cursor);
    }
}

static void test_each_filter_of_transfers_keeps_its_own(void **state)
{
    struct bank *b = *state;
    uint64_t at[MADE_MAX];
    given_different_transfers(b, at);
    uint64_t early = show(b, 2).opened_time + 1;
    const struct {
        struct transfers_list q;
        uint32_t wanted;
    } cases[] = {
        {{0}, 0xf},
        {{.has_code = true, .code = 9}, 0x4},
        {{.has_code = true, .code = 1}, 0xb},
        {{.has_status = true, .status = TRANSFER_STATUS_PENDING}, 0x2},
        {{.has_status = true, .status = TRANSFER_STATUS_POSTED}, 0xd},
        {{.has_flags = true, .flags = PENDING}, 0x2},
        {{.has_flags = true, .flags = PENDING | TRANSFER_FLAGS_LINKED}, 0},
        {{.has_flags = true, .flags = 0}, 0xf},
        {{.code = 77, .status = 77, .flags = 77, .user_data_128 = 7, .user_data_64 = 7,
          .user_data_32 = 7, .effective_from = UINT64_MAX, .from = UINT64_MAX, .to = 1,
          .effective_to = 1, .transaction_id = {7, 7}},
         0xf}, /* absent, whatever its bytes are */
        {{.has_user_data_128 = true, .user_data_128 = 70}, 0x1},
        {{.has_user_data_64 = true, .user_data_64 = 71}, 0x2},
        {{.has_user_data_32 = true, .user_data_32 = 72}, 0x4},
        {{.has_user_data_32 = true, .user_data_32 = 0}, 0xb},
        {{.has_from = true, .from = at[1]}, 0xe},
        {{.has_from = true, .from = at[1] + 1}, 0xc},
        {{.has_to = true, .to = at[2]}, 0x3},
        {{.has_to = true, .to = at[2] + 1}, 0x7},
        {{.has_effective_from = true, .effective_from = at[0]}, 0x7},
        {{.has_effective_from = true, .effective_from = at[0] + 1}, 0x6},
        {{.has_effective_to = true, .effective_to = early}, 0},
        {{.has_effective_to = true, .effective_to = early + 1}, 0x8},
    };
    for (size_t i = 0; i < array_len(cases); i++)
        expect_transfers(b, cases[i].q, cases[i].wanted);
}

/* All of a list by pages of this many: each once, the newest first. */
static void expect_pages(struct bank *b, struct principal who, struct transfers_list q,
                         uint16_t limit, uint64_t newest, uint32_t count)
{
    struct transfer_page page;
    uint32_t seen = 0;
    q.has_limit = true;
    q.limit = limit;
    do {
        assert_int_equal(bank_ask(b, who, &transfers_list_type, &q), RESULT_OK);
        bank_reply(b, &transfer_page_type, &page);
        assert_true(page.transfers_count <= limit);
        for (uint32_t i = 0; i < page.transfers_count; i++, seen++)
            assert_true(id128_equal(page.transfers[i].transfer_id, id_of(newest - seen)));
        assert_int_equal(page.has_next_cursor, seen < count);
        q.has_cursor = page.has_next_cursor;
        q.cursor = page.next_cursor;
    } while (q.has_cursor);
    assert_int_equal(seen, count);
}

static void test_pages_of_transfers_continue_for_everyone(void **state)
{
    struct bank *b = *state;
    struct principal operator = teller();
    operator.operator = true;
    given_two_accounts(b);
    for (uint64_t i = 0; i < 7; i++)
        given_transfer(b, spec_of(10 + i, 1, 2, 1 + i));
    const struct transfers_list of_tenant = {0},
                                of_account = {.has_account_id = true, .account_id = id_of(2)};
    for (uint16_t limit = 2; limit <= 8; limit++) {
        expect_pages(b, teller(), of_tenant, limit, 16, 7);
        expect_pages(b, operator, of_tenant, limit, 16, 7);
    }
    for (uint16_t limit = 2; limit <= 6; limit++) /* the opening is an entry too */
        expect_pages(b, teller(), of_account, limit, 16, 7);
}

/* Every tenant's, by one who may see them: the tenant is part of where a page ends. */
static void test_pages_of_transfers_continue_in_the_next_tenant(void **state)
{
    struct bank *b = *state;
    struct principal other = someone("other", "teller"), operator = teller();
    operator.operator = true;
    given_two_accounts(b);
    for (uint64_t n = 3; n <= 4; n++)
        assert_int_equal(
            open_as(b, other, (struct account_spec){.id = id_of(n), .currency = USD, .code = 1}),
            RESULT_OK);
    for (uint64_t i = 0; i < 6; i++)
        assert_int_equal(transfer_as(b, i % 2 == 0 ? teller() : other,
                                     i % 2 == 0 ? spec_of(10 + i, 1, 2, 1)
                                                : spec_of(10 + i, 3, 4, 1)),
                         RESULT_OK);
    struct transfers_list q = {.has_limit = true, .limit = 1};
    struct transfer_page page;
    uint32_t seen = 0, count = 0;
    do {
        assert_int_equal(bank_ask(b, operator, &transfers_list_type, &q), RESULT_OK);
        bank_reply(b, &transfer_page_type, &page);
        assert_int_equal(page.transfers_count, 1);
        seen |= 1u << ((page.transfers[0].transfer_id.lo >> 16) - 10);
        count++;
        q.has_cursor = page.has_next_cursor;
        q.cursor = page.next_cursor;
    } while (q.has_cursor && count < 10);
    assert_int_equal(count, 6);
    assert_int_equal(seen, 0x3f);
}

/* Of another list, cut, or with something behind it. */
static void test_a_cursor_is_whole_and_of_its_list(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    for (uint64_t i = 0; i < 3; i++)
        given_transfer(b, spec_of(10 + i, 1, 2, 1));
    struct accounts_list q = {.has_limit = true, .limit = 1};
    struct account_page page;
    char bytes[64] = {0};
    assert_int_equal(bank_ask(b, teller(), &accounts_list_type, &q), RESULT_OK);
    bank_reply(b, &account_page_type, &page);
    uint32_t len = page.next_cursor.len;
    memcpy(bytes, page.next_cursor.data, len);
    q.has_cursor = true;
    for (uint32_t n = 0; n <= len + 1; n++) {
        q.cursor = (struct slice){bytes, n};
        assert_int_equal(bank_ask(b, teller(), &accounts_list_type, &q),
                         n == len ? RESULT_OK : RESULT_INVALID_CURSOR);
    }
    struct account_entries entries = {
        .account_id = id_of(1), .has_cursor = true, .cursor = {bytes, len}};
    assert_int_equal(bank_ask(b, teller(), &account_entries_type, &entries),
                     RESULT_CURSOR_OF_OTHER_LIST);
}

/* One that somebody made up, with a version that no account reaches. */
static void test_a_cursor_beyond_all_versions_is_none(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct cursor forged;
    struct account_entries q = {.account_id = id_of(1)};
    const struct message m = {.type = &account_entries_type, .body = &q, .who = teller()};
    const uint64_t version = (uint64_t)INT64_MAX + 1;
    cursor_make(&forged, &m, PAGE_ENTRIES, &version, 1);
    q.has_cursor = true;
    q.cursor = (struct slice){(const char *)forged.bytes, forged.len};
    assert_int_equal(bank_ask(b, teller(), &account_entries_type, &q), RESULT_INVALID_CURSOR);
}

/* --- accounts --------------------------------------------------------------------------------- */

static void expect_accounts(struct bank *b, struct accounts_list q, uint32_t wanted)
{
    struct account_page page;
    uint32_t seen = 0;
    assert_int_equal(bank_ask(b, teller(), &accounts_list_type, &q), RESULT_OK);
    bank_reply(b, &account_page_type, &page);
    for (uint32_t i = 0; i < page.accounts_count; i++)
        seen |= 1u << (page.accounts[i].account_id.lo >> 16);
    assert_int_equal(seen, wanted);
    assert_int_equal(page.accounts_count, __builtin_popcount(wanted));
}

static void test_each_filter_of_accounts_keeps_its_own(void **state)
{
    struct bank *b = *state;
    const struct account_spec specs[] = {
        {.id = id_of(1), .currency = USD, .code = 100},
        {.id = id_of(2), .currency = EUR, .code = 100},
        {.id = id_of(3), .currency = USD, .code = 7},
        {.id = id_of(4), .currency = USD, .code = 100, .user_data_64 = 64},
    };
    for (size_t i = 0; i < array_len(specs); i++)
        assert_int_equal(open_as(b, teller(), specs[i]), RESULT_OK);
    freeze(b, 1, FREEZE_MODE_BOTH);
    given_transfer(b, spec_of(10, 3, 4, 5));
    given_transfer(b, with_flags(spec_of(11, 3, 4, 6), PENDING));
    expect_accounts(b, (struct accounts_list){0}, 0x1e);
    expect_accounts(b,
                    (struct accounts_list){
                        .currency = EUR, .code = 7, .user_data_64 = 64, .status = 77},
                    0x1e); /* absent */
    expect_accounts(b, (struct accounts_list){.has_currency = true, .currency = EUR}, 0x4);
    expect_accounts(b, (struct accounts_list){.has_code = true, .code = 7}, 0x8);
    expect_accounts(b, (struct accounts_list){.has_user_data_64 = true, .user_data_64 = 64}, 0x10);
    expect_accounts(b, (struct accounts_list){.has_status = true, .status = ACCOUNT_STATUS_FROZEN},
                    0x2);
    struct accounts_list q = {.has_code = true, .code = 7};
    struct account_page page;
    assert_int_equal(bank_ask(b, teller(), &accounts_list_type, &q), RESULT_OK);
    bank_reply(b, &account_page_type, &page);
    assert_true(page.accounts[0].debits_posted == 5 && page.accounts[0].credits_posted == 0);
    assert_true(page.accounts[0].debits_pending == 6 && page.accounts[0].credits_pending == 0);
    assert_int_equal(page.accounts[0].version, 3);
    assert_false(page.accounts[0].has_tenant_id);
}

/* --- entries ---------------------------------------------------------------------------------- */

/* Exactly these versions of account 1, the newest first. */
static void expect_entries(struct bank *b, struct account_entries q, uint64_t newest,
                           uint64_t oldest)
{
    struct entry_page page;
    q.account_id = id_of(1);
    assert_int_equal(bank_ask(b, teller(), &account_entries_type, &q), RESULT_OK);
    bank_reply(b, &entry_page_type, &page);
    assert_int_equal(page.entries_count, newest == 0 ? 0 : newest - oldest + 1);
    for (uint32_t i = 0; i < page.entries_count; i++)
        assert_int_equal(page.entries[i].version, newest - i);
    assert_false(page.has_next_cursor);
}

static void test_entries_between_two_times(void **state)
{
    struct bank *b = *state;
    uint64_t at[MADE_MAX];
    given_different_transfers(b, at); /* the versions 2 to 5 */
    expect_entries(b, (struct account_entries){0}, 5, 1);
    expect_entries(b,
                   (struct account_entries){
                       .from = UINT64_MAX, .to = 1, .code = 77, .direction = 77},
                   5, 1); /* absent */
    expect_entries(b, (struct account_entries){.has_from = true, .from = at[1]}, 5, 3);
    expect_entries(b, (struct account_entries){.has_from = true, .from = at[1] + 1}, 5, 4);
    expect_entries(b, (struct account_entries){.has_to = true, .to = at[2]}, 3, 1);
    expect_entries(b, (struct account_entries){.has_to = true, .to = at[2] + 1}, 4, 1);
    expect_entries(b, (struct account_entries){.has_to = true, .to = at[3] + 1}, 5, 1);
    expect_entries(b,
                   (struct account_entries){
                       .has_from = true, .from = at[0], .has_to = true, .to = at[2]},
                   3, 2);
    for (uint64_t to = 0; to < 2; to++)
        expect_entries(b, (struct account_entries){.has_to = true, .to = to}, 0, 0);
    expect_entries(b, (struct account_entries){.has_code = true, .code = 9}, 4, 4);
    expect_entries(b,
                   (struct account_entries){.has_direction = true,
                                            .direction = ENTRY_DIRECTION_CREDIT},
                   4, 4);
}

/* An account's transactions are what moved money, not what is held or was only changed. */
static void test_transactions_are_entries_that_moved_money(void **state)
{
    struct bank *b = *state;
    uint64_t at[MADE_MAX];
    given_different_transfers(b, at);
    given_transfer(b, resolving(14, 11, WHOLE, TRANSFER_FLAGS_POST_PENDING));
    freeze(b, 1, FREEZE_MODE_BOTH);
    const struct {
        uint64_t transfer, amount;
        uint8_t type;
    } lines[] = {{14, 2, ENTRY_TYPE_DEBIT},
                 {13, 4, ENTRY_TYPE_DEBIT},
                 {12, 3, ENTRY_TYPE_CREDIT},
                 {10, 1, ENTRY_TYPE_DEBIT}};
    struct account_transactions q = {.account_id = id_of(1)};
    struct transaction_page page;
    assert_int_equal(bank_ask(b, teller(), &account_transactions_type, &q), RESULT_OK);
    bank_reply(b, &transaction_page_type, &page);
    assert_int_equal(page.transactions_count, array_len(lines));
    for (size_t i = 0; i < array_len(lines); i++) {
        const struct transaction_line *line = &page.transactions[i];
        assert_true(id128_equal(line->transfer_id, id_of(lines[i].transfer)));
        assert_true(id128_equal(line->account_id, id_of(1)));
        assert_true(line->amount == lines[i].amount);
        assert_int_equal(line->type, lines[i].type);
        assert_int_equal(line->currency, USD);
    }
    assert_int_equal(page.transactions[2].timestamp, at[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(test_each_filter_of_transfers_keeps_its_own),
        LEDGER_TEST(test_pages_of_transfers_continue_for_everyone),
        LEDGER_TEST(test_pages_of_transfers_continue_in_the_next_tenant),
        LEDGER_TEST(test_a_cursor_is_whole_and_of_its_list),
        LEDGER_TEST(test_a_cursor_beyond_all_versions_is_none),
        LEDGER_TEST(test_each_filter_of_accounts_keeps_its_own),
        LEDGER_TEST(test_entries_between_two_times),
        LEDGER_TEST(test_transactions_are_entries_that_moved_money),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
