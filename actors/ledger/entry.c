/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of accounts, entries and transfers. Runs behind the journal with states as they were after
 * each event. */
#include "actors/ledger/entry.h"

#include <string.h>

#include "actors/ledger/account.h"
#include "actors/ledger/pending_transfer.h"
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

/* An entry on its way: it gets its hash when it is put, behind the entry before. */
struct draft_entry {
    struct entries_row row;
    struct sha256_digest hash; /* row.hash points here once it is known */
};

static bool take_previous(void *context, const struct value *values)
{
    struct draft_entry *previous = context;
    bool read = entries_row_from_values(values, &previous->row);
    check(read && previous->row.hash.len == SHA256_SIZE);
    memcpy(previous->hash.bytes, previous->row.hash.data, SHA256_SIZE);
    return true;
}

/* With what the entry changed, which is what its counters differ by from those before. */
static void put_late(struct projection *p, const struct entries_row *previous,
                     const struct entries_row *row)
{
    bool debit = row->direction == ENTRY_DIRECTION_DEBIT;
    u128 pending = debit ? row->debits_pending : row->credits_pending;
    u128 pending_before = debit ? previous->debits_pending : previous->credits_pending;
    struct late_entries_row late = {
        .account_id = row->account_id,
        .version = row->version,
        .effective_time = row->effective_time,
        .kind = row->kind,
        .direction = row->direction,
        .posted = debit ? row->debits_posted - previous->debits_posted
                        : row->credits_posted - previous->credits_posted,
        .held = pending > pending_before ? pending - pending_before : 0,
        .released = pending < pending_before ? pending_before - pending : 0,
    };
    struct value values[LATE_ENTRIES_COLUMNS];
    late_entries_row_to_values(&late, values);
    projection_put(p, &late_entries_view, values);
}

static void put_entry(struct projection *p, const void *before, void *item)
{
    const struct draft_entry *previous = before;
    struct draft_entry *e = item, stored = {.row.account_id = e->row.account_id};
    struct entries_row *row = &e->row;
    if (previous == NULL || !id128_equal(previous->row.account_id, row->account_id)) {
        const struct value key[] = {{VALUE_ID, .id = row->account_id},
                                    {VALUE_UINT, .number = row->version - 1}};
        /* A failed read ends the transaction; a missing row would show as a break of the chain. */
        if (row->version > 1)
            (void)projection_get(p, &entries_view, key, take_previous, &stored);
        previous = &stored;
    }
    bool late = row->effective_time < previous->row.effective_max;
    row->effective_max = late ? previous->row.effective_max : row->effective_time;
    e->hash = entry_hash(&previous->hash, row);
    row->hash = (struct slice){(const char *)e->hash.bytes, SHA256_SIZE};
    struct value values[ENTRIES_COLUMNS];
    entries_row_to_values(row, values);
    projection_put(p, &entries_view, values);
    if (late)
        put_late(p, &previous->row, row);
}

static const struct sorted_kind sorted_entries = {
    .name = "entries", .item_size = sizeof(struct draft_entry), .put = put_entry};

/* Completes the row from the account's state. */
static void add_entry(struct projection *p, struct draft_entry *e, const struct account *a)
{
    struct entries_row *row = &e->row;
    row->version = a->version;
    row->position = projection_position(p);
    row->debits_pending = a->debits_pending;
    row->debits_posted = a->debits_posted;
    row->credits_pending = a->credits_pending;
    row->credits_posted = a->credits_posted;
    projection_put_sorted(p, &sorted_entries, row->account_id, row->version, e);
}

/* One transfer's effect on both accounts. */
struct transfer_entry {
    enum entry_kind kind;
    struct id128 transfer_id, debit_account_id, credit_account_id;
    u128 amount;
    uint16_t code;
    uint64_t effective_time, recorded_time;
};

