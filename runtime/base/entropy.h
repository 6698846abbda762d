/* SPDX-License-Identifier: Apache-2.0 */
/* Entropy: bytes that nobody can foresee, of the system. For seeds; the simulated world takes its
 * own. */
#ifndef BASE_ENTROPY_H
#define BASE_ENTROPY_H

#include <stddef.h>

/* Any thread. Waits only while the machine starts up. */
void entropy_fill(void *bytes, size_t size);

#endif
