/* SPDX-License-Identifier: Apache-2.0 */
/* CSV: the list of an answer as a table (RFC 4180), for spreadsheets: one line for each item, under
 * one with the names of the columns. The loop that the answer is written on. */
#ifndef GATEWAY_BRIDGE_CSV_H
#define GATEWAY_BRIDGE_CSV_H

#include <stdbool.h>

#include "runtime/base/arena.h"
#include "runtime/base/check.h"
#include "schemas/json_writer.h"
#include "schemas/route.h"

#define CSV_TYPE "text/csv; charset=utf-8; header=present"

/* What the writer has, the answer as JSON, becomes the table of its list. False without memory, or
 * if it is no such answer. */
must_check bool csv_write(const struct route_table *t, struct arena *a, struct json_writer *body);

#endif
