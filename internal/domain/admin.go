package domain

// AdminAudience is the built-in API for managing Signet: the "aud" of the access tokens for it.
const AdminAudience = "urn:signet:admin"

// The permissions of the built-in API. The administrator role has them all.
const (
	PermissionTokensRead   = "tokens:read"
	PermissionTokensRevoke = "tokens:revoke"
	PermissionKeysRevoke   = "keys:revoke"
)

// AdminPermissions are all of them.
var AdminPermissions = []string{PermissionTokensRead, PermissionTokensRevoke, PermissionKeysRevoke}
