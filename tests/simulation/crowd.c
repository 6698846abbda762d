/* SPDX-License-Identifier: Apache-2.0 */
/* All are sent where their shard is, so that none is on its way while others are read. The bounds:
 * lists take turns, some small ones to a turn, and two are with the worker already; who
 * is gone is noticed by the next look, but for those with the worker, which come back with it. */
#include "tests/simulation/crowd.h"

#include "runtime/base/time.h"
#include "schemas/result.h"
#include "tests/simulation/verdict.h"
#include "tests/simulation/workload.h"

#define CROWD_REPLY_MAX ((size_t)1 << 20)
/* the ways of two lists to the worker and back, and what else that has to do */
#define CROWD_JOBS 8

static void crowd_member_answered(struct message *m)
{
    struct crowd_member *member = container_of(m, struct crowd_member, message);
    struct crowd *c = member->crowd;
    member->answered = true;
    if (member == &c->alone)
        c->before = c->answered;
    c->answered++;
}

static void crowd_send(struct crowd *c, struct crowd_member *member, const char *client)
{
    struct run *run = c->run;
    member->crowd = c;
    member->message = (struct message){
        .type = &accounts_list_type,
        .body = &c->asked,
        .who = workload_clerk(run),
        .done = crowd_member_answered,
        .gone = member == &c->alone ? NULL : &c->gone,
    };
    member->message.who.client = slice_of(client);
    wire_writer_init(&member->message.reply, CROWD_REPLY_MAX);
    uint16_t shard = run_home(run, member->message.who.tenant_id);
    shard_set_post(run->shard_set, shard_set_env(run->shard_set, shard), &member->message);
}

void crowd_gather(struct crowd *c, struct run *run)
{
    *c = (struct crowd){.run = run};
    world_note(&run->world, "crowd", CROWD_LISTS, 0);
    for (uint32_t i = 0; i < CROWD_LISTS; i++)
        crowd_send(c, &c->many[i], "crowd");
    crowd_send(c, &c->alone, "alone");
    run->cover.faults[COVER_CROWD]++;
}

/* What is left of the many is read for nobody. */
static void crowd_hang_up(struct crowd *c)
{
    if (c->before > CROWD_BEFORE)
        broken("%u lists of one caller were read before the only one of another", c->before);
    if (c->alone.message.code != RESULT_OK)
        broken("the only list of a caller was answered %u", c->alone.message.code);
    c->gone = true;
    c->gone_ns = c->run->world.now_ns;
}

static uint64_t crowd_leaves_by(const struct crowd *c)
{
    const struct swarm *s = &c->run->swarm;
    uint64_t loop_ns = (s->lag_ns + s->pass_ns) * CROWD_JOBS;
    uint64_t factor = s->loops > 1 ? s->slow_factor : 1;
    return c->gone_ns + 2 * VIEW_READ_LOOK_NS + loop_ns + s->reads.max_ns * factor * CROWD_JOBS;
}

bool crowd_left(struct crowd *c)
{
    if (c->alone.answered && c->gone_ns == 0)
        crowd_hang_up(c);
    if (c->answered == CROWD_LISTS + 1)
        return true;
    if (c->gone_ns != 0 && c->run->world.now_ns > crowd_leaves_by(c))
        broken("%u lists are still kept for a caller who has hung up",
               CROWD_LISTS + 1 - c->answered);
    return false;
}

void crowd_free(struct crowd *c)
{
    for (uint32_t i = 0; i < CROWD_LISTS; i++)
        wire_writer_done(&c->many[i].message.reply);
    wire_writer_done(&c->alone.message.reply);
}
