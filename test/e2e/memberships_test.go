package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// signInFor signs alice in at a client with a scope.
func (s *shop) signInFor(t *testing.T, c client, scope string) tokens {
	t.Helper()
	a := newAuthorization(c)
	a.query.Set("scope", scope)
	return s.issued(t, s.post("/oauth2/token", c, a.exchange(s.code(t, a))))
}

// memberships are the lists that an ID token, or userinfo, has.
func memberships(claims map[string]any) map[string]any {
	return map[string]any{"groups": claims["groups"], "roles": claims["roles"]}
}

// wantMemberships compares the lists of an ID token, and those that userinfo has now.
func (s *shop) wantMemberships(t *testing.T, got tokens, id, userinfo map[string]any) {
	t.Helper()
	if diff := cmp.Diff(id, memberships(claims(t, got.ID))); diff != "" {
		t.Errorf("the ID token: %s", diff)
	}
	answer := decode[map[string]any](t, s.get("/oauth2/userinfo", got.Access).wantStatus(t, http.StatusOK))
	if diff := cmp.Diff(userinfo, memberships(answer)); diff != "" {
		t.Errorf("userinfo: %s", diff)
	}
}

func TestIDTokenAndUserinfoNameAllGroupsAndRolesIfTheScopeWasGranted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		s.signet("role", "create", "Auditor") // gives nothing at any API
		for _, group := range []string{"wiki-editors", "sales"} {
			s.signet("group", "create", group)
			s.signet("group", "add", group, alice)
		}
		s.signet("group", "create", "others")
		s.signet("assign", "Auditor", "--group", "sales")
		s.signet("assign", "clerk", "--group", "sales") // alice is one herself, too
		own := s.createClient("intranet", "--grant", "authorization_code", "--first-party", "--redirect-uri", callback, "--api", ordersAPI)
		groups, roles := []any{"sales", "wiki-editors"}, []any{"Auditor", "clerk"}
		for _, c := range []struct {
			client client
			scope  string
			want   map[string]any
		}{
			{s.web, "openid", map[string]any{"groups": nil, "roles": nil}},
			{s.web, "openid groups", map[string]any{"groups": groups, "roles": nil}},
			{s.web, "openid roles", map[string]any{"groups": nil, "roles": roles}},
			{own, "openid profile", map[string]any{"groups": nil, "roles": nil}},
			{own, "openid groups roles", map[string]any{"groups": groups, "roles": roles}},
		} {
			t.Run(c.client.ID+" asks for "+c.scope, func(t *testing.T) {
				s.wantMemberships(t, s.signInFor(t, c.client, c.scope), c.want, c.want)
			})
		}
		for _, list := range []string{"scopes_supported", "claims_supported"} {
			supported := decode[map[string]any](t, s.get("/.well-known/openid-configuration", ""))[list].([]any)
			if !slices.Contains(supported, any("groups")) || !slices.Contains(supported, any("roles")) {
				t.Errorf("%s is %v", list, supported)
			}
		}
	})
}

