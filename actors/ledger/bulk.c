/* SPDX-License-Identifier: Apache-2.0 */
/* A chain is a run of items flagged as linked and the first one after them. At its first item a
 * savepoint is taken; the first refusal rolls the turn back to it, gives all earlier items of the
 * chain LINKED_EVENT_FAILED, and the later ones are not tried. Items outside a chain do not affect
 * each other. refused() is called after the rollback, since an event that it emits would be undone
 * too. A chain that the last item leaves open is refused as a whole. */
#include "actors/ledger/bulk.h"

#include "schemas/result.h"

struct chain {
    bool open;
    bool broken;
    uint32_t first;
    struct turn_savepoint start;
};

/* `first`: flags of the first item. If it is imported all must be. */
static uint16_t bulk_mixes(const struct bulk *b, uint32_t flags, uint32_t first)
{
    if (((flags ^ first) & b->imported) == 0)
        return RESULT_OK;
    return (first & b->imported) != 0 ? RESULT_IMPORTED_EVENT_EXPECTED
                                      : RESULT_IMPORTED_EVENT_NOT_EXPECTED;
}

static uint16_t bulk_make(const struct bulk *b, struct turn *t, uint32_t i, const struct chain *c,
                          uint32_t flags, uint32_t first)
{
    if (c->open && i + 1 == b->count && (flags & b->linked) != 0)
        return RESULT_LINKED_EVENT_CHAIN_OPEN;
    if (c->broken)
        return RESULT_LINKED_EVENT_FAILED;
    uint16_t code = bulk_mixes(b, flags, first);
    return code != RESULT_OK ? code : b->make(b, t, i);
}

static void chain_break(struct turn *t, struct chain *c, uint32_t i, uint16_t *codes)
{
    check(c->open);
    check(!c->broken);
    check(c->first <= i);
    c->broken = true;
    turn_rollback(t, c->start);
    for (uint32_t j = c->first; j < i; j++)
        codes[j] = RESULT_LINKED_EVENT_FAILED;
}

/* How many items the chain has that begins here; 1: it is linked to none. */
static uint32_t chain_count(const struct bulk *b, uint32_t first)
{
    uint32_t i = first;
    check(first < b->count);
    while (i + 1 < b->count && (b->flags(b, i) & b->linked) != 0)
        i++;
    return i + 1 - first;
}

/* RESULT_OK, or why the chain is refused, and because of which item. */
static uint16_t chain_try(const struct bulk *b, struct turn *t, uint32_t first, uint32_t count,
                          uint32_t *failed)
{
    *failed = first + count - 1;
    if ((b->flags(b, *failed) & b->linked) != 0)
        return RESULT_LINKED_EVENT_CHAIN_OPEN;
    for (uint32_t i = first; i < first + count; i++) {
        uint16_t code = bulk_mixes(b, b->flags(b, i), b->flags(b, 0));
        *failed = i;
        if (code != RESULT_OK)
            return code;
    }
    return b->send(b, t, first, count, failed);
}

/* A chain over shards, whole. false: WAITING. */
static bool chain_send(const struct bulk *b, struct turn *t, uint32_t first, uint32_t count,
                       uint16_t *codes)
{
    uint32_t failed;
    check(count > 0);
    for (uint32_t i = first; i < first + count; i++)
        turn_item(t, i);
    uint16_t code = chain_try(b, t, first, count, &failed);
    if (code == BULK_WAITING)
        return false;
    check(failed >= first && failed < first + count);
    for (uint32_t i = first; i < first + count; i++)
        codes[i] = code == RESULT_OK ? BULK_UNDER_WAY : RESULT_LINKED_EVENT_FAILED;
    if (code != RESULT_OK)
        codes[failed] = code;
    if (code != RESULT_OK && code != RESULT_LINKED_EVENT_CHAIN_OPEN)
        b->refused(b, t, failed, code);
    return true;
}

/* false: WAITING. */
static bool bulk_item(const struct bulk *b, struct turn *t, uint32_t i, struct chain *c,
                      uint32_t first, uint16_t *codes)
{
    uint32_t flags = b->flags(b, i);
    bool linked = (flags & b->linked) != 0;
    turn_item(t, i);
    if (linked && !c->open)
        *c = (struct chain){.open = true, .first = i, .start = turn_savepoint(t)};
    codes[i] = bulk_make(b, t, i, c, flags, first);
    if (codes[i] == BULK_WAITING)
        return false;
    if (codes[i] != RESULT_OK) {
        bool cause = !c->broken && codes[i] != RESULT_LINKED_EVENT_CHAIN_OPEN;
        if (c->open && !c->broken)
            chain_break(t, c, i, codes);
        if (cause)
            b->refused(b, t, i, codes[i]);
    }
    check(!c->broken || codes[i] != RESULT_OK);
    if (!linked)
        *c = (struct chain){.open = false};
    return true;
}

bool bulk_run(const struct bulk *b, struct turn *t, uint16_t *codes)
{
    struct chain c = {.open = false};
    check(b->linked != 0);
    check(b->imported != 0);
    check(b->flags != NULL);
    check(b->make != NULL);
    check(b->refused != NULL);
    check((b->crosses == NULL) == (b->send == NULL));
    uint32_t first = b->count > 0 ? b->flags(b, 0) : 0, n;
    for (uint32_t i = 0; i < b->count; i += n) {
        n = c.open || b->crosses == NULL ? 1 : chain_count(b, i);
        if (!c.open && b->crosses != NULL && b->crosses(b, t, i, n)) {
            if (!chain_send(b, t, i, n, codes))
                return false;
            continue;
        }
        n = 1;
        if (!bulk_item(b, t, i, &c, first, codes))
            return false;
    }
    return true;
}

struct item_results bulk_results(const uint16_t *codes, uint32_t count, struct item_result *results)
{
    struct item_results refused = {.results = results};
    for (uint32_t i = 0; i < count; i++) {
        if (codes[i] != RESULT_OK)
            results[refused.results_count++] = (struct item_result){.index = i, .result = codes[i]};
    }
    check(refused.results_count <= count);
    return refused;
}
