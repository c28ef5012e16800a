package authn_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/limits"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// signed is a fixture with a client "batch" that authenticates by its key.
type signed struct {
	servicetest.Fixture
	t      *testing.T
	key    servicetest.Signer
	serial int
}

func eachSigned(t *testing.T, test func(*signed)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := &signed{Fixture: servicetest.SetUp(t, db), t: t, key: servicetest.NewSigner(t, "k1")}
		s.A.AddClient(t, domain.Client{ClientID: "batch", GrantTypes: []string{domain.GrantClientCredentials}, JWKS: servicetest.KeySet(s.key)})
		s.refresh()
		test(s)
	})
}

func (s *signed) refresh() {
	s.A.Refresh(s.t)
	s.B.Refresh(s.t)
}

// claims are good ones, with a jti of their own.
func (s *signed) claims(client string) map[string]any {
	s.serial++
	now := s.Clock().Unix()
	return map[string]any{
		"iss": client, "sub": client, "aud": servicetest.Issuer, "iat": now, "exp": now + 60, "jti": "id" + strings.Repeat("x", s.serial),
	}
}

func (s *signed) present(r *servicetest.Replica, jwt string, more ...string) (*domain.Client, error) {
	form := url.Values{"client_assertion_type": {assertionType}, "client_assertion": {jwt}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	found, caller, err := r.Clients.Authenticate(httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/", nil), form)
	if (err == nil) == caller.IsZero() {
		s.t.Errorf("caller %+v, error %v", caller, err)
	}
	return found, err
}

func TestClientsAuthenticateByTheirKeys(t *testing.T) {
	eachSigned(t, func(s *signed) {
		for name, change := range map[string]map[string]any{
			"as usual": nil, "aud in a list": {"aud": []string{servicetest.Issuer}}, "no iat": {"iat": nil}, "fractions": {"exp": float64(s.Clock().Unix()) + 30.5},
			"a clock 20 s ahead": {"iat": s.Clock().Unix() + 20, "nbf": s.Clock().Unix() + 20},
		} {
			found, err := s.present(s.A, s.key.Sign(s.t, s.claims("batch"), change), "client_id", "batch")
			if err != nil || found.ClientID != "batch" {
				s.t.Errorf("%s: %v", name, err)
			}
		}
		for _, typ := range []string{"JWT", "jwt", "client-authentication+jwt", "application/client-authentication+jwt"} {
			header := map[string]any{"alg": "EdDSA", "kid": "k1", "typ": typ}
			if _, err := s.present(s.A, s.key.SignWith(s.t, header, s.claims("batch"), nil)); err != nil {
				s.t.Errorf("%s: %v", typ, err)
			}
		}
	})
}

func TestAssertionsThatAreNotRightAreRefused(t *testing.T) {
	eachSigned(t, func(s *signed) {
		thief := servicetest.NewSigner(s.t, "k1")
		now := s.Clock().Unix()
		for name, c := range map[string]struct {
			change map[string]any
			says   string // the problem; empty: nothing is said
		}{
			"expired":               {map[string]any{"exp": now}, "has expired"},
			"exp too far":           {map[string]any{"exp": now + 3601}, "more than 1h"},
			"no exp":                {map[string]any{"exp": nil}, "'exp'"},
			"exp no number":         {map[string]any{"exp": "soon"}, "'exp'"},
			"exp huge":              {map[string]any{"exp": 1e300}, "'exp'"},
			"exp negative":          {map[string]any{"exp": -1}, "'exp'"},
			"of the future":         {map[string]any{"nbf": now + 45}, "clock"},
			"issued in the future":  {map[string]any{"iat": now + 45}, "clock"},
			"no jti":                {map[string]any{"jti": nil}, "'jti'"},
			"jti no text":           {map[string]any{"jti": 7}, "'jti'"},
			"jti too long":          {map[string]any{"jti": strings.Repeat("x", 513)}, "'jti'"},
			"NUL":                   {map[string]any{"jti": "a\x00b"}, "'jti'"},
			"another aud":           {map[string]any{"aud": "https://other.example"}, "the issuer of this server"},
			"the token endpoint":    {map[string]any{"aud": servicetest.Issuer + "/oauth2/token"}, "the issuer of this server"},
			"issuer with a slash":   {map[string]any{"aud": servicetest.Issuer + "/"}, "the issuer of this server"},
			"two audiences":         {map[string]any{"aud": []string{servicetest.Issuer, "https://other.example"}}, "the issuer of this server"},
			"no aud":                {map[string]any{"aud": nil}, "the issuer of this server"},
			"sub is another client": {map[string]any{"sub": "reporting"}, "client_id"},
			"no sub":                {map[string]any{"sub": nil}, "'sub'"},
			"unknown client":        {map[string]any{"iss": "nobody", "sub": "nobody"}, ""},
			"client with a secret":  {map[string]any{"iss": "reporting", "sub": "reporting"}, ""},
		} {
			_, err := s.present(s.A, s.key.Sign(s.t, s.claims("batch"), c.change))
			s.refused(name, err, c.says)
		}
		_, err := s.present(s.A, thief.Sign(s.t, s.claims("batch"), nil))
		s.refused("another key of the same kid", err, "")
		_, err = s.present(s.A, s.key.SignWith(s.t, map[string]any{"alg": "EdDSA", "kid": "z"}, s.claims("batch"), nil))
		s.refused("unknown kid", err, "")
		_, err = s.present(s.A, s.key.SignWith(s.t, map[string]any{"alg": "EdDSA", "typ": "at+jwt"}, s.claims("batch"), nil))
		s.refused("typ of an access token", err, "'typ'")
		_, err = s.present(s.A, s.key.SignWith(s.t, map[string]any{"alg": "HS256"}, s.claims("batch"), nil))
		s.refused("client_secret_jwt", err, "client_secret_jwt is not supported")
		_, err = s.present(s.A, s.key.SignWith(s.t, map[string]any{"alg": "none"}, s.claims("batch"), nil))
		s.refused("none", err, "must be signed by")
		_, err = s.present(s.A, strings.Repeat("x", 60_000))
		s.refused("huge", err, "too large")
		_, err = s.present(s.A, "")
		s.refused("missing", err, "missing")
		_, err = s.present(s.A, s.key.Sign(s.t, s.claims("batch"), nil), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")
		s.refused("another type", err, "client_assertion_type")

		good := s.key.Sign(s.t, s.claims("batch"), nil)
		if _, err := s.present(s.A, good, "client_secret", "x"); !errors.Is(err, authn.ErrSeveralMethods) {
			s.t.Errorf("with a secret: %v", err)
		}
		if _, err := s.present(s.A, good, "client_id", "reporting"); !errors.Is(err, authn.ErrOtherClient) {
			s.t.Errorf("with another client_id: %v", err)
		}
		for _, form := range []url.Values{{"client_id": {"batch"}}, {"client_id": {"batch"}, "client_secret": {"x"}}} {
			_, _, err := s.A.Clients.Authenticate(httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/", nil), form)
			if !errors.Is(err, authn.ErrInvalidClient) {
				s.t.Errorf("a client with keys, by %v: %v", form, err)
			}
		}
		servicetest.Must(s.t, s.A.Registry.DisableClient(eventtest.Context(s.t), "batch", ""))
		s.refresh()
		_, err = s.present(s.A, good)
		s.refused("disabled", err, "")
		if event := s.lastEvent(); !strings.Contains(event.Details, "disabled") || event.Action != "client.refuse_assertion" || event.Target != "client:batch" {
			s.t.Errorf("the audit log says %+v", event)
		}
	})
}

func (s *signed) refused(name string, err error, says string) {
	s.t.Helper()
	var problem *authn.AssertionError
	if told := errors.As(err, &problem); !errors.Is(err, authn.ErrInvalidClient) || told != (says != "") || told && !strings.Contains(problem.Problem, says) {
		s.t.Errorf("%s: %v, want %q", name, err, says)
	}
}

func (s *signed) lastEvent() domain.Event {
	s.t.Helper()
	last, err := s.A.Log.Verify(s.t.Context())
	servicetest.Must(s.t, err)
	return last
}

func TestTheTokenEndpointIsAnAudienceForClientsThatMayNameIt(t *testing.T) {
	eachSigned(t, func(s *signed) {
		s.A.AddClient(s.t, domain.Client{
			ClientID: "old", GrantTypes: []string{domain.GrantClientCredentials}, JWKS: servicetest.KeySet(s.key), EndpointAudience: true,
		})
		s.refresh()
		endpoint := map[string]any{"aud": servicetest.Issuer + "/oauth2/token"}
		for _, change := range []map[string]any{nil, endpoint} {
			if _, err := s.present(s.A, s.key.Sign(s.t, s.claims("old"), change)); err != nil {
				s.t.Errorf("%v: %v", change, err)
			}
		}
		_, err := s.present(s.A, servicetest.NewSigner(s.t, "k1").Sign(s.t, s.claims("old"), endpoint))
		s.refused("another key", err, "the issuer of this server") // as for a client that is not there
	})
}

func TestAnAssertionServesOnceAtAllReplicas(t *testing.T) {
	eachSigned(t, func(s *signed) {
		jwt := s.key.Sign(s.t, s.claims("batch"), nil)
		var group sync.WaitGroup
		var accepted atomic.Int32
		for i := range 10 {
			group.Go(func() {
				_, err := s.present([]*servicetest.Replica{s.A, s.B}[i%2], jwt)
				if err == nil {
					accepted.Add(1)
				} else if !errors.Is(err, authn.ErrInvalidClient) {
					s.t.Error(err)
				}
			})
		}
		group.Wait()
		if accepted.Load() != 1 {
			s.t.Errorf("accepted %d times", accepted.Load())
		}
		r := httptest.NewRequestWithContext(authn.OneRequest(s.t.Context()), http.MethodPost, "/", nil)
		form := url.Values{"client_assertion_type": {assertionType}, "client_assertion": {s.key.Sign(s.t, s.claims("batch"), nil)}}
		for range 2 { // one request that is judged anew
			if _, _, err := s.A.Clients.Authenticate(r, form); err != nil {
				s.t.Error(err)
			}
		}
	})
}

// publisher is where a client publishes its keys.
type publisher struct {
	*httptest.Server
	mu      sync.Mutex
	answer  http.HandlerFunc
	fetched atomic.Int32
}

func newPublisher(t *testing.T) *publisher {
	p := &publisher{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.fetched.Add(1)
		p.mu.Lock()
		answer := p.answer
		p.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) set(answer http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

// publish answers with a set that is fresh for an hour.
func (p *publisher) publish(set string) {
	p.set(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Write([]byte(set))
	})
}

func TestPublishedKeysAreFetchedWhenNeeded(t *testing.T) {
	eachSigned(t, func(s *signed) {
		p := newPublisher(s.t)
		second := servicetest.NewSigner(s.t, "k2")
		p.publish(servicetest.KeySet(s.key))
		s.A.AddClient(s.t, domain.Client{ClientID: "far", GrantTypes: []string{domain.GrantClientCredentials}, JWKSURI: p.URL + "/jwks"})
		s.refresh()
		try := func(key servicetest.Signer) error {
			_, err := s.present(s.A, key.Sign(s.t, s.claims("far"), nil))
			return err
		}
		want := func(what string, key servicetest.Signer, accepted bool, fetches int32) {
			s.t.Helper()
			p.fetched.Store(0)
			if err := try(key); (err == nil) != accepted || err != nil && !errors.Is(err, authn.ErrInvalidClient) || p.fetched.Load() != fetches {
				s.t.Errorf("%s: %v after %d fetches, want %d", what, err, p.fetched.Load(), fetches)
			}
		}
		want("at first", s.key, true, 1)
		want("again", s.key, true, 0)
		p.publish(servicetest.KeySet(s.key, second))
		want("an unknown key, at once", second, false, 0)
		s.Pass(s.t, 31*time.Second)
		var group sync.WaitGroup
		p.fetched.Store(0)
		for range 8 {
			jwt := second.Sign(s.t, s.claims("far"), nil)
			group.Go(func() {
				if _, err := s.present(s.A, jwt); err != nil {
					s.t.Error(err)
				}
			})
		}
		group.Wait()
		if p.fetched.Load() != 1 {
			s.t.Errorf("8 at once make %d fetches", p.fetched.Load())
		}
		want("a made-up key", servicetest.NewSigner(s.t, "x"), false, 0)
		p.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
		s.Pass(s.t, time.Hour+time.Second)
		want("its host is down", s.key, true, 1)
		want("its host is still down", s.key, true, 0)
		s.Pass(s.t, 24*time.Hour)
		want("its host is down for a day", s.key, false, 1)
		if !strings.Contains(s.lastEvent().Details, "answered 500") {
			s.t.Errorf("the audit log says %+v", s.lastEvent())
		}
		p.publish(servicetest.KeySet(second))
		s.Pass(s.t, time.Minute)
		want("back again", second, true, 1)
		want("a key that was taken back", s.key, false, 0)
		p.publish(`{"keys":[]}`)
		s.Pass(s.t, time.Hour+time.Second)
		want("all keys are taken back", second, false, 1)
		if !strings.Contains(s.lastEvent().Details, "no key in it") {
			s.t.Errorf("the audit log says %+v", s.lastEvent())
		}
	})
}

func TestPublishersThatMisbehaveDoNoHarm(t *testing.T) {
	eachSigned(t, func(s *signed) {
		p := newPublisher(s.t)
		other := newPublisher(s.t)
		other.publish(servicetest.KeySet(s.key))
		s.A.AddClient(s.t, domain.Client{ClientID: "far", GrantTypes: []string{domain.GrantClientCredentials}, JWKSURI: p.URL})
		s.A.AddClient(s.t, domain.Client{ClientID: "inside", GrantTypes: []string{domain.GrantClientCredentials}, JWKSURI: "https://127.0.0.1.nip.invalid/"})
		s.refresh()
		for name, answer := range map[string]http.HandlerFunc{
			"a redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) },
			"endless":    func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(strings.Repeat(" ", 1<<20))) },
			"no JSON":    func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) },
			"private keys": func(w http.ResponseWriter, _ *http.Request) {
				w.Write([]byte(strings.Replace(servicetest.KeySet(s.key), `"x"`, `"d":"AA","x"`, 1)))
			},
			"nothing": func(http.ResponseWriter, *http.Request) {},
			"half":    func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		} {
			p.set(answer)
			_, err := s.present(s.A, s.key.Sign(s.t, s.claims("far"), nil))
			s.refused(name, err, "")
			s.Pass(s.t, time.Minute)
		}
		if other.fetched.Load() > 0 {
			s.t.Error("a redirect was followed")
		}
		_, err := s.present(s.A, s.key.Sign(s.t, s.claims("inside"), nil))
		s.refused("no host", err, "")
	})
}

func TestKeysOfClientsThatRegisteredThemselvesAreNotFetchedFromThisMachine(t *testing.T) {
	eachSigned(t, func(s *signed) {
		p := newPublisher(s.t)
		p.publish(servicetest.KeySet(s.key))
		for id, origin := range map[string]domain.ClientOrigin{"own": domain.OriginAdministrator, "stranger": domain.OriginRegistration} {
			s.A.AddClient(s.t, domain.Client{ClientID: id, Origin: origin, GrantTypes: []string{domain.GrantClientCredentials}, JWKSURI: p.URL})
		}
		s.refresh()
		if _, err := s.present(s.A, s.key.Sign(s.t, s.claims("own"), nil)); err != nil {
			s.t.Errorf("a client of the administrator's: %v", err)
		}
		_, err := s.present(s.A, s.key.Sign(s.t, s.claims("stranger"), nil))
		s.refused("a stranger", err, "")
		if n := p.fetched.Load(); n != 1 {
			s.t.Errorf("%d fetches", n)
		}
	})
}

func TestAnAssertionWithARightSignatureIsNotRefusedForForgedOnes(t *testing.T) {
	s := &signed{Fixture: servicetest.SetUp(t, storetest.SQLite(t)), t: t, key: servicetest.NewSigner(t, "k1")}
	s.A.AddClient(t, domain.Client{ClientID: "batch", GrantTypes: []string{domain.GrantClientCredentials}, JWKS: servicetest.KeySet(s.key)})
	s.refresh()
	s.A.Clients.Failures = limits.New(limits.Rates{FailuresPerAddress: 2}, nil, s.Clock, func(string) {}).Failures
	forger := servicetest.NewSigner(t, "k1")
	forged := func() error {
		_, err := s.present(s.A, forger.Sign(t, s.claims("batch"), nil))
		return err
	}
	for range limits.BurstSeconds {
		s.refused("a forged one", forged(), "")
	}
	if err := forged(); !errors.Is(err, domain.ErrBusy) {
		t.Errorf("forged ones are not bounded: %v", err)
	}
	if _, err := s.present(s.A, s.key.Sign(t, s.claims("batch"), nil)); err != nil {
		t.Errorf("the client's own is refused: %v", err)
	}
}
