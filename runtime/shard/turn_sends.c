/* SPDX-License-Identifier: Apache-2.0 */
/* Turn, the part for sends and for answers that come later. A send is written into the record like
 * an event, and what it changes, the count of its stream, is a state like any other: so an undo, a
 * rollback or a turn that fails takes both back. */
#include "runtime/base/mutant.h"
#include "runtime/base/sha256.h"
#include "runtime/sends/open_ask.h"
#include "runtime/sends/parked.h"
#include "runtime/sends/stream.h"
#include "runtime/shard/shard_priv.h"
#include "runtime/shard/turn_inline.h"

#define SEND_BYTES_MAX ((size_t)64 << 10)
#define TURN_SENDS_MAX 8192 /* of a list, each transfer may be one */

/* A bigger send, or more of them, is a turn beyond a limit. */
static void turn_put_send(struct turn *t, const struct message_type *type, const void *body,
                          bool to_all)
{
    struct shard *s = t->shard;
    const struct shard_options *o = &s->options;
    check(type->target_kind != 0 && type->mutates && !t->replied);
    struct record_send send = {.to_all = to_all, .kind = type->target_kind, .type = type->number};
    const struct place to =
        domain_place(o->domain, type, body, &t->message->who, o->slots->ranges[o->number].first);
    check(to_all || !id128_is_zero(to.target));
    send.target = to.target;
    send.to = slot_map_shard(o->slots, to.slot);
    turn_begin_record(t);
    streams_note_untaken(&s->streams, &send);
    struct batch *b = s->journal.open;
    uint64_t hash = batch_send(b, &send, type->write, body);
    const struct batch_send *put = &b->sends[b->send_count - 1];
    if (b->body.failed || b->body.len - put->at > SEND_BYTES_MAX || t->sends == TURN_SENDS_MAX)
        turn_give_up(t);
    t->sends++;
    s->registry.seq = b->seq;
    stream_apply_send(&s->registry, o->number, &send, position_make(b->seq, put->item), hash);
}

void turn_send(struct turn *t, const struct message_type *type, const void *body)
{
    turn_put_send(t, type, body, false);
}

void turn_send_all(struct turn *t, const struct message_type *type, const void *body)
{
    turn_put_send(t, type, body, true);
}

const void *turn_copy(struct turn *t, uint16_t kind, struct id128 id)
{
    struct registry *r = &t->shard->registry;
    check(kind < KIND_MAX && r->domain->kinds[kind]->everywhere);
    struct actor *a = registry_find(r, kind, id);
    if (a == NULL || (a->flags & ACTOR_EXISTS) == 0)
        return NULL;
    turn_depend_on(t, a->touched_seq);
    return actor_state(a);
}

uint64_t turn_copy_age_ns(struct turn *t, uint16_t kind, struct id128 id)
{
    check(kind < KIND_MAX);
    if (parked_queue_find(&t->shard->registry, kind, id) != NULL)
        return UINT64_MAX;
    return contact_age_ns(&t->shard->contact);
}

const struct send_origin *turn_origin(const struct turn *t)
{
    return t->message->origin;
}

/* The record of a turn that handles a send begins with its mark. */
void turn_take_send(struct turn *t)
{
    const struct send_origin *o = t->message->origin;
    struct shard *s = t->shard;
    const struct record_taken taken = {o->shard, o->to_all, o->n, o->place, o->hash};
    if (!MUTANT(FORGET_MARK) || taken.n % 4 != 3)
        batch_take(s->journal.open, &taken);
    s->registry.seq = s->journal.open->seq;
    stream_apply_taken(&s->registry, &taken);
}

void turn_unpark(struct turn *t)
{
    const struct message *m = t->message;
    const struct send_origin *o = m->origin;
    const struct parked_wish *wish = &t->shard->parked_retry.wish;
    check(o->parked && !t->recorded);
    const struct unparked unparked = {.id = parked_id(o->shard, o->to_all, o->n),
                                      .kind = m->target_kind,
                                      .target = m->target,
                                      .by = wish->by,
                                      .reason = wish->reason};
    turn_emit(t, &send_unparked_type, &unparked);
}

void turn_park(struct shard *s, struct incoming *in, const char *reason)
{
    struct turn *t = &s->turn;
    const struct message *m = &in->message;
    const struct parked parked = {.id =
                                      parked_id(in->origin.shard, in->origin.to_all, in->origin.n),
                                  .place = in->origin.place,
                                  .sent_ns = in->origin.time_ns,
                                  .kind = m->target_kind,
                                  .type = in->type,
                                  .target = m->target,
                                  .message = in->encoded,
                                  .reason = slice_of(reason),
                                  .request = m->request_id,
                                  .who =
                                      {
                                          m->who.tenant,
                                          m->who.subject,
                                          m->who.client,
                                          m->who.token_id,
                                          m->who.any_owner,
                                          m->who.operator},
                                  };
    *t = (struct turn){.shard = s, .message = &in->message, .must_finish = true};
    if (!MUTANT(DROP_PARKED))
        turn_emit(t, &send_parked_type, &parked);
    enum turn_result result = turn_finish(t, TURN_DONE);
    check(result == TURN_DONE);
}

/* --- answers that come later ------------------------------------------------------------------ */

/* Whatever is used as a key, it is none of these. */
struct id128 turn_ask_by_id(struct id128 id)
{
    const struct slice pieces[] = {{"ask by id", 9}, {(const char *)&id, sizeof id}};
    return sha256_id(pieces, array_len(pieces));
}

