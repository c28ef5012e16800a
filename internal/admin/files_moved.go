package admin

import (
	"context"
	"slices"
	"strconv"

	"github.com/signet-auth/signet/internal/apply"
	"github.com/signet-auth/signet/internal/domain"
)

// unmoved is errMoved if others changed something after a revision that the plan rests on: what its documents describe or refer to, or
// what is of their set. Who is new meanwhile under a name that the plan makes is found when it is made.
func (f *fileChanges) unmoved(ctx context.Context, documents []*apply.Document, revision int64) error {
	changes, _, complete, err := f.s.config.Files.Changes(ctx, revision)
	if err != nil {
		return err
	}
	if !complete || slices.ContainsFunc(changes, f.rests(documents)) {
		return errMoved
	}
	return nil
}

// rests says whether the plan rests on what a change changed.
func (f *fileChanges) rests(documents []*apply.Document) func(domain.Change) bool {
	names := apply.NamesIn(documents)
	keys := map[domain.ChangeKind]map[string]bool{domain.ChangeClient: {}, domain.ChangeAPI: {}, domain.ChangeRole: {}, domain.ChangeGroupAccess: {}}
	for kind, list := range map[domain.ChangeKind][]string{domain.ChangeClient: slices.Concat(names.Clients, names.Receivers), domain.ChangeAPI: names.APIs} {
		for _, name := range list {
			keys[kind][name] = true
		}
	}
	for _, c := range f.state.Clients {
		keys[domain.ChangeClient][c.ClientID] = true
	}
	for _, a := range f.state.APIs {
		keys[domain.ChangeAPI][a.Audience] = true
	}
	for _, r := range f.state.Roles {
		keys[domain.ChangeRole][strconv.FormatInt(r.ID, 10)] = true
	}
	for _, g := range f.state.Groups {
		keys[domain.ChangeGroupAccess][strconv.FormatInt(g.ID, 10)] = true
	}
	ofUsers := len(names.Users) > 0 || slices.ContainsFunc(f.state.Assignments, func(a domain.Assignment) bool { return a.SubjectKind == domain.SubjectUser })
	return func(c domain.Change) bool {
		switch c.Kind {
		case domain.ChangeKeys, domain.ChangeRevocations:
			return false
		case domain.ChangeUser, domain.ChangeUserAccess:
			return ofUsers
		case domain.ChangeClientAccess:
			return keys[domain.ChangeClient][c.Key]
		case domain.ChangeClient, domain.ChangeAPI, domain.ChangeRole, domain.ChangeGroupAccess:
			return keys[c.Kind][c.Key]
		}
		return true
	}
}
