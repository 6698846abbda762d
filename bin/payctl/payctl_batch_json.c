/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the batch's body become JSON as record_reader gives them: a record's begin opens an
 * object, its events are items in it, its end closes it with the answer. The batch is shown whether
 * its hash holds or not; `fault` says why it does not. At the first part that cannot be read the
 * walk ends, and what is open is closed, so the output is JSON in any case. An event or answer that
 * does not fit its declaration, or whose number is not known, is shown as bytes. */
#include "bin/payctl/payctl_batch_json.h"

#include <stdio.h>

#include "runtime/base/hex.h"
#include "runtime/journal/record.h"
#include "runtime/sends/parked.h"
#include "schemas/catalog.h"

#define ARENA_MAX ((size_t)256 << 20) /* decoded answers to bulk messages */
#define FAULT_MAX 128

/* The reading of one batch. */
struct reading {
    struct json_writer *w;
    struct record_reader record;
    struct attribution_list principals;
    struct arena arena;   /* of the event or answer being read */
    bool open;            /* a record has begun and not ended */
    size_t record_mark, events_mark;
};

static void batch_json_put_hash(struct json_writer *w, const char *name,
                                const struct sha256_digest *hash)
{
    char text[2 * SHA256_SIZE];
    hex_write(hash->bytes, SHA256_SIZE, text);
    json_put_key(w, name);
    json_put_text(w, (struct slice){text, sizeof text});
}

static void batch_json_put_number(struct json_writer *w, const char *name, uint64_t value)
{
    json_put_key(w, name);
    json_put_u64(w, value);
}

static void batch_json_put_count(struct json_writer *w, const char *name, uint32_t value)
{
    json_put_key(w, name);
    json_put_uint(w, value);
}

/* `member`: what was encoded, as declared; or "bytes": as it is. */
static void batch_json_put_message(struct reading *r, const struct catalog_entry *entry,
                                   struct slice bytes, const char *member)
{
    struct wire_reader wire;
    void *message = entry != NULL ? arena_alloc(&r->arena, entry->type->size) : NULL;
    wire_reader_init(&wire, bytes.data, bytes.len);
    if (message != NULL && entry->type->read(&wire, &r->arena, message) && wire_finished(&wire)) {
        json_put_key(r->w, member);
        entry->json->write(r->w, message);
    } else {
        json_put_key(r->w, "bytes");
        json_put_bytes(r->w, bytes);
    }
    arena_reset(&r->arena);
}

static void batch_json_put_name(struct json_writer *w, const char *member,
                                const struct catalog_entry *entry, uint16_t number)
{
    json_put_key(w, member);
    if (entry != NULL)
        json_put_text(w, slice_of(entry->type->name));
    else
        json_put_u64(w, number);
}

static void batch_json_put_slice(struct json_writer *w, const char *name, struct slice text)
{
    if (text.len == 0)
        return;
    json_put_key(w, name);
    json_put_text(w, text);
}

/* Who asked, and by which request. */
static void batch_json_put_attribution(struct reading *r)
{
    struct attribution a = r->record.attribution;
    char request[ATTRIBUTION_REQUEST_MAX];
    attribution_resolve(&r->principals, &a);
    batch_json_put_slice(r->w, "by", a.subject);
    batch_json_put_slice(r->w, "tenant", a.tenant);
    batch_json_put_slice(r->w, "client_id", a.client);
    if (!id128_is_zero(a.token_id)) {
        json_put_key(r->w, "token");
        json_put_raw_id(r->w, a.token_id);
    }
    uint32_t len = (uint32_t)attribution_request_text(&a, request);
    batch_json_put_slice(r->w, "request_id", (struct slice){request, len});
}

