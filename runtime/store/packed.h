/* SPDX-License-Identifier: Apache-2.0 */
/* Packed values: columns of a row one behind the other in as few bytes as their values need. Used
 * by the row sorter, and by the embedded store for the columns of large tables by which nothing is
 * looked up: a row of three columns costs SQLite half of what one of seventeen does. The format is
 * stored, so it must not change:
 *
 *     a byte: type in the lower 3 bits (NULL 0, UINT 1, U128 2, ID 3, TEXT 4, BYTES 5), above them
 *             for numbers how many bytes follow (0 to 16)
 *     UINT, U128    these bytes, the lowest first
 *     ID            16 bytes, the highest first
 *     TEXT, BYTES   4 bytes of length, the lowest first, and the bytes */
#ifndef STORE_PACKED_H
#define STORE_PACKED_H

#include <stddef.h>

#include "runtime/store/views.h"

/* `columns`: bit n stands for row[n]. */

/* Room that packed_write() needs at most. */
size_t packed_size_max(const struct value *row, uint64_t columns);

/* Returns the end of what it wrote. */
uint8_t *packed_write(uint8_t *to, const struct value *row, uint64_t columns);

/* Returns the end of what it read, or NULL if that is not what packed_write() makes. Texts point
 * into the bytes. */
must_check const uint8_t *packed_read(const uint8_t *from, const uint8_t *end, struct value *row,
                                      uint64_t columns);

#endif
