-- SPDX-License-Identifier: Apache-2.0
-- views.db: what the projector derives from the journal. Columns of type ANY are amounts in minor
-- units: INTEGER up to 63 bits, 16 bytes big-endian beyond; times are nanoseconds since 1970.

-- for the runtime itself ---------------------------------------------------------------------------

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

-- The positions of idempotency keys and ids, in sorted runs instead of a row for each
-- (runtime/store/sqlite/key_index.h).

-- One row per run of a shard and kind (1 idempotency keys, 2 ids, 3 refused ids).
CREATE TABLE key_runs (
    shard INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    run INTEGER NOT NULL,       -- a later run is newer
    keys INTEGER NOT NULL,      -- how many
    first BLOB NOT NULL,        -- the smallest key
    last BLOB NOT NULL,         -- the largest
    oldest_ns INTEGER NOT NULL, -- of the first decision in it
    newest_ns INTEGER NOT NULL, -- of the last
    -- 1 live, 2 live and being merged into the next unfinished run, 3 being written, 4 being deleted
    state INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (shard, kind, run)
) STRICT, WITHOUT ROWID;

-- The keys of a run, up to 80 to a row.
CREATE TABLE key_chunks (
    shard INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    run INTEGER NOT NULL,
    first BLOB NOT NULL,   -- its smallest key
    entries BLOB NOT NULL, -- 16 bytes of key, 8 of position, and so on, by key; big-endian
    PRIMARY KEY (shard, kind, run, first)
) STRICT, WITHOUT ROWID;

-- Which keys a stretch of a run certainly lacks.
CREATE TABLE key_filters (
    shard INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    run INTEGER NOT NULL,
    first BLOB NOT NULL, -- the smallest key of the stretch
    last BLOB NOT NULL,  -- the largest
    bits BLOB NOT NULL,  -- runtime/store/sqlite/key_filter.h
    PRIMARY KEY (shard, kind, run, first)
) STRICT, WITHOUT ROWID;

-- Who asked for the records of a batch, and by which requests: rows of other tables have the position
-- of their event, which leads here. One row per batch with events, as long as something leads here.
CREATE TABLE attributions (
    shard INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    records BLOB NOT NULL, -- actors/common/attributions.h
    PRIMARY KEY (shard, seq)
) STRICT, WITHOUT ROWID;

-- the ledger ---------------------------------------------------------------------------------------

