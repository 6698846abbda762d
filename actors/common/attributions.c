/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of one page often come from the same batch, so the records of the last one are kept. They
 * are looked through from the first on, because each principal is named where it appears first. */
#include "actors/common/attributions.h"

#define RECORDS_BYTES_MAX ((size_t)128 << 20) /* a batch's body has less */

#include "runtime/base/journal_position.h"
#include "runtime/base/slot_map.h"

void attributions_init(struct attributions *a, struct view_store *s, const struct message *m,
                       struct arena *arena)
{
    check(m->runtime.slots != NULL);
    *a = (struct attributions){.store = s, .message = m, .arena = arena};
    arena_init(&a->batch, SIZE_MAX);
}

void attributions_done(struct attributions *a)
{
    attribution_list_done(&a->principals);
    arena_done(&a->batch);
}

static bool attributions_keep(void *context, const struct value *values)
{
    struct attributions *a = context;
    struct attributions_row row;
    if (attributions_row_from_values(values, &row))
        a->records = arena_copy(&a->batch, row.records);
    else
        a->error = ERR_CORRUPT;
    return false;
}

static void attributions_read(struct attributions *a, uint16_t shard, uint64_t seq)
{
    if (a->read && a->shard == shard && a->seq == seq)
        return;
    const struct value key[] = {{VALUE_UINT, .number = shard}, {VALUE_UINT, .number = seq}};
    arena_reset(&a->batch);
    a->records = (struct slice){0};
    enum err e = views_get(a->store, &attributions_view, key, attributions_keep, a);
    if (e != ERR_OK)
        a->error = e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
    a->read = true;
    a->shard = shard;
    a->seq = seq;
}

struct attributed attributed_of(const struct attribution *from, struct slice request)
{
    return (struct attributed){
        .has_by = from->subject.len > 0,
        .by = from->subject,
        .has_client_id = from->client.len > 0,
        .client_id = from->client,
        .has_request_id = request.len > 0,
        .request_id = request,
    };
}

/* Its texts are those of the records that were read. */
static struct attribution attributions_look_up(struct attributions *a, uint16_t shard,
                                               uint64_t position)
{
    struct attribution one, found = {0};
    struct wire_reader r;
    uint32_t known = 0;
    attributions_read(a, shard, position_seq(position));
    a->principals.count = 0;
    wire_reader_init(&r, a->records.data, a->records.len);
    while (!r.failed && r.at != r.end) {
        uint64_t item = wire_get_uint(&r, BATCH_ITEMS_MAX);
        if (item > position_item(position))
            break;
        attribution_get(&r, &known, &one);
        if (r.failed)
            break;
        attribution_resolve(&a->principals, &one);
        found = one;
    }
    if (a->error == ERR_OK && (r.failed || found.subject.len == 0))
        a->error = ERR_CORRUPT;
    return found;
}

struct attributed attributions_find_in(struct attributions *a, uint16_t shard, uint64_t position)
{
    struct attribution found = attributions_look_up(a, shard, position);
    char text[ATTRIBUTION_REQUEST_MAX];
    uint32_t len = (uint32_t)attribution_request_text(&found, text);
    struct attributed by = attributed_of(&found, (struct slice){text, len});
    by.by = arena_copy(a->arena, by.by);
    by.client_id = arena_copy(a->arena, by.client_id);
    by.request_id = arena_copy(a->arena, by.request_id);
    return by;
}

struct attributed attributions_find(struct attributions *a, struct id128 id, uint64_t position)
{
    return attributions_find_in(a, slot_map_home(a->message->runtime.slots, id), position);
}

struct slice attributions_tenant(struct attributions *a, struct id128 id, uint64_t position)
{
    uint16_t shard = slot_map_home(a->message->runtime.slots, id);
    return arena_copy(a->arena, attributions_look_up(a, shard, position).tenant);
}

struct attributed attributions_told(const struct principal *who, struct attributed by,
                                    bool own_side)
{
    bool told = own_side || who->any_owner || who->operator|| slice_equal(by.by, who->subject) ||
                slice_equal(by.by, slice_of(PRINCIPAL_SYSTEM));
    return told ? by : (struct attributed){.has_by = false};
}

/* --- forgetting ------------------------------------------------------------------------------- */

struct forgetting {
    uint32_t item;           /* of what is forgotten */
    struct wire_writer kept; /* the other records of its batch */
};

/* The next record of a batch; false at the end. */
static bool attributions_next(struct wire_reader *r, uint32_t *known, uint64_t *item,
                              struct attribution *a)
{
    if (r->failed || r->at == r->end)
        return false;
    *item = wire_get_uint(r, BATCH_ITEMS_MAX);
    attribution_get(r, known, a);
    return !r->failed;
}

/* Where the record begins that this item belongs to. */
static uint64_t attributions_record(struct slice records, uint32_t item)
{
    struct wire_reader r;
    struct attribution a;
    uint32_t known = 0;
    uint64_t at, found = 0;
    wire_reader_init(&r, records.data, records.len);
    while (attributions_next(&r, &known, &at, &a) && at <= item)
        found = at;
    return found;
}

static bool attributions_leave_out(void *context, const struct value *values)
{
    struct forgetting *f = context;
    struct attributions_row row;
    struct attribution_copy copy = {.written = 0};
    struct attribution a;
    struct wire_reader r;
    uint32_t known = 0;
    uint64_t at;
    if (!attributions_row_from_values(values, &row))
        return false;
    uint64_t forgotten = attributions_record(row.records, f->item);
    wire_reader_init(&r, row.records.data, row.records.len);
    while (attributions_next(&r, &known, &at, &a)) {
        attribution_copy_read(&copy, &a);
        if (at == forgotten)
            continue;
        wire_put_uint(&f->kept, at);
        attribution_copy_put(&copy, &f->kept, &a);
    }
    attribution_copy_done(&copy);
    return false;
}

void attributions_forget(struct projection *p, uint64_t position)
{
    struct value row[] = {
        {VALUE_UINT, .number = projection_shard(p)},
        {VALUE_UINT, .number = position_seq(position)},
        {.type = VALUE_BYTES},
    };
    struct forgetting f = {.item = position_item(position)};
    wire_writer_init(&f.kept, RECORDS_BYTES_MAX);
    bool there = projection_get(p, &attributions_view, row, attributions_leave_out, &f);
    row[2].text = wire_written(&f.kept);
    check(!f.kept.failed);
    if (there && row[2].text.len > 0)
        projection_put(p, &attributions_view, row);
    else if (there)
        projection_delete(p, &attributions_view, row);
    wire_writer_done(&f.kept);
}
