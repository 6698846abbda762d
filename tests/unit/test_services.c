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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_handled_by_the_kind_it_names),
        cmocka_unit_test(every_event_has_a_rule),
        cmocka_unit_test(every_view_is_in_the_table_of_a_service),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
