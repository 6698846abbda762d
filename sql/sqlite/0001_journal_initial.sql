-- SPDX-License-Identifier: Apache-2.0
-- journal.db: the batches and who may write them. Rows are only ever added.

-- The batches of all shards in the order in which they were committed, row = 1, 2, 3, ...: what is
-- committed together lies together.
CREATE TABLE batches (
    row INTEGER PRIMARY KEY,
    shard INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    count INTEGER NOT NULL, -- records in the body
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,     -- SHA-256 over shard, seq, epoch, count, prev_hash and body
    body BLOB NOT NULL      -- msgpack
) STRICT;

-- Where the batches of a shard stand: of each full stretch of 1,024 rows (1 to 1024, 1025 to 2048, ...)
-- one line for each shard that has batches in it (runtime/store/sqlite/batch_index.h).
CREATE TABLE batch_index (
    shard INTEGER NOT NULL,
    first_seq INTEGER NOT NULL, -- the first of them ...
    first_row INTEGER NOT NULL, -- ... and its row
    rows BLOB NOT NULL, -- of each, from the first on, in 2 bytes, big-endian: its row less first_row
    PRIMARY KEY (shard, first_seq)
) STRICT, WITHOUT ROWID;

-- Which slots each shard has: ids name a slot. All shards of the deployment, each slot once.
CREATE TABLE slots (
    shard INTEGER PRIMARY KEY,
    first_slot INTEGER NOT NULL,
    last_slot INTEGER NOT NULL
) STRICT;

-- The writer of each shard. Every taking raises the epoch; no owner = released.
CREATE TABLE leases (
    shard INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    owner BLOB
) STRICT;
