/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger shows of its past: entries and their hash chain, balances as of either time,
 * lists with filters and cursors; and the stored form of states. */
#include "tests/unit/ledger_fixture.h"

#include "runtime/actor/registry_priv.h"
#include "runtime/base/time.h"

/* --- lists ------------------------------------------------------------------------------------ */

static void test_entries_form_a_chain(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    for (uint64_t i = 0; i < 5; i++)
        given_transfer(b, spec_of(10 + i, 1, 2, 1 + i));
    freeze(b, 1, FREEZE_MODE_CREDITS);
    struct account_entries q = {.account_id = id_of(1), .has_limit = true, .limit = 3};
    struct sha256_digest hashes[8] = {{{0}}};
    struct entries_row rows[8];
    uint32_t seen = 0;
    do {
        assert_int_equal(bank_ask(b, teller(), &account_entries_type, &q), RESULT_OK);
        struct entry_page page;
        bank_reply(b, &entry_page_type, &page);
        for (uint32_t i = 0; i < page.entries_count; i++, seen++) {
            const struct entry *e = &page.entries[i];
            assert_int_equal(e->version, 7 - seen);
            memcpy(hashes[e->version].bytes, e->hash.data, SHA256_SIZE);
            rows[e->version] = (struct entries_row){
                .account_id = e->account_id, .version = e->version, .kind = e->kind,
                .direction = e->direction, .transfer_id = e->transfer_id,
                .counterparty_id = e->counterparty_id, .amount = e->amount, .code = e->code,
                .debits_pending = e->debits_pending, .debits_posted = e->debits_posted,
                .credits_pending = e->credits_pending, .credits_posted = e->credits_posted,
                .effective_time = e->effective_time, .recorded_time = e->recorded_time};
        }
        q.has_cursor = page.has_next_cursor;
        q.cursor = page.next_cursor;
    } while (q.has_cursor);
    assert_int_equal(seen, 7);
    for (uint32_t v = 1; v <= 7; v++) {
        struct sha256_digest hash = entry_hash(&hashes[v - 1], &rows[v]);
        assert_memory_equal(hash.bytes, hashes[v].bytes, SHA256_SIZE);
    }
    struct account_transactions t = {.account_id = id_of(2)};
    assert_int_equal(bank_ask(b, teller(), &account_transactions_type, &t), RESULT_OK);
    struct transaction_page lines;
    bank_reply(b, &transaction_page_type, &lines);
    assert_int_equal(lines.transactions_count, 5);
    assert_int_equal(lines.transactions[0].type, ENTRY_TYPE_CREDIT);
    q.has_cursor = true;
    q.cursor = slice_of("nonsense");
    assert_int_equal(bank_ask(b, teller(), &account_entries_type, &q), RESULT_INVALID_CURSOR);
}

static struct account_balance account_at(struct bank *b, uint64_t n, uint64_t at,
                                         enum time_axis axis)
{
    struct account_balance_at q = {.account_id = id_of(n), .has_at = true, .at = at,
                                   .has_time = true, .time = (uint8_t)axis};
    assert_int_equal(bank_ask(b, teller(), &account_balance_at_type, &q), RESULT_OK);
    struct account_balance a;
    bank_reply(b, &account_balance_type, &a);
    return a;
}

static u128 balance_at(struct bank *b, uint64_t n, uint64_t at, enum time_axis axis)
{
    return account_at(b, n, at, axis).balance;
}

