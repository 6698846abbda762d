/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a transfer: the same in the answer to who made it, shown alone, in lists, and by
 * a shard that has only its journal; and what the entries of an account say of each change. */
#include "runtime/base/hex.h"
#include "tests/unit/ledger_fixture.h"

#define PENDING TRANSFER_FLAGS_PENDING

/* --- transfers -------------------------------------------------------------------------------- */

/* All of it but who asked, which no answer to that request says. */
static void expect_same(struct transfer_info a, struct transfer_info b)
{
    struct transfer_info *const both[] = {&a, &b};
    struct wire_writer written[2];
    for (int i = 0; i < 2; i++) {
        both[i]->has_by = both[i]->has_client_id = both[i]->has_request_id = false;
        wire_writer_init(&written[i], 1 << 16);
        transfer_info_type.write(&written[i], both[i]);
    }
    assert_true(slice_equal(wire_written(&written[0]), wire_written(&written[1])));
    wire_writer_done(&written[0]);
    wire_writer_done(&written[1]);
}

static struct transfer_info listed(struct bank *b, struct id128 id)
{
    struct transfers_list q = {.has_limit = true, .limit = 100};
    struct transfer_page page;
    assert_int_equal(bank_ask(b, teller(), &transfers_list_type, &q), RESULT_OK);
    bank_reply(b, &transfer_page_type, &page);
    for (uint32_t i = 0; i < page.transfers_count; i++)
        if (id128_equal(page.transfers[i].transfer_id, id))
            return page.transfers[i];
    fail_msg("it is not listed");
    return (struct transfer_info){.amount = 0};
}

static void expect_shown_as(struct bank *b, const struct transfer_info *answered)
{
    expect_same(*answered, show_transfer(b, answered->transfer_id));
    expect_same(*answered, listed(b, answered->transfer_id));
    bank_restart(b);
    expect_same(*answered, show_transfer(b, answered->transfer_id));
    expect_same(*answered, listed(b, answered->transfer_id));
}

/* Asks as the teller; what was answered is a transfer, and its words outlive the next request. */
static struct transfer_info made(struct bank *b, const struct message_type *type, const void *body)
{
    struct transfer_info info;
    struct wire_reader from;
    assert_int_equal(bank_ask(b, teller(), type, body), RESULT_OK);
    struct slice kept = arena_copy(&b->arena, wire_written(&b->message.reply));
    wire_reader_init(&from, kept.data, kept.len);
    assert_int_equal(b->message.reply_type, transfer_info_type.number);
    assert_true(transfer_info_type.read(&from, &b->arena, &info));
    return info;
}

static struct transfer_create wordy(uint64_t n, u128 amount)
{
    static struct metadata_pair pair = {{"order", 5}, {"17", 2}};
    return (struct transfer_create){
        .has_transfer_id = true,
        .transfer_id = id_of(n),
        .debit_account_id = id_of(1),
        .has_credit_account_id = true,
        .credit_account_id = id_of(2),
        .has_amount = true,
        .amount = amount,
        .currency = USD,
        .has_code = true,
        .code = 11,
        .has_user_data_128 = true,
        .user_data_128 = 128,
        .has_user_data_64 = true,
        .user_data_64 = 64,
        .has_user_data_32 = true,
        .user_data_32 = 32,
        .has_description = true,
        .description = slice_of("two books"),
        .has_metadata = true,
        .metadata = {&pair, 1},
    };
}

static void expect_data(const struct transfer_info *t)
{
    assert_true(t->user_data_128 == 128 && t->user_data_64 == 64 && t->user_data_32 == 32);
    assert_int_equal(t->code, 11);
    assert_int_equal(t->currency, USD);
    assert_true(id128_equal(t->debit_account_id, id_of(1)));
    assert_true(id128_equal(t->credit_account_id, id_of(2)));
    assert_false(t->has_managed_by || t->has_transaction_id);
}

