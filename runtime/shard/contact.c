/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/shard/contact.h"

#include "runtime/shard/streams.h"

static void contact_ask(struct alarm *a);

void contact_init(struct contact *c, struct streams *streams)
{
    check(streams != NULL && streams->uses.domain != NULL);
    *c = (struct contact){.streams = streams, .alarm.fire = contact_ask};
    for (uint16_t kind = 0; kind < KIND_MAX; kind++) {
        const struct actor_kind *k = streams->uses.domain->kinds[kind];
        c->needed |= k != NULL && k->everywhere;
    }
}

static void contact_say(const struct contact *c, struct frame *f)
{
    const struct streams *s = c->streams;
    check(f->to < s->uses.shards);
    f->from = s->uses.number;
    f->life = s->life;
    f->to_all = true;
    s->uses.transport.send(s->uses.transport.context, f);
}

static void contact_ask(struct alarm *a)
{
    struct contact *c = container_of(a, struct contact, alarm);
    struct env *env = c->streams->uses.env;
    struct frame ask = {.what = FRAME_REACH, .to = CONTACT_HOME, .time_ns = env_mono_ns(env)};
    if (!c->answered && c->pause_ns < CONTACT_PAUSE_MAX_NS)
        c->pause_ns *= 2;
    else if (c->answered)
        c->pause_ns = CONTACT_ASK_NS;
    c->answered = false;
    env_alarm_set(env, a, ask.time_ns + c->pause_ns);
    if (c->streams->running)
        contact_say(c, &ask);
}

void contact_start(struct contact *c)
{
    check(c->streams->running);
    c->life = c->streams->life;
    c->known_ns = c->asked_ns = c->wanted_n = 0;
    c->answered = true;
    if (c->needed)
        contact_ask(&c->alarm);
}

void contact_stop(struct contact *c)
{
    check(c->streams != NULL);
    env_alarm_stop(c->streams->uses.env, &c->alarm);
}

/* How many sends of shard 0 to all are durable here. */
static uint64_t contact_taken(const struct contact *c)
{
    return c->streams->pairs[CONTACT_HOME].arriving[1].durable.n;
}

static void contact_settle(struct contact *c)
{
    if (c->wanted_n == 0 || contact_taken(c) < c->wanted_n)
        return;
    check(c->asked_ns > c->known_ns);
    c->known_ns = c->asked_ns;
    c->wanted_n = 0;
}

/* Answers may overtake each other, and whoever asks later is never told of fewer sends. */
static void contact_on_reached(struct contact *c, const struct frame *f)
{
    check(f->to_life == c->life);
    contact_settle(c);
    c->answered = true;
    if (f->time_ns <= c->known_ns || f->time_ns > env_mono_ns(c->streams->uses.env))
        return;
    if (f->mark.n <= contact_taken(c)) {
        c->known_ns = f->time_ns;
        c->wanted_n = c->asked_ns > f->time_ns ? c->wanted_n : 0;
    } else if (c->wanted_n == 0) {
        c->asked_ns = f->time_ns;
        c->wanted_n = f->mark.n;
    }
}

void contact_frame(struct contact *c, const struct frame *f)
{
    const struct streams *s = c->streams;
    if (!s->running || f->from >= s->uses.shards || f->to != s->uses.number)
        return;
    if (f->what == FRAME_REACH && s->uses.number == CONTACT_HOME) {
        /* What the journal has, it has, whether the two have agreed on their streams or not. */
        struct frame answer = {.what = FRAME_REACHED,
                               .to = f->from,
                               .to_life = f->life,
                               .time_ns = f->time_ns,
                               .mark.n = s->pairs[CONTACT_HOME].outgoing[1].durable};
        contact_say(c, &answer);
    } else if (f->what == FRAME_REACHED && f->from == CONTACT_HOME && f->to_life == c->life) {
        contact_on_reached(c, f);
    }
}

uint64_t contact_age_ns(const struct contact *c)
{
    uint64_t now_ns = env_mono_ns(c->streams->uses.env);
    bool settled = c->wanted_n != 0 && contact_taken(c) >= c->wanted_n;
    uint64_t known_ns = settled ? c->asked_ns : c->known_ns;
    bool known = c->streams->running && known_ns != 0 && c->life == c->streams->life;
    check(!known || known_ns <= now_ns);
    return known ? now_ns - known_ns : UINT64_MAX;
}
