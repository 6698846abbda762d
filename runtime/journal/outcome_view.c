/* SPDX-License-Identifier: Apache-2.0 */
/* The tables as sql/sqlite/0001_views_runtime.sql and 0005_views_outcome_shards.sql create them. */
#include "runtime/journal/outcome_view.h"

static const char *const column_names[OUTCOME_COLUMNS] = {
    [OUTCOME_SHARD] = "shard",
    [OUTCOME_KEY] = "key",
    [OUTCOME_PLACE] = "place",
    [OUTCOME_EXPIRES_NS] = "expires_ns",
    [OUTCOME_FINGERPRINT] = "fingerprint",
};

static const enum value_type column_types[OUTCOME_COLUMNS] = {
    [OUTCOME_SHARD] = VALUE_UINT,
    [OUTCOME_KEY] = VALUE_ID,
    [OUTCOME_PLACE] = VALUE_UINT,
    [OUTCOME_EXPIRES_NS] = VALUE_UINT,
    [OUTCOME_FINGERPRINT] = VALUE_ID,
};

static const struct view_index indexes[] = {
    [OUTCOME_INDEX_BY_EXPIRY] = {"by_expiry", {OUTCOME_SHARD, OUTCOME_EXPIRES_NS}, 2},
};

const struct view_table outcomes_view = {
    .name = "outcomes",
    .column_names = column_names,
    .column_types = column_types,
    .column_count = OUTCOME_COLUMNS,
    .key = {"key", {OUTCOME_SHARD, OUTCOME_KEY}, 2},
    .indexes = indexes,
    .index_count = array_len(indexes),
};

static const char *const place_names[EVENT_PLACE_COLUMNS] = {
    [EVENT_PLACE_ID] = "id",
    [EVENT_PLACE_PLACE] = "place",
};

static const enum value_type place_types[EVENT_PLACE_COLUMNS] = {
    [EVENT_PLACE_ID] = VALUE_ID,
    [EVENT_PLACE_PLACE] = VALUE_UINT,
};

const struct view_table event_places_view = {
    .name = "event_places",
    .column_names = place_names,
    .column_types = place_types,
    .column_count = EVENT_PLACE_COLUMNS,
    .key = {"key", {EVENT_PLACE_ID}, 1},
};

const struct view_table *const runtime_views[RUNTIME_VIEWS] = {&outcomes_view, &event_places_view};
