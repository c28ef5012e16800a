package authn_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/servicetest"
)

// issuer is another server, on this machine, that signs for workloads.
type issuer struct {
	*publisher
	key servicetest.Signer
}

func newIssuer(t *testing.T) issuer {
	i := issuer{newPublisher(t), servicetest.NewSigner(t, "i1")}
	i.describe(i.URL)
	return i
}

// describe answers with metadata of an issuer of a name, and its keys.
func (i issuer) describe(name string) {
	i.set(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, name, i.URL+"/keys")
		case "/keys":
			fmt.Fprint(w, servicetest.KeySet(i.key))
		default:
			http.NotFound(w, r)
		}
	})
}

func (s *signed) workload(i issuer) map[string]any {
	claims := s.claims("x")
	claims["iss"], claims["sub"], claims["repository"], claims["run"], claims["protected"] = i.URL, "repo:octo-org/shop:ref:refs/heads/main", "octo-org/shop", 7, true
	return claims
}

func (s *signed) trust(client string, trust domain.Trust) {
	s.t.Helper()
	_, err := s.A.Registry.AddTrust(eventtest.Context(s.t), client, trust)
	servicetest.Must(s.t, err)
	s.refresh()
}

func (s *signed) addWorkloadClient(id string) {
	s.t.Helper()
	_, err := s.A.Registry.CreateClientWithoutSecret(eventtest.Context(s.t), domain.Client{ClientID: id, GrantTypes: []string{domain.GrantClientCredentials}})
	servicetest.Must(s.t, err)
}

func TestWorkloadsAuthenticateByJWTsOfIssuersThatAreTrusted(t *testing.T) {
	eachSigned(t, func(s *signed) {
		i := newIssuer(s.t)
		s.addWorkloadClient("ci")
		s.trust("ci", domain.Trust{Issuer: i.URL, Subject: "repo:octo-org/shop:**", Claims: map[string]string{"repository": "octo-org/shop", "run": "7", "protected": "true"}})
		stranger := newIssuer(s.t)
		now := s.Clock().Unix()
		for name, c := range map[string]struct {
			by     servicetest.Signer
			change map[string]any
			client string
			says   string
			reason string // in the audit log; empty with accepted
		}{
			"as trusted":          {i.key, nil, "ci", "", ""},
			"another branch":      {i.key, map[string]any{"sub": "repo:octo-org/shop:ref:refs/heads/x"}, "ci", "", ""},
			"without a jti":       {i.key, map[string]any{"jti": nil}, "ci", "", ""},
			"no client_id":        {i.key, nil, "", "client_id is missing", "-"},
			"another client":      {i.key, nil, "reporting", "", "trusts no such issuer"},
			"unknown client":      {i.key, nil, "nobody", "", "-"},
			"another repository":  {i.key, map[string]any{"sub": "repo:octo-org/shop2:ref:refs/heads/main"}, "ci", "", "sub"},
			"another owner":       {i.key, map[string]any{"sub": "repo:evil/octo-org/shop:x"}, "ci", "", "sub"},
			"a claim differs":     {i.key, map[string]any{"repository": "octo-org/shop2"}, "ci", "", "claim repository"},
			"a claim is missing":  {i.key, map[string]any{"run": nil}, "ci", "", "claim run"},
			"a claim is a list":   {i.key, map[string]any{"repository": []string{"octo-org/shop"}}, "ci", "", "claim repository"},
			"a truth as text":     {i.key, map[string]any{"protected": "false"}, "ci", "", "claim protected"},
			"another audience":    {i.key, map[string]any{"aud": "sts.amazonaws.com"}, "ci", "", "aud"},
			"several audiences":   {i.key, map[string]any{"aud": []string{servicetest.Issuer, "b"}}, "ci", "", "aud"},
			"another issuer":      {stranger.key, map[string]any{"iss": stranger.URL}, "ci", "", "trusts no such issuer"},
			"issuer with a slash": {i.key, map[string]any{"iss": i.URL + "/"}, "ci", "", "trusts no such issuer"},
			"another's key":       {stranger.key, nil, "ci", "", "signature"},
			"expired":             {i.key, map[string]any{"exp": now}, "ci", "expired", "expired"},
			"for ever":            {i.key, map[string]any{"exp": now + 86401}, "ci", "more than 24h", "exp"},
			"a clock that is off": {i.key, map[string]any{"iat": now + 300}, "ci", "clock", "future"},
		} {
			_, err := s.present(s.A, c.by.Sign(s.t, s.workload(i), c.change), "client_id", c.client)
			if c.reason == "" {
				if err != nil {
					s.t.Errorf("%s: %v", name, err)
				}
				continue
			}
			s.refused(name, err, c.says)
			if e := s.lastEvent(); c.reason != "-" && (e.Action != "client.refuse_assertion" || !strings.Contains(e.Details, c.reason)) {
				s.t.Errorf("%s: the audit log says %+v, want %q", name, e, c.reason)
			}
		}
	})
}

