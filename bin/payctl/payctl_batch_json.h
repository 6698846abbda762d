/* SPDX-License-Identifier: Apache-2.0 */
/* A batch of the journal as JSON: its head, then each record with its time, key, events and answer,
 * all by the declarations of their messages. Of a damaged one, what can be read. */
#ifndef PAYCTL_PAYCTL_BATCH_JSON_H
#define PAYCTL_PAYCTL_BATCH_JSON_H

#include "runtime/journal/batch_copy.h"
#include "schemas/json_writer.h"

/* Puts one object. Events and answers that cannot be read are given as their bytes. */
void batch_json_put(struct json_writer *w, const struct batch_copy *c);

#endif
