/* SPDX-License-Identifier: Apache-2.0 */
/* Key finder: looks up where a key was decided, in the runs that a key index wrote. A run is read
 * only if its filter lets the key pass; of the keys it lacks, 1 in 100 do. The filters that were
 * asked last stay in memory, up to filter_bytes (10.2 bits a key: a MiB for 800,000); others are
 * read from the database, 8 KiB for each run. Blocks; one thread at a time. */
#ifndef SQLITE_KEY_FINDER_H
#define SQLITE_KEY_FINDER_H

#include "runtime/store/sqlite/filter_cache.h"

struct key_finder {
    struct key_space space;
    struct key_run *runs; /* those that keys are looked up in, oldest first */
    size_t run_count, run_cap;
    bool loaded;
    uint64_t seq;         /* of the position that `runs` are as of */
    struct filter_cache filters;
};

void key_finder_init(struct key_finder *f, struct key_space space, size_t filter_bytes);
void key_finder_done(struct key_finder *f);

/* With a reader's connection, in whose read transaction runs, filters and keys are of one commit:
 * `seq` is the position found in it. ERR_NOT_FOUND if the key is not there. */
must_check enum err key_finder_find(struct key_finder *f, const struct key_rows *rows,
                                    uint64_t seq, struct id128 key, uint64_t *position);

#endif
