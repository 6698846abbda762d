/* SPDX-License-Identifier: Apache-2.0 */
/* The node of payd: the store in the data directory, the services that live on it, and the
 * scheduler that runs them. */
#ifndef BIN_PAYD_NODE_H
#define BIN_PAYD_NODE_H

#include "runtime/actor/domain.h"
#include "runtime/node/node.h"

#define PAYD_ID_MAX 80 /* bytes of HOST:PID */

struct payd;

struct payd_node {
    char id[PAYD_ID_MAX]; /* name in the leases */
    struct domain domain;
    struct journal_store *journal_store;
    struct view_store *view_store;
    struct node *node;
    void (*failed)(struct payd *p);
};

/* Opens the store and makes the node; false after payd_fail(). The node runs no thread yet. Once it
 * does, failed(p) is called on loop 0 when a shard had to stop. */
must_check bool payd_node_make(struct payd *p, void (*failed)(struct payd *p));

/* After node_run(). */
void payd_node_free(struct payd_node *n);

#endif
