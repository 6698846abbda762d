/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that are not the store's own: crashes, jumps of the clock, a disk that has room again. */
#ifndef SIMULATION_FAULTS_H
#define SIMULATION_FAULTS_H

#include "tests/simulation/run.h"

/* What may happen after each event of the world. */
void faults_after_step(struct run *run);
must_check bool faults_crash_now(struct run *run);

/* From now on nothing fails. */
void faults_stop(struct run *run);

/* The shard runs and nothing fails any more: whoever suspended an actor resumes it. */
void faults_resume(struct run *run);

#endif
