/* SPDX-License-Identifier: Apache-2.0 */
/* The rules, and their order, are those of a single transfer. What is decided here is told at once,
 * what another shard decides once that is followed (transfer_crossing.h). */
#include "actors/ledger/listed_transfer.h"

#include "actors/ledger/account.h"
#include "actors/ledger/manager.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/token.h"
#include "actors/ledger/transfer.h"
#include "actors/ledger/transfer_crossing.h"
#include "actors/ledger/transfer_messages.h"
#include "runtime/base/mutant.h"
#include "runtime/base/slot_map.h"
#include "schemas/result.h"

/* Why no list can have told so; NULL: it fits. */
static const char *listed_fault(struct turn *t, const struct listed_transfer *c)
{
    const struct send_origin *o = turn_origin(t);
    check(o != NULL);
    if (id128_is_zero(c->list_id) || slot_map_home(turn_slots(t), c->list_id) != o->shard)
        return "a transfer of another shard's list";
    return turn_at_home(t, c->home_id) && (c->transfer.flags & TRANSFER_FLAGS_LINKED) == 0
               ? NULL
               : "a transfer of a list that is not made here";
}

/* The same id was there before: with these words? */
static enum presence listed_exists(struct turn *t, const struct transfer_spec *s, uint16_t *code)
{
    struct transfer_info info;
    struct id128 tenant_id;
    const struct transfer_note note = TRANSFER_NOTE_WITH_REASON_OF(s);
    enum presence there = transfer_info_find(t, s->id, &info, &tenant_id);
    check(*code == RESULT_EXISTS);
    if (there != PRESENCE_THERE)
        return there;
    uint16_t differs = transfer_note_check(&info, &note);
    if (differs != RESULT_OK)
        *code = differs;
    return there;
}

/* It is decided here: o->result is what came of it. */
static enum presence listed_conclude(struct turn *t, const struct listed_transfer *c,
                                     struct posting *p, struct bulk_refusal *o)
{
    const struct transfer_spec *s = &c->transfer;
    const struct transfer_note note = TRANSFER_NOTE_WITH_REASON_OF(s);
    if (o->result == RESULT_OUTCOME_PENDING) /* by another request */
        o->result = RESULT_ID_UNDER_WAY;
    if (o->result == RESULT_MANAGED)
        manager_note_posting(p, o);
    if (o->result == RESULT_EXISTS)
        return listed_exists(t, s, &o->result);
    if (o->result != RESULT_OK) {
        if ((c->marks & TOKEN_MARKS_ID_CHOSEN) != 0)
            posting_refused(t, p, o->result);
        return PRESENCE_THERE;
    }
    struct id128 tenant_id = p->pending != NULL ? p->pending->tenant_id : p->debit->tenant_id;
    posting_emit(t, p);
    transfer_note_emit(t, tenant_id, s->id, &note);
    return PRESENCE_THERE;
}

/* Makes it, or asks another shard for it, or finds why not: o->result. *asked: that shard will say.
 */
static enum presence listed_make(struct turn *t, const struct message *m, struct bulk_refusal *o,
                                 bool *asked)
{
    const struct listed_transfer *c = m->body;
    struct principal who = m->who;
    struct posting p = {.transfer = c->transfer,
                        .tenant_id = who.tenant_id,
                        .any_tenant = who.operator,
                        .adjusts =(c->marks & TOKEN_MARKS_ADJUSTS) != 0,
                        .over_shards = true};
    who.adjusts = p.adjusts;
    if (transfer_spec_crosses(t, &c->transfer)) {
        if (transfer_cross_listed(t, &who, c, &p, &o->result) == PRESENCE_WAITING)
            return PRESENCE_WAITING;
        *asked = o->result == RESULT_OK;
    } else {
        if (posting_find(t, &p) == PRESENCE_WAITING)
            return PRESENCE_WAITING;
        o->result = transfer_created_check(t, &p);
        *asked = o->result == RESULT_OK && posting_has(&p, TRANSFER_FLAGS_POST_PENDING) &&
                 p.pending->crosses;
        if (*asked)
            post_cross_listed(t, &who, c, &p);
    }
    return *asked ? PRESENCE_THERE : listed_conclude(t, c, &p, o);
}

enum turn_result listed_transfer_on_make(struct turn *t, struct id128 self, const struct message *m)
{
    const struct listed_transfer *c = m->body;
    const struct send_origin *o = turn_origin(t);
    struct bulk_refusal outcome = {.place = c->place, .result = RESULT_DEADLINE_PASSED};
    bool asked = false;
    (void)self;
    if (o == NULL) {
        turn_refuse(t, RESULT_UNSUPPORTED);
        return TURN_DONE;
    }
    const char *fault = listed_fault(t, c);
    if (fault != NULL)
        return turn_fail(t, fault);
    bool timely = turn_now(t) <= c->decide_until && !o->refusing;
    if (timely && listed_make(t, m, &outcome, &asked) == PRESENCE_WAITING)
        return TURN_WAIT;
    if (!asked || MUTANT(KEPT_IS_MADE))
        crossing_tell_list(t, c->list_id, &outcome);
    return TURN_DONE;
}
