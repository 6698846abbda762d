/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a send. streams_durable() finds it in a batch that became durable. If its receiver has
 * confirmed our journal, there is room in the window and all before it have left, it leaves at
 * once; else it stays behind, and streams_read() fetches it from the journal when that has changed.
 * At the receiver streams_arrive() puts it into the window of its stream, from which the shard's
 * turns take it in order (running.c). The mark that its turn leaves becomes durable; then the
 * sender hears of it (TAKEN), and the window there moves on.
 *
 * What is lost. Nothing is sent again because of time alone but marks: who has sent something that
 * is not taken says how far it came (HEAD), and whoever lacks something names its mark (NAME), at
 * most one at a time for each stream, with growing pauses: else each gap would ask, and each answer
 * would bring frames that are gaps again. */
#include "runtime/shard/streams.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/memory.h"
#include "runtime/base/mutant.h"

#define STREAM_REASON_MAX 512

static void streams_look(struct alarm *a);
static void streams_on_unfit(void *context, const struct outbox_want *want);
static void streams_on_read(void *context, enum err result);

void streams_init(struct streams *s, const struct streams_uses *uses)
{
    *s = (struct streams){.uses = *uses, .lines = {.lines_max = 10, .window_ns = NS_PER_S}};
    s->pairs = memory_take_zeroed(uses->shards, sizeof *s->pairs);
    s->alarm.fire = streams_look;
    for (uint16_t i = 0; i < uses->shards; i++)
        for (int all = 0; all < 2; all++)
            fifo_init(&s->pairs[i].arriving[all].window);
    outbox_read_init(&s->read, &(struct outbox_uses){.env = uses->env,
                                                     .worker = uses->worker,
                                                     .store = uses->store,
                                                     .number = uses->number,
                                                     .shards = uses->shards,
                                                     .unfit = streams_on_unfit,
                                                     .done = streams_on_read,
                                                     .context = s});
}

static void streams_drop_window(struct streams *s, struct arriving *a)
{
    struct fifo_link *link;
    while ((link = fifo_pop(&a->window)) != NULL) {
        incoming_free(incoming_of(link));
        s->waiting--;
    }
    a->count = 0;
    a->bytes = 0;
}

static void streams_forget(struct streams *s)
{
    outbox_read_forget_all(&s->read);
    for (uint16_t i = 0; i < s->uses.shards; i++) {
        for (int all = 0; all < 2; all++) {
            streams_drop_window(s, &s->pairs[i].arriving[all]);
            s->pairs[i].arriving[all] = (struct arriving){0};
            free(s->pairs[i].outgoing[all].places);
            s->pairs[i].outgoing[all] = (struct outgoing){0};
            fifo_init(&s->pairs[i].arriving[all].window);
        }
    }
    check(s->waiting == 0);
}

void streams_done(struct streams *s)
{
    check(s->waiting == 0); /* it was stopped, or never started */
    streams_forget(s);
    outbox_read_done(&s->read);
    free(s->pairs);
}

void streams_stop(struct streams *s)
{
    s->running = false;
    env_alarm_stop(s->uses.env, &s->alarm);
    streams_forget(s);
}

/* --- what is said ----------------------------------------------------------------------------- */

/* Something is expected that may not come: it is looked at again. */
static void streams_watch(struct streams *s)
{
    if (s->alarm.due_ns == 0)
        env_alarm_set(s->uses.env, &s->alarm, env_mono_ns(s->uses.env) + STREAM_LOOK_NS);
}

static void streams_say(struct streams *s, struct frame *f)
{
    check(f->to < s->uses.shards);
    f->from = s->uses.number;
    f->life = s->life;
    f->to_life = s->pairs[f->to].life;
    s->uses.transport.send(s->uses.transport.context, f);
}

