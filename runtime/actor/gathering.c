/* SPDX-License-Identifier: Apache-2.0 */
/* See gathering.h. */
#include "runtime/actor/gathering.h"

#include <stdlib.h>

#include "runtime/actor/node.h"

struct part {
    struct message message;
    struct gathering *gathering;
};

struct gathering {
    const struct gatherer *how;
    struct message *asked;
    uint16_t count, left; /* parts; those without an answer */
    struct part parts[];
};

static void join(struct gathering *g)
{
    struct message *m = g->asked;
    struct slice replies[NODE_SHARDS_MAX];
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
    m->code = g->how->join(replies, g->count, &m->reply);
    if (m->reply.failed)
        m->code = ERR_TOO_LARGE;
    if (m->code == ERR_OK)
        m->reply_type = g->parts[0].message.reply_type;
}

static void part_done(struct message *m)
{
    struct gathering *g = container_of(m, struct part, message)->gathering;
    if (--g->left > 0)
        return;
    join(g);
    struct message *asked = g->asked;
    for (uint16_t i = 0; i < g->count; i++)
        wire_writer_done(&g->parts[i].message.reply);
    free(g);
    asked->done(asked);
}

void gathering_start(struct node *n, struct loop *from, const struct gatherer *how,
                     struct message *m)
{
    uint16_t count = node_shards(n);
    struct gathering *g = calloc(1, sizeof *g + count * sizeof *g->parts);
    check(g != NULL);
    check(!m->type->mutates && !m->keyed);
    *g = (struct gathering){.how = how, .asked = m, .count = count, .left = count};
    m->home = from;
    for (uint16_t i = 0; i < count; i++) {
        struct message *part = &g->parts[i].message;
        g->parts[i].gathering = g;
        *part = *m;
        part->target = how->target(i);
        part->done = part_done;
        wire_writer_init(&part->reply, m->reply.len_max);
    }
    for (uint16_t i = 0; i < count; i++)
        node_post_to(n, from, &g->parts[i].message, i);
}