static void test_balance_as_of_either_time(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    uint64_t opened = show(b, 1).opened_time;
    bank_wait(b, 10 * NS_PER_S);
    given_transfer(b, spec_of(10, 1, 2, 100));
    uint64_t middle = show_transfer(b, id_of(10)).recorded_time + NS_PER_S;
    bank_wait(b, 10 * NS_PER_S);
    struct transfer_spec late = spec_of(11, 1, 2, 7);
    late.has_effective_time = true;
    late.effective_time = opened + 5 * NS_PER_S;
    given_transfer(b, late);
    uint64_t end = show_transfer(b, id_of(11)).recorded_time;
    assert_int_equal(account_at(b, 1, opened + 6 * NS_PER_S, TIME_AXIS_EFFECTIVE).version,
                     show(b, 1).version); /* the newest that counts, not the newest in time */
    assert_int_equal(account_at(b, 1, opened + 4 * NS_PER_S, TIME_AXIS_EFFECTIVE).version, 1);
    assert_true(balance_at(b, 1, opened + 6 * NS_PER_S, TIME_AXIS_EFFECTIVE) == 7);
    assert_true(balance_at(b, 1, opened + 6 * NS_PER_S, TIME_AXIS_RECORDED) == 0);
    assert_true(balance_at(b, 1, opened + 4 * NS_PER_S, TIME_AXIS_EFFECTIVE) == 0);
    assert_true(balance_at(b, 1, middle, TIME_AXIS_EFFECTIVE) == 107);
    assert_true(balance_at(b, 1, middle, TIME_AXIS_RECORDED) == 100);
    assert_true(balance_at(b, 1, end, TIME_AXIS_EFFECTIVE) == 107);
    assert_true(balance_at(b, 1, end, TIME_AXIS_RECORDED) == 107);
    assert_true(balance_at(b, 1, 1, TIME_AXIS_EFFECTIVE) == 0);
}

static void expect_by(bool has_by, struct slice by, const char *wanted)
{
    assert_true(has_by);
    assert_true(slice_equal(by, slice_of(wanted)));
}

/* Seen again after a restart, when all is read from the store. */
static void expect_attributed(struct bank *b)
{
    struct account_entries asked = {.account_id = id_of(1)};
    struct entry_page page;
    struct transfers_list transfers = {.has_account_id = true, .account_id = id_of(1)};
    struct transfer_page moved;
    const char *const by[] = {"system", "auditor", "teller", "teller", "ada", "teller"};
    assert_int_equal(bank_ask(b, teller(), &account_entries_type, &asked), RESULT_OK);
    bank_reply(b, &entry_page_type, &page);
    assert_int_equal(page.entries_count, array_len(by));
    for (size_t i = 0; i < array_len(by); i++)
        expect_by(page.entries[i].has_by, page.entries[i].by, by[i]);
    assert_true(slice_equal(page.entries[1].reason, slice_of("court order")));
    assert_int_equal(page.entries[1].flags, ACCOUNT_FLAGS_DEBITS_FROZEN);
    assert_true(page.entries[2].has_credit_balance_max &&
                page.entries[2].credit_balance_max == 500);
    assert_false(page.entries[0].has_client_id || page.entries[0].has_request_id);
    assert_true(slice_equal(page.entries[4].client_id, slice_of("ada")));
    assert_int_equal(bank_ask(b, teller(), &transfers_list_type, &transfers), RESULT_OK);
    bank_reply(b, &transfer_page_type, &moved);
    assert_int_equal(moved.transfers_count, 2);
    expect_by(moved.transfers[0].has_by, moved.transfers[0].by, "teller");
    expect_by(moved.transfers[1].has_by, moved.transfers[1].by, "ada");
    struct transfer_info shown = show_transfer(b, id_of(10));
    expect_by(shown.has_by, shown.by, "ada");
    expect_by(shown.has_request_id, shown.request_id, "req_01J9ZQ4Z6C8Y3N5T7V9X1B2D40");
    shown = show_transfer(b, id_of(11)); /* a pending one */
    expect_by(shown.has_by, shown.by, "teller");
}

/* No row refers to them, so nobody looks for who was refused. */
static void test_refusals_leave_no_row_of_who_asked(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    assert_int_equal(transfer_as(b, person("ada"), spec_of(10, 1, 2, 100)), RESULT_OK);
    struct transfer_info none;
    uint32_t before = bank_attribution_rows(b);
    b->key = 1;
    assert_int_equal(create_transfer(b, teller(), 1, 1, 100, &none),
                     RESULT_ACCOUNTS_MUST_BE_DIFFERENT);
    assert_int_equal(bank_attribution_rows(b), before);
    assert_int_equal(transfer_as(b, person("ada"), spec_of(12, 1, 2, 100)), RESULT_OK);
    assert_int_equal(bank_attribution_rows(b), before + 1);
}

