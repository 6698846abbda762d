/* SPDX-License-Identifier: Apache-2.0 */
/* Scrub: reads a shard's journal from its first batch, a little at a time, about once a day, and
 * checks each batch's hash and place in the chain. So damage to a batch that nothing needs any
 * more, because the views stand behind it, is found while a copy may still exist. It changes
 * nothing: what is served comes from states and views, which are whole. Loop thread, except the
 * reading. */
#ifndef JOURNAL_SCRUB_H
#define JOURNAL_SCRUB_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/env.h"
#include "runtime/base/sha256.h"
#include "runtime/base/time.h"
#include "runtime/store/journal_store.h"

#define SCRUB_STEP_BYTES ((uint64_t)1 << 20)   /* of bodies: a millisecond or two of a reader */
#define SCRUB_STEP_NS (2500 * NS_PER_MS) /* between steps: 34 GiB a day */
#define SCRUB_FIRST_NS (60 * NS_PER_S) /* after a start, and after a read error */
#define SCRUB_PASS_NS NS_PER_DAY /* from one beginning to the next */

struct journal;

struct scrub {
    struct env *env;
    struct worker *worker;
    struct journal_store *store;
    const struct journal *journal; /* gives the seq up to which there must be batches */
    uint16_t shard;
    struct alarm alarm;
    struct work work;
    bool busy;
    bool on;
    uint64_t began_ns;         /* the pass; 0 = none has */
    uint64_t seq;              /* the last batch checked in it ... */
    struct sha256_digest hash; /* ... and its hash */
    struct {
        uint64_t seq_max, bytes, damaged_seq;
        const char *damage; /* NULL: none was found */
        enum err result;
    } step; /* the worker's while busy */
    uint64_t passes;      /* that found all in order */
    uint64_t damaged_seq; /* the first damaged batch of the latest pass that found one; 0 = none */
};

void scrub_init(struct scrub *s, struct env *env, struct worker *worker,
                struct journal_store *store, const struct journal *journal, uint16_t shard);

/* Begins, or goes on. */
void scrub_start(struct scrub *s);

/* No further step begins; one may still be under way (busy). */
void scrub_stop(struct scrub *s);

#endif
