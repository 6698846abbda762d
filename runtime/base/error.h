/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's own errors: what can go wrong with any message, whatever it is about. The domain's
 * refusals (insufficient funds, ...) start at 64 and are declared in schemas/errors.toml, which
 * repeats this list with HTTP status and wording; the generator asserts that both agree. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdint.h>

#include "runtime/base/check.h"

#define ERR_LIST(X)                                                                                \
    X(OK, 0, "ok")                                                                                 \
    X(BUSY, 1, "the actor's mailbox or the shard is full; retry later")                            \
    X(EXPIRED, 2, "the deadline passed before the message was executed")                           \
    X(UNAVAILABLE, 3, "the shard is recovering or stopped; retry with the same key")               \
    X(STORE_FULL, 4, "the store has no space left; reads continue")                                \
    X(NOT_FOUND, 5, "no such thing, or not yours")                                                 \
    X(KEY_REUSED, 6, "the idempotency key was used for another request")                           \
    X(MALFORMED, 7, "the bytes are not a valid message")                                           \
    X(TOO_LARGE, 8, "a limit on size or count was exceeded")                                       \
    X(QUARANTINED, 9, "the actor failed too often and awaits an operator")                         \
    X(SUSPENDED, 10, "the actor is suspended by an operator")                                      \
    X(FORBIDDEN, 11, "the caller may not do this")                                                 \
    X(NO_MEMORY, 12, "out of memory")                                                              \
    X(IO, 13, "the store failed")                                                                  \
    X(CORRUPT, 14, "stored data is damaged")                                                       \
    X(FENCED, 15, "another writer owns the shard")                                                 \
    X(UNKNOWN, 16, "the outcome of the commit is unknown")                                         \
    X(UNSUPPORTED, 17, "nobody handles this message")                                              \
    X(FAILED, 18, "the turn broke an invariant and was undone")                                    \
    X(IN_USE, 19, "the resource is held by another process")                                       \
    X(PRECONDITION, 20, "If-Match or If-None-Match rules out this version")                        \
    X(GONE, 47, "a file of the store was removed or replaced while in use")                        \
    X(JOURNAL_QUOTA, 48, "the tenant has used up its part of the journal; retry later")            \
    X(OUTCOME_PENDING, 49, "the work goes on; ask again with the same key")                        \
    X(SHARD_UNAVAILABLE, 50, "another shard that must help is out of reach; retry later")

/* Nobody forgets to look at one. */
enum must_check_type err {
#define X(name, number, text) ERR_##name = number,
    ERR_LIST(X)
#undef X
};

#define ERR_DOMAIN_FIRST 64 /* numbers from here on belong to schemas/errors.toml */

/* English text of a runtime error; "unknown error" beyond the list. Static storage. */
const char *err_text(enum err e);

#endif
