/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_bridge/http/peers.h"

#include <stdlib.h>
#include <string.h>

#define CHAINS 4096 /* a power of two: for some ten thousand connections */

bool peers_init(struct peers *p, uint64_t seed)
{
    *p = (struct peers){calloc(CHAINS, sizeof *p->chains), seed};
    return p->chains != NULL;
}

void peers_done(struct peers *p)
{
    free(p->chains);
    p->chains = NULL;
}

static struct peer **peers_chain(struct peers *p, const struct address *a)
{
    uint64_t halves[2], hash = p->seed;
    memcpy(halves, a->bytes, sizeof halves);
    for (size_t i = 0; i < array_len(halves); i++) {
        hash = (hash ^ halves[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return &p->chains[(hash ^ p->seed >> 17) & (CHAINS - 1)];
}

struct peer *peers_enter(struct peers *p, const struct address *a)
{
    struct peer **chain = peers_chain(p, a), *peer = *chain;
    while (peer != NULL && !address_equal(&peer->address, a))
        peer = peer->next;
    if (peer == NULL) {
        peer = calloc(1, sizeof *peer);
        if (peer == NULL)
            return NULL;
        peer->address = *a;
        list_init(&peer->silent);
        peer->next = *chain;
        *chain = peer;
    }
    peer->connections++;
    return peer;
}

void peers_leave(struct peers *p, struct peer *peer)
{
    check(peer->connections > 0);
    if (--peer->connections > 0)
        return;
    check(list_empty(&peer->silent));
    struct peer **at = peers_chain(p, &peer->address);
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    free(peer);
}