func TestUserinfoAndARefreshHaveTheGroupsAndRolesOfNow(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		other := s.serve()
		s.signet("group", "create", "sales")
		s.signet("group", "add", "sales", alice)
		s.signet("role", "create", "bookkeeper")
		s.signet("assign", "bookkeeper", "--group", "sales")
		got := s.signInFor(t, s.web, "openid offline_access groups roles")
		before := map[string]any{"groups": []any{"sales"}, "roles": []any{"bookkeeper", "clerk"}}
		s.wantMemberships(t, got, before, before)

		steps := []struct {
			command []string
			want    map[string]any
		}{
			{[]string{"group", "remove", "sales", alice}, map[string]any{"groups": []any{}, "roles": []any{"clerk"}}},
			{[]string{"unassign", "clerk", "--user", alice}, map[string]any{"groups": []any{}, "roles": []any{}}},
			{[]string{"group", "add", "sales", alice}, map[string]any{"groups": []any{"sales"}, "roles": []any{"bookkeeper"}}},
			{[]string{"role", "delete", "bookkeeper"}, map[string]any{"groups": []any{"sales"}, "roles": []any{}}},
		}
		for _, step := range steps {
			s.signet(step.command...)
			for _, replica := range []*server{s.server, other} {
				answer := decode[map[string]any](t, replica.get("/oauth2/userinfo", got.Access).wantStatus(t, http.StatusOK))
				if diff := cmp.Diff(step.want, memberships(answer)); diff != "" {
					t.Errorf("userinfo after %v: %s", step.command, diff)
				}
			}
			got = s.issued(t, s.post("/oauth2/token", s.web, refresh(got.Refresh)))
			s.wantMemberships(t, got, step.want, step.want)
		}
		narrow := s.issued(t, s.post("/oauth2/token", s.web, with(refresh(got.Refresh), "scope", "openid")))
		s.wantMemberships(t, narrow, map[string]any{"groups": nil, "roles": nil}, map[string]any{"groups": nil, "roles": nil})
	})
}

// addGroups makes groups of which alice is a member, and returns their names.
func (s *shop) addGroups(t *testing.T, admin, pattern string, from, to int) (names []any) {
	t.Helper()
	for n := from; n < to; n++ {
		name := fmt.Sprintf(pattern, n)
		s.manage("/groups", admin, `{"name":"`+name+`"}`).wantStatus(t, http.StatusCreated)
		r := s.request(http.MethodPut, "/api/v1/groups/"+name+"/members/"+alice, nil)
		r.Header.Set("Authorization", "Bearer "+admin)
		do(r).wantStatus(t, http.StatusNoContent)
		names = append(names, name)
	}
	return names
}

// wantGroups signs in, and compares the groups. alice is always a clerk.
func (s *shop) wantGroups(t *testing.T, id, userinfo any) tokens {
	t.Helper()
	in := func(groups any) map[string]any { return map[string]any{"groups": groups, "roles": []any{"clerk"}} }
	got := s.signInFor(t, s.web, "openid groups roles")
	s.wantMemberships(t, got, in(id), in(userinfo))
	return got
}

func (s *shop) groupAdministrator(t *testing.T) string {
	t.Helper()
	ops := s.createClient("ops", "--grant", "client_credentials", "--api", "urn:signet:admin")
	s.signet("assign", "administrator", "--client", ops.ID)
	return s.issued(t, s.post("/oauth2/token", ops, url.Values{"grant_type": {"client_credentials"}, "scope": {"groups:write"}})).Access
}

func TestAListOfTooManyGroupsIsLeftOutWhole(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t), unlimited...)
	admin := s.groupAdministrator(t)
	all := s.addGroups(t, admin, "g%04d", 0, 200)
	s.wantGroups(t, all, all)
	all = append(all, s.addGroups(t, admin, "g%04d", 200, 201)...)
	s.wantGroups(t, nil, all)
	all = append(all, s.addGroups(t, admin, "g%04d", 201, 1000)...)
	s.wantGroups(t, nil, all)
	s.addGroups(t, admin, "g%04d", 1000, 1001)
	s.wantGroups(t, nil, nil)
}

func TestGroupsThatMakeAnIDTokenTooLargeAreInUserinfoAlone(t *testing.T) {
	const limit = 4096
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t), fmt.Sprintf("SIGNET_TOKENS_MAX_SIZE=%d", limit))
	admin, pattern := s.groupAdministrator(t), "g%02d"+strings.Repeat("x", 240)
	all := s.addGroups(t, admin, pattern, 0, 9)
	s.wantGroups(t, all, all)
	all = append(all, s.addGroups(t, admin, pattern, 9, 14)...)
	if size := len(s.wantGroups(t, nil, all).ID); size > limit {
		t.Errorf("the ID token has %d bytes", size)
	}
}
