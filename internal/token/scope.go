package token

import (
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// IsIdentityScope says whether a scope belongs to no API.
func IsIdentityScope(scope string) bool { return slices.Contains(domain.IdentityScopes, scope) }

func joinScopes(scopes []string) string { return strings.Join(scopes, " ") }
