/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of wallets and of their holds, from the views, and what lists of one wallet begin with. */
#ifndef WALLET_WALLET_QUERIES_H
#define WALLET_WALLET_QUERIES_H

#include "runtime/actor/domain.h"

struct wallet_row {
    bool found;
    struct id128 tenant_id;
    struct id128 owner_id;
    uint16_t currency;
};

/* The wallet that a list is about, if the caller may see it: RESULT_OK, NOT_FOUND or a failure. */
must_check uint16_t wallet_row_find(struct view_store *s, const struct principal *who,
                                    struct id128 id, struct wallet_row *row);

uint16_t wallet_query_list(struct view_store *s, const struct message *m, struct wire_writer *reply,
                           uint16_t *reply_type);
uint16_t wallet_query_holds(struct view_store *s, const struct message *m,
                            struct wire_writer *reply, uint16_t *reply_type);

#endif
