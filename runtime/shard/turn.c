/* SPDX-License-Identifier: Apache-2.0 */
/* Turn: runs one message against the actors of a shard. A turn changes states at once, in memory
 * and in the open batch; its answer waits until that batch is durable. turn_run(), the frame of all
 * this, is in turn_inline.h. Here is what a handler may call (turn.h): finding, deciding,
 * answering; and what the frame calls for turns that do more than look. */

#include "runtime/base/array.h"
#include "runtime/base/mutant.h"
#include "runtime/base/time.h"
#include "runtime/sends/open_ask.h"
#include "runtime/shard/shard_priv.h"
#include "runtime/shard/turn_inline.h"

/* A turn beyond a limit - of the batch, the answer, its memory - is answered TOO_LARGE and nothing
 * of it remains; that of a send fails. The handler is left by a jump: it owns nothing outside the
 * turn. */
_Noreturn void turn_give_up(struct turn *t)
{
    check(t->message != NULL);
    longjmp(t->shard->given_up, 1);
}

/* --- finding ---------------------------------------------------------------------------------- */

static bool is_self(const struct turn *t, uint16_t kind, struct id128 id)
{
    return t->actor->kind == kind && id128_equal(t->actor->entry.id, id);
}

static inline enum presence look_at(struct turn *t, struct actor *a, const void **state)
{
    if ((a->flags & ACTOR_LOADING) != 0) {
        t->waiting = true;
        return PRESENCE_WAITING;
    }
    a->flags |= ACTOR_USED;
    turn_depend_on(t, a->touched_seq);
    if ((a->flags & ACTOR_EXISTS) == 0)
        return PRESENCE_ABSENT;
    *state = actor_state(a);
    return PRESENCE_THERE;
}

static cold enum presence find_other(struct turn *t, uint16_t kind, struct id128 id,
                                     const void **state)
{
    check(kind < KIND_MAX);
    struct shard *s = t->shard;
    struct actor *a = registry_find(&s->registry, kind, id);
    if (a == NULL) {
        if (residence_fresh(&s->residence, kind, id))
            return PRESENCE_ABSENT;
        a = residence_get(&s->residence, kind, id);
    }
    return look_at(t, a, state);
}

enum presence turn_find(struct turn *t, uint16_t kind, struct id128 id, const void **state)
{
    return is_self(t, kind, id) ? look_at(t, t->actor, state) : find_other(t, kind, id, state);
}

static cold void turn_first_item(struct turn *t, uint32_t item)
{
    look_ahead_begin(t->shard, t->message);
    t->looks_ahead = true;
    look_ahead_item(t->shard, item);
}

void turn_item(struct turn *t, uint32_t item)
{
    if (t->looks_ahead)
        look_ahead_item(t->shard, item);
    else
        turn_first_item(t, item);
}

/* The event or (event = false) the end of a record at a position; NULL: asked of the loader. */
static const struct record_reader *part_at(struct turn *t, uint64_t position, bool event)
{
    check(position != 0);
    struct shard *s = t->shard;
    struct batch *b = journal_batch(&s->journal, position_seq(position));
    if (b != NULL) {
        batch_find(b, &s->found, position_item(position), event ? RECORD_EVENT : RECORD_END);
        return &t->shard->found;
    }
    const struct part *part = loader_part(&s->loader, position);
    if (part != NULL)
        return &part->record;
    if (t->message->origin != NULL && s->loader.damaged == position) { /* a request is refused */
        t->failure = "a batch of the journal that it needs is damaged";
        turn_give_up(t);
    }
    if (admission_grants(&s->admission, t->actor))
        loader_ask(&s->loader, &(struct load){.what = LOAD_PART, .position = position});
    t->waiting = true;
    return NULL;
}

static enum presence position_of(struct turn *t, struct dedup_table *table, struct id128 key,
                              uint64_t *position)
{
    switch (dedup_table_find(table, key, position)) {
    case DEDUP_NEW:
        return PRESENCE_ABSENT;
    case DEDUP_FOUND:
        turn_depend_on(t, position_seq(*position));
        return PRESENCE_THERE;
    case DEDUP_ASK:
        break;
    }
    struct load load = {.what = LOAD_DECISION, .id = key, .is_key = table == &t->shard->keys};
    loader_ask(&t->shard->loader, &load);
    t->waiting = true;
    return PRESENCE_WAITING;
}

