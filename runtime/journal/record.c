/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the stream differ in the length of their array, the only difference between them.
 * Writing relies on the turn to call in order (begin, events, end); it writes into its own batch,
 * so a wrong order is a bug. Reading trusts nothing: the body may come from a damaged file, and
 * whatever does not follow the grammar, or exceeds what is ever written, is RECORD_DAMAGED. */
#include "runtime/journal/record.h"

#include "runtime/store/journal_store.h"

#define PARTS_BEGIN (4 + ATTRIBUTION_PARTS)
#define PARTS_EVENT 2
#define PARTS_END 4

void record_body_start(struct wire_writer *w)
{
    check(w->len == 0);
    static_assert(RECORD_SCHEMA_VERSION <= 0x7f, "one byte: the number itself");
    wire_put_uint(w, RECORD_SCHEMA_VERSION);
}

bool record_body_started(const struct wire_writer *w)
{
    return w->len >= RECORD_BODY_START && w->data[0] == RECORD_SCHEMA_VERSION;
}

void record_begin(struct wire_writer *w, const struct record_head *head, uint32_t number,
                  bool first)
{
    check((head->key == NULL) == (head->fingerprint == NULL));
    wire_put_array(w, PARTS_BEGIN);
    wire_put_uint(w, head->time_ns);
    if (head->key == NULL) {
        wire_put_nil(w);
        wire_put_nil(w);
    } else {
        wire_put_id(w, *head->key);
        wire_put_id(w, *head->fingerprint);
    }
    wire_put_bool(w, principal_sees_all_owners(head->who));
    attribution_put(w, head->who, number, first, head->request);
}

void record_event(struct wire_writer *w, uint16_t number)
{
    check(w->len > 0);
    wire_put_array(w, PARTS_EVENT);
    wire_put_uint(w, number);
}

void record_end(struct wire_writer *w, const struct record_answer *o)
{
    check(o->has_reply || o->reply.len == 0);
    wire_put_array(w, PARTS_END);
    wire_put_uint(w, o->code);
    wire_put_uint(w, o->reply_type);
    wire_put_uint(w, o->version);
    if (o->has_reply)
        wire_put_bytes(w, o->reply);
    else
        wire_put_nil(w);
}

void record_reader_init(struct record_reader *r, struct slice body)
{
    *r = (struct record_reader){0};
    wire_reader_init(&r->wire, body.data, body.len);
    if (wire_get_uint(&r->wire, UINT64_MAX) != RECORD_SCHEMA_VERSION)
        r->wire.failed = true;
}

static enum record_part record_read_begin(struct record_reader *r)
{
    if (r->inside || r->next_item >= BATCH_ITEMS_MAX)
        return RECORD_DAMAGED;
    r->inside = true;
    r->events = 0;
    r->item = r->begin_item = r->next_item++;
    r->time_ns = r->begin_ns = wire_get_uint(&r->wire, UINT64_MAX);
    r->keyed = !wire_get_nil(&r->wire);
    if (r->keyed) {
        r->key = wire_get_id(&r->wire);
        r->fingerprint = wire_get_id(&r->wire);
    } else if (!wire_get_nil(&r->wire)) {
        return RECORD_DAMAGED;
    }
    r->wide = wire_get_bool(&r->wire);
    attribution_get(&r->wire, &r->principals, &r->attribution);
    return r->wire.failed ? RECORD_DAMAGED : RECORD_BEGIN;
}

static enum record_part record_read_event(struct record_reader *r)
{
    if (!r->inside || r->next_item >= BATCH_ITEMS_MAX)
        return RECORD_DAMAGED;
    r->item = r->next_item++;
    r->time_ns = r->begin_ns + r->events++;
    r->number = (uint16_t)wire_get_uint(&r->wire, UINT16_MAX);
    r->event = wire_skip(&r->wire);
    return r->wire.failed ? RECORD_DAMAGED : RECORD_EVENT;
}

static enum record_part record_read_end(struct record_reader *r)
{
    if (!r->inside)
        return RECORD_DAMAGED;
    r->inside = false;
    r->item = r->begin_item;
    r->time_ns = r->begin_ns;
    r->answer = (struct record_answer){0};
    r->answer.code = (uint16_t)wire_get_uint(&r->wire, UINT16_MAX);
    r->answer.reply_type = (uint16_t)wire_get_uint(&r->wire, UINT16_MAX);
    r->answer.version = wire_get_uint(&r->wire, UINT64_MAX);
    r->answer.has_reply = !wire_get_nil(&r->wire);
    if (r->answer.has_reply)
        r->answer.reply = wire_get_bytes(&r->wire, UINT32_MAX);
    return r->wire.failed ? RECORD_DAMAGED : RECORD_END;
}

enum record_part record_next(struct record_reader *r)
{
    if (wire_finished(&r->wire))
        return r->inside ? RECORD_DAMAGED : RECORD_DONE;
    switch (wire_get_array(&r->wire, PARTS_BEGIN)) {
    case PARTS_BEGIN:
        return record_read_begin(r);
    case PARTS_EVENT:
        return record_read_event(r);
    case PARTS_END:
        return record_read_end(r);
    default:
        return RECORD_DAMAGED;
    }
}

/* --- batch ------------------------------------------------------------------------------------ */

struct sha256_digest batch_hash(const struct batch_row *row)
{
    uint8_t head[26];
    for (int i = 0; i < 2; i++)
        head[i] = (uint8_t)(row->shard >> (8 - 8 * i));
    for (int i = 0; i < 8; i++) {
        head[2 + i] = (uint8_t)(row->seq >> (56 - 8 * i));
        head[10 + i] = (uint8_t)(row->epoch >> (56 - 8 * i));
        head[18 + i] = (uint8_t)((uint64_t)row->count >> (56 - 8 * i));
    }
    struct slice pieces[] = {
        {(const char *)head, sizeof head},
        {(const char *)row->prev_hash.bytes, SHA256_SIZE},
        row->body,
    };
    return sha256(pieces, array_len(pieces));
}
