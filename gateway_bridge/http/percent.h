/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoded text of paths, queries and forms (RFC 3986 section 2.1). Any thread. */
#ifndef HTTP_PERCENT_H
#define HTTP_PERCENT_H

#include <stdbool.h>

#include "runtime/base/check.h"
#include "runtime/base/slice.h"

/* Decodes to `out`, which has coded.len bytes and may be where `coded` lies; `plus`: '+' is a
 * blank. false if a '%' is not followed by two hex digits. */
must_check bool percent_decode(struct slice coded, bool plus, char *out, uint32_t *len);

#endif
