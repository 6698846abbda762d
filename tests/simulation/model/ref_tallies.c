/* SPDX-License-Identifier: Apache-2.0 */
/* See ref_tallies.h. */
#include "tests/simulation/model/ref_tallies.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/array.h"
#include "runtime/base/error.h"
#include "tests/simulation/verdict.h"

#define COINS 1 /* the name of their unit */

void ref_tallies_init(struct ref_tallies *r, struct ref_crossing *crossing)
{
    *r = (struct ref_tallies){.crossing = crossing};
    for (uint32_t i = 0; i < TALLIES_MAX; i++)
        r->coins[i] = TALLY_COINS;
}

void ref_tallies_done(struct ref_tallies *r)
{
    free(r->moves);
}

static void next_number(uint64_t *last, uint64_t n, const char *what)
{
    if (n != *last + 1)
        broken("%s number %llu comes after %llu", what, (unsigned long long)n,
               (unsigned long long)*last);
    *last = n;
}

static struct ref_unit *coins_of(struct ref_tallies *r)
{
    return ref_crossing_unit(r->crossing, COINS);
}

static void ref_tallies_keep(struct ref_tallies *r, uint16_t shard, const struct tally_move *m,
                             int64_t sign)
{
    int64_t given = m->deltas[m->step] < 0 ? -m->deltas[m->step] : 0;
    r->kept[tally_index(m->target)] += sign * given;
    coins_of(r)->kept[shard] += sign * given;
}

static void ref_tallies_post(struct ref_tallies *r, uint16_t shard, const struct tally_move *m)
{
    uint32_t i = tally_index(m->target);
    r->coins[i] += m->deltas[m->step];
    coins_of(r)->own[shard] += m->deltas[m->step];
    if (r->kept[i] < 0 || r->coins[i] < r->kept[i])
        broken("a tally of shard %u promises more than it has", shard);
}

static void ref_tallies_decided(struct ref_tallies *r, uint16_t shard, const struct tally_move *m)
{
    ref_tallies_post(r, shard, m);
    for (uint64_t i = 0; i < m->step; i++)
        coins_of(r)->transit[shard][m->shards[i]] += m->deltas[i];
}

static void ref_tallies_followed(struct ref_tallies *r, uint16_t shard, const struct tally_move *m)
{
    ref_tallies_keep(r, shard, m, -1);
    if (m->code != ERR_OK)
        return;
    ref_tallies_post(r, shard, m);
    coins_of(r)->transit[shard][m->shards[m->count - 1]] -= m->deltas[m->step];
}

static void ref_tallies_settled(struct ref_tallies *r, const struct tally_move *m)
{
    if (ref_tallies_move(r, m->move) != NULL)
        broken("a move has two outcomes");
    array_reserve(r->moves, r->move_cap, r->move_count + 1);
    r->moves[r->move_count++] = (struct ref_move){m->move, (uint16_t)m->code};
}

bool ref_tallies_event(struct ref_tallies *r, uint16_t shard, const struct message_type *type,
                       const void *event)
{
    const struct tally_note *note = event;
    const struct tally_news *news = event;
    if (type == &note_left_type)
        next_number(&r->left[tally_index(note->from)][tally_index(note->to)], note->n, "left note");
    else if (type == &note_heard_type)
        next_number(&r->heard[tally_index(note->from)][tally_index(note->to)], note->n,
                    "heard note");
    else if (type == &news_told_type)
        next_number(&r->told[tally_index(news->tally)], news->n, "told news");
    else if (type == &news_heard_type)
        next_number(&r->read[shard][tally_index(news->tally)], news->n, "heard news");
    else if (type == &coins_kept_type)
        ref_tallies_keep(r, shard, event, 1);
    else if (type == &coins_decided_type)
        ref_tallies_decided(r, shard, event);
    else if (type == &coins_followed_type)
        ref_tallies_followed(r, shard, event);
    else if (type == &move_settled_type)
        ref_tallies_settled(r, event);
    else
        return false;
    return true;
}

bool ref_tallies_decides(const struct record_send *send, uint64_t *unit, ref_amount *amount)
{
    struct tally_move m = {0};
    struct wire_reader wire;
    if (send->type != tally_follow_type.number)
        return false;
    wire_reader_init(&wire, send->message.data, send->message.len);
    if (!tally_follow_type.read(&wire, NULL, &m))
        broken("a send cannot be read");
    *unit = COINS;
    *amount = m.deltas[m.step];
    return m.code == ERR_OK;
}

const struct ref_move *ref_tallies_move(const struct ref_tallies *r, struct id128 id)
{
    for (uint32_t i = r->move_count; i-- > 0;)
        if (id128_equal(r->moves[i].id, id))
            return &r->moves[i];
    return NULL;
}

void ref_tallies_check_end(const struct ref_tallies *r, uint16_t shards)
{
    if (memcmp(r->left, r->heard, sizeof r->left) != 0)
        broken("notes did not arrive");
    for (uint16_t i = 0; i < shards; i++)
        if (memcmp(r->told, r->read[i], sizeof r->told) != 0)
            broken("news did not reach shard %u", i);
}