static void test_a_transfer_is_shown_as_it_was_answered(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    bank_wait(b, 10 * NS_PER_S);
    struct transfer_create c = wordy(10, 77);
    c.has_effective_time = true;
    c.effective_time = show(b, 2).opened_time + 1;
    struct transfer_info t = made(b, &transfer_create_type, &c);
    expect_data(&t);
    assert_true(t.amount == 77 && t.effective_time == c.effective_time);
    assert_true(t.recorded_time > t.effective_time);
    assert_int_equal(t.status, TRANSFER_STATUS_POSTED);
    assert_false(t.has_posted_amount || t.has_remaining_amount || t.has_expires_time);
    assert_false(t.has_pending_id || t.has_reverses_id || t.has_reversed_by_id);
    expect_shown_as(b, &t);
    struct transfer_reverse r = {
        .transfer_id = id_of(10), .has_reversal_id = true, .reversal_id = id_of(11)};
    struct transfer_info back = made(b, &transfer_reverse_type, &r);
    assert_true(back.has_reverses_id && id128_equal(back.reverses_id, id_of(10)));
    assert_true(id128_equal(back.debit_account_id, id_of(2)));
    assert_true(back.amount == 77 && back.user_data_128 == 128 && back.code == 11);
    assert_true(back.effective_time == back.recorded_time && !back.has_description);
    expect_shown_as(b, &back);
}

static void test_a_pending_transfer_is_shown_as_it_was_answered(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct transfer_create c = wordy(10, 100);
    c.has_flags = c.has_timeout_s = true;
    c.flags = PENDING;
    c.timeout_s = 60;
    struct transfer_info t = made(b, &transfer_create_type, &c);
    expect_data(&t);
    assert_true(t.has_posted_amount && t.posted_amount == 0);
    assert_true(t.has_remaining_amount && t.remaining_amount == 100 && t.amount == 100);
    assert_true(t.has_expires_time && t.expires_time == t.recorded_time + 60 * NS_PER_S);
    assert_int_equal(t.status, TRANSFER_STATUS_PENDING);
    expect_shown_as(b, &t);

    struct transfer_post post = {.transfer_id = id_of(10),
                                 .has_posting_id = true,
                                 .posting_id = id_of(11),
                                 .has_amount = true,
                                 .amount = money("0.30"),
                                 .has_keep_remainder = true,
                                 .keep_remainder = true,
                                 .has_description = true,
                                 .description = slice_of("one of them")};
    struct transfer_info posted = made(b, &transfer_post_type, &post);
    expect_data(&posted);
    assert_true(posted.has_pending_id && id128_equal(posted.pending_id, id_of(10)));
    assert_true(posted.amount == 30 && !posted.has_remaining_amount && !posted.has_expires_time);
    assert_int_equal(posted.status, TRANSFER_STATUS_POSTED);
    expect_shown_as(b, &posted);
    t = show_transfer(b, id_of(10));
    assert_true(t.posted_amount == 30 && t.remaining_amount == 70);

    struct transfer_void v = {
        .transfer_id = id_of(10), .has_posting_id = true, .posting_id = id_of(12)};
    struct transfer_info voided = made(b, &transfer_void_type, &v);
    expect_data(&voided);
    assert_true(voided.amount == 70);
    assert_int_equal(voided.status, TRANSFER_STATUS_VOIDED);
    expect_shown_as(b, &voided);
    t = show_transfer(b, id_of(10));
    assert_int_equal(t.status, TRANSFER_STATUS_VOIDED);
    assert_true(t.posted_amount == 30 && t.remaining_amount == 0);
}

