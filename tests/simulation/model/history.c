/* SPDX-License-Identifier: Apache-2.0 */
/* See history.h. */
#include "tests/simulation/model/history.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/array.h"
#include "runtime/journal/record.h"
#include "runtime/projector/replay.h"
#include "runtime/sends/parked.h"
#include "schemas/ledger.h"
#include "tests/simulation/verdict.h"

#define SLOTS_FIRST 512
#define EVENT_MEMORY ((size_t)1 << 20)

void history_init(struct history *h, const struct domain *domain, struct journal_store *store,
                  uint16_t shard, const struct history_models *models)
{
    *h = (struct history){.domain = domain,
                          .store = store,
                          .shard = shard,
                          .models = *models,
                          .slot_count = SLOTS_FIRST};
    arena_init(&h->arena, EVENT_MEMORY);
    size_t size = 16;
    for (size_t i = 0; i < DOMAIN_NUMBER_MAX; i++)
        if (domain->rules[i] != NULL && domain->rules[i]->type->size > size)
            size = domain->rules[i]->type->size;
    h->event = aligned_alloc(16, (size + 15) / 16 * 16);
    h->slots = calloc(SLOTS_FIRST, sizeof *h->slots);
    check(h->event != NULL && h->slots != NULL);
}

void history_done(struct history *h)
{
    arena_done(&h->arena);
    free(h->event);
    free(h->records);
    free(h->slots);
}

uint64_t history_hash(struct slice bytes)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (uint32_t i = 0; i < bytes.len; i++)
        h = (h ^ (uint8_t)bytes.data[i]) * 0x100000001B3u;
    return h;
}

/* --- keys ------------------------------------------------------------------------------------- */

static uint32_t *slot_of(const struct history *h, struct id128 key)
{
    uint32_t at = (uint32_t)id128_hash(key) & (h->slot_count - 1);
    while (h->slots[at] != 0 && !id128_equal(h->records[h->slots[at] - 1].key, key))
        at = (at + 1) & (h->slot_count - 1);
    return &h->slots[at];
}

const struct history_record *history_find(const struct history *h, struct id128 key)
{
    uint32_t number = *slot_of(h, key);
    return number == 0 ? NULL : &h->records[number - 1];
}

static void history_grow(struct history *h)
{
    array_reserve(h->records, h->cap, h->count + 1);
    if (h->count * 2 < h->slot_count)
        return;
    free(h->slots);
    h->slot_count *= 2;
    h->slots = calloc(h->slot_count, sizeof *h->slots);
    check(h->slots != NULL);
    for (uint32_t i = 0; i < h->count; i++)
        *slot_of(h, h->records[i].key) = i + 1;
}

static void add_record(struct history *h, const struct record_reader *r,
                       const struct record_key *key, uint64_t seq,
                       const struct ref_effects *effects)
{
    history_grow(h);
    uint32_t *slot = slot_of(h, key->key);
    if (*slot != 0 && !(r->closing && h->records[*slot - 1].open))
        broken("one key has two records: the second is in batch %llu", (unsigned long long)seq);
    if (*slot == 0 && r->closing)
        broken("a key has an outcome, but was not open: batch %llu", (unsigned long long)seq);
    if (*slot == 0)
        *slot = ++h->count;
    struct history_record *record = &h->records[*slot - 1];
    *record = (struct history_record){
        .key = key->key,
        .fingerprint = key->fingerprint,
        .seq = seq,
        .version = r->answer.version,
        .reply_hash = history_hash(r->answer.reply),
        .code = r->answer.code,
        .reply_type = r->answer.reply_type,
        .open = r->open,
        .effects = *effects,
    };
    if (!record->open)
        h->on_record(h->context, record);
}

/* Under its key, and if it gives an answer under all keys that were attached to that. */
static void add_records(struct history *h, const struct record_reader *r, uint64_t seq,
                        const struct ref_effects *effects)
{
    struct record_key keys[1 + RECORD_KEYS_MAX];
    uint32_t count = r->closing ? record_keys(r, keys) : 0;
    if (r->keyed)
        keys[count++] = (struct record_key){r->key, r->fingerprint, r->wide};
    for (uint32_t i = 0; i < count; i++)
        add_record(h, r, &keys[i], seq, effects);
}

/* --- batches ---------------------------------------------------------------------------------- */

/* Does nobody in particular cause it? A send is parked on behalf of whom it was sent for. */
static bool history_is_of_system(const struct message_type *type, const void *event)
{
    if (type == &transfer_half_ended_type)
        return !((const struct transfer_half_ended *)event)->has_ended_by_id;
    if (type == &half_end_came_type)
        return !((const struct half_end_came *)event)->has_ended_by_id;
    if (type == &leg_told_type)
        return ((const struct leg_told *)event)->status == TRANSFER_STATUS_EXPIRED;
    if (type == &send_parked_type)
        return ((const struct parked *)event)->who.tenant.len == 0;
    return strstr(type->name, "_expired") != NULL || strstr(type->name, "_forgotten") != NULL;
}