func TestAWorkloadsJWTServesOnceUnlessItsTrustSaysOtherwise(t *testing.T) {
	eachSigned(t, func(s *signed) {
		i := newIssuer(s.t)
		s.addWorkloadClient("ci")
		s.addWorkloadClient("pod")
		s.trust("ci", domain.Trust{Issuer: i.URL, Subject: "repo:octo-org/shop:**"})
		s.trust("pod", domain.Trust{Issuer: i.URL, Subject: "system:serviceaccount:billing:worker", Reusable: true, JWKSURI: i.URL + "/keys"})
		for name, change := range map[string]map[string]any{"jti": nil, "no jti": {"jti": nil}} {
			jwt := i.key.Sign(s.t, s.workload(i), change)
			if _, err := s.present(s.A, jwt, "client_id", "ci"); err != nil {
				s.t.Errorf("%s: %v", name, err)
			}
			_, err := s.present(s.B, jwt, "client_id", "ci")
			s.refused(name, err, "")
		}
		jwt := i.key.Sign(s.t, s.workload(i), map[string]any{"sub": "system:serviceaccount:billing:worker", "exp": s.Clock().Unix() + 3600})
		for _, r := range []*servicetest.Replica{s.A, s.A, s.B} {
			if _, err := s.present(r, jwt, "client_id", "pod"); err != nil {
				s.t.Error(err)
			}
		}
		servicetest.Must(s.t, s.A.Registry.DisableClient(eventtest.Context(s.t), "pod", ""))
		s.refresh()
		_, err := s.present(s.A, jwt, "client_id", "pod")
		s.refused("disabled", err, "")
		s.Pass(s.t, time.Hour)
		_, err = s.present(s.A, jwt, "client_id", "pod")
		s.refused("expired", err, "expired")
	})
}

func TestAnIssuerWhoseKeysAreGoneIsNotTrusted(t *testing.T) {
	eachSigned(t, func(s *signed) {
		i := newIssuer(s.t)
		s.addWorkloadClient("ci")
		s.trust("ci", domain.Trust{Issuer: i.URL, Subject: "repo:octo-org/shop:**"})
		for name, damage := range map[string]func(){
			"metadata of another": func() { i.describe("https://other.example") },
			"no metadata":         func() { i.set(http.NotFound) },
			"keys elsewhere": func() {
				i.set(func(w http.ResponseWriter, _ *http.Request) {
					fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"file:///etc/passwd"}`, i.URL)
				})
			},
			"keys at an address inside": func() {
				i.set(func(w http.ResponseWriter, _ *http.Request) {
					fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"https://169.254.169.254/keys"}`, i.URL)
				})
			},
		} {
			damage()
			_, err := s.present(s.A, i.key.Sign(s.t, s.workload(i), nil), "client_id", "ci")
			s.refused(name, err, "")
			if e := s.lastEvent(); !strings.Contains(e.Details, "its keys cannot be fetched") {
				s.t.Errorf("%s: the audit log says %+v", name, e)
			}
			s.Pass(s.t, time.Minute)
		}
		i.describe(i.URL)
		if _, err := s.present(s.A, i.key.Sign(s.t, s.workload(i), nil), "client_id", "ci"); errors.Is(err, authn.ErrInvalidClient) {
			s.t.Errorf("back again: %v", err)
		}
	})
}
