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
#include "schemas/catalog.h"
#include "schemas/common.h"
#include "schemas/ledger.h"

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

/* The shard of what the message is about. */
static uint16_t shard_of(const struct message_type *type, const void *body)
{
    static const struct principal who = {.tenant_id = {7, 7}, .subject_id = {8, 8}};
    return id128_home(domain_target(&domain, type, body, &who, 5));
}

/* Lists go to the shard of their first item, a post or void to that of its pending transfer. */
static void a_message_goes_to_the_shard_of_its_accounts(void **state)
{
    (void)state;
    for (uint16_t home = 0; home < 5; home++) {
        const struct id128 at_home = {9, (uint64_t)77 << 16 | home}, other = {9, 4 - home};
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
        assert_int_equal(shard_of(&account_create_type, &one), home);
        assert_int_equal(shard_of(&accounts_create_type, &accounts), home);
        assert_int_equal(shard_of(&transfers_create_type, &compact), home);
        assert_int_equal(shard_of(&transfers_batch_type, &batch), home);
        assert_int_equal(shard_of(&transaction_create_type, &transaction), home);
        spec[0] = (struct transfer_spec){.pending_id = at_home};
        create[0] = (struct transfer_create){.pending_id = at_home};
        assert_int_equal(shard_of(&transfers_create_type, &compact), home);
        assert_int_equal(shard_of(&transfers_batch_type, &batch), home);
    }
}

/* Without an item, or an id of its own, each goes where its tenant's own things are. */
static void a_message_about_nothing_goes_home_to_its_tenant(void **state)
{
    (void)state;
    const struct accounts_create accounts = {0};
    const struct transfers_create compact = {0};
    const struct transfers_batch batch = {0};
    const struct transaction_create transaction = {0};
    const struct account_create one = {0};
    uint16_t home = shard_of(&accounts_create_type, &accounts);
    assert_true(home < 5);
    assert_int_equal(shard_of(&account_create_type, &one), home);
    assert_int_equal(shard_of(&transfers_create_type, &compact), home);
    assert_int_equal(shard_of(&transfers_batch_type, &batch), home);
    assert_int_equal(shard_of(&transaction_create_type, &transaction), home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_handled_by_the_kind_it_names),
        cmocka_unit_test(every_event_has_a_rule),
        cmocka_unit_test(every_view_is_in_the_table_of_a_service),
        cmocka_unit_test(a_message_goes_to_the_shard_of_its_accounts),
        cmocka_unit_test(a_message_about_nothing_goes_home_to_its_tenant),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
