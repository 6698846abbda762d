/* SPDX-License-Identifier: Apache-2.0 */
/* Supervisor of one shard's actors, in the manner of OTP's restart intensity. A turn that breaks an
 * invariant was undone, so its actor is as the journal says and may go on. More than
 * SUPERVISOR_ACTOR_FAILURES of one actor within SUPERVISOR_PERIOD_NS quarantine it: its messages
 * become dead letters until an operator resumes it. More than SUPERVISOR_SHARD_FAILURES in all make
 * the shard rebuild itself from the journal; if that does not help either, it stops and the node
 * reports it. Loop thread only. */
#ifndef SHARD_SUPERVISOR_H
#define SHARD_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/actor/message.h"
#include "runtime/actor/registry_priv.h"
#include "runtime/base/table.h"
#include "runtime/base/time.h"
#include "runtime/observe/log.h"
#include "runtime/shard/answers.h"
#include "runtime/shard/clock.h"
#include "runtime/shard/controls.h"
#include "runtime/shard/dead_letters.h"
#include "runtime/shard/shard_stats.h"

#define SUPERVISOR_PERIOD_NS (60 * NS_PER_S)
#define SUPERVISOR_ACTOR_FAILURES 3
#define SUPERVISOR_SHARD_FAILURES 30
#define SUPERVISOR_RECOVERIES_MAX 5 /* within the period; then the shard stops */
#define SUPERVISOR_FAILING_MAX 4096 /* actors whose failures are counted at the same time */

/* Failures within a period that starts with the first of them. */
struct failures {
    uint64_t since_ns;
    uint32_t count;
};

/* What a supervisor works with; all of it outlives it. */
struct supervisor_uses {
    struct env *env;
    const struct domain *domain;
    uint16_t number; /* of the shard */
    struct registry *registry;
    struct controls *controls;
    struct answers *answers;
    struct dead_letters *letters;
    const struct clock *clock;
    struct shard_stats *stats;
};

struct supervisor {
    struct supervisor_uses uses;
    struct table failing[KIND_MAX]; /* by actor id: struct failing */
    uint32_t failing_count;
    struct failures all;
    struct failures recoveries;
    bool rebuild; /* too many failures: the shard must recover, and runs no turn before */
    struct log_limit failed_lines;
};

void supervisor_init(struct supervisor *v, const struct supervisor_uses *uses);
void supervisor_done(struct supervisor *v);

/* Counts one more within the period; returns the count. */
uint32_t failures_add(struct failures *f, uint64_t now_ns);

/* A turn for m failed and was undone: sets m's code, counts, logs, keeps the dead letter. */
void supervisor_failed(struct supervisor *v, struct message *m, const char *reason);

/* A message for a quarantined actor. */
void supervisor_refused(struct supervisor *v, struct message *m);

/* The operator resumes an actor: its failures are forgotten. */
void supervisor_forgive(struct supervisor *v, const struct actor *a);

/* The shard starts over from the journal: failures in all are counted anew. */
void supervisor_rebuilt(struct supervisor *v);

uint32_t supervisor_failures(const struct supervisor *v, const struct actor *a);

#endif
