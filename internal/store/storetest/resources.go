package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

func putResources(tb testing.TB, db *store.DB, resources ...domain.Resource) {
	tb.Helper()
	check(tb, db.PutResources(tb.Context(), audience, resources, 10))
}

func resource(kind, id, properties string) domain.Resource {
	return domain.Resource{Type: kind, ID: id, Properties: properties, CreatedAt: t0, UpdatedAt: t0}
}

func places(resources []domain.Resource) (places []string) {
	for _, r := range resources {
		places = append(places, r.Place())
	}
	return places
}

var resourceTests = map[string]func(*testing.T, *store.DB){
	"what is registered is found, and changed in place": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		name := domain.ResourceName{Type: "order", ID: "1:Zoë"}
		_, err := db.FindResource(t.Context(), audience, name)
		wantErr(t, err, domain.ErrNotFound)
		same(t, must(db.HasResources(t.Context(), audience))(t), false)
		wantChanges(t, db, func(ctx context.Context) error {
			return db.PutResources(ctx, audience, []domain.Resource{resource("order", "1:Zoë", `{"owner":"a"}`)}, 10)
		}, "resource "+text(w.api), "resource "+domain.ResourceKey(w.api, name))
		changed := resource("order", "1:Zoë", `{}`)
		changed.UpdatedAt = t0.Add(time.Second)
		putResources(t, db, changed)
		changed.Version = revision(t, db)
		same(t, must(db.HoldResource(t.Context(), audience, name))(t), changed)
		same(t, must(db.HasResources(t.Context(), audience))(t), true)
		same(t, must(db.ResourcesOf(t.Context(), []string{audience, "https://none.example"}))(t), map[string][]domain.Resource{audience: {changed}})
		wantChanges(t, db, func(ctx context.Context) error { return db.DeleteResources(ctx, audience, []domain.ResourceName{name}) },
			"resource "+text(w.api), "resource "+domain.ResourceKey(w.api, name))
		wantErr(t, db.DeleteResources(t.Context(), audience, []domain.ResourceName{name}), domain.ErrNotFound)
		wantErr(t, db.PutResources(t.Context(), "https://none.example", []domain.Resource{changed}, 10), domain.ErrNotFound)
	},
	"resources are listed in their order, from both ends": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		putResources(t, db, resource("order", "b", "{}"), resource("order", "a", "{}"), resource("bill", "z", "{}"), resource("order", "c", "{}"))
		list := func(kind string, p domain.Page) []string {
			return places(must(db.ListResources(t.Context(), audience, kind, p))(t))
		}
		same(t, list("", domain.Page{Limit: 3}), []string{"bill:z", "order:a", "order:b"})
		same(t, list("", domain.Page{After: "order:a", Limit: 3}), []string{"order:b", "order:c"})
		same(t, list("", domain.Page{Before: "order:b", Limit: 1}), []string{"order:a"})
		same(t, list("order", domain.Page{Limit: 2}), []string{"order:a", "order:b"})
		same(t, list("bill", domain.Page{After: "bill:z", Limit: 2}), []string(nil))
		same(t, list("", domain.Page{Search: "B", Limit: 9}), []string{"bill:z", "order:b"})
		same(t, list("order", domain.Page{Search: "b", Limit: 9}), []string{"order:b"})
		same(t, list("", domain.Page{Search: "order:", After: "order:a", Limit: 1}), []string{"order:b"})
	},
	"one that is registered anew has no version of before": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		name := domain.ResourceName{Type: "order", ID: "a"}
		known := map[int64]bool{}
		for range 3 {
			for range 2 {
				putResources(t, db, resource("order", "a", "{}"))
				version := must(db.FindResource(t.Context(), audience, name))(t).Version
				same(t, known[version], false)
				known[version] = true
			}
			check(t, db.DeleteResources(t.Context(), audience, []domain.ResourceName{name}))
		}
	},
	"an API has no more resources than it may, and they go with it": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		var many []domain.Resource
		for i := range 10 {
			many = append(many, resource("order", fmt.Sprint(i), "{}"))
		}
		putResources(t, db, many...)
		wantErr(t, db.PutResources(t.Context(), audience, []domain.Resource{resource("order", "x", "{}")}, 10), domain.ErrInvalid)
		putResources(t, db, many[3])
		same(t, len(must(db.ListResources(t.Context(), audience, "", domain.Page{Limit: 20}))(t)), 10)
		check(t, db.DeleteAPI(t.Context(), audience))
		same(t, len(must(db.ListResources(t.Context(), audience, "", domain.Page{Limit: 20}))(t)), 0)
	},
	"candidates are found by the roles that they have, each once": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		role := func(name string, permissions ...string) int64 {
			r := domain.Role{Name: name, CreatedAt: t0, UpdatedAt: t0}
			for _, p := range permissions {
				r.Permissions = append(r.Permissions, domain.RolePermission{Audience: audience, Permission: p})
			}
			return must(db.InsertRole(t.Context(), r))(t)
		}
		writer, named := role("writer", "orders:write"), role("named")
		ids := map[string]int64{"alice": w.user}
		for _, name := range []string{"bob", "carol", "dave"} {
			ids[name] = must(db.InsertUser(t.Context(), domain.User{Subject: "sub-" + name, Username: name, CreatedAt: t0, UpdatedAt: t0}))(t)
		}
		second := must(db.InsertGroup(t.Context(), domain.Group{Name: "second", CreatedAt: t0}))(t)
		for _, a := range []domain.Assignment{
			{Role: "clerk", SubjectKind: domain.SubjectUser, Subject: "alice"}, {Role: "named", SubjectKind: domain.SubjectUser, Subject: "alice"},
			{Role: "named", SubjectKind: domain.SubjectUser, Subject: "bob"}, {Role: "writer", SubjectKind: domain.SubjectUser, Subject: "dave"},
			{Role: "clerk", SubjectKind: domain.SubjectGroup, Subject: "ops"}, {Role: "named", SubjectKind: domain.SubjectGroup, Subject: "second"},
			{Role: "clerk", SubjectKind: domain.SubjectClient, Subject: "shop"},
		} {
			a.CreatedAt = t0
			check(t, db.PutAssignment(t.Context(), a))
		}
		for _, m := range [][2]string{{"ops", "bob"}, {"ops", "carol"}, {"second", "carol"}, {"second", "dave"}} {
			check(t, db.AddMember(t.Context(), m[0], m[1]))
		}
		chosen := domain.Candidates{Audience: audience, Permissions: []string{"orders:read"}, Roles: []string{"named"}}
		same(t, must(db.CandidateRoles(t.Context(), chosen, domain.SubjectUser, 0, 10))(t), []int64{w.role, named})
		same(t, must(db.CandidateRoles(t.Context(), chosen, domain.SubjectUser, w.role+1, 10))(t), []int64{named})
		same(t, must(db.CandidateRoles(t.Context(), chosen, domain.SubjectClient, 0, 10))(t), []int64{w.role})
		same(t, must(db.CandidateRoles(t.Context(), domain.Candidates{Audience: audience, Permissions: []string{"orders:write"}}, domain.SubjectUser, 0, 10))(t), []int64{writer})
		same(t, must(db.CandidateGroups(t.Context(), chosen, 0, 10))(t), []int64{w.group, second})
		same(t, must(db.CandidateGroups(t.Context(), chosen, 0, 1))(t), []int64{w.group})

		of := func(name string, before bool) domain.Candidate {
			return domain.Candidate{ID: ids[name], Name: "sub-" + name, Before: before}
		}
		same(t, must(db.RoleCandidates(t.Context(), chosen, domain.SubjectUser, named, 0, 10))(t), []domain.Candidate{of("alice", true), of("bob", false)})
		same(t, must(db.RoleCandidates(t.Context(), chosen, domain.SubjectUser, named, w.user, 10))(t), []domain.Candidate{of("bob", false)})
		same(t, must(db.RoleCandidates(t.Context(), chosen, domain.SubjectClient, w.role, 0, 10))(t), []domain.Candidate{{ID: w.client, Name: "shop"}})
		same(t, must(db.GroupCandidates(t.Context(), chosen, w.group, 0, 10))(t), []domain.Candidate{of("bob", true), of("carol", false)})
		same(t, must(db.GroupCandidates(t.Context(), chosen, second, 0, 10))(t), []domain.Candidate{of("carol", true), of("dave", false)})
		same(t, must(db.EveryCandidate(t.Context(), domain.SubjectUser, w.user, 2))(t), []domain.Candidate{of("bob", false), of("carol", false)})
		same(t, must(db.EveryCandidate(t.Context(), domain.SubjectClient, 0, 2))(t), []domain.Candidate{{ID: w.client, Name: "shop"}})
	},
}
