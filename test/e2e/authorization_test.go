package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSigningInGivesTokensWithTheUsersClaims(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		for name, c := range map[string]client{"confidential": s.web, "public": s.app} {
			t.Run(name, func(t *testing.T) {
				a := newAuthorization(c)
				a.query.Set("scope", a.query.Get("scope")+" roles")
				got := s.issued(t, s.post("/oauth2/token", c, a.exchange(s.code(t, a))))
				id, access := claims(t, got.ID), claims(t, got.Access)
				if id["iss"] != s.issuer || id["aud"] != c.ID && !cmp.Equal(id["aud"], []any{c.ID}) || id["nonce"] != a.query.Get("nonce") {
					t.Errorf("the ID token says %v", id)
				}
				if access["sub"] != id["sub"] || access["client_id"] != c.ID || access["auth_time"] == nil {
					t.Errorf("the access token says %v", access)
				}
				for name, want := range map[string][]any{"roles": {"clerk"}, "entitlements": {"orders:read"}} {
					if diff := cmp.Diff(want, access[name]); diff != "" {
						t.Errorf("%s: %s", name, diff)
					}
				}
				user := decode[map[string]any](t, s.get("/oauth2/userinfo", got.Access).wantStatus(t, 200))
				if user["sub"] != id["sub"] {
					t.Errorf("userinfo says %v", user)
				}
				s.wantActive(t, s.orders, got.Access, true)
			})
		}
	})
}

func TestAThirdPartyLearnsRolesAndGroupsOnlyByConsent(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		s.signet("group", "create", "sales")
		s.signet("group", "add", "sales", "alice")
		s.signet("assign", "clerk", "--group", "sales")
		own := s.createClient("intranet", "--grant", "authorization_code", "--first-party", "--redirect-uri", callback, "--api", ordersAPI)
		for _, c := range []struct {
			client client
			scope  string
			want   map[string]any
		}{
			{s.web, "openid orders:read", map[string]any{"roles": nil, "groups": nil}},
			{s.web, "openid orders:read roles", map[string]any{"roles": []any{"clerk"}, "groups": nil}},
			{s.web, "openid orders:read groups", map[string]any{"roles": nil, "groups": []any{"sales"}}},
			{own, "openid orders:read", map[string]any{"roles": []any{"clerk"}, "groups": []any{"sales"}}},
		} {
			a := newAuthorization(c.client)
			a.query.Set("scope", c.scope)
			access := claims(t, s.issued(t, s.post("/oauth2/token", c.client, a.exchange(s.code(t, a)))).Access)
			got := map[string]any{"roles": access["roles"], "groups": access["groups"]}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s asks for %q: %s", c.client.ID, c.scope, diff)
			}
		}
	})
}

