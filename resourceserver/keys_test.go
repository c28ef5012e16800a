package resourceserver_test

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signet-auth/signet/resourceserver"
)

func down(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }

func TestNothingIsAcceptedBeforeTheIssuerAnswers(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		token := i.token(nil)
		i.answer(metadata, down)
		v := i.verifier()
		synctest.Wait()
		wantRefused(t, v, token, resourceserver.ErrUnavailable, "not known yet")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := v.Ready(ctx); !errors.Is(err, resourceserver.ErrUnavailable) || !strings.Contains(err.Error(), "502") {
			t.Errorf("ready: %v", err)
		}
		if s := v.Status(); s.Ready || s.Reason == "" || s.Keys.Error == nil || s.Unavailable != 1 {
			t.Errorf("the status is %+v", s)
		}
		if n := i.count(metadata); n < 4 || n > 12 {
			t.Errorf("asked %d times in a minute", n)
		}
		i.answer(metadata, newIssuer(t).answers[metadata])
		check(t, v.Ready(t.Context()))
		wantAccepted(t, v, token)
		if s := v.Status(); !s.Ready || s.Reason != "" || s.Keys.Error != nil || s.Keys.Count != 3 || s.Keys.ETag == "" {
			t.Errorf("the status is %+v", s)
		}
	})
}

func TestMetadataOfAnotherIssuerIsNotTaken(t *testing.T) {
	for name, body := range map[string]string{
		"another":             `{"issuer":"https://other.example","jwks_uri":"` + issuerURL + jwks + `"}`,
		"with a slash":        `{"issuer":"` + issuerURL + `/","jwks_uri":"` + issuerURL + jwks + `"}`,
		"none":                `{"jwks_uri":"` + issuerURL + jwks + `"}`,
		"two":                 `{"issuer":"https://other.example","issuer":"` + issuerURL + `","jwks_uri":"` + issuerURL + jwks + `"}`,
		"no keys":             `{"issuer":"` + issuerURL + `"}`,
		"keys without TLS":    `{"issuer":"` + issuerURL + `","jwks_uri":"http://id.example/jwks"}`,
		"keys in a file":      `{"issuer":"` + issuerURL + `","jwks_uri":"file:///etc/keys"}`,
		"keys of other types": `{"issuer":"` + issuerURL + `","jwks_uri":["` + issuerURL + jwks + `"]}`,
		"text":                `issuer`,
		"too much":            `{"issuer":"` + issuerURL + `","jwks_uri":"` + issuerURL + jwks + `","x":"` + strings.Repeat("x", 128<<10) + `"}`,
	} {
		bubble(t, func(t *testing.T, i *issuer) {
			i.answer(metadata, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
			v := i.verifier()
			synctest.Wait()
			if s := v.Status(); s.Ready || s.Keys.Error == nil || i.count(jwks) != 0 {
				t.Errorf("%s: %+v", name, s)
			}
		})
	}
}

func TestMetadataIsFoundWhereEitherStandardPutsIt(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		answer := i.answers[metadata]
		i.answer(metadata, http.NotFound)
		i.answer("/.well-known/openid-configuration", answer)
		wantAccepted(t, i.ready(), i.token(nil))
	})
	bubble(t, func(t *testing.T, i *issuer) { // of an issuer with a path
		pathed := issuerURL + "/auth"
		i.answer(metadata+"/auth", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, pathed, issuerURL+jwks)
		})
		v, err := resourceserver.New(pathed, audience, resourceserver.WithHTTPClient(&http.Client{Transport: i}))
		check(t, err)
		defer v.Close()
		check(t, v.Ready(t.Context()))
		wantAccepted(t, v, i.token(claims{"iss": pathed}))
		wantRefused(t, v, i.token(nil), resourceserver.ErrInvalidToken, "another issuer")
	})
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		i.answer(jwks, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		})
		v := i.verifier()
		synctest.Wait()
		if s := v.Status(); s.Ready || i.count("http://169.254.169.254/") != 0 {
			t.Errorf("the status is %+v", s)
		}
	})
}

func TestKeysAreFetchedAgainWithWhatIsHeld(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready(resourceserver.WithUserAgent("orders/1"))
		tag := v.Status().Keys.ETag
		time.Sleep(time.Hour)
		synctest.Wait()
		i.mu.Lock()
		tags, n := i.tags[jwks], i.requests[jwks]
		agents := i.agents
		i.mu.Unlock()
		if n < 60 || n > 82 || tags[0] != "" || tags[1] != tag || tags[n-1] != tag {
			t.Errorf("%d requests in an hour, with the entity tags %q", n, tags[:2])
		}
		if len(agents) != 1 || !agents["orders/1"] {
			t.Errorf("the user agents are %v", agents)
		}
		if age := time.Since(v.Status().Keys.Current); age > time.Minute {
			t.Errorf("the keys are %v old", age)
		}
	})
}

