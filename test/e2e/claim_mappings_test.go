package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func text(t *testing.T, value any) string {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

func TestClaimMappingsGiveClaimsAtEveryReplicaAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		other := s.serve()
		s.signet("attribute", "create", "department")
		s.signet("attribute", "create", "badge", "--type", "number")
		s.setAttributes("department=Sales", "badge=7")
		s.signet("group", "create", "team-a")
		s.signet("group", "add", "team-a", alice)
		s.signet("client", "update", s.web.ID, "--claim", "department=attributes.department", "--claim", `teams=groups.filter(g, g.startsWith("team-"))`,
			"--claim", "broken=roles[7]", "--claim", `preferred_username=user.email`)
		s.signet("api", "update", ordersAPI, "--claim", `badge=attributes.?badge.orValue(0)`, "--claim", `who=user.sub == "" ? client.client_id : user.username`)

		wantClaims := func(what string, has map[string]any, want map[string]any) {
			t.Helper()
			for name, value := range want {
				if text(t, has[name]) != text(t, value) {
					t.Errorf("%s: %s is %v, want %v", what, name, has[name], value)
				}
			}
		}
		got := s.signInFor(t, s.web, "openid profile orders:read")
		about := map[string]any{"department": "Sales", "teams": []string{"team-a"}, "broken": nil, "preferred_username": "alice@people.example"}
		wantClaims("ID token", claims(t, got.ID), about)
		wantClaims("userinfo", s.userinfo(t, got.Access), about)
		wantClaims("access token", claims(t, got.Access), map[string]any{"badge": 7, "who": alice, "department": nil, "client_id": s.web.ID})
		introspected := func(token string) map[string]any {
			t.Helper()
			return decode[map[string]any](t, s.introspect(s.orders, token).wantStatus(t, http.StatusOK))
		}
		wantClaims("introspection", introspected(got.Access), map[string]any{"active": true, "badge": 7, "who": alice, "department": nil, "username": alice})
		wantClaims("a client's own token", claims(t, s.reportingToken(t)), map[string]any{"badge": 0, "who": "reporting", "sub": "reporting"})
		if log := s.log.String(); !strings.Contains(log, "claim=broken") || strings.Contains(log, "level=ERROR") {
			t.Errorf("the log says nothing of the claim that was left out: %s", log)
		}

		s.signet("client", "update", s.web.ID, "--remove-claim", "teams", "--claim", "department=attributes.department + \"!\"")
		s.signet("api", "update", ordersAPI, "--remove-claim", "who")
		wantClaims("introspection after a mapping was removed", introspected(got.Access), map[string]any{"active": true, "badge": 7, "who": nil})
		s.setAttributes("department=Sales", "badge=8")
		wantClaims("introspection after an attribute changed", introspected(got.Access), map[string]any{"active": true, "badge": nil})
		for _, replica := range []*server{s.server, other} {
			wantClaims("userinfo after a change", replica.userinfo(t, got.Access), map[string]any{"department": "Sales!", "teams": nil})
			own := s.issued(t, replica.post("/oauth2/token", s.reporting, clientCredentials()))
			wantClaims("a token after a change", claims(t, own.Access), map[string]any{"badge": 0, "who": nil})
		}
	})
}

func TestAMappedClaimCannotMakeATokenTooLarge(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t), "SIGNET_TOKENS_MAX_SIZE=2048")
	long := strings.Repeat("x", 900)
	s.signet("client", "update", s.web.ID, "--claim", `long="`+long+`"`, "--claim", `longer="`+long+`"`)
	got := s.signInFor(t, s.web, "openid")
	if len(got.ID) > 2048 || s.userinfo(t, got.Access)["longer"] != long {
		t.Errorf("the ID token has %d bytes", len(got.ID))
	}
	s.signet("api", "update", ordersAPI, "--claim", `long="`+long+`"`, "--claim", `longer="`+long+`"`)
	if a := s.post("/oauth2/token", s.reporting, clientCredentials()); a.status != http.StatusBadRequest || !strings.Contains(a.body, "the limit is 2048") {
		t.Errorf("status %d: %s", a.status, a.body)
	}
}

func TestNoClaimMappingReplacesAClaimOfTheProtocol(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		m := newManager(t, s, allScopes)
		for _, path := range []string{"/clients/web", "/apis/" + url.PathEscape(ordersAPI)} {
			for _, name := range []string{"iss", "sub", "aud", "exp", "jti", "scope", "roles", "groups", "entitlements", "client_id", "nonce", "sid", "cnf", "act"} {
				refused := m.call("PATCH", path, `{"claim_mappings":[{"claim":"`+name+`","expression":"'x'"}]}`, "If-Match", "*")
				if refused.status != 422 || !strings.Contains(refused.body, "choose another name") {
					t.Errorf("%s: status %d: %s", name, refused.status, refused.body)
				}
			}
			wrong := m.call("PATCH", path, `{"claim_mappings":[{"claim":"x","expression":"user.emial"}]}`, "If-Match", "*")
			if wrong.status != 422 || !strings.Contains(wrong.body, "line 1, column 5") || !strings.Contains(wrong.body, "user.emial") {
				t.Errorf("status %d: %s", wrong.status, wrong.body)
			}
			good := m.call("PATCH", path, `{"claim_mappings":[{"claim":"x","expression":"user.email"}]}`, "If-Match", "*").wantStatus(t, 200)
			if !strings.Contains(good.body, `"claim_mappings":[{"claim":"x","expression":"user.email"}]`) {
				t.Errorf("%s", good.body)
			}
			m.call("PATCH", path, `{"claim_mappings":[]}`, "If-Match", "*").wantStatus(t, 200)
		}
	})
}

// What is known of the user's own address is not said of another.
func TestAMappedAddressIsNotVerified(t *testing.T) {
	s := openShop(t, newSQLiteDatabase(t))
	s.signet("user", "update", alice, "--email-verified")
	verified := func() any {
		user := s.signInFor(t, s.web, "openid email")
		info := s.userinfo(t, user.Access)
		if id := claims(t, user.ID); id["email_verified"] != info["email_verified"] {
			t.Errorf("the ID token says %v, userinfo %v", id["email_verified"], info["email_verified"])
		}
		return info["email_verified"]
	}
	if got := verified(); got != true {
		t.Errorf("the user's own address is verified: %v", got)
	}
	s.signet("client", "update", s.web.ID, "--claim", `email=user.email`)
	if got := verified(); got != true {
		t.Errorf("the user's own address by a mapping is verified: %v", got)
	}
	s.signet("client", "update", s.web.ID, "--claim", `email=user.username+"@elsewhere.example"`)
	if got := verified(); got != false {
		t.Errorf("another address is verified: %v", got)
	}
}
