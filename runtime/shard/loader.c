/* SPDX-License-Identifier: Apache-2.0 */
/* Two arrays that are swapped: one collects requests on the loop, the other is being read by the
 * worker; when a group is back, the next one starts. On the worker the loads are sorted by
 * position, so that all parts of one batch are found in one walk over its body, whose hash is
 * verified first. Back on the loop, parts enter a table that turns look in, states go to the
 * owner's callback and are freed after it. A part beyond LOADER_PARTS_MAX is dropped and the group
 * reported as overflowed. After a reset the answers of the group under way are dropped: they are of
 * the time before. */
#include "runtime/shard/loader.h"

#include <stdlib.h>

#include "runtime/base/array.h"
#include "runtime/base/memory.h"
#include "runtime/projector/replay.h"

static void loader_run(struct work *w);
static void loader_finish(struct work *w);

void loader_init(struct loader *l, struct env *env, struct worker *worker,
                 struct journal_store *journal_store, struct view_store *view_store, uint16_t shard)
{
    check(env != NULL);
    check(worker != NULL);
    check(journal_store != NULL);
    check(view_store != NULL);
    *l = (struct loader){.env = env,
                         .worker = worker,
                         .journal_store = journal_store,
                         .view_store = view_store,
                         .shard = shard};
    l->work.run = loader_run;
    l->work.done = loader_finish;
    table_init(&l->parts);
}

void loader_forget(struct loader *l)
{
    check(l->parts.count <= LOADER_PARTS_MAX);
    size_t cursor = 0;
    struct table_entry *e;
    while ((e = table_next(&l->parts, &cursor)) != NULL)
        free(container_of(e, struct part, entry));
    table_done(&l->parts);
}

void loader_done(struct loader *l)
{
    check(!l->busy);
    loader_forget(l);
    for (size_t i = 0; i < l->reading_count; i++) {
        free(l->reading[i].part); /* read, but never delivered: shard_kill() */
        free((char *)l->reading[i].body.data);
    }
    free(l->asked);
    free(l->reading);
}

void loader_reset(struct loader *l)
{
    loader_forget(l);
    l->asked_count = 0;
    l->damaged = 0;
    l->stale = l->busy;
}

static void loader_start(struct loader *l)
{
    check(l->reading_count == 0);
    check(l->asked_count > 0);
    check(!l->busy);
    struct load *loads = l->reading;
    size_t cap = l->reading_cap;
    l->reading = l->asked;
    l->reading_count = l->asked_count;
    l->reading_cap = l->asked_cap;
    l->asked = loads;
    l->asked_count = 0;
    l->asked_cap = cap;
    l->busy = true;
    env_work(l->env, l->worker, &l->work);
}

void loader_ask(struct loader *l, const struct load *load)
{
    check(load->what != LOAD_PART || load->position != 0);
    check(l->loaded != NULL);
    array_reserve(l->asked, l->asked_cap, l->asked_count + 1);
    l->asked[l->asked_count++] = *load;
    if (!l->busy)
        loader_start(l);
}

const struct part *loader_part(const struct loader *l, uint64_t position)
{
    struct table_entry *e = table_find(&l->parts, (struct id128){0, position});
    return e == NULL ? NULL : container_of(e, struct part, entry);
}

/* --- on the load worker ----------------------------------------------------------------------- */

static bool keep_state(void *context, const struct state_row *row)
{
    struct load *load = context;
    char *copy = memory_take(row->body.len + 1);
    memcpy(copy, row->body.data, row->body.len);
    load->body = (struct slice){copy, row->body.len};
    load->due_ns = row->due_ns;
    return false;
}

static struct part *part_copy(const struct record_reader *found, uint64_t position)
{
    struct slice bytes = found->inside ? found->event : found->answer.reply;
    struct slice keys = found->inside ? (struct slice){NULL, 0} : found->keys;
    check(found->inside || bytes.len == 0 || bytes.data != NULL);
    struct part *part = memory_take(sizeof *part + bytes.len + keys.len +
                                    attribution_texts_len(&found->attribution));
    part->entry.id = (struct id128){0, position};
    part->record = *found;
    if (bytes.len > 0)
        memcpy(part->bytes, bytes.data, bytes.len);
    if (keys.len > 0)
        memcpy(part->bytes + bytes.len, keys.data, keys.len);
    struct slice copy = {part->bytes, bytes.len};
    part->record.keys = (struct slice){part->bytes + bytes.len, keys.len};
    if (found->inside)
        part->record.event = copy;
    else
        part->record.answer.reply = copy;
    attribution_keep(&part->record.attribution, part->bytes + bytes.len + keys.len);
    return part;
}

/* All parts asked of one batch, sorted by item, found in one walk over its body. */
struct part_group {
    struct load *loads;
    size_t count;
    enum err error;
};

static struct load *first_of_item(const struct part_group *group, uint32_t item)
{
    check(group->count > 0);
    size_t low = 0, high = group->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (position_item(group->loads[middle].position) < item)
            low = middle + 1;
        else
            high = middle;
    }
    return &group->loads[low];
}

