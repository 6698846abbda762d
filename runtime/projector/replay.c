/* SPDX-License-Identifier: Apache-2.0 */
/* A batch is checked from the outside in: number, epoch, chain, hash, then record by record its
 * grammar (record.h), the events by their types, and in the end the number of records. Each event
 * is applied as soon as it is read, so a batch that turns out damaged has left its first events in
 * the registry: whoever goes on after damage rebuilds it.
 *
 * apply may need a state that is not in memory. registry_get() then loads it, and if that fails it
 * jumps back into replay_apply() (setjmp), which undoes what the event had changed. There too jumps
 * a check that fails on states from the views: they may be ahead of their position, or made from
 * another journal, and each start would end the same way. The views are marked, and the next start
 * makes them anew. A check that fails on states made from the journal alone ends the process. */
#include "runtime/projector/replay.h"
#include "runtime/base/check_catcher.h"
#include "runtime/base/memory.h"
#include "runtime/base/mutant.h"
#include "runtime/sends/open_ask.h"
#include "runtime/sends/stream.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define REPLAY_ARENA_MAX ((size_t)16 << 20)

static size_t replay_event_size(const struct domain *d)
{
    size_t size = 1;
    for (size_t i = 0; i < DOMAIN_NUMBER_MAX; i++)
        if (d->rules[i] != NULL && d->rules[i]->type->size > size)
            size = d->rules[i]->type->size;
    return size;
}

void replay_init(struct replay *r, const struct domain *d, struct registry *registry,
                 uint16_t shard, const struct store_position *from)
{
    *r = (struct replay){
        .registry = registry,
        .domain = d,
        .shard = shard,
        .seq = from->seq,
        .hash = from->hash,
        .time_ns = from->time_ns,
        .event_size = replay_event_size(d),
    };
    arena_init(&r->arena, REPLAY_ARENA_MAX);
    if (registry != NULL)
        registry->undoable = true;
    r->event = memory_take_aligned(16, (r->event_size + 15) / 16 * 16);
}

void replay_done(struct replay *r)
{
    arena_done(&r->arena);
    free(r->event);
    r->event = NULL;
}

static enum err replay_damaged(struct replay *r, uint64_t seq, const char *format, ...)
    printf_like(3, 4);

static enum err replay_damaged(struct replay *r, uint64_t seq, const char *format, ...)
{
    int n = snprintf(r->reason, sizeof r->reason, "journal of shard %u is damaged at batch %llu: ",
                     r->shard, (unsigned long long)seq);
    va_list args;
    va_start(args, format);
    vsnprintf(r->reason + n, sizeof r->reason - (size_t)n, format, args);
    va_end(args);
    r->damaged_seq = seq;
    return ERR_CORRUPT;
}

/* What the event had changed stays in the registry, which whoever goes on clears. */
static enum err replay_unfit(struct replay *r, const struct check_catcher *caught)
{
    r->registry->load_failed = NULL;
    r->views->ops->damaged(r->views);
    snprintf(r->reason, sizeof r->reason,
             "the views do not fit the journal of shard %u: on states from them batch %llu fails a "
             "check (%s:%d: %s); the next start makes the views anew from the journal, or else "
             "after they were deleted",
             r->shard, (unsigned long long)r->seq + 1, caught->file, caught->line,
             caught->expression);
    return ERR_FAILED;
}

static void replay_apply_event(struct replay *r, const struct record_reader *record)
{
    const struct event_rule *rule = r->domain->rules[record->number];
    if (!MUTANT(LOSE_EVENT) || r->events % 16 != 15)
        rule->apply(r->registry, r->event, record->time_ns);
    if (MUTANT(APPLY_TWICE) && r->events % 16 == 15)
        rule->apply(r->registry, r->event, record->time_ns);
}

static uint64_t replay_position(const struct replay *r, const struct record_reader *record)
{
    return position_make(r->seq + 1, record->item);
}

static void replay_apply_taken(struct replay *r, const struct record_reader *record)
{
    r->fits = stream_takes(r->registry, &record->taken);
    if (r->fits)
        stream_apply_taken(r->registry, &record->taken);
}

static void replay_apply_send(struct replay *r, const struct record_reader *record)
{
    if (MUTANT(FORGET_SENT) && record->item % 4 == 3)
        return;
    stream_apply_send(r->registry, r->shard, &record->send, replay_position(r, record),
                      record->send_hash);
}

