/* SPDX-License-Identifier: Apache-2.0 */
/* Batches are in one ordered map by shard and seq. An append first makes durable what is under way,
 * checks lease and seq, then draws its faults: refused (IO, STORE_FULL), or UNKNOWN, written or
 * not. After IO and UNKNOWN every write fails until reopen(), as after a failed fsync. What was
 * written but not confirmed is in the list `under_way`, in order, until a later append, reopen() or
 * store_sim_delivered() makes it durable; a crash loses all of it, tears its last batch or keeps
 * it. `committed` in a lease is the newest batch that was promised, so that a checker can tell a
 * lost one from one that never was. */
#include "runtime/sim/store_sim.h"

#include <stdlib.h>

#include "runtime/base/memory.h"
#include "runtime/sim/store_sim_priv.h"

#define BATCH_KEY_SIZE 10 /* shard and seq, big-endian */

struct sim_batch {
    struct batch_row row;  /* body points behind this struct */
    struct list under_way; /* in store_sim.under_way until durable */
    char body[];
};

struct sim_lease {
    uint64_t epoch;
    bool held;
    uint64_t refused; /* appends */
    struct store_position committed; /* the newest batch that no crash may take */
};

/* --- keys of batches -------------------------------------------------------------------------- */

struct batch_key {
    char bytes[BATCH_KEY_SIZE];
};

static struct batch_key batch_key_of(uint16_t shard, uint64_t seq)
{
    struct batch_key p;
    p.bytes[0] = (char)(shard >> 8);
    p.bytes[1] = (char)shard;
    for (int i = 0; i < 8; i++)
        p.bytes[2 + i] = (char)(seq >> (56 - 8 * i));
    return p;
}

static struct slice batch_key_slice(const struct batch_key *p)
{
    return (struct slice){p->bytes, BATCH_KEY_SIZE};
}

static struct sim_batch *find_batch(struct store_sim *sim, uint16_t shard, uint64_t seq)
{
    struct batch_key p = batch_key_of(shard, seq);
    return ordered_find(&sim->batches, batch_key_slice(&p));
}

static void remove_batch(struct store_sim *sim, struct sim_batch *b)
{
    struct batch_key p = batch_key_of(b->row.shard, b->row.seq);
    check(ordered_remove(&sim->batches, batch_key_slice(&p)) == b);
    list_remove(&b->under_way);
    sim->body_bytes -= b->row.body.len;
    free(b);
}

static uint64_t head_of(struct store_sim *sim, uint16_t shard)
{
    struct batch_key end = batch_key_of(shard, UINT64_MAX);
    struct ordered_entry found;
    if (!ordered_before(&sim->batches, batch_key_slice(&end), &found))
        return 0;
    const struct sim_batch *b = found.value;
    return b->row.shard == shard ? b->row.seq : 0;
}

/* The batch after `b` in the order of all shards, NULL at the end. NULL begins. */
static struct sim_batch *next_batch(struct store_sim *sim, const struct sim_batch *b)
{
    struct batch_key p = b != NULL ? batch_key_of(b->row.shard, b->row.seq) : batch_key_of(0, 0);
    struct ordered_entry found;
    return ordered_after(&sim->batches, batch_key_slice(&p), &found) ? found.value : NULL;
}

static struct sim_lease *lease_of(struct store_sim *sim, uint16_t shard)
{
    struct batch_key p = batch_key_of(shard, 0);
    struct sim_lease *lease = ordered_find(&sim->leases, batch_key_slice(&p));
    if (lease == NULL) {
        lease = memory_take_zeroed(1, sizeof *lease);
        ordered_put(&sim->leases, batch_key_slice(&p), lease);
    }
    return lease;
}

static bool lease_held(struct store_sim *sim, uint16_t shard, uint64_t epoch)
{
    const struct sim_lease *lease = lease_of(sim, shard);
    return lease->held && lease->epoch == epoch;
}

/* --- journal worker --------------------------------------------------------------------------- */

