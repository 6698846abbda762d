/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays that grow. The owner has the array, the capacity and the count as plain members (in the
 * struct that it already has) and frees the array itself. Capacities double at least, so adding one
 * item at a time stays cheap.
 *
 * Two forms: the process ends where memory ends, which is the rule of runtime and actors
 * (memory.h); or the call fails, where the caller is the bridge's and can refuse. */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include <stddef.h>

#include "runtime/base/check.h"

/* Makes room for `needed` items: `items` (an lvalue, a typed pointer) may move, and `cap` (an
 * unsigned lvalue of any width) grows. The process ends without memory or if `cap` is too narrow.
 * The arguments are evaluated more than once. */
#define array_reserve(items, cap, needed)                                                          \
    do {                                                                                           \
        if ((needed) > (cap)) {                                                                    \
            size_t array_cap =                                                                     \
                array_larger((cap), (needed), sizeof *(items), (size_t)(__typeof__(cap))-1);       \
            (items) = array_resize((items), array_cap, sizeof *(items));                           \
            (cap) = (__typeof__(cap))array_cap;                                                    \
        }                                                                                          \
    } while (0)

/* Room for exactly `cap` items of this size, moved or not. Without memory the process ends. */
must_check void *array_resize(void *items, size_t cap, size_t size);

/* The form that can fail, for bytes: `bytes` with room for `needed`, which is more than `*cap`, and
 * at most `cap_max`. NULL without memory or beyond that; `bytes` and `*cap` are then as before. */
must_check void *array_try_grow(void *bytes, size_t *cap, size_t needed, size_t cap_max);

/* A capacity for `needed` items, larger than `cap`; at most `cap_max`, or the process ends. */
size_t array_larger(size_t cap, size_t needed, size_t size, size_t cap_max);

#endif
