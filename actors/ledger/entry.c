/* SPDX-License-Identifier: Apache-2.0 */
/* Path of an entry: it is completed from the account's state as its event left it, sorted with all
 * others of the step, and put after the entry before, whose hash it covers. That is the one put
 * just before, or, of an account's first entry in a step, the one read back from the view. One that
 * is back-dated is put among the late entries too. */
#include "actors/ledger/entry.h"

#include <string.h>

#include "actors/ledger/account.h"
#include "actors/ledger/kept_aside.h"
#include "actors/ledger/late_entry.h"
#include "schemas/common.h"

#define HASHED_MAX 256 /* bytes of the fields of an entry */

/* --- hash chain ------------------------------------------------------------------------------- */

struct packer {
    uint8_t bytes[HASHED_MAX];
    uint32_t len;
};

static void pack_number(struct packer *p, u128 value, uint32_t size)
{
    check(p->len + size <= HASHED_MAX);
    for (uint32_t i = 0; i < size; i++)
        p->bytes[p->len + i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    p->len += size;
}

static void pack_id(struct packer *p, struct id128 id)
{
    check(p->len + 16 <= HASHED_MAX);
    id128_store(id, p->bytes + p->len);
    p->len += 16;
}

struct sha256_digest entry_hash(const struct sha256_digest *before, const struct entries_row *row)
{
    struct packer p = {.len = 0};
    pack_id(&p, row->account_id);
    pack_number(&p, row->version, 8);
    pack_number(&p, row->kind, 1);
    pack_number(&p, row->direction, 1);
    pack_id(&p, row->transfer_id);
    pack_id(&p, row->counterparty_id);
    pack_number(&p, row->amount, 16);
    pack_number(&p, row->code, 2);
    pack_number(&p, row->debits_pending, 16);
    pack_number(&p, row->debits_posted, 16);
    pack_number(&p, row->credits_pending, 16);
    pack_number(&p, row->credits_posted, 16);
    pack_number(&p, row->effective_time, 8);
    pack_number(&p, row->recorded_time, 8);
    const struct slice pieces[] = {
        {(const char *)before->bytes, SHA256_SIZE},
        {(const char *)p.bytes, p.len},
    };
    return sha256(pieces, array_len(pieces));
}

/* --- entries ---------------------------------------------------------------------------------- */

const struct view_scan *entry_walk_below(struct entry_walk *w, struct id128 account_id,
                                         uint64_t version, uint32_t limit)
{
    check(limit > 0);
    w->account = (struct value){VALUE_ID, .id = account_id};
    w->below = (struct value){VALUE_UINT, .number = version};
    w->scan = (struct view_scan){
        .table = &entries_view,
        .index = &entries_view.key,
        .prefix = &w->account,
        .prefix_count = 1,
        .from = version != ENTRY_FROM_NEWEST ? &w->below : NULL,
        .from_count = version != ENTRY_FROM_NEWEST ? 1 : 0,
        .descending = true,
        .limit = limit,
    };
    return &w->scan;
}

/* An entry before it is put: it gets its hash then, from the entry before. */
struct draft_entry {
    struct entries_row row;
    struct sha256_digest hash; /* row.hash points here once it is known */
};

static bool take_previous(void *context, const struct value *values)
{
    struct draft_entry *previous = context;
    bool read = entries_row_from_values(values, &previous->row);
    check(read);
    check(previous->row.hash.len == SHA256_SIZE);
    memcpy(previous->hash.bytes, previous->row.hash.data, SHA256_SIZE);
    return true;
}

static u128 pending_of(const struct entries_row *row, bool debit)
{
    u128 pending = debit ? row->debits_pending : row->credits_pending;
    u128 kept = debit ? row->kept_debits : row->kept_credits;
    check(kept <= pending);
    return pending - kept;
}

/* With what the entry changed, which is what its counters differ by from those before. */
static void put_late(struct projection *p, const struct entries_row *previous,
                     const struct entries_row *row, enum time_axis axis, uint64_t time,
                     uint64_t place)
{
    bool debit = row->direction == ENTRY_DIRECTION_DEBIT;
    check(previous->version < row->version);
    check(time < place);
    uint8_t span = 0;
    while (place - time > late_entry_span_ns(span))
        span++;
    u128 pending = pending_of(row, debit), pending_before = pending_of(previous, debit);
    struct late_entries_row late = {
        .account_id = row->account_id,
        .axis = (uint8_t)axis,
        .span = span,
        .version = row->version,
        .time = time,
        .place = place,
        .direction = row->direction,
        .posted = debit ? row->debits_posted - previous->debits_posted
                        : row->credits_posted - previous->credits_posted,
        .held = pending > pending_before ? pending - pending_before : 0,
        .released = pending < pending_before ? pending_before - pending : 0,
        .currency = row->currency,
    };
    struct value values[LATE_ENTRIES_COLUMNS];
    late_entries_row_to_values(&late, values);
    projection_put(p, &late_entries_view, values);
}

/* The newest entry below this version. A failed read ends the transaction; a missing row would show
 * as a break of the chain. */
static void find_previous(struct projection *p, struct id128 account_id, uint64_t version,
                          struct draft_entry *previous)
{
    struct entry_walk w;
    check(version > 0);
    *previous = (struct draft_entry){.row.account_id = account_id};
    if (version > 1)
        projection_scan(p, entry_walk_below(&w, account_id, version, 1), take_previous, previous);
}

static void put_entry(struct projection *p, const void *before, void *item)
{
    const struct draft_entry *previous = before;
    struct draft_entry *e = item, stored;
    struct entries_row *row = &e->row;
    if (previous == NULL || !id128_equal(previous->row.account_id, row->account_id)) {
        find_previous(p, row->account_id, row->version, &stored);
        previous = &stored;
    }
    check(previous->row.version < row->version);
    bool late = row->effective_time < previous->row.effective_max;
    row->effective_max = late ? previous->row.effective_max : row->effective_time;
    e->hash = entry_hash(&previous->hash, row);
    row->hash = (struct slice){(const char *)e->hash.bytes, SHA256_SIZE};
    struct value values[ENTRIES_COLUMNS];
    entries_row_to_values(row, values);
    projection_put(p, &entries_view, values);
    if (late)
        put_late(p, &previous->row, row, TIME_AXIS_EFFECTIVE, row->effective_time,
                 row->effective_max);
    if (row->has_decided_time && row->decided_time < row->recorded_time)
        put_late(p, &previous->row, row, TIME_AXIS_RECORDED, row->decided_time, row->recorded_time);
}

static const struct sorted_kind sorted_entries = {
    .name = "entries", .item_size = sizeof(struct draft_entry), .put = put_entry};

/* Completes the row from the account's state. */
static void add_entry(struct projection *p, struct draft_entry *e)
{
    struct entries_row *row = &e->row;
    const struct account *a = registry_state(projection_registry(p), KIND_ACCOUNT, row->account_id);
    check(a->version > 0);
    check(row->kind != 0);
    check(row->direction != 0);
    check(row->effective_time <= row->recorded_time);
    check(row->recorded_time != 0);
    row->version = a->version;
    row->position = projection_position(p);
    row->currency = a->currency;
    row->debits_pending = a->debits_pending;
    row->debits_posted = a->debits_posted;
    row->credits_pending = a->credits_pending;
    row->credits_posted = a->credits_posted;
    kept_aside_find(p, a, row);
    projection_put_sorted(p, &sorted_entries, row->account_id, row->version, e);
}

void entry_put_end(struct projection *p, enum entry_kind kind, const struct transfers_row *t,
                   bool debit, uint64_t recorded_time)
{
    struct draft_entry entry = {
        .row = {
            .account_id = debit ? t->debit_account_id : t->credit_account_id,
            .kind = (uint8_t)kind,
            .direction = debit ? ENTRY_DIRECTION_DEBIT : ENTRY_DIRECTION_CREDIT,
            .has_transfer_id = true,
            .transfer_id = t->transfer_id,
            .has_counterparty_id = true,
            .counterparty_id = debit ? t->credit_account_id : t->debit_account_id,
            .amount = t->amount,
            .code = t->code,
            .managed = (t->flags & TRANSFER_FLAGS_MANAGED) != 0,
            .home = t->shard,
            .effective_time = t->effective_time,
            .recorded_time = recorded_time,
            .has_decided_time = recorded_time != t->recorded_time,
            .decided_time = t->recorded_time,
        }};
    add_entry(p, &entry);
}

void entry_put_transfer(struct projection *p, enum entry_kind kind, const struct transfers_row *t)
{
    check(kind <= ENTRY_KIND_PENDING_EXPIRED);
    check(!id128_is_zero(t->transfer_id));
    check(!id128_equal(t->debit_account_id, t->credit_account_id));
    entry_put_end(p, kind, t, true, t->recorded_time);
    entry_put_end(p, kind, t, false, t->recorded_time);
}

void entry_put_change(struct projection *p, enum entry_kind kind, struct id128 account_id,
                      uint64_t effective_time, uint64_t recorded_time)
{
    check(kind > ENTRY_KIND_PENDING_EXPIRED);
    struct draft_entry entry = {.row = {
                                    .account_id = account_id,
                                    .kind = (uint8_t)kind,
                                    .direction = ENTRY_DIRECTION_NONE,
                                    .effective_time = effective_time,
                                    .recorded_time = recorded_time,
                                }};
    add_entry(p, &entry);
}
