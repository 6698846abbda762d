/* SPDX-License-Identifier: Apache-2.0 */
/* Shortage: counts what the node takes of memory, and says at which allocation there is none left.
 *
 * A process without memory ends there (runtime/base/memory.h): what it asked of the store before is
 * done, nothing after. Here its code cannot be left in the middle without leaking, so it gets the
 * memory and runs on to the end of the event, while nothing that it does reaches the store or a
 * client; then it is killed. */
#ifndef SIMULATION_SHORTAGE_H
#define SIMULATION_SHORTAGE_H

#include <stdint.h>

struct shortage {
    uint64_t left; /* allocations until the one that fails, with it; 0: none will */
    void (*met)(void *context);
    void *context;
};

/* Counts from now on until shortage_leave(); one at a time. */
void shortage_watch(struct shortage *s);
void shortage_leave(void);

#endif
