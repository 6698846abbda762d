/* SPDX-License-Identifier: Apache-2.0 */
/* Entry: the rows that follow from the ledger's events. Every change of an account is one row in
 * `entries`, numbered by the account's version without gaps; each row's hash covers the one before.
 */
#ifndef LEDGER_ENTRY_H
#define LEDGER_ENTRY_H

#include "runtime/actor/domain.h"
#include "runtime/base/sha256.h"
#include "schemas/ledger.h"

/* The hash of an entry that follows one with the hash `before` (zeros before the first): SHA-256
 * over `before` and the entry's fields, big-endian, in the order of their columns, without position
 * and effective_max. sql/sqlite/README.md tells auditors their sizes: they never change. */
struct sha256_digest entry_hash(const struct sha256_digest *before, const struct entries_row *row);

void account_opened_project(struct projection *p, const void *event, uint64_t time_ns);
void account_marked_project(struct projection *p, const void *event, uint64_t time_ns);
void account_updated_project(struct projection *p, const void *event, uint64_t time_ns);
void transfer_posted_project(struct projection *p, const void *event, uint64_t time_ns);
void transfer_pending_project(struct projection *p, const void *event, uint64_t time_ns);
void transfer_resolved_project(struct projection *p, const void *event, uint64_t time_ns);
void transfer_expired_project(struct projection *p, const void *event, uint64_t time_ns);
void transfer_noted_project(struct projection *p, const void *event, uint64_t time_ns);
void transaction_recorded_project(struct projection *p, const void *event, uint64_t time_ns);

#endif