static void put_side(struct projection *p, const struct transfer_entry *e, bool debit)
{
    struct draft_entry entry = {.row = {
        .account_id = debit ? e->debit_account_id : e->credit_account_id,
        .kind = (uint8_t)e->kind,
        .direction = debit ? ENTRY_DIRECTION_DEBIT : ENTRY_DIRECTION_CREDIT,
        .has_transfer_id = true,
        .transfer_id = e->transfer_id,
        .has_counterparty_id = true,
        .counterparty_id = debit ? e->credit_account_id : e->debit_account_id,
        .amount = e->amount,
        .code = e->code,
        .effective_time = e->effective_time,
        .recorded_time = e->recorded_time,
    }};
    const struct account *a =
        registry_state(projection_registry(p), KIND_ACCOUNT, entry.row.account_id);
    add_entry(p, &entry, a);
}

static void put_both(struct projection *p, const struct transfer_entry *e)
{
    put_side(p, e, true);
    put_side(p, e, false);
}

/* --- accounts --------------------------------------------------------------------------------- */

static void put_account(struct projection *p, struct id128 id, const struct account *a)
{
    struct accounts_row row = {
        .account_id = id,
        .tenant_id = a->tenant_id,
        .currency = a->currency,
        .code = a->code,
        .flags = a->flags & ACCOUNT_FLAGS_ALL,
        .status = (uint8_t)account_status_of(a->flags),
        .version = a->version,
        .name = account_name(a),
        .owner = account_owner(a),
        .opened_time = a->opened_time,
    };
    row.has_name = row.name.len > 0;
    row.has_owner = row.owner.len > 0;
    if (a->extra != NULL) {
        row.user_data_128 = a->extra->user_data_128;
        row.user_data_64 = a->extra->user_data_64;
        row.user_data_32 = a->extra->user_data_32;
    }
    struct value values[ACCOUNTS_COLUMNS];
    accounts_row_to_values(&row, values);
    projection_put(p, &accounts_view, values);
}

static void put_account_change(struct projection *p, struct id128 id, enum entry_kind kind,
                               uint64_t effective_time, uint64_t time_ns)
{
    const struct account *a = registry_state(projection_registry(p), KIND_ACCOUNT, id);
    struct draft_entry entry = {.row = {
        .account_id = id,
        .kind = (uint8_t)kind,
        .direction = ENTRY_DIRECTION_NONE,
        .effective_time = effective_time,
        .recorded_time = time_ns,
    }};
    add_entry(p, &entry, a);
    put_account(p, id, a);
}

void account_opened_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct account_opened *e = event;
    put_account_change(p, e->account_id, ENTRY_KIND_OPENED,
                       e->effective_time != 0 ? e->effective_time : time_ns, time_ns);
}

void account_marked_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct account_marked *e = event;
    put_account_change(p, e->account_id, e->change, time_ns, time_ns);
}

void account_updated_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct account_updated *e = event;
    put_account_change(p, e->account_id, ENTRY_KIND_UPDATED, time_ns, time_ns);
}

/* A closing transfer changes the account's status: its row must show it. */
static void put_accounts_if_closing(struct projection *p, uint32_t flags, struct id128 debit_id,
                                    struct id128 credit_id)
{
    struct registry *r = projection_registry(p);
    if ((flags & TRANSFER_FLAGS_CLOSING_DEBIT) != 0)
        put_account(p, debit_id, registry_state(r, KIND_ACCOUNT, debit_id));
    if ((flags & TRANSFER_FLAGS_CLOSING_CREDIT) != 0)
        put_account(p, credit_id, registry_state(r, KIND_ACCOUNT, credit_id));
}

/* --- transfers -------------------------------------------------------------------------------- */

static void put_transfer(struct projection *p, struct transfers_row *row)
{
    row->position = projection_position(p);
    struct value values[TRANSFERS_COLUMNS];
    transfers_row_to_values(row, values);
    projection_put(p, &transfers_view, values);
}

