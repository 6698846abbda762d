/* SPDX-License-Identifier: Apache-2.0 */
/* Totals, accounts and holds each by themselves; then each account's open holds are added up, found
 * by id in a table of all holds in memory. Whatever is not in memory is not looked at. */
#include "actors/ledger/ledger_audit.h"

#include "actors/ledger/account.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/pending_transfer.h"
#include "runtime/base/table.h"
#include "schemas/common.h"

#define AUDIT_MEMORY ((size_t)1 << 30)

struct audited_hold {
    struct table_entry entry;
    const struct pending_transfer *hold;
};

struct audit {
    struct arena memory;
    struct table holds; /* those in memory, by id */
    const char *broken;
};

static bool audit_totals(void *context, struct id128 id, const void *state)
{
    (void)id;
    struct audit *a = context;
    const struct ledger_totals *l = state;
    if (l->debits_posted != l->credits_posted)
        a->broken = "posted debits and credits of a ledger differ";
    else if (l->debits_pending != l->credits_pending)
        a->broken = "pending debits and credits of a ledger differ";
    return a->broken == NULL;
}

static bool audit_account(void *context, struct id128 id, const void *state)
{
    (void)id;
    struct audit *audit = context;
    const struct account *a = state;
    const uint32_t limited = ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS;
    const uint32_t reverse = ACCOUNT_FLAGS_CREDITS_MUST_NOT_EXCEED_DEBITS;
    if ((a->flags & limited) != 0 && a->debits_posted + a->debits_pending > a->credits_posted)
        audit->broken = "an account's debits exceed its credits";
    else if ((a->flags & reverse) != 0 &&
             a->credits_posted + a->credits_pending > a->debits_posted)
        audit->broken = "an account's credits exceed its debits";
    else if (a->hold_count == 0 && (a->debits_pending != 0 || a->credits_pending != 0))
        audit->broken = "an account has something pending without an open hold";
    return audit->broken == NULL;
}

static bool audit_hold(void *context, struct id128 id, const void *state)
{
    struct audit *a = context;
    const struct pending_transfer *h = state;
    /* Without memory it is not named, and what its accounts have pending is not added up. */
    struct audited_hold *seen = h->held == 0 ? NULL : arena_alloc(&a->memory, sizeof *seen);
    if (seen != NULL) {
        *seen = (struct audited_hold){{id}, h};
        bool inserted = table_insert(&a->holds, &seen->entry);
        check(inserted);
    }
    bool pending = h->status == TRANSFER_STATUS_PENDING;
    if (h->posted > h->amount || h->held > h->amount - h->posted)
        a->broken = "a hold keeps or posted more than its amount";
    else if (!pending && h->held != 0)
        a->broken = "a resolved hold still keeps money";
    return a->broken == NULL;
}

/* An account's open holds add up to what it has pending, if all are named and in memory. */
static bool audit_holds_sum(void *context, struct id128 id, const void *state)
{
    struct audit *audit = context;
    const struct account *a = state;
    u128 debits = 0, credits = 0;
    for (uint32_t i = 0; i < a->hold_listed; i++) {
        struct table_entry *e = table_find(&audit->holds, a->holds->ids[i]);
        if (e == NULL)
            return true;
        const struct pending_transfer *h = container_of(e, struct audited_hold, entry)->hold;
        if (id128_equal(h->debit_account_id, id))
            debits += h->held;
        else
            credits += h->held;
    }
    if (a->hold_listed == a->hold_count &&
        (debits != a->debits_pending || credits != a->credits_pending))
        audit->broken = "an account's open holds do not add up to what it has pending";
    return audit->broken == NULL;
}

const char *ledger_audit(struct registry *r)
{
    struct audit a = {.broken = NULL};
    arena_init(&a.memory, AUDIT_MEMORY);
    table_init(&a.holds);
    registry_each(r, KIND_LEDGER_TOTALS, audit_totals, &a);
    if (a.broken == NULL)
        registry_each(r, KIND_ACCOUNT, audit_account, &a);
    if (a.broken == NULL)
        registry_each(r, KIND_TRANSFER, audit_hold, &a);
    if (a.broken == NULL)
        registry_each(r, KIND_ACCOUNT, audit_holds_sum, &a);
    table_done(&a.holds);
    arena_done(&a.memory);
    return a.broken;
}