static void streams_name(struct streams *s, uint16_t from, bool to_all)
{
    struct arriving *a = &s->pairs[from].arriving[to_all];
    check(s->running);
    struct frame f = {.what = FRAME_NAME, .to = from, .to_all = to_all, .mark = a->durable};
    a->asked = true;
    a->asked_n = a->durable.n;
    a->again_ns = env_mono_ns(s->uses.env) + a->pause_ns;
    a->pause_ns = a->pause_ns * 2 < STREAM_ASK_MAX_NS ? a->pause_ns * 2 : STREAM_ASK_MAX_NS;
    streams_say(s, &f);
    streams_watch(s);
}

/* Something is missing: at most one question for each stream. */
static void streams_ask(struct streams *s, uint16_t from, bool to_all)
{
    if (!s->pairs[from].arriving[to_all].asked)
        streams_name(s, from, to_all);
}

void streams_start(struct streams *s)
{
    uint64_t now_ns = env_mono_ns(s->uses.env);
    check(!s->running && s->waiting == 0);
    s->running = true;
    s->life = s->life < s->uses.journal->epoch << STREAM_LIFE_BITS
                  ? s->uses.journal->epoch << STREAM_LIFE_BITS
                  : s->life + 1;
    for (uint16_t i = 0; i < s->uses.shards; i++) {
        for (int all = 0; all < 2; all++) {
            const struct stream *from = stream_find(s->uses.registry, i, all);
            const struct stream *to =
                all ? stream_find(s->uses.registry, s->uses.number, true) : from;
            struct arriving *a = &s->pairs[i].arriving[all];
            struct outgoing *o = &s->pairs[i].outgoing[all];
            a->durable = from != NULL ? from->taken : (struct stream_mark){0};
            a->expected = a->durable.n + 1;
            a->place = a->durable.place;
            a->pause_ns = STREAM_LOOK_NS;
            o->durable = to != NULL ? to->sent.n : 0;
            o->moved_ns = now_ns;
            streams_name(s, i, all);
        }
    }
}

/* --- sending ---------------------------------------------------------------------------------- */

/* The state with the sends of this stream; NULL: there were none. */
static const struct stream *streams_sent(const struct streams *s, uint16_t to, bool to_all)
{
    return stream_find(s->uses.registry, to_all ? s->uses.number : to, to_all);
}

static bool streams_room(const struct outgoing *o)
{
    return o->next - o->taken <= STREAM_WINDOW;
}

/* It leaves; o->next is its number. */
static void streams_leave(struct streams *s, struct outgoing *o, struct frame *f)
{
    check(f->mark.n == o->next && streams_room(o));
    if (o->next == o->taken + 1)
        o->moved_ns = env_mono_ns(s->uses.env);
    if (o->places == NULL && !f->to_all)
        o->places = memory_take(STREAM_WINDOW * sizeof *o->places);
    if (!f->to_all)
        o->places[o->next % STREAM_WINDOW] = f->mark.place;
    o->next++;
    o->known = f->mark;
    o->verify = false;
    streams_say(s, f);
}

static bool streams_behind(const struct outgoing *o)
{
    return o->opened && o->next <= o->durable && streams_room(o);
}

static void streams_want(struct streams *s, uint16_t to, bool to_all)
{
    const struct outgoing *o = &s->pairs[to].outgoing[to_all];
    const struct stream *sent = streams_sent(s, to, to_all);
    struct outbox_want want = {.to = to, .to_all = to_all, .first = o->next};
    check(sent != NULL);
    want.known = o->known;
    want.verify = o->verify;
    if (!want.verify && want.known.n < sent->untaken_n && sent->untaken_n <= o->next)
        want.known = (struct stream_mark){.n = sent->untaken_n, .place = sent->untaken_place};
    outbox_read_want(&s->read, &want);
}

/* What was read for this receiver leaves, as far as there is room. */
static void streams_leave_kept(struct streams *s, uint16_t to, bool to_all)
{
    struct outgoing *o = &s->pairs[to].outgoing[to_all];
    struct frame *f;
    while ((f = outbox_read_oldest(&s->read, to, to_all)) != NULL) {
        if (!o->opened || f->mark.n > o->next) {
            outbox_read_forget(&s->read, to, to_all); /* it is read anew, from another place */
            return;
        }
        if (f->mark.n == o->next && !streams_room(o))
            return;
        if (f->mark.n == o->next)
            streams_leave(s, o, f);
        outbox_read_drop(&s->read, to, to_all);
    }
}

