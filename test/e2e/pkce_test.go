package e2e

import (
	"net/http"
	"testing"
)

func TestAClientThatAuthenticatesMayLeavePKCEOutButNotMixIt(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		without := func() *authorization {
			a := newAuthorization(s.web)
			a.query = with(a.query, "code_challenge", "", "code_challenge_method", "")
			return a
		}
		a := without()
		code := s.code(t, a)
		// A code that was asked for without a challenge cannot be redeemed by a client that sends a verifier: an attacker asked for it.
		s.post("/oauth2/token", s.web, a.exchange(code)).wantError(t, http.StatusBadRequest, "invalid_grant")
		got := s.issued(t, s.post("/oauth2/token", s.web, with(a.exchange(code), "code_verifier", "")))
		s.issued(t, s.post("/oauth2/token", s.web, refresh(got.Refresh)))

		challenged := newAuthorization(s.web)
		code = s.code(t, challenged)
		s.post("/oauth2/token", s.web, with(challenged.exchange(code), "code_verifier", "")).wantError(t, http.StatusBadRequest, "invalid_request")
		s.issued(t, s.post("/oauth2/token", s.web, challenged.exchange(code)))

		b := newBrowser(t, s.server)
		b.authorize(with(newAuthorization(s.web).query, "code_challenge", "")).wantErrorBack(t, s.issuer, "invalid_request")

		a = without()
		code = s.code(t, a)
		s.signet("client", "update", s.web.ID, "--require-pkce")
		b.authorize(without().query).wantErrorBack(t, s.issuer, "invalid_request")
		s.post("/oauth2/token", s.web, with(a.exchange(code), "code_verifier", "")).wantError(t, http.StatusBadRequest, "invalid_grant")
		s.signIn(t, s.web)
		s.signet("client", "update", s.web.ID, "--require-pkce=false")
		s.code(t, without())
	})
}

func TestAPublicClientAlwaysUsesPKCE(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		query := with(newAuthorization(s.app).query, "code_challenge", "", "code_challenge_method", "")
		newBrowser(t, s.server).authorize(query).wantErrorBack(t, s.issuer, "invalid_request")
		s.refused("client", "update", s.app.ID, "--require-pkce=false")
		shown := signetJSON[struct {
			RequirePKCE bool `json:"require_pkce"`
		}](s.installation, "client", "show", s.app.ID)
		if !shown.RequirePKCE {
			t.Error("a public client is shown as one that may leave PKCE out")
		}
	})
}
