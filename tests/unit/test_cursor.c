/* SPDX-License-Identifier: Apache-2.0 */
/* Where the next page begins: good for the request that gave it, with pages of any size, and for
 * no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include "actors/common/cursor.h"
#include "schemas/ledger.h"
#include "schemas/payment.h"
#include "schemas/result.h"
#include "schemas/wallet.h"

#define USD 840
#define EUR 978

static const struct id128 acme = {1, 1}, other_tenant = {2, 2}, ann = {3, 3}, bob = {4, 4};

static struct message asked(const struct message_type *type, const void *body)
{
    return (struct message){
        .type = type, .body = body, .who = {.tenant_id = acme, .subject_id = ann}};
}

static struct slice given_cursor(struct cursor *c, const struct message *m, enum page_list list)
{
    const uint64_t key[] = {0x0102030405060708, 9};
    cursor_make(c, m, list, key, 2);
    return (struct slice){(const char *)c->bytes, c->len};
}

static uint16_t taken(struct slice cursor, const struct message *m, enum page_list list)
{
    uint64_t key[2] = {0};
    uint16_t code = cursor_read(cursor, m, list, key, 2);
    if (code == RESULT_OK) {
        assert_true(key[0] == 0x0102030405060708);
        assert_true(key[1] == 9);
    }
    return code;
}

static void pages_of_any_size_go_on(void **state)
{
    (void)state;
    struct cursor c;
    struct payment_list list = {.has_currency = true, .currency = USD};
    struct message m = asked(&payment_list_type, &list);
    const struct slice cursor = given_cursor(&c, &m, PAGE_PAYMENTS);
    list.has_limit = list.has_count = list.count = list.has_cursor = true;
    list.limit = 7;
    list.cursor = cursor;
    m.request_id = slice_of("another");
    assert_int_equal(taken(cursor, &m, PAGE_PAYMENTS), RESULT_OK);
}

static void another_filter_is_another_list(void **state)
{
    (void)state;
    struct cursor c;
    struct payment_list list = {.has_currency = true, .currency = USD};
    struct message m = asked(&payment_list_type, &list);
    const struct slice cursor = given_cursor(&c, &m, PAGE_PAYMENTS);
    list.currency = EUR;
    assert_int_equal(taken(cursor, &m, PAGE_PAYMENTS), RESULT_CURSOR_OF_OTHER_LIST);
    list = (struct payment_list){.has_currency = false, .currency = USD};
    assert_int_equal(taken(cursor, &m, PAGE_PAYMENTS), RESULT_CURSOR_OF_OTHER_LIST);
    list = (struct payment_list){.has_currency = true,
                                 .currency = USD,
                                 .has_customer_id = true,
                                 .customer_id = slice_of("c1")};
    assert_int_equal(taken(cursor, &m, PAGE_PAYMENTS), RESULT_CURSOR_OF_OTHER_LIST);
}

/* What two wallets list has keys of the same form. */
static void another_wallet_is_another_list(void **state)
{
    (void)state;
    struct cursor c;
    struct wallet_hold_list list = {.wallet_id = {5, 5}};
    struct message m = asked(&wallet_hold_list_type, &list);
    const struct slice cursor = given_cursor(&c, &m, PAGE_HOLDS);
    list.wallet_id.lo++;
    assert_int_equal(taken(cursor, &m, PAGE_HOLDS), RESULT_CURSOR_OF_OTHER_LIST);
}

static void another_list_with_the_same_key_takes_no_cursor(void **state)
{
    (void)state;
    struct cursor c;
    const struct account_entries entries = {.account_id = {5, 5}};
    const struct account_transactions lines = {.account_id = {5, 5}};
    struct message m = asked(&account_entries_type, &entries);
    const struct slice cursor = given_cursor(&c, &m, PAGE_ENTRIES);
    uint64_t one;
    assert_int_equal(cursor_read(cursor, &m, PAGE_ENTRIES, &one, 1), RESULT_CURSOR_OF_OTHER_LIST);
    assert_int_equal(taken(cursor, &m, PAGE_TRANSFERS), RESULT_CURSOR_OF_OTHER_LIST);
    m = asked(&account_transactions_type, &lines);
    assert_int_equal(taken(cursor, &m, PAGE_ENTRIES), RESULT_CURSOR_OF_OTHER_LIST);
}

