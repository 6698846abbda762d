/* SPDX-License-Identifier: Apache-2.0 */
/* A transfer that was never pending is found by its id in the journal's decisions, a pending one as
 * an actor; its note and its reversal under keys derived from its id. */
#include "actors/ledger/transfer.h"

#include "actors/common/attributions.h"
#include "actors/ledger/account.h"
#include "actors/ledger/group_share.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/reservation.h"
#include "actors/ledger/transfer_row.h"
#include "runtime/base/sha256.h"
#include "runtime/base/time.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

#define CODE_DEFAULT 1

/* A client may choose the key of a note as the id of a transfer, but none whose note has a key that
 * is given: it is a hash. So what is found under such a key may be something else, of whoever chose
 * it, and is then no note; the note that comes later takes its place. */
static struct id128 transfer_derived_key(struct id128 transfer_id, const char *what)
{
    uint8_t id[16];
    id128_store(transfer_id, id);
    const struct slice pieces[] = {slice_of(what), {(const char *)id, sizeof id}};
    return id128_derive(sha256_id(pieces, array_len(pieces)), id128_slot(transfer_id));
}

static struct id128 transfer_note_key(struct id128 transfer_id)
{
    return transfer_derived_key(transfer_id, "note");
}

static struct id128 transfer_reversal_key(struct id128 transfer_id)
{
    return transfer_derived_key(transfer_id, "reversal");
}

/* What is known of a transfer under such a key: an event of this number; ABSENT: none. */
static enum presence find_derived(struct turn *t, struct id128 key, uint16_t number,
                                  const void **event)
{
    struct stored_event stored;
    enum presence there = turn_find_decision(t, key, &stored);
    if (there == PRESENCE_THERE && stored.number != number)
        return PRESENCE_ABSENT;
    *event = there == PRESENCE_THERE ? stored.event : NULL;
    return there;
}

enum presence transfer_find_reversal(struct turn *t, struct id128 id, struct id128 *reversal_id)
{
    const void *event;
    enum presence there =
        find_derived(t, transfer_reversal_key(id), TRANSFER_REVERSED_NUMBER, &event);
    if (there != PRESENCE_THERE)
        return there;
    const struct transfer_reversed *e = event;
    check(id128_equal(e->transfer_id, id));
    *reversal_id = e->reversal_id;
    return there;
}

enum presence transfer_find_reversing(struct turn *t, struct id128 id)
{
    const void *event;
    const struct group_share *share;
    enum presence there = find_derived(t, transfer_reversal_key(id), REVERSAL_BEGUN_NUMBER, &event);
    if (there != PRESENCE_THERE)
        return there;
    const struct reversal_begun *e = event;
    check(id128_equal(e->transfer_id, id));
    return turn_find_group_share(t, e->share_id, &share); /* ABSENT: it was refused */
}

bool transfer_note_any(const struct transfer_note *note)
{
    bool pairs = note->has_metadata && note->metadata.count > 0;
    return note->has_description || note->has_reason || pairs;
}

void transfer_note_emit(struct turn *t, struct id128 tenant_id, struct id128 transfer_id,
                        const struct transfer_note *note)
{
    if (!transfer_note_any(note))
        return;
    struct transfer_noted e = {
        .note_key = transfer_note_key(transfer_id),
        .transfer_id = transfer_id,
        .tenant_id = tenant_id,
        .has_description = note->has_description,
        .description = note->description,
        .has_reason = note->has_reason,
        .reason = note->reason,
        .has_metadata = note->has_metadata,
        .metadata = note->metadata,
    };
    turn_emit(t, &transfer_noted_type, &e);
}

void transfer_note_forget(struct turn *t, struct id128 tenant_id, struct id128 transfer_id)
{
    check(!id128_is_zero(transfer_id));
    const struct transfer_noted nothing = {.note_key = transfer_note_key(transfer_id),
                                           .transfer_id = transfer_id,
                                           .tenant_id = tenant_id};
    turn_emit(t, &transfer_noted_type, &nothing);
}

/* Its debit account is the one that was credited. */
struct id128 transfer_reversal_id(struct turn *t, const struct transfer_info *info)
{
    return turn_new_id(t, turn_slot_of(t, info->credit_account_id));
}

void transfer_reversal_emit(struct turn *t, struct id128 transfer_id, struct id128 reversal_id)
{
    check(!id128_equal(transfer_id, reversal_id));
    struct transfer_reversed e = {transfer_reversal_key(transfer_id), transfer_id, reversal_id};
    turn_emit(t, &transfer_reversed_type, &e);
}

void transfer_reversal_begin(struct turn *t, struct id128 transfer_id, struct id128 share_id)
{
    check(!id128_is_zero(transfer_id));
    check(!id128_is_zero(share_id));
    const struct reversal_begun e = {transfer_reversal_key(transfer_id), transfer_id, share_id};
    turn_emit(t, &reversal_begun_type, &e);
}

/* --- asking ----------------------------------------------------------------------------------- */