static void note_committed(struct store_sim *sim, const struct sim_batch *b)
{
    struct sim_lease *lease = lease_of(sim, b->row.shard);
    lease->committed = (struct store_position){.seq = b->row.seq, .hash = b->row.hash};
}

static void store_batch(struct store_sim *sim, const struct batch_row *row, bool durable)
{
    struct sim_batch *b = memory_take(sizeof *b + row->body.len);
    b->row = *row;
    b->row.body.data = b->body;
    list_init(&b->under_way);
    if (!durable)
        list_append(&sim->under_way, &b->under_way);
    else
        note_committed(sim, b);
    if (row->body.len > 0)
        memcpy(b->body, row->body.data, row->body.len);
    struct batch_key p = batch_key_of(row->shard, row->seq);
    check(ordered_put(&sim->batches, batch_key_slice(&p), b) == NULL);
    sim->body_bytes += row->body.len;
}

static bool store_sim_refuses(const struct store_sim *sim)
{
    return sim->broken || sim->unreachable;
}

/* Everything under way becomes durable. */
static void store_sim_settle(struct store_sim *sim)
{
    while (!list_empty(&sim->under_way)) {
        struct list *first = sim->under_way.next;
        note_committed(sim, container_of(first, struct sim_batch, under_way));
        list_remove(first);
    }
}

static bool store_sim_continues(struct store_sim *sim, const struct batch_run *run)
{
    const struct batch_row *first = &run->rows[0];
    check(run->count > 0);
    for (uint32_t i = 1; i < run->count; i++)
        check(run->rows[i].shard == first->shard && run->rows[i].seq == first->seq + i);
    return lease_held(sim, first->shard, first->epoch) &&
           head_of(sim, first->shard) == first->seq - 1;
}

static void store_sim_write(struct store_sim *sim, const struct batch_run *run, bool durable)
{
    for (uint32_t i = 0; run->result != ERR_FENCED && i < run->count; i++)
        store_batch(sim, &run->rows[i], durable);
}

/* Of all runs that are not fenced. */
static enum err store_sim_commit(struct store_sim *sim, struct batch_run *runs, uint32_t count)
{
    const struct store_sim_faults *f = &sim->faults;
    if (sim_fault(sim, STORE_SIM_APPEND_IO, f->append_io_ppm)) {
        sim->broken = true;
        return ERR_IO;
    }
    if (sim_fault(sim, STORE_SIM_APPEND_FULL, f->append_full_ppm))
        sim->disk_full = true;
    if (sim->disk_full)
        return ERR_STORE_FULL;
    bool lost = sim_fault(sim, STORE_SIM_UNKNOWN_LOST, f->unknown_lost_ppm);
    bool unknown = sim_fault(sim, STORE_SIM_UNKNOWN_WRITTEN, f->unknown_written_ppm) || lost;
    for (uint32_t i = 0; !lost && i < count; i++)
        store_sim_write(sim, &runs[i], !unknown && !sim->in_flight);
    sim->broken = unknown;
    return unknown ? ERR_UNKNOWN : ERR_OK;
}

static void sim_append(struct journal_store *base, struct batch_run *runs, uint32_t count)
{
    struct store_sim *sim = sim_of_journal(base);
    enum err e = ERR_IO;
    check(count > 0);
    sim->counts.joint += count > 1;
    bool broken = store_sim_refuses(sim);
    if (!broken)
        store_sim_settle(sim);
    for (uint32_t i = 0; i < count; i++)
        runs[i].result = broken || store_sim_continues(sim, &runs[i]) ? ERR_OK : ERR_FENCED;
    if (!broken)
        e = store_sim_commit(sim, runs, count);
    for (uint32_t i = 0; i < count; i++) {
        if (runs[i].result != ERR_FENCED)
            runs[i].result = e;
        lease_of(sim, runs[i].rows[0].shard)->refused += runs[i].result != ERR_OK;
    }
    sim->counts.neighbours += e != ERR_OK && (broken || count > 1);
}

