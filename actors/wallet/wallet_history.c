/* SPDX-License-Identifier: Apache-2.0 */
/* A wallet's history is two walks, newest first: over the entries of its account, which are the
 * movements of its money, and over `wallet_events`, which has all else. They are put together by
 * the positions of their events in the journal. Each walk may fill a whole page of its own; what is
 * older than where one of them stopped is left to the next page, whose cursor has where both go on.
 * Steps of a hold that move or keep money are in both: a wallet's history has the entries, that of
 * a hold the rows of wallet_events alone. */
#include "actors/wallet/wallet_history.h"

#include "actors/wallet/wallet_transactions.h"
#include "schemas/result.h"

#define WALLET_HISTORY_NEWEST INT64_MAX /* no version or position is as high */

_Static_assert((int)WALLET_EVENT_KIND_ADJUSTMENT_OUT == (int)WALLET_TRANSACTION_TYPE_ADJUSTMENT_OUT,
               "movements have one number as both");

#define KIND(name) ((uint32_t)1 << WALLET_EVENT_KIND_##name)

/* Done for the owner, by the owner or in their name: they are told by whom. A payment's payee may
 * cause the movements of a payment. */
#define WALLET_HISTORY_OWNERS                                                                      \
    (KIND(WITHDRAWAL) | KIND(TRANSFER_OUT) | KIND(HOLD) | KIND(HOLD_CAPTURED) |                    \
     KIND(HOLD_RELEASED) | KIND(HOLD_EXTENDED) | KIND(PAYMENT_AUTHORIZED) | KIND(OPENED) |         \
     KIND(UPDATED))

/* Why an administrator did it the owner is not told: it may be what they must not learn. */
#define WALLET_HISTORY_DISCREET (KIND(FROZEN) | KIND(UNFROZEN) | KIND(CLOSED))

/* Entries have them. */
#define WALLET_HISTORY_MOVEMENTS                                                                   \
    (KIND(HOLD) | KIND(HOLD_CAPTURED) | KIND(HOLD_RELEASED) | KIND(HOLD_EXPIRED))

/* Rows of wallet_events, as far as a page of them goes. */
struct history_changes {
    struct page page;
    struct wallet_row wallet;
    uint32_t left_out; /* kinds */
    struct wallet_event *items;
    uint64_t positions[PAGE_LIMIT_MAX];
    uint64_t end; /* position of the last row looked at */
    bool damaged;
};

/* --- reading ---------------------------------------------------------------------------------- */

static bool history_take_change(void *context, const struct value *values)
{
    struct history_changes *c = context;
    struct wallet_events_row row;
    if (!wallet_events_row_from_values(values, &row)) {
        c->damaged = true;
        return false;
    }
    if (!page_next(&c->page, (struct value){.type = VALUE_UINT, .number = row.position}))
        return false;
    c->end = row.position;
    if ((c->left_out & (uint32_t)1 << row.type) != 0)
        return true;
    c->positions[c->page.count] = row.position;
    struct wallet_event *e = &c->items[c->page.count++];
    *e = (struct wallet_event){.currency = c->wallet.currency};
    wallet_event_from_wallet_events_row(e, &row);
    e->reason = arena_copy(&c->page.arena, row.reason);
    return true;
}

static uint16_t history_walk_changes(struct view_store *s, const struct view_scan *walk,
                                     struct history_changes *c)
{
    enum err e = views_scan(s, walk, history_take_change, c);
    if (e == ERR_OK && c->damaged)
        e = ERR_CORRUPT;
    if (e == ERR_OK && c->page.arena.failed)
        e = ERR_TOO_LARGE;
    return e == ERR_OK ? RESULT_OK : page_failed(e);
}

static uint16_t history_room(struct history_changes *c)
{
    c->items = arena_alloc(&c->page.arena, c->page.limit * sizeof *c->items);
    return c->items != NULL ? RESULT_OK : RESULT_TOO_LARGE;
}

/* --- who did it ------------------------------------------------------------------------------- */

/* Names who did what is in these events, whose records are at these positions. */
static uint16_t history_attribute(struct attributions *all, const struct principal *who,
                                  struct wallet_event *events, const uint64_t *positions,
                                  uint32_t count)
{
    for (uint32_t i = 0; i < count && all->error == ERR_OK; i++) {
        struct wallet_event *e = &events[i];
        const uint32_t kind = (uint32_t)1 << e->type;
        const struct attributed by =
            attributions_told(who, attributions_find(all, e->wallet_id, positions[i]),
                              (kind & WALLET_HISTORY_OWNERS) != 0);
        wallet_event_from_attributed(e, &by);
        e->has_reason = e->has_reason && (by.has_by || (kind & WALLET_HISTORY_DISCREET) == 0);
    }
    if (all->arena->failed)
        return RESULT_TOO_LARGE;
    return all->error == ERR_OK ? RESULT_OK : page_failed(all->error);
}