/* Fetches what stayed behind, if there is anything and nothing is being fetched. */
static void streams_read(struct streams *s)
{
    if (s->read.busy || !s->running)
        return;
    for (uint16_t i = 0; i < s->uses.shards; i++) {
        for (int all = 0; all < 2; all++) {
            streams_leave_kept(s, i, all);
            if (streams_behind(&s->pairs[i].outgoing[all]))
                streams_want(s, i, all);
        }
    }
    outbox_read_start(&s->read, s->uses.journal->committed_seq);
}

static void streams_unfit(struct streams *s, uint16_t other, bool to_all,
                          const struct stream_mark *mark)
{
    char reason[STREAM_REASON_MAX];
    const struct stream *sent = streams_sent(s, other, to_all);
    struct stream_mark last = sent != NULL ? sent->sent : (struct stream_mark){0};
    snprintf(reason, sizeof reason,
             "shard %u has taken send %" PRIu64 " of shard %u (batch %" PRIu64
             "), which is not in this journal, where the last one here is send %" PRIu64
             " (batch %" PRIu64 "): one of the two has lost its end, or an older one was restored",
             other, mark->n, s->uses.number, position_seq(mark->place), last.n,
             position_seq(last.place));
    s->uses.unfit(s->uses.context, reason);
}

static void streams_on_unfit(void *context, const struct outbox_want *want)
{
    struct streams *s = context;
    if (s->running && s->pairs[want->to].outgoing[want->to_all].opened)
        streams_unfit(s, want->to, want->to_all, &want->known);
}

static void streams_on_read(void *context, enum err result)
{
    struct streams *s = context;
    check(!s->read.busy);
    if (result == ERR_OK) /* else streams_look() tries again */
        streams_read(s);
}

/* --- a batch became durable ------------------------------------------------------------------- */

static void streams_send_durable(struct streams *s, struct batch *b, const struct batch_send *put)
{
    struct record_reader at;
    struct frame f;
    char request[ATTRIBUTION_REQUEST_MAX];
    uint64_t place = position_make(b->seq, put->item);
    uint16_t from = put->to_all ? 0 : put->to, to = put->to_all ? s->uses.shards - 1 : put->to;
    bool made = false;
    for (uint16_t i = from; i <= to; i++) {
        struct outgoing *o = &s->pairs[i].outgoing[put->to_all];
        if (o->durable == o->taken)
            o->moved_ns = env_mono_ns(s->uses.env);
        o->durable++;
        streams_watch(s);
        if (!o->opened || o->verify || o->next != o->durable || !streams_room(o))
            continue; /* it is read when it may leave, which also compares the receiver's mark */
        if (!made) {
            batch_read_send(b, put, &at);
            f = frame_of_send(&at, (struct stream_mark){0, place, at.send_hash}, request);
        }
        made = true;
        f.to = i;
        f.mark.n = o->next;
        streams_leave(s, o, &f);
    }
}

void streams_durable(struct streams *s, struct batch *b)
{
    for (uint32_t i = 0; i < b->send_count; i++)
        streams_send_durable(s, b, &b->sends[i]);
    for (uint32_t i = 0; i < b->taken_count; i++) {
        const struct record_taken *taken = &b->takens[i].taken;
        struct arriving *a = &s->pairs[taken->from].arriving[taken->to_all];
        a->durable = (struct stream_mark){taken->n, taken->place, taken->hash};
        a->told = false;
    }
    for (uint32_t i = 0; i < b->taken_count; i++) {
        const struct record_taken *taken = &b->takens[i].taken;
        struct arriving *a = &s->pairs[taken->from].arriving[taken->to_all];
        struct frame f = {.what = FRAME_TAKEN, .to = taken->from, .to_all = taken->to_all};
        f.mark = a->durable;
        if (!a->told)
            streams_say(s, &f);
        a->told = true;
    }
}