static enum err sim_cut(struct journal_store *base, uint16_t shard, uint64_t epoch,
                        uint64_t first_seq)
{
    struct store_sim *sim = sim_of_journal(base);
    if (store_sim_refuses(sim))
        return ERR_IO;
    if (!lease_held(sim, shard, epoch))
        return ERR_FENCED;
    uint64_t head;
    while ((head = head_of(sim, shard)) >= first_seq && head > 0)
        remove_batch(sim, find_batch(sim, shard, head));
    return ERR_OK;
}

static enum err sim_reopen(struct journal_store *base)
{
    struct store_sim *sim = sim_of_journal(base);
    if (sim->unreachable)
        return ERR_IO;
    store_sim_settle(sim);
    sim->broken = false;
    return ERR_OK;
}

static enum err sim_lease_take(struct journal_store *base, uint16_t shard, struct slice owner,
                               uint64_t *epoch)
{
    (void)owner;
    struct store_sim *sim = sim_of_journal(base);
    if (store_sim_refuses(sim))
        return ERR_IO;
    struct sim_lease *lease = lease_of(sim, shard);
    lease->held = true;
    *epoch = ++lease->epoch;
    return ERR_OK;
}

static enum err sim_lease_release(struct journal_store *base, uint16_t shard, uint64_t epoch)
{
    struct store_sim *sim = sim_of_journal(base);
    if (store_sim_refuses(sim))
        return ERR_IO;
    if (!lease_held(sim, shard, epoch))
        return ERR_FENCED;
    lease_of(sim, shard)->held = false;
    return ERR_OK;
}

/* --- any worker ------------------------------------------------------------------------------- */

static enum err sim_tail(struct journal_store *base, uint16_t shard, uint64_t first_seq,
                         batch_row_cb row, void *context)
{
    struct store_sim *sim = sim_of_journal(base);
    if (sim_fault(sim, STORE_SIM_READ_IO, sim->faults.read_io_ppm))
        return ERR_IO;
    struct batch_key p = batch_key_of(shard, first_seq);
    struct ordered_entry found;
    bool more = ordered_at_or_after(&sim->batches, batch_key_slice(&p), &found);
    while (more) {
        const struct sim_batch *b = found.value;
        if (b->row.shard != shard)
            break;
        p = batch_key_of(shard, b->row.seq);
        if (!row(context, &b->row))
            break;
        more = ordered_after(&sim->batches, batch_key_slice(&p), &found);
    }
    return ERR_OK;
}

static enum err sim_head(struct journal_store *base, uint16_t shard, uint64_t *seq)
{
    struct store_sim *sim = sim_of_journal(base);
    if (sim_fault(sim, STORE_SIM_READ_IO, sim->faults.read_io_ppm))
        return ERR_IO;
    *seq = head_of(sim, shard);
    return ERR_OK;
}

static enum err sim_committed(struct journal_store *base, uint16_t shard,
                              struct store_position *position)
{
    *position = lease_of(sim_of_journal(base), shard)->committed;
    return ERR_OK;
}

/* All of it is where it stays. */
static void sim_tidy(struct journal_store *base)
{
    (void)base;
}

static enum err sim_size(struct journal_store *base, uint64_t *bytes)
{
    const struct store_sim *sim = sim_of_journal(base);
    *bytes = sim->body_bytes + sim->batches.count * sizeof(struct sim_batch);
    return ERR_OK;
}

/* The data stay: they are the disk, and belong to the one that made it. */
static void sim_close(struct journal_store *base)
{
    (void)base;
}

static const struct journal_store_ops journal_ops = {
    .append = sim_append,
    .cut = sim_cut,
    .reopen = sim_reopen,
    .lease_take = sim_lease_take,
    .lease_release = sim_lease_release,
    .tail = sim_tail,
    .head = sim_head,
    .committed = sim_committed,
    .tidy = sim_tidy,
    .size = sim_size,
    .close = sim_close,
};

