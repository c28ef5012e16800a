-- Times are microseconds since 1970 (UTC), given by the server. Lists that are only ever read whole are JSON text.

-- One row: what is true of the whole installation.
CREATE TABLE installation (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    revision     BIGINT NOT NULL,          -- every change to clients, APIs, users, groups, roles, assignments or keys adds one
    key_check    BYTEA,                    -- tells whether a replica has the right master key
    setup_at     BIGINT,                   -- when the first administrator was made
    status_seq   BIGINT NOT NULL,          -- the last change of a token status
    audit_seq    BIGINT NOT NULL,          -- the last event of the audit log
    audit_hash   BYTEA NOT NULL,
    expiry_seen_at BIGINT NOT NULL DEFAULT 0, -- the last expiry of an assignment that was recorded as an event,
    expiry_seen_id BIGINT NOT NULL DEFAULT 0  -- and the assignment
);
INSERT INTO installation (id, revision, status_seq, audit_seq, audit_hash) VALUES (1, 1, 0, 0, '');

-- The revision, held: a change of it waits until this transaction ends, and this waits for a change under way.
-- The second statement sees what was committed while the first one waited; a plain subquery would not.
CREATE FUNCTION held_revision() RETURNS BIGINT LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared('installation'::regclass::oid::bigint);
    RETURN (SELECT revision FROM installation WHERE id = 1);
END $$;

-- Wakes the replicas that LISTEN, once this transaction has committed.
CREATE FUNCTION wake_replicas() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('signet', '');
    RETURN NULL;
END $$;
CREATE TRIGGER wake_replicas AFTER UPDATE OF revision, status_seq ON installation EXECUTE FUNCTION wake_replicas();

-- What each revision changed, so that a cache drops only that.
CREATE TABLE changes (
    revision   BIGINT NOT NULL,
    kind       TEXT NOT NULL,
    key        TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (revision, kind, key)
);

CREATE TABLE apis (
    id               BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    audience         TEXT NOT NULL UNIQUE,
    name             TEXT NOT NULL,
    signing_alg      TEXT NOT NULL,
    access_token_ttl BIGINT NOT NULL,      -- microseconds, 0: the server's default
    no_userinfo      BOOLEAN NOT NULL,     -- its tokens do not open userinfo
    version          BIGINT NOT NULL DEFAULT 1, -- each update adds one
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL
);

CREATE TABLE permissions (
    api_id      BIGINT NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (api_id, name)
);
CREATE INDEX permissions_name ON permissions (name);

CREATE TABLE clients (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_id     TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    is_public     BOOLEAN NOT NULL,
    first_party   BOOLEAN NOT NULL,
    require_pkce  BOOLEAN NOT NULL,
    grant_types   TEXT NOT NULL,           -- JSON array
    redirect_uris TEXT NOT NULL,           -- JSON array
    id_token_alg  TEXT NOT NULL,
    disabled_at   BIGINT,
    version       BIGINT NOT NULL DEFAULT 1, -- each update adds one
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);