struct id128 turn_open(struct turn *t, struct id128 id)
{
    struct message *m = t->message;
    check(!t->replied && !t->opened && m->origin == NULL && (m->keyed || !id128_is_zero(id)));
    turn_begin_record(t);
    t->opened = true;
    t->shard->ask = m->keyed ? m->key : turn_ask_by_id(id);
    return t->shard->ask;
}

bool turn_may_open(const struct turn *t, uint16_t shard)
{
    check(t->message->origin == NULL);
    check(shard < t->shard->options.slots->shards);
    return streams_may_open(&t->shard->streams, shard);
}

void turn_wait_for(struct turn *t, struct id128 ask)
{
    check(!t->replied && t->message->origin == NULL);
    t->replied = t->attached = t->must_finish = true;
    t->shard->ask = ask;
}

void turn_attach(struct turn *t, struct id128 ask)
{
    struct shard *s = t->shard;
    const struct message *m = t->message;
    const struct open_ask *open = open_ask_find(&s->registry, ask);
    check(open != NULL && t->events == 0 && t->sends == 0);
    bool known = !m->keyed || id128_equal(m->key, ask) || open_ask_has_key(open, m->key);
    if (!known && open->key_count == RECORD_KEYS_MAX) {
        turn_refuse(t, ERR_OUTCOME_PENDING);
        return;
    }
    t->joins = !known && !MUTANT(FORGET_ATTACHED);
    if (t->joins)
        turn_begin_record(t);
    turn_wait_for(t, ask);
}

/* For others than the turn's own asker. */
static void turn_write_answer(struct turn *t, uint16_t code, const struct message_type *type,
                              const void *reply, uint64_t version)
{
    struct shard *s = t->shard;
    struct wire_writer *w = &s->closing_reply;
    wire_writer_clear(w);
    if (type != NULL)
        type->write(w, reply);
    if (w->failed)
        turn_give_up(t);
    s->closing_answer = (struct record_answer){.code = code,
                                               .reply_type = type != NULL ? type->number : 0,
                                               .version = version,
                                               .has_reply = type != NULL,
                                               .reply = wire_written(w)};
}

void turn_tell_meanwhile(struct turn *t, const struct message_type *type, const void *reply,
                         uint64_t version)
{
    check(t->opened && !t->tells);
    turn_write_answer(t, ERR_OUTCOME_PENDING, type, reply, version);
    t->tells = true;
}

void turn_close(struct turn *t, struct id128 ask, uint16_t code, const struct message_type *type,
                const void *reply, uint64_t version)
{
    check(t->message->origin != NULL && !t->replied && (type == NULL) == (reply == NULL));
    turn_begin_record(t);
    t->replied = t->closes = true;
    t->shard->ask = ask;
    if (open_ask_find(&t->shard->registry, ask) == NULL)
        (void)turn_fail(t, "an answer to what is not open");
    turn_write_answer(t, code, type, reply, version);
}

/* The end of a record that opens an ask, has a key wait for one, or gives the answer of one. They
 * may undo nothing more. */
void turn_end_open(struct turn *t)
{
    struct shard *s = t->shard;
    const struct message *m = t->message;
    const struct open_ask ask = {
        .opened_ns = t->time_ns, .keyed = m->keyed, .fingerprint = m->fingerprint};
    record_end_open(&s->journal.open->body, s->ask);
    s->registry.seq = s->journal.open->seq;
    open_ask_add(&s->registry, s->ask, &ask);
}

void turn_end_attached(struct turn *t)
{
    struct shard *s = t->shard;
    const struct message *m = t->message;
    const struct record_key key = {m->key, m->fingerprint, principal_sees_all_owners(&m->who)};
    record_end_attached(&s->journal.open->body, s->ask);
    s->registry.seq = s->journal.open->seq;
    bool attached = open_ask_attach(&s->registry, s->ask, &key);
    check(attached);
}

uint32_t turn_end_closing(struct turn *t, struct id128 keys[1 + RECORD_KEYS_MAX])
{
    struct shard *s = t->shard;
    const struct open_ask *ask = open_ask_find(&s->registry, s->ask);
    uint32_t count = 0;
    check(ask != NULL);
    if (ask->keyed)
        keys[count++] = s->ask;
    for (uint32_t i = 0; i < ask->key_count; i++)
        keys[count++] = ask->keys[i].key;
    record_end_closing(&s->journal.open->body, &s->closing_answer, s->ask,
                       ask->keyed && !MUTANT(CLOSE_WITHOUT_KEY) ? &ask->fingerprint : NULL,
                       ask->keys, ask->key_count);
    s->registry.seq = s->journal.open->seq;
    open_ask_remove(&s->registry, s->ask);
    return count;
}

/* All that wait are answered when the record is durable. */
void turn_answer_waiting(struct turn *t)
{
    struct shard *s = t->shard;
    const struct record_answer *o = &s->closing_answer;
    struct message *m;
    while ((m = waits_take(&s->waits, s->ask)) != NULL) {
        if (MUTANT(FORGET_WAITERS))
            continue;
        m->code = o->code;
        m->version = o->version;
        m->reply_type = o->reply_type;
        wire_writer_clear(&m->reply);
        if (o->has_reply)
            wire_put_raw(&m->reply, o->reply);
        if (m->reply.failed) {
            answers_refuse(&s->answers, m, ERR_TOO_LARGE);
            continue;
        }
        if (MUTANT(ANSWER_ASK_EARLY))
            answers_push(&s->answers, m);
        else
            journal_defer(&s->journal, s->journal.open->seq, &m->link);
    }
    waits_end(&s->waits, s->ask);
}
