/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/common/owner_id.h"

#include "runtime/base/array.h"
#include "runtime/base/sha256.h"

struct id128 owner_id_of(const struct principal *who, struct slice user_id)
{
    const struct slice pieces[] = {who->tenant, {"", 1}, user_id};
    return sha256_id(pieces, array_len(pieces));
}
