/* SPDX-License-Identifier: Apache-2.0 */
/* With other ranges actors would be looked for, and made, in shards whose journal has nothing of
 * them. So they are written before the first batch, and from then on they stay; as long as there is
 * no batch any number of shards will do. */
#include "runtime/store/sqlite/sqlite_slots.h"

#include <stdio.h>

static enum err sqlite_slots_insert(struct db *d, uint16_t shard, struct slot_range range)
{
    struct db_use use;
    enum err e = db_fixed(d, DB_SLOTS_PUT, &use);
    if (e != ERR_OK)
        return e;
    db_bind_number(use, 1, shard);
    db_bind_number(use, 2, range.first);
    db_bind_number(use, 3, range.last);
    int code = db_finish(use);
    return code == SQLITE_DONE ? ERR_OK : db_error(code);
}

enum err sqlite_slots_put(struct db *d, const struct slot_map *slots)
{
    enum err e = db_run(d, DB_SLOTS_DROP);
    for (uint16_t i = 0; e == ERR_OK && i < slots->shards; i++)
        e = sqlite_slots_insert(d, i, slots->ranges[i]);
    return e;
}

/* One row; false: it is none of a slot map. */
static bool sqlite_slots_row(struct db_use use, uint16_t shard, struct slot_range *range)
{
    uint64_t number, first, last;
    bool read = db_read_number(use, 0, &number) && db_read_number(use, 1, &first) &&
                db_read_number(use, 2, &last) && number == shard && first < SLOT_COUNT &&
                last < SLOT_COUNT;
    if (read)
        *range = (struct slot_range){(uint16_t)first, (uint16_t)last};
    return read;
}

/* Without rows, or with others than those of a slot map, the map stays without shards. */
static enum err sqlite_slots_read(struct db *d, struct slot_map *slots)
{
    struct slot_range ranges[SLOT_MAP_SHARDS_MAX];
    uint16_t count = 0;
    struct db_use use;
    enum err e = db_fixed(d, DB_SLOTS_GET, &use);
    if (e != ERR_OK)
        return e;
    int code;
    while ((code = sqlite3_step(use.statement)) == SQLITE_ROW && e == ERR_OK) {
        if (count == SLOT_MAP_SHARDS_MAX || !sqlite_slots_row(use, count, &ranges[count]))
            e = ERR_CORRUPT;
        count++;
    }
    db_release(use);
    if (e == ERR_OK && code != SQLITE_DONE)
        e = db_error(code);
    return e == ERR_OK && count > 0 && !slot_map_set(slots, ranges, count) ? ERR_CORRUPT : e;
}

/* Batches that cannot be read are there: the recovery reports them. */
static bool sqlite_slots_batches(struct db *d)
{
    struct db_use use;
    if (db_fixed(d, DB_BATCHES_ANY, &use) != ERR_OK)
        return true;
    int code = sqlite3_step(use.statement);
    db_release(use);
    return code != SQLITE_DONE;
}

static enum err sqlite_slots_make(struct store_sqlite *s, uint16_t shards)
{
    slot_map_split(&s->slots, shards);
    enum err e = db_run(&s->journal, DB_BEGIN);
    if (e == ERR_OK)
        e = sqlite_slots_put(&s->journal, &s->slots);
    if (e == ERR_OK)
        e = db_run(&s->journal, DB_COMMIT);
    if (e != ERR_OK)
        db_rollback(&s->journal);
    return e;
}

static enum err sqlite_slots_refuse(const struct store_sqlite *s, uint16_t shards, char *reason,
                                    size_t reason_size)
{
    unsigned made_with = s->slots.shards;
    snprintf(reason, reason_size,
             "%s: has %u shard%s, which is fixed for a deployment, and cannot be opened with %u; "
             "set SHARDS (--shards) to %u",
             s->directory, made_with, made_with == 1 ? "" : "s", shards, made_with);
    return ERR_UNSUPPORTED;
}

static enum err sqlite_slots_damaged(const struct store_sqlite *s, enum err e, char *reason,
                                     size_t reason_size)
{
    snprintf(reason, reason_size,
             "%s/%s: which slots the shards have cannot be read (%s); restore the directory from "
             "a backup, or salvage it",
             s->directory, db_journal.file_name, err_text(e));
    return e;
}

enum err sqlite_slots_open(struct store_sqlite *s, const struct store_sqlite_options *options,
                           char *reason, size_t reason_size)
{
    if (s->journal_empty)
        return ERR_OK;
    enum err e = sqlite_slots_read(&s->journal, &s->slots);
    if (options->shards == 0 || (e == ERR_OK && options->shards == s->slots.shards))
        return ERR_OK;
    bool batches = sqlite_slots_batches(&s->journal);
    if (e == ERR_OK && batches)
        e = s->slots.shards > 0 ? ERR_UNSUPPORTED : ERR_CORRUPT;
    if (e == ERR_UNSUPPORTED)
        return sqlite_slots_refuse(s, options->shards, reason, reason_size);
    if (e == ERR_OK && !options->look)
        e = sqlite_slots_make(s, options->shards);
    return e == ERR_OK ? e : sqlite_slots_damaged(s, e, reason, reason_size);
}
