/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the stream differ in the length of their array, or begin with a letter. Writing
 * relies on the turn to call in order (begin, events, end); it writes into its own batch, so a
 * wrong order is a bug. Reading trusts nothing: the body may come from a damaged file, and whatever
 * does not follow the grammar, or exceeds what is ever written, is RECORD_DAMAGED. */
#include "runtime/journal/record.h"

#include "runtime/store/journal_store.h"

#define PARTS_BEGIN (4 + ATTRIBUTION_PARTS)
#define PARTS_EVENT 2
#define PARTS_END 4

#define TAKEN_LETTER 't'
#define PARTS_TAKEN 5
#define SEND_LETTER 's'
#define PARTS_SEND 7
#define OPEN_LETTER 'o'
#define PARTS_OPEN 2
#define ATTACHED_LETTER 'a'
#define CLOSING_LETTER 'c'
#define PARTS_CLOSING 8
#define PARTS_MAX 8
#define PARTS_KEY 3

#define LETTER_BYTE 0xa1 /* msgpack: a text of one byte follows */

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

static void record_put_letter(struct wire_writer *w, uint32_t parts, char letter)
{
    check(parts <= PARTS_MAX);
    wire_put_array(w, parts);
    wire_put_text(w, (struct slice){&letter, 1});
}

void record_taken(struct wire_writer *w, const struct record_taken *taken)
{
    check(taken->n > 0 && taken->place > 0);
    record_put_letter(w, PARTS_TAKEN, TAKEN_LETTER);
    wire_put_uint(w, (uint64_t)taken->from << 1 | taken->to_all);
    wire_put_uint(w, taken->n);
    wire_put_uint(w, taken->place);
    wire_put_uint(w, taken->hash);
}

static uint64_t record_part_hash(const uint8_t *data, size_t len)
{
    check(len > 0 && len <= UINT32_MAX);
    const struct slice part = {(const char *)data, (uint32_t)len};
    struct sha256_digest digest = sha256(&part, 1);
    uint64_t hash = 0;
    for (int i = 0; i < 8; i++)
        hash = hash << 8 | digest.bytes[i];
    return hash;
}

uint64_t record_send(struct wire_writer *w, const struct record_send *send,
                     void (*put)(struct wire_writer *w, const void *body), const void *body)
{
    size_t at = w->len;
    check(send->kind != 0 && send->type != 0);
    check(!send->says_untaken || send->untaken_n != 0);
    record_put_letter(w, PARTS_SEND, SEND_LETTER);
    if (send->to_all)
        wire_put_nil(w);
    else
        wire_put_uint(w, send->to);
    wire_put_uint(w, send->kind);
    wire_put_id(w, send->target);
    wire_put_uint(w, send->type);
    put(w, body);
    if (!send->says_untaken) {
        wire_put_nil(w);
    } else {
        wire_put_array(w, 2);
        wire_put_uint(w, send->untaken_n);
        wire_put_uint(w, send->untaken_place);
    }
    return w->failed ? 0 : record_part_hash(w->data + at, w->len - at);
}

void record_end_open(struct wire_writer *w, struct id128 ask)
{
    check(!id128_is_zero(ask));
    record_put_letter(w, PARTS_OPEN, OPEN_LETTER);
    wire_put_id(w, ask);
}

void record_end_attached(struct wire_writer *w, struct id128 ask)
{
    check(!id128_is_zero(ask));
    record_put_letter(w, PARTS_OPEN, ATTACHED_LETTER);
    wire_put_id(w, ask);
}

static void record_put_answer(struct wire_writer *w, const struct record_answer *o)
{
    check(o->has_reply || o->reply.len == 0);
    wire_put_uint(w, o->code);
    wire_put_uint(w, o->reply_type);
    wire_put_uint(w, o->version);
    if (o->has_reply)
        wire_put_bytes(w, o->reply);
    else
        wire_put_nil(w);
}

void record_end(struct wire_writer *w, const struct record_answer *o)
{
    wire_put_array(w, PARTS_END);
    record_put_answer(w, o);
}

