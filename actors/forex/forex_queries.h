/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of exchange rates, read from the views. */
#ifndef FOREX_FOREX_QUERIES_H
#define FOREX_FOREX_QUERIES_H

#include <stdint.h>

#include "runtime/actor/domain.h"

uint16_t forex_query_history(struct view_store *s, const struct message *m,
                             struct wire_writer *reply, uint16_t *reply_type);

#endif
