/* SPDX-License-Identifier: Apache-2.0 */
/* Frames are mailed as between the loops of a process (frame_mail.h), but to an env of the network,
 * which lets each item arrive at a time of its own. */
#include "tests/simulation/network.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/node/frame_mail.h"
#include "tests/simulation/run.h"

#define STRAGGLER_ONE_IN 8 /* frames that take so many times longer */
#define STRAGGLER_FACTOR 40
#define OUTLASTING_NS ((uint64_t)2000000000)
#define QUIET_DELAY_NS ((uint64_t)20000)

struct packet {
    struct list link;
    struct network *network;
    struct inbox_item *item;
};

static void packet_arrive(void *context)
{
    struct packet *p = context;
    list_remove(&p->link);
    p->item->deliver(p->item);
    free(p);
}

/* Where a journal loses its end, some frames of before must come later. */
static uint64_t network_outlasting(struct run *run)
{
    return run->swarm.loses_end ? rng_below(&run->net_rng, OUTLASTING_NS) : 0;
}

static void network_mail(struct env *e, struct inbox_item *item)
{
    struct network *n = container_of(e, struct network, env);
    struct run *run = n->run;
    struct packet *p = calloc(1, sizeof *p);
    check(p != NULL);
    *p = (struct packet){.network = n, .item = item};
    list_append(&n->packets, &p->link);
    /* In the quiet phase none overtakes another. */
    uint64_t delay_ns =
        run->quiet ? QUIET_DELAY_NS : rng_below(&run->net_rng, run->swarm.frame_ns + 1);
    if (!run->quiet && rng_below(&run->net_rng, STRAGGLER_ONE_IN) == 0)
        delay_ns = delay_ns * STRAGGLER_FACTOR + network_outlasting(run);
    world_at(&run->world, run->world.now_ns + 1 + delay_ns, packet_arrive, p);
}

static bool network_is_cut(const struct network *n, const struct frame *f)
{
    uint64_t now_ns = n->run->world.now_ns;
    return f->from != f->to && (now_ns < n->cut_ns[f->from] || now_ns < n->cut_ns[f->to] ||
                                network_is_deaf(n, f->from, f->to));
}

static void network_deliver(void *context, const struct frame *f)
{
    struct network *n = context;
    struct run *run = n->run;
    if (run->shard_set == NULL || run->ended)
        return;
    if (network_is_cut(n, f)) {
        run->cover.faults[COVER_CUT_OFF]++;
        return;
    }
    world_note(&run->world, "frame", (uint64_t)f->what << 32 | f->from, f->to);
    shard_frame(shard_set_shard(run->shard_set, f->to), f);
    env_wake(shard_set_env(run->shard_set, f->to));
}

static void network_send(void *context, const struct frame *f)
{
    struct network *n = context;
    struct run *run = n->run;
    if (run->ended)
        return;
    if (run->quiet && f->what == FRAME_REACH)
        return; /* so that the pauses grow */
    if (!run->quiet && rng_chance(&run->net_rng, run->swarm.frame_lost_ppm)) {
        run->cover.faults[COVER_FRAME_LOST]++;
        return;
    }
    frame_mail_send(&n->env, f, network_deliver, n);
    if (run->quiet || !rng_chance(&run->net_rng, run->swarm.frame_twice_ppm))
        return;
    run->cover.faults[COVER_FRAME_TWICE]++;
    frame_mail_send(&n->env, f, network_deliver, n);
}

void network_init(struct network *n, struct run *run)
{
    static const struct env_ops ops = {.mail = network_mail};
    *n = (struct network){.env.ops = &ops, .run = run};
    list_init(&n->packets);
}

void network_done(struct network *n)
{
    check(n->run->shard_set == NULL);
    while (!list_empty(&n->packets))
        packet_arrive(container_of(n->packets.next, struct packet, link));
}

struct transport network_transport(struct network *n)
{
    return (struct transport){network_send, n};
}

void network_cut(struct network *n, uint16_t shard, uint64_t span_ns)
{
    n->cut_ns[shard] = n->run->world.now_ns + span_ns;
}

void network_deafen(struct network *n, uint16_t from, uint16_t to, uint64_t span_ns)
{
    check(from != to);
    n->deaf_ns[from][to] = n->run->world.now_ns + span_ns;
}

bool network_is_deaf(const struct network *n, uint16_t from, uint16_t to)
{
    return n->run->world.now_ns < n->deaf_ns[from][to];
}

void network_heal(struct network *n)
{
    memset(n->cut_ns, 0, sizeof n->cut_ns);
    memset(n->deaf_ns, 0, sizeof n->deaf_ns);
}
