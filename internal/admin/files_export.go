package admin

import (
	"context"
	"io"
	"slices"

	"github.com/signet-auth/signet/internal/apply"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// exportedAtOnce is how many objects an export reads in a query, and holds in memory.
const exportedAtOnce = 500

// Export writes the file that describes all there is, or all of a set of files, as Apply reads it: no secrets, nothing that is built in,
// no clients that registered themselves. Kinds come in the order in which they refer to each other, objects by their names, assignments by
// who has the role. It is read page by page, and so shows what others change meanwhile in part.
func (s *Service) Export(ctx context.Context, caller authn.Caller, set string, w io.Writer) error {
	ctx, err := s.authorize(ctx, caller, "file.export")
	if err == nil {
		err = s.mayCompare(ctx, caller, nil, true)
	}
	if err != nil {
		return err
	}
	e := &export{set: set, w: w}
	d, now := s.config.Directory, s.config.Now()
	for _, read := range []func() error{
		func() error {
			return exportPages(ctx, e, d.ListAttributes, func(a domain.Attribute) string { return a.Name }, func(a domain.Attribute) any {
				return e.unless(a.Standard, a.ManagedBy, func() any { return apply.AttributeOf(a) })
			})
		},
		func() error { return s.exportAPIs(ctx, e) },
		func() error {
			find := func(ctx context.Context, p domain.Page) ([]domain.Role, error) {
				return d.ListRoles(ctx, domain.RoleFilter{}, p)
			}
			return exportPages(ctx, e, find, func(r domain.Role) string { return r.Name }, func(r domain.Role) any {
				return e.unless(r.BuiltIn(), r.ManagedBy, func() any { return apply.RoleOf(r) })
			})
		},
		func() error { return s.exportGroups(ctx, e) },
		func() error {
			find := func(ctx context.Context, p domain.Page) ([]domain.Client, error) {
				return s.config.Registry.ListClients(ctx, domain.ClientFilter{Origin: domain.OriginAdministrator}, p)
			}
			return exportPages(ctx, e, find, func(c domain.Client) string { return c.ClientID }, func(c domain.Client) any {
				return e.unless(c.ClientID == domain.CLIClient, c.ManagedBy, func() any { return apply.ClientOf(c) })
			})
		},
		func() error {
			for _, kind := range []domain.SubjectKind{domain.SubjectUser, domain.SubjectGroup, domain.SubjectClient} {
				find := func(ctx context.Context, p domain.Page) ([]domain.Assignment, error) {
					return s.config.Files.AssignmentsOf(ctx, kind, p)
				}
				err := exportPages(ctx, e, find, domain.Assignment.SubjectPlace, func(a domain.Assignment) any {
					return e.unless(!a.Active(now), a.ManagedBy, func() any { return apply.AssignmentOf(a) })
				})
				if err != nil {
					return err
				}
			}
			return nil
		},
		func() error {
			return exportPages(ctx, e, s.config.Receivers.List, func(r domain.Receiver) string { return r.Client }, func(r domain.Receiver) any {
				return e.unless(false, r.ManagedBy, func() any { return apply.ReceiverOf(r) })
			})
		},
	} {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

// exportAPIs writes APIs with their policies and resources; those of a few APIs are read at a time, as they may be long.
func (s *Service) exportAPIs(ctx context.Context, e *export) error {
	const policiesAtOnce = 20
	return everyPage(ctx, s.config.Registry.ListAPIs, func(a domain.API) string { return a.Audience }, func(all []domain.API) error {
		all = slices.DeleteFunc(all, func(a domain.API) bool { return a.Audience == domain.AdminAudience || !e.chosen(a.ManagedBy) })
		for apis := range slices.Chunk(all, policiesAtOnce) {
			audiences := make([]string, len(apis))
			for i, a := range apis {
				audiences[i] = a.Audience
			}
			policies, err := s.config.Policies.Texts(ctx, audiences)
			if err != nil {
				return err
			}
			objects := make([]any, len(apis))
			for i, a := range apis {
				resources, err := s.config.Policies.ResourcesOf(ctx, []string{a.Audience})
				if err != nil {
					return err
				}
				objects[i] = apply.APIOf(a, policies[a.Audience], resources[a.Audience])
			}
			if err := e.write(objects); err != nil {
				return err
			}
		}
		return nil
	})
}

// exportGroups writes groups with their members; those of a few groups are read at a time, as they may be many.
func (s *Service) exportGroups(ctx context.Context, e *export) error {
	const membersOfAtOnce = 20
	find := func(ctx context.Context, p domain.Page) ([]domain.Group, error) {
		return s.config.Directory.ListGroups(ctx, domain.GroupFilter{}, p)
	}
	return everyPage(ctx, find, func(g domain.Group) string { return g.Name }, func(all []domain.Group) error {
		all = slices.DeleteFunc(all, func(g domain.Group) bool { return !e.chosen(g.ManagedBy) })
		for groups := range slices.Chunk(all, membersOfAtOnce) {
			names := make([]string, len(groups))
			for i, g := range groups {
				names[i] = g.Name
			}
			members, err := s.membersOf(ctx, names)
			if err != nil {
				return err
			}
			objects := make([]any, len(groups))
			for i, g := range groups {
				objects[i] = apply.GroupOf(g, members[g.Name])
			}
			if err := e.write(objects); err != nil {
				return err
			}
		}
		return nil
	})
}

// export is a file in the making.
type export struct {
	set   string
	w     io.Writer
	begun bool
}

func (e *export) chosen(managedBy string) bool { return e.set == "" || managedBy == e.set }

// unless describes an object, nil for one that is left out.
func (e *export) unless(left bool, managedBy string, describe func() any) any {
	if left || !e.chosen(managedBy) {
		return nil
	}
	return describe()
}

func (e *export) write(objects []any) error {
	err := apply.Write(e.w, !e.begun, objects...)
	e.begun = e.begun || len(objects) > 0
	return err
}

// exportPages writes what is described of a list.
func exportPages[T any](
	ctx context.Context, e *export, find func(ctx context.Context, p domain.Page) ([]T, error), place func(T) string, describe func(T) any,
) error {
	return everyPage(ctx, find, place, func(all []T) error {
		var objects []any
		for _, o := range all {
			if described := describe(o); described != nil {
				objects = append(objects, described)
			}
		}
		return e.write(objects)
	})
}

// everyPage reads a list to its end.
func everyPage[T any](
	ctx context.Context, find func(ctx context.Context, p domain.Page) ([]T, error), place func(T) string, take func(all []T) error,
) error {
	for p := (domain.Page{Limit: exportedAtOnce}); ; {
		objects, err := find(ctx, p)
		if err != nil {
			return err
		}
		n, last := len(objects), ""
		if n > 0 {
			last = place(objects[n-1])
		}
		if err := take(objects); err != nil {
			return err
		}
		if n < exportedAtOnce {
			return nil
		}
		p.After = last
	}
}