/* Does it give the answer to all keys that were attached, and to no others? */
static bool replay_answers_all(const struct record_reader *record, const struct open_ask *ask)
{
    struct record_key keys[RECORD_KEYS_MAX];
    uint32_t count = record_keys(record, keys);
    bool all = count == ask->key_count;
    for (uint32_t i = 0; all && i < count; i++)
        all = id128_equal(keys[i].key, ask->keys[i].key) &&
              id128_equal(keys[i].fingerprint, ask->keys[i].fingerprint);
    return all;
}

static void replay_apply_end(struct replay *r, const struct record_reader *record)
{
    const struct open_ask ask = {
        .opened_ns = record->time_ns, .keyed = record->keyed, .fingerprint = record->fingerprint};
    const struct record_key key = {record->key, record->fingerprint, record->wide};
    const struct open_ask *found = open_ask_load(r->registry, record->ask);
    r->fits = (found != NULL) == (record->closing || record->attached);
    if (r->fits && record->closing)
        r->fits = replay_answers_all(record, found);
    if (!r->fits)
        return;
    if (record->attached)
        r->fits = open_ask_attach(r->registry, record->ask, &key);
    else if (record->open)
        open_ask_add(r->registry, record->ask, &ask);
    else
        open_ask_remove(r->registry, record->ask);
}

/* Changes states by a part of a record. After ERR_IO nothing of it remains. */
static enum err replay_apply(struct replay *r,
                             void (*apply)(struct replay *r, const struct record_reader *record),
                             const struct record_reader *record)
{
    if (r->registry == NULL)
        return ERR_OK;
    struct registry *registry = r->registry;
    struct check_catcher caught;
    switch (setjmp(caught.at)) {
    case 0:
        break;
    case CHECK_CAUGHT:
        return replay_unfit(r, &caught);
    default:
        check_catch(NULL);
        registry->load_failed = NULL;
        registry_undo(registry, (struct registry_mark){0});
        return replay_load_failed(r, registry->load_error);
    }
    registry->load_failed = &caught.at;
    if (r->views != NULL)
        check_catch(&caught);
    r->fits = true;
    apply(r, record);
    check(r->fits || r->views == NULL); /* else the views may be what does not fit */
    check_catch(NULL);
    registry->load_failed = NULL;
    registry_commit(registry);
    return ERR_OK;
}

enum err replay_load_failed(struct replay *r, enum err e)
{
    check(e != ERR_OK);
    if (e != ERR_CORRUPT)
        return e;
    snprintf(r->reason, sizeof r->reason,
             "a state in the views is damaged (shard %u, before batch %llu); the next start makes "
             "the views anew from the journal, or else after they were deleted",
             r->shard, (unsigned long long)r->seq + 1);
    return ERR_FAILED;
}

static enum err replay_event(struct replay *r, const struct record_reader *record)
{
    const struct event_rule *rule =
        record->number < DOMAIN_NUMBER_MAX ? r->domain->rules[record->number] : NULL;
    if (rule == NULL)
        return replay_damaged(r, r->seq + 1, "unknown event %u (written by a newer version?)",
                              record->number);
    struct wire_reader wire;
    wire_reader_init(&wire, record->event.data, record->event.len);
    memset(r->event, 0, rule->type->size);
    if (!rule->type->read(&wire, &r->arena, r->event) || !wire_finished(&wire))
        return replay_damaged(r, r->seq + 1, "event %u (%s) cannot be read", record->number,
                              rule->type->name);
    enum err e = replay_apply(r, replay_apply_event, record);
    if (e != ERR_OK)
        return e;
    r->events++;
    uint64_t position = replay_position(r, record);
    if (r->on_event != NULL && !r->on_event(r->context, rule, r->event, record->time_ns, position))
        return ERR_IO;
    if (r->arena.allocated > 0)
        arena_reset(&r->arena);
    return ERR_OK;
}

static enum err replay_taken(struct replay *r, const struct record_reader *record)
{
    enum err e = replay_apply(r, replay_apply_taken, record);
    if (e != ERR_OK || r->fits)
        return e;
    return replay_damaged(r, r->seq + 1, "it takes send %llu of shard %u out of turn",
                          (unsigned long long)record->taken.n, record->taken.from);
}

/* Of an answer that was open: the keys that were attached have it too. */
static bool replay_keys(struct replay *r, const struct record_reader *record)
{
    struct record_key keys[RECORD_KEYS_MAX];
    uint32_t count = record->closing && r->on_key != NULL ? record_keys(record, keys) : 0;
    for (uint32_t i = 0; i < count; i++)
        if (!r->on_key(r->context, keys[i].key, keys[i].fingerprint, replay_position(r, record),
                       record->time_ns))
            return false;
    return true;
}

