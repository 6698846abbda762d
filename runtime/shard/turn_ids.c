/* SPDX-License-Identifier: Apache-2.0 */
/* Ids that a turn makes, and where what has an id is at home. All ids of a message are made of one
 * time and one draw, kept with the message, so that a turn that is run again makes the same ones;
 * the bits of the draw that they leave out choose a slot. */
#include "runtime/shard/shard_priv.h"

#define TURN_IDS_APART 0x9E3779B97F4A7C15u /* between the random parts of ids of one turn */
/* The 16 bits after an id's milliseconds are their fraction: the ids of a shard rise in the order
 * they were drawn, and lists show what came first. The step is the smallest difference that they
 * can show. */
#define TURN_IDS_STEP_NS 16

/* What all ids of the message are made of. */
static struct message *turn_draw_ids(struct turn *t)
{
    struct shard *s = t->shard;
    struct message *m = t->message;
    if (!m->drew_ids) {
        m->drew_ids = true;
        m->runtime.ids_ns = s->clock.now_ns > s->ids_ns ? s->clock.now_ns : s->ids_ns;
        m->runtime.ids_random = env_random(s->env);
    }
    return m;
}

struct id128 turn_new_id(struct turn *t, uint16_t slot)
{
    struct shard *s = t->shard;
    struct message *m = turn_draw_ids(t);
    uint64_t ns = m->runtime.ids_ns + (uint64_t)t->ids * TURN_IDS_STEP_NS;
    check(ns >= m->runtime.ids_ns);
    if (s->ids_ns < ns + TURN_IDS_STEP_NS)
        s->ids_ns = ns + TURN_IDS_STEP_NS;
    uint64_t random = m->runtime.ids_random + t->ids++ * TURN_IDS_APART;
    uint64_t fraction = (ns % NS_PER_MS << 16) / NS_PER_MS;
    return id128_make(ns / NS_PER_MS, fraction << 48 | random >> 16, slot);
}

/* By the bits that the ids leave out. */
uint16_t turn_any_slot(struct turn *t)
{
    const struct shard_options *o = &t->shard->options;
    check(o->number < o->slots->shards);
    return slot_range_pick(o->slots->ranges[o->number],
                           (uint16_t)turn_draw_ids(t)->runtime.ids_random);
}

uint16_t turn_slot_of(struct turn *t, struct id128 id)
{
    return turn_at_home(t, id) ? id128_slot(id) : turn_any_slot(t);
}

uint16_t turn_shard(struct turn *t)
{
    return t->shard->options.number;
}

const struct slot_map *turn_slots(struct turn *t)
{
    return t->shard->options.slots;
}

bool turn_at_home(struct turn *t, struct id128 id)
{
    const struct shard_options *o = &t->shard->options;
    check(o->number < o->slots->shards);
    return slot_range_has(o->slots->ranges[o->number], id128_slot(id));
}
