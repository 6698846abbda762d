/* SPDX-License-Identifier: Apache-2.0 */
/* Units of time. All times and durations of the platform are unsigned nanoseconds unless their name
 * says otherwise (_ms, _s); which clock they are of, monotonic or wall, the owner says (env.h). */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdint.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_HOUR (3600 * NS_PER_S)
#define NS_PER_DAY (24 * NS_PER_HOUR)

#endif
