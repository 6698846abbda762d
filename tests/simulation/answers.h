/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: what may be said. A decision only when it is durable, always the same one for a key, and
 * balances only as they durably were. */
#ifndef SIMULATION_ANSWERS_H
#define SIMULATION_ANSWERS_H

#include "tests/simulation/run.h"

/* A decided answer came. */
/* It was not executed, by what is said. */
void answers_check_expired(const struct run *run, const struct request *q);

/* The work goes on, or its actor waits for an operator: may it be so? */
void answers_check_later(struct run *run, const struct request *q, const struct message *m);

void answers_check(struct run *run, const struct request *q, struct message *m);

/* It was refused because its tenant has used up its quota of the journal: rightly? */
void answers_check_quota(struct run *run, const struct request *q, const struct message *m);

/* The record of a request became durable: did it do what was asked for, no more and no less? */
void answers_check_record(const struct request *q, const struct history_record *record);

#endif
