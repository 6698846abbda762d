/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/forex/forex_service.h"

#include "actors/forex/forex_queries.h"
#include "actors/forex/forex_views.h"
#include "actors/forex/pair.h"
#include "actors/forex/pair_copy.h"
#include "schemas/common.h"

static const struct actor_kind *const kinds[] = {
    &pair_kind,
    &pair_copy_kind,
};

static const struct event_rule rules[] = {
    {&rate_changed_type, MESSAGE_NO_OFFSET, pair_apply_changed, pair_project_changed},
    {&rate_kept_aside_type, MESSAGE_NO_OFFSET, pair_apply_kept_aside, NULL},
    {&rate_proposed_type, MESSAGE_NO_OFFSET, pair_apply_proposed, NULL},
    {&rate_copied_type, MESSAGE_NO_OFFSET, pair_copy_apply, NULL},
};

static const struct query queries[] = {
    {&rate_history_list_type, forex_query_history},
};

static const struct locator locators[] = {
    {&rate_get_type, pair_locate_codes},       {&rate_pair_get_type, pair_locate_text},
    {&rate_set_type, pair_locate_text},        {&rate_release_type, pair_locate_text},
    {&rate_observe_type, pair_locate_text},    {&rate_told_type, pair_copy_locate},
    {&convert_type, pair_copy_locate_convert},
};

static const struct view_table *const views[] = {
    &rate_changes_view,
};

/* A rate is above 0, and what is stale after some time was seen before. */
static bool audit_core(const struct rate_core *c, const char **broken)
{
    if (c->digits >= RATE_BELOW || c->manual_digits >= RATE_BELOW)
        *broken = "a rate has more than 18 digits";
    else if ((c->digits != 0) != (c->observed_at < c->stale_after))
        *broken = "a rate is stale before it was seen";
    else if ((c->digits != 0) != (c->source.len != 0))
        *broken = "a rate comes from nobody";
    return *broken == NULL;
}

static bool audit_pair(void *context, struct id128 id, const void *state)
{
    const struct pair *p = state;
    (void)id;
    return audit_core(&p->core, context);
}

static bool audit_copy(void *context, struct id128 id, const void *state)
{
    const struct pair_copy *p = state;
    (void)id;
    return audit_core(&p->core, context);
}

static const char *forex_service_audit(struct registry *r)
{
    const char *broken = NULL;
    registry_each(r, KIND_PAIR, audit_pair, &broken);
    if (broken == NULL)
        registry_each(r, KIND_PAIR_COPY, audit_copy, &broken);
    return broken;
}

const struct service forex_service = {
    .name = "forex",
    .kinds = kinds,
    .kind_count = array_len(kinds),
    .rules = rules,
    .rule_count = array_len(rules),
    .queries = queries,
    .query_count = array_len(queries),
    .locators = locators,
    .locator_count = array_len(locators),
    .views = views,
    .view_count = array_len(views),
    .audit = forex_service_audit,
};