/* The event that took this id. */
static enum presence turn_find_part(struct turn *t, struct id128 key, uint64_t *position,
                                    const struct record_reader **part)
{
    enum presence p = position_of(t, &t->shard->ids, key, position);
    if (p != PRESENCE_THERE)
        return p;
    *part = part_at(t, *position, true);
    return *part != NULL ? PRESENCE_THERE : PRESENCE_WAITING;
}

enum presence turn_find_decision(struct turn *t, struct id128 key, struct stored_event *stored)
{
    uint64_t position;
    const struct record_reader *part;
    enum presence p = turn_find_part(t, key, &position, &part);
    if (p != PRESENCE_THERE)
        return p;
    const struct event_rule *rule = t->shard->options.domain->rules[part->number];
    void *event = turn_alloc(t, rule->type->size);
    struct wire_reader wire;
    wire_reader_init(&wire, part->event.data, part->event.len);
    bool read = rule->type->read(&wire, &t->shard->turn_arena, event);
    if (!read && t->shard->turn_arena.failed)
        turn_give_up(t);
    check(read);
    *stored = (struct stored_event){part->number, part->time_ns, event};
    return PRESENCE_THERE;
}

enum presence turn_find_attribution(struct turn *t, struct id128 key, struct attribution *ret)
{
    uint64_t position;
    const struct record_reader *part;
    enum presence p = turn_find_part(t, key, &position, &part);
    if (p != PRESENCE_THERE)
        return p;
    struct batch *b = journal_batch(&t->shard->journal, position_seq(position));
    *ret = part->attribution;
    if (b != NULL)
        batch_attribution(b, part->begin_item, ret);
    char *texts = turn_alloc(t, ATTRIBUTION_REQUEST_MAX + attribution_texts_len(ret));
    if (texts == NULL)
        turn_give_up(t);
    attribution_keep(ret, texts + ATTRIBUTION_REQUEST_MAX);
    ret->request = (struct slice){texts, (uint32_t)attribution_request_text(ret, texts)};
    ret->request_made = false;
    return PRESENCE_THERE;
}

/* --- deciding --------------------------------------------------------------------------------- */

/* What follows from a send comes after it. */
static uint64_t turn_next_ns(const struct turn *t)
{
    const struct send_origin *o = t->message->origin;
    uint64_t now_ns = clock_event_ns(&t->shard->clock);
    check(!t->recorded);
    return o != NULL && now_ns <= o->time_ns ? o->time_ns + 1 : now_ns;
}

void turn_begin_record(struct turn *t)
{
    if (t->recorded)
        return;
    check(!t->replied || t->message->keyed);
    check(t->shard->journal.open != NULL);
    struct batch *b = t->shard->journal.open;
    const struct message *m = t->message;
    t->body_at = (uint32_t)b->body.len;
    t->items_at = b->items;
    t->time_ns = turn_next_ns(t);
    t->recorded = t->must_finish = true;
    batch_begin_record(b, &(struct record_head){
                              .time_ns = t->time_ns,
                              .key = m->keyed ? &m->key : NULL,
                              .fingerprint = m->keyed ? &m->fingerprint : NULL,
                              .who = &m->who,
                              .request = m->request_id,
                          });
    b->items++;
    if (m->origin != NULL && !m->origin->parked)
        turn_take_send(t);
}

static void note_added(struct shard *s, struct dedup_entry *outcome)
{
    array_reserve(s->added, s->added_cap, s->added_count + 1);
    s->added[s->added_count++] = outcome;
}

void turn_emit(struct turn *t, const struct message_type *type, const void *event)
{
    struct shard *s = t->shard;
    const struct event_rule *rule = s->options.domain->rules[type->number];
    check(rule != NULL && !t->replied);
    turn_begin_record(t);
    struct batch *b = s->journal.open;
    t->events++;
    uint32_t item = b->items++;
    record_event(&b->body, type->number);
    type->write(&b->body, event);
    if (b->body.failed)
        turn_give_up(t);
    s->registry.seq = b->seq;
    rule->apply(&s->registry, event, t->time_ns);
    s->stats.events++;
    if (rule->key_offset == MESSAGE_NO_OFFSET)
        return;
    struct id128 key;
    memcpy(&key, (const char *)event + rule->key_offset, sizeof key);
    note_added(s, dedup_table_add(&s->ids, key, position_make(b->seq, item), t->time_ns));
}

struct turn_savepoint turn_savepoint(struct turn *t)
{
    check(!t->replied);
    turn_begin_record(t);
    if (t->shard->journal.open->body.failed)
        turn_give_up(t); /* a cut back to here would leave half of the beginning */
    return (struct turn_savepoint){
        .undo = registry_mark(&t->shard->registry).entries,
        .record = t->shard->journal.open->body.len,
        .added = t->shard->added_count,
        .items = t->shard->journal.open->items,
        .events = t->events,
        .sends = t->sends,
    };
}

