/* SPDX-License-Identifier: Apache-2.0 */
/* What the declarations promise has code behind it: a handler or query for every message, a rule
 * for every event, and the declared views in their service's table. Without this a forgotten row of
 * a table would show only when the message is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "actors/services.h"
#include "runtime/actor/domain.h"
#include "runtime/base/slot_map.h"
#include "schemas/catalog.h"
#include "schemas/common.h"
#include "schemas/ledger.h"
#include "schemas/wallet.h"

static struct domain domain;

static int set_up(void **state)
{
    (void)state;
    services_domain_init(&domain);
    return 0;
}

static bool handled(const struct message_type *type)
{
    const struct actor_kind *kind = domain.kinds[type->target_kind];
    for (uint32_t i = 0; kind != NULL && i < kind->handler_count; i++) {
        if (kind->handlers[i].type == type)
            return true;
    }
    return false;
}

static void every_message_is_handled_by_the_kind_it_names(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < catalog_entry_count; i++) {
        const struct catalog_entry *e = &catalog_entries[i];
        /* Those of the node itself are answered by the operators' service. */
        if (e->event || e->type->target_kind == 0 || e->type->target_kind == KIND_NODE)
            continue;
        bool answered = e->type->view ? domain.queries[e->type->number] != NULL : handled(e->type);
        if (!answered)
            fail_msg("%s has no %s in its service's tables", e->type->name,
                     e->type->view ? "query" : "handler");
    }
}

static void every_event_has_a_rule(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < catalog_entry_count; i++) {
        const struct catalog_entry *e = &catalog_entries[i];
        if (e->event && domain.rules[e->type->number] == NULL)
            fail_msg("%s has no rule in its service's tables", e->type->name);
    }
}

static bool listed(const struct view_table *view)
{
    for (uint32_t i = 0; i < domain.service_count; i++) {
        for (uint32_t j = 0; j < domain.services[i]->view_count; j++) {
            if (domain.services[i]->views[j] == view)
                return true;
        }
    }
    return false;
}

static void every_view_is_in_the_table_of_a_service(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < catalog_view_count; i++) {
        if (!listed(catalog_views[i]))
            fail_msg("%s is in no service's table of views", catalog_views[i]->name);
    }
}

/* --- where a message goes --------------------------------------------------------------------- */

#define ANY 4711

/* The slot of what the message is about; ANY if that may be anywhere. */
static uint16_t slot_of(const struct message_type *type, const void *body)
{
    static const struct principal who = {.tenant_id = {7, 7}, .subject_id = {8, 8}};
    return domain_place(&domain, type, body, &who, ANY).slot;
}

/* Lists go to the slot of their first item, a post or void to that of its pending transfer. */
static void a_message_goes_to_the_slot_of_its_accounts(void **state)
{
    (void)state;
    for (uint32_t home = 0; home < SLOT_COUNT; home += 1 + home / 3) {
        const struct id128 at_home = {9, (uint64_t)77 << 16 | home}, other = {9, home ^ 1};
        struct account_spec account[] = {{.id = at_home}, {.id = other}};
        struct accounts_create accounts = {account, 2};
        struct transfer_spec spec[] = {{.debit_account_id = at_home, .pending_id = other},
                                       {.debit_account_id = other}};
        struct transfers_create compact = {spec, 2};
        struct transfer_create create[] = {{.debit_account_id = at_home, .pending_id = other},
                                           {.debit_account_id = other}};
        struct transfers_batch batch = {create, 2};
        struct transaction_leg leg[] = {{.debit_account_id = at_home}, {.debit_account_id = other}};
        struct transaction_create transaction = {.legs = leg, .legs_count = 2};
        struct account_create one = {.has_account_id = true, .account_id = at_home};
        assert_int_equal(slot_of(&account_create_type, &one), home);
        assert_int_equal(slot_of(&accounts_create_type, &accounts), home);
        assert_int_equal(slot_of(&transfers_create_type, &compact), home);
        assert_int_equal(slot_of(&transfers_batch_type, &batch), home);
        assert_int_equal(slot_of(&transaction_create_type, &transaction), home);
        spec[0] = (struct transfer_spec){.pending_id = at_home};
        create[0] = (struct transfer_create){.pending_id = at_home};
        assert_int_equal(slot_of(&transfers_create_type, &compact), home);
        assert_int_equal(slot_of(&transfers_batch_type, &batch), home);
    }
}

/* Without an item or an id nothing says where it goes. */
static void a_message_about_nothing_goes_anywhere(void **state)
{
    (void)state;
    const struct accounts_create accounts = {0};
    const struct transfers_create compact = {0};
    const struct transfers_batch batch = {0};
    const struct transaction_create transaction = {0};
    const struct account_create one = {0};
    assert_int_equal(slot_of(&accounts_create_type, &accounts), ANY);
    assert_int_equal(slot_of(&account_create_type, &one), ANY);
    assert_int_equal(slot_of(&transfers_create_type, &compact), ANY);
    assert_int_equal(slot_of(&transfers_batch_type, &batch), ANY);
    assert_int_equal(slot_of(&transaction_create_type, &transaction), ANY);
}

/* Wallets and accounts, whoever opens them; another owner has another slot. */
static void what_one_owner_has_is_in_one_slot(void **state)
{
    (void)state;
    static const char *const names[] = {"ann", "bob"};
    uint16_t slots[array_len(names)];
    for (size_t i = 0; i < array_len(names); i++) {
        struct principal ann = {.tenant = slice_of("shop"), .subject = slice_of(names[i])};
        struct principal clerk = {.tenant = slice_of("shop"), .subject = slice_of("clerk")};
        principal_identify(&ann);
        principal_identify(&clerk);
        const struct wallet_open own = {.currency = 840},
                                 for_her = {.has_user_id = true, .user_id = slice_of(names[i])};
        const struct account_create account = {.has_owner = true, .owner = slice_of(names[i])};
        slots[i] = domain_place(&domain, &wallet_open_type, &own, &ann, ANY).slot;
        assert_int_equal(domain_place(&domain, &wallet_open_type, &for_her, &clerk, ANY).slot,
                         slots[i]);
        assert_int_equal(domain_place(&domain, &account_create_type, &account, &clerk, ANY).slot,
                         slots[i]);
    }
    assert_int_not_equal(slots[0], slots[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_handled_by_the_kind_it_names),
        cmocka_unit_test(every_event_has_a_rule),
        cmocka_unit_test(every_view_is_in_the_table_of_a_service),
        cmocka_unit_test(a_message_goes_to_the_slot_of_its_accounts),
        cmocka_unit_test(a_message_about_nothing_goes_anywhere),
        cmocka_unit_test(what_one_owner_has_is_in_one_slot),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
