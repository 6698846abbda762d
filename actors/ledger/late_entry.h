/* SPDX-License-Identifier: Apache-2.0 */
/* Late entry: one that counts, by effective or by recorded time, before its place among the entries
 * of its account. A balance of a moment adds those that count by then and stand later. */
#ifndef LEDGER_LATE_ENTRY_H
#define LEDGER_LATE_ENTRY_H

#include "runtime/base/time.h"
#include "schemas/ledger.h"

/* Late entries are kept apart by how late they are, so that a balance looks only at places which
 * are that soon after its moment. The last has no end. */
#define LATE_ENTRY_SPANS 4

static inline uint64_t late_entry_span_ns(unsigned span)
{
    static const uint64_t spans[LATE_ENTRY_SPANS] = {NS_PER_S, 60 * NS_PER_S, 3600 * NS_PER_S,
                                                     UINT64_MAX};
    check(span < LATE_ENTRY_SPANS);
    return spans[span];
}

#endif