void turn_take_back_decisions(struct shard *s, size_t keep)
{
    check(keep <= s->added_count);
    while (s->added_count > keep)
        dedup_table_remove(s->added[--s->added_count]);
}

void turn_rollback(struct turn *t, struct turn_savepoint to)
{
    check(to.events <= t->events);
    check(t->recorded);
    struct shard *s = t->shard;
    struct batch *b = s->journal.open;
    if (!MUTANT(SKIP_UNDO))
        registry_undo(&s->registry, (struct registry_mark){to.undo});
    look_ahead_forget(s); /* what was undone may have made an actor */
    turn_take_back_decisions(s, to.added);
    check(to.items <= b->items);
    b->items = to.items;
    batch_cut(b, to.record);
    t->events = to.events;
    t->sends = to.sends;
}

uint64_t turn_time(struct turn *t)
{
    return t->recorded ? t->time_ns : turn_next_ns(t);
}

uint64_t turn_now(struct turn *t)
{
    return t->shard->clock.now_ns;
}

void *turn_alloc(struct turn *t, size_t size)
{
    check(size > 0);
    t->must_finish = true;
    void *memory = arena_alloc(&t->shard->turn_arena, size);
    if (memory == NULL)
        turn_give_up(t);
    return memory;
}

enum turn_result turn_fail(struct turn *t, const char *reason)
{
    check(reason != NULL);
    t->failure = reason;
    t->must_finish = true;
    return TURN_FAILED;
}

/* --- answering -------------------------------------------------------------------------------- */

static inline void reply_empty(struct turn *t, uint16_t code, uint64_t version)
{
    struct message *m = t->message;
    check(!t->replied && !t->opened);
    t->replied = true;
    m->code = code;
    m->version = version;
    m->reply_type = 0;
    wire_writer_clear(&m->reply);
}

void turn_reply(struct turn *t, uint16_t code, const struct message_type *type, const void *reply,
                uint64_t version)
{
    check((type == NULL) == (reply == NULL));
    struct message *m = t->message;
    reply_empty(t, code, version);
    if (type == NULL)
        return;
    m->reply_type = type->number;
    type->write(&m->reply, reply);
    if (m->reply.failed)
        turn_give_up(t);
}

void turn_refuse(struct turn *t, uint16_t code)
{
    reply_empty(t, code, 0);
    if (code == ERR_OUTCOME_PENDING)
        t->message->retry_after_ms = WAITS_RETRY_MS;
}

void turn_refuse_unmade(struct turn *t)
{
    check(t->message->origin == NULL);
    turn_refuse(t, ERR_NOT_FOUND);
    t->message->under_way = true;
    t->message->retry_after_ms = WAITS_RETRY_MS;
}

void turn_unseen(struct turn *t)
{
    check(t->replied);
    t->unseen = true;
}

void turn_refuse_unseen(struct turn *t, uint16_t code)
{
    turn_refuse(t, code);
    turn_unseen(t);
}

void turn_refer(struct turn *t, uint16_t shard)
{
    struct message *m = t->message;
    check(m->origin == NULL);
    check(shard != t->shard->options.number && shard < t->shard->options.slots->shards);
    turn_refuse(t, ERR_NOT_FOUND);
    m->referred = true;
    m->runtime.at = shard;
}

bool turn_may_see(const struct turn *t, struct id128 tenant_id, struct id128 owner_id)
{
    const struct principal *who = &t->message->who;
    if (who->operator)
        return true;
    if (!id128_equal(who->tenant_id, tenant_id))
        return false;
    return who->any_owner || id128_is_zero(owner_id) || id128_equal(who->subject_id, owner_id);
}

bool turn_version_matches(struct turn *t, uint64_t version)
{
    const struct precondition *p = t->message->precondition;
    if (p == NULL || precondition_holds(p, version))
        return true;
    turn_refuse(t, ERR_PRECONDITION);
    return false;
}

/* --- running ---------------------------------------------------------------------------------- */

/* Whoever asked first under this key, of those that have this answer. */
static struct record_key turn_first_ask(const struct record_reader *part, struct id128 key)
{
    struct record_key keys[RECORD_KEYS_MAX];
    if (id128_equal(part->key, key))
        return (struct record_key){key, part->fingerprint, part->wide};
    uint32_t i = 0, count = record_keys(part, keys);
    while (i < count && !id128_equal(keys[i].key, key))
        i++;
    check(i < count);
    return keys[i];
}