struct transfer_spec transfer_asked_for(struct turn *t, const struct transfer_create *c)
{
    bool resolves = (c->flags & POSTING_RESOLVES) != 0;
    struct transfer_spec s = {.amount = 0};
    transfer_spec_from_transfer_create(&s, c);
    struct id128 home = transfer_home(c->debit_account_id, c->pending_id);
    s.id = c->has_transfer_id ? c->transfer_id : turn_new_id(t, turn_slot_of(t, home));
    s.code = c->has_code ? c->code : resolves ? 0 : CODE_DEFAULT;
    return s;
}

static bool words_equal(bool asked, struct slice words, bool recorded, struct slice earlier)
{
    return asked == recorded && (!asked || slice_equal(words, earlier));
}

uint16_t transfer_note_check(const struct transfer_info *info, const struct transfer_note *note)
{
    static const struct metadata none;
    if (!words_equal(note->has_description, note->description, info->has_description,
                     info->description))
        return RESULT_EXISTS_WITH_DIFFERENT_DESCRIPTION;
    if (!words_equal(note->has_reason, note->reason, info->has_reason, info->reason))
        return RESULT_EXISTS_WITH_DIFFERENT_REASON;
    const struct metadata *pairs = note->has_metadata ? &note->metadata : &none;
    return fields_metadata_equal(&info->metadata, pairs) ? RESULT_OK
                                                         : RESULT_EXISTS_WITH_DIFFERENT_METADATA;
}

/* --- showing ---------------------------------------------------------------------------------- */

/* The row of a transfer that was never pending; ABSENT if the id is that of something else. */
static enum presence find_decided(struct turn *t, struct id128 id, struct transfers_row *row)
{
    struct stored_event stored;
    enum presence there = turn_find_decision(t, id, &stored);
    if (there != PRESENCE_THERE)
        return there;
    if (stored.number == TRANSFER_POSTED_NUMBER)
        *row = transfer_row_of_posted(stored.event, stored.time_ns);
    else if (stored.number == TRANSFER_RESOLVED_NUMBER)
        *row = transfer_row_of_resolved(stored.event, stored.time_ns);
    else if (stored.number == TRANSFER_CROSSED_NUMBER)
        *row = transfer_row_of_crossed(stored.event, stored.time_ns);
    else if (stored.number == LEG_POSTED_NUMBER)
        *row = transfer_row_of_leg(stored.event);
    else
        return PRESENCE_ABSENT;
    check(id128_equal(row->transfer_id, id));
    if (stored.number == LEG_POSTED_NUMBER)
        return there;
    bool debit = turn_at_home(t, row->debit_account_id);
    const struct account *account;
    there = turn_find_account(t, debit ? row->debit_account_id : row->credit_account_id, &account);
    if (there == PRESENCE_THERE)
        row->tenant_id = account->tenant_id;
    return there;
}

enum presence transfer_find_open(struct turn *t, struct id128 id, struct id128 *tenant_id)
{
    struct stored_event stored;
    const struct reservation *reservation;
    const struct account *account;
    enum presence there = turn_find_decision(t, id, &stored);
    if (there == PRESENCE_THERE && stored.number == LEG_RESERVED_NUMBER) {
        const struct group_leg *leg;
        const struct leg_reserved *e = stored.event;
        return group_share_find_leg(t, e->share_id, id, NULL, &leg, tenant_id);
    }
    if (there != PRESENCE_THERE || stored.number != TRANSFER_RESERVED_NUMBER)
        return there == PRESENCE_WAITING ? there : PRESENCE_ABSENT;
    there = turn_find_reservation(t, reservation_id_of(stored.event), &reservation);
    if (there == PRESENCE_THERE)
        there = turn_find_account(t, reservation_account(&reservation->kept), &account);
    if (there == PRESENCE_THERE)
        *tenant_id = account->tenant_id;
    return there;
}

static enum presence find_row(struct turn *t, struct id128 id, struct transfers_row *row)
{
    const struct pending_transfer *pending;
    enum presence there = turn_find_pending_transfer(t, id, &pending);
    if (there == PRESENCE_THERE)
        *row = transfer_row_of_pending(id, pending);
    return there == PRESENCE_ABSENT ? find_decided(t, id, row) : there;
}

enum presence transfer_info_find_note(struct turn *t, struct transfer_info *info)
{
    const void *note;
    enum presence there =
        find_derived(t, transfer_note_key(info->transfer_id), TRANSFER_NOTED_NUMBER, &note);
    if (there != PRESENCE_THERE)
        return there;
    const struct transfer_noted *e = note;
    check(id128_equal(e->transfer_id, info->transfer_id));
    info->has_description = e->has_description;
    info->description = e->description;
    info->has_reason = e->has_reason;
    info->reason = e->reason;
    info->metadata = e->metadata;
    return there;
}

void transfer_info_take_note(struct transfer_info *info, const struct transfer_info *from)
{
    info->has_description = from->has_description;
    info->description = from->description;
    info->has_reason = from->has_reason;
    info->reason = from->reason;
    info->metadata = from->metadata;
}

