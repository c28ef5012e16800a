package resourceserver_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signet-auth/signet/resourceserver"
)

const (
	revokedEvent = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	changedEvent = "https://schemas.openid.net/secevent/caep/event-type/token-claims-change"
	service      = "orders-svc"
	pollPath     = "/events/poll"
)

// event are the claims of a security event, changed as given.
func event(kind string, subject, content, changes claims) claims {
	now := time.Now().Unix()
	return merged(claims{
		"iss": issuerURL, "aud": service, "jti": rand.Text(), "iat": now, "txn": "1", "sub_id": subject,
		"events": claims{kind: merged(claims{"event_timestamp": now, "initiating_entity": "admin"}, content)},
	}, changes)
}

// The subjects of events (RFC 9493 §3.2, Shared Signals Framework 1.0 §3.4.1).
func ofToken(jti any) claims { return claims{"format": "jwt_id", "iss": issuerURL, "jti": jti} }
func of(sub string) claims   { return claims{"format": "iss_sub", "iss": issuerURL, "sub": sub} }
func ofURI(uri string) claims {
	return claims{"format": "uri", "uri": uri}
}

// stream answers polls as RFC 8936 says: with what is not acknowledged, once there is something.
type stream struct {
	i       *issuer
	mu      sync.Mutex
	pending map[string]string
	refused map[string]string // codes, by id
	polls   int
	news    chan struct{}
}

func newStream(i *issuer) *stream {
	s := &stream{i: i, pending: map[string]string{}, refused: map[string]string{}, news: make(chan struct{}, 100)}
	i.answer(pollPath, s.ServeHTTP)
	return s
}

func (s *stream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct {
		MaxEvents int
		Ack       []string
		SetErrs   map[string]struct{ Err, Description string }
	}
	id, secret, _ := r.BasicAuth()
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &request)
	}
	if err != nil || id != service || secret != "s%3Acret" || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	s.polls++
	for _, id := range request.Ack {
		delete(s.pending, id)
	}
	for id, why := range request.SetErrs {
		delete(s.pending, id)
		s.refused[id] = why.Err
	}
	s.mu.Unlock()
	for patience := time.After(25 * time.Second); !s.waiting(); {
		select {
		case <-s.news:
			continue
		case <-patience:
		case <-r.Context().Done():
			return
		}
		break
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer, _ := json.Marshal(map[string]any{"sets": s.pending, "moreAvailable": false})
	w.Write(answer)
}

// waiting reports whether there is something to tell.
func (s *stream) waiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending) > 0
}

func (s *stream) send(events ...claims) {
	s.i.t.Helper()
	s.mu.Lock()
	for _, e := range events {
		s.pending[e["jti"].(string)] = s.i.sign("rsa", "secevent+jwt", e)
	}
	s.mu.Unlock()
	s.news <- struct{}{}
	synctest.Wait()
}

func (s *stream) acknowledged(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) > 0 || len(s.refused) > 0 {
		t.Errorf("%d events are not acknowledged, and %v refused", len(s.pending), s.refused)
	}
}

func TestWhatAnEventRevokesIsRefusedAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		s := newStream(i)
		v := i.ready(resourceserver.WithEvents(service, "s:cret"))
		bob := claims{"sub": "usr_bob", "client_id": "wiki"}
		for name, c := range map[string]struct {
			subject claims
			revoked []claims
			live    []claims
		}{
			"a token":              {ofToken("t1"), []claims{{"jti": "t1"}}, []claims{{"jti": "t2"}}},
			"a user":               {of("usr_alice"), []claims{nil, at(1)}, []claims{bob}},
			"a client":             {of("shop"), []claims{nil, {"sub": "shop"}}, []claims{bob}},
			"a session":            {claims{"format": "complex", "user": of("usr_alice"), "session": claims{"format": "opaque", "id": "x"}}, []claims{{"sid": "x"}}, []claims{nil, {"sid": "y"}, bob}},
			"what was granted":     {claims{"format": "complex", "user": of("usr_alice"), "application": claims{"format": "opaque", "id": "shop"}}, []claims{nil, at(1)}, []claims{{"client_id": "wiki"}, {"sub": "usr_carol"}, bob}},
			"another's session":    {claims{"format": "complex", "user": claims{"format": "iss_sub", "iss": "https://other.example", "sub": "usr_alice"}, "session": claims{"format": "opaque", "id": "z"}}, nil, []claims{{"sid": "z"}}},
			"the API":              {ofURI(audience), []claims{nil, bob}, nil},
			"the API, slashed":     {ofURI(audience + "/"), []claims{nil, bob}, nil},
			"everything":           {ofURI(issuerURL), []claims{nil, bob}, nil},
			"another API":          {ofURI("https://invoices.example"), nil, []claims{nil, bob}},
			"another's token":      {claims{"format": "jwt_id", "iss": "https://other.example", "jti": "t3"}, nil, []claims{{"jti": "t3"}}},
			"another's user":       {claims{"format": "iss_sub", "iss": "https://other.example", "sub": "usr_alice"}, nil, []claims{nil}},
			"of an unknown format": {claims{"format": "email", "email": "alice@people.example"}, nil, []claims{nil}},
		} {
			var revoked, live []string
			for _, changes := range c.revoked {
				revoked = append(revoked, i.token(changes))
			}
			for _, changes := range c.live {
				live = append(live, i.token(changes))
			}
			for _, token := range append(revoked, live...) {
				wantAccepted(t, v, token)
			}
			began := time.Now()
			s.send(event(revokedEvent, c.subject, nil, nil))
			if took := time.Since(began); took != 0 {
				t.Errorf("%s: it took %v", name, took)
			}
			for _, token := range revoked {
				if _, err := v.Verify(t.Context(), token); err == nil {
					t.Errorf("%s: it is accepted", name)
				}
			}
			for _, token := range live {
				if _, err := v.Verify(t.Context(), token); err != nil {
					t.Errorf("%s: another is refused: %v", name, err)
				}
			}
			s.acknowledged(t)
			// What is issued later counts.
			time.Sleep(time.Second)
			wantAccepted(t, v, i.token(nil))
		}
		if status := v.Status().Events; status == nil || status.Applied != 13 || status.Held == 0 || status.Error != nil || time.Since(status.LastContact) > time.Minute {
			t.Errorf("the status is %+v", status)
		}
	})
}

func TestARevokedKeyThatAnEventNamesIsGoneAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		s := newStream(i)
		v := i.ready(resourceserver.WithEvents(service, "s:cret"))
		cached, token := i.token(nil), i.token(nil)
		other := i.sign("ed", "at+jwt", access(nil))
		wantAccepted(t, v, cached)
		s.send(event(revokedEvent, claims{"format": "opaque", "id": "ec"}, nil, nil))
		s.acknowledged(t)
		for range 3 { // a cache on the way still has it, beside newer ones
			i.mu.Lock()
			i.keys[rand.Text()] = otherK()
			i.mu.Unlock()
			wantRefused(t, v, cached, resourceserver.ErrInvalidToken, "")
			wantRefused(t, v, token, resourceserver.ErrInvalidToken, "")
			wantAccepted(t, v, other)
			time.Sleep(time.Minute)
		}
	})
}

func TestATokenThatSaysMoreThanItsSubjectHasIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		s := newStream(i)
		v := i.ready(resourceserver.WithEvents(service, "s:cret"))
		named := i.token(claims{"entitlements": []string{"/orders:read"}})
		wantAccepted(t, v, named)
		less, same := i.token(claims{"entitlements": nil, "roles": nil, "groups": nil}), i.token(claims{"groups": []string{"/sales"}})
		for _, token := range []string{less, same} {
			wantAccepted(t, v, token)
		}
		now := func(aud string, changes claims) claims {
			return claims{"claims": merged(claims{"aud": aud, "roles": []string{"clerk"}, "groups": []string{"sales"}, "entitlements": []string{"orders:read"}}, changes)}
		}
		s.send(event(changedEvent, of("usr_alice"), now(audience, nil), nil), event(changedEvent, of("usr_bob"), now(audience, claims{"roles": []string{}}), nil),
			event(changedEvent, of("usr_alice"), now("https://invoices.example", claims{"roles": []string{}}), nil),
			event(changedEvent, ofURI(audience), claims{"claims": claims{"aud": audience, "entitlements": []string{"orders:read"}}}, nil))
		wantAccepted(t, v, less)
		wantAccepted(t, v, same)
		wantRefused(t, v, named, resourceserver.ErrRevoked, "") // groups alone are written as paths
		for _, changes := range []claims{{"roles": []string{}}, {"groups": []string{}}, {"entitlements": []string{}}} {
			time.Sleep(time.Second)
			fresh := i.token(nil)
			wantAccepted(t, v, fresh)
			s.send(event(changedEvent, of("usr_alice"), now(audience, changes), nil))
			wantRefused(t, v, fresh, resourceserver.ErrRevoked, "")
			wantAccepted(t, v, less)
		}
		time.Sleep(time.Second)
		fresh := i.token(claims{"sub": "usr_carol"})
		s.send(event(changedEvent, ofURI(audience), claims{"claims": claims{"aud": audience, "entitlements": []string{}}}, nil))
		wantRefused(t, v, fresh, resourceserver.ErrRevoked, "")
		s.acknowledged(t)
	})
}

