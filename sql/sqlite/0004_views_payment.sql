-- SPDX-License-Identifier: Apache-2.0
-- views.db: what the projector derives from the journal for payments. Amounts are minor units: an
-- INTEGER if it fits, else 16 bytes big-endian.

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
    PRIMARY KEY (payment_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX payments_by_tenant ON payments (tenant_id);
CREATE INDEX payments_by_payer ON payments (tenant_id, payer_id);
CREATE INDEX payments_by_payee ON payments (tenant_id, payee_id);
CREATE INDEX payments_by_from ON payments (from_account);
CREATE INDEX payments_by_to ON payments (to_account);

-- One row per step of a payment.
CREATE TABLE payment_events (
    payment_id BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    type INTEGER NOT NULL, -- 1 created, 2 captured, 3 refunded, 4 cancelled, 5 expired
    status INTEGER NOT NULL,
    amount ANY NOT NULL,
    currency INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    transfer_id BLOB,
    by TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (payment_id, sequence)
) STRICT, WITHOUT ROWID;
