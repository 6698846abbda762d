/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as hexadecimal digits, the most significant first. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0 to 15 for a digit of either case, -1 for another character. */
int hex_value(char digit);

/* Writes two digits in lower case for each of `len` bytes, no NUL: `text` has room for 2 * len. */
void hex_write(const uint8_t *bytes, size_t len, char *text);

/* Reads `len` bytes from 2 * len digits. Only lower case, so that bytes have one spelling; false
 * where another character stands, and `bytes` is then undefined. */
bool hex_read(const char *text, size_t len, uint8_t *bytes);

#endif
