/* SPDX-License-Identifier: Apache-2.0 */
/* A singly linked list, oldest first, bounded by number and by bytes. A letter keeps the message's
 * body as msgpack, since the sender's memory is freed by the time it is replayed. Replaying takes
 * the letter out and makes a message that owns itself; its done() either frees the letter or, if no
 * handler took it, puts it back at the end. */
#include "runtime/shard/dead_letters.h"

#include <stdlib.h>

#include "runtime/base/check.h"
#include "runtime/base/memory.h"
#include "runtime/journal/journal.h"

#define DEAD_LETTERS_REPLAY_MEMORY ((size_t)32 << 20) /* of a letter's body, decoded */

/* A message with all that decides what it does: its caller, its key, its condition. Replayed, it is
 * the same request once more: what the sender retried with success in between is not done twice. */
struct dead_letter_entry {
    struct dead_letter_entry *next;
    struct dead_letter letter;
    struct message message; /* not to be posted: only what was asked is filled in */
    struct precondition precondition; /* the message's, if it has one */
    size_t bytes_len;
    char bytes[]; /* body and the caller's texts */
};

void dead_letters_init(struct dead_letters *d, struct shard_stats *stats)
{
    check(stats != NULL);
    *d = (struct dead_letters){.stats = stats};
}

static void dead_letters_drop_first(struct dead_letters *d)
{
    struct dead_letter_entry *first = d->first;
    check(first != NULL && d->count > 0 && d->bytes >= first->bytes_len);
    d->first = first->next;
    d->count--;
    d->bytes -= first->bytes_len;
    free(first);
}

void dead_letters_done(struct dead_letters *d)
{
    while (d->first != NULL)
        dead_letters_drop_first(d);
    check(d->count == 0);
    check(d->bytes == 0);
}

static void dead_letters_add(struct dead_letters *d, struct dead_letter_entry *entry)
{
    check(d->count <= DEAD_LETTERS_MAX);
    check((d->first == NULL) == (d->count == 0));
    entry->next = NULL;
    d->count++;
    d->bytes += entry->bytes_len;
    if (d->first == NULL)
        d->first = entry;
    else
        d->last->next = entry;
    d->last = entry;
    while (d->count > DEAD_LETTERS_MAX || d->bytes > DEAD_LETTERS_BYTES_MAX)
        dead_letters_drop_first(d);
}

/* Copies a text after those before it. */
static struct slice dead_letters_copy(char **to, struct slice text)
{
    if (text.len > 0)
        memcpy(*to, text.data, text.len);
    struct slice kept = {*to, text.len};
    *to += text.len;
    return kept;
}

/* What was asked, by whom and by which request, under which key and condition. */
static void dead_letters_copy_request(struct dead_letter_entry *entry, const struct message *m,
                                      char **at)
{
    check(m->type != NULL);
    const struct principal *who = &m->who;
    entry->message = (struct message){
        .type = m->type,
        .target_kind = m->target_kind,
        .target = m->target,
        .who = *who,
        .keyed = m->keyed,
        .key = m->key,
        .fingerprint = m->fingerprint,
    };
    if (m->precondition != NULL) {
        entry->precondition = *m->precondition;
        entry->message.precondition = &entry->precondition;
    }
    entry->message.who.tenant = dead_letters_copy(at, who->tenant);
    entry->message.who.subject = dead_letters_copy(at, who->subject);
    entry->message.who.client = dead_letters_copy(at, who->client);
    entry->message.request_id = dead_letters_copy(at, m->request_id);
}

void dead_letters_keep(struct dead_letters *d, const struct message *m, const char *reason,
                       uint64_t time_ns)
{
    check(m->type != NULL);
    check(reason != NULL);
    struct wire_writer w;
    wire_writer_init(&w, JOURNAL_BATCH_BYTES_MAX);
    m->type->write(&w, m->body);
    size_t len =
        w.len + m->who.tenant.len + m->who.subject.len + m->who.client.len + m->request_id.len;
    struct dead_letter_entry *entry = memory_take(sizeof *entry + len);
    check(!w.failed);
    char *at = entry->bytes;
    entry->bytes_len = len;
    entry->letter = (struct dead_letter){
        .number = ++d->number,
        .time_ns = time_ns,
        .type = m->type,
        .target = m->target,
        .target_kind = m->target_kind,
        .reason = reason,
        .body = dead_letters_copy(&at, wire_written(&w)),
    };
    wire_writer_done(&w);
    dead_letters_copy_request(entry, m, &at);
    check(at == entry->bytes + len);
    dead_letters_add(d, entry);
    d->stats->dead_letters++;
}

void dead_letters_each(const struct dead_letters *d,
                       bool (*each)(void *context, const struct dead_letter *letter), void *context)
{
    check(each != NULL);
    for (struct dead_letter_entry *e = d->first; e != NULL; e = e->next)
        if (!each(context, &e->letter))
            return;
}

/* A replayed letter travels as a message of its own. */
struct replayed_letter {
    struct message message;
    struct dead_letters *letters;
    struct arena arena;
    struct dead_letter_entry *entry;
};

/* It was not handled at all; one that failed again left a new letter. */
static bool not_handled(uint16_t code)
{
    return code == ERR_BUSY || code == ERR_UNAVAILABLE || code == ERR_STORE_FULL ||
           code == ERR_SUSPENDED;
}

static void dead_letters_replayed(struct message *m)
{
    struct replayed_letter *r = container_of(m, struct replayed_letter, message);
    check(r->entry != NULL);
    check(m->home == NULL);
    if (not_handled(m->code))
        dead_letters_add(r->letters, r->entry);
    else
        free(r->entry);
    wire_writer_done(&m->reply);
    arena_done(&r->arena);
    free(r);
}

static struct dead_letter_entry *dead_letters_take(struct dead_letters *d, uint64_t number)
{
    check(number <= d->number || d->first == NULL);
    struct dead_letter_entry *before = NULL;
    for (struct dead_letter_entry *e = d->first; e != NULL; before = e, e = e->next) {
        if (e->letter.number != number)
            continue;
        if (before == NULL)
            d->first = e->next;
        else
            before->next = e->next;
        if (d->last == e)
            d->last = before;
        d->count--;
        d->bytes -= e->bytes_len;
        return e;
    }
    return NULL;
}

struct message *dead_letters_replay(struct dead_letters *d, uint64_t number)
{
    struct dead_letter_entry *entry = dead_letters_take(d, number);
    if (entry == NULL)
        return NULL;
    struct replayed_letter *r = memory_take_zeroed(1, sizeof *r);
    r->entry = entry;
    r->letters = d;
    r->message = entry->message;
    arena_init(&r->arena, DEAD_LETTERS_REPLAY_MEMORY);
    wire_writer_init(&r->message.reply, JOURNAL_BATCH_BYTES_MAX);
    const struct message_type *type = entry->letter.type;
    void *body = arena_alloc(&r->arena, type->size);
    struct wire_reader wire;
    wire_reader_init(&wire, entry->letter.body.data, entry->letter.body.len);
    bool read = body != NULL && type->read(&wire, &r->arena, body);
    check(read); /* it was written by the same type's write */
    r->message.body = body;
    r->message.done = dead_letters_replayed;
    return &r->message;
}
