package domain

import "strings"

// Memberships says which of a subject's roles and groups the access tokens for an API name, as far as they may. Empty: the relevant ones.
type Memberships string

// What access tokens may name.
const (
	MembershipsRelevant Memberships = "relevant" // the roles that give a permission of the API, and the groups through which such a role comes
	MembershipsAll      Memberships = "all"
	MembershipsNone     Memberships = "none"
)

// GroupNames says how tokens name groups. Empty: by their names.
type GroupNames string

// The ways to name groups.
const (
	GroupsByName      GroupNames = "name"
	GroupsBySlashName GroupNames = "slash-name" // "/sales": as applications know groups from systems where they form a tree
)

// Of are the names of groups as tokens have them.
func (g GroupNames) Of(groups []string) []string {
	if g != GroupsBySlashName {
		return groups
	}
	named := make([]string, len(groups))
	for i, group := range groups {
		named[i] = "/" + strings.TrimPrefix(group, "/")
	}
	return named
}