/* The first answer to this key again, or a refusal if the key was used for something else. Whoever
 * saw things of other owners then, and may not now, is not given them again. */
static enum turn_result replay_outcome(struct turn *t, uint64_t position)
{
    check(!t->replied);
    check(t->message->keyed);
    struct message *m = t->message;
    const struct record_reader *part = part_at(t, position, false);
    if (part == NULL)
        return TURN_WAIT;
    const struct record_key first = turn_first_ask(part, m->key);
    if (!id128_equal(first.fingerprint, m->fingerprint) && !MUTANT(ACCEPT_OTHER_BODY)) {
        t->shard->stats.conflicts++;
        turn_refuse(t, ERR_KEY_REUSED);
        return TURN_DONE;
    }
    const struct record_answer *o = &part->answer;
    if (first.wide && !principal_sees_all_owners(&m->who)) {
        turn_refuse(t, ERR_FORBIDDEN);
        return TURN_DONE;
    }
    if (part->open && MUTANT(ASK_TWICE))
        return turn_handle(t);
    if (part->open) { /* it is still to come */
        turn_wait_for(t, part->ask);
        return TURN_DONE;
    }
    t->replied = true;
    m->code = o->code;
    m->version = MUTANT(OTHER_ANSWER_AGAIN) ? 0 : o->version;
    m->reply_type = o->reply_type;
    m->replayed = true;
    wire_writer_clear(&m->reply);
    if (o->has_reply)
        wire_put_raw(&m->reply, o->reply);
    if (m->reply.failed)
        turn_give_up(t); /* this asker takes less than the first one did */
    t->shard->stats.replays++;
    return TURN_DONE;
}

/* Of a tenant without quota runs what settles something, up to a bound of its own, but if it is
 * refused it leaves nothing. A send always runs: it was accepted with the record that sent it. */
cold bool turn_held_by_quota(struct turn *t)
{
    struct shard *s = t->shard;
    struct message *m = t->message;
    uint32_t retry_after_ms;
    if (m->origin != NULL || m->type == NULL || !m->type->mutates ||
        !quota_exceeded(&s->quota, &m->who, 1, s->running.now_ns, &retry_after_ms))
        return false;
    t->over_quota = true;
    const uint32_t times = m->type->passes_quota ? QUOTA_SETTLING : 1;
    if (times > 1 && !quota_exceeded(&s->quota, &m->who, times, s->running.now_ns, &retry_after_ms))
        return false;
    s->quota.refused++;
    turn_refuse(t, ERR_JOURNAL_QUOTA);
    m->retry_after_ms = retry_after_ms;
    m->quota_percent = (uint8_t)(100 * times);
    return true;
}

/* A durable deadline, or a message for which its actor's kind has no handler. */
cold enum turn_result turn_handle_other(struct turn *t)
{
    const struct message *m = t->message;
    if (m->type == NULL)
        return t->shard->options.domain->kinds[m->target_kind]->timeout(t, t->actor->entry.id);
    turn_refuse(t, ERR_UNSUPPORTED);
    return TURN_DONE;
}

/* Keys are forgotten after a while, but none whose answer is still to come: the request that left
 * it open is known by its fingerprint. */
static bool turn_finds_ask(struct turn *t)
{
    struct shard *s = t->shard;
    const struct message *m = t->message;
    if (s->registry.existing[KIND_OPEN_ASK] == 0)
        return false;
    const struct open_ask *ask = open_ask_find(&s->registry, m->key);
    if (ask == NULL)
        return false;
    if (ask->keyed && id128_equal(ask->fingerprint, m->fingerprint)) {
        turn_attach(t, m->key);
        return true;
    }
    s->stats.conflicts++;
    turn_refuse(t, ERR_KEY_REUSED);
    return true;
}

/* With an idempotency key: what was decided under it already is said again. */
cold enum turn_result turn_decide_keyed(struct turn *t)
{
    check(t->message->keyed);
    uint64_t position;
    t->must_finish = true;
    if (MUTANT(SKIP_DEDUPE))
        return turn_handle(t);
    switch (position_of(t, &t->shard->keys, t->message->key, &position)) {
    case PRESENCE_ABSENT:
        if (turn_finds_ask(t))
            return TURN_DONE;
        if (!t->message->asks_key)
            return turn_handle(t);
        turn_refuse(t, ERR_NOT_FOUND);
        return TURN_DONE;
    case PRESENCE_THERE:
        return replay_outcome(t, position);
    case PRESENCE_WAITING:
        break;
    }
    return TURN_WAIT;
}
