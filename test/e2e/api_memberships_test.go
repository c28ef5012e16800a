package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAnAPIChoosesWhichRolesAndGroupsItsAccessTokensName(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		s.signet("role", "create", "bookkeeper") // gives nothing at any API
		for _, group := range []string{"sales", "wiki"} {
			s.signet("group", "create", group)
			s.signet("group", "add", group, alice)
		}
		s.signet("assign", "clerk", "--group", "sales")
		s.signet("assign", "bookkeeper", "--group", "wiki")
		s.signet("assign", "bookkeeper", "--client", s.reporting.ID)
		own := s.createClient("intranet", "--grant", "authorization_code", "--first-party", "--redirect-uri", callback, "--api", ordersAPI)
		for _, c := range []struct {
			memberships, names string
			groups, roles      any
		}{
			{"relevant", "name", []any{"sales"}, []any{"clerk"}},
			{"all", "name", []any{"sales", "wiki"}, []any{"bookkeeper", "clerk"}},
			{"all", "slash-name", []any{"/sales", "/wiki"}, []any{"bookkeeper", "clerk"}},
			{"relevant", "slash-name", []any{"/sales"}, []any{"clerk"}},
			{"none", "name", nil, nil},
		} {
			s.signet("api", "update", ordersAPI, "--memberships", c.memberships, "--group-names", c.names)
			got := s.signInFor(t, own, "openid orders:read")
			want := map[string]any{"groups": c.groups, "roles": c.roles}
			if diff := cmp.Diff(want, memberships(claims(t, got.Access))); diff != "" {
				t.Errorf("%s by %s: the token: %s", c.memberships, c.names, diff)
			}
			if diff := cmp.Diff(want, memberships(decode[map[string]any](t, s.introspect(s.orders, got.Access)))); diff != "" {
				t.Errorf("%s by %s: introspection: %s", c.memberships, c.names, diff)
			}
			if asked := s.signInFor(t, s.web, "openid orders:read"); claims(t, asked.Access)["groups"] != nil {
				t.Errorf("%s: without the scope groups the token names them", c.memberships)
			}
			if diff := cmp.Diff(map[string]any{"groups": nil, "roles": c.roles}, memberships(claims(t, s.reportingToken(t)))); c.memberships != "relevant" && diff != "" {
				t.Errorf("%s: a client's own token: %s", c.memberships, diff)
			}
		}
		// What a token names that its subject has lost since, introspection does not say, however groups are named by then.
		s.signet("api", "update", ordersAPI, "--memberships", "all", "--group-names", "slash-name")
		got := s.signInFor(t, own, "openid orders:read")
		s.signet("api", "update", ordersAPI, "--group-names", "name")
		s.signet("group", "remove", "wiki", alice)
		want := map[string]any{"groups": []any{"/sales"}, "roles": []any{"clerk"}}
		if diff := cmp.Diff(want, memberships(decode[map[string]any](t, s.introspect(s.orders, got.Access)))); diff != "" {
			t.Error(diff)
		}
		// A token does not outlive a role that it names.
		s.signet("assign", "bookkeeper", "--user", alice, "--until", time.Now().Add(90*time.Second).UTC().Format(time.RFC3339))
		if got := s.signInFor(t, own, "openid orders:read"); got.ExpiresIn > 90 {
			t.Errorf("the token lives %d s, longer than a role that it names", got.ExpiresIn)
		}
		s.refused("api", "update", ordersAPI, "--memberships", "some")
		s.refused("api", "update", ordersAPI, "--group-names", "dn")
	})
}

func TestAClientChoosesHowItsIDTokensAndUserinfoNameGroups(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		for _, group := range []string{"sales", "/eu/sales"} {
			s.signet("group", "create", group)
			s.signet("group", "add", group, alice)
		}
		s.signet("client", "update", s.web.ID, "--group-names", "slash-name")
		want := map[string]any{"groups": []any{"/eu/sales", "/sales"}, "roles": nil}
		s.wantMemberships(t, s.signInFor(t, s.web, "openid groups"), want, want)
		s.refused("client", "update", s.web.ID, "--group-names", "path")
	})
}

func TestATokenThatIsTooLargeForItsGroupsIsRefusedSayingSo(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t), "SIGNET_TOKENS_MAX_SIZE=2048")
	s.signet("api", "update", ordersAPI, "--memberships", "all")
	own := s.createClient("intranet", "--grant", "authorization_code", "--first-party", "--redirect-uri", callback, "--api", ordersAPI)
	for i := range 12 {
		group := fmt.Sprintf("%d-%s", i, strings.Repeat("x", 100))
		s.signet("group", "create", group)
		s.signet("group", "add", group, alice)
	}
	a := newAuthorization(own)
	a.query.Set("scope", "openid orders:read")
	refused := s.post("/oauth2/token", own, a.exchange(s.code(t, a)))
	refused.wantError(t, http.StatusBadRequest, "invalid_scope")
	if !strings.Contains(refused.body, "most of it are names of roles and groups") || !strings.Contains(refused.body, "memberships 'relevant'") {
		t.Errorf("the answer is %s", refused.body)
	}
	s.signet("api", "update", ordersAPI, "--memberships", "relevant")
	s.signInFor(t, own, "openid orders:read")
}
