/* SPDX-License-Identifier: Apache-2.0 */
/* Items are made one after the other, as if nothing had to be loaded, which is usual: one look at
 * each account is then enough. Those of the compact form are as they come; those with the fields of
 * a single transfer are brought to it first. If something is missing all
 * is undone, and what the remaining items need is asked for together before the turn runs again. */
#include "actors/ledger/transfer_batch.h"

#include "actors/ledger/account.h"
#include "actors/ledger/bulk.h"
#include "actors/ledger/bulk_crossing.h"
#include "actors/ledger/bulk_request.h"
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
    bool whole;             /* the answer has all of them */
    bool seen;              /* one was made, or refused of what the caller may see */
    bool awaits;            /* one is under way already: nothing was made */
    struct id128 ask;       /* then: of this list, sent before; zero: by itself, or of another */
    struct posting posting; /* of it; keeps what the one before had in common with it */
    struct bulk_crossing crossing;
};

static void take_up(struct transfers *all, uint32_t i)
{
    all->at = i;
    all->posting.transfer = all->specs[i];
    all->posting.memo = &all->crossing.memo;
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
    if (transfer_half(t, s->id)) /* its words are in another shard */
        return RESULT_EXISTS;
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
    if (bulk_has_id(&all->crossing, all->posting.transfer.id))
        return RESULT_OUTCOME_PENDING;
    earmarks_spare(&all->crossing.earmarks, &all->posting);
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

static bool spec_crosses(const struct bulk *b, struct turn *t, uint32_t first, uint32_t count)
{
    const struct transfers *all = b->context;
    return bulk_crosses(t, &all->crossing, first, count);
}

static uint16_t spec_send(const struct bulk *b, struct turn *t, uint32_t first, uint32_t count,
                          uint32_t *failed)
{
    struct transfers *all = b->context;
    take_up(all, first);
    uint16_t code = bulk_send(t, &all->crossing, first, count, failed);
    const struct transfer_spec *s = &all->specs[*failed];
    return code == RESULT_EXISTS && spec_has_words(all, s) ? spec_exists(t, s) : code;
}

static struct transfers transfers_of(struct turn *t, const struct message *m,
                                     const struct transfer_spec *specs,
                                     const struct transfer_create *asked, uint32_t count)
{
    return (struct transfers){
        .specs = specs,
        .asked = asked,
        .whole = asked != NULL,
        .count = count,
        .posting = {.tenant_id = m->who.tenant_id,
                    .any_tenant = m->who.operator,
                    .adjusts = m->who.adjusts },
                    .crossing = {.who = &m->who,
                                 .specs = specs,
                                 .count = count,
                                 .asked = asked,
                                 .bulk_id = turn_new_id(t, turn_any_slot(t))}};
}

/* Is one of them under way already? By a list with the same content it is this one, sent before.
 * One that has the id of another of this list is refused. */
static enum presence transfers_await(struct turn *t, struct transfers *all, const uint16_t *codes)
{
    enum presence found = PRESENCE_ABSENT;
    for (uint32_t i = 0; i < all->count; i++) {
        const struct bulk_request *b;
        struct id128 bulk_id = ID128_ZERO;
        if (codes[i] != RESULT_OUTCOME_PENDING || bulk_has_id(&all->crossing, all->specs[i].id))
            continue;
        enum presence there = bulk_request_of(t, all->specs[i].id, &b, &bulk_id);
        if (there == PRESENCE_WAITING)
            return there;
        if (id128_equal(bulk_id, all->crossing.bulk_id))
            continue;
        all->awaits = true;
        struct id128 content = bulk_content(all->whole, all->specs, all->count);
        if (there == PRESENCE_THERE && id128_equal(b->content, content))
            all->ask = b->ask;
        found = PRESENCE_THERE;
    }
    return found;
}

/* Nothing remains of what was made; what the items from that on need is asked for together. */
static bool transfers_wait(struct turn *t, struct transfers *all, struct turn_savepoint start)
{
    check(all->at < all->count);
    turn_rollback(t, start);
    for (uint32_t i = all->at; i < all->count; i++) {
        if (bulk_crosses(t, &all->crossing, i, 1)) {
            bulk_prepare(t, &all->crossing, i);
            continue;
        }
        take_up(all, i);
        posting_prepare(t, &all->posting);
    }
    return false;
}

/* Makes them all in order, filling codes[count]; false: something is being loaded. If something is
 * missing nothing is made. Nor is anything while one awaits its outcome, as the answer would be
 * kept, and say that for good; or if a shard is out of reach. */
static bool make_all(struct turn *t, struct transfers *all, uint16_t *codes)
{
    const struct bulk b = {.count = all->count,
                           .context = all,
                           .linked = TRANSFER_FLAGS_LINKED,
                           .imported = TRANSFER_FLAGS_IMPORTED,
                           .flags = spec_flags,
                           .make = spec_make,
                           .refused = spec_refused,
                           .crosses = spec_crosses,
                           .send = spec_send};
    const struct turn_savepoint start = turn_savepoint(t);
    if (!bulk_run(&b, t, codes))
        return transfers_wait(t, all, start);
    if (!all->crossing.unreached)
        bulk_send_parcels(t, &all->crossing);
    if (transfers_await(t, all, codes) == PRESENCE_WAITING)
        return transfers_wait(t, all, start);
    all->seen |= all->crossing.seen;
    if (all->awaits || all->crossing.unreached)
        turn_rollback(t, start);
    return true;
}

/* Of an item that was refused as MANAGED. What it found then it finds again. */
static struct managed_refusal spec_manager(struct turn *t, struct transfers *all, uint32_t i)
{
    take_up(all, i);
    enum presence there = posting_find(t, &all->posting);
    check(there == PRESENCE_THERE);
    return manager_refusal_of_posting(t, &all->posting);
}

/* What is known of them: of all, or of those that are refused. */
static uint32_t transfers_known(struct turn *t, struct transfers *all, const uint16_t *codes,
                                struct batch_result *results)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        uint16_t code = codes[i] == BULK_UNDER_WAY ? RESULT_OK : codes[i];
        if (code == RESULT_OUTCOME_PENDING) /* it has the id of one before it */
            code = RESULT_ID_UNDER_WAY;
        if (code == RESULT_OK && !all->whole)
            continue;
        struct batch_result *r = &results[count++];
        *r = (struct batch_result){
            .index = i, .transfer_id = all->whole ? all->specs[i].id : ID128_ZERO, .result = code};
        if (code == RESULT_MANAGED) {
            const struct managed_refusal managed = spec_manager(t, all, i);
            MANAGER_TELL(r, managed);
        }
    }
    check(count <= all->count);
    return count;
}

