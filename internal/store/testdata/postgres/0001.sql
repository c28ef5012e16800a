-- Rows for every table of version 1, each column with a value of its own where it can have one.

CREATE TABLE issued_tokens_2026010203 PARTITION OF issued_tokens FOR VALUES FROM (1767322800000000) TO (1767326400000000);
CREATE TABLE audit_events_202601 PARTITION OF audit_events FOR VALUES FROM (1767225600000000) TO (1769904000000000);

UPDATE installation SET revision = 2, setup_at = 1767323045678000, status_seq = 1, audit_seq = 1, audit_hash = '\x1111111111111111111111111111111111111111111111111111111111111111',
    expiry_seen_at = 1767323045678003, expiry_seen_id = 51, incarnation = 'here', restored_at = 1767323045678004;
INSERT INTO master_keys (key_check, sealed_secret, created_at)
VALUES ('\x4444444444444444', '\x4545454545454545', 1767323045678000);
INSERT INTO backfills (name, done, total, position, started_at, finished_at)
VALUES ('names', 3, 4, '17', 1767323045678000, 1767323045678001);
INSERT INTO changes (revision, kind, key, changed_at)
VALUES (2, 'client', 'shop', 1767323045678000);
INSERT INTO apis (id, audience, name, signing_alg, access_token_ttl, no_userinfo, version, created_at, updated_at, group_names, memberships, claim_mappings, managed_by, encryption_jwks, encryption_jwks_uri, encryption_jwks_uri_private, encrypted_claims) OVERRIDING SYSTEM VALUE
VALUES (10, 'https://orders.example', 'Orders', 'EdDSA', 300000000, TRUE, 3, 1767323045678000, 1767323045678001, 'slash-name', 'all', '[{"claim": "department", "expression": "attributes.department"}]', 'shop', '', 'https://orders.example/keys', TRUE, '["department"]');
INSERT INTO permissions (api_id, name, description)
VALUES (10, 'orders:read', 'Read orders');
INSERT INTO policies (api_id, active, newest, version, updated_at)
VALUES (10, 7, 8, 9, 1767323045678002);
INSERT INTO policy_versions (api_id, number, content, author, created_at)
VALUES (10, 7, 'rules: []', 'user:alice', 1767323045678001);
INSERT INTO resources (api_id, type, name, properties, version, created_at, updated_at)
VALUES (10, 'order', '42', '{"owner":"sub-alice"}', 2, 1767323045678000, 1767323045678001);
INSERT INTO clients (id, client_id, name, is_public, first_party, require_pkce, keep_refresh_tokens, session_refresh_tokens, revoke_on_session_end, refresh_overlap, grant_types, redirect_uris, post_logout_redirect_uris, backchannel_logout_uri, backchannel_logout_private, frontchannel_logout_uri, frontchannel_logout_session_required, id_token_alg, jwks, jwks_uri, jwks_uri_private, endpoint_audience, disabled_at, disabled_reason, version, created_at, updated_at, origin, registration_token, last_used_at, group_names, userinfo_alg, subject_type, sector_identifier, serves_userinfo, claim_mappings, managed_by) OVERRIDING SYSTEM VALUE
VALUES (20, 'shop', 'Zoës shop', TRUE, FALSE, TRUE, TRUE, TRUE, FALSE, 30000000, '["authorization_code", "refresh_token"]', '["https://shop.example/cb?a=1;b"]', '["https://shop.example/bye"]', 'https://shop.example/backchannel', TRUE, 'https://shop.example/frontchannel', TRUE, 'RS256', '{"keys":[{"kty":"OKP"}]}', '', TRUE, TRUE, 1767323045678000, 'leaked', 2, 1767323045678000, 1767323045678000, 'registration', 'hmac-sha256:2', 1767323045678001, 'slash-name', 'EdDSA', 'pairwise', 'shop.example', TRUE, '[{"claim": "department", "expression": "attributes.department"}]', 'shop');
INSERT INTO invitations (id, hash, note, max_uses, uses, created_at, expires_at) OVERRIDING SYSTEM VALUE
VALUES (22, 'hmac-sha256:3', 'Editors', 3, 1, 1767323045678000, 1767323045678002);
INSERT INTO client_secrets (id, client_ref, hash, hint, created_at, expires_at) OVERRIDING SYSTEM VALUE
VALUES (21, 20, 'hmac-sha256:1', 'abcd', 1767323045678000, 1767323045678002);
INSERT INTO client_trusts (id, client_ref, issuer, subject, audience, claims, jwks, jwks_uri, private, reusable, created_at)
OVERRIDING SYSTEM VALUE VALUES (22, 20, 'https://ci.example', 'repo:a/b:*', 'https://id.example', '{"ref":"main"}', '', 'https://ci.example/keys', TRUE, TRUE, 1767323045678000);
INSERT INTO client_apis (client_ref, api_id, all_permissions, is_default)
VALUES (20, 10, FALSE, TRUE);
INSERT INTO client_permissions (client_ref, api_id, permission)
VALUES (20, 10, 'orders:read');
INSERT INTO client_serves (client_ref, api_id)
VALUES (20, 10);
INSERT INTO users (id, subject, username, email, email_verified, name, disabled_at, disabled_reason, version, created_at, updated_at) OVERRIDING SYSTEM VALUE
VALUES (30, 'sub-alice', 'alice', 'alice@example.com', TRUE, 'Alice', 1767323045678000, 'stolen', 4, 1767323045678000, 1767323045678000);
INSERT INTO attributes (id, name, type, description, standard, version, created_at, updated_at, managed_by) OVERRIDING SYSTEM VALUE
VALUES (35, 'badge', 'number', 'Number of the badge', FALSE, 2, 1767323045678000, 1767323045678000, 'shop');
INSERT INTO user_attributes (user_id, attribute_id, value)
VALUES (30, 35, '42');
INSERT INTO credentials (id, user_id, kind, data, created_at, updated_at, last_used_at) OVERRIDING SYSTEM VALUE
VALUES (31, 30, 'password', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA', 1767323045678000, 1767323045678000, 1767323045678023);
INSERT INTO password_links (user_id, hash, maker, created_at, expires_at)
VALUES (30, '\xabababababababababababababababababababababababababababababababab', '["users:write"]', 1767323045678000, 1767323045678024);
INSERT INTO keyed_requests (id, request, claim, claimed_until, answer, expires_at)
VALUES ('\xacacacacacacacacacacacacacacacacacacacacacacacacacacacacacacacac', '\x01', '\x02', 1767323045678000, '\x03', 1767323045678024);
INSERT INTO acme_values (key, value, modified_at)
VALUES ('certificates/ca/id.example/id.example.key', '\x04', 1767323045678000);
INSERT INTO acme_locks (name, owner, expires_at)
VALUES ('issue_cert_id.example', '\x05', 1767323045678024);
INSERT INTO identities (id, user_id, provider, external_id, created_at) OVERRIDING SYSTEM VALUE
VALUES (32, 30, 'https://accounts.example', '42', 1767323045678000);
INSERT INTO groups (id, name, description, version, created_at, updated_at, managed_by) OVERRIDING SYSTEM VALUE
VALUES (40, 'ops', 'Operations', 1, 1767323045678000, 1767323045678000, 'shop');
INSERT INTO group_members (group_id, user_id)
VALUES (40, 30);
INSERT INTO roles (id, name, description, version, created_at, updated_at, managed_by) OVERRIDING SYSTEM VALUE
VALUES (50, 'clerk', 'Reads orders', 1, 1767323045678000, 1767323045678000, 'shop');
INSERT INTO role_permissions (role_id, api_id, permission)
VALUES (50, 10, 'orders:read');
INSERT INTO assignments (id, role_id, user_id, group_id, client_ref, expires_at, created_at, managed_by) OVERRIDING SYSTEM VALUE
VALUES (51, 50, 30, NULL, NULL, 1767323045678003, 1767323045678000, 'shop');
INSERT INTO sessions (id, hash, sid, browser, user_id, auth_time, acr, amr, user_agent, ip, created_at, last_seen_at, expires_at, ended_at) OVERRIDING SYSTEM VALUE
VALUES (60, '\x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff', '00ff00ff00ff00ff', '\x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff', 30, 1767323045678000, '1', '["pwd"]', 'Firefox', '192.0.2.1', 1767323045678000, 1767323045678004, 1767323045678005, 1767323045678006);
INSERT INTO consents (user_id, client_ref, audience, scopes, granted_at)
VALUES (30, 20, 'https://orders.example', '["openid", "orders:read"]', 1767323045678000);
INSERT INTO grants (id, client_ref, user_id, session_id, sid, ends_with_session, revision, auth_time, acr, amr, created_at, expires_at, revoked_at, act, id_token_claims, userinfo_claims) OVERRIDING SYSTEM VALUE
VALUES (8589934592, 20, 30, 60, '00ff', TRUE, 2, 1767323045678000, '1', '["pwd"]', 1767323045678000, 1767323045678007, 1767323045678008, '\x0102', '["name"]', '["email"]');
INSERT INTO grant_apis (grant_id, position, audience, scopes, revoked_at)
VALUES (8589934592, 1, 'https://orders.example', '["openid"]', 1767323045678022);
INSERT INTO authorization_codes (signature, grant_id, form, created_at, expires_at, used_at)
VALUES ('code', 8589934592, '{"state":["a b"],"nonce":["n"]}', 1767323045678000, 1767323045678009, 1767323045678010);
INSERT INTO refresh_tokens (signature, grant_id, created_at, expires_at, used_at)
VALUES ('refresh', 8589934592, 1767323045678000, 1767323045678011, 1767323045678012);
INSERT INTO device_requests (id, device_code, user_code, client_ref, apis, nonce, ip, user_agent, poll_interval, polled_at, created_at, expires_at, answered_at, answered_by, grant_id, used_at) OVERRIDING SYSTEM VALUE
VALUES (65, '\xaa', '\xbb', 20, '[{"audience": "https://orders.example", "scopes": ["openid"]}]', 'n', '192.0.2.1', 'TV/1', 5000000, 1767323045678001, 1767323045678000, 1767323045678002, 1767323045678003, 30, 8589934592, 1767323045678004);
INSERT INTO limits (bucket, spent_until)
VALUES ('device guess', 1767323045678025);
INSERT INTO issued_tokens (expires_at, revision, grant_id, revoked_at, suspended_at, client_ref, user_id, key_id, api_id, status_list, status_index, jti, digest, kind)
VALUES (1767323045678013, 2, 8589934592, 1767323045678014, 1767323045678015, 20, 30, 80, 10, 70, 5, '019b7c5aabcd00ff00ff00ff00ff00ff', 'ff00ff00ff00ff00ff00ff00ff00ff00', 2);
INSERT INTO revocations (id, kind, target_id, user_id, audience, keep_grants, revision, issued_before, created_at, cursor, marked, ended, lost, part, done_at, criteria, holders, username, client_id, kid, role_name, group_name) OVERRIDING SYSTEM VALUE
VALUES (90, 'grant', 8589934592, 30, 'https://orders.example', TRUE, 2, 1767323045678000, 1767323045678000, '\x00000000000000000000000000000001', 3, 1, NULL, 0, 1767323045678016, NULL, NULL, 'alice', 'shop', 'k1', 'clerk', 'ops'),
(91, 'role', 50, NULL, NULL, TRUE, 2, NULL, 1767323045678000, '\x00000000000000000000000000000001', 3, 0, '[{"api_id": 10, "audience": "https://orders.example", "permissions": ["orders:read"], "users": "Hg=="}]', 0, NULL, NULL, NULL, NULL, NULL, NULL, 'clerk', NULL),
(92, 'criteria', 0, NULL, 'https://orders.example', TRUE, 2, NULL, 1767323045678000, '\x00000000000000000000000000000001', 3, 0, NULL, 0, NULL, '{"user_id": 30, "user": "alice", "api_id": 10, "api": "https://orders.example", "role": "clerk"}', '{"users": "Hg=="}', 'alice', NULL, NULL, 'clerk', NULL);
INSERT INTO status_lists (id, size, leased, expires_at, created_at) OVERRIDING SYSTEM VALUE
VALUES (70, 1048576, 64, 1767323045678017, 1767323045678000);
INSERT INTO status_changes (seq, list_id, entries)
VALUES (1, 70, '\x0105');
INSERT INTO signing_keys (id, kid, alg, state, public_jwk, sealed_key, created_at, activated_at, retired_at, revoked_at) OVERRIDING SYSTEM VALUE
VALUES (80, 'k1', 'ES256', 'revoked', '{"kty":"EC","crv":"P-256"}', '\xaabb', 1767323045678000, 1767323045678018, 1767323045678019, 1767323045678020);
INSERT INTO logouts (id, client_ref, subject, sid, attempts, created_at, next_attempt_at) OVERRIDING SYSTEM VALUE
VALUES (70, 20, 'usr_a', 'abc', 1, 1767323045678000, 1767323045678001);
INSERT INTO assertions (hash, expires_at)
VALUES ('\xcccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc', 1767323045678021);
INSERT INTO statistics (at, kind, replica, count)
VALUES (1767323040000000, 'issued.client_credentials', 'r1', 7);
INSERT INTO replicas (id, version, started_at, seen_at, revision, as_of, jwks)
VALUES ('r1', '1.0', 1767323045678000, 1767323045678001, 2, 1767323045678000, '"e1"');
INSERT INTO verifiers (id, agent, jwks, confirmed_at, first_seen_at, seen_at)
VALUES ('v1', 'curl/8', '"e1"', 1767323045678001, 1767323045678000, 1767323045678002);
INSERT INTO setup_links (hash, created_at, expires_at)
VALUES ('\xcccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc', 1767323045678000, 1767323045678021);
INSERT INTO audit_events (seq, at, actor, action, target, details, salt, digest, erased_by, prev_hash, hash, request_id)
VALUES (1, 1767323045678000, 'user:alice', 'client.create', 'client:shop', '{"b":1, "a":"\u003c"}', '\xdddddddddddddddddddddddddddddddd', '\xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 7, '\x', '\x1111111111111111111111111111111111111111111111111111111111111111', 'request-1');
INSERT INTO audit_checkpoints (seq, hash, at, mac)
VALUES (1, '\x1111111111111111111111111111111111111111111111111111111111111111', 1767323045678000, '\x2222222222222222222222222222222222222222222222222222222222222222');
INSERT INTO outbox (seq, at, kind, reason, members, initiator, format, subject, session, client, user_id, audience, receiver_id)
VALUES (1, 1767323045678000, 'session-revoked', 'revoked', '{"status": "paused"}', 'user', 'complex', 'sub-alice', '00ff', 'shop', 30, 'https://orders.example', 100);
INSERT INTO receivers (id, client_ref, description, method, endpoint, sealed_token, allow_private, events, acked, acked_beyond, missed, leased_until, attempts, next_attempt_at, last_error, verification_seq, verification_state, verification_at, verification_answered_at, verification_refusal, version, created_at, updated_at, paused_at, managed_by, disabled, status_reason, status_seq) OVERRIDING SYSTEM VALUE
VALUES (100, 20, 'stock', 'push', 'https://shop.example/events', '\x33', TRUE, '["session-revoked"]', 1, '["3"]', 1, 1767323045678022, 2, 1767323045678023, 'it answered 500', 1, 'state', 1767323045678025, 1767323045678026, 'invalid_request', 2, 1767323045678000, 1767323045678027, 1767323045678024, 'shop', TRUE, 'moved', 1);
INSERT INTO receiver_subjects (receiver_id, user_id, client_ref, created_at, removed)
VALUES (100, 30, NULL, 1767323045678000, TRUE);
INSERT INTO disabled_accounts (user_id, audience, receiver_id)
VALUES (30, 'https://orders.example', 0);