void streams_note_untaken(const struct streams *s, struct record_send *send)
{
    const struct stream *sent = streams_sent(s, send->to, send->to_all);
    if (sent == NULL || send->to_all)
        return;
    const struct outgoing *o = &s->pairs[send->to].outgoing[0];
    uint64_t first = o->taken + 1;
    if (!o->opened || first < sent->untaken_n + STREAM_UNTAKEN_STEP)
        return;
    if (first <= sent->sent.n && first >= o->next)
        return; /* where it stands is not known: it has not left */
    send->says_untaken = true;
    send->untaken_n = first;
    send->untaken_place = first > sent->sent.n ? 0 : o->places[first % STREAM_WINDOW];
}

bool streams_shut(const struct streams *s, uint16_t other, bool to_all)
{
    check(other < s->uses.shards);
    const struct outgoing *o = &s->pairs[other].outgoing[to_all];
    const struct stream *sent = streams_sent(s, other, to_all);
    uint64_t open = sent != NULL && o->opened ? sent->sent.n - o->taken : 0;
    if (!o->opened || open >= STREAM_OPEN_MAX)
        return true;
    /* What is not durable yet does not lag: nothing had to move before it came. */
    return o->durable > o->taken && env_mono_ns(s->uses.env) - o->moved_ns >= STREAM_LAG_MAX_NS;
}

bool streams_may_open(struct streams *s, uint16_t shard)
{
    bool shut = streams_shut(s, shard, false);
    s->pairs[shard].counts[0].refused += shut;
    return !shut;
}

/* --- frames ----------------------------------------------------------------------------------- */

/* Does the mark name a send of this journal? What is older than the last is compared when it is
 * read. */
static bool streams_fits(const struct stream *sent, const struct outgoing *o,
                         const struct stream_mark *mark)
{
    if (MUTANT(IGNORE_MARKS))
        return true;
    if (sent == NULL)
        return mark->n == 0;
    if (mark->n > o->durable || mark->n + 1 < sent->untaken_n)
        return false;
    if (mark->n > 0 && mark->place == 0)
        return false;
    return mark->n != sent->sent.n ||
           (mark->place == sent->sent.place && mark->hash == sent->sent.hash);
}

/* The receiver names its mark: from there on it is given what it lacks. */
static void streams_on_name(struct streams *s, const struct frame *f)
{
    struct outgoing *o = &s->pairs[f->from].outgoing[f->to_all];
    const struct stream *sent = streams_sent(s, f->from, f->to_all);
    if (f->to_life != s->life && !MUTANT(BELIEVE_LATE_MARKS))
        return; /* of before this life: since then it may have taken more */
    if (o->opened && f->mark.n < o->taken && !MUTANT(BELIEVE_LATE_MARKS))
        return; /* it was late: what it named is known to be taken */
    if (!streams_fits(sent, o, &f->mark)) {
        streams_unfit(s, f->from, f->to_all, &f->mark);
        return;
    }
    s->pairs[f->from].counts[f->to_all].openings += !o->opened;
    o->opened = true;
    o->next = f->mark.n + 1;
    outbox_read_forget(&s->read, f->from, f->to_all); /* the mark is to be compared first */
    if (MUTANT(RESUME_SKIPS) && o->durable > o->next)
        o->next++;
    if (MUTANT(FORGET_OUTBOX) && o->durable >= o->next)
        o->next = o->durable + 1;
    o->taken = f->mark.n;
    o->moved_ns = env_mono_ns(s->uses.env);
    o->known = f->mark;
    /* The last one sent was compared just now; the place of an older one has to be read. */
    o->verify = !MUTANT(IGNORE_MARKS) && f->mark.n > 0 && f->mark.n < sent->sent.n;
    if (f->mark.n == 0 && sent != NULL)
        o->known = (struct stream_mark){.n = sent->untaken_n, .place = sent->untaken_place};
    struct frame opened = {
        .what = FRAME_OPENED, .to = f->from, .to_all = f->to_all, .mark = f->mark};
    streams_say(s, &opened);
    streams_watch(s);
    streams_read(s);
}

