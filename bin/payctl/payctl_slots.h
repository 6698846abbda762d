/* SPDX-License-Identifier: Apache-2.0 */
/* Which shard of the payd that is asked has which slots. */
#ifndef PAYCTL_SLOTS_H
#define PAYCTL_SLOTS_H

#include "bin/payctl/payctl.h"
#include "runtime/base/slot_map.h"
#include "schemas/operator.h"

/* As the store's information has them. PAYCTL_OK, or what was printed. */
must_check int payctl_slots_read(struct payctl *p, const struct store_info *info,
                                 struct slot_map *slots);
/* The same, asked for. */
must_check int payctl_slots_ask(struct payctl *p, struct slot_map *slots);

#endif