func TestEventsAreAppliedInTheirOrder(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		s := newStream(i)
		v := i.ready(resourceserver.WithEvents(service, "s:cret"))
		token := i.token(nil)
		var all []claims
		for n := range 50 {
			entitlements := []string{}
			if n == 49 {
				entitlements = []string{"orders:read"}
			}
			content := claims{"claims": claims{"aud": audience, "roles": []string{"clerk"}, "groups": []string{"sales"}, "entitlements": entitlements}}
			all = append(all, event(changedEvent, of("usr_alice"), content, claims{"txn": fmt.Sprint(n + 1)}))
		}
		s.send(all...)
		wantAccepted(t, v, token)
	})
}

func TestEventsThatAreNotOursAreRefusedAndChangeNothing(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		s := newStream(i)
		v := i.ready(resourceserver.WithEvents(service, "s:cret"))
		token := i.token(claims{"jti": "t1"})
		wantAccepted(t, v, token)
		good := event(revokedEvent, ofToken("t1"), nil, nil)
		bad := map[string]string{}
		for id, changes := range map[string]claims{
			"invalid_issuer": {"iss": "https://other.example"}, "invalid_audience": {"aud": "billing-svc"}, "invalid_audience 2": {"aud": []string{service, "x"}},
			"invalid_request": {"events": nil}, "invalid_request 2": {"sub_id": nil}, "invalid_request 3": {"iat": nil},
			"invalid_request 4": {"iat": time.Now().Unix() + 3600}, "invalid_request 5": {"sub_id": "x"},
			"invalid_request 9": {"sub_id": claims{"format": "complex", "user": of("usr_alice")}},
		} {
			bad[id] = i.sign("rsa", "secevent+jwt", merged(merged(good, claims{"jti": id}), changes))
		}
		bad["invalid_request 6"] = i.sign("rsa", "secevent+jwt", good) // under another id
		bad["invalid_request 7"] = i.sign("rsa", "at+jwt", merged(good, claims{"jti": "invalid_request 7"}))
		bad["invalid_request 8"] = "x"
		bad["invalid_key"] = sign(t, otherK(), claims{"alg": "ES256", "kid": "ec", "typ": "secevent+jwt"}, good)
		s.mu.Lock()
		maps.Copy(s.pending, bad)
		s.mu.Unlock()
		s.send()
		s.mu.Lock()
		for id := range bad {
			if want, _, _ := strings.Cut(id, " "); s.refused[id] != want {
				t.Errorf("%s: refused as %q", id, s.refused[id])
			}
		}
		s.mu.Unlock()
		wantAccepted(t, v, token)
	})
}

func TestAnEventWhoseKeyIsUnknownComesAgain(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		s := newStream(i)
		v := i.ready(resourceserver.WithEvents(service, "s:cret"))
		token := i.token(claims{"jti": "t1"})
		wantAccepted(t, v, token)
		e := event(revokedEvent, ofToken("t1"), nil, nil)
		s.mu.Lock()
		s.pending[e["jti"].(string)] = i.sign("other", "secevent+jwt", e)
		s.mu.Unlock()
		s.send()
		time.Sleep(5 * time.Minute)
		wantAccepted(t, v, token)
		s.mu.Lock()
		if len(s.pending) != 1 || len(s.refused) != 0 || s.polls > 25 {
			t.Errorf("%d are pending, %v refused, after %d polls", len(s.pending), s.refused, s.polls)
		}
		s.mu.Unlock()
		if v.Status().Events.Error == nil {
			t.Error("the status does not say so")
		}
		s.send(e) // by another key
		time.Sleep(time.Minute)
		wantRefused(t, v, token, resourceserver.ErrRevoked, "")
		s.acknowledged(t)
	})
}

func TestPollsGoOnAfterTheIssuerWasAway(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		s := newStream(i)
		v := i.ready(resourceserver.WithEvents(service, "s:cret"))
		token := i.token(claims{"jti": "t1"})
		wantAccepted(t, v, token)
		known := i.sign("rsa", "secevent+jwt", event(revokedEvent, ofToken("t2"), nil, claims{"jti": "e"}))
		for _, answer := range []http.HandlerFunc{
			func(w http.ResponseWriter, _ *http.Request) { // what was acknowledged and what was refused, again and again
				time.Sleep(time.Millisecond)
				fmt.Fprintf(w, `{"sets":{"e":%q,"f":""}}`, known)
			},
			down, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"sets":{"a":1}}`) },
			func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"sets":{}}`) }, // at once, all the time
		} {
			i.answer(pollPath, answer)
			s.news <- struct{}{} // ends the poll that waits
			before := i.count(pollPath)
			time.Sleep(time.Minute)
			if n := i.count(pollPath) - before; n < 2 || n > 61 {
				t.Errorf("%d polls in a minute", n)
			}
		}
		i.answer(pollPath, s.ServeHTTP)
		time.Sleep(time.Minute)
		s.send(event(revokedEvent, ofToken("t1"), nil, nil))
		wantRefused(t, v, token, resourceserver.ErrRevoked, "")
	})
}

