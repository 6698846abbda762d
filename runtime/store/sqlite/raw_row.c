/* SPDX-License-Identifier: Apache-2.0 */
/* A leaf begins with its type and the number of its cells, then has their offsets. A cell is the
 * payload's size, the rowid, and as much of the payload as the page may hold; the rest is on a list
 * of pages. The payload is a record: the size of its header, a type for each column, the values.
 * Every length is looked at before it is used: the page may be anything. */
#include "runtime/store/sqlite/raw_row.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/array.h"

#define LEAF_TYPE 0x0d
#define LEAF_HEADER 8
#define VARINT_MAX 9
#define NEXT_PAGE 4                             /* at the beginning of a further page */
#define FURTHER_BYTES (RAW_PAGE - NEXT_PAGE)    /* of payload on it */
#define LOCAL_MAX (RAW_PAGE - 35)
#define LOCAL_MIN ((RAW_PAGE - 12) * 32 / 255 - 23)
#define PAYLOAD_MAX ((uint64_t)65 << 20)        /* a batch has 64 MiB at most */

struct bytes {
    const uint8_t *at, *end;
};

static uint32_t raw_u16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t raw_page_number(const uint8_t *at)
{
    return raw_u16(at) << 16 | raw_u16(at + 2);
}

/* Seven bits a byte, the last of nine has eight. */
static bool raw_varint(struct bytes *b, uint64_t *value)
{
    uint64_t v = 0;
    for (int i = 0; i < VARINT_MAX && b->at < b->end; i++) {
        uint8_t byte = *b->at++;
        bool last = i == VARINT_MAX - 1;
        v = last ? v << 8 | byte : v << 7 | (byte & 0x7fu);
        if (last || (byte & 0x80) == 0) {
            *value = v;
            return true;
        }
    }
    return false;
}

enum raw_page_kind raw_page_kind(const uint8_t page[RAW_PAGE])
{
    static const uint8_t others[] = {0x02, 0x05, 0x0a};
    uint32_t cells = raw_u16(page + 3);
    if (cells * 2 + LEAF_HEADER > RAW_PAGE || page[7] > 60)
        return RAW_PAGE_UNKNOWN;
    if (page[0] == LEAF_TYPE)
        return RAW_PAGE_LEAF;
    return memchr(others, page[0], sizeof others) != NULL ? RAW_PAGE_OTHER : RAW_PAGE_UNKNOWN;
}

bool raw_page_first(const uint8_t page[RAW_PAGE])
{
    static const char begin[16] = "SQLite format 3";
    return memcmp(page, begin, sizeof begin) == 0;
}

uint32_t raw_page_rows(const uint8_t page[RAW_PAGE])
{
    return raw_page_kind(page) == RAW_PAGE_LEAF ? raw_u16(page + 3) : 0;
}

/* --- the payload ------------------------------------------------------------------------------ */

static uint32_t raw_local_bytes(uint64_t size)
{
    if (size <= LOCAL_MAX)
        return (uint32_t)size;
    uint64_t some = LOCAL_MIN + (size - LOCAL_MIN) % FURTHER_BYTES;
    return (uint32_t)(some <= LOCAL_MAX ? some : LOCAL_MIN);
}

static bool raw_page_find(const struct raw_pages *r, uint32_t page, bool from_file,
                          uint8_t bytes[RAW_PAGE])
{
    if (page == 0 || page > r->page_count)
        return false;
    if (!from_file && r->latest[page] != 0)
        return raw_pages_frame(r, r->latest[page] - 1, bytes);
    return raw_pages_file(r, page, bytes);
}

static bool raw_row_gather(struct raw_row *row, const struct raw_pages *r, bool from_file)
{
    uint8_t page[RAW_PAGE];
    uint32_t next = row->first_page;
    for (size_t have = row->first_local; have < row->size; have += FURTHER_BYTES) {
        if (!raw_page_find(r, next, from_file, page))
            return false;
        size_t rest = row->size - have;
        memcpy(row->payload + have, page + NEXT_PAGE, rest < FURTHER_BYTES ? rest : FURTHER_BYTES);
        next = raw_page_number(page);
    }
    return next == 0;
}

void raw_row_pages(const struct raw_row *row, const struct raw_pages *r, bool from_file,
                   void (*each)(void *context, uint32_t page), void *context)
{
    uint8_t page[RAW_PAGE];
    uint32_t next = row->first_page;
    for (size_t have = row->first_local; have < row->size; have += FURTHER_BYTES) {
        each(context, next);
        if (!raw_page_find(r, next, from_file, page))
            return;
        next = raw_page_number(page);
    }
}

/* --- the record ------------------------------------------------------------------------------- */

static uint64_t raw_value_bytes(uint64_t type)
{
    static const uint8_t integers[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
    return type < sizeof integers ? integers[type] : (type - 12) / 2;
}

static int64_t raw_integer(const uint8_t *at, uint64_t bytes)
{
    uint64_t value = bytes > 0 && (at[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (uint64_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return (int64_t)value;
}

static bool raw_value_read(struct raw_value *v, uint64_t type, struct bytes *b)
{
    uint64_t bytes = raw_value_bytes(type);
    if (type == 10 || type == 11 || bytes > (uint64_t)(b->end - b->at))
        return false;
    *v = (struct raw_value){.type = RAW_OTHER, .bytes = {(const char *)b->at, (uint32_t)bytes}};
    if (type == 0)
        v->type = RAW_NULL;
    else if ((type >= 1 && type <= 6) || type == 8 || type == 9) {
        v->type = RAW_INTEGER;
        v->number = type == 9 ? 1 : raw_integer(b->at, bytes);
    } else if (type >= 12 && type % 2 == 0)
        v->type = RAW_BLOB;
    b->at += bytes;
    return true;
}

static bool raw_row_split(struct raw_row *row)
{
    struct bytes head = {row->payload, row->payload + row->size}, body;
    uint64_t head_size, type;
    row->count = 0;
    if (!raw_varint(&head, &head_size) || head_size > row->size)
        return false;
    head.end = row->payload + head_size;
    body = (struct bytes){head.end, row->payload + row->size};
    while (head.at < head.end && row->count < RAW_COLUMNS_MAX) {
        if (!raw_varint(&head, &type) ||
            !raw_value_read(&row->columns[row->count++], type, &body))
            return false;
    }
    return head.at == head.end && body.at == body.end;
}

bool raw_row_read(struct raw_row *row, const struct raw_pages *r, const uint8_t page[RAW_PAGE],
                  uint32_t at, bool from_file)
{
    uint64_t size, rowid;
    check(at < raw_page_rows(page));
    uint32_t offset = raw_u16(page + LEAF_HEADER + 2 * at);
    struct bytes cell = {page + (offset < RAW_PAGE ? offset : RAW_PAGE), page + RAW_PAGE};
    if (!raw_varint(&cell, &size) || !raw_varint(&cell, &rowid) || size > PAYLOAD_MAX)
        return false;
    row->size = (size_t)size;
    row->rowid = (int64_t)rowid;
    row->first_local = raw_local_bytes(size);
    row->first_page = 0;
    bool further = row->first_local < row->size;
    if (row->first_local + (further ? NEXT_PAGE : 0) > (size_t)(cell.end - cell.at))
        return false;
    array_reserve(row->payload, row->cap, row->size + 1);
    memcpy(row->payload, cell.at, row->first_local);
    if (further)
        row->first_page = raw_page_number(cell.at + row->first_local);
    return raw_row_gather(row, r, from_file) && raw_row_split(row);
}

void raw_row_done(struct raw_row *row)
{
    free(row->payload);
    *row = (struct raw_row){0};
}