static void test_histories_say_who_did_it_and_why(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    b->request_id = "req_01J9ZQ4Z6C8Y3N5T7V9X1B2D40";
    assert_int_equal(transfer_as(b, person("ada"), spec_of(10, 1, 2, 100)), RESULT_OK);
    b->request_id = NULL;
    struct transfer_spec pending = spec_of(11, 1, 2, 7);
    pending.flags = TRANSFER_FLAGS_PENDING;
    pending = with_timeout(pending, 5);
    given_transfer(b, pending);
    struct account_update limit = {.account_id = id_of(1),
                                   .has_credit_balance_max = true,
                                   .credit_balance_max = {.digits = 500, .scale = 2}};
    assert_int_equal(bank_ask(b, teller(), &account_update_type, &limit), RESULT_OK);
    struct account_freeze freeze = {.account_id = id_of(1),
                                    .has_mode = true,
                                    .mode = FREEZE_MODE_DEBITS,
                                    .has_reason = true,
                                    .reason = slice_of("court order")};
    assert_int_equal(bank_ask(b, person("auditor"), &account_freeze_type, &freeze), RESULT_OK);
    bank_wait(b, 10 * NS_PER_S);
    expect_attributed(b);
    bank_restart(b);
    expect_attributed(b);
}

static uint32_t listed_for(struct bank *b, struct principal who)
{
    struct accounts_list accounts = {.has_limit = true, .limit = 10};
    struct transfers_list transfers = {.has_limit = true, .limit = 10};
    struct account_page page;
    struct transfer_page moved;
    struct trial_balance totals;
    assert_int_equal(bank_ask(b, who, &accounts_list_type, &accounts), RESULT_OK);
    bank_reply(b, &account_page_type, &page);
    uint32_t count = page.accounts_count;
    assert_int_equal(bank_ask(b, who, &transfers_list_type, &transfers), RESULT_OK);
    bank_reply(b, &transfer_page_type, &moved);
    assert_int_equal(moved.transfers_count, count / 2); /* each has one between two accounts */
    assert_int_equal(bank_ask(b, who, &trial_balance_get_type, &(struct trial_balance_get){0}),
                     RESULT_OK);
    bank_reply(b, &trial_balance_type, &totals);
    assert_int_equal(totals.lines_count > 0 ? totals.lines[0].account_count : 0, count);
    return count;
}

static void test_an_operator_sees_one_tenant_or_all(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_transfer(b, spec_of(10, 1, 2, 100));
    struct principal other = someone("other", "teller"), operator = other;
    for (uint64_t n = 3; n <= 4; n++)
        (void)open_as(b, other,
                      (struct account_spec){.id = id_of(n), .currency = USD, .code = 1});
    (void)transfer_as(b, other, spec_of(11, 3, 4, 5));
    operator.operator = true;
    assert_int_equal(listed_for(b, teller()), 2);
    assert_int_equal(listed_for(b, operator), 4);
    operator.one_tenant = true;
    assert_int_equal(listed_for(b, operator), 2);
    operator.tenant_id = someone("nobody", "teller").tenant_id;
    assert_int_equal(listed_for(b, operator), 0);
}

