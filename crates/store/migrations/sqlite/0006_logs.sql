-- Log events, which no decision hangs on, and the streams that carry them elsewhere.
--
-- Of a log event the columns are what it is searched by; a text that it does not have is empty.
-- `seq` grows without a gap in the order of the commits, also when the clock goes back, so that
-- whoever read up to a number misses nothing by asking for what comes after it. `id_at` never goes
-- back either; the public id is made of both.

CREATE TABLE log_events (
    seq BIGINT NOT NULL PRIMARY KEY,
    id_at BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    client_id TEXT NOT NULL,
    client_name TEXT NOT NULL,
    ip TEXT NOT NULL,
    description TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX log_events_at ON log_events (at, seq);
CREATE INDEX log_events_kind ON log_events (kind, at, seq);
CREATE INDEX log_events_client ON log_events (client_id, at, seq);

-- The last number given, which outlives the events.
CREATE TABLE log_head (
    shard BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    id_at BIGINT NOT NULL
);
INSERT INTO log_head (shard, seq, id_at) VALUES (0, 0, 0);

-- `settings` is JSON that people may see; what they may not is in `sealed`, under the master key.
CREATE TABLE log_streams (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    settings TEXT NOT NULL,
    sealed BLOB NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    shard BIGINT NOT NULL
);

-- How far a stream has come: up to which event everything was delivered.
CREATE TABLE log_stream_progress (
    stream_id TEXT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    failing_since BIGINT,
    failures BIGINT NOT NULL
);