enum presence transfer_info_find(struct turn *t, struct id128 id, struct transfer_info *info,
                                 struct id128 *tenant_id)
{
    struct transfers_row row;
    enum presence there = find_row(t, id, &row);
    if (there == PRESENCE_ABSENT)
        return there;
    struct transfer_info note = {.transfer_id = id};
    struct id128 reversed_by_id;
    enum presence noted = transfer_info_find_note(t, &note);
    enum presence reversed = transfer_find_reversal(t, id, &reversed_by_id);
    if (there == PRESENCE_WAITING || noted == PRESENCE_WAITING || reversed == PRESENCE_WAITING)
        return PRESENCE_WAITING;
    *tenant_id = row.tenant_id;
    char *memory = turn_alloc(t, MANAGER_TEXT_MAX);
    *info = transfer_row_info(&row, memory);
    transfer_info_take_note(info, &note);
    info->has_reversed_by_id = reversed == PRESENCE_THERE;
    if (info->has_reversed_by_id)
        info->reversed_by_id = reversed_by_id;
    return PRESENCE_THERE;
}

bool transfer_half(struct turn *t, struct id128 id)
{
    struct stored_event stored;
    check(!id128_is_zero(id));
    if (turn_find_decision(t, id, &stored) != PRESENCE_THERE)
        return false;
    if (stored.number == LEG_POSTED_NUMBER)
        return (((const struct leg_posted *)stored.event)->ends & LEG_ENDS_HOME) == 0;
    if (stored.number == LEG_HELD_NUMBER)
        return (((const struct leg_held *)stored.event)->ends & LEG_ENDS_DEBIT) == 0;
    const struct transfer_crossed *crossed = stored.event;
    const struct transfer_resolved *resolved = stored.event;
    return (stored.number == TRANSFER_CROSSED_NUMBER && !crossed->has_decided_time) ||
           (stored.number == TRANSFER_RESOLVED_NUMBER &&
            !turn_at_home(t, resolved->debit_account_id));
}

bool transfer_in_group(struct turn *t, struct id128 id, uint16_t *home)
{
    struct stored_event stored;
    check(!id128_is_zero(id));
    if (turn_find_decision(t, id, &stored) != PRESENCE_THERE || stored.number != LEG_POSTED_NUMBER)
        return false;
    *home = ((const struct leg_posted *)stored.event)->home;
    return true;
}

enum presence transfer_info_attribute(struct turn *t, struct transfer_info *info)
{
    struct attribution who;
    enum presence there = turn_find_attribution(t, info->transfer_id, &who);
    if (there != PRESENCE_THERE)
        return there;
    const struct attributed by = attributed_of(&who, who.request);
    transfer_info_from_attributed(info, &by);
    return there;
}

static enum transfer_status status_after(uint32_t flags)
{
    if ((flags & TRANSFER_FLAGS_PENDING) != 0)
        return TRANSFER_STATUS_PENDING;
    return (flags & TRANSFER_FLAGS_VOID_PENDING) != 0 ? TRANSFER_STATUS_VOIDED
                                                      : TRANSFER_STATUS_POSTED;
}

/* A member that a post or void leaves out is taken from the pending transfer. */
static void info_complete(struct transfer_info *info, const struct transfer_spec *s,
                          const struct pending_transfer *h)
{
    check(info->currency == h->currency);
    info->code = h->code;
    if (!s->has_user_data_128)
        info->user_data_128 = h->user_data_128;
    if (!s->has_user_data_64)
        info->user_data_64 = h->user_data_64;
    if (!s->has_user_data_32)
        info->user_data_32 = h->user_data_32;
}

struct transfer_info transfer_info_of_posting(struct turn *t, const struct posting *p,
                                              const struct transfer_note *note)
{
    const struct transfer_spec *s = &p->transfer;
    uint64_t now = turn_time(t);
    check(p->debit != NULL);
    check(!p->exists);
    bool pending = (s->flags & TRANSFER_FLAGS_PENDING) != 0;
    struct transfer_info info = {
        .transfer_id = s->id,
        .status = (uint8_t)status_after(s->flags),
        .has_posted_amount = pending,
        .has_remaining_amount = pending,
        .remaining_amount = p->amount,
        .has_expires_time = s->has_timeout_s,
        .expires_time = now + (uint64_t)s->timeout_s * NS_PER_S,
        .has_reverses_id = !id128_is_zero(p->reverses_id),
        .reverses_id = p->reverses_id,
        .has_transaction_id = !id128_is_zero(p->transaction_id),
        .transaction_id = p->transaction_id,
        .recorded_time = now,
    };
    transfer_info_from_transfer_spec(&info, s);
    info.has_description = note->has_description;
    info.description = note->description;
    info.has_reason = note->has_reason;
    info.reason = note->reason;
    info.metadata = note->metadata;
    info.debit_account_id = p->debit_id;
    info.credit_account_id = p->credit_id;
    info.amount = p->amount;
    info.currency = p->debit->currency;
    info.effective_time = s->has_effective_time ? s->effective_time : now;
    if (p->pending != NULL)
        info_complete(&info, s, p->pending);
    return info;
}