static void streams_on_opened(struct streams *s, const struct frame *f)
{
    struct arriving *a = &s->pairs[f->from].arriving[f->to_all];
    if (!a->asked || f->mark.n != a->asked_n)
        return;
    if (f->to_life != s->life && !MUTANT(BELIEVE_LATE_MARKS))
        return; /* it confirms what an earlier life named; this one's mark may have been lost */
    a->asked = false;
    a->pause_ns = STREAM_LOOK_NS;
    a->standing = f->life;
}

static void streams_arrive(struct streams *s, struct arriving *a, const struct frame *f)
{
    if (a->count >= STREAM_WINDOW || a->bytes + f->message.len > STREAM_WINDOW_BYTES)
        return; /* its sender will say that it is there */
    check(f->what == FRAME_SEND);
    struct incoming *in = incoming_new(s->uses.domain, f);
    fifo_push(&a->window, &in->link);
    a->count++;
    a->bytes += in->bytes;
    a->expected++;
    a->place = f->mark.place;
    s->waiting++;
    env_wake(s->uses.env);
}

static void streams_drop(struct streams *s, const struct frame *f, const char *reason)
{
    uint64_t suppressed;
    if (log_limit_pass(&s->lines, env_mono_ns(s->uses.env), &suppressed))
        LOG_ERROR(s->uses.env->log, "frame_dropped", log_uint("shard", s->uses.number),
                  log_uint("from", f->from), log_uint("to", f->to), log_uint("number", f->mark.n),
                  log_text("reason", reason), log_uint("suppressed", suppressed));
}

static void streams_on_send(struct streams *s, const struct frame *f)
{
    struct arriving *a = &s->pairs[f->from].arriving[f->to_all];
    if (!s->pairs[f->from].outgoing[0].opened)
        return; /* it has not said how many of our sends it took */
    if (a->standing != f->life && !MUTANT(IGNORE_LIVES))
        streams_ask(s, f->from, f->to_all);
    else if (f->mark.n >= a->expected && f->mark.place <= a->place)
        streams_drop(s, f, "its place is not behind the one before it");
    else if (f->mark.n == a->expected || (MUTANT(ACCEPT_GAP) && f->mark.n > a->expected))
        streams_arrive(s, a, f);
    else if (f->mark.n > a->expected)
        streams_ask(s, f->from, f->to_all);
}

static void streams_on_head(struct streams *s, const struct frame *f)
{
    struct arriving *a = &s->pairs[f->from].arriving[f->to_all];
    if (a->standing != f->life || f->mark.n >= a->expected) {
        streams_ask(s, f->from, f->to_all);
    } else if (a->durable.n >= f->mark.n) {
        struct frame taken = {
            .what = FRAME_TAKEN, .to = f->from, .to_all = f->to_all, .mark = a->durable};
        streams_say(s, &taken);
    }
}

static void streams_on_taken(struct streams *s, const struct frame *f)
{
    struct outgoing *o = &s->pairs[f->from].outgoing[f->to_all];
    if (!o->opened || f->mark.n <= o->taken || f->mark.n >= o->next)
        return;
    o->taken = f->mark.n;
    o->moved_ns = env_mono_ns(s->uses.env);
    streams_leave_kept(s, f->from, f->to_all);
    if (o->next - o->taken <= STREAM_WINDOW / 2)
        streams_read(s);
}