func TestTheAuthorizationEndpointRefusesBadRequests(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		good := newAuthorization(s.web).query
		for name, uri := range map[string]string{
			"one character more": callback + "x",
			"one character less": callback[:len(callback)-1],
			"another case":       strings.Replace(callback, "callback", "Callback", 1),
			"a query":            callback + "?a=b",
			"userinfo":           strings.Replace(callback, "http://", "http://user@", 1),
			"another host":       "https://evil.example/callback",
			"another scheme":     strings.Replace(callback, "http:", "https:", 1),
			"javascript":         "javascript:alert(1)",
			"an encoded slash":   strings.Replace(callback, "/callback", "%2Fcallback", 1),
		} {
			t.Run("redirect_uri with "+name, func(t *testing.T) {
				newBrowser(t, s.server).authorize(with(good, "redirect_uri", uri)).wantRefusedHere(t)
			})
		}
		t.Run("unknown client", func(t *testing.T) {
			newBrowser(t, s.server).authorize(with(good, "client_id", "nobody")).wantRefusedHere(t)
		})
		for name, c := range map[string]struct {
			query url.Values
			code  string
		}{
			"no PKCE":                  {with(good, "client_id", s.app.ID, "code_challenge", "", "code_challenge_method", ""), "invalid_request"},
			"plain PKCE":               {with(good, "code_challenge_method", "plain"), "invalid_request"},
			"PKCE without a method":    {with(good, "code_challenge_method", ""), "invalid_request"},
			"a challenge too short":    {with(good, "code_challenge", "short"), "invalid_request"},
			"the implicit flow":        {with(good, "response_type", "token"), "unsupported_response_type"},
			"a hybrid flow":            {with(good, "response_type", "code token"), "unsupported_response_type"},
			"a scope of another API":   {with(good, "scope", "openid invoices:read"), "invalid_scope"},
			"an API of others":         {with(good, "resource", invoicesAPI, "scope", "openid"), "invalid_target"},
			"an unknown API":           {with(good, "resource", "https://nowhere.example"), "invalid_target"},
			"no one signed in, prompt": {with(good, "prompt", "none"), "login_required"},
		} {
			t.Run(name, func(t *testing.T) {
				newBrowser(t, s.server).authorize(c.query).wantErrorBack(t, s.issuer, c.code)
			})
		}
		t.Run("a repeated parameter", func(t *testing.T) {
			query := with(good)
			query["state"] = []string{"one", "two"}
			p := newBrowser(t, s.server).authorize(query)
			if p.left && p.url.Query().Has("code") || !p.left && p.status != 400 {
				t.Errorf("shown %s with %d", p.url, p.status)
			}
		})
	})
}

func TestTheSignInPagesRefuseAttacks(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		good := newAuthorization(s.web).query
		t.Run("wrong password", func(t *testing.T) {
			p := newBrowser(t, s.server).open(s.url + "/oauth2/authorize?" + good.Encode())
			p = p.submit("username", alice, "password", "guessed")
			if p.left || p.status == http.StatusOK || p.form == nil {
				t.Errorf("shown %s with %d", p.url, p.status)
			}
		})
		t.Run("a form from elsewhere", func(t *testing.T) {
			attackers := newBrowser(t, s.server).open(s.url + "/login").form.fields.Get("csrf")
			for _, csrf := range []string{attackers, "forged", ""} {
				p := newBrowser(t, s.server).open(s.url + "/oauth2/authorize?" + good.Encode())
				p = p.submit("username", alice, "password", alicesSecret, "csrf", csrf)
				if p.left || p.status != http.StatusForbidden {
					t.Errorf("csrf=%q: shown %s with %d", csrf, p.url, p.status)
				}
			}
		})
		t.Run("a no at consent", func(t *testing.T) {
			p := newBrowser(t, s.server).open(s.url + "/oauth2/authorize?" + good.Encode())
			p = p.submit("username", alice, "password", alicesSecret)
			if p.left || p.url.Path != "/consent" {
				t.Fatalf("shown %s", p.url)
			}
			p.submit("decision", "deny").wantErrorBack(t, s.issuer, "access_denied")
		})
		t.Run("security headers", func(t *testing.T) {
			p := newBrowser(t, s.server).open(s.url + "/login")
			csp := p.header.Get("Content-Security-Policy")
			if !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
				t.Errorf("Content-Security-Policy is %q", csp)
			}
			if p.header.Get("Referrer-Policy") != "no-referrer" && p.header.Get("Referrer-Policy") != "same-origin" {
				t.Errorf("Referrer-Policy is %q", p.header.Get("Referrer-Policy"))
			}
		})
		t.Run("one sign-in serves the next request", func(t *testing.T) {
			b := newBrowser(t, s.server)
			b.authorize(good)
			again := b.open(s.url + "/oauth2/authorize?" + newAuthorization(s.web).query.Encode())
			if !again.left || !again.url.Query().Has("code") {
				t.Errorf("shown %s", again.url)
			}
			none := newAuthorization(s.web).query
			if p := b.open(s.url + "/oauth2/authorize?" + with(none, "prompt", "none").Encode()); !p.left || !p.url.Query().Has("code") {
				t.Errorf("prompt=none: shown %s", p.url)
			}
			if p := b.open(s.url + "/oauth2/authorize?" + with(none, "prompt", "login").Encode()); p.left || p.url.Path != "/login" {
				t.Errorf("prompt=login: shown %s", p.url)
			}
		})
	})
}

