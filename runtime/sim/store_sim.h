/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated store: the whole contract of journal_store.h and view_store.h in memory, on one
 * thread, decided by one random generator, with the faults of a bad disk. Its content survives
 * close() and store_sim_crash(); a restarted node uses the same store again.
 *
 * Durability. An append that returned OK is durable at once, or, with `in_flight`, when
 * store_sim_delivered() says that its caller was answered or the next append begins: until then it
 * is what a machine had under way when it stopped. An append that returned UNKNOWN is under way
 * until reopen or crash. A crash decides whether what is under way stays, is lost or is torn. */
#ifndef SIM_STORE_SIM_H
#define SIM_STORE_SIM_H

#include "runtime/base/rng.h"
#include "runtime/store/journal_store.h"
#include "runtime/store/view_store.h"

#define STORE_SIM_COMMITS_KEPT 16 /* commits of the views that a crash can take back */

struct store_sim;

/* Chances in parts per million. */
struct store_sim_faults {
    /* per append */
    uint32_t append_io_ppm;       /* IO, nothing written */
    uint32_t append_full_ppm;     /* STORE_FULL, until store_sim_disk_full(sim, false) */
    uint32_t unknown_written_ppm; /* UNKNOWN, but written */
    uint32_t unknown_lost_ppm;    /* UNKNOWN, and not written */
    /* per call */
    uint32_t read_io_ppm;      /* IO from a reading call, before the first row */
    uint32_t views_commit_ppm; /* IO from commit, nothing of it stays */
    uint32_t views_unknown_ppm; /* IO from commit, but it is done */
    /* per append under way, at a crash */
    uint32_t crash_lost_ppm;    /* it is lost */
    uint32_t crash_torn_ppm;    /* one that stays: its last row is cut at some byte */
    /* per crash */
    uint32_t crash_stale_ppm; /* the views fall back to an earlier commit */
    uint32_t crash_rot_ppm;   /* one bit of some stored batch flips */
};

/* What can be ordered for one call instead of drawn. */
enum store_sim_fault {
    STORE_SIM_APPEND_IO,
    STORE_SIM_APPEND_FULL,
    STORE_SIM_UNKNOWN_WRITTEN,
    STORE_SIM_UNKNOWN_LOST,
    STORE_SIM_READ_IO,
    STORE_SIM_VIEWS_COMMIT,
    STORE_SIM_VIEWS_UNKNOWN,
    STORE_SIM_FAULTS,
};

/* How often each happened. */
struct store_sim_counts {
    uint64_t met[STORE_SIM_FAULTS];
    uint64_t lost, torn, stale; /* by crashes */
    uint64_t joint;             /* appends of several shards in one transaction */
    uint64_t neighbours;        /* appends that failed with those of other shards, or for them */
};

struct store_sim_options {
    const struct view_table *const *tables;
    uint32_t table_count;
    struct rng *rng; /* borrowed */
    bool in_flight;
    uint16_t shards; /* 0 = 1 */
    struct store_sim_faults faults;
};

struct store_sim *store_sim_new(const struct store_sim_options *options);
void store_sim_free(struct store_sim *sim);
struct journal_store *store_sim_journal(struct store_sim *sim);
struct view_store *store_sim_views(struct store_sim *sim);

/* Replaces the chances: a run may end with a quiet phase. */
void store_sim_set_faults(struct store_sim *sim, const struct store_sim_faults *faults);

/* Orders a fault for the call that follows `calls_before` calls of its kind. One at a time for
 * each fault. */
void store_sim_script(struct store_sim *sim, enum store_sim_fault fault, uint32_t calls_before);

const struct store_sim_counts *store_sim_counts(const struct store_sim *sim);

/* While full, every append gives STORE_FULL and every commit of the views too. */
void store_sim_disk_full(struct store_sim *sim, bool full);

/* The shard was answered that its batches up to this one are durable (only with in_flight). */
void store_sim_delivered(struct store_sim *sim, uint16_t shard, uint64_t seq);

/* As if an older copy of this shard's journal had been restored: it ends with this batch, and
 * nothing remembers that there was more. Its views are gone. */
void store_sim_restore(struct store_sim *sim, uint16_t shard, uint64_t seq);

/* How many appends of this shard were refused, or it is not known. */
uint64_t store_sim_refused(struct store_sim *sim, uint16_t shard);

/* For as long nothing that is asked for is done, and all of it gives IO: the process that asks has
 * ended in the middle of something, though its code runs on for a while. */
void store_sim_unreachable(struct store_sim *sim, bool yes);

/* What an abrupt stop leaves: durable batches, those under way as the faults decide, no open
 * transaction, the views as of the last commit or an earlier one, leases as they were. */
void store_sim_crash(struct store_sim *sim);

/* --- damage to what is stored, for the tests of recovery; false if there is no such batch ----- */

bool store_sim_flip(struct store_sim *sim, uint16_t shard, uint64_t seq, uint64_t bit);
bool store_sim_truncate(struct store_sim *sim, uint16_t shard, uint64_t seq, uint32_t len);
bool store_sim_delete(struct store_sim *sim, uint16_t shard, uint64_t seq);
/* Each gets the other's epoch, count, hashes and body. */
bool store_sim_swap(struct store_sim *sim, uint16_t shard, uint64_t seq, uint64_t other_seq);
/* Takes back the last commits of the views, as a file restored from an older copy; returns how many
 * (at most those kept). */
uint32_t store_sim_views_back(struct store_sim *sim, uint32_t commits);

#endif
