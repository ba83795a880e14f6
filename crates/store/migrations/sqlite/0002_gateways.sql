-- Registered enforcement points. Networks, tokens, scopes and paths are JSON text, as lists are
-- elsewhere; of a token there is only its authentication code.

CREATE TABLE gateways (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    address_source TEXT NOT NULL,
    trusted TEXT NOT NULL,
    peers TEXT NOT NULL,
    unix_peer BIGINT NOT NULL,
    token_required BIGINT NOT NULL,
    tokens TEXT NOT NULL,
    certificates TEXT NOT NULL,
    required_audience TEXT,
    required_scopes TEXT NOT NULL,
    disclosure TEXT,
    deny_style TEXT,
    allow_preflight BIGINT NOT NULL,
    public_paths TEXT NOT NULL,
    assertion BIGINT NOT NULL,
    hide_credential BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    row_seq BIGINT NOT NULL
);
CREATE INDEX gateways_order ON gateways (created_at, id);