static void history_reply(const struct wallet_event_page *page, struct wire_writer *reply,
                          uint16_t *reply_type)
{
    wallet_event_page_write(reply, page);
    *reply_type = WALLET_EVENT_PAGE_NUMBER;
}

/* --- of a wallet ------------------------------------------------------------------------------ */

struct wallet_history {
    const struct wallet_event_list *request;
    struct wallet_transactions moves; /* its list has the page of the answer */
    struct history_changes changes;
    uint64_t moves_from, changes_from; /* the walks begin below this version and position */
    uint64_t moves_end;                /* position of the last entry looked at */
    struct wallet_event *events;
    uint64_t positions[PAGE_LIMIT_MAX];
    uint32_t count;
};

static bool history_take_move(void *context, const struct value *values)
{
    struct wallet_history *h = context;
    struct entries_row row;
    if (!entries_row_from_values(values, &row)) {
        h->moves.damaged = true;
        return false;
    }
    if (!page_next(&h->moves.list.page, (struct value){.type = VALUE_UINT, .number = row.version}))
        return false;
    h->moves_end = row.position;
    wallet_transactions_add(&h->moves, &row);
    return true;
}

static uint16_t history_begin(struct view_store *s, const struct message *m,
                              struct wallet_history *h)
{
    const struct wallet_event_list *request = h->request;
    const struct slice none = {0};
    struct page *page = &h->moves.list.page;
    uint64_t from[2] = {WALLET_HISTORY_NEWEST, WALLET_HISTORY_NEWEST};
    uint16_t code = page_init(page, m, PAGE_WALLET_EVENTS, VALUE_UINT, request->has_limit,
                              request->limit, false, none);
    if (code == RESULT_OK)
        code = page_init(&h->changes.page, m, PAGE_WALLET_EVENTS, VALUE_UINT, true, page->limit,
                         false, none);
    if (code == RESULT_OK && request->has_cursor)
        code = cursor_read(request->cursor, m, PAGE_WALLET_EVENTS, from, 2);
    if (code == RESULT_OK && (from[0] > WALLET_HISTORY_NEWEST || from[1] > WALLET_HISTORY_NEWEST))
        code = RESULT_INVALID_CURSOR;
    if (code == RESULT_OK)
        code = wallet_row_find(s, &m->who, request->wallet_id, &h->moves.wallet);
    if (code != RESULT_OK)
        return code;
    h->moves.list.store = s;
    h->moves.list.who = &m->who;
    attributions_init(&h->moves.list.attributions, s, m, &page->arena);
    h->moves_from = from[0];
    h->changes_from = from[1];
    h->changes.wallet = h->moves.wallet;
    h->changes.left_out = WALLET_HISTORY_MOVEMENTS;
    h->moves.items = arena_alloc(&page->arena, page->limit * sizeof *h->moves.items);
    h->events = arena_alloc(&page->arena, page->limit * sizeof *h->events);
    return h->moves.items != NULL && h->events != NULL ? history_room(&h->changes)
                                                       : RESULT_TOO_LARGE;
}

static uint16_t history_walk(struct view_store *s, struct wallet_history *h)
{
    const struct value wallet = {.type = VALUE_ID, .id = h->request->wallet_id};
    const struct value from = {.type = VALUE_UINT, .number = h->changes_from};
    const struct view_scan walk = {
        .table = &wallet_events_view,
        .index = &wallet_events_view.key,
        .prefix = &wallet,
        .prefix_count = 1,
        .from = &from,
        .from_count = 1,
        .descending = true,
        .limit = PAGE_ROWS_MAX + 1,
    };
    uint16_t code = history_walk_changes(s, &walk, &h->changes);
    if (code == RESULT_OK)
        code = ledger_list_entries(&h->moves.list, wallet.id, h->moves_from, history_take_move, h);
    return code == RESULT_OK ? wallet_transactions_complete(s, &h->moves) : code;
}

static struct wallet_event history_move(const struct wallet_transaction *x)
{
    struct wallet_event e = {.type = x->type};
    wallet_event_from_wallet_transaction(&e, x);
    return e;
}

/* Puts both walks together; *i and *j: how many of each are on the page. */
static void history_merge(struct wallet_history *h, uint32_t *i, uint32_t *j)
{
    const struct page *moves = &h->moves.list.page, *changes = &h->changes.page;
    uint64_t floor = moves->more ? h->moves_end : 0;
    if (changes->more && h->changes.end > floor)
        floor = h->changes.end;
    while (h->count < moves->limit && (*i < moves->count || *j < changes->count)) {
        bool move = *j == changes->count ||
                    (*i < moves->count && h->moves.positions[*i] > h->changes.positions[*j]);
        uint64_t position = move ? h->moves.positions[*i] : h->changes.positions[*j];
        if (position < floor)
            break;
        h->positions[h->count] = position;
        h->events[h->count++] =
            move ? history_move(&h->moves.items[(*i)++]) : h->changes.items[(*j)++];
    }
}

