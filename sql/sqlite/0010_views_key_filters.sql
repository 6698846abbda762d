-- SPDX-License-Identifier: Apache-2.0
-- views.db: runs of keys are merged in slices, and each has filters (runtime/journal/key_run.h).
-- Runs of before have none until they are merged.

-- 1 live, 2 live and being merged into the next unfinished run, 3 being written, 4 being deleted.
ALTER TABLE key_runs ADD COLUMN state INTEGER NOT NULL DEFAULT 1;

-- Which keys a stretch of a run certainly lacks.
CREATE TABLE key_filters (
    shard INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    run INTEGER NOT NULL,
    first BLOB NOT NULL, -- the smallest key of the stretch
    last BLOB NOT NULL,  -- the largest
    bits BLOB NOT NULL,  -- runtime/journal/key_filter.h
    PRIMARY KEY (shard, kind, run, first)
) STRICT, WITHOUT ROWID;