static void batch_json_begin_record(struct reading *r)
{
    struct json_writer *w = r->w;
    const struct record_reader *record = &r->record;
    r->open = true;
    json_put_comma(w);
    r->record_mark = json_open(w);
    batch_json_put_count(w, "item", record->item);
    json_put_key(w, "time");
    json_put_time(w, record->time_ns);
    if (record->keyed) {
        json_put_key(w, "key");
        json_put_raw_id(w, record->key);
        json_put_key(w, "fingerprint");
        json_put_raw_id(w, record->fingerprint);
    }
    batch_json_put_attribution(r);
    json_put_key(w, "events");
    r->events_mark = json_open(w);
}

/* The runtime's own events, which no schema declares. */
static const struct message_type *batch_json_own_event(uint16_t number)
{
    static const struct message_type *const own[] = {&send_parked_type, &send_unparked_type};
    for (size_t i = 0; i < array_len(own); i++)
        if (own[i]->number == number)
            return own[i];
    return NULL;
}

/* Which send it is about, and why. */
static void batch_json_put_parked(struct json_writer *w, struct id128 id, struct slice reason)
{
    batch_json_put_count(w, "from_shard", parked_from(id));
    json_put_key(w, "all");
    json_put_bool(w, parked_to_all(id));
    batch_json_put_number(w, "number", parked_n(id));
    batch_json_put_slice(w, "reason", reason);
}

static void batch_json_put_own_event(struct reading *r, const struct message_type *type)
{
    struct json_writer *w = r->w;
    union {
        struct parked parked;
        struct unparked unparked;
    } body = {0};
    struct wire_reader wire;
    wire_reader_init(&wire, r->record.event.data, r->record.event.len);
    if (!type->read(&wire, &r->arena, &body) || !wire_finished(&wire)) {
        json_put_key(w, "bytes");
        json_put_bytes(w, r->record.event);
        return;
    }
    json_put_key(w, "fields");
    size_t mark = json_open(w);
    if (type == &send_parked_type) {
        batch_json_put_parked(w, body.parked.id, body.parked.reason);
    } else {
        batch_json_put_parked(w, body.unparked.id, body.unparked.reason);
        batch_json_put_slice(w, "by", body.unparked.by);
    }
    json_close_object(w, mark);
}

static void batch_json_put_event(struct reading *r)
{
    struct json_writer *w = r->w;
    const struct message_type *own = batch_json_own_event(r->record.number);
    const struct catalog_entry *entry = catalog_by_number(r->record.number);
    if (entry != NULL && !entry->event)
        entry = NULL;
    json_put_comma(w);
    size_t mark = json_open(w);
    if (own != NULL)
        batch_json_put_slice(w, "event", slice_of(own->name));
    else
        batch_json_put_name(w, "event", entry, r->record.number);
    batch_json_put_count(w, "item", r->record.item);
    json_put_key(w, "time");
    json_put_time(w, r->record.time_ns);
    if (own != NULL)
        batch_json_put_own_event(r, own);
    else
        batch_json_put_message(r, entry, r->record.event, "fields");
    json_close_object(w, mark);
}

static void batch_json_put_taken(struct reading *r)
{
    struct json_writer *w = r->w;
    const struct record_taken *taken = &r->record.taken;
    json_put_comma(w);
    size_t mark = json_open(w);
    json_put_key(w, "takes");
    size_t send_mark = json_open(w);
    batch_json_put_count(w, "from_shard", taken->from);
    batch_json_put_number(w, "number", taken->n);
    batch_json_put_number(w, "place", taken->place);
    json_close_object(w, send_mark);
    json_close_object(w, mark);
}

static void batch_json_put_send(struct reading *r)
{
    struct json_writer *w = r->w;
    const struct record_send *send = &r->record.send;
    const struct catalog_entry *entry = catalog_by_number(send->type);
    json_put_comma(w);
    size_t mark = json_open(w);
    batch_json_put_name(w, "sends", entry, send->type);
    batch_json_put_count(w, "item", r->record.item);
    if (!send->to_all)
        batch_json_put_count(w, "to_shard", send->to);
    json_put_key(w, "target");
    json_put_raw_id(w, send->target);
    batch_json_put_message(r, entry, send->message, "fields");
    json_close_object(w, mark);
}

