/* SPDX-License-Identifier: Apache-2.0 */
/* Items are made one after the other, as if nothing had to be loaded, which is usual: one look at
 * each account is then enough. Those of the compact form are as they come; those with the fields of
 * a single transfer are brought to it first. If something is missing all
 * is undone, and what the remaining items need is asked for together before the turn runs again. */
#include "actors/ledger/transfer_batch.h"

#include "actors/ledger/account.h"
#include "actors/ledger/bulk.h"
#include "actors/ledger/manager.h"
#include "actors/ledger/posting.h"
#include "actors/ledger/transfer.h"
#include "schemas/common.h"
#include "schemas/result.h"

/* All items of a message. */
struct transfers {
    const struct transfer_spec *specs;
    const struct transfer_create *asked; /* NULL: in the compact form */
    uint32_t count;
    uint32_t at;            /* the item at work */
    bool seen;              /* one was made, or refused of what the caller may see */
    bool awaits;            /* one is under way by itself: nothing was made */
    struct posting posting; /* of it; keeps what the one before had in common with it */
};

static void take_up(struct transfers *all, uint32_t i)
{
    all->at = i;
    all->posting.transfer = all->specs[i];
}

static uint32_t spec_flags(const struct bulk *b, uint32_t i)
{
    const struct transfers *all = b->context;
    return all->specs[i].flags;
}

/* Words that are compared with those of a transfer that is there. The compact form may leave them
 * out: without them a list that is sent again, as an import is, costs no look at what was noted. */
static bool spec_has_words(const struct transfers *all, const struct transfer_spec *s)
{
    return all->asked != NULL || s->has_reason || s->has_description || s->has_metadata;
}

/* The same id and content was there before: are the words the same, too? */
static uint16_t spec_exists(struct turn *t, const struct transfer_spec *s)
{
    struct transfer_info info;
    struct id128 tenant_id;
    const struct transfer_note note = TRANSFER_NOTE_WITH_REASON_OF(s);
    enum presence there = transfer_info_find(t, s->id, &info, &tenant_id);
    if (there == PRESENCE_WAITING)
        return BULK_WAITING;
    check(there == PRESENCE_THERE);
    check(id128_equal(info.transfer_id, s->id));
    uint16_t differs = transfer_note_check(&info, &note);
    return differs == RESULT_OK ? RESULT_EXISTS : differs;
}

/* What was emitted has these words. */
static void spec_emit_words(struct turn *t, const struct posting *p)
{
    const struct transfer_spec *s = &p->transfer;
    check(p->debit != NULL);
    check(s->has_reason || s->has_description || s->has_metadata);
    const struct transfer_note note = TRANSFER_NOTE_WITH_REASON_OF(s);
    transfer_note_emit(t, p->debit->tenant_id, s->id, &note);
}

static uint16_t spec_make(const struct bulk *b, struct turn *t, uint32_t i)
{
    struct transfers *all = b->context;
    take_up(all, i);
    if (posting_find(t, &all->posting) == PRESENCE_WAITING)
        return BULK_WAITING;
    uint16_t code = posting_check(t, &all->posting);
    all->seen |=
        code == RESULT_OK || code == RESULT_EXISTS || !posting_unseen(t, &all->posting, code);
    const struct transfer_spec *s = &all->posting.transfer;
    if (code == RESULT_EXISTS && spec_has_words(all, s))
        return spec_exists(t, s);
    if (code != RESULT_OK)
        return code;
    posting_emit(t, &all->posting);
    if (s->has_reason || s->has_description || s->has_metadata)
        spec_emit_words(t, &all->posting);
    return code;
}

static void spec_refused(const struct bulk *b, struct turn *t, uint32_t i, uint16_t code)
{
    struct transfers *all = b->context;
    take_up(all, i);
    if (all->asked == NULL || all->asked[i].has_transfer_id)
        posting_refused(t, &all->posting, code);
}

static struct transfers transfers_of(const struct message *m, const struct transfer_spec *specs,
                                     uint32_t count)
{
    return (struct transfers){.specs = specs,
                              .count = count,
                              .posting = {.tenant_id = m->who.tenant_id,
                                          .any_tenant = m->who.operator,
                                          .adjusts = m->who.adjusts } };
}

/* One of them was asked for by itself, and is under way between shards. */
static bool transfers_await(const struct transfers *all, const uint16_t *codes)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (codes[i] == RESULT_OUTCOME_PENDING)
            return true;
    return false;
}