/* What a post says itself is its own, and what it leaves out is that of the pending transfer. */
static void test_a_post_has_data_of_its_own(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct transfer_create c = wordy(10, 100);
    c.has_flags = true;
    c.flags = PENDING;
    (void)made(b, &transfer_create_type, &c);
    struct transfer_spec post = resolving(11, 10, 40, TRANSFER_FLAGS_POST_PENDING);
    post.has_user_data_128 = true, post.user_data_128 = 1281;
    post.has_user_data_32 = true, post.user_data_32 = 321;
    given_transfer(b, post);
    struct transfer_info t = show_transfer(b, id_of(11));
    assert_true(t.user_data_128 == 1281 && t.user_data_64 == 64 && t.user_data_32 == 321);
    expect_same(t, listed(b, id_of(11)));
    c = wordy(12, 100);
    c.has_flags = true;
    c.flags = PENDING;
    (void)made(b, &transfer_create_type, &c);
    struct transfer_create resolve = {.has_transfer_id = true,
                                      .transfer_id = id_of(13),
                                      .currency = USD,
                                      .has_flags = true,
                                      .flags = TRANSFER_FLAGS_POST_PENDING,
                                      .has_pending_id = true,
                                      .pending_id = id_of(12),
                                      .has_user_data_64 = true,
                                      .user_data_64 = 641};
    t = made(b, &transfer_create_type, &resolve);
    assert_true(t.user_data_128 == 128 && t.user_data_64 == 641 && t.user_data_32 == 32);
    assert_true(t.amount == 100 && t.code == 11);
    expect_shown_as(b, &t);
}

static void test_the_legs_of_a_transaction_are_shown_as_answered(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    struct transaction_leg legs[] = {
        {.debit_account_id = id_of(1), .credit_account_id = id_of(2), .has_amount = true,
         .amount = 10, .currency = USD, .has_code = true, .code = 5, .has_user_data_128 = true,
         .user_data_128 = 128},
        {.debit_account_id = id_of(2), .credit_account_id = id_of(1), .has_amount = true,
         .amount = 4, .currency = USD, .has_flags = true, .flags = PENDING, .has_timeout_s = true,
         .timeout_s = 30},
    };
    struct transaction_create c = {
        .has_transaction_id = true, .transaction_id = id_of(50), .legs = legs, .legs_count = 2};
    struct transaction_info answered, shown;
    assert_int_equal(bank_ask(b, teller(), &transaction_create_type, &c), RESULT_OK);
    bank_reply(b, &transaction_info_type, &answered);
    assert_int_equal(answered.transfers_count, 2);
    assert_true(answered.has_recorded_time);
    assert_int_equal(answered.transfers[0].code, 5);
    assert_int_equal(answered.transfers[1].code, 1);
    struct transaction_get get = {id_of(50)};
    for (int restarted = 0; restarted < 2; restarted++) {
        assert_int_equal(bank_ask(b, teller(), &transaction_get_type, &get), RESULT_OK);
        bank_reply(b, &transaction_info_type, &shown);
        assert_false(shown.has_reverses_id || shown.has_reversed_by_id || shown.has_description);
        for (uint32_t i = 0; i < 2; i++) {
            const struct transfer_info *t = &answered.transfers[i];
            assert_true(t->has_transaction_id && id128_equal(t->transaction_id, id_of(50)));
            assert_false(t->has_reverses_id);
            expect_same(*t, shown.transfers[i]);
            expect_same(*t, show_transfer(b, t->transfer_id));
            expect_same(*t, listed(b, t->transfer_id));
        }
        bank_restart(b);
    }
}

/* --- entries ---------------------------------------------------------------------------------- */

struct change {
    uint8_t kind, direction;
    uint64_t amount;
    u128 pending, posted; /* debits of the account after it */
};

