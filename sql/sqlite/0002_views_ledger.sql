-- SPDX-License-Identifier: Apache-2.0
-- views.db: accounts, entries and transfers. Columns of type ANY are amounts: INTEGER up to 63
-- bits, 16 bytes big-endian beyond; times are nanoseconds since 1970.

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
    place INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    direction INTEGER NOT NULL,
    transfer_id BLOB,
    counterparty_id BLOB,
    amount ANY NOT NULL,
    code INTEGER NOT NULL,
    debits_pending ANY NOT NULL,
    debits_posted ANY NOT NULL,
    credits_pending ANY NOT NULL,
    credits_posted ANY NOT NULL,
    effective_time INTEGER NOT NULL,
    effective_max INTEGER NOT NULL, -- largest effective_time of this and all earlier entries
    recorded_time INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (account_id, version)
) STRICT, WITHOUT ROWID;

-- Entries that count before an earlier one of the account does.
CREATE TABLE late_entries (
    account_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    effective_time INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    direction INTEGER NOT NULL,
    posted ANY NOT NULL,
    held ANY NOT NULL,
    released ANY NOT NULL,
    PRIMARY KEY (account_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE transfers (
    tenant_id BLOB NOT NULL,
    transfer_id BLOB NOT NULL,
    debit_account_id BLOB NOT NULL,
    credit_account_id BLOB NOT NULL,
    amount ANY NOT NULL,
    currency INTEGER NOT NULL,
    code INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    status INTEGER NOT NULL,
    pending_id BLOB,
    posted_amount ANY,
    remaining_amount ANY,
    expires_time INTEGER,
    reverses_id BLOB,
    transaction_id BLOB,
    user_data_128 ANY NOT NULL,
    user_data_64 INTEGER NOT NULL,
    user_data_32 INTEGER NOT NULL,
    effective_time INTEGER NOT NULL,
    recorded_time INTEGER NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, transfer_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE transfer_notes (
    tenant_id BLOB NOT NULL,
    transfer_id BLOB NOT NULL, -- or that of a multi-leg transaction
    description TEXT,
    metadata BLOB, -- msgpack map
    PRIMARY KEY (tenant_id, transfer_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE transaction_transfers (
    tenant_id BLOB NOT NULL,
    transaction_id BLOB NOT NULL,
    leg INTEGER NOT NULL,
    transfer_id BLOB NOT NULL,
    PRIMARY KEY (tenant_id, transaction_id, leg)
) STRICT, WITHOUT ROWID;