void record_end_closing(struct wire_writer *w, const struct record_answer *o, struct id128 ask,
                        const struct id128 *fingerprint, const struct record_key *keys,
                        uint32_t count)
{
    check(!id128_is_zero(ask) && count <= RECORD_KEYS_MAX);
    record_put_letter(w, PARTS_CLOSING, CLOSING_LETTER);
    record_put_answer(w, o);
    wire_put_id(w, ask);
    if (fingerprint != NULL)
        wire_put_id(w, *fingerprint);
    else
        wire_put_nil(w);
    if (count == 0) {
        wire_put_nil(w);
        return;
    }
    wire_put_array(w, count * PARTS_KEY);
    for (uint32_t i = 0; i < count; i++) {
        wire_put_id(w, keys[i].key);
        wire_put_id(w, keys[i].fingerprint);
        wire_put_bool(w, keys[i].wide);
    }
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
    r->open = r->attached = r->closing = false;
    r->taken.n = 0;
    r->item = r->begin_item = r->next_item++;
    r->time_ns = wire_get_uint(&r->wire, UINT64_MAX);
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
    r->number = (uint16_t)wire_get_uint(&r->wire, UINT16_MAX);
    r->event = wire_skip(&r->wire);
    return r->wire.failed ? RECORD_DAMAGED : RECORD_EVENT;
}

/* Only as the first part of a record. */
static enum record_part record_read_taken(struct record_reader *r)
{
    if (!r->inside || r->next_item != r->begin_item + 1 || r->taken.n != 0)
        return RECORD_DAMAGED;
    uint64_t from = wire_get_uint(&r->wire, (uint64_t)UINT16_MAX << 1 | 1);
    r->taken = (struct record_taken){.from = (uint16_t)(from >> 1), .to_all = from & 1};
    r->taken.n = wire_get_uint(&r->wire, UINT64_MAX);
    r->taken.place = wire_get_uint(&r->wire, UINT64_MAX);
    r->taken.hash = wire_get_uint(&r->wire, UINT64_MAX);
    r->wire.failed |= r->taken.n == 0 || r->taken.place == 0;
    return r->wire.failed ? RECORD_DAMAGED : RECORD_TAKEN;
}

static void record_read_untaken(struct record_reader *r)
{
    if (wire_get_nil(&r->wire))
        return;
    if (wire_get_array(&r->wire, 2) != 2)
        r->wire.failed = true;
    r->send.says_untaken = true;
    r->send.untaken_n = wire_get_uint(&r->wire, UINT64_MAX);
    r->send.untaken_place = wire_get_uint(&r->wire, UINT64_MAX);
    r->wire.failed |= r->send.untaken_n == 0;
}

/* `part`: where it begins. */
static enum record_part record_read_send(struct record_reader *r, const uint8_t *part)
{
    if (!r->inside || r->next_item >= BATCH_ITEMS_MAX)
        return RECORD_DAMAGED;
    r->item = r->next_item++;
    r->send = (struct record_send){.to_all = wire_get_nil(&r->wire)};
    if (!r->send.to_all)
        r->send.to = (uint16_t)wire_get_uint(&r->wire, UINT16_MAX);
    r->send.kind = (uint16_t)wire_get_uint(&r->wire, UINT16_MAX);
    r->send.target = wire_get_id(&r->wire);
    r->send.type = (uint16_t)wire_get_uint(&r->wire, UINT16_MAX);
    r->send.message = wire_skip(&r->wire);
    record_read_untaken(r);
    if (r->wire.failed)
        return RECORD_DAMAGED;
    r->send_hash = record_part_hash(part, (size_t)(r->wire.at - part));
    return RECORD_SEND;
}

static bool record_leave(struct record_reader *r)
{
    check(r->next_item > 0 || !r->inside);
    bool was_inside = r->inside;
    r->inside = false;
    r->item = r->begin_item;
    r->answer = (struct record_answer){0};
    r->keys = (struct slice){NULL, 0};
    return was_inside;
}

static enum record_part record_read_open(struct record_reader *r)
{
    if (!record_leave(r))
        return RECORD_DAMAGED;
    r->open = true;
    r->ask = wire_get_id(&r->wire);
    return r->wire.failed ? RECORD_DAMAGED : RECORD_END;
}

