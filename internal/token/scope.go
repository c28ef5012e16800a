package token

import (
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// OpenIDScopes are the scopes that Signet itself gives meaning to (OpenID Connect Core §5.4, §11).
var OpenIDScopes = []string{domain.ScopeOpenID, domain.ScopeProfile, domain.ScopeEmail, domain.ScopeOfflineAccess}

// IsOpenIDScope says whether a scope belongs to no API.
func IsOpenIDScope(scope string) bool { return slices.Contains(OpenIDScopes, scope) }

func joinScopes(scopes []string) string { return strings.Join(scopes, " ") }