/* Those that have the answer too. */
static void batch_json_put_keys(struct reading *r)
{
    struct record_key keys[RECORD_KEYS_MAX];
    uint32_t count = record_keys(&r->record, keys);
    if (count == 0)
        return;
    json_put_key(r->w, "answers_too");
    size_t mark = json_open(r->w);
    for (uint32_t i = 0; i < count; i++) {
        json_put_comma(r->w);
        json_put_raw_id(r->w, keys[i].key);
    }
    json_close_array(r->w, mark);
}

static void batch_json_end_record(struct reading *r)
{
    struct json_writer *w = r->w;
    const struct record_answer *o = &r->record.answer;
    const struct catalog_entry *entry = catalog_by_number(o->reply_type);
    json_close_array(w, r->events_mark);
    if (r->record.open || r->record.closing) {
        json_put_key(w, r->record.attached ? "waits_for" : r->record.open ? "opens" : "answers");
        json_put_raw_id(w, r->record.ask);
    }
    batch_json_put_keys(r);
    json_put_key(w, "result");
    json_put_result(w, o->code);
    if (o->has_reply) {
        batch_json_put_name(w, "answer", entry, o->reply_type);
        batch_json_put_number(w, "version", o->version);
        batch_json_put_message(r, entry, o->reply, "answer_fields");
    }
    json_close_object(w, r->record_mark);
    r->open = false;
}

/* Stops at the first thing that cannot be read, whose record is left as far as it went. */
static bool batch_json_put_records(struct reading *r)
{
    for (;;) {
        switch (record_next(&r->record)) {
        case RECORD_BEGIN:
            batch_json_begin_record(r);
            break;
        case RECORD_TAKEN:
            batch_json_put_taken(r);
            break;
        case RECORD_EVENT:
            batch_json_put_event(r);
            break;
        case RECORD_SEND:
            batch_json_put_send(r);
            break;
        case RECORD_END:
            batch_json_end_record(r);
            break;
        case RECORD_DONE:
            return true;
        case RECORD_DAMAGED:
            if (r->open) {
                json_close_array(r->w, r->events_mark);
                json_close_object(r->w, r->record_mark);
            }
            return false;
        }
    }
}

static void batch_json_put_head(struct json_writer *w, const struct batch_copy *c)
{
    struct record_reader first;
    batch_json_put_count(w, "shard", c->row.shard);
    batch_json_put_number(w, "seq", c->row.seq);
    batch_json_put_number(w, "epoch", c->row.epoch);
    batch_json_put_count(w, "count", c->row.count);
    record_reader_init(&first, c->row.body);
    if (record_next(&first) == RECORD_BEGIN) {
        json_put_key(w, "time");
        json_put_time(w, first.time_ns);
    }
    batch_json_put_count(w, "size", c->row.body.len);
    batch_json_put_hash(w, "previous_hash", &c->row.prev_hash);
    batch_json_put_hash(w, "hash", &c->row.hash);
}

void batch_json_put(struct json_writer *w, const struct batch_copy *c)
{
    struct reading r = {.w = w};
    const char *fault = batch_copy_fault(c);
    size_t object = json_open(w);
    batch_json_put_head(w, c);
    json_put_key(w, "holds");
    json_put_bool(w, fault == NULL);
    if (fault != NULL) {
        json_put_key(w, "fault");
        json_put_text(w, slice_of(fault));
    }
    arena_init(&r.arena, ARENA_MAX);
    record_reader_init(&r.record, c->row.body);
    json_put_key(w, "records");
    size_t records = json_open(w);
    bool whole = batch_json_put_records(&r);
    json_close_array(w, records);
    if (!whole) {
        char text[FAULT_MAX];
        snprintf(text, sizeof text, "what follows event or record item %u cannot be read",
                 r.record.item);
        json_put_key(w, "unreadable");
        json_put_text(w, slice_of(text));
    }
    json_close_object(w, object);
    attribution_list_done(&r.principals);
    arena_done(&r.arena);
}