static void test_an_entry_says_what_changed(void **state)
{
    static const struct change changes[] = {
        {ENTRY_KIND_OPENED, ENTRY_DIRECTION_NONE, 0, 0, 0},
        {ENTRY_KIND_POSTED, ENTRY_DIRECTION_DEBIT, 5, 0, 5},
        {ENTRY_KIND_PENDING, ENTRY_DIRECTION_DEBIT, 100, 100, 5},
        {ENTRY_KIND_PENDING_POSTED, ENTRY_DIRECTION_DEBIT, 30, 70, 35},
        {ENTRY_KIND_PENDING_VOIDED, ENTRY_DIRECTION_DEBIT, 70, 0, 35},
        {ENTRY_KIND_PENDING, ENTRY_DIRECTION_DEBIT, 8, 8, 35},
        {ENTRY_KIND_PENDING_EXPIRED, ENTRY_DIRECTION_DEBIT, 8, 0, 35},
        {ENTRY_KIND_POSTED, ENTRY_DIRECTION_CREDIT, 9, 0, 35},
    };
    struct bank *b = *state;
    given_two_accounts(b);
    given_transfer(b, spec_of(10, 1, 2, 5));
    given_transfer(b, with_flags(spec_of(11, 1, 2, 100), PENDING));
    given_transfer(b, resolving(12, 11, 30,
                                TRANSFER_FLAGS_POST_PENDING | TRANSFER_FLAGS_KEEP_REMAINDER));
    given_transfer(b, resolving(13, 11, 0, TRANSFER_FLAGS_VOID_PENDING));
    struct transfer_spec brief = with_flags(spec_of(14, 1, 2, 8), PENDING);
    brief = with_timeout(brief, 1);
    given_transfer(b, brief);
    bank_wait(b, 2 * NS_PER_S);
    given_transfer(b, spec_of(15, 2, 1, 9));
    struct account_entries q = {.account_id = id_of(1)};
    struct entry_page page;
    assert_int_equal(bank_ask(b, teller(), &account_entries_type, &q), RESULT_OK);
    bank_reply(b, &entry_page_type, &page);
    assert_int_equal(page.entries_count, array_len(changes));
    for (uint32_t i = 0; i < page.entries_count; i++) {
        const struct entry *e = &page.entries[page.entries_count - 1 - i];
        assert_int_equal(e->kind, changes[i].kind);
        assert_int_equal(e->direction, changes[i].direction);
        assert_true(e->amount == changes[i].amount);
        assert_true(e->debits_pending == changes[i].pending);
        assert_true(e->debits_posted == changes[i].posted);
        bool moves = e->direction != ENTRY_DIRECTION_NONE;
        assert_int_equal(e->has_transfer_id, moves);
        assert_true(!moves || id128_equal(e->counterparty_id, id_of(2)));
        assert_true(e->effective_time == e->recorded_time);
        assert_int_equal(e->balance_side, e->debits_posted > 0 ? BALANCE_SIDE_DEBIT
                                                               : BALANCE_SIDE_CREDIT);
        assert_true(e->balance == e->debits_posted - e->credits_posted);
    }
    assert_true(page.entries[1].recorded_time >= show_transfer(b, id_of(14)).expires_time);
}

/* When it counts is not when it was recorded: of an opening, a transfer, and what is held. */
static void test_what_counts_earlier_is_added_to_earlier_balances(void **state)
{
    struct bank *b = *state;
    given_two_accounts(b);
    bank_wait(b, 10 * NS_PER_S);
    uint64_t early = show(b, 2).opened_time + NS_PER_S;
    given_transfer(b, spec_of(10, 1, 2, 1000));
    struct transfer_spec held = with_flags(spec_of(11, 1, 2, 100), PENDING),
                         part = resolving(12, 11, 30, TRANSFER_FLAGS_POST_PENDING |
                                                          TRANSFER_FLAGS_KEEP_REMAINDER),
                         back = spec_of(13, 2, 1, 7);
    held.has_effective_time = part.has_effective_time = back.has_effective_time = true;
    held.effective_time = early;
    part.effective_time = early + 10;
    back.effective_time = early + 20;
    given_transfer(b, held);
    given_transfer(b, part);
    given_transfer(b, back);
    const struct {
        uint64_t at;
        uint64_t pending, posted, back;
    } moments[] = {{early - 1, 0, 0, 0},        {early, 100, 0, 0},     {early + 9, 100, 0, 0},
                   {early + 10, 70, 30, 0},     {early + 19, 70, 30, 0}, {early + 20, 70, 30, 7},
                   {UINT64_MAX >> 1, 70, 1030, 7}};
    for (size_t i = 0; i < array_len(moments); i++) {
        for (uint64_t n = 1; n <= 2; n++) {
            struct account_balance_at q = {
                .account_id = id_of(n), .has_at = true, .at = moments[i].at};
            struct account_balance a;
            assert_int_equal(bank_ask(b, teller(), &account_balance_at_type, &q), RESULT_OK);
            bank_reply(b, &account_balance_type, &a);
            u128 posted = moments[i].posted, returned = moments[i].back;
            assert_true((n == 1 ? a.debits_pending : a.credits_pending) == moments[i].pending);
            assert_true((n == 1 ? a.credits_pending : a.debits_pending) == 0);
            assert_true(a.debits_posted == (n == 1 ? posted : returned));
            assert_true(a.credits_posted == (n == 1 ? returned : posted));
            assert_true(a.balance == posted - returned);
        }
    }
}