static void test_lists_filter_and_continue(void **state)
{
    struct bank *b = *state;
    for (uint64_t n = 1; n <= 7; n++)
        given_account(b, n, n % 2 == 1 ? USD : EUR, 0);
    struct accounts_list q = {.has_currency = true, .currency = USD, .has_limit = true, .limit = 3};
    assert_int_equal(bank_ask(b, teller(), &accounts_list_type, &q), RESULT_OK);
    struct account_page page;
    bank_reply(b, &account_page_type, &page);
    assert_int_equal(page.accounts_count, 3);
    assert_true(page.has_next_cursor);
    q.has_cursor = true;
    q.cursor = page.next_cursor;
    assert_int_equal(bank_ask(b, teller(), &accounts_list_type, &q), RESULT_OK);
    bank_reply(b, &account_page_type, &page);
    assert_int_equal(page.accounts_count, 1);
    assert_false(page.has_next_cursor);
    for (uint64_t i = 0; i < 6; i++) {
        struct transfer_spec s = spec_of(10 + i, 1, 3, 1);
        s.code = (uint16_t)(1 + i % 2);
        given_transfer(b, s);
    }
    struct transfers_list t = {.has_account_id = true, .account_id = id_of(3), .has_code = true,
                               .code = 2};
    assert_int_equal(bank_ask(b, teller(), &transfers_list_type, &t), RESULT_OK);
    struct transfer_page transfers;
    bank_reply(b, &transfer_page_type, &transfers);
    assert_int_equal(transfers.transfers_count, 3);
    t = (struct transfers_list){.has_limit = true, .limit = 4};
    assert_int_equal(bank_ask(b, teller(), &transfers_list_type, &t), RESULT_OK);
    bank_reply(b, &transfer_page_type, &transfers);
    assert_true(transfers.has_next_cursor);
    assert_true(id128_equal(transfers.transfers[0].transfer_id, id_of(15)));
    t.has_cursor = true;
    t.cursor = transfers.next_cursor;
    assert_int_equal(bank_ask(b, teller(), &transfers_list_type, &t), RESULT_OK);
    bank_reply(b, &transfer_page_type, &transfers);
    assert_int_equal(transfers.transfers_count, 2);
}

#define LEGS 7

/* A transaction has more transfers than a page: pages go on, and none is missed or comes twice. */
static void test_the_transfers_of_a_transaction_continue(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct transaction_leg legs[LEGS];
    for (uint32_t i = 0; i < LEGS; i++)
        legs[i] = (struct transaction_leg){.debit_account_id = id_of(1),
                                           .credit_account_id = id_of(2),
                                           .has_amount = true,
                                           .amount = 1 + i,
                                           .currency = USD};
    struct transaction_create c = {
        .has_transaction_id = true, .transaction_id = id_of(50), .legs = legs, .legs_count = LEGS};
    assert_int_equal(bank_ask(b, teller(), &transaction_create_type, &c), RESULT_OK);
    given_transfer(b, spec_of(60, 1, 2, 99));
    struct transfers_list q = {
        .has_transaction_id = true, .transaction_id = id_of(50), .has_limit = true, .limit = 3};
    struct transfer_page page;
    u128 seen = 0;
    for (int pages = 0; pages < 3; pages++) {
        assert_int_equal(bank_ask(b, teller(), &transfers_list_type, &q), RESULT_OK);
        bank_reply(b, &transfer_page_type, &page);
        for (uint32_t i = 0; i < page.transfers_count; i++)
            assert_true(page.transfers[i].amount == ++seen);
        assert_int_equal(page.has_next_cursor, pages < 2);
        q.has_cursor = true;
        q.cursor = page.next_cursor;
    }
    assert_true(seen == LEGS);
    q = (struct transfers_list){.has_account_id = true,
                                .account_id = id_of(1),
                                .has_transaction_id = true,
                                .transaction_id = id_of(50)};
    assert_int_equal(bank_ask(b, teller(), &transfers_list_type, &q), RESULT_OK);
    bank_reply(b, &transfer_page_type, &page);
    assert_int_equal(page.transfers_count, LEGS);
    q = (struct transfers_list){.has_transaction_id = true,
                                .transaction_id = id_of(50),
                                .has_cursor = true,
                                .cursor = slice_of("x")};
    assert_int_equal(bank_ask(b, teller(), &transfers_list_type, &q), RESULT_INVALID_CURSOR);
}

static struct past_trial_balance books_at(struct bank *b, uint64_t at, uint8_t axis)
{
    const struct trial_balance_at q = {.at = at, .has_time = true, .time = axis};
    struct past_trial_balance books;
    assert_int_equal(bank_ask(b, teller(), &trial_balance_at_type, &q), RESULT_OK);
    bank_reply(b, &past_trial_balance_type, &books);
    return books;
}

