/* SPDX-License-Identifier: Apache-2.0 */
/* Query count: how many things a list has in all, for a request that asks it (message_paging). It
 * runs the list's own query over its pages from the first, so that what is counted is what would be
 * shown, and stops behind QUERY_COUNT_ROWS_MAX rows: then there are at least as many. Read worker.
 */
#ifndef SHARD_QUERY_COUNT_H
#define SHARD_QUERY_COUNT_H

#include "runtime/shard/query_run.h"

#define QUERY_COUNT_ROWS_MAX 10000
#define QUERY_COUNT_BODY_MAX 512 /* bytes of a request's struct */
#define QUERY_COUNT_CURSOR_MAX 64

/* Does the request ask for it? */
bool query_count_wanted(const struct message *m);

/* After the page of the message was written: adds the total and whether it is exact. Returns the
 * code of what failed, else ERR_OK. */
uint16_t query_count(struct query_run *r, const struct query *query);

#endif
