/* SPDX-License-Identifier: Apache-2.0 */
/* Page: parts of lists. */
#include "actors/money/page.h"

#include "schemas/result.h"

static uint16_t read_cursor(struct page *p, struct slice cursor)
{
    if (cursor.len != (p->type == VALUE_ID ? 16u : 8u))
        return RESULT_INVALID_CURSOR;
    p->has_from = true;
    p->from.type = p->type;
    if (p->type == VALUE_ID) {
        p->from.id = id128_load((const uint8_t *)cursor.data);
        return RESULT_OK;
    }
    for (uint32_t i = 0; i < cursor.len; i++)
        p->from.number = p->from.number << 8 | (uint8_t)cursor.data[i];
    return p->from.number <= INT64_MAX ? RESULT_OK : RESULT_INVALID_CURSOR;
}

uint16_t page_init(struct page *p, enum value_type type, bool has_limit, uint32_t limit,
                   bool has_cursor, struct slice cursor)
{
    check(type == VALUE_ID || type == VALUE_UINT);
    *p = (struct page){.type = type, .limit = has_limit ? limit : PAGE_LIMIT_DEFAULT};
    arena_init(&p->arena, PAGE_MEMORY_MAX);
    if (p->limit == 0 || p->limit > PAGE_LIMIT_MAX)
        return RESULT_INVALID_FIELD;
    return has_cursor ? read_cursor(p, cursor) : RESULT_OK;
}

void page_done(struct page *p)
{
    arena_done(&p->arena);
}

bool page_next(struct page *p, struct value place)
{
    if (p->count == p->limit || p->looked_at == PAGE_ROWS_MAX) {
        p->more = true;
        return false;
    }
    p->looked_at++;
    p->last = place;
    return true;
}

bool page_cursor(struct page *p, struct slice *cursor)
{
    if (!p->more)
        return false;
    if (p->type == VALUE_ID) {
        id128_store(p->last.id, p->cursor);
        *cursor = (struct slice){(const char *)p->cursor, 16};
        return true;
    }
    for (int i = 0; i < 8; i++)
        p->cursor[i] = (uint8_t)(p->last.number >> (56 - 8 * i));
    *cursor = (struct slice){(const char *)p->cursor, 8};
    return true;
}

bool page_metadata(struct page *p, struct slice encoded, struct metadata *m)
{
    struct slice kept = arena_copy(&p->arena, encoded);
    struct wire_reader from;
    wire_reader_init(&from, kept.data, kept.len);
    return fields_get_metadata(&from, &p->arena, m);
}

bool page_may_see(const struct principal *who, struct id128 tenant_id, struct id128 owner_id)
{
    if (who->operator)
        return true;
    return id128_equal(who->tenant_id, tenant_id) &&
           (who->any_owner || id128_equal(who->subject_id, owner_id));
}

uint16_t page_failed(enum err e)
{
    check(e != ERR_OK);
    return (uint16_t)e;
}