static const struct view_store_ops view_ops = {
    .position = sim_position,
    .state_load = sim_state_load,
    .states_due = sim_states_due,
    .states_each = sim_states_each,
    .key_find = sim_key_find,
    .keys_walk = sim_keys_walk,
    .keys_between = sim_keys_between,
    .keys_add = sim_keys_add,
    .keys_expire = sim_keys_expire,
    .scan = sim_scan,
    .get = sim_get,
    .begin = sim_begin,
    .put_state = sim_put_state,
    .put_row = sim_put_row,
    .delete_row = sim_delete_row,
    .move = sim_move,
    .commit = sim_commit,
    .rollback = sim_rollback,
    .drop = sim_views_drop,
    .damaged = sim_views_damaged,
    .size = sim_views_size,
    .close = sim_views_close,
};

/* --- life ------------------------------------------------------------------------------------- */

struct store_sim *store_sim_new(const struct store_sim_options *options)
{
    struct store_sim *sim = memory_take_zeroed(1, sizeof *sim);
    sim->journal_base = (struct journal_store){.ops = &journal_ops,
                                               .name = "simulated",
                                               .location = "memory",
                                               .slots = &sim->slots,
                                               .tears = true};
    slot_map_split(&sim->slots, options->shards != 0 ? options->shards : 1);
    sim->views_base = (struct view_store){.ops = &view_ops, .name = "simulated"};
    list_init(&sim->under_way);
    sim->rng = options->rng;
    sim->in_flight = options->in_flight;
    sim->faults = options->faults;
    sim_views_init(&sim->views, options->tables, options->table_count);
    return sim;
}

void store_sim_free(struct store_sim *sim)
{
    if (sim == NULL)
        return;
    struct sim_batch *b;
    while ((b = next_batch(sim, NULL)) != NULL)
        remove_batch(sim, b);
    ordered_done(&sim->batches);
    struct ordered_entry lease;
    while (ordered_at_or_after(&sim->leases, (struct slice){NULL, 0}, &lease))
        free(ordered_remove(&sim->leases, lease.key));
    ordered_done(&sim->leases);
    sim_views_done(&sim->views);
    free(sim);
}

struct journal_store *store_sim_journal(struct store_sim *sim)
{
    return &sim->journal_base;
}

struct view_store *store_sim_views(struct store_sim *sim)
{
    return &sim->views_base;
}

/* --- faults ----------------------------------------------------------------------------------- */

void store_sim_set_faults(struct store_sim *sim, const struct store_sim_faults *faults)
{
    sim->faults = *faults;
}

void store_sim_script(struct store_sim *sim, enum store_sim_fault fault, uint32_t calls_before)
{
    sim->script[fault] = calls_before + 1;
}

const struct store_sim_counts *store_sim_counts(const struct store_sim *sim)
{
    return &sim->counts;
}

void store_sim_disk_full(struct store_sim *sim, bool full)
{
    sim->disk_full = full;
}

static struct sim_batch *first_under_way(struct store_sim *sim)
{
    return container_of(sim->under_way.next, struct sim_batch, under_way);
}

/* What is under way is one transaction: all of it is durable, or nothing. */
void store_sim_delivered(struct store_sim *sim, uint16_t shard, uint64_t seq)
{
    for (struct list *l = sim->under_way.next; l != &sim->under_way; l = l->next) {
        const struct batch_row *row = &container_of(l, struct sim_batch, under_way)->row;
        if (row->shard == shard && row->seq <= seq) {
            store_sim_settle(sim);
            return;
        }
    }
}

uint64_t store_sim_refused(struct store_sim *sim, uint16_t shard)
{
    return lease_of(sim, shard)->refused;
}

void store_sim_restore(struct store_sim *sim, uint16_t shard, uint64_t seq)
{
    uint64_t head;
    while ((head = head_of(sim, shard)) > seq)
        remove_batch(sim, find_batch(sim, shard, head));
    const struct sim_batch *last = find_batch(sim, shard, seq);
    lease_of(sim, shard)->committed = (struct store_position){
        .seq = seq, .hash = last != NULL ? last->row.hash : (struct sha256_digest){{0}}};
    check(sim_views_drop(&sim->views_base) == ERR_OK);
}

/* --- crash ------------------------------------------------------------------------------------ */