func TestACodeIsBoundToItsClientAndVerifier(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		a := newAuthorization(s.web)
		code := s.code(t, a)
		post := func(by client, form url.Values) answer { return s.post("/oauth2/token", by, form) }
		post(s.web, with(a.exchange(code), "code_verifier", strings.Repeat("x", 43))).wantError(t, 400, "invalid_grant")
		// The downgrade: a failed try must not have used the challenge up.
		post(s.web, with(a.exchange(code), "code_verifier", "")).wantError(t, 400, "invalid_request")
		post(s.web, with(a.exchange(code), "redirect_uri", callback+"x")).wantError(t, 400, "invalid_grant")
		post(s.app, a.exchange(code)).wantError(t, 400, "invalid_grant")
		post(s.web, with(a.exchange(code), "code", code[:len(code)-2]+"xx")).wantError(t, 400, "invalid_grant")
		s.issued(t, post(s.web, a.exchange(code)))
	})
}

func TestACodeUsedTwiceEndsItsTokens(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		a := newAuthorization(s.web)
		code := s.code(t, a)
		got := s.issued(t, s.post("/oauth2/token", s.web, a.exchange(code)))

		s.post("/oauth2/token", s.web, with(a.exchange(code), "code_verifier", strings.Repeat("x", 43))).wantError(t, 400, "invalid_grant")
		s.wantActive(t, s.orders, got.Access, true) // a thief without the verifier cannot end the grant

		s.post("/oauth2/token", s.web, a.exchange(code)).wantError(t, 400, "invalid_grant")
		s.wantActive(t, s.orders, got.Access, false)
		s.post("/oauth2/token", s.web, refresh(got.Refresh)).wantError(t, 400, "invalid_grant")
	})
}

func TestOneOfManyParallelRedemptionsOfACodeWins(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		a := newAuthorization(s.web)
		code := s.code(t, a)
		s.wantOneWinner(t, 20, func() answer { return s.post("/oauth2/token", s.web, a.exchange(code)) })
	})
}

func TestARefreshTokenIsRenewedAndItsReuseEndsTheFamily(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		first := s.signIn(t, s.app)
		second := s.issued(t, s.post("/oauth2/token", s.app, refresh(first.Refresh)))
		if second.Refresh == "" || second.Refresh == first.Refresh {
			t.Error("the refresh token was not renewed")
		}
		if claims(t, first.Access)["jti"] == claims(t, second.Access)["jti"] {
			t.Error("the new access token has the old jti")
		}
		s.wantActive(t, s.orders, second.Access, true)

		s.post("/oauth2/token", s.app, with(refresh(second.Refresh), "scope", "orders:read orders:write")).wantError(t, 400, "invalid_scope")
		s.post("/oauth2/token", s.web, refresh(second.Refresh)).wantError(t, 400, "invalid_grant")
		narrow := s.issued(t, s.post("/oauth2/token", s.app, with(refresh(second.Refresh), "scope", "openid")))
		if scopes := strings.Fields(narrow.Scope); slices.Contains(scopes, "orders:read") {
			t.Errorf("narrowed to openid, got %q", narrow.Scope)
		}
		wide := s.issued(t, s.post("/oauth2/token", s.app, refresh(narrow.Refresh)))
		if !slices.Contains(strings.Fields(wide.Scope), "orders:read") {
			t.Errorf("after narrowing once, the full grant is gone: %q", wide.Scope)
		}

		s.post("/oauth2/token", s.app, refresh(first.Refresh)).wantError(t, 400, "invalid_grant")
		s.post("/oauth2/token", s.app, refresh(wide.Refresh)).wantError(t, 400, "invalid_grant")
		for _, revoked := range []tokens{first, second, wide} {
			s.wantActive(t, s.orders, revoked.Access, false)
		}
	})
}

