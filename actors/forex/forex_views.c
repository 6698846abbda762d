/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/forex/forex_views.h"

#include "actors/forex/pair.h"

/* What counts from the change on. */
void pair_project_changed(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct rate_changed *e = event;
    struct pair_now now;
    struct rate_changes_row row = {
        .from_currency = e->from_currency,
        .to_currency = e->to_currency,
        .version = e->version,
        .change = e->change,
        .recorded_at = time_ns,
        .has_note = e->has_note,
        .note = e->note,
    };
    if (pair_at(&e->core, e->version, time_ns, &now)) {
        row.digits = now.rate.digits;
        row.scale = now.rate.scale;
        row.manual = now.manual;
        row.has_source = row.has_observed_at = true;
        row.source = now.source;
        row.observed_at = now.observed_ns;
    }
    struct value values[RATE_CHANGES_COLUMNS];
    rate_changes_row_to_values(&row, values);
    projection_put(to, &rate_changes_view, values);
}
