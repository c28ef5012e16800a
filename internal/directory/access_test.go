package directory_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/servicetest"
)

var svc = directory.Subject{Kind: domain.SubjectClient, Name: "svc"}

func TestAccessIsWhatRolesGiveDirectlyAndThroughGroups(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		alice := w.user("alice", "")
		w.group("ops", "alice")
		w.group("idle", "alice")
		w.role("reader", orders+"#read")
		w.role("clerk", orders+"#read", orders+"#write", billing+"#read")
		w.hasAccess(subjectOf(alice), orders, directory.Access{})

		w.assign("reader", domain.SubjectUser, "alice", time.Time{})
		w.hasAccess(subjectOf(alice), orders, directory.Access{Roles: []string{"reader"}, Permissions: []string{"read"}})
		w.hasAccess(subjectOf(alice), billing, directory.Access{})

		w.assign("clerk", domain.SubjectGroup, "ops", time.Time{})
		w.assign(domain.RoleAdministrator, domain.SubjectGroup, "idle", time.Time{})
		w.hasAccess(subjectOf(alice), orders, directory.Access{
			Roles: []string{"clerk", "reader"}, Groups: []string{"ops"}, Permissions: []string{"read", "write"},
		})
		w.hasAccess(subjectOf(alice), billing, directory.Access{Roles: []string{"clerk"}, Groups: []string{"ops"}, Permissions: []string{"read"}})
		w.hasAccess(subjectOf(alice), "https://other.example", directory.Access{})

		w.check(w.RemoveMember(ctx, "ops", "alice"))
		w.hasAccess(subjectOf(alice), billing, directory.Access{})
		w.check(w.AddMember(ctx, "ops", "alice"))
		w.check(w.DeleteGroup(ctx, "ops"))
		w.hasAccess(subjectOf(alice), billing, directory.Access{})
		w.check(w.Unassign(ctx, "reader", domain.SubjectUser, "alice"))
		w.hasAccess(subjectOf(alice), orders, directory.Access{})
	})
}

func TestAnAssignmentCountsUntilItExpires(t *testing.T) {
	each(t, func(w *world) {
		w.role("reader", orders+"#read")
		w.role("writer", orders+"#write")
		w.role("biller", billing+"#write")
		soon, late := w.now.Add(time.Minute), w.now.Add(time.Hour)
		w.assign("reader", domain.SubjectClient, "svc", late)
		w.assign("writer", domain.SubjectClient, "svc", soon)
		w.assign("biller", domain.SubjectClient, "svc", w.now.Add(time.Second)) // counts elsewhere
		w.hasAccess(svc, orders, directory.Access{Roles: []string{"reader", "writer"}, Permissions: []string{"read", "write"}, Until: soon})
		w.now = soon // nothing was changed: expiry is judged at use
		w.hasAccess(svc, orders, directory.Access{Roles: []string{"reader"}, Permissions: []string{"read"}, Until: late})
		w.assign("reader", domain.SubjectClient, "svc", time.Time{})
		w.hasAccess(svc, orders, directory.Access{Roles: []string{"reader"}, Permissions: []string{"read"}})

		err := w.Assign(eventtest.Context(w.t), domain.Assignment{Role: "reader", SubjectKind: domain.SubjectClient, Subject: "svc", ExpiresAt: w.now})
		w.refused(err, domain.ErrInvalid, "still to come")
	})
}

func TestChangesOfRolesAndAPIsShowInAccess(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		w.role("clerk", orders+"#read", orders+"#write")
		w.assign("clerk", domain.SubjectClient, "svc", time.Time{})
		clerk := func(permissions ...string) directory.Access {
			return directory.Access{Roles: []string{"clerk"}, Permissions: permissions}
		}
		w.hasAccess(svc, orders, clerk("read", "write"))

		_, err := w.UpdateRole(ctx, "clerk", servicetest.Become(domain.Role{Permissions: servicetest.RolePermissions([]string{orders + "#delete", orders + "#read"}...)}))
		w.check(err)
		w.hasAccess(svc, orders, clerk("delete", "read"))

		_, _, err = w.replica.Registry.UpdateAPI(ctx, orders, servicetest.Become(domain.API{Permissions: []domain.Permission{{Name: "read"}}}))
		w.check(err)
		w.hasAccess(svc, orders, clerk("read"))

		w.check(w.replica.Registry.DeleteAPI(ctx, orders))
		w.hasAccess(svc, orders, directory.Access{})

		w.role("biller", billing+"#read")
		w.assign("biller", domain.SubjectClient, "svc", time.Time{})
		w.hasAccess(svc, billing, directory.Access{Roles: []string{"biller"}, Permissions: []string{"read"}})
		w.check(w.DeleteRole(ctx, "biller"))
		w.hasAccess(svc, billing, directory.Access{})
	})
}

