/* SPDX-License-Identifier: Apache-2.0 */
/* Owner id: who owns things of a tenant: a hash of both names. What belongs to one owner has its
 * slot, so that it is in one shard. */
#ifndef COMMON_OWNER_ID_H
#define COMMON_OWNER_ID_H

#include "runtime/base/id128.h"
#include "runtime/base/principal.h"
#include "runtime/base/slice.h"

/* As the bridge makes it for the caller (principal.h), of this user of the caller's tenant. */
struct id128 owner_id_of(const struct principal *who, struct slice user_id);

#endif
