/* SPDX-License-Identifier: Apache-2.0 */
/* Attributions: who did what a row of a view shows. Rows have the journal position of their event;
 * the view `attributions` has, for each batch, the item at which a record begins and who asked for
 * it (wire/attribution.h), one record behind the other: those that have rows. One reader per query,
 * on the read worker.
 */
#ifndef COMMON_ATTRIBUTIONS_H
#define COMMON_ATTRIBUTIONS_H

#include "runtime/actor/domain.h"
#include "runtime/actor/message.h"
#include "runtime/base/arena.h"
#include "runtime/store/view_store.h"
#include "runtime/wire/attribution.h"
#include "schemas/common.h"

struct attributions {
    struct view_store *store;
    struct arena *arena; /* of what is found */
    const struct message *message;
    enum err error;     /* a row could not be read, or there was no memory */
    bool read;          /* the records of the batch below are here */
    uint16_t shard;
    uint64_t seq;
    struct arena batch; /* memory of these: a busy one has far more records than a page has rows */
    struct slice records;
    struct attribution_list principals;
};

/* What is found lives in the arena. */
void attributions_init(struct attributions *a, struct view_store *s, const struct message *m,
                       struct arena *arena);
void attributions_done(struct attributions *a);

/* Who did what stands at this position of the journal of a shard, or of the one that is the home of
 * `id`. What is not known is absent; whether reading failed is in a->error. */
struct attributed attributions_find_in(struct attributions *a, uint16_t shard, uint64_t position);
struct attributed attributions_find(struct attributions *a, struct id128 id, uint64_t position);

/* What of it somebody is told who is a party: all, if they may act for any owner, if it was they
 * themselves or the system, or if it was done for their own side. Nobody is told who acts for the
 * other one. */
struct attributed attributions_told(const struct principal *who, struct attributed by,
                                    bool own_side);

/* The name of the tenant that it was done for; empty if there was none or it is not known. */
struct slice attributions_tenant(struct attributions *a, struct id128 id, uint64_t position);

/* For project functions: the record of this position of their shard has no rows any more, so nobody
 * asks who asked for it. */
void attributions_forget(struct projection *p, uint64_t position);

/* The same as attributions_find() of what was found elsewhere, with the text of the request's id;
 * nothing is copied. */
struct attributed attributed_of(const struct attribution *from, struct slice request);

#endif