static enum err replay_end(struct replay *r, const struct record_reader *record)
{
    enum err e = ERR_OK;
    if (record->open || record->closing)
        e = replay_apply(r, replay_apply_end, record);
    if (e == ERR_OK && !r->fits)
        e = replay_damaged(r, r->seq + 1,
                           record->attached ? "it attaches a key to an ask that takes none"
                           : record->open   ? "it opens an ask that is open"
                                            : "it answers an ask that is not open");
    if (e != ERR_OK)
        return e;
    if (r->on_record != NULL)
        r->on_record(r->context, record);
    if (record->keyed && r->on_key != NULL &&
        !r->on_key(r->context, record->key, record->fingerprint, replay_position(r, record),
                   record->time_ns))
        return ERR_IO;
    return replay_keys(r, record) ? ERR_OK : ERR_IO;
}

/* Of the record with this number in its batch. */
static enum err replay_part(struct replay *r, enum record_part part,
                            const struct record_reader *record, uint32_t number)
{
    r->fits = true;
    switch (part) {
    case RECORD_BEGIN:
        if (record->time_ns < r->time_ns)
            return replay_damaged(r, r->seq + 1, "time goes back in record %u", number);
        r->time_ns = record->time_ns;
        return ERR_OK;
    case RECORD_TAKEN:
        return replay_taken(r, record);
    case RECORD_EVENT:
        return replay_event(r, record);
    case RECORD_SEND:
        return replay_apply(r, replay_apply_send, record);
    case RECORD_END:
        return replay_end(r, record);
    case RECORD_DONE:
    case RECORD_DAMAGED:
        break;
    }
    return replay_damaged(r, r->seq + 1, "record %u cannot be read", number);
}

static enum err replay_body(struct replay *r, const struct batch_row *row)
{
    struct record_reader record;
    enum record_part part;
    uint32_t records = 0;
    record_reader_init(&record, row->body);
    while ((part = record_next(&record)) != RECORD_DONE) {
        enum err e = replay_part(r, part, &record, records);
        if (e != ERR_OK)
            return e;
        records += part == RECORD_END;
    }
    if (records != row->count)
        return replay_damaged(r, row->seq, "%u records where %u were written", records, row->count);
    r->records += records;
    return ERR_OK;
}

enum err replay_batch(struct replay *r, const struct batch_row *row)
{
    if (row->shard != r->shard || row->seq != r->seq + 1)
        return replay_damaged(r, r->seq + 1, "found batch %llu instead",
                              (unsigned long long)row->seq);
    if (row->epoch < r->epoch)
        return replay_damaged(r, row->seq, "written under the older epoch %llu",
                              (unsigned long long)row->epoch);
    if (memcmp(row->prev_hash.bytes, r->hash.bytes, SHA256_SIZE) != 0)
        return replay_damaged(r, row->seq, "it does not follow batch %llu (hash chain broken)",
                              (unsigned long long)r->seq);
    struct sha256_digest hash = batch_hash(row);
    if (memcmp(hash.bytes, row->hash.bytes, SHA256_SIZE) != 0)
        return replay_damaged(r, row->seq, "its hash does not match its content");
    if (r->registry != NULL)
        r->registry->seq = row->seq;
    enum err e = replay_body(r, row);
    if (e != ERR_OK)
        return e;
    r->seq = row->seq;
    r->epoch = row->epoch;
    r->hash = hash;
    return ERR_OK;
}

struct loading {
    struct replay_source *source;
    const struct actor_kind *kind;
    void *state;
    uint64_t due_ns;
    bool read;
};

static bool replay_load_row(void *context, const struct state_row *row)
{
    struct loading *l = context;
    l->read = registry_read(l->source->registry, l->kind, row->body, l->state);
    l->due_ns = row->due_ns;
    return false;
}

enum err replay_load(void *context, const struct actor_kind *kind, struct id128 id, void *state,
                     uint64_t *due_ns)
{
    struct replay_source *source = context;
    source->loads++;
    struct loading l = {.source = source, .kind = kind, .state = state};
    struct check_catcher *catcher = check_catch(NULL); /* the store owns what a jump would lose */
    enum err e = source->store->ops->state_load(source->store, source->shard, kind->number, id,
                                                replay_load_row, &l);
    check_catch(catcher);
    if (e == ERR_OK && !l.read)
        e = ERR_CORRUPT;
    if (e == ERR_CORRUPT)
        source->store->ops->damaged(source->store);
    *due_ns = l.due_ns;
    return e;
}
