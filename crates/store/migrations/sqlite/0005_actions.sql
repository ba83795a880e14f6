-- Actions, their versions and what is bound to the trigger. Secrets are JSON text with values that
-- are sealed under the master key, like signing keys.

CREATE TABLE actions (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    code TEXT NOT NULL,
    dependencies TEXT NOT NULL,
    runtime TEXT NOT NULL,
    secrets TEXT NOT NULL,
    deployed TEXT,
    all_changes_deployed BIGINT NOT NULL,
    versions_made BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    row_seq BIGINT NOT NULL
);
CREATE INDEX actions_order ON actions (created_at, id);

CREATE TABLE action_versions (
    id TEXT NOT NULL PRIMARY KEY,
    action_id TEXT NOT NULL REFERENCES actions (id),
    number BIGINT NOT NULL,
    code TEXT NOT NULL,
    dependencies TEXT NOT NULL,
    runtime TEXT NOT NULL,
    secrets TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    row_seq BIGINT NOT NULL,
    UNIQUE (action_id, number)
);

-- One row a trigger: the whole ordered list.
CREATE TABLE trigger_bindings (
    id TEXT NOT NULL PRIMARY KEY,
    bindings TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    row_seq BIGINT NOT NULL
);
