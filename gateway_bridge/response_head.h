/* SPDX-License-Identifier: Apache-2.0 */
/* Response head: status line and header fields of an answer. Loop's thread; not for anyone outside
 * the bridge. */
#ifndef GATEWAY_BRIDGE_RESPONSE_HEAD_H
#define GATEWAY_BRIDGE_RESPONSE_HEAD_H

#include <stdint.h>

#include "runtime/base/slice.h"

struct exchange;
struct json_writer;

/* The scope that is missing: the operation's, or for an actor the one for things of others. */
const char *response_scope(const struct exchange *x);

/* Appends the head. The body is what stands in the bridge's body and `tail`. */
void response_put_head(const struct exchange *x, uint16_t status, const char *content_type,
                       struct slice tail, struct json_writer *out);

#endif