/* If nothing was done with what the caller may see, this answer leaves nothing either. What is
 * wrong with the list itself is refused anew. */
static void transfers_reply(struct turn *t, const struct transfers *all,
                            const struct batch_result *results, uint32_t count)
{
    struct bulk_answer *a = turn_alloc(t, sizeof *a);
    check(all->count == 0 || all->at < all->count);
    bulk_answer_make(t, all->whole, results, count, a);
    turn_reply(t, RESULT_OK, a->type, a->body, 0);
    if (!all->seen)
        turn_unseen(t);
}

/* The rest is on its way. */
static void transfers_open(struct turn *t, const struct transfers *all,
                           struct batch_result *results, uint32_t count)
{
    struct bulk_begun e = {
        .bulk_id = all->crossing.bulk_id,
        .content = bulk_content(all->whole, all->specs, all->count),
        .groups = all->crossing.groups,
        .count = all->count,
        .whole = all->whole,
        .results = results,
        .results_count = count,
        .items = all->crossing.items,
        .items_count = all->crossing.items_count,
    };
    check(all->seen);
    bulk_request_open(t, &e);
}

static enum turn_result transfers_make(struct turn *t, struct transfers *all)
{
    uint16_t *codes = turn_alloc(t, (all->count + 1) * sizeof *codes);
    if (!make_all(t, all, codes))
        return TURN_WAIT;
    if (all->awaits && !id128_is_zero(all->ask)) {
        turn_attach(t, all->ask);
        return TURN_DONE;
    }
    if (all->awaits || all->crossing.unreached) {
        turn_refuse(t, all->awaits ? RESULT_OUTCOME_PENDING : ERR_SHARD_UNAVAILABLE);
        return TURN_DONE;
    }
    struct batch_result *results = turn_alloc(t, (all->count + 1) * sizeof *results);
    uint32_t count = transfers_known(t, all, codes, results);
    if (all->crossing.groups > 0)
        transfers_open(t, all, results, count);
    else
        transfers_reply(t, all, results, count);
    return TURN_DONE;
}

enum turn_result transfers_on_create(struct turn *t, struct id128 self, const struct message *m)
{
    (void)self;
    const struct transfers_create *c = m->body;
    struct transfers all = transfers_of(t, m, c->transfers, NULL, c->transfers_count);
    return transfers_make(t, &all);
}

enum turn_result transfers_on_batch(struct turn *t, struct id128 self, const struct message *m)
{
    (void)self;
    const struct transfers_batch *c = m->body;
    uint32_t count = c->transfers_count;
    struct transfer_spec *specs = turn_alloc(t, (count + 1) * sizeof *specs);
    for (uint32_t i = 0; i < count; i++)
        specs[i] = transfer_asked_for(t, &c->transfers[i]);
    struct transfers all = transfers_of(t, m, specs, c->transfers, count);
    return transfers_make(t, &all);
}
