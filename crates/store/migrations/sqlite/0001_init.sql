-- The policy, its change log and its audit log.
--
-- Only TEXT, BIGINT and BLOB are used and no clause that one database alone knows, so that this
-- text needs one word changed (BLOB) to be PostgreSQL's too. Truth values are 0 and 1, moments are
-- milliseconds since 1970, lists and maps are JSON text: they are always read and written whole,
-- and a snapshot of a million clients then walks one table instead of joining three.
-- `shard` says which counter numbers the changes of a row; there is only 0 yet. `row_seq` is the
-- number of a row's last change.

CREATE TABLE change_head (
    shard BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    floor BIGINT NOT NULL
);
INSERT INTO change_head (shard, seq, floor) VALUES (0, 0, 0);

-- `body` is the whole state after the change, NULL when the thing is gone. `refers_to` holds what a
-- grant belongs to (client and API), which a row without a body could not say.
CREATE TABLE change_log (
    shard BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    txn_end BIGINT NOT NULL,
    kind TEXT NOT NULL,
    entity TEXT NOT NULL,
    refers_to TEXT,
    body TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (shard, seq)
);

CREATE TABLE audit_log (
    shard BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_address TEXT,
    request_id TEXT NOT NULL,
    action TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    before_state TEXT,
    after_state TEXT,
    revision BIGINT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE INDEX audit_log_target ON audit_log (target_kind, target_id, seq);
CREATE INDEX audit_log_at ON audit_log (at);

-- The row that every chain of hashes begins with. Its hash is computed like any other.
INSERT INTO audit_log (
    seq, shard, at, actor_kind, actor_id, actor_address, request_id, action, target_kind,
    target_id, before_state, after_state, revision, previous_hash, hash
) VALUES (
    0, 0, 0, 'system', 'keyward', NULL, '', 'audit.begin', 'audit', '0', NULL, NULL, 0,
    '0000000000000000000000000000000000000000000000000000000000000000',
    '23b443af814067d3a7937029fefc50181f04c0a12eff16ae82f2b89f383f024c'
);

-- The last row of the audit log, so that rows cut off its end are missed.
CREATE TABLE audit_head (
    shard BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO audit_head (shard, seq, hash)
VALUES (0, 0, '23b443af814067d3a7937029fefc50181f04c0a12eff16ae82f2b89f383f024c');

CREATE TABLE apis (
    id TEXT NOT NULL PRIMARY KEY,
    identifier TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    signing_algorithm TEXT NOT NULL,
    token_lifetime_s BIGINT NOT NULL,
    dialect TEXT NOT NULL,
    permissions_claim BIGINT NOT NULL,
    allowlist_mode TEXT NOT NULL,
    allowlist_entries TEXT NOT NULL,
    is_system BIGINT NOT NULL,
    kept_fields TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    row_seq BIGINT NOT NULL
);
CREATE INDEX apis_order ON apis (created_at, id);

CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    allowlist_mode TEXT NOT NULL,
    allowlist_entries TEXT NOT NULL,
    metadata TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    row_seq BIGINT NOT NULL
);
CREATE INDEX accounts_order ON accounts (created_at, id);

-- `search_text` is name and id in lower case, made by the program: databases disagree about what
-- lower case is.
CREATE TABLE clients (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT REFERENCES accounts (id),
    name TEXT NOT NULL,
    description TEXT,
    environment TEXT NOT NULL,
    state TEXT NOT NULL,
    secrets TEXT NOT NULL,
    allowlist_mode TEXT NOT NULL,
    allowlist_entries TEXT NOT NULL,
    grant_types TEXT NOT NULL,
    app_type TEXT,
    token_endpoint_auth_method TEXT,
    metadata TEXT NOT NULL,
    tokens_not_before BIGINT,
    kept_fields TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    search_text TEXT NOT NULL,
    shard BIGINT NOT NULL,
    row_seq BIGINT NOT NULL
);
CREATE INDEX clients_order ON clients (created_at, id);
CREATE INDEX clients_account ON clients (account_id, created_at, id);

CREATE TABLE client_grants (
    id TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id),
    api_id TEXT NOT NULL REFERENCES apis (id),
    scopes TEXT NOT NULL,
    kept_fields TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    row_seq BIGINT NOT NULL,
    UNIQUE (client_id, api_id)
);
CREATE INDEX client_grants_order ON client_grants (created_at, id);
CREATE INDEX client_grants_api ON client_grants (api_id, created_at, id);

CREATE TABLE token_revocations (
    token TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    row_seq BIGINT NOT NULL
);
CREATE INDEX token_revocations_end ON token_revocations (expires_at);

CREATE TABLE sealed_keys (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    algorithm TEXT,
    status TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    status_since BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    shard BIGINT NOT NULL
);

-- Leases of deciding nodes; empty while there is one process.
CREATE TABLE node_lease (
    node_id TEXT NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    renew_count BIGINT NOT NULL,
    applied TEXT NOT NULL,
    lease_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    region TEXT,
    build TEXT,
    address TEXT
);
