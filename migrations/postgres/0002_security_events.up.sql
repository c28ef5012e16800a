-- Who receives security events (RFC 8417): a cursor over the audit log, which is the outbox. At most one for a client.
CREATE TABLE receivers (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_id       BIGINT NOT NULL UNIQUE REFERENCES clients (id) ON DELETE CASCADE,
    method          TEXT NOT NULL,
    endpoint        TEXT NOT NULL,
    sealed_token    BYTEA NOT NULL,
    allow_private   BOOLEAN NOT NULL,
    events          TEXT NOT NULL,          -- JSON array
    acked           BIGINT NOT NULL,        -- every event up to this seq is done with
    acked_beyond    TEXT NOT NULL,          -- JSON array
    leased_until    BIGINT,
    attempts        INTEGER NOT NULL DEFAULT 0,
    next_attempt_at BIGINT NOT NULL,
    last_error      TEXT NOT NULL DEFAULT '',
    created_at      BIGINT NOT NULL,
    paused_at       BIGINT
);
