-- Times are microseconds since 1970 (UTC), given by the server; issued_tokens_v and audit_v show them as timestamps.
-- Ids of what administrators make, and of status lists, are 32 bits wide, since issued_tokens is large and has five in each row; the
-- server warns long before 2,147,483,647. Ids of what sign-ins and revocations make are 64 bits wide.
-- Lists are jsonb. Objects that are hashed, or must come back as they were written, are json, which keeps the text.

CREATE TABLE installation (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    revision       BIGINT NOT NULL CHECK (revision >= 1),
    setup_at       BIGINT,
    status_seq     BIGINT NOT NULL,
    audit_seq      BIGINT NOT NULL,
    audit_hash     BYTEA NOT NULL,
    expiry_seen_at BIGINT NOT NULL DEFAULT 0,
    expiry_seen_id BIGINT NOT NULL DEFAULT 0,
    incarnation    TEXT NOT NULL DEFAULT '',
    restored_at    BIGINT
) WITH (fillfactor = 20);
COMMENT ON TABLE installation IS 'One row: what is true of the whole installation';
COMMENT ON COLUMN installation.revision IS 'Every change to clients, APIs, users, groups, roles, assignments or keys adds one';
COMMENT ON COLUMN installation.setup_at IS 'When the first administrator was made';
COMMENT ON COLUMN installation.status_seq IS 'The last change of a token status';
COMMENT ON COLUMN installation.audit_seq IS 'The last event of the audit log';
COMMENT ON COLUMN installation.audit_hash IS 'The hash of the last event of the audit log';
COMMENT ON COLUMN installation.expiry_seen_at IS 'The last expiry of an assignment that was recorded as an event';
COMMENT ON COLUMN installation.expiry_seen_id IS 'The assignment of expiry_seen_at';
COMMENT ON COLUMN installation.incarnation IS 'Which copy of the database this is: the cluster, the database and this table; empty: no server has served it';
COMMENT ON COLUMN installation.restored_at IS 'When it was found to be restored from a backup: nothing is issued until that is accepted; NULL: it is not';
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

CREATE TABLE master_keys (
    key_check     BYTEA PRIMARY KEY,
    sealed_secret BYTEA NOT NULL,
    created_at    BIGINT NOT NULL
);
COMMENT ON TABLE master_keys IS 'The master keys that open the installation''s secret, from which all other keys are derived. Two while the key is being changed';
COMMENT ON COLUMN master_keys.key_check IS 'Shows which master key it is';
COMMENT ON COLUMN master_keys.sealed_secret IS 'The secret, sealed with that key';

CREATE TABLE backfills (
    name        TEXT PRIMARY KEY,
    done        BIGINT NOT NULL CHECK (done >= 0),
    total       BIGINT NOT NULL CHECK (total >= 0),
    position    TEXT NOT NULL,
    started_at  BIGINT NOT NULL,
    finished_at BIGINT
);
COMMENT ON TABLE backfills IS 'Changes of what is stored that follow a migration step by step, beside running servers';
COMMENT ON COLUMN backfills.total IS 'Rows, when it began';
COMMENT ON COLUMN backfills.position IS 'How far it has come, in its own terms';

CREATE TABLE changes (
    revision   BIGINT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN (
        'client', 'client-access', 'api', 'policy', 'resource', 'user', 'user-access', 'group-access', 'role', 'keys', 'revocations', 'everything')),
    key        TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (revision, kind, key)
);
COMMENT ON TABLE changes IS 'What each revision changed, so that a cache drops only that';
COMMENT ON COLUMN changes.key IS 'client_id, audience or database id of what changed; empty for keys, revocations and everything';

CREATE TABLE apis (
    id               INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    audience         TEXT NOT NULL UNIQUE,
    name             TEXT NOT NULL,
    signing_alg      TEXT NOT NULL CHECK (signing_alg IN ('ES256', 'RS256', 'EdDSA')),
    access_token_ttl BIGINT NOT NULL CHECK (access_token_ttl >= 0),
    no_userinfo      BOOLEAN NOT NULL,
    memberships TEXT NOT NULL CHECK (memberships IN ('relevant', 'all', 'none')),
    group_names TEXT NOT NULL CHECK (group_names IN ('name', 'slash-name')),
    claim_mappings JSONB NOT NULL CHECK (jsonb_typeof(claim_mappings) = 'array'),
    encryption_jwks     TEXT NOT NULL DEFAULT '',
    encryption_jwks_uri TEXT NOT NULL DEFAULT '',
    encryption_jwks_uri_private BOOLEAN NOT NULL DEFAULT FALSE,
    encrypted_claims    JSONB NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(encrypted_claims) = 'array'),
    version          BIGINT NOT NULL DEFAULT 1 CHECK (version >= 1),
    managed_by TEXT NOT NULL DEFAULT '',
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    CHECK (encryption_jwks = '' OR encryption_jwks_uri = '')
);
CREATE INDEX apis_managed ON apis (managed_by) WHERE managed_by <> '';
COMMENT ON COLUMN apis.managed_by IS 'The set of files that it comes from; empty: none';
CREATE INDEX apis_find_audience ON apis (lower(audience) COLLATE "C");
CREATE INDEX apis_find_name ON apis (lower(name) COLLATE "C");
COMMENT ON TABLE apis IS 'The APIs that tokens are for';
COMMENT ON COLUMN apis.access_token_ttl IS 'Microseconds; 0: the server''s default';
COMMENT ON COLUMN apis.no_userinfo IS 'Its tokens do not open userinfo';
COMMENT ON COLUMN apis.group_names IS 'How its access tokens name groups';
COMMENT ON COLUMN apis.memberships IS 'Which roles and groups its access tokens name';
COMMENT ON COLUMN apis.claim_mappings IS 'Claims of its access tokens, each with its CEL expression';
COMMENT ON COLUMN apis.encryption_jwks IS 'The public keys that its access tokens are encrypted to, a JWK Set; empty: none are registered here';
COMMENT ON COLUMN apis.encryption_jwks_uri IS 'Where it publishes them; empty: nowhere';
COMMENT ON COLUMN apis.encryption_jwks_uri_private IS 'That may be at a private address';
COMMENT ON COLUMN apis.encrypted_claims IS 'Those that are encrypted; empty: the whole token is, if there are keys';
COMMENT ON COLUMN apis.version IS 'Each update adds one';

CREATE TABLE permissions (
    api_id      INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (api_id, name)
);
COMMENT ON TABLE permissions IS 'The permissions of each API';
CREATE INDEX permissions_name ON permissions (name);

