/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (RFC 3629; Unicode 15, table 3-7): no overlong form, no surrogate, nothing beyond
 * U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at `at`, of which `left` bytes (at least 1) may be read; 0 if what stands
 * there is not well-formed. */
size_t utf8_len(const uint8_t *at, size_t left);

/* The code point of a well-formed character of `len` bytes. */
uint32_t utf8_code(const uint8_t *at, size_t len);

/* Is the whole text well-formed? */
bool utf8_valid(const uint8_t *at, size_t left);

#endif