static void lose_under_way(struct store_sim *sim)
{
    while (!list_empty(&sim->under_way))
        remove_batch(sim, first_under_way(sim));
    sim->counts.lost++;
}

static void tear_under_way(struct store_sim *sim)
{
    const struct batch_row *last =
        &container_of(sim->under_way.prev, struct sim_batch, under_way)->row;
    if (last->body.len > 0 &&
        store_sim_truncate(sim, last->shard, last->seq,
                           (uint32_t)rng_below(sim->rng, last->body.len)))
        sim->counts.torn++;
}

static void decide_under_way(struct store_sim *sim)
{
    if (list_empty(&sim->under_way))
        return;
    if (rng_chance(sim->rng, sim->faults.crash_lost_ppm))
        lose_under_way(sim);
    else if (rng_chance(sim->rng, sim->faults.crash_torn_ppm))
        tear_under_way(sim);
    while (!list_empty(&sim->under_way)) /* no caller was answered for what is left of them */
        list_remove(sim->under_way.next);
}

static void store_sim_rot(struct store_sim *sim)
{
    uint64_t chosen = rng_below(sim->rng, sim->batches.count);
    struct sim_batch *b = next_batch(sim, NULL);
    while (chosen-- > 0)
        b = next_batch(sim, b);
    if (b->row.body.len > 0)
        store_sim_flip(sim, b->row.shard, b->row.seq,
                       rng_below(sim->rng, (uint64_t)b->row.body.len * 8));
}

void store_sim_unreachable(struct store_sim *sim, bool yes)
{
    sim->unreachable = yes;
}

void store_sim_crash(struct store_sim *sim)
{
    const struct store_sim_faults *f = &sim->faults;
    sim_views_abandon(&sim->views);
    sim_views_renew(&sim->views);
    decide_under_way(sim);
    if (rng_chance(sim->rng, f->crash_stale_ppm))
        sim->counts.stale +=
            store_sim_views_back(sim, (uint32_t)rng_below(sim->rng, STORE_SIM_COMMITS_KEPT) + 1);
    if (sim->batches.count > 0 && rng_chance(sim->rng, f->crash_rot_ppm))
        store_sim_rot(sim);
    sim->broken = false;
}

/* --- damage ----------------------------------------------------------------------------------- */

bool store_sim_flip(struct store_sim *sim, uint16_t shard, uint64_t seq, uint64_t bit)
{
    struct sim_batch *b = find_batch(sim, shard, seq);
    if (b == NULL || bit / 8 >= b->row.body.len)
        return false;
    b->body[bit / 8] = (char)(b->body[bit / 8] ^ 1 << bit % 8);
    return true;
}

bool store_sim_truncate(struct store_sim *sim, uint16_t shard, uint64_t seq, uint32_t len)
{
    struct sim_batch *b = find_batch(sim, shard, seq);
    if (b == NULL || len > b->row.body.len)
        return false;
    sim->body_bytes -= b->row.body.len - len;
    b->row.body.len = len;
    return true;
}

bool store_sim_delete(struct store_sim *sim, uint16_t shard, uint64_t seq)
{
    struct sim_batch *b = find_batch(sim, shard, seq);
    if (b != NULL)
        remove_batch(sim, b);
    return b != NULL;
}

bool store_sim_swap(struct store_sim *sim, uint16_t shard, uint64_t seq, uint64_t other_seq)
{
    struct sim_batch *a = find_batch(sim, shard, seq);
    struct sim_batch *b = find_batch(sim, shard, other_seq);
    if (a == NULL || b == NULL)
        return false;
    struct batch_key at = batch_key_of(shard, seq), other_at = batch_key_of(shard, other_seq);
    ordered_put(&sim->batches, batch_key_slice(&at), b);
    ordered_put(&sim->batches, batch_key_slice(&other_at), a);
    a->row.seq = other_seq;
    b->row.seq = seq;
    return true;
}

uint32_t store_sim_views_back(struct store_sim *sim, uint32_t commits)
{
    uint32_t done = 0;
    while (done < commits && sim_views_back(&sim->views))
        done++;
    return done;
}