/* Makes them all in order, filling codes[count]; false: something is being loaded. If something is
 * missing nothing is made, and all that the remaining items need is asked for together. Nor is
 * anything while one awaits its outcome: the answer would be kept, and say that for good. */
static bool make_all(struct turn *t, struct transfers *all, uint16_t *codes)
{
    const struct bulk b = {all->count, all,       TRANSFER_FLAGS_LINKED, TRANSFER_FLAGS_IMPORTED,
                           spec_flags, spec_make, spec_refused};
    const struct turn_savepoint start = turn_savepoint(t);
    if (bulk_run(&b, t, codes)) {
        all->awaits = transfers_await(all, codes);
        if (all->awaits)
            turn_rollback(t, start);
        return true;
    }
    check(all->at < all->count);
    turn_rollback(t, start);
    for (uint32_t i = all->at; i < all->count; i++) {
        take_up(all, i);
        posting_prepare(t, &all->posting);
    }
    return false;
}

/* Of an item that was refused as MANAGED. What it found then it finds again. */
static struct managed_refusal spec_manager(struct turn *t, struct transfers *all, uint32_t i)
{
    take_up(all, i);
    enum presence there = posting_find(t, &all->posting);
    check(there == PRESENCE_THERE);
    return manager_refusal_of_posting(t, &all->posting);
}

/* If nothing was done with what the caller may see, this answer leaves nothing either. What is
 * wrong with the list itself is refused anew. */
static void transfers_reply(struct turn *t, const struct transfers *all,
                            const struct message_type *type, const void *body)
{
    check(all->count == 0 || all->at < all->count);
    turn_reply(t, RESULT_OK, type, body, 0);
    if (!all->seen)
        turn_unseen(t);
}

enum turn_result transfers_on_create(struct turn *t, struct id128 self, const struct message *m)
{
    (void)self;
    const struct transfers_create *c = m->body;
    uint16_t *codes = turn_alloc(t, (c->transfers_count + 1) * sizeof *codes);
    struct item_result *results = turn_alloc(t, (c->transfers_count + 1) * sizeof *results);
    struct transfers all = transfers_of(m, c->transfers, c->transfers_count);
    if (!make_all(t, &all, codes))
        return TURN_WAIT;
    if (all.awaits) {
        turn_refuse(t, RESULT_OUTCOME_PENDING);
        return TURN_DONE;
    }
    const struct item_results refused = bulk_results(codes, c->transfers_count, results);
    for (uint32_t i = 0; i < refused.results_count; i++) {
        if (results[i].result == RESULT_MANAGED) {
            const struct managed_refusal managed = spec_manager(t, &all, results[i].index);
            MANAGER_TELL(&results[i], managed);
        }
    }
    transfers_reply(t, &all, &item_results_type, &refused);
    return TURN_DONE;
}

enum turn_result transfers_on_batch(struct turn *t, struct id128 self, const struct message *m)
{
    (void)self;
    const struct transfers_batch *c = m->body;
    uint32_t count = c->transfers_count;
    uint16_t *codes = turn_alloc(t, (count + 1) * sizeof *codes);
    struct batch_results reply = {.results = turn_alloc(t, (count + 1) * sizeof *reply.results)};
    struct transfer_spec *specs = turn_alloc(t, (count + 1) * sizeof *specs);
    for (uint32_t i = 0; i < count; i++)
        specs[i] = transfer_asked_for(t, &c->transfers[i]);
    struct transfers all = transfers_of(m, specs, count);
    all.asked = c->transfers;
    if (!make_all(t, &all, codes))
        return TURN_WAIT;
    if (all.awaits) {
        turn_refuse(t, RESULT_OUTCOME_PENDING);
        return TURN_DONE;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct batch_result *r = &reply.results[i];
        *r = (struct batch_result){.index = i, .transfer_id = specs[i].id, .result = codes[i]};
        if (codes[i] == RESULT_MANAGED) {
            const struct managed_refusal managed = spec_manager(t, &all, i);
            MANAGER_TELL(r, managed);
        }
        if (codes[i] == RESULT_OK || codes[i] == RESULT_EXISTS)
            reply.succeeded++;
        else
            reply.failed++;
    }
    check(reply.succeeded + reply.failed == count);
    reply.results_count = count;
    transfers_reply(t, &all, &batch_results_type, &reply);
    return TURN_DONE;
}
