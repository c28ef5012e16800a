package oauth

import (
	"context"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/token"
)

// The most names that the claim "groups" or "roles" may have. A longer list is left out whole: a part of it would look like all.
const (
	maxIDTokenNames  = 200
	maxUserinfoNames = token.MaxNames
)

// addMemberships adds the names of the user's groups, as the client has them, and roles, of whichever API, as far as the scopes ask for
// them and the lists have at most limit names. It returns the names of the claims that it added, the one with the most text first.
func (p *Provider) addMemberships(ctx context.Context, claims map[string]any, c *domain.Client, user *domain.User, scopes []string, limit int) ([]string, error) {
	var added []string
	size := make(map[string]int)
	for _, list := range []struct {
		claim, scope string
		names        func(context.Context, int64) ([]string, error)
	}{
		{"groups", domain.ScopeGroups, p.Directory.UserGroupNames},
		{"roles", domain.ScopeRoles, p.Directory.UserRoleNames},
	} {
		if !slices.Contains(scopes, list.scope) {
			continue
		}
		names, err := list.names(ctx, user.ID)
		if err != nil {
			return nil, err
		}
		if list.scope == domain.ScopeGroups {
			names = c.GroupNames.Of(names)
		}
		if len(names) <= limit {
			claims[list.claim], size[list.claim] = names, len(strings.Join(names, `","`))
			added = append(added, list.claim)
		}
	}
	slices.SortStableFunc(added, func(a, b string) int { return size[b] - size[a] })
	return added, nil
}
