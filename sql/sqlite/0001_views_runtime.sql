-- SPDX-License-Identifier: Apache-2.0
-- views.db: what the projector derives from the journal for the runtime itself.

-- Everything in this file is as of these batches, one row per shard.
CREATE TABLE position (
    shard INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    time_ns INTEGER NOT NULL -- of the last event projected
) STRICT;

-- The last state of every actor.
CREATE TABLE states (
    shard INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    id BLOB NOT NULL,
    due_ns INTEGER NOT NULL, -- its next durable deadline, 0 = none
    body BLOB NOT NULL,
    PRIMARY KEY (shard, kind, id)
) STRICT, WITHOUT ROWID;

-- Few actors have a deadline; the others cost this index nothing.
CREATE INDEX states_by_due ON states (shard, due_ns, kind, id) WHERE due_ns > 0;

-- Idempotency: the key of a request to the place of its first outcome.
CREATE TABLE outcomes (
    key BLOB NOT NULL,
    place INTEGER NOT NULL,
    expires_ns INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    PRIMARY KEY (key)
) STRICT, WITHOUT ROWID;

CREATE INDEX outcomes_by_expiry ON outcomes (expires_ns);

-- The id of a transfer (or another thing that happens once) to the place of its event.
CREATE TABLE event_places (
    id BLOB NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
