/* SPDX-License-Identifier: Apache-2.0 */
/* Cover: how often each fault, message, event and answer happened over all runs. What never happens
 * is not tested, so a long enough set of runs must leave nothing out. */
#ifndef SIMULATION_COVER_H
#define SIMULATION_COVER_H

#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/sim/store_sim.h"

#define COVER_CODES_MAX 512
#define COVER_REFUSALS_MAX 1024

#define COVER_FAULT_LIST(X)                                                                        \
    X(CRASH, "crash")                                                                              \
    X(NO_MEMORY, "allocation failed")                                                              \
    X(GIVEN_UP, "shard given up")                                                                  \
    X(SUSPENDED, "actor suspended")                                                                \
    X(STOPPED, "actor stopped")                                                                    \
    X(LEFT, "stopped in order")                                                                    \
    X(VIEWS_DROPPED, "views deleted")                                                              \
    X(CLOCK_FORWARD, "clock forward")                                                              \
    X(CLOCK_BACK, "clock back")                                                                    \
    X(DISK_FULL, "disk full")                                                                      \
    X(SLOW_COMMIT, "slow commit")                                                                  \
    X(APPEND_IO, "append failed")                                                                  \
    X(APPEND_WRITTEN, "append unknown, written")                                                   \
    X(APPEND_LOST, "append unknown, lost")                                                         \
    X(READ_IO, "read failed")                                                                      \
    X(VIEWS_IO, "views commit failed")                                                             \
    X(VIEWS_WRITTEN, "views commit unknown, written")                                              \
    X(LOST, "append lost by a crash")                                                              \
    X(TORN, "append torn by a crash")                                                              \
    X(STALE, "views commit lost, later appends kept")                                              \
    X(REQUEST_LOST, "request lost")                                                                \
    X(REQUEST_TWICE, "request sent twice")                                                         \
    X(REQUEST_AGAIN, "request again after its answer")                                             \
    X(ANSWER_LOST, "answer lost")                                                                  \
    X(KEY_STOLEN, "key of another request")                                                        \
    X(SEVERAL_SHARDS, "several shards")                                                            \
    X(SLOW_SHARD, "commits of one loop slow")                                                      \
    X(OTHERS_GO_ON, "commit while another shard recovers")                                         \
    X(JOINT, "batches of several shards in one transaction")                                       \
    X(NEIGHBOUR, "append failed with another shard's, or for it")                                  \
    X(CROSSING, "refused across shards")                                                           \
    X(LISTED_LATE, "list while another shard's views are behind")                                  \
    X(GATHERED, "answer of all shards")                                                            \
    X(CROWD, "many lists of one caller")                                                           \
    X(HUNG_UP, "client hung up")                                                                   \
    X(LISTED_STALE, "list without space for the views")                                            \
    X(QUOTA, "quota of the journal used up")                                                       \
    X(KEY_ELSEWHERE, "key used in another shard")                                                  \
    X(ID_ELSEWHERE, "id of two transfers, in two shards")                                          \
    X(FRAME_LOST, "frame lost")                                                                    \
    X(FRAME_TWICE, "frame repeated")                                                               \
    X(CUT_OFF, "frame to or from a shard that is cut off")                                         \
    X(STALLED, "shard that runs no turns")                                                         \
    X(SEND_PARKED, "send parked")                                                                  \
    X(SEND_UNPARKED, "parked send let go")                                                         \
    X(PARKED_REFUSED, "parked send refused")                                                       \
    X(FORGED, "forged send parked")                                                                \
    X(ASK_OPENED, "ask open")                                                                      \
    X(PENDING, "outcome still to come")                                                            \
    X(MEANWHILE, "told of it as it is meanwhile")                                                  \
    X(LOST_END, "end of a journal lost after it was sent")

enum cover_fault {
#define X(name, text) COVER_##name,
    COVER_FAULT_LIST(X)
#undef X
    COVER_FAULTS,
};

struct cover {
    uint64_t faults[COVER_FAULTS];
    uint64_t done[DOMAIN_NUMBER_MAX];   /* messages answered OK, by number of their type */
    uint64_t events[DOMAIN_NUMBER_MAX]; /* in the journal */
    uint64_t codes[COVER_CODES_MAX];    /* answers */
    uint64_t refused[COVER_REFUSALS_MAX]; /* messages with a code that they declare, in the order of
                                             schemas/refusals.h */
};

/* A message was answered. false: with a refusal that it does not declare. */
must_check bool cover_answer(struct cover *c, const struct message_type *type, uint16_t code);

/* What the store did to itself. */
void cover_store(struct cover *c, const struct store_sim_counts *counts);

void cover_add(struct cover *to, const struct cover *from);

void cover_print(const struct cover *c, const struct domain *d);

/* Prints each fault, message and event of the domain that never happened, and each refusal that a
 * message declares and never gave; returns how many. */
int cover_missing(const struct cover *c, const struct domain *d);

#endif
