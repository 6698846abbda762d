-- SPDX-License-Identifier: Apache-2.0
-- journal.db: the batches and who may write them. Rows are only ever added.

-- row_key = shard * 2^47 + seq: the b-tree's own key, so that a batch is appended at the end of its
-- shard's range and read back in order without a second index. shard and seq stand there once more
-- for people, and so that a row under another key is found out.
CREATE TABLE batches (
    row_key INTEGER PRIMARY KEY,
    shard INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    count INTEGER NOT NULL, -- records in the body
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,     -- SHA-256 over shard, seq, epoch, count, prev_hash and body
    body BLOB NOT NULL      -- msgpack
) STRICT;

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
