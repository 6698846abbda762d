/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of one page often come from the same batch, so the records of the last one are kept. They
 * are looked through from the first on, because each principal is named where it appears first. */
#include "actors/common/attributions.h"

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
static struct attribution attributions_look_up(struct attributions *a, struct id128 id,
                                               uint64_t position)
{
    struct attribution one, found = {0};
    struct wire_reader r;
    uint32_t known = 0;
    attributions_read(a, slot_map_home(a->message->runtime.slots, id), position_seq(position));
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

struct attributed attributions_find(struct attributions *a, struct id128 id, uint64_t position)
{
    struct attribution found = attributions_look_up(a, id, position);
    char text[ATTRIBUTION_REQUEST_MAX];
    uint32_t len = (uint32_t)attribution_request_text(&found, text);
    struct attributed by = attributed_of(&found, (struct slice){text, len});
    by.by = arena_copy(a->arena, by.by);
    by.client_id = arena_copy(a->arena, by.client_id);
    by.request_id = arena_copy(a->arena, by.request_id);
    return by;
}

struct slice attributions_tenant(struct attributions *a, struct id128 id, uint64_t position)
{
    return arena_copy(a->arena, attributions_look_up(a, id, position).tenant);
}

struct attributed attributions_told(const struct principal *who, struct attributed by,
                                    bool own_side)
{
    bool told = own_side || who->any_owner || who->operator|| slice_equal(by.by, who->subject) ||
                slice_equal(by.by, slice_of(PRINCIPAL_SYSTEM));
    return told ? by : (struct attributed){.has_by = false};
}