static void test_the_books_as_they_were(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_transfer(b, spec_of(10, 1, 2, 10));
    uint64_t first = show_transfer(b, id_of(10)).recorded_time;
    given_transfer(b, with_flags(spec_of(11, 1, 2, 7), TRANSFER_FLAGS_PENDING));
    uint64_t second = show_transfer(b, id_of(11)).recorded_time;
    struct transfer_spec late = spec_of(12, 1, 2, 100);
    late.has_effective_time = true;
    late.effective_time = first;
    given_transfer(b, late);
    given_account(b, 3, EUR, 0);
    struct past_trial_balance books = books_at(b, first - 1, TIME_AXIS_RECORDED);
    assert_int_equal(books.lines_count, 1);
    assert_true(books.lines[0].account_count == 2 && books.lines[0].debits_posted == 0);
    books = books_at(b, first, TIME_AXIS_RECORDED);
    assert_true(books.balanced && books.lines[0].debits_posted == 10);
    assert_true(books.lines[0].credits_posted == 10 && books.lines[0].debits_pending == 0);
    books = books_at(b, second, TIME_AXIS_RECORDED);
    assert_true(books.lines[0].debits_pending == 7 && books.lines[0].credits_pending == 7);
    books = books_at(b, first, TIME_AXIS_EFFECTIVE);
    assert_true(books.balanced && books.lines[0].debits_posted == 110);
    books = books_at(b, second + NS_PER_DAY, TIME_AXIS_RECORDED);
    assert_int_equal(books.lines_count, 2);
    assert_int_equal(books.lines[0].currency, USD);
    assert_int_equal(books.lines[1].currency, EUR);
    assert_int_equal(books_at(b, 1, TIME_AXIS_RECORDED).lines_count, 0);
}

/* An entry, with its hash in memory of its own. */
struct kept_entry {
    struct entries_row row;
    char hash[SHA256_SIZE];
};

static bool keep_entry(void *context, const struct value *values)
{
    struct kept_entry *kept = context;
    assert_true(entries_row_from_values(values, &kept->row));
    memcpy(kept->hash, kept->row.hash.data, SHA256_SIZE);
    kept->row.hash.data = kept->hash;
    return true;
}

/* Behind the shard's back. */
static void put_entry(struct bank *b, const struct entries_row *row)
{
    struct view_store *s = store_sim_views(b->sim);
    struct store_position position;
    struct value values[ENTRIES_COLUMNS];
    assert_int_equal(s->ops->position(s, 0, &position), ERR_OK);
    position.seq++;
    entries_row_to_values(row, values);
    assert_int_equal(s->ops->begin(s), ERR_OK);
    assert_int_equal(s->ops->put_row(s, &entries_view, values), ERR_OK);
    assert_int_equal(s->ops->move(s, 0, &position), ERR_OK);
    assert_int_equal(s->ops->commit(s), ERR_OK);
}

/* Whoever falsifies one side of what is stored shows in the books. */
static void test_books_that_do_not_balance_say_so(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    given_account(b, 3, EUR, 0);
    given_transfer(b, spec_of(10, 1, 2, 10));
    bank_wait(b, NS_PER_S);
    uint64_t now = WORLD_EPOCH_NS + b->world.now_ns;
    const struct value key[] = {{VALUE_ID, .id = id_of(1)}, {VALUE_UINT, .number = 2}};
    struct kept_entry kept;
    assert_int_equal(views_get(store_sim_views(b->sim), &entries_view, key, keep_entry, &kept),
                     ERR_OK);
    u128 *const counters[] = {&kept.row.debits_pending, &kept.row.debits_posted,
                              &kept.row.credits_pending, &kept.row.credits_posted};
    assert_true(books_at(b, now, TIME_AXIS_RECORDED).balanced);
    for (size_t i = 0; i < array_len(counters); i++) {
        ++*counters[i];
        put_entry(b, &kept.row);
        struct past_trial_balance books = books_at(b, now, TIME_AXIS_RECORDED);
        assert_int_equal(books.lines_count, 2);
        assert_false(books.balanced || books.lines[0].balanced);
        assert_true(books.lines[1].balanced);
        --*counters[i];
        put_entry(b, &kept.row);
        books = books_at(b, now, TIME_AXIS_RECORDED);
        assert_true(books.balanced && books.lines[0].balanced);
    }
}

