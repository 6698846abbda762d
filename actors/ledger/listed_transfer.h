/* SPDX-License-Identifier: Apache-2.0 */
/* Listed transfer: one of a list, linked to none, that no parcel of legs has a place for: it is
 * pending, balancing, closing, imported, or a post or void of what is held between two shards. The
 * list's shard tells the one where it is at home to make it as if it were asked for there alone,
 * and that one tells the list (bulk_request.h) what came of it. */
#ifndef LEDGER_LISTED_TRANSFER_H
#define LEDGER_LISTED_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/actor/turn.h"
#include "schemas/ledger.h"

enum turn_result listed_transfer_on_make(struct turn *t, struct id128 self,
                                         const struct message *m);

#endif
