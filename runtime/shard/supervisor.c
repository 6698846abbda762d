/* SPDX-License-Identifier: Apache-2.0 */
/* See supervisor.h. */
#include "runtime/shard/supervisor.h"

#include <stdlib.h>

#include "runtime/base/time.h"
#include "runtime/shard/shard_priv.h"

/* An actor that failed lately. */
struct failing {
    struct table_entry entry;
    struct failures failures;
};

/* A message with all that decides what it does: its caller, its key, its condition. Replayed, it is
 * the same request once more: what the asker retried with success meanwhile is not done twice. */
struct dead_letter_entry {
    struct dead_letter_entry *next;
    struct dead_letter letter;
    struct message message; /* not to be posted: only what was asked is filled in */
    size_t bytes_len;
    char bytes[];           /* body and the caller's texts */
};

void supervisor_init(struct supervisor *v)
{
    *v = (struct supervisor){.failed_lines = {.lines_max = 10, .window_ns = NS_PER_S}};
    for (int k = 0; k < KIND_MAX; k++)
        table_init(&v->failing[k]);
}

static void drop_first_letter(struct supervisor *v)
{
    struct dead_letter_entry *first = v->letters_first;
    v->letters_first = first->next;
    v->letters--;
    v->letter_bytes -= first->bytes_len;
    free(first);
}

void supervisor_done(struct supervisor *v)
{
    for (int k = 0; k < KIND_MAX; k++) {
        size_t cursor = 0;
        struct table_entry *e;
        while ((e = table_next(&v->failing[k], &cursor)) != NULL)
            free(container_of(e, struct failing, entry));
        table_done(&v->failing[k]);
    }
    while (v->letters_first != NULL)
        drop_first_letter(v);
}

uint32_t failures_add(struct failures *f, uint64_t now_ns)
{
    if (f->count == 0 || now_ns - f->since_ns > SUPERVISOR_PERIOD_NS)
        *f = (struct failures){.since_ns = now_ns};
    return ++f->count;
}

void supervisor_rebuilt(struct supervisor *v)
{
    v->rebuild = false;
    v->all = (struct failures){0};
}

static struct failing *failing_of(const struct supervisor *v, uint16_t kind, struct id128 id)
{
    struct table_entry *e = table_find(&v->failing[kind], id);
    return e == NULL ? NULL : container_of(e, struct failing, entry);
}

uint32_t supervisor_failures(const struct supervisor *v, const struct actor *a)
{
    struct failing *f = failing_of(v, a->kind, a->entry.id);
    return f == NULL ? 0 : f->failures.count;
}

static void supervisor_forget(struct supervisor *v, uint16_t kind, struct failing *f)
{
    table_remove(&v->failing[kind], &f->entry);
    v->failing_count--;
    free(f);
}

void supervisor_forgive(struct shard *s, const struct actor *a)
{
    struct failing *f = failing_of(&s->supervisor, a->kind, a->entry.id);
    if (f != NULL)
        supervisor_forget(&s->supervisor, a->kind, f);
}

/* Makes room: failures of a period that is over count no more. */
static void forget_old(struct supervisor *v, uint64_t now_ns)
{
    for (uint16_t k = 0; k < KIND_MAX; k++) {
        size_t cursor = 0;
        struct table_entry *e;
        while ((e = table_next(&v->failing[k], &cursor)) != NULL) {
            struct failing *f = container_of(e, struct failing, entry);
            if (now_ns - f->failures.since_ns > SUPERVISOR_PERIOD_NS)
                supervisor_forget(v, k, f);
        }
    }
}

/* Actors beyond the limit are not counted each for itself, only in the sum. */
static uint32_t count_actor(struct shard *s, const struct actor *a)
{
    struct supervisor *v = &s->supervisor;
    uint64_t now_ns = env_mono_ns(s->env);
    struct failing *f = failing_of(v, a->kind, a->entry.id);
    if (f == NULL) {
        if (v->failing_count == SUPERVISOR_FAILING_MAX)
            forget_old(v, now_ns);
        if (v->failing_count == SUPERVISOR_FAILING_MAX)
            return 1;
        f = calloc(1, sizeof *f);
        check(f != NULL);
        f->entry.id = a->entry.id;
        bool inserted = table_insert(&v->failing[a->kind], &f->entry);
        check(inserted);
        v->failing_count++;
    }
    return failures_add(&f->failures, now_ns);
}

static void add_letter(struct supervisor *v, struct dead_letter_entry *entry)
{
    entry->next = NULL;
    v->letters++;
    v->letter_bytes += entry->bytes_len;
    if (v->letters_first == NULL)
        v->letters_first = entry;
    else
        v->letters_last->next = entry;
    v->letters_last = entry;
    while (v->letters > SUPERVISOR_LETTERS_MAX || v->letter_bytes > SUPERVISOR_LETTERS_BYTES_MAX)
        drop_first_letter(v);
}