CREATE TABLE client_secrets (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_ref BIGINT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    hash       TEXT NOT NULL,
    hint       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX client_secrets_client ON client_secrets (client_ref);

-- The APIs that a client may ask for: all that each has, now and later, or the permissions that client_permissions names.
CREATE TABLE client_apis (
    client_ref      BIGINT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    api_id          BIGINT NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    all_permissions BOOLEAN NOT NULL,
    is_default      BOOLEAN NOT NULL,      -- of requests that name no API
    PRIMARY KEY (client_ref, api_id)
);
CREATE UNIQUE INDEX client_apis_default ON client_apis (client_ref) WHERE is_default;
CREATE INDEX client_apis_api ON client_apis (api_id);

CREATE TABLE client_permissions (
    client_ref BIGINT NOT NULL,
    api_id     BIGINT NOT NULL,
    permission TEXT NOT NULL,
    PRIMARY KEY (client_ref, api_id, permission),
    FOREIGN KEY (client_ref, api_id) REFERENCES client_apis (client_ref, api_id) ON DELETE CASCADE,
    FOREIGN KEY (api_id, permission) REFERENCES permissions (api_id, name) ON DELETE CASCADE
);
CREATE INDEX client_permissions_permission ON client_permissions (api_id, permission);

-- Which APIs a client serves as their resource server.
CREATE TABLE client_serves (
    client_ref BIGINT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    api_id     BIGINT NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    PRIMARY KEY (client_ref, api_id)
);
CREATE INDEX client_serves_api ON client_serves (api_id);

CREATE TABLE users (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject        TEXT NOT NULL UNIQUE,
    username       TEXT NOT NULL UNIQUE,
    email          TEXT NOT NULL,
    email_verified BOOLEAN NOT NULL,
    name           TEXT NOT NULL,
    disabled_at    BIGINT,
    version        BIGINT NOT NULL DEFAULT 1, -- each update adds one
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL
);
CREATE INDEX users_email ON users (lower(email)) WHERE email <> '';

-- What a user proves who they are with: at most one password.
CREATE TABLE credentials (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL CHECK (kind IN ('password')),
    data       TEXT NOT NULL,              -- of the kind: for a password, its hash
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX credentials_user ON credentials (user_id);
CREATE UNIQUE INDEX credentials_password ON credentials (user_id) WHERE kind = 'password';

-- What other providers call a user.
CREATE TABLE identities (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id     BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider    TEXT NOT NULL,
    external_id TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    UNIQUE (provider, external_id)
);
CREATE INDEX identities_user ON identities (user_id);

CREATE TABLE groups (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    version     BIGINT NOT NULL DEFAULT 1, -- each update adds one
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);

CREATE TABLE group_members (
    group_id BIGINT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id  BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_user ON group_members (user_id);

CREATE TABLE roles (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    version     BIGINT NOT NULL DEFAULT 1, -- each update adds one
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);

CREATE TABLE role_permissions (
    role_id    BIGINT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    api_id     BIGINT NOT NULL,
    permission TEXT NOT NULL,
    PRIMARY KEY (role_id, api_id, permission),
    FOREIGN KEY (api_id, permission) REFERENCES permissions (api_id, name) ON DELETE CASCADE
);
CREATE INDEX role_permissions_permission ON role_permissions (api_id, permission);

CREATE TABLE assignments (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    role_id    BIGINT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    user_id    BIGINT REFERENCES users (id) ON DELETE CASCADE,
    group_id   BIGINT REFERENCES groups (id) ON DELETE CASCADE,
    client_ref BIGINT REFERENCES clients (id) ON DELETE CASCADE,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    CHECK ((user_id IS NOT NULL)::int + (group_id IS NOT NULL)::int + (client_ref IS NOT NULL)::int = 1)
);
CREATE UNIQUE INDEX assignments_user ON assignments (user_id, role_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX assignments_group ON assignments (group_id, role_id) WHERE group_id IS NOT NULL;
CREATE UNIQUE INDEX assignments_client ON assignments (client_ref, role_id) WHERE client_ref IS NOT NULL;
CREATE INDEX assignments_role ON assignments (role_id);
CREATE INDEX assignments_expires ON assignments (expires_at, id) WHERE expires_at IS NOT NULL;

CREATE TABLE sessions (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash         BYTEA NOT NULL UNIQUE,
    user_id      BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    auth_time    BIGINT NOT NULL,
    acr          TEXT NOT NULL,
    amr          TEXT NOT NULL,            -- JSON array
    user_agent   TEXT NOT NULL,
    ip           TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    ended_at     BIGINT
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires ON sessions (expires_at);

CREATE TABLE consents (
    user_id    BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_ref BIGINT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    audience   TEXT NOT NULL,
    scopes     TEXT NOT NULL,              -- JSON array
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_ref, audience)
);
CREATE INDEX consents_client ON consents (client_ref);

-- No foreign keys: a grant ends by a revocation and goes when it expires, however many a client or user has.
CREATE TABLE grants (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_ref BIGINT NOT NULL,
    user_id    BIGINT NOT NULL,
    session_id BIGINT,
    revision   BIGINT NOT NULL,              -- of the installation, when the grant was written
    audience   TEXT NOT NULL,
    scopes     TEXT NOT NULL,              -- JSON array
    auth_time  BIGINT NOT NULL,
    acr        TEXT NOT NULL,
    amr        TEXT NOT NULL,              -- JSON array
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    act        BYTEA                       -- id of what the user did for this grant: it serves one
);
CREATE UNIQUE INDEX grants_act ON grants (act) WHERE act IS NOT NULL;
CREATE INDEX grants_client ON grants (client_ref) WHERE revoked_at IS NULL;
CREATE INDEX grants_user ON grants (user_id) WHERE revoked_at IS NULL;
CREATE INDEX grants_audience ON grants (audience) WHERE revoked_at IS NULL;
CREATE INDEX grants_expires ON grants (expires_at);

CREATE TABLE authorization_codes (
    signature  TEXT PRIMARY KEY,
    grant_id   BIGINT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    form       TEXT NOT NULL,              -- JSON: the sanitized request
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX authorization_codes_grant ON authorization_codes (grant_id);
CREATE INDEX authorization_codes_expires ON authorization_codes (expires_at);

CREATE TABLE refresh_tokens (
    signature  TEXT PRIMARY KEY,
    grant_id   BIGINT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX refresh_tokens_grant ON refresh_tokens (grant_id);
CREATE INDEX refresh_tokens_expires ON refresh_tokens (expires_at);

-- The index. No foreign keys: it is written at full speed, and a row outlives what it points to. It is the one table that is
-- large, so columns stand in an order that needs no padding, 16 bytes are a UUID, what most rows have in common is NULL, and
-- when a token was issued is left to its jti. The server makes the partitions, each with its jti as the primary key, and drops them.
CREATE TABLE issued_tokens (
    expires_at   BIGINT NOT NULL,
    revision     BIGINT NOT NULL,          -- of the installation, when the token was written
    grant_id     BIGINT,
    revoked_at   BIGINT,
    suspended_at BIGINT,
    client_ref   INTEGER NOT NULL,
    user_id      INTEGER,
    key_id       INTEGER NOT NULL,
    api_id       INTEGER,
    status_list  INTEGER,
    status_index INTEGER,
    jti          UUID NOT NULL,
    digest       UUID,                     -- half the SHA-256 of the token
    kind         SMALLINT                  -- NULL: an access token
) PARTITION BY RANGE (expires_at);

-- When a jti was made, in units of 4.096 seconds: the first 36 of its 48 bits of milliseconds (of which the first five are zero
-- until the year 2248).
CREATE FUNCTION jti_time(jti UUID) RETURNS INTEGER LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (get_byte(uuid_send(jti), 0) << 28) | (get_byte(uuid_send(jti), 1) << 20) | (get_byte(uuid_send(jti), 2) << 12)
    | (get_byte(uuid_send(jti), 3) << 4) | (get_byte(uuid_send(jti), 4) >> 4);

-- Those of an owner, newest first; those of a grant are among its user's. With so coarse a time many rows share an entry, which
-- then costs them a quarter each; a user has fewer tokens than a client.
CREATE INDEX issued_tokens_client ON issued_tokens (client_ref, jti_time(jti));
CREATE INDEX issued_tokens_api ON issued_tokens (api_id, jti_time(jti)) WHERE api_id IS NOT NULL;
CREATE INDEX issued_tokens_user ON issued_tokens (user_id, (jti_time(jti) >> 8)) WHERE user_id IS NOT NULL;

-- Takes back all tokens of its target that were written before its revision. Their rows are marked up to the cursor.
CREATE TABLE revocations (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          TEXT NOT NULL,
    target_id     BIGINT NOT NULL,         -- 0: none, for kind 'all'
    user_id       BIGINT,                  -- for kind 'grant': its user
    audience      TEXT,                    -- for kind 'api': the API's
    keep_grants   BOOLEAN NOT NULL,        -- they do not end with their tokens
    revision      BIGINT NOT NULL,
    issued_before BIGINT,
    created_at    BIGINT NOT NULL,
    cursor        BYTEA NOT NULL,          -- a jti
    marked        BIGINT NOT NULL,          -- tokens
    ended         BIGINT NOT NULL,          -- grants
    done_at       BIGINT
);
CREATE INDEX revocations_open ON revocations (id) WHERE done_at IS NULL;

CREATE TABLE status_lists (
    id         INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    size       INTEGER NOT NULL,
    leased     INTEGER NOT NULL CHECK (leased <= size), -- positions from 0 on that somebody has
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX status_lists_expires ON status_lists (expires_at);

-- What became of entries of status lists, in the order of commits.
CREATE TABLE status_changes (
    seq     BIGINT PRIMARY KEY,
    list_id INTEGER NOT NULL,
    entries BYTEA NOT NULL                 -- packed
);
CREATE INDEX status_changes_list ON status_changes (list_id);

CREATE TABLE signing_keys (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kid          TEXT NOT NULL UNIQUE,
    alg          TEXT NOT NULL,
    state        TEXT NOT NULL,
    public_jwk   TEXT NOT NULL,
    sealed_key   BYTEA NOT NULL,
    created_at   BIGINT NOT NULL,
    activated_at BIGINT,
    retired_at   BIGINT,
    revoked_at   BIGINT
);
-- One key signs, and one waits, for each algorithm: replicas cannot disagree.
CREATE UNIQUE INDEX signing_keys_current ON signing_keys (alg, state) WHERE state IN ('next', 'active');

CREATE TABLE setup_links (
    hash       BYTEA PRIMARY KEY,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE audit_events (
    seq       BIGINT PRIMARY KEY,
    at        BIGINT NOT NULL,
    actor     TEXT NOT NULL,
    action    TEXT NOT NULL,
    target    TEXT NOT NULL,
    details   TEXT NOT NULL,               -- JSON object
    salt      BYTEA,                        -- without it, nobody can guess from the digest what was erased
    digest    BYTEA NOT NULL,               -- of salt, actor, target and details: the hash covers it in their place
    erased_by BIGINT,                      -- the seq of the event that says so; then salt, actor, target and details are empty
    prev_hash BYTEA NOT NULL,
    hash      BYTEA NOT NULL
);
CREATE INDEX audit_events_at ON audit_events (at, seq);
CREATE INDEX audit_events_actor ON audit_events (actor, seq);
CREATE INDEX audit_events_target ON audit_events (target, seq);
CREATE INDEX audit_events_erased ON audit_events (erased_by) WHERE erased_by IS NOT NULL;

-- What the audit log was at a time, so that events cut off at its end are missed.
CREATE TABLE audit_checkpoints (
    seq  BIGINT PRIMARY KEY,
    hash BYTEA NOT NULL,
    at   BIGINT NOT NULL,
    mac  BYTEA NOT NULL
);

-- What services hear (RFC 8417): a row for each subject of an event of the audit log and each audience.
CREATE TABLE outbox (
    seq       BIGINT NOT NULL,             -- of the event
    at        BIGINT NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('session-revoked', 'token-claims-change')),
    reason    TEXT NOT NULL,
    initiator TEXT NOT NULL CHECK (initiator IN ('user', 'admin', 'system')),
    format    TEXT NOT NULL CHECK (format IN ('iss_sub', 'jwt_id', 'opaque', 'uri', 'complex')),
    subject   TEXT NOT NULL,               -- in that format; '' as a URI: the issuer
    session   TEXT NOT NULL,               -- '': none
    user_id   BIGINT,                      -- of a subject that is a user
    audience  TEXT NOT NULL,               -- '': every receiver
    PRIMARY KEY (seq, format, subject, audience)
);

-- Who receives security events: a cursor over the outbox. At most one for a client.
CREATE TABLE receivers (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_ref      BIGINT NOT NULL UNIQUE REFERENCES clients (id) ON DELETE CASCADE,
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

INSERT INTO roles (name, description, created_at, updated_at)
VALUES ('administrator', 'Manages Signet itself', 0, 0);

-- The API by which Signet itself is managed; internal/admin gives it, and the administrator role, its permissions.
INSERT INTO apis (audience, name, signing_alg, access_token_ttl, no_userinfo, created_at, updated_at)
VALUES ('urn:signet:admin', 'Signet', 'ES256', 0, FALSE, 0, 0);