func TestPushedEventsAreAppliedBeforeTheyAreAccepted(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready(resourceserver.WithPushedEvents(service, "b3arer"))
		push := func(method, bearer, media, body string) *httptest.ResponseRecorder {
			w, r := httptest.NewRecorder(), httptest.NewRequest(method, "/events", strings.NewReader(body))
			r.Header.Set("Authorization", bearer)
			r.Header.Set("Content-Type", media)
			v.EventHandler().ServeHTTP(w, r)
			return w
		}
		const media = "application/secevent+jwt"
		token := i.token(claims{"jti": "t1"})
		set := i.sign("rsa", "secevent+jwt", event(revokedEvent, ofToken("t1"), nil, nil))
		for _, c := range []struct {
			method, bearer, media, body string
			status                      int
			err                         string
		}{
			{"GET", "Bearer b3arer", media, "", 405, ""},
			{"POST", "", media, set, 401, ""},
			{"POST", "Bearer other", media, set, 401, ""},
			{"POST", "Basic b3arer", media, set, 401, ""},
			{"POST", "Bearer b3arer", "application/json", set, 400, "invalid_request"},
			{"POST", "Bearer b3arer", media, "x", 400, "invalid_request"},
			{"POST", "Bearer b3arer", media, strings.Repeat("x", 300<<10), 400, "invalid_request"},
			{"POST", "Bearer b3arer", media, i.sign("rsa", "secevent+jwt", event(revokedEvent, ofToken("t1"), nil, claims{"aud": "x"})), 400, "invalid_audience"},
			{"POST", "Bearer b3arer", media, i.sign("other", "secevent+jwt", event(revokedEvent, ofToken("t1"), nil, nil)), 503, ""},
		} {
			w := push(c.method, c.bearer, c.media, c.body)
			var said struct{ Err string }
			_ = json.Unmarshal(w.Body.Bytes(), &said)
			if w.Code != c.status || said.Err != c.err {
				t.Errorf("%s %q: %d %s", c.method, c.bearer, w.Code, w.Body)
			}
		}
		wantAccepted(t, v, token)
		if w := push("POST", "bearer b3arer", media, set); w.Code != 202 || w.Body.Len() != 0 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		wantRefused(t, v, token, resourceserver.ErrRevoked, "")
		w := httptest.NewRecorder()
		i.ready().EventHandler().ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
		if w.Code != 404 {
			t.Errorf("without the option: %d", w.Code)
		}
	})
}

func TestRevocationsAreBoundedAndForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		s := newStream(i)
		v := i.ready(resourceserver.WithEvents(service, "s:cret"))
		oldest := i.token(claims{"jti": "t0", "exp": time.Now().Unix() + 200_000})
		s.send(event(revokedEvent, ofToken("t0"), nil, nil))
		wantRefused(t, v, oldest, resourceserver.ErrRevoked, "")
		time.Sleep(26 * time.Hour)
		s.send(event(revokedEvent, ofToken("t1"), nil, nil))
		if held := v.Status().Events.Held; held != 1 {
			t.Errorf("%d are remembered", held)
		}
	})
}

func TestRequestsAndEventsAtTheSameTime(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		s := newStream(i)
		v := i.ready(resourceserver.WithEvents(service, "s:cret"))
		var tokens []string
		for n := range 20 {
			tokens = append(tokens, i.token(merged(claims{"jti": fmt.Sprint("t", n)}, at(n))))
		}
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				for range 50 {
					for _, token := range tokens {
						if _, err := v.Verify(t.Context(), token); err != nil && n < 4 {
							_ = v.Status()
						}
					}
				}
			})
		}
		for n := range 10 {
			s.send(event(revokedEvent, ofToken(fmt.Sprint("t", n)), nil, nil))
		}
		all.Wait()
		refused := slices.IndexFunc(tokens, func(token string) bool { _, err := v.Verify(t.Context(), token); return err == nil })
		if refused != 10 {
			t.Errorf("the first that is accepted is %d", refused)
		}
	})
}
