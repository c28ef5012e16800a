-- The API by which Signet itself is managed.
INSERT INTO apis (audience, name, signing_alg, access_token_ttl, created_at, updated_at)
VALUES ('urn:signet:admin', 'Signet', 'ES256', 0, 0, 0);

INSERT INTO permissions (api_id, name, description)
SELECT a.id, p.name, p.description
FROM apis a CROSS JOIN (
    SELECT 'tokens:read' AS name, 'List issued tokens' AS description
    UNION ALL SELECT 'tokens:revoke', 'Revoke, suspend and resume tokens'
    UNION ALL SELECT 'keys:revoke', 'Revoke signing keys'
) AS p
WHERE a.audience = 'urn:signet:admin';

INSERT INTO role_permissions (role_id, api_id, permission)
SELECT r.id, p.api_id, p.name
FROM roles r CROSS JOIN permissions p JOIN apis a ON a.id = p.api_id
WHERE r.name = 'administrator' AND a.audience = 'urn:signet:admin';