/* The batch is checked as at a start: what it says is given as an answer again. */
static bool keep_parts(void *context, const struct batch_row *row)
{
    struct part_group *group = context;
    struct sha256_digest hash = batch_hash(row);
    if (row->seq != position_seq(group->loads[0].position) ||
        memcmp(hash.bytes, row->hash.bytes, SHA256_SIZE) != 0) {
        group->error = ERR_CORRUPT;
        return false;
    }
    const struct load *end = group->loads + group->count;
    const uint32_t last = position_item(end[-1].position);
    struct record_reader reader;
    struct attribution_list principals = {0};
    enum record_part part;
    record_reader_init(&reader, row->body);
    while ((part = record_next(&reader)) != RECORD_DONE && part != RECORD_DAMAGED) {
        if (part == RECORD_BEGIN) {
            if (reader.item > last)
                break; /* all have been met */
            attribution_resolve(&principals, &reader.attribution);
            continue;
        }
        if (part == RECORD_TAKEN)
            continue; /* it is no item: it has the number of its record */
        struct load *load = first_of_item(group, reader.item);
        for (; load < end && position_item(load->position) == reader.item; load++)
            if (load->part == NULL)
                load->part = part_copy(&reader, load->position);
    }
    attribution_list_done(&principals);
    return false;
}

static int by_position(const void *a, const void *b)
{
    const struct load *x = a, *y = b;
    if (x->what != y->what)
        return x->what < y->what ? -1 : 1;
    return (x->position > y->position) - (x->position < y->position);
}

/* The loads are sorted by position: returns how many from the front lie in one batch. */
static size_t load_parts(struct loader *l, struct load *loads, size_t count)
{
    check(loads[0].what == LOAD_PART);
    check(count > 0);
    uint64_t seq = position_seq(loads[0].position);
    struct part_group group = {loads, 1, ERR_OK};
    while (group.count < count && loads[group.count].what == LOAD_PART &&
           position_seq(loads[group.count].position) == seq)
        group.count++;
    enum err e = l->journal_store->ops->tail(l->journal_store, l->shard, seq, keep_parts, &group);
    if (e == ERR_OK)
        e = group.error;
    for (size_t i = 0; i < group.count; i++)
        loads[i].result = e != ERR_OK ? e : loads[i].part == NULL ? ERR_CORRUPT : ERR_OK;
    return group.count;
}

static enum err load_key(const struct loader *l, struct load *load, enum key_kind kind)
{
    const struct key_space space = {l->shard, kind};
    return l->view_store->ops->key_find(l->view_store, space, load->id, &load->position);
}

/* The newest decision counts: money may be kept aside under an id that is refused afterwards. */
static enum err load_id(const struct loader *l, struct load *load)
{
    struct load refused = {.id = load->id};
    enum err found = load_key(l, load, KEY_KIND_EVENT);
    if (found != ERR_OK && found != ERR_NOT_FOUND)
        return found;
    enum err e = load_key(l, &refused, KEY_KIND_REFUSAL);
    if (e == ERR_OK && (found == ERR_NOT_FOUND || refused.position > load->position))
        load->position = refused.position;
    return e == ERR_NOT_FOUND ? found : e;
}

static size_t load_one(struct loader *l, struct load *load, size_t count)
{
    check(count > 0);
    struct view_store *s = l->view_store;
    if (load->what == LOAD_PART)
        return load_parts(l, load, count);
    if (load->what == LOAD_STATE) {
        load->result = s->ops->state_load(s, l->shard, load->kind, load->id, keep_state, load);
    } else {
        load->result = load->is_key ? load_key(l, load, KEY_KIND_REQUEST) : load_id(l, load);
    }
    return 1;
}

static void loader_run(struct work *w)
{
    struct loader *l = container_of(w, struct loader, work);
    check(l->busy);
    check(l->reading_count > 0);
    qsort(l->reading, l->reading_count, sizeof *l->reading, by_position);
    for (size_t i = 0; i < l->reading_count;)
        i += load_one(l, &l->reading[i], l->reading_count - i);
}

/* --- back on the loop ------------------------------------------------------------------------- */

/* False: there is no room for it. */
static bool keep_part(struct loader *l, struct load *load)
{
    check(load->what == LOAD_PART || load->part == NULL);
    if (load->part == NULL)
        return true;
    bool known = loader_part(l, load->position) != NULL;
    if (known || l->parts.count >= LOADER_PARTS_MAX) {
        free(load->part);
        return known;
    }
    bool inserted = table_insert(&l->parts, &load->part->entry);
    check(inserted);
    return true;
}

static void loader_finish(struct work *w)
{
    struct loader *l = container_of(w, struct loader, work);
    check(l->finished != NULL);
    check(l->busy);
    bool overflowed = false;
    l->busy = false;
    for (size_t i = 0; i < l->reading_count; i++) {
        struct load *load = &l->reading[i];
        if (l->stale) {
            free(load->part);
        } else {
            overflowed |= !keep_part(l, load);
            if (load->what == LOAD_PART && load->result == ERR_CORRUPT)
                l->damaged = load->position;
            l->loaded(l->context, load);
        }
        free((char *)load->body.data);
    }
    l->reading_count = 0;
    if (!l->stale)
        l->finished(l->context, overflowed);
    l->stale = false;
    if (l->asked_count > 0 && !l->busy)
        loader_start(l);
}
