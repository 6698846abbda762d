/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk request: a list of transfers of which some are on their way over shards, each chain of them
 * and each transfer that is linked to none as a group (group.h), whose asker it is, or made by its
 * home (listed_transfer.h). It knows what
 * came of those that are decided, and when all are it answers the request. While it is open the
 * same list, sent again, waits for that answer too. */
#ifndef LEDGER_BULK_REQUEST_H
#define LEDGER_BULK_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/ledger/group.h"
#include "runtime/actor/domain.h"
#include "runtime/actor/turn.h"
#include "schemas/ledger.h"

struct bulk_request {
    struct id128 ask;             /* who waits for it */
    struct id128 content;         /* bulk_content() of the list */
    uint32_t groups;              /* under way, and each of items */
    struct bulk_refusal *refused; /* by those decided so far */
    uint32_t refused_count;
    struct bulk_item *items; /* that their homes have not made or refused yet */
    uint32_t items_count;
};

extern const struct actor_kind bulk_request_kind;

/* Of a list with these transfers in this order. `whole`: its answer has all of them. */
struct id128 bulk_content(bool whole, const struct transfer_spec *specs, uint32_t count);

/* What the answer to a list says: of each transfer, or of those alone that are refused. */
struct bulk_answer {
    const struct message_type *type;
    const void *body;
    struct item_results refused;
    struct batch_results whole;
};
void bulk_answer_make(struct turn *t, bool whole, const struct batch_result *results,
                      uint32_t count, struct bulk_answer *a);

/* The list of which the transfer with this id is under way. ABSENT: it is under way otherwise. */
must_check enum presence bulk_request_of(struct turn *t, struct id128 transfer_id,
                                         const struct bulk_request **b, struct id128 *bulk_id);

/* Leaves the request open: all but e->ask is filled. */
void bulk_request_open(struct turn *t, struct bulk_begun *e);

/* What home knows of a list of which a group is decided: what it began with, if that was the last
 * one, else NULL. */
must_check enum presence bulk_outcome_find(struct turn *t, struct id128 bulk_id,
                                           const struct bulk_begun **begun);

/* Records what came of the group, once its transfers are, and answers if it was the last. */
void bulk_conclude(struct turn *t, const struct group_way *w, struct id128 bulk_id,
                   const struct group_follow *f, const struct bulk_begun *begun);

void bulk_begun_apply(struct registry *r, const void *event, uint64_t time_ns);
void bulk_followed_apply(struct registry *r, const void *event, uint64_t time_ns);

#endif
