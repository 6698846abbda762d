/* SPDX-License-Identifier: Apache-2.0 */
/* Limits, cursors and single rows. */
#include "actors/ledger/ledger_page.h"

#include "actors/ledger/query.h"
#include "schemas/result.h"

#define LEDGER_PAGE_MEMORY ((size_t)16 << 20)

void ledger_page_init(struct ledger_page *p, struct store *s, const struct message *m,
                      bool has_limit, uint16_t limit)
{
    *p = (struct ledger_page){.store = s, .who = &m->who, .limit = QUERY_PAGE_DEFAULT};
    if (has_limit && limit > 0)
        p->limit = limit < QUERY_PAGE_MAX ? limit : QUERY_PAGE_MAX;
    arena_init(&p->memory, LEDGER_PAGE_MEMORY);
}

void ledger_page_done(struct ledger_page *p)
{
    arena_done(&p->memory);
}

bool ledger_page_look(struct ledger_page *p)
{
    if (p->count == p->limit || p->looked == QUERY_ROWS_MAX || p->memory.failed) {
        p->more = true;
        return false;
    }
    p->looked++;
    return true;
}

struct slice ledger_page_cursor(struct ledger_page *p, enum ledger_page_list list,
                                const uint64_t *numbers, uint32_t count)
{
    if (!p->more)
        return (struct slice){NULL, 0};
    uint32_t len = 0;
    p->cursor[len++] = (uint8_t)list;
    for (uint32_t i = 0; i < count; i++) {
        for (int shift = 56; shift >= 0; shift -= 8)
            p->cursor[len++] = (uint8_t)(numbers[i] >> shift);
    }
    return (struct slice){(const char *)p->cursor, len};
}

bool ledger_page_cursor_read(struct slice cursor, enum ledger_page_list list, uint64_t *numbers,
                             uint32_t count)
{
    if (cursor.len != 1 + 8 * count || (uint8_t)cursor.data[0] != (uint8_t)list)
        return false;
    const uint8_t *at = (const uint8_t *)cursor.data + 1;
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = 0;
        for (int j = 0; j < 8; j++)
            numbers[i] = numbers[i] << 8 | *at++;
    }
    return true;
}

struct account_reader {
    struct ledger_page *page;
    struct accounts_row *row;
};

static bool take_account(void *context, const struct value *values)
{
    struct account_reader *reader = context;
    bool read = accounts_row_from_values(values, reader->row);
    check(read);
    reader->row->name = arena_copy(&reader->page->memory, reader->row->name);
    reader->row->owner = arena_copy(&reader->page->memory, reader->row->owner);
    return true;
}

uint16_t ledger_page_account(struct ledger_page *p, struct id128 id, struct accounts_row *row)
{
    const struct value key = {VALUE_ID, .id = id};
    struct account_reader reader = {p, row};
    enum err e = views_get(p->store, &accounts_view, &key, take_account, &reader);
    if (e != ERR_OK)
        return (uint16_t)e;
    if (!p->who->operator && !id128_equal(row->tenant_id, p->who->tenant_id))
        return RESULT_NOT_FOUND;
    return RESULT_OK;
}

struct entries_row ledger_page_entry_of(struct ledger_page *p, const struct value *values)
{
    struct entries_row row;
    bool read = entries_row_from_values(values, &row);
    check(read);
    row.hash = arena_copy(&p->memory, row.hash);
    return row;
}

struct entry_reader {
    struct ledger_page *page;
    struct entries_row *row;
    bool found;
};

static bool take_entry(void *context, const struct value *values)
{
    struct entry_reader *reader = context;
    *reader->row = ledger_page_entry_of(reader->page, values);
    reader->found = true;
    return false;
}

bool ledger_page_entry(struct ledger_page *p, struct id128 account_id, uint64_t version,
                       struct entries_row *row)
{
    const struct value key[] = {{VALUE_ID, .id = account_id}, {VALUE_UINT, .number = version}};
    struct entry_reader reader = {p, row, false};
    enum err e = views_get(p->store, &entries_view, key, take_entry, &reader);
    if (e != ERR_OK)
        p->error = e;
    return reader.found;
}

bool ledger_page_last_entry(struct ledger_page *p, struct id128 account_id, struct entries_row *row)
{
    const struct value prefix = {VALUE_ID, .id = account_id};
    const struct view_scan scan = {
        .table = &entries_view,
        .index = &entries_view.key,
        .prefix = &prefix,
        .prefix_count = 1,
        .descending = true,
        .limit = 1,
    };
    struct entry_reader reader = {p, row, false};
    enum err e = views_scan(p->store, &scan, take_entry, &reader);
    if (e != ERR_OK)
        p->error = e;
    return reader.found;
}
