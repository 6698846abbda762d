/* SPDX-License-Identifier: Apache-2.0 */
/* A line names the first of a shard's batches in the stretch and its row, and for each of them, the
 * first too, how far its row is from that one, in 2 bytes. A table with a row for each batch, or an
 * index of SQLite's, would cost a commit a page of its own for each shard.
 *
 * The memory tells the writer a shard's newest batch without a look into the file, and a reader
 * which rows of the last stretch are its shard's: without it that costs the reading of up to
 * BATCH_STRETCH rows, most of them of other shards. A reader asks when its transaction sees the
 * file already, and takes no more rows than that sees. */
#include "runtime/store/sqlite/batch_index.h"

#include <endian.h>
#include <string.h>

#define OFFSET_BYTES 2
static_assert(BATCH_STRETCH <= UINT16_MAX, "offsets of two bytes");

void batch_index_init(struct batch_index *x)
{
    x->known = false;
    check(pthread_mutex_init(&x->lock, NULL) == 0);
}

void batch_index_done(struct batch_index *x)
{
    pthread_mutex_destroy(&x->lock);
}

static void batch_index_lock(struct batch_index *x)
{
    check(pthread_mutex_lock(&x->lock) == 0);
}

static void batch_index_unlock(struct batch_index *x)
{
    check(pthread_mutex_unlock(&x->lock) == 0);
}

/* --- the file --------------------------------------------------------------------------------- */

/* Steps to a row of numbers: ERR_NOT_FOUND if there is none. */
static enum err batch_index_numbers(struct db_use use, int columns, uint64_t *numbers)
{
    int code = sqlite3_step(use.statement);
    if (code == SQLITE_DONE)
        return ERR_NOT_FOUND;
    if (code != SQLITE_ROW)
        return db_error(code);
    for (int i = 0; i < columns; i++)
        if (!db_read_number(use, i, &numbers[i]))
            return ERR_CORRUPT;
    return ERR_OK;
}