static void read_event(struct history *h, const struct record_reader *r,
                       struct ref_effects *effects)
{
    h->unparks |= r->number == send_unparked_type.number;
    if (r->taken.n == 0 && !h->unparks && r->time_ns > h->before_ns + 1) {
        h->clock_ns = r->time_ns;
        h->clock_seq = h->seq + 1;
    }
    const struct event_rule *rule =
        r->number < DOMAIN_NUMBER_MAX ? h->domain->rules[r->number] : NULL;
    if (rule == NULL)
        broken("the journal has an unknown event %u", r->number);
    struct wire_reader wire;
    wire_reader_init(&wire, r->event.data, r->event.len);
    memset(h->event, 0, rule->type->size);
    if (!rule->type->read(&wire, &h->arena, h->event) || !wire_finished(&wire))
        broken("an event of the journal cannot be read");
    h->of_group |= rule->type == &group_released_type; /* whose end came before is over with it */
    h->of_system |= !h->of_group && history_is_of_system(rule->type, h->event);
    h->events++;
    h->kinds[r->number]++;
    if (!ref_sends_event(h->models.sends, h->shard, rule->type, h->event) &&
        !ref_tallies_event(h->models.tallies, h->shard, rule->type, h->event) &&
        !ref_rates_event(h->models.rates, h->shard, rule->type, h->event, r->time_ns))
        reference_apply(h->models.reference, h->shard, rule->type, h->event, r->time_ns, effects);
    arena_reset(&h->arena);
}

static void read_body(struct history *h, const struct batch_row *row)
{
    struct record_reader r;
    struct attribution_list principals = {0};
    struct ref_effects effects = {0};
    uint32_t records = 0;
    record_reader_init(&r, row->body);
    for (;;) {
        switch (record_next(&r)) {
        case RECORD_BEGIN:
            if (r.time_ns <= h->time_ns)
                broken("times of records do not increase");
            h->before_ns = h->time_ns;
            h->time_ns = r.time_ns;
            effects = (struct ref_effects){0};
            h->of_system = h->of_group = h->unparks = false;
            ref_sends_begin(h->models.sends);
            attribution_resolve(&principals, &r.attribution);
            h->on_attribution(h->context, &r.attribution);
            h->models.reference->by = history_hash(r.attribution.subject);
            h->models.rates->by = h->models.reference->by * 3 + history_hash(r.attribution.tenant);
            break;
        case RECORD_EVENT:
            read_event(h, &r, &effects);
            break;
        case RECORD_TAKEN:
            ref_sends_taken(h->models.sends, &r.taken);
            break;
        case RECORD_SEND:
            ref_sends_sent(h->models.sends, h->shard, &r.send, position_make(row->seq, r.item),
                           r.send_hash);
            break;
        case RECORD_END:
            records++;
            if (h->of_system != (r.attribution.tenant.len == 0))
                broken(h->of_system ? "somebody made a thing expire" : "a record is nobody's");
            ref_sends_end(h->models.sends, h->shard, &r);
            reference_end(h->models.reference, &effects);
            add_records(h, &r, row->seq, &effects);
            break;
        case RECORD_DONE:
            if (records != row->count)
                broken("batch %llu does not have the records it says",
                       (unsigned long long)row->seq);
            attribution_list_done(&principals);
            return;
        case RECORD_DAMAGED:
            broken("durable batch %llu is damaged", (unsigned long long)row->seq);
        }
    }
}

struct following {
    struct history *history;
    uint64_t end;
};

static bool follow_row(void *context, const struct batch_row *row)
{
    struct following *f = context;
    struct history *h = f->history;
    if (row->shard != h->shard)
        broken("the journal of a shard has a batch of another");
    if (row->seq == h->seq) {
        if (memcmp(row->hash.bytes, h->hash.bytes, SHA256_SIZE) != 0)
            broken("batch %llu, which was durable, is another now", (unsigned long long)row->seq);
        return row->seq < f->end;
    }
    if (row->seq != h->seq + 1)
        broken("durable batch %llu vanished", (unsigned long long)(h->seq + 1));
    struct sha256_digest hash = batch_hash(row);
    if (memcmp(hash.bytes, row->hash.bytes, SHA256_SIZE) != 0 ||
        memcmp(row->prev_hash.bytes, h->hash.bytes, SHA256_SIZE) != 0)
        broken("the hash chain is broken at batch %llu", (unsigned long long)row->seq);
    if (row->epoch < h->epoch)
        broken("epochs go back at batch %llu", (unsigned long long)row->seq);
    read_body(h, row);
    h->seq = row->seq;
    h->epoch = row->epoch;
    h->hash = hash;
    return row->seq < f->end;
}

void history_follow(struct history *h, uint64_t seq)
{
    if (seq < h->seq)
        broken("the shard stands at batch %llu, but %llu was durable", (unsigned long long)seq,
               (unsigned long long)h->seq);
    struct following f = {h, seq};
    enum err e = h->store->ops->tail(h->store, h->shard, h->seq == 0 ? 1 : h->seq, follow_row, &f);
    check(e == ERR_OK);
    if (h->seq != seq)
        broken("batch %llu was said to be durable, but is not in the store",
               (unsigned long long)seq);
}
