/* SPDX-License-Identifier: Apache-2.0 */
/* A page is an array: the things, the cursor of the next page or nil, what else it has, the total
 * or nil, and whether that is exact or nil. Of the pages that are counted only the first two are
 * looked at; the page that is answered ends with two nils, in whose place the total is written. */
#include "runtime/shard/query_count.h"

#define PAGE_FIELDS_MAX 16
#define PAGE_NIL 0xC0

static bool query_count_flag(const void *body, uint16_t offset)
{
    bool flag;
    memcpy(&flag, (const char *)body + offset, sizeof flag);
    return flag;
}

bool query_count_wanted(const struct message *m)
{
    const struct message_paging *p = m->type->paging;
    return p != NULL && query_count_flag(m->body, p->has_count) &&
           query_count_flag(m->body, p->count);
}

/* The request for the pages that are counted. */
struct counted {
    struct message message;
    _Alignas(max_align_t) char body[QUERY_COUNT_BODY_MAX];
    char cursor[QUERY_COUNT_CURSOR_MAX];
    uint32_t total;
    bool more;
};

static void counted_set(struct counted *c, uint16_t offset, const void *value, size_t size)
{
    check(offset + size <= sizeof c->body);
    memcpy(c->body + offset, value, size);
}

static void counted_init(struct counted *c, const struct message *m)
{
    const struct message_paging *p = m->type->paging;
    const bool yes = true, no = false;
    check(m->type->size <= sizeof c->body);
    c->message = *m;
    memcpy(c->body, m->body, m->type->size);
    c->message.body = c->body;
    counted_set(c, p->has_limit, &yes, sizeof yes);
    counted_set(c, p->limit, &p->limit_max, sizeof p->limit_max);
    counted_set(c, p->has_cursor, &no, sizeof no);
    c->total = 0;
    c->more = true;
}

/* false: it is no page. */
static bool counted_take(struct counted *c, struct slice page)
{
    const struct message_paging *p = c->message.type->paging;
    struct wire_reader from;
    wire_reader_init(&from, page.data, page.len);
    (void)wire_get_array(&from, PAGE_FIELDS_MAX);
    uint32_t things = wire_get_array(&from, p->limit_max);
    for (uint32_t i = 0; i < things && !from.failed; i++)
        (void)wire_skip(&from);
    c->total += things;
    c->more = !wire_get_nil(&from);
    if (!c->more)
        return !from.failed;
    struct slice cursor = wire_get_bytes(&from, sizeof c->cursor);
    const bool yes = true;
    if (from.failed)
        return false;
    memcpy(c->cursor, cursor.data, cursor.len);
    cursor.data = c->cursor;
    counted_set(c, p->has_cursor, &yes, sizeof yes);
    counted_set(c, p->cursor, &cursor, sizeof cursor);
    return true;
}

uint16_t query_count(struct query_run *r, const struct query *query)
{
    struct message *m = r->message;
    struct counted c;
    struct wire_writer page;
    uint32_t rows = m->rows;
    uint16_t code = ERR_OK, type;
    counted_init(&c, m);
    wire_writer_init(&page, m->reply.len_max);
    while (code == ERR_OK && c.more && m->rows - rows < QUERY_COUNT_ROWS_MAX) {
        wire_writer_clear(&page);
        code = query->run(&r->store, &c.message, &page, &type);
        if (code == ERR_OK && (page.failed || !counted_take(&c, wire_written(&page))))
            code = page.failed ? ERR_TOO_LARGE : ERR_CORRUPT;
    }
    wire_writer_done(&page);
    if (code != ERR_OK || m->reply.failed)
        return code;
    check(m->reply.len > 2 && m->reply.data[m->reply.len - 1] == PAGE_NIL &&
          m->reply.data[m->reply.len - 2] == PAGE_NIL);
    m->reply.len -= 2;
    wire_put_uint(&m->reply, c.total);
    wire_put_bool(&m->reply, !c.more);
    return ERR_OK;
}
