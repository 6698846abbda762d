/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4), from libcrypto: it uses the processor's SHA instructions, which mbedTLS
 * 2.28 does not (the measured ratio is in ARCHITECTURE.md). */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/id128.h"
#include "runtime/base/slice.h"

#define SHA256_SIZE 32

struct sha256_digest {
    uint8_t bytes[SHA256_SIZE];
};

/* Hash of the concatenation of `count` pieces. Any thread. */
struct sha256_digest sha256(const struct slice *pieces, size_t count);

/* First 128 bits of the hash, as a key. */
struct id128 sha256_id(const struct slice *pieces, size_t count);

#endif