func TestARevokedKeyIsGoneWithTheNextFetch(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		token, cached := i.token(nil), i.token(nil)
		wantAccepted(t, v, cached)
		i.setKeys(map[string]crypto.Signer{"ed": edKey(), "other": otherK()})
		wantAccepted(t, v, token)
		time.Sleep(time.Minute)
		wantRefused(t, v, cached, resourceserver.ErrRevoked, "with the key")
		wantRefused(t, v, token, resourceserver.ErrInvalidToken, "")
		wantAccepted(t, v, i.sign("other", "at+jwt", access(nil)))
		// Another key under a kid is another key.
		ed := i.sign("ed", "at+jwt", access(nil))
		wantAccepted(t, v, ed)
		i.setKeys(map[string]crypto.Signer{"ec": otherK(), "ed": edKey2(), "rsa": rsaKey()})
		time.Sleep(time.Minute)
		wantRefused(t, v, cached, resourceserver.ErrInvalidToken, "")
		wantRefused(t, v, ed, resourceserver.ErrRevoked, "with the key")
	})
}

func TestKeysCountWhileTheIssuerIsDownUpToTheirAge(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready(resourceserver.WithMaxStale(10 * time.Minute))
		wantAccepted(t, v, i.token(nil))
		good := i.answers[jwks]
		for name, answer := range map[string]http.HandlerFunc{
			"down":    down,
			"no JSON": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
			"no set":  func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") },
			"huge": func(w http.ResponseWriter, _ *http.Request) {
				io.WriteString(w, `{"keys":[`+strings.Repeat(" ", 300<<10)+`]}`)
			},
			"too many": func(w http.ResponseWriter, _ *http.Request) {
				io.WriteString(w, `{"keys":[`+strings.Repeat("{},", 100)+`{}]}`)
			},
			"a kid twice": func(w http.ResponseWriter, _ *http.Request) {
				body, _ := json.Marshal(claims{"keys": []any{jwk("ec", ecKey()), jwk("ec", otherK())}})
				w.Write(body)
			},
			"a member twice": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"keys":[],"keys":[]}`) },
			"slow":           func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		} {
			i.answer(jwks, answer)
			time.Sleep(5 * time.Minute)
			wantAccepted(t, v, i.token(nil))
			if s := v.Status(); s.Keys.Error == nil || !s.Ready {
				t.Errorf("%s: the status is %+v", name, s)
			}
			i.answer(jwks, good)
			time.Sleep(time.Minute)
			if s := v.Status(); s.Keys.Error != nil {
				t.Errorf("after %s: the status is %+v", name, s)
			}
		}
		cached := i.token(claims{"exp": time.Now().Unix() + 3600})
		wantAccepted(t, v, cached)
		i.answer(jwks, down)
		time.Sleep(11 * time.Minute)
		wantRefused(t, v, cached, resourceserver.ErrUnavailable, "10m")
		wantRefused(t, v, i.token(nil), resourceserver.ErrUnavailable, "10m")
		if s := v.Status(); s.Ready || s.Reason == "" {
			t.Errorf("the status is %+v", s)
		}
		i.answer(jwks, good)
		time.Sleep(time.Minute)
		wantAccepted(t, v, cached)
	})
}

func TestKeysThatCannotVerifyTokensAreLeftOut(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		all := []claims{jwk("ed", edKey())}
		for n, changes := range []claims{
			{"use": "enc"}, {"alg": "ES384"}, {"alg": "HS256"}, {"kty": "oct", "k": "c2VjcmV0"}, {"d": "x"}, {"crv": "P-384"}, {"x": encode(make([]byte, 32))},
			{"x": "AA"}, {"y": nil}, {"kid": nil}, {"kid": 1}, {"key_ops": []string{"sign"}}, {"kid": strings.Repeat("k", 300)}, {"crv": nil}, {"kty": 1},
		} {
			all = append(all, merged(jwk(fmt.Sprint("ec", n), ecKey()), changes))
		}
		for n, changes := range []claims{{"n": encode(make([]byte, 256))}, {"n": encode([]byte{1, 2, 3})}, {"e": "AQ"}, {"e": "Ag"}, {"e": encode(make([]byte, 9))}, {"n": strings.Repeat("_", 1400)}} {
			all = append(all, merged(jwk(fmt.Sprint("rsa", n), rsaKey()), changes))
		}
		body, err := json.Marshal(claims{"keys": all})
		check(t, err)
		i.answer(jwks, func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })
		v := i.ready()
		if n := v.Status().Keys.Count; n != 1 {
			t.Errorf("%d keys are taken", n)
		}
		wantAccepted(t, v, i.sign("ed", "at+jwt", access(nil)))
	})
}

func TestUnknownKeysDoNotMakeTheIssuerBusy(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		var tokens []string
		for n := range 100 {
			tokens = append(tokens, sign(t, otherK(), claims{"alg": "ES256", "kid": fmt.Sprint("k", n), "typ": "at+jwt"}, access(nil)))
		}
		flood := func() {
			var all sync.WaitGroup
			for _, token := range tokens {
				all.Go(func() { wantRefused(t, v, token, resourceserver.ErrInvalidToken, "not one of the issuer's") })
			}
			all.Wait()
		}
		before := i.count(jwks)
		for range 60 {
			flood()
			time.Sleep(time.Second)
		}
		if n := i.count(jwks) - before; n > 8 {
			t.Errorf("%d tokens of unknown keys in a minute made %d requests", 60*len(tokens), n)
		}
	})
}

func TestATokenOfANewKeyIsAcceptedAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		time.Sleep(15 * time.Second)
		i.setKeys(map[string]crypto.Signer{"ec": ecKey(), "other": otherK()})
		token := i.sign("other", "at+jwt", access(nil))
		var all sync.WaitGroup
		before := i.count(jwks)
		for range 50 {
			all.Go(func() { wantAccepted(t, v, token) })
		}
		all.Wait()
		if n := i.count(jwks) - before; n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestKeysAreFetchedAgainBeforeTheyAreTooOld(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		held := new(holder)
		set, err := json.Marshal(claims{"keys": []claims{jwk("ec", ecKey())}})
		check(t, err)
		signed := i.policy(nil)
		i.answer(jwks, func(w http.ResponseWriter, r *http.Request) { serve(w, r, "max-age=3600", `"1"`, set) })
		i.answer(policyPath, func(w http.ResponseWriter, r *http.Request) { serve(w, r, "max-age=3600", `"1"`, []byte(signed)) })
		v := i.ready(resourceserver.WithMaxStale(time.Minute), resourceserver.WithPolicy("orders", "secret", held))
		for range 30 {
			time.Sleep(20 * time.Second)
			synctest.Wait()
			wantAccepted(t, v, i.token(nil))
			if _, left := held.get(); left <= 0 {
				t.Errorf("the policy has not counted for %v", -left)
			}
		}
		if n := i.count(jwks); n > 16 {
			t.Errorf("%d requests in ten minutes", n)
		}
	})
}

func TestATokenOfAnUnknownKeyCannotBeJudgedWhileTheIssuerIsSlow(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		time.Sleep(15 * time.Second)
		i.answer(jwks, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		wantRefused(t, v, i.sign("other", "at+jwt", access(nil)), resourceserver.ErrUnavailable, "cannot be fetched")
	})
}

func TestATokenOfAnUnknownKeyCannotBeJudgedWhileTheIssuerIsDown(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		i.answer(jwks, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		time.Sleep(2 * time.Minute)
		began := time.Now()
		wantRefused(t, v, i.sign("other", "at+jwt", access(nil)), resourceserver.ErrUnavailable, "cannot be fetched")
		if waited := time.Since(began); waited > 6*time.Second {
			t.Errorf("it waited for %v", waited)
		}
	})
}

func TestOnlySoManyRequestsWaitForAnUnknownKey(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		i.answer(jwks, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		time.Sleep(time.Minute)
		token := i.sign("other", "at+jwt", access(nil))
		began := time.Now()
		var all sync.WaitGroup
		var atOnce atomic.Int64
		for range 500 {
			all.Go(func() {
				if _, err := v.Verify(t.Context(), token); err == nil {
					t.Error("it is accepted")
				}
				if time.Since(began) == 0 {
					atOnce.Add(1)
				}
			})
		}
		all.Wait()
		if n := atOnce.Load(); n < 400 {
			t.Errorf("%d of 500 did not wait", n)
		}
	})
}

func TestNothingGoesOnAfterClose(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		token := i.token(at(1))
		wantAccepted(t, v, token)
		v.Close()
		before := i.count(jwks) + i.count(listPath)
		time.Sleep(time.Hour)
		if n := i.count(jwks) + i.count(listPath) - before; n != 0 {
			t.Errorf("%d requests", n)
		}
		wantRefused(t, v, i.token(at(2)), resourceserver.ErrUnavailable, "")
	})
}
