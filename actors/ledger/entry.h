/* SPDX-License-Identifier: Apache-2.0 */
/* Entry: one change of one account, and its row. Every change of an account is one row in
 * `entries`, numbered by the account's version after it; each row's hash covers the one before.
 */
#ifndef LEDGER_ENTRY_H
#define LEDGER_ENTRY_H

#include "runtime/actor/domain.h"
#include "runtime/base/sha256.h"
#include "schemas/ledger.h"

/* The hash of an entry that follows one with the hash `before` (zeros before the first): SHA-256
 * over `before` and the entry's fields, big-endian, in the order of their columns, without position
 * and effective_max. sql/sqlite/README.md gives auditors their sizes: they never change. */
struct sha256_digest entry_hash(const struct sha256_digest *before, const struct entries_row *row);

/* The entries of both accounts of a transfer, of which the row says ids, shard, amount, code and
 * times. */
void entry_put_transfer(struct projection *p, enum entry_kind kind, const struct transfers_row *t);

/* Only that of one account, where the other is in another shard; recorded there at this time, and
 * decided when the row says. */
void entry_put_end(struct projection *p, enum entry_kind kind, const struct transfers_row *t,
                   bool debit, uint64_t recorded_time);

#define ENTRY_FROM_NEWEST 0 /* below no version in particular: the first one is 1 */

/* For a walk over an account's entries below this version, the newest first. Kept with what it
 * points to. */
struct entry_walk {
    struct value account, below;
    struct view_scan scan;
};

const struct view_scan *entry_walk_below(struct entry_walk *w, struct id128 account_id,
                                         uint64_t version, uint32_t limit);

/* The entry of a change that moves nothing. */
void entry_put_change(struct projection *p, enum entry_kind kind, struct id128 account_id,
                      uint64_t effective_time, uint64_t recorded_time);

#endif
