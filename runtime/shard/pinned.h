/* SPDX-License-Identifier: Apache-2.0 */
/* Pinned: the states of those kinds of which a shard has all in memory while it runs
 * (actor_kind.pinned), read when it starts. */
#ifndef SHARD_PINNED_H
#define SHARD_PINNED_H

#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/error.h"
#include "runtime/store/view_store.h"

struct residence; /* runtime/shard/residence.h */

/* Before the journal's tail is replayed, on the recovery's worker; `views` NULL: nothing is stored.
 * From then on what is not in memory of these kinds does not exist. CORRUPT: a state cannot be
 * read, which the views have been told; else what the store says. */
must_check enum err pinned_load(struct residence *r, struct view_store *views, uint16_t shard);

#endif
