-- Times are microseconds since 1970 (UTC), given by the server; issued_tokens_v and audit_v show them as text. Booleans are 0 or 1.
-- Lists and objects are JSON text.

-- One row: what is true of the whole installation.
CREATE TABLE installation (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    revision     INTEGER NOT NULL CHECK (revision >= 1), -- every change to clients, APIs, users, groups, roles, assignments or keys adds one
    setup_at     INTEGER, -- when the first administrator was made
    status_seq   INTEGER NOT NULL, -- the last change of a token status
    audit_seq    INTEGER NOT NULL, -- the last event of the audit log
    audit_hash   BLOB NOT NULL,
    expiry_seen_at INTEGER NOT NULL DEFAULT 0, -- the last expiry of an assignment that was recorded as an event,
    expiry_seen_id INTEGER NOT NULL DEFAULT 0, -- and the assignment
    incarnation  TEXT NOT NULL DEFAULT '', -- which copy of the database this is; '': no server has served it
    restored_at  INTEGER -- when it was found to be restored from a backup: nothing is issued until that is accepted; NULL: it is not
) STRICT;
INSERT INTO installation (id, revision, status_seq, audit_seq, audit_hash) VALUES (1, 1, 0, 0, X'');

-- The master keys that open the installation's secret, from which all other keys are derived. Two while the key is being changed.
CREATE TABLE master_keys (
    key_check     BLOB PRIMARY KEY, -- tells which master key it is
    sealed_secret BLOB NOT NULL, -- with that key
    created_at    INTEGER NOT NULL
) STRICT;

-- Changes of what is stored that follow a migration step by step, beside running servers.
CREATE TABLE backfills (
    name        TEXT PRIMARY KEY,
    done        INTEGER NOT NULL CHECK (done >= 0), -- rows
    total       INTEGER NOT NULL CHECK (total >= 0), -- rows, when it began
    position    TEXT NOT NULL, -- how far it has come, in its own terms
    started_at  INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;

-- What each revision changed, so that a cache drops only that.
CREATE TABLE changes (
    revision   INTEGER NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN (
        'client', 'client-access', 'api', 'policy', 'resource', 'user', 'user-access', 'group-access', 'role', 'keys', 'revocations', 'everything')),
    key        TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (revision, kind, key)
) STRICT;

CREATE TABLE apis (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    audience         TEXT NOT NULL UNIQUE,
    name             TEXT NOT NULL,
    signing_alg      TEXT NOT NULL CHECK (signing_alg IN ('ES256', 'RS256', 'EdDSA')),
    access_token_ttl INTEGER NOT NULL CHECK (access_token_ttl >= 0), -- microseconds, 0: the server's default
    no_userinfo      INTEGER NOT NULL CHECK (no_userinfo IN (0, 1)), -- its tokens do not open userinfo
    memberships TEXT NOT NULL CHECK (memberships IN ('relevant', 'all', 'none')), -- which roles and groups its access tokens name
    group_names TEXT NOT NULL CHECK (group_names IN ('name', 'slash-name')), -- how its access tokens name groups
    claim_mappings TEXT NOT NULL CHECK (json_type(claim_mappings) = 'array'), -- claims of its access tokens, each with its CEL expression
    encryption_jwks     TEXT NOT NULL DEFAULT '', -- the public keys that its access tokens are encrypted to, a JWK Set; empty: none are registered here
    encryption_jwks_uri TEXT NOT NULL DEFAULT '', -- where it publishes them; empty: nowhere
    encryption_jwks_uri_private INTEGER NOT NULL DEFAULT 0 CHECK (encryption_jwks_uri_private IN (0, 1)), -- that may be at a private address
    encrypted_claims    TEXT NOT NULL DEFAULT '[]' CHECK (json_type(encrypted_claims) = 'array'), -- those that are encrypted; empty: the whole token is, if there are keys
    version          INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1), -- each update adds one
    managed_by TEXT NOT NULL DEFAULT '', -- the set of files that it comes from; empty: none
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    CHECK (encryption_jwks = '' OR encryption_jwks_uri = '')
) STRICT;
CREATE INDEX apis_managed ON apis (managed_by) WHERE managed_by <> '';
CREATE INDEX apis_find_audience ON apis (lower(audience));
CREATE INDEX apis_find_name ON apis (lower(name));

CREATE TABLE permissions (
    api_id      INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (api_id, name)
) STRICT;
CREATE INDEX permissions_name ON permissions (name);

CREATE TABLE policies (
    api_id     INTEGER PRIMARY KEY REFERENCES apis (id) ON DELETE CASCADE,
    active     INTEGER NOT NULL CHECK (active BETWEEN 0 AND newest), -- the number of the version that decides; 0: it was deleted
    newest     INTEGER NOT NULL CHECK (newest >= 1), -- the number of the newest version that there ever was: none is given twice
    version    INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1), -- each change adds one
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE policy_versions (
    api_id     INTEGER NOT NULL REFERENCES policies (api_id) ON DELETE CASCADE,
    number     INTEGER NOT NULL CHECK (number >= 1),
    content    TEXT NOT NULL, -- the policy in YAML, as it was written
    author     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (api_id, number)
) STRICT;

CREATE TABLE resources (
    api_id     INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    type       TEXT NOT NULL,
    name       TEXT NOT NULL, -- its id at the API
    properties TEXT NOT NULL CHECK (json_type(properties) = 'object'), -- what conditions read where a request gives none
    version    INTEGER NOT NULL CHECK (version >= 1), -- the revision of its last change: one that is registered anew has none of before
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (api_id, type, name)
) STRICT;