CREATE TABLE policies (
    api_id     INTEGER PRIMARY KEY REFERENCES apis (id) ON DELETE CASCADE,
    active     BIGINT NOT NULL CHECK (active BETWEEN 0 AND newest),
    newest     BIGINT NOT NULL CHECK (newest >= 1),
    version    BIGINT NOT NULL DEFAULT 1 CHECK (version >= 1),
    updated_at BIGINT NOT NULL
);
COMMENT ON TABLE policies IS 'The policies of APIs that have one, or had one';
COMMENT ON COLUMN policies.active IS 'The number of the version that decides; 0: it was deleted';
COMMENT ON COLUMN policies.newest IS 'The number of the newest version that there ever was: none is given twice';
COMMENT ON COLUMN policies.version IS 'Each change adds one';

CREATE TABLE policy_versions (
    api_id     INTEGER NOT NULL REFERENCES policies (api_id) ON DELETE CASCADE,
    number     BIGINT NOT NULL CHECK (number >= 1),
    content    TEXT NOT NULL,
    author     TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (api_id, number)
);
COMMENT ON TABLE policy_versions IS 'What policies say, and said';
COMMENT ON COLUMN policy_versions.content IS 'The policy in YAML, as it was written';

CREATE TABLE resources (
    api_id     INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    type       TEXT NOT NULL,
    name       TEXT NOT NULL,
    properties TEXT NOT NULL CHECK (json_typeof(CAST(properties AS JSON)) = 'object'),
    version    BIGINT NOT NULL CHECK (version >= 1),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (api_id, type, name)
);
COMMENT ON TABLE resources IS 'Resources of APIs that are registered, for searches and for conditions';
COMMENT ON COLUMN resources.name IS 'Its id at the API';
COMMENT ON COLUMN resources.properties IS 'What conditions read where a request gives none';
COMMENT ON COLUMN resources.version IS 'The revision of its last change: one that is registered anew has none of before';

CREATE TABLE clients (
    id            INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_id     TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    is_public     BOOLEAN NOT NULL,
    first_party   BOOLEAN NOT NULL,
    require_pkce  BOOLEAN NOT NULL,
    keep_refresh_tokens BOOLEAN NOT NULL,
    session_refresh_tokens BOOLEAN NOT NULL,
    revoke_on_session_end BOOLEAN NOT NULL,
    refresh_overlap BIGINT CHECK (refresh_overlap >= 0),
    grant_types   JSONB NOT NULL CHECK (jsonb_typeof(grant_types) = 'array'),
    redirect_uris JSONB NOT NULL CHECK (jsonb_typeof(redirect_uris) = 'array'),
    post_logout_redirect_uris JSONB NOT NULL CHECK (jsonb_typeof(post_logout_redirect_uris) = 'array'),
    backchannel_logout_uri TEXT NOT NULL,
    backchannel_logout_private BOOLEAN NOT NULL,
    frontchannel_logout_uri TEXT NOT NULL,
    frontchannel_logout_session_required BOOLEAN NOT NULL,
    id_token_alg  TEXT NOT NULL CHECK (id_token_alg IN ('ES256', 'RS256', 'EdDSA')),
    userinfo_alg  TEXT NOT NULL CHECK (userinfo_alg IN ('', 'ES256', 'RS256', 'EdDSA')),
    subject_type  TEXT NOT NULL CHECK (subject_type IN ('public', 'pairwise')),
    sector_identifier TEXT NOT NULL,
    group_names TEXT NOT NULL CHECK (group_names IN ('name', 'slash-name')),
    serves_userinfo BOOLEAN NOT NULL,
    jwks          TEXT NOT NULL,
    jwks_uri      TEXT NOT NULL,
    jwks_uri_private BOOLEAN NOT NULL,
    endpoint_audience BOOLEAN NOT NULL,
    origin        TEXT NOT NULL CHECK (origin IN ('administrator', 'registration', 'metadata')),
    registration_token TEXT NOT NULL,
    last_used_at  BIGINT,
    disabled_at   BIGINT,
    disabled_reason TEXT NOT NULL DEFAULT '',
    claim_mappings JSONB NOT NULL CHECK (jsonb_typeof(claim_mappings) = 'array'),
    version       BIGINT NOT NULL DEFAULT 1 CHECK (version >= 1),
    managed_by TEXT NOT NULL DEFAULT '',
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    CHECK (jwks = '' OR jwks_uri = '')
);
CREATE INDEX clients_managed ON clients (managed_by) WHERE managed_by <> '';
COMMENT ON COLUMN clients.managed_by IS 'The set of files that it comes from; empty: none';
CREATE INDEX clients_disabled ON clients (client_id) WHERE disabled_at IS NOT NULL;
CREATE INDEX clients_find_client_id ON clients (lower(client_id) COLLATE "C");
CREATE INDEX clients_find_name ON clients (lower(name) COLLATE "C");
COMMENT ON TABLE clients IS 'The registered OAuth clients; other tables refer to id as client_ref';
COMMENT ON COLUMN clients.is_public IS 'It has no secret';
COMMENT ON COLUMN clients.first_party IS 'Users are not asked for consent';
COMMENT ON COLUMN clients.require_pkce IS 'A code needs a challenge (RFC 7636); always, of a public client';
COMMENT ON COLUMN clients.keep_refresh_tokens IS 'They stay valid when they are used';
COMMENT ON COLUMN clients.session_refresh_tokens IS 'It gets refresh tokens without offline_access, which end with the session';
COMMENT ON COLUMN clients.revoke_on_session_end IS 'Its access tokens end with the session, unless they came with offline_access';
COMMENT ON COLUMN clients.refresh_overlap IS 'Microseconds in which a used refresh token gives its unused successor again; NULL: the server''s';
COMMENT ON COLUMN clients.backchannel_logout_uri IS 'Where it hears of ended sessions; empty: nowhere';
COMMENT ON COLUMN clients.backchannel_logout_private IS 'That may be at a private address';
COMMENT ON COLUMN clients.frontchannel_logout_uri IS 'Where browsers tell it of a sign-out; empty: nowhere';
COMMENT ON COLUMN clients.frontchannel_logout_session_required IS 'And of which session';
COMMENT ON COLUMN clients.jwks IS 'Its public keys, a JWK Set; empty: none are registered here';
COMMENT ON COLUMN clients.jwks_uri IS 'Where it publishes them; empty: nowhere';
COMMENT ON COLUMN clients.jwks_uri_private IS 'That may be at a private address';
COMMENT ON COLUMN clients.endpoint_audience IS 'Its assertions may name the token endpoint as their audience';
COMMENT ON COLUMN clients.userinfo_alg IS 'By which its userinfo is signed; empty: it is not';
COMMENT ON COLUMN clients.subject_type IS 'By which subject it knows users';
COMMENT ON COLUMN clients.sector_identifier IS 'The host whose clients know a user by the same pairwise subject; empty: none';
COMMENT ON COLUMN clients.group_names IS 'How its ID tokens and userinfo name groups';
COMMENT ON COLUMN clients.serves_userinfo IS 'It may introspect tokens for userinfo itself';
COMMENT ON COLUMN clients.claim_mappings IS 'Claims of its ID tokens and userinfo, each with its CEL expression';
COMMENT ON COLUMN clients.version IS 'Each update adds one';
COMMENT ON COLUMN clients.origin IS 'How it came to be registered';
COMMENT ON COLUMN clients.registration_token IS 'Hash of the token by which it changes its own registration; empty: it has none';
COMMENT ON COLUMN clients.last_used_at IS 'When it last got a token, to the day';
CREATE INDEX clients_self_registered ON clients (COALESCE(last_used_at, created_at)) WHERE origin <> 'administrator';
CREATE INDEX clients_last_used ON clients (COALESCE(last_used_at, created_at)) WHERE origin = 'administrator' AND disabled_at IS NULL;

