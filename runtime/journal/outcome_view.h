/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's own view: which request had which outcome. The projector writes a row for every
 * idempotency key; the shard looks one up when its memory does not hold the key any more. Rows
 * past expires_ns are deleted through by_expiry. */
#ifndef JOURNAL_OUTCOME_VIEW_H
#define JOURNAL_OUTCOME_VIEW_H

#include "runtime/journal/views.h"

enum outcome_column {
    OUTCOME_KEY,         /* ID: primary key */
    OUTCOME_PLACE,       /* UINT: of the record in the shard's journal */
    OUTCOME_EXPIRES_NS,  /* UINT: Unix time */
    OUTCOME_FINGERPRINT, /* ID: of the request's content */
    OUTCOME_COLUMNS,
};

#define OUTCOME_INDEX_BY_EXPIRY 0 /* of outcomes_view.indexes: expires_ns */

extern const struct view_table outcomes_view;

#endif