CREATE TABLE clients (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id     TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    is_public     INTEGER NOT NULL CHECK (is_public IN (0, 1)),
    first_party   INTEGER NOT NULL CHECK (first_party IN (0, 1)),
    require_pkce  INTEGER NOT NULL CHECK (require_pkce IN (0, 1)),
    keep_refresh_tokens INTEGER NOT NULL CHECK (keep_refresh_tokens IN (0, 1)), -- they stay valid when they are used
    session_refresh_tokens INTEGER NOT NULL CHECK (session_refresh_tokens IN (0, 1)), -- it gets refresh tokens without offline_access, which end with the session
    revoke_on_session_end INTEGER NOT NULL CHECK (revoke_on_session_end IN (0, 1)), -- its access tokens end with the session, unless they came with offline_access
    refresh_overlap INTEGER CHECK (refresh_overlap >= 0), -- microseconds in which a used refresh token gives its unused successor again, NULL: the server's
    grant_types   TEXT NOT NULL CHECK (json_type(grant_types) = 'array'),
    redirect_uris TEXT NOT NULL CHECK (json_type(redirect_uris) = 'array'),
    post_logout_redirect_uris TEXT NOT NULL CHECK (json_type(post_logout_redirect_uris) = 'array'),
    backchannel_logout_uri TEXT NOT NULL, -- where it hears of ended sessions; empty: nowhere
    backchannel_logout_private INTEGER NOT NULL CHECK (backchannel_logout_private IN (0, 1)), -- that may be at a private address
    frontchannel_logout_uri TEXT NOT NULL, -- where browsers tell it of a sign-out; empty: nowhere
    frontchannel_logout_session_required INTEGER NOT NULL CHECK (frontchannel_logout_session_required IN (0, 1)), -- and of which session
    id_token_alg  TEXT NOT NULL CHECK (id_token_alg IN ('ES256', 'RS256', 'EdDSA')),
    userinfo_alg  TEXT NOT NULL CHECK (userinfo_alg IN ('', 'ES256', 'RS256', 'EdDSA')), -- by which its userinfo is signed; empty: it is not
    subject_type  TEXT NOT NULL CHECK (subject_type IN ('public', 'pairwise')), -- by which subject it knows users
    sector_identifier TEXT NOT NULL, -- the host whose clients know a user by the same pairwise subject; empty: none
    group_names TEXT NOT NULL CHECK (group_names IN ('name', 'slash-name')), -- how its ID tokens and userinfo name groups
    serves_userinfo INTEGER NOT NULL CHECK (serves_userinfo IN (0, 1)), -- it may introspect tokens for userinfo itself
    jwks          TEXT NOT NULL, -- its public keys, a JWK Set; empty: none are registered here
    jwks_uri      TEXT NOT NULL, -- where it publishes them; empty: nowhere
    jwks_uri_private INTEGER NOT NULL CHECK (jwks_uri_private IN (0, 1)), -- that may be at a private address
    endpoint_audience INTEGER NOT NULL CHECK (endpoint_audience IN (0, 1)), -- its assertions may name the token endpoint as their audience
    origin        TEXT NOT NULL CHECK (origin IN ('administrator', 'registration', 'metadata')),
    registration_token TEXT NOT NULL, -- hash of the token by which it changes its own registration; empty: it has none
    last_used_at  INTEGER, -- when it last got a token, to the day
    disabled_at   INTEGER,
    disabled_reason TEXT NOT NULL DEFAULT '',
    claim_mappings TEXT NOT NULL CHECK (json_type(claim_mappings) = 'array'), -- claims of its ID tokens and userinfo, each with its CEL expression
    version       INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1), -- each update adds one
    managed_by TEXT NOT NULL DEFAULT '', -- the set of files that it comes from; empty: none
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    CHECK (jwks = '' OR jwks_uri = '')
) STRICT;
CREATE INDEX clients_managed ON clients (managed_by) WHERE managed_by <> '';
CREATE INDEX clients_disabled ON clients (client_id) WHERE disabled_at IS NOT NULL;
CREATE INDEX clients_find_client_id ON clients (lower(client_id));
CREATE INDEX clients_find_name ON clients (lower(name));
CREATE INDEX clients_self_registered ON clients (COALESCE(last_used_at, created_at)) WHERE origin <> 'administrator';
CREATE INDEX clients_last_used ON clients (COALESCE(last_used_at, created_at)) WHERE origin = 'administrator' AND disabled_at IS NULL;

-- The initial access tokens by which clients register themselves.
CREATE TABLE invitations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    hash       TEXT NOT NULL UNIQUE,
    note       TEXT NOT NULL,
    max_uses   INTEGER NOT NULL CHECK (max_uses >= 1),
    uses       INTEGER NOT NULL CHECK (uses >= 0 AND uses <= max_uses),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX invitations_expires ON invitations (expires_at);
CREATE INDEX invitations_find_note ON invitations (lower(note));