/* How many rows there are. */
static enum err batch_index_rows(struct db *d, uint64_t *rows)
{
    struct db_use use;
    enum err e = db_fixed(d, DB_BATCH_ROWS, &use);
    if (e != ERR_OK)
        return e;
    e = batch_index_numbers(use, 1, rows);
    db_release(use);
    if (e == ERR_NOT_FOUND)
        *rows = 0;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static uint64_t batch_index_full(uint64_t rows)
{
    return rows - rows % BATCH_STRETCH;
}

/* --- one line --------------------------------------------------------------------------------- */

struct batch_line {
    uint64_t first_seq;
    uint64_t first_row;
    struct slice offsets;
};

static uint32_t batch_line_count(const struct batch_line *line)
{
    return line->offsets.len / OFFSET_BYTES;
}

static uint64_t batch_line_row(const struct batch_line *line, uint32_t at)
{
    uint16_t offset;
    memcpy(&offset, line->offsets.data + (size_t)at * OFFSET_BYTES, OFFSET_BYTES);
    return line->first_row + be16toh(offset);
}

static enum err batch_line_read(struct db_use use, struct batch_line *line)
{
    uint64_t numbers[2];
    enum err e = batch_index_numbers(use, 2, numbers);
    if (e != ERR_OK)
        return e;
    line->first_seq = numbers[0];
    line->first_row = numbers[1];
    if (!db_read_blob(use, 2, &line->offsets))
        return ERR_CORRUPT;
    uint32_t len = line->offsets.len;
    return len > 0 && len % OFFSET_BYTES == 0 && len <= BATCH_STRETCH * OFFSET_BYTES ? ERR_OK
                                                                                     : ERR_CORRUPT;
}

static enum err batch_line_put(struct db *d, uint16_t shard, const struct batch_line *line)
{
    struct db_use use;
    enum err e = db_fixed(d, DB_BATCH_LINE_PUT, &use);
    if (e != ERR_OK)
        return e;
    db_bind_number(use, 1, shard);
    db_bind_number(use, 2, line->first_seq);
    db_bind_number(use, 3, line->first_row);
    db_bind_blob(use, 4, line->offsets.data, line->offsets.len);
    int code = db_finish(use);
    return code == SQLITE_DONE ? ERR_OK : db_error(code);
}

/* --- the writer ------------------------------------------------------------------------------- */

static enum err batch_index_read_rows(struct batch_index *x, struct db *d)
{
    struct db_use use;
    uint64_t numbers[2];
    enum err e = db_fixed(d, DB_BATCH_PLACES, &use);
    if (e != ERR_OK)
        return e;
    db_bind_number(use, 1, x->before);
    while ((e = batch_index_numbers(use, 2, numbers)) == ERR_OK) {
        if (numbers[0] > UINT16_MAX || x->count == BATCH_STRETCH)
            break;
        x->rows[x->count].shard = (uint16_t)numbers[0];
        x->rows[x->count++].seq = numbers[1];
    }
    db_release(use);
    return e == ERR_NOT_FOUND ? ERR_OK : e == ERR_OK ? ERR_CORRUPT : e;
}

enum err batch_index_begin(struct batch_index *x, struct db *d)
{
    uint64_t rows;
    enum err e = batch_index_rows(d, &rows);
    if (e != ERR_OK || (x->known && x->before + x->count == rows))
        return e;
    batch_index_lock(x);
    x->before = batch_index_full(rows);
    x->count = 0;
    e = batch_index_read_rows(x, d);
    x->known = e == ERR_OK && x->before + x->count == rows;
    batch_index_unlock(x);
    return e == ERR_OK && !x->known ? ERR_CORRUPT : e;
}

void batch_index_forget(struct batch_index *x)
{
    batch_index_lock(x);
    x->known = false;
    batch_index_unlock(x);
}

static enum err batch_index_head_of_lines(struct db *d, uint16_t shard, uint64_t *seq)
{
    struct db_use use;
    struct batch_line line;
    enum err e = db_fixed(d, DB_BATCH_LINE_NEWEST, &use);
    if (e != ERR_OK)
        return e;
    db_bind_number(use, 1, shard);
    e = batch_line_read(use, &line);
    if (e == ERR_OK)
        *seq = line.first_seq + batch_line_count(&line) - 1;
    db_release(use);
    if (e == ERR_NOT_FOUND)
        *seq = 0;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err batch_index_head(struct batch_index *x, struct db *d, uint16_t shard, uint64_t *seq)
{
    check(x->known);
    for (uint32_t i = x->count; i > 0; i--) {
        if (x->rows[i - 1].shard == shard) {
            *seq = x->rows[i - 1].seq;
            return ERR_OK;
        }
    }
    return batch_index_head_of_lines(d, shard, seq);
}

uint64_t batch_index_next_row(const struct batch_index *x)
{
    check(x->known && x->count < BATCH_STRETCH);
    return x->before + x->count + 1;
}

/* The line of the shard that has a batch at `first`, from there to before `end`. */
static struct batch_line batch_index_line(const struct batch_index *x, uint32_t first, uint32_t end,
                                          uint16_t offsets[BATCH_STRETCH])
{
    uint32_t count = 0;
    check(first < end && end <= x->count);
    for (uint32_t i = first; i < end; i++)
        if (x->rows[i].shard == x->rows[first].shard)
            offsets[count++] = htobe16((uint16_t)(i - first));
    return (struct batch_line){.first_seq = x->rows[first].seq,
                               .first_row = x->before + first + 1,
                               .offsets = {(const char *)offsets, count * OFFSET_BYTES}};
}

static enum err batch_index_put_line(const struct batch_index *x, struct db *d, uint32_t first)
{
    uint16_t offsets[BATCH_STRETCH];
    const struct batch_line line = batch_index_line(x, first, x->count, offsets);
    return batch_line_put(d, x->rows[first].shard, &line);
}

static enum err batch_index_put_lines(const struct batch_index *x, struct db *d)
{
    static_assert(UINT16_MAX / 8 + 1 == 8192, "a bit for each shard, on the stack");
    uint8_t put[8192] = {0};
    enum err e = ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < x->count; i++) {
        uint16_t shard = x->rows[i].shard;
        if ((put[shard / 8] & 1u << shard % 8) != 0)
            continue;
        put[shard / 8] |= (uint8_t)(1u << shard % 8);
        e = batch_index_put_line(x, d, i);
    }
    return e;
}

enum err batch_index_add(struct batch_index *x, struct db *d, uint16_t shard, uint64_t seq)
{
    check(x->known && x->count < BATCH_STRETCH);
    batch_index_lock(x);
    x->rows[x->count].shard = shard;
    x->rows[x->count++].seq = seq;
    batch_index_unlock(x);
    if (x->count < BATCH_STRETCH)
        return ERR_OK;
    enum err e = batch_index_put_lines(x, d);
    batch_index_lock(x);
    x->before += BATCH_STRETCH;
    x->count = 0;
    batch_index_unlock(x);
    return e;
}

/* --- readers ---------------------------------------------------------------------------------- */

enum err batch_index_newest(struct db *d, uint16_t shard, uint64_t *seq)
{
    struct db_use use;
    uint64_t rows;
    enum err e = batch_index_rows(d, &rows);
    if (e == ERR_OK)
        e = db_fixed(d, DB_BATCH_NEWEST, &use);
    if (e != ERR_OK)
        return e;
    db_bind_number(use, 1, batch_index_full(rows));
    db_bind_number(use, 2, shard);
    e = batch_index_numbers(use, 1, seq);
    db_release(use);
    return e == ERR_NOT_FOUND ? batch_index_head_of_lines(d, shard, seq) : e;
}

/* Does the reader want more? */
static bool batch_line_each(const struct batch_line *line, uint64_t first_seq, batch_index_cb each,
                            void *context)
{
    uint64_t at = first_seq > line->first_seq ? first_seq - line->first_seq : 0;
    for (; at < batch_line_count(line); at++)
        if (!each(context, batch_line_row(line, (uint32_t)at), line->first_seq + at))
            return false;
    return true;
}

static enum err batch_index_each_line(struct db *d, uint16_t shard, uint64_t first_seq,
                                      batch_index_cb each, void *context, bool *more)
{
    struct db_use use;
    struct batch_line line;
    enum err e = db_fixed(d, DB_BATCH_LINES, &use);
    if (e != ERR_OK)
        return e;
    db_bind_number(use, 1, shard);
    db_bind_number(use, 2, first_seq);
    while (*more && (e = batch_line_read(use, &line)) == ERR_OK)
        *more = batch_line_each(&line, first_seq, each, context);
    db_release(use);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Of the stretch that is not full: the line that the shard would have now, of rows up to `rows`.
 * false: it is not the reader's. */
static bool batch_index_last_line(struct batch_index *x, uint64_t rows, uint16_t shard,
                                  uint64_t first_seq, struct batch_line *line,
                                  uint16_t offsets[BATCH_STRETCH])
{
    uint32_t at = 0, seen = (uint32_t)(rows - batch_index_full(rows));
    *line = (struct batch_line){0};
    batch_index_lock(x);
    bool known = x->known && x->before == batch_index_full(rows) && x->count >= seen;
    while (known && at < seen && (x->rows[at].shard != shard || x->rows[at].seq < first_seq))
        at++;
    if (known && at < seen)
        *line = batch_index_line(x, at, seen, offsets);
    batch_index_unlock(x);
    return known;
}

enum err batch_index_each(struct batch_index *x, struct db *d, uint16_t shard, uint64_t first_seq,
                          batch_index_cb each, void *context, uint64_t *row)
{
    uint64_t rows;
    uint16_t offsets[BATCH_STRETCH];
    struct batch_line line;
    bool more = true;
    *row = 0;
    enum err e = batch_index_rows(d, &rows);
    if (e == ERR_OK)
        e = batch_index_each_line(d, shard, first_seq, each, context, &more);
    if (e != ERR_OK || !more)
        return e;
    if (batch_index_last_line(x, rows, shard, first_seq, &line, offsets))
        (void)batch_line_each(&line, first_seq, each, context);
    else
        *row = batch_index_full(rows) + 1;
    return ERR_OK;
}
