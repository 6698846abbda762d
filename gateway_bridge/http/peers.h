/* SPDX-License-Identifier: Apache-2.0 */
/* Peers: the addresses that a server's clients come from, with the connections that each has. An
 * address is known as long as it has one. Loop thread only. */
#ifndef HTTP_PEERS_H
#define HTTP_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway_bridge/http/address.h"
#include "runtime/base/list.h"

struct peer {
    struct peer *next; /* with the same hash */
    struct address address;
    uint32_t connections;
    bool trusted;       /* a gateway: its connections are other clients' */
    struct list silent; /* those that have not sent a byte, oldest first; the server's */
};

struct peers {
    struct peer **chains;
    uint64_t seed; /* clients choose their addresses, but not what falls together */
};

/* False without memory. */
must_check bool peers_init(struct peers *p, uint64_t seed);
void peers_done(struct peers *p); /* all have left */

/* One connection more of this address; NULL without memory. */
must_check struct peer *peers_enter(struct peers *p, const struct address *a);
/* One less. */
void peers_leave(struct peers *p, struct peer *peer);

#endif