CREATE TABLE client_secrets (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    client_ref INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    hash       TEXT NOT NULL,
    hint       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT;
CREATE INDEX client_secrets_client ON client_secrets (client_ref);
CREATE INDEX client_secrets_expires ON client_secrets (expires_at) WHERE expires_at IS NOT NULL;

-- Other issuers whose JWTs authenticate a client; keys are published where the issuer's metadata says, if neither jwks nor jwks_uri is given.
CREATE TABLE client_trusts (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    client_ref INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL, -- a pattern
    audience   TEXT NOT NULL, -- empty: the issuer of this server
    claims     TEXT NOT NULL CHECK (json_type(claims) IN ('object', 'null')), -- others that must have just these values
    jwks       TEXT NOT NULL,
    jwks_uri   TEXT NOT NULL,
    private    INTEGER NOT NULL CHECK (private IN (0, 1)), -- that may be at a private address
    reusable   INTEGER NOT NULL CHECK (reusable IN (0, 1)), -- a JWT serves until it expires, not just once
    created_at INTEGER NOT NULL,
    CHECK (jwks = '' OR jwks_uri = '')
) STRICT;
CREATE INDEX client_trusts_client ON client_trusts (client_ref);

-- The APIs that a client may ask for: all that each has, now and later, or the permissions that client_permissions names.
CREATE TABLE client_apis (
    client_ref      INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    api_id          INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    all_permissions INTEGER NOT NULL CHECK (all_permissions IN (0, 1)),
    is_default      INTEGER NOT NULL CHECK (is_default IN (0, 1)), -- of requests that name no API
    PRIMARY KEY (client_ref, api_id)
) STRICT;
CREATE UNIQUE INDEX client_apis_default ON client_apis (client_ref) WHERE is_default;
CREATE INDEX client_apis_api ON client_apis (api_id);

CREATE TABLE client_permissions (
    client_ref INTEGER NOT NULL,
    api_id     INTEGER NOT NULL,
    permission TEXT NOT NULL,
    PRIMARY KEY (client_ref, api_id, permission),
    FOREIGN KEY (client_ref, api_id) REFERENCES client_apis (client_ref, api_id) ON DELETE CASCADE,
    FOREIGN KEY (api_id, permission) REFERENCES permissions (api_id, name) ON DELETE CASCADE
) STRICT;
CREATE INDEX client_permissions_permission ON client_permissions (api_id, permission);

-- Which APIs a client serves as their resource server.
CREATE TABLE client_serves (
    client_ref INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    api_id     INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    PRIMARY KEY (client_ref, api_id)
) STRICT;
CREATE INDEX client_serves_api ON client_serves (api_id);

CREATE TABLE users (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    subject        TEXT NOT NULL UNIQUE,
    username       TEXT NOT NULL UNIQUE,
    email          TEXT NOT NULL,
    email_verified INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
    name           TEXT NOT NULL,
    disabled_at    INTEGER,
    disabled_reason TEXT NOT NULL DEFAULT '',
    version        INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1), -- each update adds one
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX users_disabled ON users (username) WHERE disabled_at IS NOT NULL;
CREATE INDEX users_find_username ON users (lower(username));
CREATE INDEX users_find_email ON users (lower(email));
CREATE INDEX users_find_name ON users (lower(name));
CREATE INDEX users_email ON users (lower(email)) WHERE email <> '';

-- The properties that users may have.
CREATE TABLE attributes (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL UNIQUE,
    type        TEXT NOT NULL CHECK (type IN ('string', 'number', 'boolean', 'string_list')),
    description TEXT NOT NULL,
    standard    INTEGER NOT NULL CHECK (standard IN (0, 1)), -- for a claim of OpenID Connect Core §5.1; every installation has these
    version     INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1), -- each update adds one
    managed_by TEXT NOT NULL DEFAULT '', -- the set of files that it comes from; empty: none
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX attributes_managed ON attributes (managed_by) WHERE managed_by <> '';
INSERT INTO attributes (name, type, description, standard, created_at, updated_at) VALUES
    ('given_name', 'string', 'Given names', TRUE, 0, 0),
    ('family_name', 'string', 'Family names', TRUE, 0, 0),
    ('middle_name', 'string', 'Middle names', TRUE, 0, 0),
    ('nickname', 'string', 'Casual name', TRUE, 0, 0),
    ('profile', 'string', 'URL of a page about the user', TRUE, 0, 0),
    ('picture', 'string', 'URL of a picture of the user', TRUE, 0, 0),
    ('website', 'string', 'URL of the user''s own page', TRUE, 0, 0),
    ('gender', 'string', 'Gender', TRUE, 0, 0),
    ('birthdate', 'string', 'Birthday, as 1990-12-31, 0000-12-31 or 1990', TRUE, 0, 0),
    ('zoneinfo', 'string', 'Time zone, as Europe/Zurich', TRUE, 0, 0),
    ('locale', 'string', 'Language, as de-CH', TRUE, 0, 0),
    ('phone_number', 'string', 'Telephone number, as +41 44 123 45 67', TRUE, 0, 0),
    ('phone_number_verified', 'boolean', 'The telephone number is known to be the user''s', TRUE, 0, 0),
    ('address.formatted', 'string', 'Postal address as on a letter', TRUE, 0, 0),
    ('address.street_address', 'string', 'Street and house number of the postal address', TRUE, 0, 0),
    ('address.locality', 'string', 'City or locality of the postal address', TRUE, 0, 0),
    ('address.region', 'string', 'State, province or region of the postal address', TRUE, 0, 0),
    ('address.postal_code', 'string', 'Postal code', TRUE, 0, 0),
    ('address.country', 'string', 'Country of the postal address', TRUE, 0, 0);

CREATE TABLE user_attributes (
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    attribute_id INTEGER NOT NULL REFERENCES attributes (id) ON DELETE CASCADE,
    value        TEXT NOT NULL CHECK (json_valid(value)), -- of the attribute's type
    PRIMARY KEY (user_id, attribute_id)
) STRICT;
CREATE INDEX user_attributes_attribute ON user_attributes (attribute_id);

-- What a user proves who they are with: at most one password.
CREATE TABLE credentials (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL CHECK (kind IN ('password')),
    data       TEXT NOT NULL, -- of the kind: for a password, its hash
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    last_used_at INTEGER -- to the hour
) STRICT;
CREATE INDEX credentials_user ON credentials (user_id);
CREATE UNIQUE INDEX credentials_password ON credentials (user_id) WHERE kind = 'password';

-- Links with which users set their passwords, as hashes: one of a user, once.
CREATE TABLE password_links (
    user_id    INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    hash       BLOB NOT NULL UNIQUE,
    maker      TEXT NOT NULL CHECK (json_type(maker) = 'array'), -- the permissions of urn:signet:admin of whoever made it, * for all: it opens nothing if the user has others
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX password_links_expires ON password_links (expires_at);

-- Requests that are carried out once, by the HMAC of their Idempotency-Key and whom that belongs to.
CREATE TABLE keyed_requests (
    id            BLOB PRIMARY KEY,
    request       BLOB NOT NULL, -- HMAC of the request
    claim         BLOB NOT NULL, -- of whoever carries it out: nobody else keeps an answer
    claimed_until INTEGER NOT NULL,
    answer        BLOB, -- sealed with the master key; NULL while the request is being carried out, until claimed_until at most
    expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX keyed_requests_expires ON keyed_requests (expires_at);

-- What replicas share to get certificates by ACME (RFC 8555): accounts, certificates and their keys, challenges.
CREATE TABLE acme_values (
    key         TEXT PRIMARY KEY,
    value       BLOB NOT NULL, -- sealed with the master key
    modified_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What one replica at a time does by ACME, until expires_at at most.
CREATE TABLE acme_locks (
    name       TEXT PRIMARY KEY,
    owner      BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What other providers call a user.
CREATE TABLE identities (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id     INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider    TEXT NOT NULL,
    external_id TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    UNIQUE (provider, external_id)
) STRICT;
CREATE INDEX identities_user ON identities (user_id);

CREATE TABLE groups (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    version     INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1), -- each update adds one
    managed_by TEXT NOT NULL DEFAULT '', -- the set of files that it comes from; empty: none
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX groups_managed ON groups (managed_by) WHERE managed_by <> '';
CREATE INDEX groups_find_name ON groups (lower(name));

CREATE TABLE group_members (
    group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id  INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
) STRICT;
CREATE INDEX group_members_user ON group_members (user_id);

CREATE TABLE roles (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    version     INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1), -- each update adds one
    managed_by TEXT NOT NULL DEFAULT '', -- the set of files that it comes from; empty: none
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX roles_managed ON roles (managed_by) WHERE managed_by <> '';
CREATE INDEX roles_find_name ON roles (lower(name));

CREATE TABLE role_permissions (
    role_id    INTEGER NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    api_id     INTEGER NOT NULL,
    permission TEXT NOT NULL,
    PRIMARY KEY (role_id, api_id, permission),
    FOREIGN KEY (api_id, permission) REFERENCES permissions (api_id, name) ON DELETE CASCADE
) STRICT;
CREATE INDEX role_permissions_permission ON role_permissions (api_id, permission);

CREATE TABLE assignments (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    role_id    INTEGER NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    user_id    INTEGER REFERENCES users (id) ON DELETE CASCADE,
    group_id   INTEGER REFERENCES groups (id) ON DELETE CASCADE,
    client_ref INTEGER REFERENCES clients (id) ON DELETE CASCADE,
    expires_at INTEGER,
    managed_by TEXT NOT NULL DEFAULT '', -- the set of files that it comes from; empty: none
    created_at INTEGER NOT NULL,
    CHECK ((user_id IS NOT NULL) + (group_id IS NOT NULL) + (client_ref IS NOT NULL) = 1)
) STRICT;
CREATE INDEX assignments_managed ON assignments (managed_by) WHERE managed_by <> '';
CREATE UNIQUE INDEX assignments_user ON assignments (user_id, role_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX assignments_group ON assignments (group_id, role_id) WHERE group_id IS NOT NULL;
CREATE UNIQUE INDEX assignments_client ON assignments (client_ref, role_id) WHERE client_ref IS NOT NULL;
CREATE INDEX assignments_role ON assignments (role_id, id);
CREATE INDEX assignments_holders ON assignments (role_id, user_id, client_ref, group_id);
CREATE INDEX assignments_expires ON assignments (expires_at, id) WHERE expires_at IS NOT NULL;

CREATE TABLE sessions (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    hash         BLOB NOT NULL UNIQUE,
    sid          TEXT NOT NULL, -- names the session in ID tokens, security events and the audit log
    browser      BLOB, -- hash of a secret of the browser, NULL: none is known
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    auth_time    INTEGER NOT NULL,
    acr          TEXT NOT NULL,
    amr          TEXT NOT NULL CHECK (json_type(amr) = 'array'),
    user_agent   TEXT NOT NULL,
    ip           TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    ended_at     INTEGER
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_browser ON sessions (browser) WHERE ended_at IS NULL;
CREATE INDEX sessions_expires ON sessions (expires_at);
CREATE INDEX sessions_last_seen ON sessions (last_seen_at, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_sid ON sessions (sid);
CREATE INDEX sessions_find_sid ON sessions (lower(sid)) WHERE ended_at IS NULL;

CREATE TABLE consents (
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_ref INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    audience   TEXT NOT NULL,
    scopes     TEXT NOT NULL CHECK (json_type(scopes) = 'array'),
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, client_ref, audience)
) STRICT;
CREATE INDEX consents_client ON consents (client_ref);

-- No foreign keys: a grant ends by a revocation and goes when it expires, however many a client or user has.
CREATE TABLE grants (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    client_ref INTEGER NOT NULL,
    user_id    INTEGER NOT NULL,
    session_id INTEGER,
    sid        TEXT NOT NULL, -- the name of the session, which may be deleted before the grant; empty: none
    ends_with_session INTEGER NOT NULL CHECK (ends_with_session IN (0, 1)), -- its codes and refresh tokens do
    revision   INTEGER NOT NULL, -- of the installation, when the grant was written
    auth_time  INTEGER NOT NULL,
    acr        TEXT NOT NULL,
    amr        TEXT NOT NULL CHECK (json_type(amr) = 'array'),
    id_token_claims TEXT NOT NULL CHECK (json_type(id_token_claims) = 'array'), -- names of claims that were asked for one by one
    userinfo_claims TEXT NOT NULL CHECK (json_type(userinfo_claims) = 'array'),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    act        BLOB -- id of what the user did for this grant: it serves one
) STRICT;
CREATE UNIQUE INDEX grants_act ON grants (act) WHERE act IS NOT NULL;
CREATE INDEX grants_client ON grants (client_ref) WHERE revoked_at IS NULL;
CREATE INDEX grants_user ON grants (user_id, id) WHERE revoked_at IS NULL;
CREATE INDEX grants_expires ON grants (expires_at);
CREATE INDEX grants_session ON grants (session_id) WHERE session_id IS NOT NULL;

-- The APIs that a grant covers.
CREATE TABLE grant_apis (
    grant_id   INTEGER NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL, -- among those of the grant, in the order in which they were asked for
    audience   TEXT NOT NULL,
    scopes     TEXT NOT NULL CHECK (json_type(scopes) = 'array'), -- that access tokens for it may have
    revoked_at INTEGER, -- when all tokens for the API were revoked: the grant goes on without it
    PRIMARY KEY (grant_id, audience)
) STRICT;
CREATE INDEX grant_apis_audience ON grant_apis (audience) WHERE revoked_at IS NULL;

CREATE TABLE authorization_codes (
    signature  TEXT PRIMARY KEY,
    grant_id   INTEGER NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    form       TEXT NOT NULL CHECK (json_type(form) = 'object'), -- the sanitized request
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
CREATE INDEX authorization_codes_grant ON authorization_codes (grant_id);
CREATE INDEX authorization_codes_expires ON authorization_codes (expires_at);

CREATE TABLE refresh_tokens (
    signature  TEXT PRIMARY KEY,
    grant_id   INTEGER NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
CREATE INDEX refresh_tokens_grant ON refresh_tokens (grant_id, created_at);
CREATE INDEX refresh_tokens_expires ON refresh_tokens (expires_at);

-- Requests of devices (RFC 8628). Their codes are stored as hashes under a key, since a user code alone can be guessed.
CREATE TABLE device_requests (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    device_code   BLOB NOT NULL UNIQUE,
    user_code     BLOB NOT NULL UNIQUE,
    client_ref    INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    apis          TEXT NOT NULL CHECK (json_type(apis) = 'array'), -- what it asks for: objects of audience and scopes
    nonce         TEXT NOT NULL,
    ip            TEXT NOT NULL,
    user_agent    TEXT NOT NULL,
    poll_interval INTEGER NOT NULL CHECK (poll_interval > 0), -- microseconds that the device has to wait between two polls
    polled_at     INTEGER,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    answered_at   INTEGER,
    answered_by   INTEGER, -- the user
    grant_id      INTEGER REFERENCES grants (id) ON DELETE CASCADE, -- what the user allowed; NULL with answered_at: the answer was no
    used_at       INTEGER, -- when the device got its tokens
    CHECK ((answered_at IS NULL) = (answered_by IS NULL)),
    CHECK (grant_id IS NULL OR answered_at IS NOT NULL),
    CHECK (used_at IS NULL OR grant_id IS NOT NULL)
) STRICT;
CREATE INDEX device_requests_client ON device_requests (client_ref);
CREATE INDEX device_requests_grant ON device_requests (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX device_requests_expires ON device_requests (expires_at);

-- How often something was tried: a bucket from which one try drains in each interval.
CREATE TABLE limits (
    bucket      TEXT PRIMARY KEY,
    spent_until INTEGER NOT NULL -- when the bucket is empty; then the row means nothing
) STRICT;
CREATE INDEX limits_spent_until ON limits (spent_until);

-- The index. No foreign keys: it is written at full speed, and a row outlives what it points to.
CREATE TABLE issued_tokens (
    jti          BLOB NOT NULL PRIMARY KEY CHECK (length(jti) = 16), -- begins with the time that the token was issued
    expires_at   INTEGER NOT NULL,
    revision     INTEGER NOT NULL, -- of the installation, when the token was written
    grant_id     INTEGER,
    revoked_at   INTEGER,
    suspended_at INTEGER,
    client_ref   INTEGER NOT NULL,
    user_id      INTEGER,
    key_id       INTEGER NOT NULL,
    api_id       INTEGER,
    status_list  INTEGER,
    status_index INTEGER,
    digest       BLOB CHECK (length(digest) = 16), -- half the SHA-256 of the token
    kind         INTEGER CHECK (kind IN (2)), -- 2: an ID token; NULL: an access token
    CHECK ((status_list IS NULL) = (status_index IS NULL))
) STRICT, WITHOUT ROWID;
-- Those of an owner, newest first; those of a grant are among its user's.
CREATE INDEX issued_tokens_client ON issued_tokens (client_ref, jti);
CREATE INDEX issued_tokens_api ON issued_tokens (api_id, jti) WHERE api_id IS NOT NULL;
CREATE INDEX issued_tokens_user ON issued_tokens (user_id, jti) WHERE user_id IS NOT NULL;
CREATE INDEX issued_tokens_expires ON issued_tokens (expires_at);

-- Takes back all tokens of its target that were written before its revision. Their rows are marked up to the cursor.
CREATE TABLE revocations (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    kind          TEXT NOT NULL CHECK (kind IN ('user', 'client', 'api', 'key', 'grant', 'role', 'group', 'all', 'criteria')),
    target_id     INTEGER NOT NULL, -- 0: none, for kinds 'all' and 'criteria'
    user_id       INTEGER, -- for kind 'grant': its user
    audience      TEXT, -- for kind 'api', and for kind 'criteria' if an API is among them: the API's
    keep_grants   INTEGER NOT NULL CHECK (keep_grants IN (0, 1)), -- they do not end with their tokens
    revision      INTEGER NOT NULL,
    issued_before INTEGER,
    created_at    INTEGER NOT NULL,
    cursor        BLOB NOT NULL CHECK (length(cursor) = 16), -- a jti
    marked        INTEGER NOT NULL CHECK (marked >= 0), -- tokens
    ended         INTEGER NOT NULL CHECK (ended >= 0), -- grants
    lost          TEXT CHECK (json_type(lost) = 'array'), -- for kinds 'role' and 'group': what users and clients lose at APIs
    part          INTEGER NOT NULL DEFAULT 0 CHECK (part >= 0), -- the users, or the client, of that list that it has come to
    done_at       INTEGER,
    criteria      TEXT CHECK (json_type(criteria) = 'object'), -- for kind 'criteria': what tokens have to meet, all of it, to be revoked
    holders       TEXT CHECK (json_type(holders) = 'object'), -- of the role among its criteria, when it began
    -- The names, when it began, of its target or of what its criteria name: it is found by them.
    username      TEXT,
    client_id     TEXT,
    kid           TEXT,
    role_name     TEXT,
    group_name    TEXT,
    CHECK ((lost IS NULL) = (kind NOT IN ('role', 'group'))),
    CHECK ((criteria IS NULL) = (kind <> 'criteria'))
) STRICT;
CREATE INDEX revocations_open ON revocations (id) WHERE done_at IS NULL;
CREATE INDEX revocations_kind ON revocations (kind, id);
CREATE INDEX revocations_find_username ON revocations (lower(username), (-id));
CREATE INDEX revocations_find_client_id ON revocations (lower(client_id), (-id));
CREATE INDEX revocations_find_audience ON revocations (lower(audience), (-id));
CREATE INDEX revocations_find_kid ON revocations (lower(kid), (-id));
CREATE INDEX revocations_find_role_name ON revocations (lower(role_name), (-id));
CREATE INDEX revocations_find_group_name ON revocations (lower(group_name), (-id));

CREATE TABLE status_lists (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    size       INTEGER NOT NULL CHECK (size > 0),
    leased     INTEGER NOT NULL CHECK (leased BETWEEN 0 AND size), -- positions from 0 on that somebody has
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX status_lists_expires ON status_lists (expires_at);

-- What became of entries of status lists, in the order of commits.
CREATE TABLE status_changes (
    seq     INTEGER PRIMARY KEY,
    list_id INTEGER NOT NULL,
    entries BLOB NOT NULL -- packed
) STRICT;
CREATE INDEX status_changes_list ON status_changes (list_id);

CREATE TABLE signing_keys (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    kid          TEXT NOT NULL UNIQUE,
    alg          TEXT NOT NULL CHECK (alg IN ('ES256', 'RS256', 'EdDSA')),
    state        TEXT NOT NULL CHECK (state IN ('next', 'active', 'retired', 'revoked')),
    public_jwk   TEXT NOT NULL CHECK (json_type(public_jwk) = 'object'),
    sealed_key   BLOB NOT NULL,
    created_at   INTEGER NOT NULL,
    activated_at INTEGER,
    retired_at   INTEGER,
    revoked_at   INTEGER
) STRICT;
-- One key signs, and one waits, for each algorithm: replicas cannot disagree.
CREATE UNIQUE INDEX signing_keys_current ON signing_keys (alg, state) WHERE state IN ('next', 'active');

-- Ended sessions that a client has yet to hear of (back-channel logout).
CREATE TABLE logouts (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    client_ref INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    subject    TEXT NOT NULL,
    sid        TEXT NOT NULL, -- the name of the session; empty: all sessions of the user
    attempts   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL
) STRICT;
CREATE INDEX logouts_next_attempt ON logouts (next_attempt_at);
CREATE INDEX logouts_client ON logouts (client_ref);

CREATE TABLE assertions (
    hash       BLOB PRIMARY KEY, -- of issuer, subject and jti
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX assertions_expires ON assertions (expires_at);

CREATE TABLE setup_links (
    hash       BLOB PRIMARY KEY,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE statistics (
    at      INTEGER NOT NULL, -- the beginning of the minute
    kind    TEXT NOT NULL,
    replica TEXT NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (at, kind, replica)
) STRICT, WITHOUT ROWID;

CREATE TABLE replicas (
    id         TEXT PRIMARY KEY,
    version    TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    revision   INTEGER NOT NULL, -- up to which it has applied changes
    as_of      INTEGER NOT NULL, -- when it last asked the database for changes
    jwks       TEXT NOT NULL -- the entity tag of the key set that it publishes
) STRICT;

CREATE TABLE verifiers (
    id            TEXT PRIMARY KEY, -- a keyed hash of the address and the user agent
    agent         TEXT NOT NULL,
    jwks          TEXT NOT NULL, -- the entity tag of the key set that it was last given
    confirmed_at  INTEGER, -- when it last showed that it holds that one
    first_seen_at INTEGER NOT NULL,
    seen_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX verifiers_seen ON verifiers (seen_at);

CREATE TABLE audit_events (
    seq       INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    actor     TEXT NOT NULL,
    action    TEXT NOT NULL,
    target    TEXT NOT NULL,
    details   TEXT NOT NULL CHECK (json_type(details) = 'object'),
    salt      BLOB, -- without it, nobody can guess from the digest what was erased
    digest    BLOB NOT NULL, -- of salt, actor, target, details and request_id: the hash covers it in their place
    erased_by INTEGER, -- the seq of the event that says so; then salt, actor, target, details and request_id are empty
    prev_hash BLOB NOT NULL,
    hash      BLOB NOT NULL,
    request_id TEXT NOT NULL -- of the request in which it was done; empty: none
) STRICT;
CREATE INDEX audit_events_at ON audit_events (at, seq);
CREATE INDEX audit_events_actor ON audit_events (actor, at, seq);
CREATE INDEX audit_events_action ON audit_events (action, at, seq);
CREATE INDEX audit_events_target ON audit_events (target, at, seq);
CREATE INDEX audit_events_find_target ON audit_events (lower(substr(target, instr(target, ':') + 1)), (-seq));
CREATE INDEX audit_events_find_actor ON audit_events (lower(substr(actor, instr(actor, ':') + 1)), (-seq));
CREATE INDEX audit_events_erased ON audit_events (erased_by) WHERE erased_by IS NOT NULL;

-- What the audit log was at a time, so that events cut off at its end are missed.
CREATE TABLE audit_checkpoints (
    seq  INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    at   INTEGER NOT NULL,
    mac  BLOB NOT NULL
) STRICT;

-- What services hear (RFC 8417): a row for each subject of an event of the audit log and each audience.
CREATE TABLE outbox (
    seq       INTEGER NOT NULL, -- of the event
    at        INTEGER NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('session-revoked', 'token-claims-change', 'credential-change', 'account-disabled', 'account-enabled', 'account-purged',
        'policy-change', 'verification', 'stream-updated')),
    reason    TEXT NOT NULL,
    members   TEXT NOT NULL CHECK (json_type(members) = 'object'), -- what the kind of event says beside
    initiator TEXT NOT NULL CHECK (initiator IN ('user', 'admin', 'system')),
    format    TEXT NOT NULL CHECK (format IN ('iss_sub', 'jwt_id', 'opaque', 'uri', 'complex')),
    subject   TEXT NOT NULL, -- in that format; '' as a URI: the issuer
    session   TEXT NOT NULL, -- '': none
    client    TEXT NOT NULL, -- the client_id of the client by which the user has what it is about; '': whichever
    user_id   INTEGER, -- of a subject that is a user
    audience  TEXT NOT NULL, -- sent to those who serve it; '': whatever they serve
    receiver_id INTEGER NOT NULL, -- sent to this one alone; 0: to all
    PRIMARY KEY (seq, kind, format, subject, audience, receiver_id)
) STRICT;

-- Who receives security events: a cursor over the outbox. At most one for a client.
CREATE TABLE receivers (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    client_ref      INTEGER NOT NULL UNIQUE REFERENCES clients (id) ON DELETE CASCADE,
    description     TEXT NOT NULL,
    method          TEXT NOT NULL CHECK (method IN ('poll', 'push')),
    endpoint        TEXT NOT NULL,
    sealed_token    BLOB NOT NULL,
    allow_private   INTEGER NOT NULL CHECK (allow_private IN (0, 1)),
    events          TEXT NOT NULL CHECK (json_type(events) = 'array'),
    acked           INTEGER NOT NULL, -- every event up to this seq is done with
    acked_beyond    TEXT NOT NULL CHECK (json_type(acked_beyond) = 'array'),
    missed          INTEGER NOT NULL DEFAULT 0, -- the seq of the last event that was deleted before it was done with; 0: none
    leased_until    INTEGER,
    attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at INTEGER NOT NULL,
    last_error      TEXT NOT NULL DEFAULT '',
    verification_seq         INTEGER NOT NULL DEFAULT 0, -- of the last verification event that it was sent; 0: none
    verification_state       TEXT NOT NULL DEFAULT '',
    verification_at          INTEGER,
    verification_answered_at INTEGER, -- when it acknowledged or refused it
    verification_refusal     TEXT NOT NULL DEFAULT '', -- why it refused it; empty: it did not
    managed_by TEXT NOT NULL DEFAULT '', -- the set of files that it comes from; empty: none
    version         INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1), -- each change of its settings adds one
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    paused_at       INTEGER, -- its stream is paused, or disabled; NULL: enabled
    disabled        INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)), -- paused, and events are not kept
    status_reason   TEXT NOT NULL DEFAULT '', -- why it is so
    status_seq      INTEGER NOT NULL DEFAULT 0, -- of the event that says to it what state its stream is in; 0: it needs not be sent
    CHECK (disabled = 0 OR paused_at IS NOT NULL)
) STRICT;
CREATE INDEX receivers_managed ON receivers (managed_by) WHERE managed_by <> '';

-- The users and clients that a receiver added to its stream: it is sent their events whether or not they had a token for what it serves.
-- Those that it removed: it is sent none.
CREATE TABLE receiver_subjects (
    receiver_id INTEGER NOT NULL REFERENCES receivers (id) ON DELETE CASCADE,
    user_id     INTEGER REFERENCES users (id) ON DELETE CASCADE,
    client_ref  INTEGER REFERENCES clients (id) ON DELETE CASCADE,
    removed     INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1)),
    created_at  INTEGER NOT NULL,
    CHECK ((user_id IS NOT NULL) + (client_ref IS NOT NULL) = 1)
) STRICT;
CREATE UNIQUE INDEX receiver_subjects_user ON receiver_subjects (user_id, receiver_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX receiver_subjects_client ON receiver_subjects (client_ref, receiver_id) WHERE client_ref IS NOT NULL;
CREATE INDEX receiver_subjects_receiver ON receiver_subjects (receiver_id);

-- Who was sent that a user is disabled, and so is sent that the user is enabled again.
CREATE TABLE disabled_accounts (
    user_id     INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    audience    TEXT NOT NULL,
    receiver_id INTEGER NOT NULL, -- this one alone; 0: all who serve the audience
    PRIMARY KEY (user_id, audience, receiver_id)
) STRICT, WITHOUT ROWID;

-- For people who read the database. A token that a revocation under way covers counts as revoked, as it does to all who ask.
-- SQLite has neither base64url nor numbers from blobs, so both come from the hexadecimal digits.
CREATE VIEW issued_tokens_v AS
SELECT (
        SELECT group_concat(substr(letters, (bits >> 6) + 1, 1) || substr(letters, (bits & 63) + 1, 1), '')
        FROM (
            SELECT 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_' AS letters,
                (instr(digits, substr(t.hex, n, 1)) - 1) * 256 + (instr(digits, substr(t.hex, n + 1, 1)) - 1) * 16
                    + instr(digits, substr(t.hex, n + 2, 1)) - 1 AS bits
            FROM (SELECT column1 AS n, '0123456789ABCDEF' AS digits
                FROM (VALUES (1), (4), (7), (10), (13), (16), (19), (22), (25), (28), (31)))
            ORDER BY n)
    ) AS jti,
    CASE WHEN t.kind IS NULL THEN 'access' ELSE 'id' END AS kind,
    c.client_id, u.username, a.audience, k.kid, t.grant_id,
    strftime('%Y-%m-%dT%H:%M:%fZ', t.issued_ms / 1e3, 'unixepoch') AS issued_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', t.expires_at / 1e6, 'unixepoch') AS expires_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', t.suspended_at / 1e6, 'unixepoch') AS suspended_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', COALESCE(t.revoked_at, (
        SELECT MIN(r.created_at) FROM revocations r
        WHERE r.done_at IS NULL AND r.revision > t.revision AND (r.issued_before IS NULL OR r.issued_before > t.issued_ms * 1000)
            AND CASE r.kind
                WHEN 'user' THEN r.target_id = t.user_id
                WHEN 'client' THEN r.target_id = t.client_ref
                WHEN 'api' THEN r.target_id = t.api_id
                WHEN 'key' THEN r.target_id = t.key_id
                WHEN 'grant' THEN r.target_id = t.grant_id
                WHEN 'role' THEN FALSE
                WHEN 'group' THEN FALSE
                WHEN 'criteria' THEN r.criteria->>'role' IS NULL
                    AND COALESCE(CAST(r.criteria->>'user_id' AS BIGINT) = t.user_id, r.criteria->>'user_id' IS NULL)
                    AND COALESCE(CAST(r.criteria->>'client_ref' AS BIGINT) = t.client_ref, TRUE)
                    AND COALESCE(CAST(r.criteria->>'api_id' AS BIGINT) = t.api_id, r.criteria->>'api_id' IS NULL)
                    AND COALESCE(CAST(r.criteria->>'key_id' AS BIGINT) = t.key_id, TRUE)
                    AND COALESCE(CAST(r.criteria->>'grant_id' AS BIGINT) = t.grant_id, r.criteria->>'grant_id' IS NULL)
                    AND (r.criteria->>'suspended' IS NULL OR t.suspended_at IS NOT NULL)
                    AND COALESCE(CAST(r.criteria->>'issued_since' AS BIGINT) <= t.issued_ms * 1000, TRUE)
                ELSE TRUE END)) / 1e6, 'unixepoch') AS revoked_at
FROM (
    SELECT *, hex(jti) || '0' AS hex, (
        SELECT SUM((instr('0123456789ABCDEF', substr(hex(jti), column1, 1)) - 1) << (48 - 4 * column1))
        FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12))) AS issued_ms
    FROM issued_tokens) t
LEFT JOIN clients c ON c.id = t.client_ref LEFT JOIN users u ON u.id = t.user_id
LEFT JOIN apis a ON a.id = t.api_id LEFT JOIN signing_keys k ON k.id = t.key_id;

CREATE VIEW audit_v AS
SELECT seq, strftime('%Y-%m-%dT%H:%M:%fZ', at / 1e6, 'unixepoch') AS at, actor, action, target, details, erased_by, lower(hex(hash)) AS hash FROM audit_events;

INSERT INTO roles (name, description, created_at, updated_at)
VALUES ('administrator', 'Manages Signet itself', 0, 0),
       ('auditor', 'Reads everything, and changes nothing', 0, 0),
       ('operator', 'Reads everything, takes access back and keeps Signet running', 0, 0);

-- The API by which Signet itself is managed; internal/admin gives it, and these roles, their permissions.
INSERT INTO apis (audience, name, signing_alg, access_token_ttl, no_userinfo, memberships, group_names, created_at, updated_at, claim_mappings)
VALUES ('urn:signet:admin', 'Signet', 'ES256', 0, FALSE, 'relevant', 'name', 0, 0, '[]');
