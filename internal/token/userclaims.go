package token

import (
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// UserClaim is a claim about a user (OpenID Connect Core §5.1).
type UserClaim struct {
	Name  string
	Scope string                 // that asks for it (§5.4)
	value func(*domain.User) any // nil: the user has none
}

// UserClaims are all of them.
var UserClaims = userClaims()

func userClaims() []UserClaim {
	claims := []UserClaim{
		{"name", domain.ScopeProfile, func(u *domain.User) any { return textOrNone(u.Name) }},
		{"preferred_username", domain.ScopeProfile, func(u *domain.User) any { return u.Username }},
		{"updated_at", domain.ScopeProfile, func(u *domain.User) any { return u.UpdatedAt.Unix() }},
		{"email", domain.ScopeEmail, func(u *domain.User) any { return textOrNone(u.Email) }},
		{"email_verified", domain.ScopeEmail, func(u *domain.User) any {
			if u.Email == "" {
				return nil
			}
			return u.EmailVerified
		}},
		{"address", domain.ScopeAddress, address},
	}
	for _, a := range domain.StandardAttributes {
		if !strings.HasPrefix(a.Name, domain.AddressPrefix) {
			claims = append(claims, UserClaim{a.Name, a.Scope, func(u *domain.User) any { return u.Attributes[a.Name] }})
		}
	}
	for i, c := range claims {
		if c.Name == "phone_number_verified" { // says nothing without a number
			claims[i].value = func(u *domain.User) any {
				if u.Attributes["phone_number"] == nil {
					return nil
				}
				return u.Attributes[c.Name] == true
			}
		}
	}
	return claims
}

func textOrNone(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// address is OpenID Connect Core §5.1.1.
func address(user *domain.User) any {
	members := map[string]any{}
	for _, a := range domain.StandardAttributes {
		if member, ok := strings.CutPrefix(a.Name, domain.AddressPrefix); ok && user.Attributes[a.Name] != nil {
			members[member] = user.Attributes[a.Name]
		}
	}
	if len(members) == 0 {
		return nil
	}
	return members
}

// AddUserClaims adds the claims that the scopes ask for, and those that single names, as far as the user has them. It returns the names of
// those that come of attributes, which may be long, the one with the most text first.
func AddUserClaims(claims map[string]any, user *domain.User, scopes, single []string) (attributes []string) {
	for _, c := range UserClaims {
		if !slices.Contains(scopes, c.Scope) && !slices.Contains(single, c.Name) {
			continue
		}
		if value := c.value(user); value != nil {
			claims[c.Name] = value
			if c.Scope == domain.ScopeAddress || user.Attributes[c.Name] != nil {
				attributes = append(attributes, c.Name)
			}
		}
	}
	slices.SortStableFunc(attributes, func(a, b string) int { return textSize(claims[b]) - textSize(claims[a]) })
	return attributes
}

// ClaimsOfUser are all claims about a user, and the attributes that are no such claim, by their names.
func ClaimsOfUser(user *domain.User) map[string]any {
	claims := map[string]any{}
	for name, value := range user.Attributes {
		if !strings.HasPrefix(name, domain.AddressPrefix) {
			claims[name] = value
		}
	}
	for _, c := range UserClaims {
		if value := c.value(user); value != nil {
			claims[c.Name] = value
		}
	}
	claims["sub"] = user.Subject
	return claims
}

// textSize is about how many bytes a claim takes.
func textSize(claim any) (size int) {
	switch v := claim.(type) {
	case string:
		size = len(v)
	case map[string]any:
		for _, member := range v {
			size += textSize(member)
		}
	}
	return size
}

// UserClaimNames are those of all claims about a user.
func UserClaimNames() []string {
	names := make([]string, len(UserClaims))
	for i, c := range UserClaims {
		names[i] = c.Name
	}
	return names
}