func TestOneOfFiftyParallelRefreshesWinsWithoutAnOverlap(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		s.stop()
		s.env = append(s.env, "SIGNET_TOKENS_REFRESH_OVERLAP=0s")
		s.server = s.serve()
		got := s.signIn(t, s.app)
		s.wantOneWinner(t, 50, func() answer { return s.post("/oauth2/token", s.app, refresh(got.Refresh)) })
	})
}

// wantOneWinner sends n requests at once: one has to be answered with tokens, the rest with invalid_grant. As all but one
// were reuse, the winner's tokens are revoked in the end.
func (s *shop) wantOneWinner(t *testing.T, n int, send func() answer) {
	t.Helper()
	answers := make([]answer, n)
	var wg sync.WaitGroup
	for k := range answers {
		wg.Go(func() { answers[k] = send() })
	}
	wg.Wait()
	var winners []tokens
	for _, a := range answers {
		if a.status == http.StatusOK {
			winners = append(winners, s.issued(t, a))
		} else {
			a.wantError(t, 400, "invalid_grant")
		}
	}
	if len(winners) != 1 {
		t.Fatalf("%d of %d were answered with tokens", len(winners), n)
	}
	s.wantActive(t, s.orders, winners[0].Access, false)
}

func TestRevocationByTokenType(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		t.Run("an access token ends alone", func(t *testing.T) {
			got := s.signIn(t, s.web)
			s.revoke(t, s.web, got.Access)
			s.wantActive(t, s.orders, got.Access, false)
			s.get("/oauth2/userinfo", got.Access).wantStatus(t, 401)
			s.issued(t, s.post("/oauth2/token", s.web, refresh(got.Refresh)))
		})
		t.Run("a refresh token ends its grant", func(t *testing.T) {
			got := s.signIn(t, s.web)
			renewed := s.issued(t, s.post("/oauth2/token", s.web, refresh(got.Refresh)))
			s.revoke(t, s.web, renewed.Refresh)
			s.wantActive(t, s.orders, got.Access, false)
			s.wantActive(t, s.orders, renewed.Access, false)
			s.post("/oauth2/token", s.web, refresh(renewed.Refresh)).wantError(t, 400, "invalid_grant")
		})
		t.Run("an unknown token is no error", func(t *testing.T) {
			for _, token := range []string{"unknown", "a.b.c", strings.Repeat("x", 5000)} {
				s.revoke(t, s.web, token)
			}
		})
		t.Run("not without credentials", func(t *testing.T) {
			token := s.reportingToken(t)
			s.post("/oauth2/revoke", client{}, url.Values{"token": {token}}).wantError(t, 401, "invalid_client")
			s.post("/oauth2/revoke", client{ID: "reporting", Secret: "wrong"}, url.Values{"token": {token}}).wantError(t, 401, "invalid_client")
			s.wantActive(t, s.orders, token, true)
		})
		t.Run("not by another client", func(t *testing.T) {
			token := s.reportingToken(t)
			s.post("/oauth2/revoke", s.web, url.Values{"token": {token}})
			s.wantActive(t, s.orders, token, true)
		})
		t.Run("a hint that is wrong", func(t *testing.T) {
			token := s.reportingToken(t)
			form := url.Values{"token": {token}, "token_type_hint": {"refresh_token"}}
			s.post("/revoke", s.reporting, form).wantStatus(t, 200)
			s.wantActive(t, s.orders, token, false)
		})
		t.Run("from the command line, all of a user", func(t *testing.T) {
			got := s.signIn(t, s.web)
			s.signet("token", "revoke", "--user", alice)
			s.wantActive(t, s.orders, got.Access, false)
		})
		t.Run("from the command line, one by its jti", func(t *testing.T) {
			one, other := s.reportingToken(t), s.reportingToken(t)
			s.signet("token", "revoke", claims(t, one)["jti"].(string))
			s.wantActive(t, s.orders, one, false)
			s.wantActive(t, s.orders, other, true)
		})
	})
}
