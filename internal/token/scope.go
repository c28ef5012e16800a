package token

import (
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// IsIdentityScope says whether a scope belongs to no API.
func IsIdentityScope(scope string) bool { return slices.Contains(domain.IdentityScopes, scope) }

// SplitScopes reads a space-delimited list as requests and claims have it, of scopes or of other values. Space is the only delimiter
// (RFC 6749 §3.3); several in a row count as one.
func SplitScopes(list string) []string {
	return slices.DeleteFunc(strings.Split(list, " "), func(value string) bool { return value == "" })
}

// ValidScopes says whether a list has only the characters that RFC 6749 §3.3 allows in it.
func ValidScopes(list string) bool {
	return !strings.ContainsFunc(list, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
}

func joinScopes(scopes []string) string { return strings.Join(scopes, " ") }
