package admin

import (
	"context"
	"slices"

	"github.com/signet-auth/signet/internal/apply"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// exportedAtOnce is how many objects an export reads in a query.
const exportedAtOnce = 1000

// Exported is what an export has written.
type Exported struct {
	Text string `json:"text" doc:"A file of YAML, as file.apply reads it"`
}

// Export writes the file that describes all there is, or all of a set of files, as Apply reads it: no secrets, nothing that is built in,
// no clients that registered themselves.
func (s *Service) Export(ctx context.Context, caller authn.Caller, set string) (string, error) {
	ctx, err := s.authorize(ctx, caller, "file.export")
	if err == nil {
		err = s.mayCompare(ctx, caller, nil, true)
	}
	if err != nil {
		return "", err
	}
	var objects []any
	chosen := func(managedBy string) bool { return set == "" || managedBy == set }
	d, now := s.config.Directory, s.config.Now()
	for _, read := range []func() error{
		func() error {
			return everyPage(ctx, d.ListAttributes, func(a domain.Attribute) string { return a.Name }, func(all []domain.Attribute) error {
				for _, a := range all {
					if !a.Standard && chosen(a.ManagedBy) {
						objects = append(objects, apply.AttributeOf(a))
					}
				}
				return nil
			})
		},
		func() error {
			return everyPage(ctx, s.config.Registry.ListAPIs, func(a domain.API) string { return a.Audience }, func(all []domain.API) error {
				for _, a := range all {
					if a.Audience != domain.AdminAudience && chosen(a.ManagedBy) {
						objects = append(objects, apply.APIOf(a))
					}
				}
				return nil
			})
		},
		func() error {
			return everyPage(ctx, d.ListRoles, func(r domain.Role) string { return r.Name }, func(all []domain.Role) error {
				for _, r := range all {
					if !slices.Contains(domain.BuiltInRoles, r.Name) && chosen(r.ManagedBy) {
						objects = append(objects, apply.RoleOf(r))
					}
				}
				return nil
			})
		},
		func() error {
			return everyPage(ctx, d.ListGroups, func(g domain.Group) string { return g.Name }, func(all []domain.Group) error {
				names := make([]string, len(all))
				for i, g := range all {
					names[i] = g.Name
				}
				members, err := s.config.Named.MembersOf(ctx, names)
				for _, g := range all {
					if chosen(g.ManagedBy) {
						objects = append(objects, apply.GroupOf(g, members[g.Name]))
					}
				}
				return err
			})
		},
		func() error {
			find := func(ctx context.Context, p domain.Page) ([]domain.Client, error) {
				return s.config.Registry.ListClients(ctx, domain.OriginAdministrator, p)
			}
			return everyPage(ctx, find, func(c domain.Client) string { return c.ClientID }, func(all []domain.Client) error {
				for _, c := range all {
					if c.ClientID != domain.CLIClient && chosen(c.ManagedBy) {
						objects = append(objects, apply.ClientOf(c))
					}
				}
				return nil
			})
		},
		func() error {
			find := func(ctx context.Context, p domain.Page) ([]domain.Assignment, error) {
				return d.ListAssignments(ctx, domain.AssignmentFilter{}, p)
			}
			return everyPage(ctx, find, domain.Assignment.Place, func(all []domain.Assignment) error {
				for _, a := range all {
					if a.Active(now) && chosen(a.ManagedBy) {
						objects = append(objects, apply.AssignmentOf(a))
					}
				}
				return nil
			})
		},
		func() error {
			return everyPage(ctx, s.config.Receivers.List, func(r domain.Receiver) string { return r.Client }, func(all []domain.Receiver) error {
				for _, r := range all {
					if chosen(r.ManagedBy) {
						objects = append(objects, apply.ReceiverOf(r))
					}
				}
				return nil
			})
		},
	} {
		if err := read(); err != nil {
			return "", err
		}
	}
	return apply.Write(objects)
}

// everyPage reads a list to its end.
func everyPage[T any](
	ctx context.Context, find func(ctx context.Context, p domain.Page) ([]T, error), key func(T) string, take func(all []T) error,
) error {
	for p := (domain.Page{Limit: exportedAtOnce}); ; {
		objects, err := find(ctx, p)
		if err != nil {
			return err
		}
		if err := take(objects); err != nil {
			return err
		}
		if len(objects) < exportedAtOnce {
			return nil
		}
		p.After = key(objects[len(objects)-1])
	}
}