/* --- stored form ------------------------------------------------------------------------------ */

static struct slice stored_state(struct bank *b, uint16_t kind, struct id128 id,
                                 struct wire_writer *w)
{
    wire_writer_init(w, ACCOUNT_STATE_MAX);
    assert_int_equal(shard_actor_state(b->shard, kind, id, w), ERR_OK);
    return wire_written(w);
}

/* Every state equals what the journal makes of it again; cut or longer bytes are refused. */
static void expect_same_after_restart(struct bank *b, uint16_t kind, struct id128 id,
                                      const struct message_type *look, const void *body)
{
    struct wire_writer before, after;
    assert_int_equal(bank_ask(b, teller(), look, body), RESULT_OK);
    struct slice first = stored_state(b, kind, id, &before);
    bank_restart(b);
    assert_int_equal(bank_ask(b, teller(), look, body), RESULT_OK);
    struct slice second = stored_state(b, kind, id, &after);
    assert_true(slice_equal(first, second));
    struct registry r;
    registry_init(&r, &b->domain);
    for (uint32_t len = 0; len <= first.len; len++) {
        struct actor *a = registry_insert(&r, kind, (struct id128){1, len + 1});
        bool whole = len == first.len;
        assert_int_equal(registry_fill(&r, a, (struct slice){first.data, len}, 0), whole);
    }
    wire_put_nil(&before);
    struct actor *longer = registry_insert(&r, kind, (struct id128){2, 1});
    assert_false(registry_fill(&r, longer, wire_written(&before), 0)); /* and owns nothing */
    registry_clear(&r);
    registry_done(&r);
    wire_writer_done(&before);
    wire_writer_done(&after);
}

static void test_states_survive_their_stored_form(void **state)
{
    struct bank *b = *state;
    struct metadata_pair pair = {slice_of("team"), slice_of("north")};
    struct account_create c = {
        .has_account_id = true, .account_id = id_of(1), .currency = USD, .code = 7,
        .has_name = true, .name = slice_of("Till"), .has_owner = true, .owner = slice_of("shop"),
        .has_user_data_128 = true, .user_data_128 = U128_MAX, .has_credit_balance_max = true,
        .credit_balance_max = U128_MAX, .has_metadata = true, .metadata = {&pair, 1}};
    assert_int_equal(bank_ask(b, teller(), &account_create_type, &c), RESULT_OK);
    given_account(b, 2, USD, 0);
    given_transfer(b, spec_of(10, 1, 2, (u128)1 << 100));
    for (uint64_t i = 0; i < 9; i++)
        given_transfer(b, with_flags(spec_of(20 + i, 2, 1, 3), TRANSFER_FLAGS_PENDING));
    const struct account_get account = {id_of(1)};
    expect_same_after_restart(b, KIND_ACCOUNT, id_of(1), &account_get_type, &account);
    const struct transfer_get hold = {id_of(20)};
    expect_same_after_restart(b, KIND_TRANSFER, id_of(20), &transfer_get_type, &hold);
    const struct trial_balance_get all = {0};
    expect_same_after_restart(b, KIND_LEDGER, LEDGER_DIRECTORY_ID, &trial_balance_get_type, &all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(test_entries_form_a_chain),
        LEDGER_TEST(test_balance_as_of_either_time),
        LEDGER_TEST(test_refusals_leave_no_row_of_who_asked),
        LEDGER_TEST(test_histories_say_who_did_it_and_why),
        LEDGER_TEST(test_an_operator_sees_one_tenant_or_all),
        LEDGER_TEST(test_lists_filter_and_continue),
        LEDGER_TEST(test_the_transfers_of_a_transaction_continue),
        LEDGER_TEST(test_the_books_as_they_were),
        LEDGER_TEST(test_books_that_do_not_balance_say_so),
        LEDGER_TEST(test_states_survive_their_stored_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
