-- What Actions did, for the people who write them. No policy: it is neither numbered nor audited,
-- and no decision hangs on it.
--
-- `seq` grows in the order of writing, so that the oldest rows are found without counting. It is
-- not public, so it may leave gaps and begin anew in an empty table. `body` is the server's own
-- JSON: the event that the Actions ran with, what each did, and how the token request ended.

CREATE TABLE action_executions (
    seq BIGINT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    at_ms BIGINT NOT NULL,
    client_id TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX action_executions_at ON action_executions (at_ms, seq);
CREATE INDEX action_executions_client ON action_executions (client_id, at_ms, seq);
