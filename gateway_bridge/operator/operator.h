/* SPDX-License-Identifier: Apache-2.0 */
/* Operator: answers what comes over the operators' link (runtime/link/link_server.h). Messages to
 * the kind `node` it answers itself, from the shards' inspection; all others it passes on to actors
 * on behalf of an operator, who may see every owner's things of the tenant named in the envelope.
 * On the thread of the loop it was made for; what runs on a shard is sent to the thread of
 * the shard's loop and back. */
#ifndef OPERATOR_OPERATOR_H
#define OPERATOR_OPERATOR_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"

#define OPERATOR_TENANT "default"   /* of an envelope without one, as of a token without one */
#define OPERATOR_DEADLINE_MS 30000  /* of an envelope without one */
#define OPERATOR_VERIFY_STEP 40000 /* events and records of one step, some 20 ms */

struct loop;
struct node;
struct operator;
struct registry;
struct revocations;
struct journal_store;
struct view_store;
struct verify_info;

struct operator_options {
    struct node *node; /* outlives the operator, as do all pointers here */
    struct loop *loop;
    struct journal_store *journal_store;
    struct view_store *view_store;
    struct revocations *revocations;
    const char *path;    /* of the Unix socket */
    const char *version; /* of the program */
    /* Adds a verified shard's totals to info->totals, which has room for all currencies. On a
     * thread of the operator's own. */
    void (*totals)(struct registry *r, struct verify_info *info);
};

/* Listens. NULL, with one line in reason, if it cannot. */
must_check struct operator *operator_new(const struct operator_options *options, char *reason,
                                         size_t reason_size);

/* No new requests; those in work are answered, while the node still runs. `stopped` runs when they
 * are and the operator has freed itself. */
void operator_stop(struct operator *o, void (*stopped)(void *context), void *context);

#endif