func TestAClientOfTheSameNameDoesNotInheritAccess(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		w.role("reader", orders+"#read")
		w.assign("reader", domain.SubjectClient, "svc", time.Time{})
		w.hasAccess(svc, orders, directory.Access{Roles: []string{"reader"}, Permissions: []string{"read"}})
		w.check(w.replica.Registry.DeleteClient(ctx, "svc"))
		w.hasAccess(svc, orders, directory.Access{})
		_, _, err := w.replica.Registry.CreateClient(ctx, domain.Client{ClientID: "svc", GrantTypes: []string{domain.GrantClientCredentials}})
		w.check(err)
		w.hasAccess(svc, orders, directory.Access{})
		w.assign("reader", domain.SubjectClient, "svc", time.Time{})
		w.hasAccess(svc, orders, directory.Access{Roles: []string{"reader"}, Permissions: []string{"read"}})
	})
}

func TestWhatDoesNotExistIsNamed(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		w.role("reader", orders+"#read")
		w.group("ops")
		assign := func(role string, kind domain.SubjectKind, subject string) error {
			return w.Assign(ctx, domain.Assignment{Role: role, SubjectKind: kind, Subject: subject})
		}
		w.refused(assign("raeder", domain.SubjectClient, "svc"), domain.ErrNotFound, `role "raeder": not found`)
		w.refused(assign("reader", domain.SubjectUser, "Bob"), domain.ErrNotFound, `user "bob": not found`)
		w.refused(assign("reader", domain.SubjectGroup, "bobs"), domain.ErrNotFound, `group "bobs": not found`)
		w.refused(assign("reader", domain.SubjectClient, "bob"), domain.ErrNotFound, `client "bob": not found`)
		w.refused(assign("reader", "robot", "r2"), domain.ErrInvalid, `kind of subject "robot"`)
		w.refused(w.Unassign(ctx, "reader", domain.SubjectClient, "svc"), domain.ErrNotFound)
		w.refused(w.AddMember(ctx, "oops", "alice"), domain.ErrNotFound, `group "oops": not found`)
		w.refused(w.AddMember(ctx, "ops", "alice"), domain.ErrNotFound, `user "alice": not found`)
		_, err := w.ListMembers(ctx, "oops", domain.Page{Limit: 10})
		w.refused(err, domain.ErrNotFound)
		_, err = w.CreateRole(ctx, domain.Role{Name: "x", Permissions: servicetest.RolePermissions([]string{orders + "#raed"}...)})
		w.refused(err, domain.ErrInvalid, `permission "raed": API "https://orders.example" does not have it`)
		_, err = w.CreateRole(ctx, domain.Role{Name: "x", Permissions: servicetest.RolePermissions([]string{"urn:x#read"}...)})
		w.refused(err, domain.ErrInvalid, `API "urn:x": there is none`)
		_, err = w.UpdateRole(ctx, "x", servicetest.Become(domain.Role{}))
		w.refused(err, domain.ErrNotFound, `role "x": not found`)
		_, err = w.CreateRole(ctx, domain.Role{Name: "reader"})
		w.refused(err, domain.ErrExists, `role "reader": already exists`)
		_, err = w.CreateGroup(ctx, domain.Group{Name: "ops"})
		w.refused(err, domain.ErrExists, `group "ops": already exists`)
		_, err = w.Access(ctx, directory.Subject{Kind: domain.SubjectGroup}, orders)
		w.refused(err, domain.ErrInvalid)
	})
}

// model computes the access that the directory should give, in the simplest way.
type model struct {
	permissions map[string][]string          // of a role, as audience#permission
	assigned    map[[2]string]time.Time      // role and "kind:name" → expiry
	members     map[[2]string]bool           // group and username
	subjects    map[string]directory.Subject // "kind:name" → subject
}

