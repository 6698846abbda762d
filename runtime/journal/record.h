/* SPDX-License-Identifier: Apache-2.0 */
/* Record: what one turn leaves in the journal. A batch body is a msgpack stream:
 *
 *     schema version
 *     [time, key | nil, fingerprint | nil, wide, principal, request | nil]    a record begins
 *     ["t", from, n, place, hash]                 it handles a send of another shard
 *     [event number, event]                       its events
 *     ["s", to | nil, kind, target, type, message, nil | [n, place]]      its sends, among them
 *     ...
 *     [code, reply type, version, reply | nil]    it ends; with a key: the answer as first given
 *     ["o", ask]                                  ... or the answer comes with a later record,
 *     ["a", ask]                                  ... which another record has left open,
 *     ["c", code, reply type, version, reply | nil, ask, fingerprint | nil, keys | nil]
 *                                                 ... and which is this one
 *
 * Who asked, and by which request, is in the form of runtime/wire/attribution.h; wide: with the
 * right to see things of all owners. `from`: twice the number of the shard, and one more for a send
 * that went to all.
 *
 * Who asks for what is open already, under a key of its own, waits for the same answer: `keys` are
 * those of all who did, three elements each: key, fingerprint, wide.
 *
 * What one turn decided has one time, that of its record, which is later than those before it.
 *
 * Records, events and sends are counted together from 0 as the batch's items; an item's position is
 * its batch and number and finds it again.
 *
 * Sends. The journal is the outbox: a send stands in it once, and leaves when its batch is durable.
 * Those of one shard to another are numbered 1, 2, 3, ... as they stand (n); `place` is a send's
 * position and `hash` the first 8 bytes of the SHA-256 of its part, so that a receiver's mark fits
 * one journal alone. To nil: to all shards, which is a stream of its own. The last element of a
 * send says, now and then, which send to this receiver is the first not known to be taken, and its
 * place: from there the journal is read when the receiver asks for what it lacks. */
#ifndef JOURNAL_RECORD_H
#define JOURNAL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/id128.h"
#include "runtime/base/journal_position.h"
#include "runtime/base/sha256.h"
#include "runtime/base/slice.h"
#include "runtime/wire/attribution.h"
#include "runtime/wire/reader.h"
#include "runtime/wire/writer.h"

#define RECORD_SCHEMA_VERSION 1

/* --- writing ---------------------------------------------------------------------------------- */

struct record_answer {
    uint16_t code;
    uint16_t reply_type;
    uint64_t version;
    bool has_reply;
    struct slice reply;
};

#define RECORD_BODY_START 1 /* bytes: the version */

void record_body_start(struct wire_writer *w);
/* Does the body begin with the version? Without it nobody can read what follows. */
bool record_body_started(const struct wire_writer *w);

/* What a record begins with. */
struct record_head {
    uint64_t time_ns;
    const struct id128 *key, *fingerprint; /* NULL for a request without a key */
    const struct principal *who;
    struct slice request; /* its id; empty: none */
};

/* `number`: of the principal, as batch_begin_record() finds it. */
void record_begin(struct wire_writer *w, const struct record_head *head, uint32_t number,
                  bool first);
/* Then the event's own msgpack follows. */
void record_event(struct wire_writer *w, uint16_t number);
void record_end(struct wire_writer *w, const struct record_answer *o);

/* A send of another shard that the record handles; directly after record_begin(). */
struct record_taken {
    uint16_t from;
    bool to_all; /* one that went to all shards */
    uint64_t n, place, hash;
};
void record_taken(struct wire_writer *w, const struct record_taken *taken);

struct record_send {
    uint16_t to; /* unless to_all */
    bool to_all;
    uint16_t kind; /* of its target */
    struct id128 target;
    uint16_t type;                     /* of the message */
    struct slice message;              /* its msgpack, when read */
    bool says_untaken;                 /* the next two, of which n is at least 1 */
    uint64_t untaken_n, untaken_place;
};
/* The message is written by its type. Returns the hash of the part. */
uint64_t record_send(struct wire_writer *w, const struct record_send *send,
                     void (*put)(struct wire_writer *w, const void *body), const void *body);

/* The answer is not known yet: a later record gives it. The ask is the record's key, or without one
 * an id that the request named. */
void record_end_open(struct wire_writer *w, struct id128 ask);

/* A key under which an answer is kept, and whose: `wide` as of a record. */
struct record_key {
    struct id128 key, fingerprint;
    bool wide;
};

/* The answer to this key is that of an ask which is open under another one, or under an id. */
void record_end_attached(struct wire_writer *w, struct id128 ask);
/* This record gives the answer that an earlier one left open; with the fingerprint of that one if
 * it had a key, and to all keys that were attached to it. */
void record_end_closing(struct wire_writer *w, const struct record_answer *o, struct id128 ask,
                        const struct id128 *fingerprint, const struct record_key *keys,
                        uint32_t count);

/* --- reading ---------------------------------------------------------------------------------- */

enum record_part {
    RECORD_BEGIN,
    RECORD_TAKEN,
    RECORD_EVENT,
    RECORD_SEND,
    RECORD_END,
    RECORD_DONE,    /* the body is finished */
    RECORD_DAMAGED, /* it does not follow the grammar above */
};

struct record_reader {
    struct wire_reader wire;
    bool inside;         /* between begin and end */
    uint32_t next_item;
    uint32_t item;       /* of the part just read (for END: of its record) */
    uint32_t begin_item;
    uint32_t principals; /* that have appeared so far */
    /* the record */
    uint64_t time_ns;    /* of the record, and of all that it decided */
    bool keyed;
    struct id128 key, fingerprint;
    bool wide;           /* whoever asked saw things of all owners */
    struct attribution attribution; /* as it stands there: attribution_resolve() */
    /* the event */
    uint16_t number;
    struct slice event;
    struct record_taken taken; /* n = 0: it handles none */
    /* the send */
    struct record_send send;
    uint64_t send_hash;
    /* the end */
    bool open;         /* without an answer ... */
    bool attached;     /* ... which another record has left open: its ask has another name ... */
    bool closing;      /* ... and which this one gives: key and fingerprint are those of that one */
    struct id128 ask;  /* of all three */
    struct slice keys; /* of those attached to it, as they stand there */
    struct record_answer answer;
};

#define RECORD_KEYS_MAX 16 /* attached to one ask */

/* Slices given out point into body. */
void record_reader_init(struct record_reader *r, struct slice body);
enum record_part record_next(struct record_reader *r);
/* Of the record's end: the keys that were attached. Returns how many. */
uint32_t record_keys(const struct record_reader *r, struct record_key keys[RECORD_KEYS_MAX]);

/* --- batch ------------------------------------------------------------------------------------ */

struct batch_row;

/* The hash of a batch: SHA-256 over all members of the row but `hash`, which is not read: shard in
 * 2 bytes, seq, epoch and count in 8 each, big-endian, then prev_hash and body. Auditors compute it
 * too (sql/sqlite/README.md). */
struct sha256_digest batch_hash(const struct batch_row *row);

#endif