CREATE TABLE invitations (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash       TEXT NOT NULL UNIQUE,
    note       TEXT NOT NULL,
    max_uses   BIGINT NOT NULL CHECK (max_uses >= 1),
    uses       BIGINT NOT NULL CHECK (uses >= 0 AND uses <= max_uses),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
COMMENT ON TABLE invitations IS 'The initial access tokens by which clients register themselves, as hashes';
CREATE INDEX invitations_expires ON invitations (expires_at);
CREATE INDEX invitations_find_note ON invitations (lower(note) COLLATE "C");

CREATE TABLE client_secrets (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_ref INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    hash       TEXT NOT NULL,
    hint       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
COMMENT ON TABLE client_secrets IS 'The secrets of clients, as hashes';
COMMENT ON COLUMN client_secrets.hint IS 'The last characters of the secret, to tell it from others';
CREATE INDEX client_secrets_client ON client_secrets (client_ref);
CREATE INDEX client_secrets_expires ON client_secrets (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE client_trusts (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_ref INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    audience   TEXT NOT NULL,
    claims     JSON NOT NULL CHECK (json_typeof(claims) IN ('object', 'null')),
    jwks       TEXT NOT NULL,
    jwks_uri   TEXT NOT NULL,
    private    BOOLEAN NOT NULL,
    reusable   BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    CHECK (jwks = '' OR jwks_uri = '')
);
COMMENT ON TABLE client_trusts IS 'Other issuers whose JWTs authenticate a client';
COMMENT ON COLUMN client_trusts.subject IS 'A pattern';
COMMENT ON COLUMN client_trusts.audience IS 'Empty: the issuer of this server';
COMMENT ON COLUMN client_trusts.claims IS 'Others that must have just these values';
COMMENT ON COLUMN client_trusts.jwks_uri IS 'Where the issuer publishes its keys; empty: where its metadata says, if jwks is empty too';
COMMENT ON COLUMN client_trusts.private IS 'That may be at a private address';
COMMENT ON COLUMN client_trusts.reusable IS 'A JWT serves until it expires, not just once';
CREATE INDEX client_trusts_client ON client_trusts (client_ref);

CREATE TABLE client_apis (
    client_ref      INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    api_id          INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    all_permissions BOOLEAN NOT NULL,
    is_default      BOOLEAN NOT NULL,
    PRIMARY KEY (client_ref, api_id)
);
COMMENT ON TABLE client_apis IS 'The APIs that a client may ask for';
COMMENT ON COLUMN client_apis.all_permissions IS 'All that the API has, now and later; else those that client_permissions names';
COMMENT ON COLUMN client_apis.is_default IS 'Of requests that name no API';
CREATE UNIQUE INDEX client_apis_default ON client_apis (client_ref) WHERE is_default;
CREATE INDEX client_apis_api ON client_apis (api_id);

CREATE TABLE client_permissions (
    client_ref INTEGER NOT NULL,
    api_id     INTEGER NOT NULL,
    permission TEXT NOT NULL,
    PRIMARY KEY (client_ref, api_id, permission),
    FOREIGN KEY (client_ref, api_id) REFERENCES client_apis (client_ref, api_id) ON DELETE CASCADE,
    FOREIGN KEY (api_id, permission) REFERENCES permissions (api_id, name) ON DELETE CASCADE
);
COMMENT ON TABLE client_permissions IS 'The permissions that a client may ask for at an API';
CREATE INDEX client_permissions_permission ON client_permissions (api_id, permission);

CREATE TABLE client_serves (
    client_ref INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    api_id     INTEGER NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    PRIMARY KEY (client_ref, api_id)
);
COMMENT ON TABLE client_serves IS 'The APIs that a client serves as their resource server';
CREATE INDEX client_serves_api ON client_serves (api_id);

CREATE TABLE users (
    id             INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject        TEXT NOT NULL UNIQUE,
    username       TEXT NOT NULL UNIQUE,
    email          TEXT COLLATE "C" NOT NULL, -- lower() then is of ASCII alone, as it is in SQLite
    email_verified BOOLEAN NOT NULL,
    name           TEXT NOT NULL,
    disabled_at    BIGINT,
    disabled_reason TEXT NOT NULL DEFAULT '',
    version        BIGINT NOT NULL DEFAULT 1 CHECK (version >= 1),
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL
);
CREATE INDEX users_disabled ON users (username) WHERE disabled_at IS NOT NULL;
CREATE INDEX users_find_username ON users (lower(username) COLLATE "C");
CREATE INDEX users_find_email ON users (lower(email) COLLATE "C");
CREATE INDEX users_find_name ON users (lower(name) COLLATE "C");
COMMENT ON TABLE users IS 'The people who sign in';
COMMENT ON COLUMN users.subject IS 'What tokens call the user (sub)';
COMMENT ON COLUMN users.version IS 'Each update adds one';
CREATE INDEX users_email ON users (lower(email)) WHERE email <> '';

CREATE TABLE attributes (
    id          INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    type        TEXT NOT NULL CHECK (type IN ('string', 'number', 'boolean', 'string_list')),
    description TEXT NOT NULL,
    standard    BOOLEAN NOT NULL,
    version     BIGINT NOT NULL DEFAULT 1 CHECK (version >= 1),
    managed_by TEXT NOT NULL DEFAULT '',
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
CREATE INDEX attributes_managed ON attributes (managed_by) WHERE managed_by <> '';
COMMENT ON COLUMN attributes.managed_by IS 'The set of files that it comes from; empty: none';
COMMENT ON TABLE attributes IS 'The properties that users may have';
COMMENT ON COLUMN attributes.standard IS 'For a claim of OpenID Connect Core §5.1; every installation has these';
COMMENT ON COLUMN attributes.version IS 'Each update adds one';
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
    value        TEXT NOT NULL CHECK (json_typeof(value::json) IS NOT NULL),
    PRIMARY KEY (user_id, attribute_id)
);
COMMENT ON TABLE user_attributes IS 'The attributes of users';
COMMENT ON COLUMN user_attributes.value IS 'JSON, of the attribute''s type';
CREATE INDEX user_attributes_attribute ON user_attributes (attribute_id);

CREATE TABLE credentials (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL CHECK (kind IN ('password')),
    data       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    last_used_at BIGINT
);
COMMENT ON TABLE credentials IS 'What a user proves who they are with: at most one password';
COMMENT ON COLUMN credentials.data IS 'Depends on the kind: for a password, its hash';
COMMENT ON COLUMN credentials.last_used_at IS 'When it last signed the user in, to the hour; NULL: not yet';
CREATE INDEX credentials_user ON credentials (user_id);
CREATE UNIQUE INDEX credentials_password ON credentials (user_id) WHERE kind = 'password';

CREATE TABLE password_links (
    user_id    INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    hash       BYTEA NOT NULL UNIQUE,
    maker      JSONB NOT NULL CHECK (jsonb_typeof(maker) = 'array'),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
COMMENT ON TABLE password_links IS 'Links with which users set their passwords, as hashes: one of a user, once';
COMMENT ON COLUMN password_links.maker IS 'The permissions of urn:signet:admin of whoever made it, * for all: it opens nothing if the user has others';
CREATE INDEX password_links_expires ON password_links (expires_at);

CREATE TABLE keyed_requests (
    id            BYTEA PRIMARY KEY,
    request       BYTEA NOT NULL,
    claim         BYTEA NOT NULL,
    claimed_until BIGINT NOT NULL,
    answer        BYTEA,
    expires_at    BIGINT NOT NULL
);
COMMENT ON TABLE keyed_requests IS 'Requests that are carried out once, by the HMAC of their Idempotency-Key and whom that belongs to';
COMMENT ON COLUMN keyed_requests.request IS 'HMAC of the request';
COMMENT ON COLUMN keyed_requests.claim IS 'Of whoever carries it out: nobody else keeps an answer';
COMMENT ON COLUMN keyed_requests.answer IS 'Sealed with the master key; NULL while the request is being carried out, until claimed_until at most';
CREATE INDEX keyed_requests_expires ON keyed_requests (expires_at);

CREATE TABLE acme_values (
    key         TEXT PRIMARY KEY,
    value       BYTEA NOT NULL,
    modified_at BIGINT NOT NULL
);
COMMENT ON TABLE acme_values IS 'What replicas share to get certificates by ACME (RFC 8555): accounts, certificates and their keys, challenges';
COMMENT ON COLUMN acme_values.value IS 'Sealed with the master key';

CREATE TABLE acme_locks (
    name       TEXT PRIMARY KEY,
    owner      BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
COMMENT ON TABLE acme_locks IS 'What one replica at a time does by ACME, until expires_at at most';

CREATE TABLE identities (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id     INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider    TEXT NOT NULL,
    external_id TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    UNIQUE (provider, external_id)
);
COMMENT ON TABLE identities IS 'What other providers call a user';
CREATE INDEX identities_user ON identities (user_id);

CREATE TABLE groups (
    id          INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    version     BIGINT NOT NULL DEFAULT 1 CHECK (version >= 1),
    managed_by TEXT NOT NULL DEFAULT '',
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
CREATE INDEX groups_managed ON groups (managed_by) WHERE managed_by <> '';
COMMENT ON COLUMN groups.managed_by IS 'The set of files that it comes from; empty: none';
CREATE INDEX groups_find_name ON groups (lower(name) COLLATE "C");
COMMENT ON TABLE groups IS 'Groups of users';
COMMENT ON COLUMN groups.version IS 'Each update adds one';

CREATE TABLE group_members (
    group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id  INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
COMMENT ON TABLE group_members IS 'Which users are in which groups';
CREATE INDEX group_members_user ON group_members (user_id);

CREATE TABLE roles (
    id          INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    version     BIGINT NOT NULL DEFAULT 1 CHECK (version >= 1),
    managed_by TEXT NOT NULL DEFAULT '',
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
CREATE INDEX roles_managed ON roles (managed_by) WHERE managed_by <> '';
COMMENT ON COLUMN roles.managed_by IS 'The set of files that it comes from; empty: none';
CREATE INDEX roles_find_name ON roles (lower(name) COLLATE "C");
COMMENT ON TABLE roles IS 'Roles: named sets of permissions';
COMMENT ON COLUMN roles.version IS 'Each update adds one';

CREATE TABLE role_permissions (
    role_id    INTEGER NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    api_id     INTEGER NOT NULL,
    permission TEXT NOT NULL,
    PRIMARY KEY (role_id, api_id, permission),
    FOREIGN KEY (api_id, permission) REFERENCES permissions (api_id, name) ON DELETE CASCADE
);
COMMENT ON TABLE role_permissions IS 'The permissions of each role';
CREATE INDEX role_permissions_permission ON role_permissions (api_id, permission);

CREATE TABLE assignments (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    role_id    INTEGER NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    user_id    INTEGER REFERENCES users (id) ON DELETE CASCADE,
    group_id   INTEGER REFERENCES groups (id) ON DELETE CASCADE,
    client_ref INTEGER REFERENCES clients (id) ON DELETE CASCADE,
    expires_at BIGINT,
    managed_by TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    CHECK ((user_id IS NOT NULL)::int + (group_id IS NOT NULL)::int + (client_ref IS NOT NULL)::int = 1)
);
CREATE INDEX assignments_managed ON assignments (managed_by) WHERE managed_by <> '';
COMMENT ON COLUMN assignments.managed_by IS 'The set of files that it comes from; empty: none';
COMMENT ON TABLE assignments IS 'Which user, group or client has which role; some days after its end, an assignment is deleted';
CREATE UNIQUE INDEX assignments_user ON assignments (user_id, role_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX assignments_group ON assignments (group_id, role_id) WHERE group_id IS NOT NULL;
CREATE UNIQUE INDEX assignments_client ON assignments (client_ref, role_id) WHERE client_ref IS NOT NULL;
CREATE INDEX assignments_role ON assignments (role_id, id);
CREATE INDEX assignments_holders ON assignments (role_id, user_id, client_ref, group_id);
CREATE INDEX assignments_expires ON assignments (expires_at, id) WHERE expires_at IS NOT NULL;

CREATE TABLE sessions (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash         BYTEA NOT NULL UNIQUE,
    sid          TEXT NOT NULL,
    browser      BYTEA,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    auth_time    BIGINT NOT NULL,
    acr          TEXT NOT NULL,
    amr          JSONB NOT NULL CHECK (jsonb_typeof(amr) = 'array'),
    user_agent   TEXT NOT NULL,
    ip           TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    ended_at     BIGINT
) WITH (fillfactor = 80);
COMMENT ON TABLE sessions IS 'The sign-ins of browsers';
COMMENT ON COLUMN sessions.hash IS 'Of the value of the cookie';
COMMENT ON COLUMN sessions.sid IS 'Names the session in ID tokens, security events and the audit log';
COMMENT ON COLUMN sessions.browser IS 'Hash of a secret of the browser, NULL: none is known';
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_browser ON sessions (browser) WHERE ended_at IS NULL;
CREATE INDEX sessions_expires ON sessions (expires_at);
CREATE INDEX sessions_last_seen ON sessions (last_seen_at, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_sid ON sessions (sid);
CREATE INDEX sessions_find_sid ON sessions (lower(sid) COLLATE "C") WHERE ended_at IS NULL;

CREATE TABLE consents (
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_ref INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    audience   TEXT NOT NULL,
    scopes     JSONB NOT NULL CHECK (jsonb_typeof(scopes) = 'array'),
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_ref, audience)
);
COMMENT ON TABLE consents IS 'What users allowed clients to ask for';
CREATE INDEX consents_client ON consents (client_ref);

-- No foreign keys: a grant ends by a revocation and goes when it expires, however many a client or user has.
CREATE TABLE grants (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_ref INTEGER NOT NULL,
    user_id    INTEGER NOT NULL,
    session_id BIGINT,
    sid        TEXT NOT NULL,
    ends_with_session BOOLEAN NOT NULL,
    revision   BIGINT NOT NULL,
    auth_time  BIGINT NOT NULL,
    acr        TEXT NOT NULL,
    amr        JSONB NOT NULL CHECK (jsonb_typeof(amr) = 'array'),
    id_token_claims JSONB NOT NULL CHECK (jsonb_typeof(id_token_claims) = 'array'),
    userinfo_claims JSONB NOT NULL CHECK (jsonb_typeof(userinfo_claims) = 'array'),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    act        BYTEA
);
COMMENT ON TABLE grants IS 'What a user authorized a client for: the family of its codes, refresh tokens and access tokens';
COMMENT ON COLUMN grants.sid IS 'The name of the session, which may be deleted before the grant; empty: none';
COMMENT ON COLUMN grants.ends_with_session IS 'Its codes and refresh tokens end with the session';
COMMENT ON COLUMN grants.revision IS 'Of the installation, when the grant was written';
COMMENT ON COLUMN grants.id_token_claims IS 'Names of claims that were asked for one by one';
COMMENT ON COLUMN grants.userinfo_claims IS 'The same for userinfo';
COMMENT ON COLUMN grants.act IS 'Id of what the user did for this grant: it serves one';
CREATE UNIQUE INDEX grants_act ON grants (act) WHERE act IS NOT NULL;
CREATE INDEX grants_client ON grants (client_ref) WHERE revoked_at IS NULL;
CREATE INDEX grants_user ON grants (user_id, id) WHERE revoked_at IS NULL;
CREATE INDEX grants_expires ON grants (expires_at);
CREATE INDEX grants_session ON grants (session_id) WHERE session_id IS NOT NULL;

CREATE TABLE grant_apis (
    grant_id   BIGINT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    audience   TEXT NOT NULL,
    scopes     JSONB NOT NULL CHECK (jsonb_typeof(scopes) = 'array'),
    revoked_at BIGINT,
    PRIMARY KEY (grant_id, audience)
);
COMMENT ON TABLE grant_apis IS 'The APIs that a grant covers';
COMMENT ON COLUMN grant_apis.position IS 'Among those of the grant, in the order in which they were asked for';
COMMENT ON COLUMN grant_apis.scopes IS 'That access tokens for it may have';
COMMENT ON COLUMN grant_apis.revoked_at IS 'When all tokens for the API were revoked: the grant goes on without it';
CREATE INDEX grant_apis_audience ON grant_apis (audience) WHERE revoked_at IS NULL;

CREATE TABLE authorization_codes (
    signature  TEXT PRIMARY KEY,
    grant_id   BIGINT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    form       JSON NOT NULL CHECK (json_typeof(form) = 'object'),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
) WITH (fillfactor = 60);
COMMENT ON TABLE authorization_codes IS 'Authorization codes, by signature';
COMMENT ON COLUMN authorization_codes.form IS 'The sanitized request';
CREATE INDEX authorization_codes_grant ON authorization_codes (grant_id);
CREATE INDEX authorization_codes_expires ON authorization_codes (expires_at);

CREATE TABLE refresh_tokens (
    signature  TEXT PRIMARY KEY,
    grant_id   BIGINT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
) WITH (fillfactor = 60);
COMMENT ON TABLE refresh_tokens IS 'Refresh tokens, by signature';
CREATE INDEX refresh_tokens_grant ON refresh_tokens (grant_id, created_at);
CREATE INDEX refresh_tokens_expires ON refresh_tokens (expires_at);

-- Requests of devices (RFC 8628). Their codes are stored as hashes under a key, since a user code alone can be guessed.
CREATE TABLE device_requests (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_code   BYTEA NOT NULL UNIQUE,
    user_code     BYTEA NOT NULL UNIQUE,
    client_ref    INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    apis          JSONB NOT NULL CHECK (jsonb_typeof(apis) = 'array'),
    nonce         TEXT NOT NULL,
    ip            TEXT NOT NULL,
    user_agent    TEXT NOT NULL,
    poll_interval BIGINT NOT NULL CHECK (poll_interval > 0),
    polled_at     BIGINT,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    answered_at   BIGINT,
    answered_by   INTEGER,
    grant_id      BIGINT REFERENCES grants (id) ON DELETE CASCADE,
    used_at       BIGINT,
    CHECK ((answered_at IS NULL) = (answered_by IS NULL)),
    CHECK (grant_id IS NULL OR answered_at IS NOT NULL),
    CHECK (used_at IS NULL OR grant_id IS NOT NULL)
) WITH (fillfactor = 60);
COMMENT ON TABLE device_requests IS 'Requests of devices for tokens, and what a user answered (RFC 8628)';
COMMENT ON COLUMN device_requests.device_code IS 'A hash under a key, as is user_code';
COMMENT ON COLUMN device_requests.apis IS 'What it asks for: objects of audience and scopes';
COMMENT ON COLUMN device_requests.poll_interval IS 'Microseconds that the device has to wait between two polls';
COMMENT ON COLUMN device_requests.answered_by IS 'The user';
COMMENT ON COLUMN device_requests.grant_id IS 'What the user allowed; NULL with answered_at: the answer was no';
COMMENT ON COLUMN device_requests.used_at IS 'When the device got its tokens';
CREATE INDEX device_requests_client ON device_requests (client_ref);
CREATE INDEX device_requests_grant ON device_requests (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX device_requests_expires ON device_requests (expires_at);

CREATE TABLE limits (
    bucket      TEXT PRIMARY KEY,
    spent_until BIGINT NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE limits IS 'How often something was tried, over all replicas: a bucket from which one try drains in each interval';
COMMENT ON COLUMN limits.spent_until IS 'When the bucket is empty; then the row means nothing';
CREATE INDEX limits_spent_until ON limits (spent_until);

-- No foreign keys: it is written at full speed, and a row outlives what it points to. It is the one table that is
-- large, so columns stand in an order that needs no padding, 16 bytes are a UUID, what most rows have in common is NULL, and
-- when a token was issued is left to its jti. The server makes the partitions, each with its jti as the primary key, and drops them.
CREATE TABLE issued_tokens (
    expires_at   BIGINT NOT NULL,
    revision     BIGINT NOT NULL,
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
    digest       UUID,
    kind         SMALLINT CHECK (kind IN (2)),
    CHECK ((status_list IS NULL) = (status_index IS NULL))
) PARTITION BY RANGE (expires_at);
COMMENT ON TABLE issued_tokens IS 'The index of all tokens that were issued, a partition for each hour of expiry; issued_tokens_v is easier to read';
COMMENT ON COLUMN issued_tokens.revision IS 'Of the installation, when the token was written';
COMMENT ON COLUMN issued_tokens.user_id IS 'NULL: the subject is the client';
COMMENT ON COLUMN issued_tokens.jti IS 'Its first 48 bits are the time of issue, in milliseconds';
COMMENT ON COLUMN issued_tokens.digest IS 'Half the SHA-256 of the token';
COMMENT ON COLUMN issued_tokens.kind IS '2: an ID token; NULL: an access token';

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

CREATE TABLE revocations (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          TEXT NOT NULL CHECK (kind IN ('user', 'client', 'api', 'key', 'grant', 'role', 'group', 'all', 'criteria')),
    target_id     BIGINT NOT NULL,
    user_id       INTEGER,
    audience      TEXT,
    keep_grants   BOOLEAN NOT NULL,
    revision      BIGINT NOT NULL,
    issued_before BIGINT,
    created_at    BIGINT NOT NULL,
    cursor        BYTEA NOT NULL CHECK (length(cursor) = 16),
    marked        BIGINT NOT NULL CHECK (marked >= 0),
    ended         BIGINT NOT NULL CHECK (ended >= 0),
    lost          JSON CHECK (json_typeof(lost) = 'array'),
    part          INTEGER NOT NULL DEFAULT 0 CHECK (part >= 0),
    done_at       BIGINT,
    criteria      JSON CHECK (json_typeof(criteria) = 'object'),
    holders       JSON CHECK (json_typeof(holders) = 'object'),
    -- The names, when it began, of its target or of what its criteria name: it is found by them.
    username      TEXT,
    client_id     TEXT,
    kid           TEXT,
    role_name     TEXT,
    group_name    TEXT,
    CHECK ((lost IS NULL) = (kind NOT IN ('role', 'group'))),
    CHECK ((criteria IS NULL) = (kind <> 'criteria'))
) WITH (fillfactor = 50);
COMMENT ON TABLE revocations IS 'Each revokes all tokens of its target that were written before its revision';
COMMENT ON COLUMN revocations.target_id IS 'Database id of the user, client, API, key, grant, role or group; 0 for kinds all and criteria';
COMMENT ON COLUMN revocations.user_id IS 'For kind grant: its user';
COMMENT ON COLUMN revocations.audience IS 'For kind api, and for kind criteria if an API is among them: the API''s';
COMMENT ON COLUMN revocations.keep_grants IS 'Grants do not end with their tokens';
COMMENT ON COLUMN revocations.cursor IS 'The rows of tokens are marked up to this jti';
COMMENT ON COLUMN revocations.marked IS 'Tokens that it revoked so far';
COMMENT ON COLUMN revocations.ended IS 'Grants that it ended so far';
COMMENT ON COLUMN revocations.lost IS 'For kinds role and group: what users and clients lose at APIs, and so which tokens it revokes';
COMMENT ON COLUMN revocations.part IS 'For kinds role and group: the users, or the client, of that list that it has come to; cursor is among those or their tokens';
COMMENT ON COLUMN revocations.criteria IS 'For kind criteria: what tokens have to meet, all of it, to be revoked';
COMMENT ON COLUMN revocations.holders IS 'Of the role among its criteria, when it began';
COMMENT ON COLUMN revocations.username IS 'The name, when it began, of the user that it is of, or that its criteria name; the other names are alike';
CREATE INDEX revocations_open ON revocations (id) WHERE done_at IS NULL;
CREATE INDEX revocations_kind ON revocations (kind, id);
CREATE INDEX revocations_find_username ON revocations (lower(username) COLLATE "C", (-id));
CREATE INDEX revocations_find_client_id ON revocations (lower(client_id) COLLATE "C", (-id));
CREATE INDEX revocations_find_audience ON revocations (lower(audience) COLLATE "C", (-id));
CREATE INDEX revocations_find_kid ON revocations (lower(kid) COLLATE "C", (-id));
CREATE INDEX revocations_find_role_name ON revocations (lower(role_name) COLLATE "C", (-id));
CREATE INDEX revocations_find_group_name ON revocations (lower(group_name) COLLATE "C", (-id));

CREATE TABLE status_lists (
    id         INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    size       INTEGER NOT NULL CHECK (size > 0),
    leased     INTEGER NOT NULL CHECK (leased BETWEEN 0 AND size),
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE status_lists IS 'Token status lists';
COMMENT ON COLUMN status_lists.leased IS 'How many entries, from the first on, some replica allocates';
CREATE INDEX status_lists_expires ON status_lists (expires_at);

CREATE TABLE status_changes (
    seq     BIGINT PRIMARY KEY,
    list_id INTEGER NOT NULL,
    entries BYTEA NOT NULL
);
COMMENT ON TABLE status_changes IS 'What became of entries of status lists, in the order of commits';
COMMENT ON COLUMN status_changes.entries IS 'Statuses and the entries that have them, packed';
CREATE INDEX status_changes_list ON status_changes (list_id);

CREATE TABLE signing_keys (
    id           INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kid          TEXT NOT NULL UNIQUE,
    alg          TEXT NOT NULL CHECK (alg IN ('ES256', 'RS256', 'EdDSA')),
    state        TEXT NOT NULL CHECK (state IN ('next', 'active', 'retired', 'revoked')),
    public_jwk   JSON NOT NULL CHECK (json_typeof(public_jwk) = 'object'),
    sealed_key   BYTEA NOT NULL,
    created_at   BIGINT NOT NULL,
    activated_at BIGINT,
    retired_at   BIGINT,
    revoked_at   BIGINT
);
COMMENT ON TABLE signing_keys IS 'The keys that sign tokens and lists';
COMMENT ON COLUMN signing_keys.sealed_key IS 'The private key, encrypted with the master key';
-- One key signs, and one waits, for each algorithm: replicas cannot disagree.
CREATE UNIQUE INDEX signing_keys_current ON signing_keys (alg, state) WHERE state IN ('next', 'active');

CREATE TABLE logouts (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_ref INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    subject    TEXT NOT NULL,
    sid        TEXT NOT NULL,
    attempts   INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL
);
COMMENT ON TABLE logouts IS 'Ended sessions that a client has yet to hear of (back-channel logout)';
COMMENT ON COLUMN logouts.sid IS 'The name of the session; empty: all sessions of the user';
CREATE INDEX logouts_next_attempt ON logouts (next_attempt_at);
CREATE INDEX logouts_client ON logouts (client_ref);

CREATE TABLE assertions (
    hash       BYTEA PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
COMMENT ON TABLE assertions IS 'The JWTs by which clients have authenticated: each may be used once';
COMMENT ON COLUMN assertions.hash IS 'Of issuer, subject and jti';
CREATE INDEX assertions_expires ON assertions (expires_at);

CREATE TABLE setup_links (
    hash       BYTEA PRIMARY KEY,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
COMMENT ON TABLE setup_links IS 'Links that make the first administrator';

CREATE TABLE statistics (
    at      BIGINT NOT NULL,
    kind    TEXT NOT NULL,
    replica TEXT NOT NULL,
    count   BIGINT NOT NULL,
    PRIMARY KEY (at, kind, replica)
);
COMMENT ON TABLE statistics IS 'How often something happened in a minute at a replica';
COMMENT ON COLUMN statistics.at IS 'The beginning of the minute';

CREATE TABLE replicas (
    id         TEXT PRIMARY KEY,
    version    TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    revision   BIGINT NOT NULL,
    as_of      BIGINT NOT NULL,
    jwks       TEXT NOT NULL
);
COMMENT ON TABLE replicas IS 'The servers that run, and what each has seen';
COMMENT ON COLUMN replicas.revision IS 'Up to which it has applied changes';
COMMENT ON COLUMN replicas.as_of IS 'When it last asked the database for changes';
COMMENT ON COLUMN replicas.jwks IS 'The entity tag of the key set that it publishes';

CREATE TABLE verifiers (
    id            TEXT PRIMARY KEY,
    agent         TEXT NOT NULL,
    jwks          TEXT NOT NULL,
    confirmed_at  BIGINT,
    first_seen_at BIGINT NOT NULL,
    seen_at       BIGINT NOT NULL
);
COMMENT ON TABLE verifiers IS 'Who fetches the key set';
COMMENT ON COLUMN verifiers.id IS 'A keyed hash of the address and the user agent';
COMMENT ON COLUMN verifiers.jwks IS 'The entity tag of the key set that it was last given';
COMMENT ON COLUMN verifiers.confirmed_at IS 'When it last showed that it holds that one';
CREATE INDEX verifiers_seen ON verifiers (seen_at);

-- The server makes the partitions, each with its seq as the primary key, and drops them.
CREATE TABLE audit_events (
    seq       BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    actor     TEXT NOT NULL,
    action    TEXT NOT NULL,
    target    TEXT NOT NULL,
    details   JSON NOT NULL CHECK (json_typeof(details) = 'object'),
    salt      BYTEA,
    digest    BYTEA NOT NULL,
    erased_by BIGINT,
    prev_hash BYTEA NOT NULL,
    hash      BYTEA NOT NULL,
    request_id TEXT NOT NULL
) PARTITION BY RANGE (at);
COMMENT ON TABLE audit_events IS 'The audit log, each event chained to the one before, a partition for each month; audit_v is easier to read';
COMMENT ON COLUMN audit_events.details IS 'json, not jsonb: the digest is over the text';
COMMENT ON COLUMN audit_events.salt IS 'Without it nobody can guess from the digest what was erased';
COMMENT ON COLUMN audit_events.digest IS 'Over salt, actor, target, details and request_id: the hash covers it in their place';
COMMENT ON COLUMN audit_events.erased_by IS 'The seq of the event that says so; then salt, actor, target, details and request_id are empty';
COMMENT ON COLUMN audit_events.request_id IS 'Of the request in which it was done; empty: none';
CREATE INDEX audit_events_at ON audit_events (at, seq);
CREATE INDEX audit_events_actor ON audit_events (actor, at, seq);
CREATE INDEX audit_events_action ON audit_events (action, at, seq);
CREATE INDEX audit_events_target ON audit_events (target, at, seq);
CREATE INDEX audit_events_find_target ON audit_events (lower(substr(target, strpos(target, ':') + 1)) COLLATE "C", (-seq));
CREATE INDEX audit_events_find_actor ON audit_events (lower(substr(actor, strpos(actor, ':') + 1)) COLLATE "C", (-seq));
CREATE INDEX audit_events_erased ON audit_events (erased_by) WHERE erased_by IS NOT NULL;

CREATE TABLE audit_checkpoints (
    seq  BIGINT PRIMARY KEY,
    hash BYTEA NOT NULL,
    at   BIGINT NOT NULL,
    mac  BYTEA NOT NULL
);
COMMENT ON TABLE audit_checkpoints IS 'What the audit log was at a time, so that events cut off at its end are missed';

CREATE TABLE outbox (
    seq       BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('session-revoked', 'token-claims-change', 'credential-change', 'account-disabled', 'account-enabled', 'account-purged',
        'policy-change', 'verification', 'stream-updated')),
    reason    TEXT NOT NULL,
    members   JSONB NOT NULL CHECK (jsonb_typeof(members) = 'object'),
    initiator TEXT NOT NULL CHECK (initiator IN ('user', 'admin', 'system')),
    format    TEXT NOT NULL CHECK (format IN ('iss_sub', 'jwt_id', 'opaque', 'uri', 'complex')),
    subject   TEXT NOT NULL,
    session   TEXT NOT NULL,
    client    TEXT NOT NULL,
    user_id   INTEGER,
    audience  TEXT NOT NULL,
    receiver_id BIGINT NOT NULL,
    PRIMARY KEY (seq, kind, format, subject, audience, receiver_id)
);
COMMENT ON TABLE outbox IS 'What services are sent (RFC 8417): a row for each subject of an event of the audit log and each audience';
COMMENT ON COLUMN outbox.seq IS 'Of the event';
COMMENT ON COLUMN outbox.members IS 'What the kind of event says beside';
COMMENT ON COLUMN outbox.subject IS 'In that format; empty as a URI: the issuer';
COMMENT ON COLUMN outbox.session IS 'Empty: none';
COMMENT ON COLUMN outbox.client IS 'The client_id of the client by which the user has what it is about; empty: whichever';
COMMENT ON COLUMN outbox.user_id IS 'Of a subject that is a user';
COMMENT ON COLUMN outbox.audience IS 'Sent to those who serve it; empty: whatever they serve';
COMMENT ON COLUMN outbox.receiver_id IS 'Sent to this one alone; 0: to all';

CREATE TABLE receivers (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_ref      INTEGER NOT NULL UNIQUE REFERENCES clients (id) ON DELETE CASCADE,
    description     TEXT NOT NULL,
    method          TEXT NOT NULL CHECK (method IN ('poll', 'push')),
    endpoint        TEXT NOT NULL,
    sealed_token    BYTEA NOT NULL,
    allow_private   BOOLEAN NOT NULL,
    events          JSONB NOT NULL CHECK (jsonb_typeof(events) = 'array'),
    acked           BIGINT NOT NULL,
    acked_beyond    JSONB NOT NULL CHECK (jsonb_typeof(acked_beyond) = 'array'),
    missed          BIGINT NOT NULL DEFAULT 0,
    leased_until    BIGINT,
    attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at BIGINT NOT NULL,
    last_error      TEXT NOT NULL DEFAULT '',
    verification_seq         BIGINT NOT NULL DEFAULT 0,
    verification_state       TEXT NOT NULL DEFAULT '',
    verification_at          BIGINT,
    verification_answered_at BIGINT,
    verification_refusal     TEXT NOT NULL DEFAULT '',
    managed_by TEXT NOT NULL DEFAULT '',
    version         BIGINT NOT NULL DEFAULT 1 CHECK (version >= 1),
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    paused_at       BIGINT,
    disabled        BOOLEAN NOT NULL DEFAULT FALSE,
    status_reason   TEXT NOT NULL DEFAULT '',
    status_seq      BIGINT NOT NULL DEFAULT 0,
    CHECK (NOT disabled OR paused_at IS NOT NULL)
) WITH (fillfactor = 50);
CREATE INDEX receivers_managed ON receivers (managed_by) WHERE managed_by <> '';
COMMENT ON COLUMN receivers.managed_by IS 'The set of files that it comes from; empty: none';
COMMENT ON TABLE receivers IS 'The clients that receive security events, at most one receiver each: a cursor over the outbox';
COMMENT ON COLUMN receivers.paused_at IS 'Its stream is paused, or disabled; NULL: enabled';
COMMENT ON COLUMN receivers.disabled IS 'Paused, and events are not kept';
COMMENT ON COLUMN receivers.status_reason IS 'Why its stream is so; empty: no reason was given';
COMMENT ON COLUMN receivers.status_seq IS 'The seq of the event that says to it what state its stream is in; 0: it needs not be sent';
COMMENT ON COLUMN receivers.acked IS 'Every event up to this seq is done with';
COMMENT ON COLUMN receivers.acked_beyond IS 'Later events that are done with';
COMMENT ON COLUMN receivers.verification_seq IS 'The seq of the last verification event that it was sent; 0: none';
COMMENT ON COLUMN receivers.verification_answered_at IS 'When it acknowledged or refused that';
COMMENT ON COLUMN receivers.verification_refusal IS 'Why it refused that; empty: it did not';
COMMENT ON COLUMN receivers.version IS 'Each change of its settings adds one';
COMMENT ON COLUMN receivers.missed IS 'The seq of the last event that was deleted before it was done with; 0: none';

CREATE TABLE receiver_subjects (
    receiver_id BIGINT NOT NULL REFERENCES receivers (id) ON DELETE CASCADE,
    user_id     INTEGER REFERENCES users (id) ON DELETE CASCADE,
    client_ref  INTEGER REFERENCES clients (id) ON DELETE CASCADE,
    removed     BOOLEAN NOT NULL DEFAULT FALSE,
    created_at  BIGINT NOT NULL,
    CHECK ((user_id IS NOT NULL)::int + (client_ref IS NOT NULL)::int = 1)
);
COMMENT ON TABLE receiver_subjects IS
    'The users and clients that a receiver added to its stream: it is sent their events whether or not they had a token for what it serves';
COMMENT ON COLUMN receiver_subjects.removed IS 'It removed the subject: it is sent none of its events';
CREATE UNIQUE INDEX receiver_subjects_user ON receiver_subjects (user_id, receiver_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX receiver_subjects_client ON receiver_subjects (client_ref, receiver_id) WHERE client_ref IS NOT NULL;
CREATE INDEX receiver_subjects_receiver ON receiver_subjects (receiver_id);

CREATE TABLE disabled_accounts (
    user_id     INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    audience    TEXT NOT NULL,
    receiver_id BIGINT NOT NULL,
    PRIMARY KEY (user_id, audience, receiver_id)
);
COMMENT ON TABLE disabled_accounts IS 'Who was sent that a user is disabled, and so is sent that the user is enabled again';
COMMENT ON COLUMN disabled_accounts.receiver_id IS 'This one alone; 0: all who serve the audience';

-- For people who read the database. A token that a revocation under way covers counts as revoked, as it does to all who ask.
CREATE VIEW issued_tokens_v AS
SELECT rtrim(translate(encode(uuid_send(t.jti), 'base64'), '+/', '-_'), '=') AS jti,
    CASE WHEN t.kind IS NULL THEN 'access' ELSE 'id' END AS kind,
    c.client_id, u.username, a.audience, k.kid, t.grant_id,
    to_timestamp(t.issued_ms / 1e3) AS issued_at,
    to_timestamp(t.expires_at / 1e6) AS expires_at,
    to_timestamp(t.suspended_at / 1e6) AS suspended_at,
    to_timestamp(COALESCE(t.revoked_at, (
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
                ELSE TRUE END)) / 1e6) AS revoked_at
FROM (SELECT *, ('x' || left(translate(jti::text, '-', ''), 12))::bit(48)::bigint AS issued_ms FROM issued_tokens) t
LEFT JOIN clients c ON c.id = t.client_ref LEFT JOIN users u ON u.id = t.user_id
LEFT JOIN apis a ON a.id = t.api_id LEFT JOIN signing_keys k ON k.id = t.key_id;
COMMENT ON VIEW issued_tokens_v IS 'issued_tokens, with names and timestamps; username is NULL if the subject is the client';

CREATE VIEW audit_v AS
SELECT seq, to_timestamp(at / 1e6) AS at, actor, action, target, details, erased_by, encode(hash, 'hex') AS hash, request_id FROM audit_events;
COMMENT ON VIEW audit_v IS 'audit_events, with timestamps';

INSERT INTO roles (name, description, created_at, updated_at)
VALUES ('administrator', 'Manages Signet itself', 0, 0),
       ('auditor', 'Reads everything, and changes nothing', 0, 0),
       ('operator', 'Reads everything, takes access back and keeps Signet running', 0, 0);

-- The API by which Signet itself is managed; internal/admin gives it, and these roles, their permissions.
INSERT INTO apis (audience, name, signing_alg, access_token_ttl, no_userinfo, memberships, group_names, created_at, updated_at, claim_mappings)
VALUES ('urn:signet:admin', 'Signet', 'ES256', 0, FALSE, 'relevant', 'name', 0, 0, '[]');