func (m model) access(holder, audience string, now time.Time) directory.Access {
	var access directory.Access
	roles, groups, permissions := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for key, expires := range m.assigned {
		role, to := key[0], key[1]
		group, isGroup := strings.CutPrefix(to, "group:")
		through := isGroup && m.members[[2]string{group, strings.TrimPrefix(holder, "user:")}]
		if (to != holder && !through) || (!expires.IsZero() && !now.Before(expires)) {
			continue
		}
		for _, p := range m.permissions[role] {
			permission, ok := strings.CutPrefix(p, audience+"#")
			if !ok {
				continue
			}
			roles[role], permissions[permission] = true, true
			if through {
				groups[group] = true
			}
			if !expires.IsZero() && (access.Until.IsZero() || expires.Before(access.Until)) {
				access.Until = expires
			}
		}
	}
	access.Roles, access.Groups, access.Permissions = sorted(roles), sorted(groups), sorted(permissions)
	return access
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// Random changes, then every subject's access at every audience must be the model's; each run has a new model.
func TestAccessEqualsANaiveModel(t *testing.T) {
	each(t, func(w *world) {
		run := 0
		rapid.Check(w.t, func(t *rapid.T) {
			run++
			m := w.newModel(fmt.Sprintf("run%d-", run))
			holders := slices.Sorted(maps.Keys(m.subjects))
			for range rapid.IntRange(1, 12).Draw(t, "changes") {
				w.changeBoth(t, m, fmt.Sprintf("run%d-", run))
				w.refresh()
				for _, holder := range holders {
					for _, audience := range []string{orders, billing} {
						got, err := w.Access(eventtest.Context(w.t), m.subjects[holder], audience)
						if err != nil {
							t.Fatal(err)
						}
						if diff := cmp.Diff(m.access(holder, audience, w.now), got, cmpopts.EquateEmpty()); diff != "" {
							t.Fatalf("access of %s at %s: %s", holder, audience, diff)
						}
					}
				}
			}
		})
	})
}

func (w *world) newModel(prefix string) model {
	m := model{map[string][]string{}, map[[2]string]time.Time{}, map[[2]string]bool{}, map[string]directory.Subject{}}
	for _, n := range []string{"1", "2"} {
		m.subjects["user:"+prefix+n] = subjectOf(w.user(prefix+n, ""))
		w.group(prefix + n)
		w.role(prefix + n)
	}
	_, _, err := w.replica.Registry.CreateClient(eventtest.Context(w.t), domain.Client{ClientID: prefix + "1", GrantTypes: []string{domain.GrantClientCredentials}})
	w.check(err)
	m.subjects["client:"+prefix+"1"] = directory.Subject{Kind: domain.SubjectClient, Name: prefix + "1"}
	return m
}

// changeBoth makes one random change to the directory and to the model.
func (w *world) changeBoth(t *rapid.T, m model, prefix string) {
	ctx := eventtest.Context(w.t)
	name := rapid.Map(rapid.SampledFrom([]string{"1", "2"}), func(n string) string { return prefix + n })
	role := name.Draw(t, "role")
	holder := rapid.OneOf(
		rapid.Map(name, func(n string) string { return "user:" + n }),
		rapid.Map(name, func(n string) string { return "group:" + n }),
		rapid.Just("client:"+prefix+"1"),
	).Draw(t, "holder")
	kind, subject, _ := strings.Cut(holder, ":")
	switch rapid.SampledFrom([]string{"assign", "unassign", "join", "leave", "permit", "wait"}).Draw(t, "change") {
	case "assign":
		var until time.Time
		if minutes := rapid.IntRange(0, 3).Draw(t, "minutes"); minutes > 0 {
			until = w.now.Add(time.Duration(minutes) * time.Minute)
		}
		w.assign(role, domain.SubjectKind(kind), subject, until)
		m.assigned[[2]string{role, holder}] = until
	case "unassign":
		if _, ok := m.assigned[[2]string{role, holder}]; ok {
			w.check(w.Unassign(ctx, role, domain.SubjectKind(kind), subject))
			delete(m.assigned, [2]string{role, holder})
		}
	case "join":
		group, username := name.Draw(t, "group"), name.Draw(t, "user")
		w.check(w.AddMember(ctx, group, username))
		m.members[[2]string{group, username}] = true
	case "leave":
		group, username := name.Draw(t, "group"), name.Draw(t, "user")
		w.check(w.RemoveMember(ctx, group, username))
		delete(m.members, [2]string{group, username})
	case "permit":
		all := []string{orders + "#read", orders + "#write", billing + "#read"}
		m.permissions[role] = rapid.SliceOfDistinct(rapid.SampledFrom(all), rapid.ID).Draw(t, "permissions")
		_, err := w.UpdateRole(ctx, role, servicetest.Become(domain.Role{Permissions: servicetest.RolePermissions(m.permissions[role]...)}))
		w.check(err)
	case "wait":
		w.now = w.now.Add(time.Minute)
	}
}