static void another_caller_lists_other_things(void **state)
{
    (void)state;
    struct cursor c;
    const struct wallet_list list = {.has_limit = false};
    struct message m = asked(&wallet_list_type, &list);
    const struct slice cursor = given_cursor(&c, &m, PAGE_WALLETS);
    const struct principal anns = m.who;
    m.who.subject_id = bob;
    assert_int_equal(taken(cursor, &m, PAGE_WALLETS), RESULT_CURSOR_OF_OTHER_LIST);
    m.who = anns;
    m.who.tenant_id = other_tenant;
    assert_int_equal(taken(cursor, &m, PAGE_WALLETS), RESULT_CURSOR_OF_OTHER_LIST);
    m.who = anns;
    m.who.any_owner = true;
    assert_int_equal(taken(cursor, &m, PAGE_WALLETS), RESULT_CURSOR_OF_OTHER_LIST);
    m.who = anns;
    m.who.operator = true;
    assert_int_equal(taken(cursor, &m, PAGE_WALLETS), RESULT_CURSOR_OF_OTHER_LIST);
    m.who = anns;
    assert_int_equal(taken(cursor, &m, PAGE_WALLETS), RESULT_OK);
}

/* What all administrators of a tenant see is one list, and so is what all operators see of all
 * tenants; of a tenant that one named it is another. */
static void who_sees_the_same_goes_on_where_another_stopped(void **state)
{
    (void)state;
    struct cursor c;
    const struct wallet_list list = {.has_limit = false};
    struct message m = asked(&wallet_list_type, &list);
    m.who.any_owner = true;
    struct slice cursor = given_cursor(&c, &m, PAGE_WALLETS);
    m.who.subject_id = bob;
    assert_int_equal(taken(cursor, &m, PAGE_WALLETS), RESULT_OK);
    m.who = (struct principal){.operator = true, .tenant_id = acme, .subject_id = ann};
    cursor = given_cursor(&c, &m, PAGE_WALLETS);
    m.who.subject_id = bob;
    assert_int_equal(taken(cursor, &m, PAGE_WALLETS), RESULT_OK);
    m.who.one_tenant = true;
    assert_int_equal(taken(cursor, &m, PAGE_WALLETS), RESULT_CURSOR_OF_OTHER_LIST);
}

static void a_changed_cursor_is_none(void **state)
{
    (void)state;
    struct cursor c;
    const struct wallet_list list = {.has_limit = false};
    const struct message m = asked(&wallet_list_type, &list);
    const struct slice cursor = given_cursor(&c, &m, PAGE_WALLETS);
    for (uint32_t i = 0; i < c.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            c.bytes[i] ^= (uint8_t)(1 << bit);
            assert_int_equal(taken(cursor, &m, PAGE_WALLETS), RESULT_INVALID_CURSOR);
            c.bytes[i] ^= (uint8_t)(1 << bit);
        }
    }
    assert_int_equal(taken(cursor, &m, PAGE_WALLETS), RESULT_OK);
}

static void a_cut_cursor_is_none(void **state)
{
    (void)state;
    struct cursor c;
    const struct wallet_list list = {.has_limit = false};
    const struct message m = asked(&wallet_list_type, &list);
    struct slice cursor = given_cursor(&c, &m, PAGE_WALLETS);
    uint32_t len = cursor.len;
    for (cursor.len = 0; cursor.len <= len + 1; cursor.len++)
        assert_int_equal(taken(cursor, &m, PAGE_WALLETS),
                         cursor.len == len ? RESULT_OK : RESULT_INVALID_CURSOR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_of_any_size_go_on),
        cmocka_unit_test(another_filter_is_another_list),
        cmocka_unit_test(another_wallet_is_another_list),
        cmocka_unit_test(another_list_with_the_same_key_takes_no_cursor),
        cmocka_unit_test(another_caller_lists_other_things),
        cmocka_unit_test(who_sees_the_same_goes_on_where_another_stopped),
        cmocka_unit_test(a_changed_cursor_is_none),
        cmocka_unit_test(a_cut_cursor_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