/* The same as in Python: sha256(32 times 11, account_id, version, ...), as schemas/ledger.toml has
 * it, each byte another. */
static void test_an_auditor_computes_the_hash_of_an_entry(void **state)
{
    (void)state;
    struct sha256_digest before;
    memset(before.bytes, 0x11, SHA256_SIZE);
#define WORD(first) (0x0001020304050607 + 0x0101010101010101 * (uint64_t)(first))
#define PAIR(first) {WORD(first), WORD((first) + 8)}
#define WIDE(first) ((u128)WORD(first) << 64 | WORD((first) + 8))
    const struct entries_row row = {
        .account_id = PAIR(1),
        .version = WORD(17),
        .kind = 25,
        .direction = 26,
        .transfer_id = PAIR(27),
        .counterparty_id = PAIR(43),
        .amount = WIDE(59),
        .code = 75 << 8 | 76,
        .debits_pending = WIDE(77),
        .debits_posted = WIDE(93),
        .credits_pending = WIDE(109),
        .credits_posted = WIDE(125),
        .effective_time = WORD(141),
        .recorded_time = WORD(149),
    };
    struct sha256_digest hash = entry_hash(&before, &row);
    char text[2 * SHA256_SIZE + 1] = "";
    hex_write(hash.bytes, SHA256_SIZE, text);
    assert_string_equal(text, "7ce23fcb3e651088cb8ba6b3fe0d6a029be76f0b19a38b2aeacd291b241165c0");
}

/* --- the books -------------------------------------------------------------------------------- */

/* Of each currency the ledgers of all tenants are added up. */
static void test_the_books_of_all_tenants_add_up(void **state)
{
    struct bank *b = *state;
    struct principal other = someone("other", "teller"), operator = teller();
    operator.operator = true;
    given_two_accounts(b);
    given_account(b, 5, EUR, 0);
    for (uint64_t n = 3; n <= 4; n++)
        assert_int_equal(
            open_as(b, other, (struct account_spec){.id = id_of(n), .currency = USD, .code = 1}),
            RESULT_OK);
    given_transfer(b, spec_of(10, 1, 2, 100));
    given_transfer(b, with_flags(spec_of(11, 1, 2, 7), PENDING));
    assert_int_equal(transfer_as(b, other, spec_of(12, 3, 4, 20)), RESULT_OK);
    struct trial_balance books;
    assert_int_equal(bank_ask(b, operator, &trial_balance_get_type,
                              &(struct trial_balance_get){0}),
                     RESULT_OK);
    bank_reply(b, &trial_balance_type, &books);
    assert_int_equal(books.lines_count, 2);
    const struct trial_balance_line *usd = &books.lines[0], *eur = &books.lines[1];
    assert_true(usd->currency == USD && eur->currency == EUR);
    assert_true(usd->account_count == 4 && usd->transfer_count == 3);
    assert_true(usd->debits_posted == 120 && usd->credits_posted == 120);
    assert_true(usd->debits_pending == 7 && usd->credits_pending == 7);
    assert_true(eur->account_count == 1 && eur->transfer_count == 0);
    assert_true(books.balanced && usd->balanced && eur->balanced);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(test_a_transfer_is_shown_as_it_was_answered),
        LEDGER_TEST(test_a_pending_transfer_is_shown_as_it_was_answered),
        LEDGER_TEST(test_a_post_has_data_of_its_own),
        LEDGER_TEST(test_the_legs_of_a_transaction_are_shown_as_answered),
        LEDGER_TEST(test_an_entry_says_what_changed),
        LEDGER_TEST(test_what_counts_earlier_is_added_to_earlier_balances),
        cmocka_unit_test(test_an_auditor_computes_the_hash_of_an_entry),
        LEDGER_TEST(test_the_books_of_all_tenants_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