/* Copies a text behind those before it. */
static struct slice owned_text_copy(char **to, struct slice text)
{
    if (text.len > 0)
        memcpy(*to, text.data, text.len);
    struct slice kept = {*to, text.len};
    *to += text.len;
    return kept;
}

static void keep_letter(struct shard *s, const struct message *m, const char *reason)
{
    struct supervisor *v = &s->supervisor;
    if (m->type == NULL)
        return; /* a deadline: it is tried again (deadlines.c) */
    struct wire_writer w;
    wire_writer_init(&w, JOURNAL_BATCH_BYTES_MAX);
    m->type->write(&w, m->body);
    const struct principal *who = &m->who;
    size_t len = w.len + who->tenant.len + who->subject.len + who->client.len;
    struct dead_letter_entry *entry = malloc(sizeof *entry + len);
    check(entry != NULL && !w.failed);
    char *at = entry->bytes;
    entry->bytes_len = len;
    entry->letter = (struct dead_letter){
        .number = ++v->letter_number,
        .time_ns = s->clock.now_ns,
        .type = m->type,
        .target = m->target,
        .target_kind = m->target_kind,
        .reason = reason,
        .body = owned_text_copy(&at, wire_written(&w)),
    };
    wire_writer_done(&w);
    entry->message = (struct message){
        .type = m->type,
        .target_kind = m->target_kind,
        .target = m->target,
        .who = *who,
        .keyed = m->keyed,
        .key = m->key,
        .fingerprint = m->fingerprint,
        .conditional = m->conditional,
        .expected_version = m->expected_version,
    };
    entry->message.who.tenant = owned_text_copy(&at, who->tenant);
    entry->message.who.subject = owned_text_copy(&at, who->subject);
    entry->message.who.client = owned_text_copy(&at, who->client);
    add_letter(v, entry);
    s->stats.dead_letters++;
}

static void log_failure(struct shard *s, const struct message *m, const char *reason,
                        bool quarantined)
{
    uint64_t suppressed;
    if (!log_limit_pass(&s->supervisor.failed_lines, env_mono_ns(s->env), &suppressed))
        return;
    LOG_ERROR(s->env->log, "turn_failed", log_uint("shard", s->options.number),
              log_text("kind", s->options.domain->kinds[m->target_kind]->name),
              log_id("actor", m->target),
              log_text("message", m->type == NULL ? "timeout" : m->type->name),
              log_slice("request_id", m->request_id), log_slice("trace_id", m->trace_id),
              log_text("reason", reason), log_bool("quarantined", quarantined),
              log_uint("suppressed", suppressed));
}

void supervisor_failed(struct shard *s, struct message *m, const char *reason)
{
    m->code = ERR_FAILED;
    m->reply_type = 0;
    m->version = 0;
    s->stats.kinds[m->target_kind].failed++;
    keep_letter(s, m, reason);
    struct actor *a = registry_find(&s->registry, m->target_kind, m->target);
    if (count_actor(s, a) > SUPERVISOR_ACTOR_FAILURES &&
        controls_give(s, a, ACTOR_QUARANTINED) != ERR_OK)
        s->supervisor.rebuild = true; /* so many quarantined at once: it is not the actors */
    log_failure(s, m, reason, (a->flags & ACTOR_QUARANTINED) != 0);
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
    struct shard *shard;
    struct arena arena;
    struct dead_letter_entry *entry;
};

/* It was not handled at all; one that failed again left a new letter. */
static bool not_handled(uint16_t code)
{
    return code == ERR_BUSY || code == ERR_UNAVAILABLE || code == ERR_STORE_FULL ||
           code == ERR_SUSPENDED;
}

static void supervisor_replayed(struct message *m)
{
    struct replayed_letter *r = container_of(m, struct replayed_letter, message);
    if (not_handled(m->code))
        add_letter(&r->shard->supervisor, r->entry);
    else
        free(r->entry);
    wire_writer_done(&m->reply);
    arena_done(&r->arena);
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
        v->letter_bytes -= e->bytes_len;
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
    r->shard = s;
    r->message = entry->message;
    arena_init(&r->arena, SHARD_TURN_MEMORY);
    wire_writer_init(&r->message.reply, JOURNAL_BATCH_BYTES_MAX);
    const struct message_type *type = entry->letter.type;
    void *body = arena_alloc(&r->arena, type->size);
    struct wire_reader wire;
    wire_reader_init(&wire, entry->letter.body.data, entry->letter.body.len);
    bool read = body != NULL && type->read(&wire, &r->arena, body);
    check(read); /* it was written by the same type's write */
    r->message.body = body;
    r->message.done = supervisor_replayed;
    shard_post(s, &r->message);
    return ERR_OK;
}
