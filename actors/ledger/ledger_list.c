/* SPDX-License-Identifier: Apache-2.0 */
/* A failure of the store goes into `list->error` and the functions that find a row return false, so
 * that a caller distinguishes "absent" from "failed" by looking at it once at the end. Entries are
 * found by their key (account, version), newest first. An account of another tenant is NOT_FOUND.
 * Text of rows is copied into the page's arena: the row itself ends with its callback. */
#include "actors/ledger/ledger_list.h"

#include "actors/ledger/entry.h"

#include "schemas/result.h"

static const struct page_rules rules = {
    .limit = LEDGER_LIST_PAGE_DEFAULT,
    .limit_max = LEDGER_LIST_PAGE_MAX,
    .rows_max = LEDGER_LIST_ROWS_MAX,
    .memory_max = (size_t)16 << 20,
};

uint16_t ledger_list_init(struct ledger_list *list, struct view_store *s, const struct message *m,
                          bool has_limit, uint32_t limit)
{
    *list = (struct ledger_list){.store = s, .who = &m->who};
    attributions_init(&list->attributions, s, m, &list->page.arena);
    return page_begin(&list->page, &rules, m, has_limit, limit);
}

void ledger_list_done(struct ledger_list *list)
{
    attributions_done(&list->attributions);
    page_done(&list->page);
}

uint16_t ledger_list_cursor(struct ledger_list *list, struct slice cursor, uint64_t *version)
{
    check(list->page.message != NULL);
    uint16_t code = cursor_read(cursor, list->page.message, PAGE_ENTRIES, version, 1);
    return code == RESULT_OK && *version > INT64_MAX ? RESULT_INVALID_CURSOR : code;
}

struct account_reader {
    struct ledger_list *list;
    struct accounts_row *row;
};

static bool take_account(void *context, const struct value *values)
{
    struct account_reader *reader = context;
    bool read = accounts_row_from_values(values, reader->row);
    check(read);
    reader->row->name = arena_copy(&reader->list->page.arena, reader->row->name);
    reader->row->owner = arena_copy(&reader->list->page.arena, reader->row->owner);
    return true;
}

uint16_t ledger_list_account(struct ledger_list *list, struct id128 id, struct accounts_row *row)
{
    const struct value key = {VALUE_ID, .id = id};
    struct account_reader reader = {list, row};
    enum err e = views_get(list->store, &accounts_view, &key, take_account, &reader);
    if (e != ERR_OK)
        return (uint16_t)e;
    check(id128_equal(row->account_id, id));
    if (!list->who->operator && !id128_equal(row->tenant_id, list->who->tenant_id))
        return RESULT_NOT_FOUND;
    return RESULT_OK;
}

struct entries_row ledger_list_entry_of(struct ledger_list *list, const struct value *values)
{
    struct entries_row row;
    bool read = entries_row_from_values(values, &row);
    check(read);
    row.hash = arena_copy(&list->page.arena, row.hash);
    return row;
}

struct entry_reader {
    struct ledger_list *list;
    struct entries_row *row;
    bool found;
};

static bool take_entry(void *context, const struct value *values)
{
    struct entry_reader *reader = context;
    check(!reader->found);
    *reader->row = ledger_list_entry_of(reader->list, values);
    reader->found = true;
    return false;
}

bool ledger_list_entry(struct ledger_list *list, struct id128 account_id, uint64_t version,
                       struct entries_row *row)
{
    const struct value key[] = {{VALUE_ID, .id = account_id}, {VALUE_UINT, .number = version}};
    struct entry_reader reader = {list, row, false};
    enum err e = views_get(list->store, &entries_view, key, take_entry, &reader);
    if (e != ERR_OK)
        list->error = e;
    check(!reader.found || row->version == version);
    return reader.found;
}

/* The newest one up to this version. */
static bool ledger_list_entry_to(struct ledger_list *list, struct id128 account_id,
                                 uint64_t version, struct entries_row *row)
{
    struct entry_reader reader = {list, row, false};
    struct entry_walk w;
    check(version > 0);
    enum err e = views_scan(list->store, entry_walk_below(&w, account_id, version + 1, 1),
                            take_entry, &reader);
    if (e != ERR_OK)
        list->error = e;
    check(!reader.found || row->version <= version);
    return reader.found;
}

uint16_t ledger_list_entries(struct ledger_list *list, struct id128 account_id, uint64_t version,
                             view_row_cb row, void *context)
{
    struct entry_walk w;
    entry_walk_below(&w, account_id, version, LEDGER_LIST_ROWS_MAX + 1);
    if (list->error == ERR_OK)
        list->error = views_scan(list->store, &w.scan, row, context);
    return (uint16_t)list->error;
}

enum err ledger_newest_entry(struct view_store *s, struct id128 account_id, view_row_cb row,
                             void *context)
{
    struct entry_walk w;
    return views_scan(s, entry_walk_below(&w, account_id, ENTRY_FROM_NEWEST, 1), row, context);
}

bool ledger_list_last_entry(struct ledger_list *list, struct id128 account_id,
                            struct entries_row *row)
{
    struct entry_reader reader = {list, row, false};
    enum err e = ledger_newest_entry(list->store, account_id, take_entry, &reader);
    if (e != ERR_OK)
        list->error = e;
    check(!reader.found || id128_equal(row->account_id, account_id));
    return reader.found;
}

static uint64_t ledger_list_place(const struct entries_row *row, enum ledger_list_axis axis)
{
    if (axis == LEDGER_LIST_POSITION)
        return row->position;
    return axis == LEDGER_LIST_EFFECTIVE ? row->effective_max : row->recorded_time;
}

uint64_t ledger_list_version_at(struct ledger_list *list, struct id128 account_id, uint64_t newest,
                                uint64_t at, enum ledger_list_axis axis)
{
    /* Up to low all are early enough (0: nothing is), above high late. */
    uint64_t low = 0, high = newest, found = 0;
    while (low < high && list->error == ERR_OK) {
        uint64_t middle = low + (high - low + 1) / 2;
        check(low < middle);
        check(middle <= high);
        struct entries_row row = {.version = 0};
        bool there = ledger_list_entry_to(list, account_id, middle, &row) && row.version > low;
        if (there && ledger_list_place(&row, axis) > at) {
            high = row.version - 1;
            continue;
        }
        low = middle;
        if (there)
            found = row.version;
    }
    check(low == high || list->error != ERR_OK);
    return found;
}
