/* SPDX-License-Identifier: Apache-2.0 */
/* See supervisor.h. */
#include "runtime/actor/supervisor.h"

#include <stdlib.h>

#include "runtime/actor/shard_priv.h"

/* An actor that failed lately. */
struct failing {
    struct table_entry entry;
    struct failures failures;
};

struct dead_letter_entry {
    struct dead_letter_entry *next;
    struct dead_letter letter;
    struct principal who; /* operator: the original caller's rights are not kept */
    char body[];
};

void supervisor_init(struct supervisor *v)
{
    *v = (struct supervisor){0};
    table_init(&v->failing);
}

static void drop_first_letter(struct supervisor *v)
{
    struct dead_letter_entry *first = v->letters_first;
    v->letters_first = first->next;
    v->letters--;
    free(first);
}

void supervisor_done(struct supervisor *v)
{
    size_t cursor = 0;
    struct table_entry *e;
    while ((e = table_next(&v->failing, &cursor)) != NULL)
        free(container_of(e, struct failing, entry));
    table_done(&v->failing);
    while (v->letters_first != NULL)
        drop_first_letter(v);
}

uint32_t failures_add(struct failures *f, uint64_t now_ns)
{
    if (f->count == 0 || now_ns - f->since_ns > SUPERVISOR_PERIOD_NS)
        *f = (struct failures){.since_ns = now_ns};
    return ++f->count;
}

static struct failing *failing_of(const struct supervisor *v, struct id128 id)
{
    struct table_entry *e = table_find(&v->failing, id);
    return e == NULL ? NULL : container_of(e, struct failing, entry);
}

uint32_t supervisor_failures(const struct supervisor *v, struct id128 id)
{
    struct failing *f = failing_of(v, id);
    return f == NULL ? 0 : f->failures.count;
}

void supervisor_forgive(struct shard *s, struct id128 id)
{
    struct failing *f = failing_of(&s->supervisor, id);
    if (f == NULL)
        return;
    table_remove(&s->supervisor.failing, &f->entry);
    free(f);
}

static uint32_t count_actor(struct shard *s, struct id128 id)
{
    struct failing *f = failing_of(&s->supervisor, id);
    if (f == NULL) {
        f = calloc(1, sizeof *f);
        check(f != NULL);
        f->entry.id = id;
        bool inserted = table_insert(&s->supervisor.failing, &f->entry);
        check(inserted);
    }
    return failures_add(&f->failures, env_mono_ns(s->env));
}

static void keep_letter(struct shard *s, const struct message *m, const char *reason)
{
    struct supervisor *v = &s->supervisor;
    if (m->type == NULL)
        return; /* a deadline: it fires again after a restart */
    struct wire_writer w;
    wire_writer_init(&w, JOURNAL_BATCH_BYTES_MAX);
    m->type->write(&w, m->body);
    struct dead_letter_entry *entry = malloc(sizeof *entry + w.len);
    check(entry != NULL && !w.failed);
    memcpy(entry->body, w.data, w.len);
    entry->next = NULL;
    entry->letter = (struct dead_letter){
        .number = ++v->letter_number,
        .time_ns = s->clock.now_ns,
        .type = m->type,
        .target = m->target,
        .target_kind = m->target_kind,
        .reason = reason,
        .body = {entry->body, (uint32_t)w.len},
    };
    wire_writer_done(&w);
    if (v->letters == SUPERVISOR_LETTERS_MAX)
        drop_first_letter(v);
    if (v->letters_first == NULL)
        v->letters_first = entry;
    else
        v->letters_last->next = entry;
    v->letters_last = entry;
    v->letters++;
    s->stats.dead_letters++;
}

void supervisor_failed(struct shard *s, struct message *m, const char *reason)
{
    m->code = ERR_FAILED;
    m->reply_type = 0;
    m->version = 0;
    s->stats.kinds[m->target_kind].failed++;
    keep_letter(s, m, reason);
    if (count_actor(s, m->target) > SUPERVISOR_ACTOR_FAILURES) {
        struct actor *a = registry_find(&s->registry, m->target_kind, m->target);
        a->flags |= ACTOR_QUARANTINED;
    }
    if (failures_add(&s->supervisor.all, env_mono_ns(s->env)) > SUPERVISOR_SHARD_FAILURES)
        s->supervisor.rebuild = true;
}

void supervisor_refused(struct shard *s, struct message *m)
{
    keep_letter(s, m, "the actor is quarantined");
    shard_finish(s, m, ERR_QUARANTINED);
}

void shard_dead_letters(const struct shard *s,
                        bool (*each)(void *context, const struct dead_letter *letter),
                        void *context)
{
    for (struct dead_letter_entry *e = s->supervisor.letters_first; e != NULL; e = e->next)
        if (!each(context, &e->letter))
            return;
}

/* A replayed letter travels as a message of its own. */
struct replayed_letter {
    struct message message;
    struct arena arena;
    struct dead_letter_entry *entry;
};

static void replayed(struct message *m)
{
    struct replayed_letter *r = container_of(m, struct replayed_letter, message);
    wire_writer_done(&m->reply);
    arena_done(&r->arena);
    free(r->entry);
    free(r);
}

static struct dead_letter_entry *take_letter(struct supervisor *v, uint64_t number)
{
    struct dead_letter_entry *before = NULL;
    for (struct dead_letter_entry *e = v->letters_first; e != NULL; before = e, e = e->next) {
        if (e->letter.number != number)
            continue;
        if (before == NULL)
            v->letters_first = e->next;
        else
            before->next = e->next;
        if (v->letters_last == e)
            v->letters_last = before;
        v->letters--;
        return e;
    }
    return NULL;
}

enum err shard_dead_letter_replay(struct shard *s, uint64_t number)
{
    struct dead_letter_entry *entry = take_letter(&s->supervisor, number);
    if (entry == NULL)
        return ERR_NOT_FOUND;
    struct replayed_letter *r = calloc(1, sizeof *r);
    check(r != NULL);
    r->entry = entry;
    arena_init(&r->arena, SHARD_TURN_MEMORY);
    wire_writer_init(&r->message.reply, JOURNAL_BATCH_BYTES_MAX);
    const struct message_type *type = entry->letter.type;
    void *body = arena_alloc(&r->arena, type->size);
    struct wire_reader wire;
    wire_reader_init(&wire, entry->letter.body.data, entry->letter.body.len);
    bool read = body != NULL && type->read(&wire, &r->arena, body);
    check(read); /* it was written by the same type's write */
    r->message.type = type;
    r->message.body = body;
    r->message.target_kind = entry->letter.target_kind;
    r->message.target = entry->letter.target;
    r->message.who.operator = true;
    r->message.done = replayed;
    shard_post(s, &r->message);
    return ERR_OK;
}
