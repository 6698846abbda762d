-- SPDX-License-Identifier: Apache-2.0
-- views.db: what the projector derives from the journal for wallets. Amounts are minor units: an
-- INTEGER if it fits, else 16 bytes big-endian.

-- One row per wallet; balances are in the accounts view under the same id.
CREATE TABLE wallets (
    wallet_id BLOB NOT NULL,
    tenant_id BLOB NOT NULL, -- hash of the tenant
    owner_id BLOB NOT NULL, -- hash of tenant and owner
    user_id TEXT NOT NULL,
    currency INTEGER NOT NULL, -- ISO 4217 numeric
    status INTEGER NOT NULL, -- 1 active, 2 frozen, 3 closed
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
    PRIMARY KEY (hold_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX wallet_holds_by_wallet ON wallet_holds (wallet_id);