void transfer_posted_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct transfer_posted *e = event;
    uint64_t effective = e->effective_time != 0 ? e->effective_time : time_ns;
    struct transfer_entry entry = {
        .kind = ENTRY_KIND_POSTED,
        .transfer_id = e->id,
        .debit_account_id = e->debit_account_id,
        .credit_account_id = e->credit_account_id,
        .amount = e->amount,
        .code = e->code,
        .effective_time = effective,
        .recorded_time = time_ns,
    };
    put_both(p, &entry);
    const struct account *debit =
        registry_state(projection_registry(p), KIND_ACCOUNT, e->debit_account_id);
    struct transfers_row row = {
        .tenant_id = debit->tenant_id,
        .transfer_id = e->id,
        .debit_account_id = e->debit_account_id,
        .credit_account_id = e->credit_account_id,
        .amount = e->amount,
        .currency = e->currency,
        .code = e->code,
        .flags = e->flags,
        .status = TRANSFER_STATUS_POSTED,
        .has_reverses_id = e->has_reverses_id,
        .reverses_id = e->reverses_id,
        .has_transaction_id = e->has_transaction_id,
        .transaction_id = e->transaction_id,
        .user_data_128 = e->user_data_128,
        .user_data_64 = e->user_data_64,
        .user_data_32 = e->user_data_32,
        .effective_time = effective,
        .recorded_time = time_ns,
    };
    put_transfer(p, &row);
}

static bool take_position(void *context, const struct value *values)
{
    *(uint64_t *)context = values[TRANSFERS_COLUMN_POSITION].number;
    return true;
}

/* The row of a pending transfer as its actor stands. */
static void put_hold(struct projection *p, struct id128 id, const struct pending_transfer *h)
{
    struct transfers_row row = {
        .tenant_id = h->tenant_id,
        .transfer_id = id,
        .debit_account_id = h->debit_account_id,
        .credit_account_id = h->credit_account_id,
        .amount = h->amount,
        .currency = h->currency,
        .code = h->code,
        .flags = h->flags,
        .status = h->status,
        .has_posted_amount = true,
        .posted_amount = h->posted,
        .has_remaining_amount = true,
        .remaining_amount = h->held,
        .has_expires_time = h->due_time != 0,
        .expires_time = h->due_time,
        .has_reverses_id = !id128_is_zero(h->reverses_id),
        .reverses_id = h->reverses_id,
        .has_transaction_id = !id128_is_zero(h->transaction_id),
        .transaction_id = h->transaction_id,
        .user_data_128 = h->user_data_128,
        .user_data_64 = h->user_data_64,
        .user_data_32 = h->user_data_32,
        .effective_time = h->effective_time,
        .recorded_time = h->recorded_time,
        .position = projection_position(p),
    };
    const struct value key[] = {{VALUE_ID, .id = h->tenant_id}, {VALUE_ID, .id = id}};
    (void)projection_get(p, &transfers_view, key, take_position, &row.position);
    struct value values[TRANSFERS_COLUMNS];
    transfers_row_to_values(&row, values);
    projection_put(p, &transfers_view, values);
}

void transfer_pending_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct transfer_pending *e = event;
    struct transfer_entry entry = {
        .kind = ENTRY_KIND_PENDING,
        .transfer_id = e->id,
        .debit_account_id = e->debit_account_id,
        .credit_account_id = e->credit_account_id,
        .amount = e->amount,
        .code = e->code,
        .effective_time = e->effective_time != 0 ? e->effective_time : time_ns,
        .recorded_time = time_ns,
    };
    put_both(p, &entry);
    put_hold(p, e->id, registry_state(projection_registry(p), KIND_TRANSFER, e->id));
    put_accounts_if_closing(p, e->flags, e->debit_account_id, e->credit_account_id);
}

static void put_resolving(struct projection *p, const struct transfer_resolved *e,
                          struct id128 tenant_id, uint64_t effective, uint64_t time_ns)
{
    bool voids = (e->flags & TRANSFER_FLAGS_VOID_PENDING) != 0;
    struct transfers_row row = {
        .tenant_id = tenant_id,
        .transfer_id = e->id,
        .debit_account_id = e->debit_account_id,
        .credit_account_id = e->credit_account_id,
        .amount = voids ? e->released : e->amount,
        .currency = e->currency,
        .code = e->code,
        .flags = e->flags,
        .status = voids ? TRANSFER_STATUS_VOIDED : TRANSFER_STATUS_POSTED,
        .has_pending_id = true,
        .pending_id = e->pending_id,
        .has_transaction_id = e->has_transaction_id,
        .transaction_id = e->transaction_id,
        .user_data_128 = e->user_data_128,
        .user_data_64 = e->user_data_64,
        .user_data_32 = e->user_data_32,
        .effective_time = effective,
        .recorded_time = time_ns,
    };
    put_transfer(p, &row);
}

