/* SPDX-License-Identifier: Apache-2.0 */
/* base64url without padding (RFC 4648 section 5), strict: one text for one value. */
#ifndef BASE_BASE64URL_H
#define BASE_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/slice.h"

/* Characters that `size` bytes take, without NUL. */
#define BASE64URL_LEN(size) (((size) * 4 + 2) / 3)

/* Decodes into out[out_max]. false on padding, foreign characters, a length of 4n + 1, bits beyond
 * the last byte, or more than out_max bytes; *len is then untouched. */
must_check bool base64url_decode(struct slice text, uint8_t *out, size_t out_max, uint32_t *len);

/* Writes BASE64URL_LEN(size) characters, no NUL; returns their number. */
size_t base64url_encode(const uint8_t *bytes, size_t size, char *out);

#endif
