/* SPDX-License-Identifier: Apache-2.0 */
/* Account views: the rows that follow from the events of accounts. */
#ifndef LEDGER_ACCOUNT_VIEWS_H
#define LEDGER_ACCOUNT_VIEWS_H

#include "runtime/actor/domain.h"

void account_opened_project(struct projection *p, const void *event, uint64_t time_ns);
void account_marked_project(struct projection *p, const void *event, uint64_t time_ns);
void account_updated_project(struct projection *p, const void *event, uint64_t time_ns);

/* The account's row as its state is now, for events of transfers that change its status. */
void account_put_row(struct projection *p, struct id128 id);

#endif
