-- SPDX-License-Identifier: Apache-2.0
-- views.db: the places of idempotency keys and ids in sorted runs instead of a row for each
-- (runtime/journal/key_index.h). All views start over: the projector rebuilds them from the
-- journal.

DROP TABLE outcomes;
DROP TABLE event_places;

-- One row per run of a shard and kind (1 idempotency keys, 2 ids).
CREATE TABLE key_runs (
    shard INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    run INTEGER NOT NULL,       -- a later run is newer
    keys INTEGER NOT NULL,      -- how many
    first BLOB NOT NULL,        -- the smallest key
    last BLOB NOT NULL,         -- the largest
    oldest_ns INTEGER NOT NULL, -- of the first decision in it
    newest_ns INTEGER NOT NULL, -- of the last
    PRIMARY KEY (shard, kind, run)
) STRICT, WITHOUT ROWID;

-- The keys of a run, up to 80 to a row.
CREATE TABLE key_chunks (
    shard INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    run INTEGER NOT NULL,
    first BLOB NOT NULL,   -- its smallest key
    entries BLOB NOT NULL, -- 16 bytes of key, 8 of place, and so on, by key; big-endian
    PRIMARY KEY (shard, kind, run, first)
) STRICT, WITHOUT ROWID;

DELETE FROM position;
DELETE FROM states;
DELETE FROM accounts;
DELETE FROM entries;
DELETE FROM late_entries;
DELETE FROM transfers;
DELETE FROM transfer_notes;
DELETE FROM transaction_transfers;
DELETE FROM wallets;
DELETE FROM wallet_holds;
DELETE FROM payments;
DELETE FROM payment_events;
