/* SPDX-License-Identifier: Apache-2.0 */
/* Of each stream only a hash is kept that runs over all sends taken, and one over those found at
 * the sender: both must be the same once as many were found as were taken. */
#include "runtime/projector/marks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/memory.h"

struct marks_stream {
    struct table_entry entry;
    uint16_t from, to;
    bool to_all;
    struct record_taken last; /* the newest one taken */
    struct sha256_digest taken;
    uint64_t found_n; /* at the sender, as far as they were taken */
    struct sha256_digest found;
};

void marks_init(struct marks *m, struct journal_store *store)
{
    *m = (struct marks){.store = store};
    table_init(&m->streams);
}

void marks_done(struct marks *m)
{
    size_t cursor = 0;
    struct table_entry *e;
    while ((e = table_next(&m->streams, &cursor)) != NULL)
        free(container_of(e, struct marks_stream, entry));
    table_done(&m->streams);
}

static struct id128 marks_id(uint16_t from, uint16_t to, bool to_all)
{
    return (struct id128){0, (uint64_t)from << 32 | (uint64_t)to << 1 | to_all};
}

static struct marks_stream *marks_find(const struct marks *m, uint16_t from, uint16_t to,
                                       bool to_all)
{
    struct table_entry *e = table_find(&m->streams, marks_id(from, to, to_all));
    return e != NULL ? container_of(e, struct marks_stream, entry) : NULL;
}

static struct marks_stream *marks_add(struct marks *m, uint16_t from, uint16_t to, bool to_all)
{
    struct marks_stream *s = memory_take_zeroed(1, sizeof *s);
    s->entry.id = marks_id(from, to, to_all);
    s->from = from;
    s->to = to;
    s->to_all = to_all;
    bool inserted = table_insert(&m->streams, &s->entry);
    check(inserted);
    return s;
}

static void marks_roll(struct sha256_digest *digest, uint64_t n, uint64_t place, uint64_t hash)
{
    const uint64_t mark[] = {n, place, hash};
    const struct slice pieces[] = {{(const char *)digest->bytes, SHA256_SIZE},
                                   {(const char *)mark, sizeof mark}};
    *digest = sha256(pieces, array_len(pieces));
}

void marks_taken(struct marks *m, uint16_t to, const struct record_taken *taken)
{
    struct marks_stream *s = marks_find(m, taken->from, to, taken->to_all);
    if (s == NULL)
        s = marks_add(m, taken->from, to, taken->to_all);
    s->last = *taken;
    marks_roll(&s->taken, taken->n, taken->place, taken->hash);
}

/* --- the senders ------------------------------------------------------------------------------ */

static void marks_fail(struct marks *m, const struct marks_stream *s, const char *what)
{
    m->failed = true;
    m->receiver = s->to;
    snprintf(
        m->reason, sizeof m->reason,
        "shard %u has taken %" PRIu64 " sends of shard %u%s, the last from batch %" PRIu64
        " there, but %s: one of the two journals was changed, has lost its end, or is an older "
        "one",
        s->to, s->last.n, s->from, s->to_all ? " to all shards" : "", position_seq(s->last.place),
        what);
}

/* The next send of a stream, at its sender. */
static void marks_found(struct marks *m, struct marks_stream *s, uint64_t place, uint64_t hash)
{
    if (s == NULL || s->found_n == s->last.n)
        return;
    marks_roll(&s->found, ++s->found_n, place, hash);
    if (s->found_n == s->last.n &&
        memcmp(s->found.bytes, s->taken.bytes, sizeof s->found.bytes) != 0)
        marks_fail(m, s, "those that stand there are others");
}

static void marks_found_to_all(struct marks *m, uint64_t place, uint64_t hash)
{
    size_t cursor = 0;
    struct table_entry *e;
    while ((e = table_next(&m->streams, &cursor)) != NULL) {
        struct marks_stream *s = container_of(e, struct marks_stream, entry);
        if (s->from == m->shard && s->to_all)
            marks_found(m, s, place, hash);
    }
}

static bool marks_row(void *context, const struct batch_row *row)
{
    struct marks *m = context;
    struct record_reader at;
    enum record_part part;
    record_reader_init(&at, row->body);
    while ((part = record_next(&at)) != RECORD_DONE && part != RECORD_DAMAGED && !m->failed) {
        uint64_t place = position_make(row->seq, at.item);
        if (part == RECORD_SEND && at.send.to_all)
            marks_found_to_all(m, place, at.send_hash);
        else if (part == RECORD_SEND)
            marks_found(m, marks_find(m, m->shard, at.send.to, false), place, at.send_hash);
    }
    m->seq = row->seq;
    return part == RECORD_DONE && m->seq < m->stop && !m->failed;
}

/* The next batches of one sender. Reading ends where its journal does: what is missing is found in
 * the end. */
static void marks_read(struct marks *m, uint64_t most)
{
    m->stop = m->seq + most;
    enum err e = m->store->ops->tail(m->store, m->shard, m->seq + 1, marks_row, m);
    if (e == ERR_OK || e == ERR_NOT_FOUND || m->failed)
        return;
    m->failed = true;
    m->receiver = m->shard;
    snprintf(m->reason, sizeof m->reason,
             "the sends of shard %u cannot be read after batch %" PRIu64 " from %s: %s", m->shard,
             m->seq, m->store->location, err_text(e));
}

/* All journals were read: was all that was taken sent? */
static void marks_end(struct marks *m)
{
    size_t cursor = 0;
    struct table_entry *e;
    while (!m->failed && (e = table_next(&m->streams, &cursor)) != NULL) {
        const struct marks_stream *s = container_of(e, struct marks_stream, entry);
        char what[64];
        snprintf(what, sizeof what, "only %" PRIu64 " stand there", s->found_n);
        if (s->found_n < s->last.n)
            marks_fail(m, s, what);
    }
}

bool marks_step(struct marks *m, uint16_t shards, uint64_t most)
{
    check(!m->failed && most > 0 && m->shard < shards);
    if (!marks_any(m))
        return false;
    marks_read(m, most);
    if (m->failed || m->seq == m->stop)
        return !m->failed;
    m->seq = 0;
    if (++m->shard < shards)
        return true;
    marks_end(m);
    return false;
}
