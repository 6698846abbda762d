-- SPDX-License-Identifier: Apache-2.0
-- views.db: metadata of holds. Those placed before had none.
ALTER TABLE wallet_holds ADD COLUMN metadata BLOB NOT NULL DEFAULT x'80'; -- msgpack map
