/* SPDX-License-Identifier: Apache-2.0 */
/* Crowd: one caller asks for many lists at once, another one of the same tenant for a single list,
 * and then the first one hangs up. Run while nothing fails and the views show all, so that it is
 * known when each must be answered. */
#ifndef SIMULATION_CROWD_H
#define SIMULATION_CROWD_H

#include "tests/simulation/run.h"

#define CROWD_LISTS 40
#define CROWD_BEFORE 12 /* of these at most are answered before the single one */

struct crowd_member {
    struct message message;
    struct crowd *crowd;
    bool answered;
};

struct crowd {
    struct run *run;
    struct accounts_list asked;
    atomic_bool gone;  /* the caller with the many */
    uint64_t gone_ns;  /* when that hung up; 0 = not yet */
    uint32_t answered; /* of all */
    uint32_t before;   /* of these, when the single one was */
    struct crowd_member alone, many[CROWD_LISTS];
};

/* Sends all lists. The crowd stays where it is until crowd_left(). */
void crowd_gather(struct crowd *c, struct run *run);

/* After each step: are all answered? broken() says what took too long, or came in a wrong order. */
bool crowd_left(struct crowd *c);

void crowd_free(struct crowd *c);

#endif
