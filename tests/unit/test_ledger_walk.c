/* SPDX-License-Identifier: Apache-2.0 */
/* Random lists of transfers with chains that fail: what the live shard has after many undone chains
 * equals what the journal gives again, and every account equals the sum of its entries. */
#include "runtime/base/time.h"
#include "tests/unit/ledger_fixture.h"

#define WALK_ACCOUNTS 6
#define WALK_LISTS 60
#define WALK_LIST_MAX 12

struct walk {
    struct bank *bank;
    struct rng rng;
    uint64_t next_id; /* of transfers; ids before it were used */
    uint32_t done, refused;
};

static uint64_t below(struct walk *w, uint64_t n)
{
    return rng_next(&w->rng) % n;
}

static struct transfer_spec any_transfer(struct walk *w)
{
    uint64_t id = w->next_id++;
    uint64_t earlier = 100 + below(w, id - 99);
    uint32_t linked = below(w, 3) == 0 ? TRANSFER_FLAGS_LINKED : 0u;
    switch (below(w, 8)) {
    case 0:
        return resolving(id, earlier, WHOLE, linked | TRANSFER_FLAGS_POST_PENDING);
    case 1:
        return resolving(id, earlier, 1 + below(w, 5),
                         linked | TRANSFER_FLAGS_POST_PENDING | TRANSFER_FLAGS_KEEP_REMAINDER);
    case 2:
        return resolving(id, earlier, WHOLE, linked | TRANSFER_FLAGS_VOID_PENDING);
    default:
        break;
    }
    const uint32_t closing = TRANSFER_FLAGS_PENDING | TRANSFER_FLAGS_CLOSING_DEBIT;
    static const uint32_t modes[] = {0, 0, TRANSFER_FLAGS_PENDING, TRANSFER_FLAGS_PENDING,
                                     TRANSFER_FLAGS_BALANCING_DEBIT};
    struct transfer_spec s =
        spec_of(id, 1 + below(w, WALK_ACCOUNTS), 1 + below(w, WALK_ACCOUNTS), 1 + below(w, 9));
    s.flags = linked | (below(w, 40) == 0 ? closing : modes[below(w, array_len(modes))]);
    bool reopens = (s.flags & TRANSFER_FLAGS_CLOSING_DEBIT) != 0;
    if (reopens || ((s.flags & TRANSFER_FLAGS_PENDING) != 0 && below(w, 4) == 0))
        s = with_timeout(s, 1 + (uint32_t)below(w, 3));
    return s;
}

static void make_list(struct walk *w)
{
    struct transfer_create items[WALK_LIST_MAX];
    uint32_t count = 1 + (uint32_t)below(w, WALK_LIST_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct transfer_spec spec = any_transfer(w);
        items[i] = single_transfer(&spec);
    }
    struct transfers_batch c = {items, count};
    assert_int_equal(bank_ask(w->bank, teller(), &transfers_batch_type, &c), RESULT_OK);
    struct batch_results r;
    bank_reply(w->bank, &batch_results_type, &r);
    w->done += r.succeeded;
    w->refused += r.failed;
}

/* The counters after the newest entry are those of the account. */
static void expect_entry_equals(struct bank *b, uint64_t n, const struct account_info *a)
{
    struct account_entries q = {.account_id = id_of(n), .has_limit = true, .limit = 1};
    assert_int_equal(bank_ask(b, teller(), &account_entries_type, &q), RESULT_OK);
    struct entry_page page;
    bank_reply(b, &entry_page_type, &page);
    assert_true(page.entries[0].version == a->version);
    assert_true(page.entries[0].debits_pending == a->debits_pending);
    assert_true(page.entries[0].debits_posted == a->debits_posted);
    assert_true(page.entries[0].credits_pending == a->credits_pending);
    assert_true(page.entries[0].credits_posted == a->credits_posted);
}

static void walk(struct bank *b, uint64_t seed)
{
    struct walk w = {.bank = b, .next_id = 100};
    rng_seed(&w.rng, seed);
    for (uint64_t n = 1; n <= WALK_ACCOUNTS; n++)
        given_account(b, n, USD,
                      n <= 2 ? 0 : (uint32_t)ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS);
    for (uint32_t i = 0; i < WALK_LISTS; i++) {
        make_list(&w);
        if (below(&w, 10) == 0)
            bank_wait(b, NS_PER_S);
    }
    assert_true(w.done > 40 && w.refused > 40);
    struct account_info live[WALK_ACCOUNTS + 1];
    for (uint64_t n = 1; n <= WALK_ACCOUNTS; n++) {
        live[n] = show(b, n);
        expect_entry_equals(b, n, &live[n]);
    }
    bank_restart(b);
    for (uint64_t n = 1; n <= WALK_ACCOUNTS; n++) {
        struct account_info again = show(b, n);
        assert_true(again.version >= live[n].version); /* holds may have expired meanwhile */
        if (again.version > live[n].version)
            continue;
        assert_true(again.debits_pending == live[n].debits_pending);
        assert_true(again.debits_posted == live[n].debits_posted);
        assert_true(again.credits_pending == live[n].credits_pending);
        assert_true(again.credits_posted == live[n].credits_posted);
        assert_int_equal(again.flags, live[n].flags);
        assert_int_equal(again.holds_count, live[n].holds_count);
        for (uint32_t i = 0; i < again.holds_count; i++)
            assert_true(id128_equal(again.holds[i].transfer_id, live[n].holds[i].transfer_id));
    }
}

static void test_replay_equals_what_was_live(void **state)
{
    walk(*state, 1);
}

static void test_replay_equals_what_was_live_again(void **state)
{
    walk(*state, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(test_replay_equals_what_was_live),
        LEDGER_TEST(test_replay_equals_what_was_live_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