CREATE TABLE accounts (
    account_id BLOB NOT NULL,
    tenant_id BLOB NOT NULL,
    currency INTEGER NOT NULL, -- ISO 4217 numeric
    code INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    status INTEGER NOT NULL,
    version INTEGER NOT NULL, -- of the last change that was no posting
    name TEXT,
    owner TEXT,
    user_data_128 ANY NOT NULL,
    user_data_64 INTEGER NOT NULL,
    user_data_32 INTEGER NOT NULL,
    opened_time INTEGER NOT NULL,
    PRIMARY KEY (account_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX accounts_by_tenant ON accounts (tenant_id, account_id);

-- One row per version of an account, without gaps; hash covers the hash of the row before.
CREATE TABLE entries (
    account_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    rest BLOB NOT NULL, -- the other columns of view.entries in schemas/ledger.toml
    PRIMARY KEY (account_id, version)
) STRICT, WITHOUT ROWID;

-- What an entry that moves nothing changed.
CREATE TABLE account_changes (
    account_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    reason TEXT,
    flags INTEGER,
    debit_balance_max ANY,
    credit_balance_max ANY,
    credit_balance_min ANY,
    currency INTEGER NOT NULL,
    PRIMARY KEY (account_id, version)
) STRICT, WITHOUT ROWID;

-- What an account keeps aside for a transfer that another shard decides, until that is followed; under
-- the id zero the sums of the account.
CREATE TABLE kept_aside (
    account_id BLOB NOT NULL,
    transfer_id BLOB NOT NULL,
    counterparty_id BLOB NOT NULL,
    direction INTEGER NOT NULL,
    debits ANY NOT NULL,
    credits ANY NOT NULL,
    currency INTEGER NOT NULL,
    recorded_time INTEGER NOT NULL,
    ends ANY NOT NULL,
    decided_as BLOB,
    parts BLOB,
    PRIMARY KEY (account_id, transfer_id)
) STRICT, WITHOUT ROWID;

-- What accounts still hold for pending transfers that have ended in the shards where they are at home.
CREATE TABLE ended_halves (
    account_id BLOB NOT NULL,
    pending_id BLOB NOT NULL,
    followed INTEGER NOT NULL,
    released ANY NOT NULL,
    currency INTEGER NOT NULL,
    effective_time INTEGER NOT NULL,
    recorded_time INTEGER NOT NULL,
    PRIMARY KEY (account_id, pending_id)
) STRICT, WITHOUT ROWID;

-- Entries that count before an earlier one of the account does, or before they were recorded.
CREATE TABLE late_entries (
    account_id BLOB NOT NULL,
    axis INTEGER NOT NULL, -- in the order of time_axis in schemas/ledger.toml
    span INTEGER NOT NULL, -- how late: actors/ledger/late_entry.h
    version INTEGER NOT NULL,
    time INTEGER NOT NULL, -- when it counts
    place INTEGER NOT NULL, -- until then it is not among the earlier ones
    direction INTEGER NOT NULL,
    posted ANY NOT NULL,
    held ANY NOT NULL,
    released ANY NOT NULL,
    currency INTEGER NOT NULL,
    PRIMARY KEY (account_id, axis, span, version)
) STRICT, WITHOUT ROWID;

-- One row per transfer, of the shard where it was asked for: ids that clients choose are known to
-- the shards that have something under them, so in others one may be that of another transfer.
CREATE TABLE transfers (
    tenant_id BLOB NOT NULL,
    transfer_id BLOB NOT NULL,
    shard INTEGER NOT NULL,
    rest BLOB NOT NULL, -- the other columns of view.transfers in schemas/ledger.toml
    PRIMARY KEY (tenant_id, transfer_id, shard)
) STRICT, WITHOUT ROWID;

CREATE TABLE transfer_notes (
    tenant_id BLOB NOT NULL,
    transfer_id BLOB NOT NULL, -- or that of a multi-leg transaction
    shard INTEGER NOT NULL, -- of the transfer
    description TEXT,
    reason TEXT,
    metadata BLOB, -- msgpack map
    PRIMARY KEY (tenant_id, transfer_id, shard)
) STRICT, WITHOUT ROWID;

CREATE TABLE transaction_transfers (
    tenant_id BLOB NOT NULL,
    transaction_id BLOB NOT NULL,
    shard INTEGER NOT NULL, -- of the transaction
    leg INTEGER NOT NULL,
    transfer_id BLOB NOT NULL,
    home INTEGER NOT NULL, -- the shard of the transfer's row
    PRIMARY KEY (tenant_id, transaction_id, shard, leg)
) STRICT, WITHOUT ROWID;

-- wallets ------------------------------------------------------------------------------------------

-- One row per wallet; balances are in the accounts view under the same id.
CREATE TABLE wallets (
    wallet_id BLOB NOT NULL,
    tenant_id BLOB NOT NULL, -- hash of the tenant
    owner_id BLOB NOT NULL, -- hash of tenant and owner
    user_id TEXT NOT NULL,
    currency INTEGER NOT NULL, -- ISO 4217 numeric
    status INTEGER NOT NULL, -- 1 active, 2 frozen, 3 closed
    freeze_scope INTEGER, -- 1 owner, 2 all; of a frozen one
    per_transaction ANY,
    per_day ANY,
    open_holds INTEGER NOT NULL,
    metadata BLOB NOT NULL, -- msgpack map
    created_at INTEGER NOT NULL, -- nanoseconds since 1970, as all times
    version INTEGER NOT NULL,
    PRIMARY KEY (wallet_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX wallets_by_owner ON wallets (tenant_id, owner_id);
CREATE INDEX wallets_by_tenant ON wallets (tenant_id);

-- One row per hold of a wallet.
CREATE TABLE wallet_holds (
    hold_id BLOB NOT NULL,
    wallet_id BLOB NOT NULL,
    amount ANY NOT NULL,
    currency INTEGER NOT NULL,
    status INTEGER NOT NULL, -- 1 held, 2 partially captured, 3 captured, 4 released, 5 expired
    captured_amount ANY NOT NULL,
    remaining_amount ANY NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    description TEXT,
    version INTEGER NOT NULL,
    metadata BLOB NOT NULL, -- msgpack map
    PRIMARY KEY (hold_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX wallet_holds_by_wallet ON wallet_holds (wallet_id);

-- One row per change of a wallet or step of a hold; movements of money are entries.
CREATE TABLE wallet_events (
    wallet_id BLOB NOT NULL,
    position INTEGER NOT NULL, -- of its event in the shard's journal
    type INTEGER NOT NULL, -- in the order of wallet_event_kind in schemas/wallet.toml
    timestamp INTEGER NOT NULL,
    hold_id BLOB,
    amount ANY,
    expires_at INTEGER,
    freeze_scope INTEGER, -- 1 owner, 2 all
    per_transaction ANY,
    per_day ANY,
    currency INTEGER NOT NULL,
    reason TEXT,
    PRIMARY KEY (wallet_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX wallet_events_by_hold ON wallet_events (hold_id);

-- payments -----------------------------------------------------------------------------------------

-- One row per payment.
CREATE TABLE payments (
    payment_id BLOB NOT NULL,
    tenant_id BLOB NOT NULL, -- hash of the tenant
    payer_id BLOB NOT NULL, -- hash of tenant and owner
    payee_id BLOB NOT NULL,
    from_account BLOB NOT NULL,
    to_account BLOB NOT NULL,
    amount ANY NOT NULL,
    currency INTEGER NOT NULL, -- ISO 4217 numeric
    status INTEGER NOT NULL, -- in the order of payment_status in schemas/payment.toml
    capture INTEGER NOT NULL, -- 1 automatic, 2 manual
    captured_amount ANY NOT NULL,
    refunded_amount ANY NOT NULL,
    description TEXT,
    customer_id TEXT,
    metadata BLOB NOT NULL, -- msgpack map
    expires_at INTEGER,
    created_at INTEGER NOT NULL, -- nanoseconds since 1970, as all times
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    last_transfer_id BLOB, -- the ledger transfer of the last step; of a failed one none
    failure INTEGER, -- result code of a failed one
    PRIMARY KEY (payment_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX payments_by_tenant ON payments (tenant_id);
CREATE INDEX payments_by_payer ON payments (tenant_id, payer_id);
CREATE INDEX payments_by_payee ON payments (tenant_id, payee_id);
CREATE INDEX payments_by_from ON payments (from_account);
CREATE INDEX payments_by_to ON payments (to_account);
CREATE INDEX payments_by_customer ON payments (tenant_id, customer_id);

-- One row per change of what counts for a pair of currencies.
CREATE TABLE rate_changes (
    from_currency INTEGER NOT NULL,
    to_currency INTEGER NOT NULL,
    version INTEGER NOT NULL,
    change INTEGER NOT NULL, -- in the order of rate_change in schemas/forex.toml
    digits INTEGER NOT NULL, -- the rate is these / 10^scale; 0: none counts
    scale INTEGER NOT NULL,
    source TEXT,
    manual INTEGER NOT NULL,
    observed_at INTEGER,
    recorded_at INTEGER NOT NULL,
    note TEXT,
    PRIMARY KEY (from_currency, to_currency, version)
) STRICT, WITHOUT ROWID;

-- One row per step of a payment.
CREATE TABLE payment_events (
    payment_id BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    type INTEGER NOT NULL, -- in the order of payment_event_kind in schemas/payment.toml
    status INTEGER NOT NULL,
    amount ANY NOT NULL,
    currency INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    transfer_id BLOB,
    position INTEGER NOT NULL, -- of its event in the shard's journal
    shard INTEGER NOT NULL, -- that decided it: the payer's, or the payee's
    reason TEXT,
    metadata BLOB, -- msgpack map
    expires_at INTEGER, -- of an authorisation that began or was extended
    PRIMARY KEY (payment_id, sequence)
) STRICT, WITHOUT ROWID;
