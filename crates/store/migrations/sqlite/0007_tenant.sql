-- The settings of the whole installation, token quotas and their counts, accounts at the token
-- endpoint, and what management tells of signing keys.

-- One row, `tenant`. Quotas are JSON text, NULL where there is none.
CREATE TABLE tenants (
    id TEXT NOT NULL PRIMARY KEY,
    default_audience TEXT,
    resource_parameter TEXT NOT NULL,
    client_quota TEXT,
    account_quota TEXT,
    kept_fields TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    row_seq BIGINT NOT NULL
);

ALTER TABLE accounts ADD COLUMN token_quota TEXT;
ALTER TABLE clients ADD COLUMN token_quota TEXT;
ALTER TABLE clients ADD COLUMN default_organization TEXT;
ALTER TABLE client_grants ADD COLUMN organization_usage TEXT;
ALTER TABLE client_grants ADD COLUMN any_organization BIGINT NOT NULL DEFAULT 0;

-- Under these names there were fields that were only kept and decided nothing. They begin to decide
-- when they are written anew, rather than behind the back of whoever wrote them.
UPDATE clients
SET kept_fields = json_remove(kept_fields, '$.token_quota', '$.default_organization');
UPDATE client_grants
SET kept_fields = json_remove(kept_fields, '$.organization_usage', '$.allow_any_organization');

-- The certificate is public (X.509, DER). Moments are NULL where there was none.
ALTER TABLE sealed_keys ADD COLUMN certificate BLOB;
ALTER TABLE sealed_keys ADD COLUMN current_since BIGINT;
ALTER TABLE sealed_keys ADD COLUMN current_until BIGINT;
ALTER TABLE sealed_keys ADD COLUMN revoked_at BIGINT;

-- How many tokens were issued, for those who have a quota. No policy: it is neither numbered nor
-- audited, and written a few seconds late. Hours and days are counted from 1970, in UTC.
CREATE TABLE token_counts (
    holder_kind TEXT NOT NULL,
    holder TEXT NOT NULL,
    hour BIGINT NOT NULL,
    in_hour BIGINT NOT NULL,
    told_hour BIGINT NOT NULL,
    day BIGINT NOT NULL,
    in_day BIGINT NOT NULL,
    told_day BIGINT NOT NULL,
    PRIMARY KEY (holder_kind, holder)
);
CREATE INDEX token_counts_day ON token_counts (day);

-- States in the change log lack the new fields. Who is behind loads the policy anew.
DELETE FROM change_log;
UPDATE change_head SET floor = seq;
