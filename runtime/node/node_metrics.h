/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics of a node: its process, shards and kinds of actors. */
#ifndef NODE_NODE_METRICS_H
#define NODE_NODE_METRICS_H

#include "runtime/node/node.h"
#include "runtime/observe/metrics.h"

/* Any thread. Appends the families; statistics of shards are at most NODE_PUBLISH_NS old. */
void node_metrics(struct node *n, struct metrics *m);

#endif