/* The other shard started over: what was agreed with it is void. */
static void streams_renew(struct streams *s, uint16_t shard, uint64_t life)
{
    struct stream_pair *p = &s->pairs[shard];
    check(life > p->life || MUTANT(IGNORE_LIVES));
    p->life = life;
    for (int all = 0; all < 2; all++) {
        const struct stream *from = stream_find(s->uses.registry, shard, all);
        struct arriving *a = &p->arriving[all];
        p->outgoing[all].opened = false;
        p->outgoing[all].moved_ns = env_mono_ns(s->uses.env);
        streams_drop_window(s, a);
        a->standing = 0;
        a->expected = (from != NULL ? from->taken.n : 0) + 1;
        a->place = from != NULL ? from->taken.place : 0;
        a->pause_ns = STREAM_LOOK_NS;
        streams_name(s, shard, all);
    }
}

void streams_frame(struct streams *s, const struct frame *f)
{
    bool ours = f->from < s->uses.shards && f->to == s->uses.number;
    const char *fault = ours ? frame_fault(f) : "there are no such shards";
    if (fault != NULL) {
        streams_drop(s, f, fault);
        return;
    }
    struct stream_pair *p = &s->pairs[f->from];
    if (!s->running || (f->life < p->life && !MUTANT(IGNORE_LIVES)))
        return;
    if (f->life > p->life)
        streams_renew(s, f->from, f->life);
    switch (f->what) {
    case FRAME_NAME:
        streams_on_name(s, f);
        break;
    case FRAME_OPENED:
        streams_on_opened(s, f);
        break;
    case FRAME_SEND:
        streams_on_send(s, f);
        break;
    case FRAME_HEAD:
        streams_on_head(s, f);
        break;
    case FRAME_TAKEN:
        streams_on_taken(s, f);
        break;
    case FRAME_REACH:
    case FRAME_REACHED:
        break; /* contact.h */
    }
}

/* --- streams that stand still ----------------------------------------------------------------- */

/* false: nothing is to be waited for. */
static bool streams_look_at(struct streams *s, uint16_t other, bool to_all, uint64_t now_ns)
{
    const struct outgoing *o = &s->pairs[other].outgoing[to_all];
    const struct arriving *a = &s->pairs[other].arriving[to_all];
    bool on_their_way = o->opened && o->next > o->taken + 1;
    if (a->asked && now_ns >= a->again_ns)
        streams_name(s, other, to_all);
    if (on_their_way && now_ns - o->moved_ns >= STREAM_LOOK_NS) {
        struct frame head = {
            .what = FRAME_HEAD, .to = other, .to_all = to_all, .mark = {.n = o->next - 1}};
        streams_say(s, &head);
    }
    return a->asked || on_their_way || streams_behind(o);
}

static void streams_look(struct alarm *alarm)
{
    struct streams *s = container_of(alarm, struct streams, alarm);
    uint64_t now_ns = env_mono_ns(s->uses.env);
    bool again = false;
    for (uint16_t i = 0; i < s->uses.shards; i++)
        for (int all = 0; all < 2; all++)
            again |= streams_look_at(s, i, all, now_ns);
    streams_read(s);
    if (again)
        streams_watch(s);
}

/* --- the turns -------------------------------------------------------------------------------- */

static struct arriving *streams_window(struct streams *s, uint32_t number)
{
    uint32_t at = (s->first + number) % (2u * s->uses.shards);
    return &s->pairs[at / 2].arriving[at % 2];
}

struct incoming *streams_peek(struct streams *s, uint32_t *cursor)
{
    for (; *cursor < 2u * s->uses.shards; ++*cursor) {
        struct arriving *a = streams_window(s, *cursor);
        if (!fifo_empty(&a->window))
            return incoming_of(a->window.first);
    }
    return NULL;
}

void streams_pop(struct streams *s, const struct send_origin *origin)
{
    struct arriving *a = &s->pairs[origin->shard].arriving[origin->to_all];
    struct incoming *in = incoming_of(fifo_pop(&a->window));
    check(a->count > 0 && a->bytes >= in->bytes && s->waiting > 0);
    a->count--;
    a->bytes -= in->bytes;
    s->waiting--;
    incoming_free(in);
}
