/* SPDX-License-Identifier: Apache-2.0 */
/* Store position: a batch of a shard's journal, as stores name it. */
#ifndef STORE_STORE_POSITION_H
#define STORE_STORE_POSITION_H

#include <stdint.h>

#include "runtime/base/sha256.h"

struct store_position {
    uint64_t seq;              /* of the batch; 0 = none */
    struct sha256_digest hash; /* of that batch */
    uint64_t time_ns;          /* of the last event up to it; 0 where it is not known */
};

#endif
