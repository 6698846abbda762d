/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's own views, for when the shard's memory does not hold a key any more:
 *   outcomes      which request had which outcome: a row for every idempotency key of a shard (what
 *                 a key is unique in: outcome.h). Rows past expires_ns are deleted through
 *                 by_expiry.
 *   event_places  where the event of an id is (event_rule.key_offset); kept for good. Ids come in
 *                 the order of time, so its inserts are cheap; hence a table of its own. It needs
 *                 no shard: an id carries its home, and only there is it written. */
#ifndef JOURNAL_OUTCOME_VIEW_H
#define JOURNAL_OUTCOME_VIEW_H

#include "runtime/journal/views.h"

enum outcome_column {
    OUTCOME_SHARD,       /* UINT: primary key, with ... */
    OUTCOME_KEY,         /* ID */
    OUTCOME_PLACE,       /* UINT: of the record in the shard's journal */
    OUTCOME_EXPIRES_NS,  /* UINT: Unix time */
    OUTCOME_FINGERPRINT, /* ID: of the request's content */
    OUTCOME_COLUMNS,
};

#define OUTCOME_INDEX_BY_EXPIRY 0 /* of outcomes_view.indexes: shard, expires_ns */

enum event_place_column {
    EVENT_PLACE_ID,    /* ID: primary key */
    EVENT_PLACE_PLACE, /* UINT: of the event in the shard's journal */
    EVENT_PLACE_COLUMNS,
};

extern const struct view_table outcomes_view;
extern const struct view_table event_places_view;

/* Both: every store needs them beside the domain's. */
#define RUNTIME_VIEWS 2
extern const struct view_table *const runtime_views[RUNTIME_VIEWS];

#endif