/* Its key is another than that of the ask: that one opened it. */
static enum record_part record_read_attached(struct record_reader *r)
{
    enum record_part part = record_read_open(r);
    r->attached = true;
    return r->keyed && !id128_equal(r->key, r->ask) ? part : RECORD_DAMAGED;
}

static bool record_read_key(struct wire_reader *w, struct record_key *k)
{
    k->key = wire_get_id(w);
    k->fingerprint = wire_get_id(w);
    k->wide = wire_get_bool(w);
    return !w->failed;
}

static void record_read_keys(struct record_reader *r)
{
    if (wire_get_nil(&r->wire))
        return;
    struct record_key key;
    uint32_t parts = wire_get_array(&r->wire, RECORD_KEYS_MAX * PARTS_KEY);
    const uint8_t *first = r->wire.at;
    for (uint32_t i = 0; i < parts / PARTS_KEY && record_read_key(&r->wire, &key); i++)
        r->wire.failed |= id128_equal(key.key, r->ask);
    r->wire.failed |= parts == 0 || parts % PARTS_KEY != 0;
    r->keys = (struct slice){(const char *)first, (uint32_t)(r->wire.at - first)};
}

uint32_t record_keys(const struct record_reader *r, struct record_key keys[RECORD_KEYS_MAX])
{
    struct wire_reader w;
    uint32_t count = 0;
    wire_reader_init(&w, r->keys.data, r->keys.len);
    while (!wire_finished(&w)) {
        check(count < RECORD_KEYS_MAX);
        bool read = record_read_key(&w, &keys[count++]);
        check(read); /* it was read before */
    }
    return count;
}

static enum record_part record_read_end(struct record_reader *r)
{
    if (!record_leave(r))
        return RECORD_DAMAGED;
    r->answer.code = (uint16_t)wire_get_uint(&r->wire, UINT16_MAX);
    r->answer.reply_type = (uint16_t)wire_get_uint(&r->wire, UINT16_MAX);
    r->answer.version = wire_get_uint(&r->wire, UINT64_MAX);
    r->answer.has_reply = !wire_get_nil(&r->wire);
    if (r->answer.has_reply)
        r->answer.reply = wire_get_bytes(&r->wire, UINT32_MAX);
    return r->wire.failed ? RECORD_DAMAGED : RECORD_END;
}

/* The record itself has no key: it is asked for by no client. */
static enum record_part record_read_closing(struct record_reader *r)
{
    bool keyed = r->keyed;
    enum record_part part = record_read_end(r);
    r->closing = true;
    r->ask = r->key = wire_get_id(&r->wire);
    r->keyed = !wire_get_nil(&r->wire);
    if (r->keyed)
        r->fingerprint = wire_get_id(&r->wire);
    record_read_keys(r);
    return keyed || r->wire.failed ? RECORD_DAMAGED : part;
}

static enum record_part record_read_letter(struct record_reader *r, const uint8_t *part,
                                           uint32_t parts)
{
    struct slice letter = wire_get_text(&r->wire, 1);
    if (letter.len != 1)
        return RECORD_DAMAGED;
    if (letter.data[0] == TAKEN_LETTER && parts == PARTS_TAKEN)
        return record_read_taken(r);
    if (letter.data[0] == SEND_LETTER && parts == PARTS_SEND)
        return record_read_send(r, part);
    if (letter.data[0] == OPEN_LETTER && parts == PARTS_OPEN)
        return record_read_open(r);
    if (letter.data[0] == ATTACHED_LETTER && parts == PARTS_OPEN)
        return record_read_attached(r);
    if (letter.data[0] == CLOSING_LETTER && parts == PARTS_CLOSING)
        return record_read_closing(r);
    return RECORD_DAMAGED;
}

enum record_part record_next(struct record_reader *r)
{
    if (wire_finished(&r->wire))
        return r->inside ? RECORD_DAMAGED : RECORD_DONE;
    const uint8_t *part = r->wire.at;
    uint32_t parts = wire_get_array(&r->wire, PARTS_MAX);
    if (r->wire.at < r->wire.end && *r->wire.at == LETTER_BYTE)
        return record_read_letter(r, part, parts);
    switch (parts) {
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