static const struct pending_transfer *pending_of(struct projection *p, struct id128 id)
{
    return registry_state(projection_registry(p), KIND_TRANSFER, id);
}

void transfer_resolved_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct transfer_resolved *e = event;
    bool voids = (e->flags & TRANSFER_FLAGS_VOID_PENDING) != 0;
    uint64_t effective = e->effective_time != 0 ? e->effective_time : time_ns;
    struct transfer_entry entry = {
        .kind = voids ? ENTRY_KIND_PENDING_VOIDED : ENTRY_KIND_PENDING_POSTED,
        .transfer_id = e->id,
        .debit_account_id = e->debit_account_id,
        .credit_account_id = e->credit_account_id,
        .amount = voids ? e->released : e->amount,
        .code = e->code,
        .effective_time = effective,
        .recorded_time = time_ns,
    };
    put_both(p, &entry);
    const struct pending_transfer *h = pending_of(p, e->pending_id);
    put_resolving(p, e, h->tenant_id, effective, time_ns);
    put_hold(p, e->pending_id, h);
    if (voids)
        put_accounts_if_closing(p, h->flags, e->debit_account_id, e->credit_account_id);
}

static bool take_remaining(void *context, const struct value *values)
{
    struct transfers_row row;
    bool read = transfers_row_from_values(values, &row);
    check(read);
    *(u128 *)context = row.remaining_amount;
    return true;
}

void transfer_expired_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct transfer_expired *e = event;
    const struct pending_transfer *h = pending_of(p, e->pending_id);
    u128 released = 0; /* the row still shows what was held before */
    const struct value key[] = {{VALUE_ID, .id = h->tenant_id}, {VALUE_ID, .id = e->pending_id}};
    (void)projection_get(p, &transfers_view, key, take_remaining, &released);
    struct transfer_entry entry = {
        .kind = ENTRY_KIND_PENDING_EXPIRED,
        .transfer_id = e->pending_id,
        .debit_account_id = h->debit_account_id,
        .credit_account_id = h->credit_account_id,
        .amount = released,
        .code = h->code,
        .effective_time = time_ns,
        .recorded_time = time_ns,
    };
    put_both(p, &entry);
    put_hold(p, e->pending_id, h);
    put_accounts_if_closing(p, h->flags, h->debit_account_id, h->credit_account_id);
}

/* --- notes and transactions ------------------------------------------------------------------- */

static void put_note(struct projection *p, struct id128 tenant_id, struct id128 id,
                     bool has_description, struct slice description, const struct metadata *m)
{
    struct wire_writer w;
    wire_writer_init(&w, ACCOUNT_METADATA_MAX);
    if (m->count > 0)
        fields_put_metadata(&w, m);
    check(!w.failed);
    struct transfer_notes_row row = {
        .tenant_id = tenant_id,
        .transfer_id = id,
        .has_description = has_description,
        .description = description,
        .has_metadata = m->count > 0,
        .metadata = wire_written(&w),
    };
    struct value values[TRANSFER_NOTES_COLUMNS];
    transfer_notes_row_to_values(&row, values);
    projection_put(p, &transfer_notes_view, values);
    wire_writer_done(&w);
}

void transfer_noted_project(struct projection *p, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct transfer_noted *e = event;
    put_note(p, e->tenant_id, e->transfer_id, e->has_description, e->description, &e->metadata);
}

void transaction_recorded_project(struct projection *p, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct transaction_recorded *e = event;
    if (e->has_description || e->metadata.count > 0)
        put_note(p, e->tenant_id, e->transaction_id, e->has_description, e->description,
                 &e->metadata);
    for (uint32_t i = 0; i < e->transfers_count; i++) {
        struct transaction_transfers_row row = {e->tenant_id, e->transaction_id, i,
                                                e->transfers[i].transfer_id};
        struct value values[TRANSACTION_TRANSFERS_COLUMNS];
        transaction_transfers_row_to_values(&row, values);
        projection_put(p, &transaction_transfers_view, values);
    }
}
