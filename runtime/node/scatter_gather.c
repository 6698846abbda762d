/* SPDX-License-Identifier: Apache-2.0 */
/* One block of memory has a copy of the message for each shard, deadline and all. The last answer
 * to come joins them, answers the message that was asked, and frees the block. */
#include "runtime/node/scatter_gather.h"

#include <stdlib.h>

#include "runtime/base/memory.h"
#include "runtime/base/mutant.h"
#include "runtime/node/shard_set.h"

struct part {
    struct message message;
    struct scatter_gather *gathering;
};

struct scatter_gather {
    const struct gatherer *how;
    struct message *asked;
    uint16_t count, left; /* parts; those without an answer */
    struct part parts[];
};

static void scatter_gather_join(struct scatter_gather *g)
{
    struct message *m = g->asked;
    struct slice replies[SHARD_SET_MAX];
    wire_writer_clear(&m->reply);
    m->code = ERR_OK;
    m->reply_type = 0;
    m->version = 0;
    m->retry_after_ms = 0;
    for (uint16_t i = 0; i < g->count; i++) {
        const struct message *part = &g->parts[i].message;
        replies[i] = wire_written(&part->reply);
        if (part->code != ERR_OK && m->code == ERR_OK) {
            m->code = part->code;
            m->retry_after_ms = part->retry_after_ms;
        }
    }
    if (m->code != ERR_OK)
        return;
    uint16_t count = (uint16_t)(g->count - MUTANT(FORGET_SHARD));
    m->code = g->how->join(replies, count, &m->reply);
    if (m->reply.failed)
        m->code = ERR_TOO_LARGE;
    if (m->code == ERR_OK)
        m->reply_type = g->parts[0].message.reply_type;
}

static void scatter_gather_free(struct scatter_gather *g)
{
    for (uint16_t i = 0; i < g->count; i++)
        wire_writer_done(&g->parts[i].message.reply);
    free(g);
}

static void scatter_gather_part_done(struct message *m)
{
    struct scatter_gather *g = container_of(m, struct part, message)->gathering;
    if (--g->left > 0)
        return;
    scatter_gather_join(g);
    struct message *asked = g->asked;
    asked->runtime.gathering = NULL;
    scatter_gather_free(g);
    asked->done(asked);
}

struct scatter_gather *scatter_gather_new(const struct gatherer *how, struct env *from,
                                          struct message *m, uint16_t count)
{
    check(count > 0 && count <= SHARD_SET_MAX);
    check(!m->type->mutates && !m->keyed);
    struct scatter_gather *g = memory_take_zeroed(1, sizeof *g + count * sizeof *g->parts);
    *g = (struct scatter_gather){.how = how, .asked = m, .count = count, .left = count};
    m->home = from;
    m->runtime.gathering = NULL;
    for (uint16_t i = 0; i < count; i++) {
        struct message *part = &g->parts[i].message;
        g->parts[i].gathering = g;
        *part = *m;
        part->target = how->target;
        part->done = scatter_gather_part_done;
        wire_writer_init(&part->reply, m->reply.len_max);
    }
    m->runtime.gathering = g;
    return g;
}

struct message *scatter_gather_part(struct scatter_gather *g, uint16_t shard)
{
    check(shard < g->count);
    return &g->parts[shard].message;
}

void scatter_gather_kill(struct message *m)
{
    if (m->runtime.gathering != NULL)
        scatter_gather_free(m->runtime.gathering);
    m->runtime.gathering = NULL;
}