/* Where a walk goes on: below what of it was given last, or looked at if all of it was. */
static uint64_t history_next(const struct page *walk, uint64_t from, const uint64_t *keys,
                             uint32_t given)
{
    if (given == walk->count && walk->more)
        return walk->last.number;
    if (given == walk->count)
        return 1; /* nothing is left: versions begin there, and positions behind it */
    return given > 0 ? keys[given - 1] : from;
}

static uint16_t history_page(struct wallet_history *h, struct wire_writer *reply,
                             uint16_t *reply_type)
{
    uint32_t i = 0, j = 0;
    struct page *moves = &h->moves.list.page, *changes = &h->changes.page;
    history_merge(h, &i, &j);
    uint16_t code = history_attribute(&h->moves.list.attributions, h->moves.list.who, h->events,
                                      h->positions, h->count);
    if (code != RESULT_OK)
        return code;
    const uint64_t next[2] = {history_next(moves, h->moves_from, h->moves.versions, i),
                              history_next(changes, h->changes_from, h->changes.positions, j)};
    moves->more = moves->more || changes->more || i < moves->count || j < changes->count;
    struct wallet_event_page page = {.events = h->events, .events_count = h->count};
    page.next_cursor = page_cursor_of(moves, PAGE_WALLET_EVENTS, next, 2);
    page.has_next_cursor = page.next_cursor.len > 0;
    history_reply(&page, reply, reply_type);
    return RESULT_OK;
}

uint16_t wallet_query_events(struct view_store *s, const struct message *m,
                             struct wire_writer *reply, uint16_t *reply_type)
{
    const struct wallet_transaction_list all = {.has_type = false};
    struct wallet_history h = {.request = m->body, .moves = {.request = &all}};
    uint16_t code = history_begin(s, m, &h);
    if (code == RESULT_OK)
        code = history_walk(s, &h);
    if (code == RESULT_OK)
        code = history_page(&h, reply, reply_type);
    page_done(&h.changes.page);
    ledger_list_done(&h.moves.list);
    return code;
}

/* --- of a hold -------------------------------------------------------------------------------- */

static bool history_take_hold(void *context, const struct value *values)
{
    struct id128 *wallet_id = context;
    struct wallet_holds_row row;
    if (wallet_holds_row_from_values(values, &row))
        *wallet_id = row.wallet_id;
    return false;
}

/* Is it a hold of this wallet? One of another is as if it did not exist, whatever the cursor. */
static uint16_t history_find_hold(struct view_store *s,
                                  const struct wallet_hold_event_list *request)
{
    const struct value hold = {.type = VALUE_ID, .id = request->hold_id};
    struct id128 wallet_id = ID128_ZERO;
    enum err e = views_get(s, &wallet_holds_view, &hold, history_take_hold, &wallet_id);
    if (e != ERR_OK)
        return page_failed(e);
    return id128_equal(wallet_id, request->wallet_id) ? RESULT_OK : RESULT_NOT_FOUND;
}

static uint16_t history_of_hold(struct view_store *s, const struct message *m,
                                struct history_changes *c)
{
    const struct wallet_hold_event_list *request = m->body;
    const struct value hold = {.type = VALUE_ID, .id = request->hold_id};
    const struct value from[2] = {{.type = VALUE_ID, .id = request->wallet_id},
                                  {.type = VALUE_UINT, .number = c->page.from.number}};
    const struct view_scan walk = {
        .table = &wallet_events_view,
        .index = &wallet_events_view.indexes[WALLET_EVENTS_INDEX_BY_HOLD],
        .prefix = &hold,
        .prefix_count = 1,
        .from = c->page.has_from ? from : NULL,
        .from_count = c->page.has_from ? 2 : 0,
        .limit = PAGE_ROWS_MAX + 1,
    };
    return history_walk_changes(s, &walk, c);
}

uint16_t wallet_query_hold_events(struct view_store *s, const struct message *m,
                                  struct wire_writer *reply, uint16_t *reply_type)
{
    const struct wallet_hold_event_list *request = m->body;
    struct history_changes c = {.left_out = 0};
    struct attributions all = {.error = ERR_OK};
    uint16_t code = page_init(&c.page, m, PAGE_HOLD_EVENTS, VALUE_UINT, request->has_limit,
                              request->limit, request->has_cursor, request->cursor);
    if (code == RESULT_OK)
        code = wallet_row_find(s, &m->who, request->wallet_id, &c.wallet);
    if (code == RESULT_OK)
        code = history_find_hold(s, request);
    if (code == RESULT_OK)
        code = history_room(&c);
    if (code == RESULT_OK)
        code = history_of_hold(s, m, &c);
    attributions_init(&all, s, m, &c.page.arena);
    if (code == RESULT_OK)
        code = history_attribute(&all, &m->who, c.items, c.positions, c.page.count);
    if (code == RESULT_OK) {
        struct wallet_event_page page = {.events = c.items, .events_count = c.page.count};
        page.has_next_cursor = page_cursor(&c.page, &page.next_cursor);
        history_reply(&page, reply, reply_type);
    }
    attributions_done(&all);
    page_done(&c.page);
    return code;
}
