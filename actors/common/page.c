/* SPDX-License-Identifier: Apache-2.0 */
/* The walk ends before the row that page_look() refuses (page full, too many rows looked at, or no
 * memory); the row before it gives the next cursor, wanted or not, so a list with a filter that
 * rarely matches advances too. */
#include "actors/common/page.h"

#include "schemas/result.h"

static const struct page_rules wallet_rules = {
    .limit = 20,
    .limit_max = PAGE_LIMIT_MAX,
    .rows_max = PAGE_ROWS_MAX,
    .memory_max = (size_t)4 << 20,
};

uint16_t page_begin(struct page *p, const struct page_rules *rules, const struct message *m,
                    bool has_limit, uint32_t limit)
{
    *p = (struct page){.rules = rules, .message = m, .limit = has_limit ? limit : rules->limit};
    arena_init(&p->arena, rules->memory_max);
    return p->limit > 0 && p->limit <= rules->limit_max ? RESULT_OK : RESULT_INVALID_FIELD;
}

void page_done(struct page *p)
{
    arena_done(&p->arena);
}

bool page_look(struct page *p)
{
    if (p->count == p->limit || p->looked_at == p->rules->rows_max || p->arena.failed) {
        p->more = true;
        return false;
    }
    p->looked_at++;
    return true;
}

struct slice page_cursor_of(struct page *p, enum page_list list, const uint64_t *numbers,
                            uint32_t count)
{
    check(count <= CURSOR_NUMBERS_MAX);
    if (!p->more)
        return (struct slice){NULL, 0};
    cursor_make(&p->cursor, p->message, list, numbers, count);
    return (struct slice){(const char *)p->cursor.bytes, p->cursor.len};
}

/* --- keys of one id or number ----------------------------------------------------------------- */

static uint32_t numbers_of(enum value_type type)
{
    return type == VALUE_ID ? 2 : 1;
}

uint16_t page_init(struct page *p, const struct message *m, enum page_list list,
                   enum value_type type, bool has_limit, uint32_t limit, bool has_cursor,
                   struct slice cursor)
{
    check(type == VALUE_ID || type == VALUE_UINT);
    uint64_t n[2] = {0};
    uint16_t code = page_begin(p, &wallet_rules, m, has_limit, limit);
    p->list = list;
    p->type = type;
    if (code != RESULT_OK || !has_cursor)
        return code;
    code = cursor_read(cursor, m, list, n, numbers_of(type));
    if (code != RESULT_OK)
        return code;
    if (type == VALUE_UINT && n[0] > INT64_MAX)
        return RESULT_INVALID_CURSOR;
    p->has_from = true;
    p->from.type = type;
    if (type == VALUE_ID)
        p->from.id = (struct id128){n[0], n[1]};
    else
        p->from.number = n[0];
    return RESULT_OK;
}

struct view_scan page_scan(const struct page *p, const struct view_table *table,
                           const struct view_index *index, const struct value *prefix,
                           uint8_t prefix_count)
{
    check(p->rules->rows_max == PAGE_ROWS_MAX);
    return (struct view_scan){
        .table = table,
        .index = index,
        .prefix = prefix,
        .prefix_count = prefix_count,
        .from = p->has_from ? &p->from : NULL,
        .from_count = p->has_from ? 1 : 0,
        .limit = PAGE_ROWS_MAX + 1,
    };
}

bool page_next(struct page *p, struct value key)
{
    if (!page_look(p))
        return false;
    p->last = key;
    return true;
}

bool page_cursor(struct page *p, struct slice *cursor)
{
    uint64_t id[] = {p->last.id.hi, p->last.id.lo}, number = p->last.number;
    *cursor = page_cursor_of(p, p->list, p->type == VALUE_ID ? id : &number,
                             numbers_of(p->type));
    return cursor->len > 0;
}

bool page_metadata(struct page *p, struct slice encoded, struct metadata *m)
{
    struct slice kept = arena_copy(&p->arena, encoded);
    struct wire_reader from;
    wire_reader_init(&from, kept.data, kept.len);
    return fields_get_metadata(&from, &p->arena, m);
}

bool page_metadata_has(struct slice encoded, const struct metadata *wanted)
{
    uint32_t found = 0;
    struct wire_reader from;
    wire_reader_init(&from, encoded.data, encoded.len);
    uint32_t count = wire_get_map(&from, METADATA_PAIRS_MAX);
    for (uint32_t i = 0; i < count && !from.failed; i++) {
        struct slice key = wire_get_text(&from, METADATA_KEY_MAX);
        struct slice value = wire_get_text(&from, METADATA_VALUE_MAX);
        for (uint32_t k = 0; k < wanted->count; k++)
            found += slice_equal(wanted->items[k].key, key) &&
                     slice_equal(wanted->items[k].value, value);
    }
    return !from.failed && found == wanted->count;
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
