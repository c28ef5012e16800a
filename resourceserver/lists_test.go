package resourceserver_test

import (
	"bytes"
	"compress/zlib"
	"crypto"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signet-auth/signet/resourceserver"
)

func TestARevokedTokenIsRefusedWithinTheListsTTL(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		revoked, live := i.token(at(3)), i.token(at(4))
		wantAccepted(t, v, revoked)
		wantAccepted(t, v, live)
		i.revoke(3)
		time.Sleep(10 * time.Second)
		wantRefused(t, v, revoked, resourceserver.ErrRevoked, "")
		wantAccepted(t, v, live)
		wantRefused(t, v, i.token(at(3)), resourceserver.ErrRevoked, "")
		if n := i.count(listPath); n > 3 {
			t.Errorf("%d requests in 10 s", n)
		}
		s := v.Status()
		if len(s.Lists) != 1 || s.Lists[0].URI != listURI || s.Lists[0].Entries != 64 || s.Lists[0].Error != nil || time.Since(s.Lists[0].Current) > 10*time.Second {
			t.Errorf("the status is %+v", s.Lists)
		}
	})
}

func TestASuspendedTokenIsRefusedUntilItIsResumed(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		token := i.token(at(1))
		var suspended atomic.Bool
		suspended.Store(true)
		i.answer(listPath, func(w http.ResponseWriter, _ *http.Request) {
			lst := deflate(t, []byte{0, 0})
			if suspended.Load() {
				lst = deflate(t, []byte{2 << 2, 0})
			}
			fmt.Fprint(w, i.sign("ec", "statuslist+jwt", i.list(claims{"status_list": claims{"bits": 2, "lst": lst}})))
		})
		wantRefused(t, v, token, resourceserver.ErrRevoked, "")
		suspended.Store(false)
		time.Sleep(10 * time.Second)
		wantAccepted(t, v, token)
	})
}

// deflate is the claim "lst" of a list (Token Status List §4.1).
func deflate(t *testing.T, packed []byte) string {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, err := w.Write(packed)
	check(t, err)
	check(t, w.Close())
	return encode(b.Bytes())
}

func TestAListThatIsNotTheOneIsNotTaken(t *testing.T) {
	bomb := deflate(t, make([]byte, 64<<20))
	for name, make := range map[string]func(*issuer) string{
		"another key": func(i *issuer) string { return i.sign("other", "statuslist+jwt", i.list(nil)) },
		"another signature": func(i *issuer) string {
			return sign(i.t, otherK(), claims{"alg": "ES256", "kid": "ec", "typ": "statuslist+jwt"}, i.list(nil))
		},
		"no signature": func(i *issuer) string {
			s := i.sign("ec", "statuslist+jwt", i.list(nil))
			return s[:strings.LastIndex(s, ".")+1]
		},
		"another typ": func(i *issuer) string { return i.sign("ec", "at+jwt", i.list(nil)) },
		"another list": func(i *issuer) string {
			return i.sign("ec", "statuslist+jwt", i.list(claims{"sub": listURI + "0"}))
		},
		"another issuer": func(i *issuer) string {
			return i.sign("ec", "statuslist+jwt", i.list(claims{"iss": "https://other.example"}))
		},
		"no iat": func(i *issuer) string {
			return i.sign("ec", "statuslist+jwt", i.list(claims{"iat": nil}))
		},
		"the future": func(i *issuer) string {
			return i.sign("ec", "statuslist+jwt", i.list(claims{"iat": time.Now().Unix() + 60}))
		},
		"the past": func(i *issuer) string {
			return i.sign("ec", "statuslist+jwt", i.list(claims{"exp": time.Now().Unix() - 60}))
		},
		"a bomb": func(i *issuer) string {
			return i.sign("ec", "statuslist+jwt", i.list(claims{"status_list": claims{"bits": 1, "lst": bomb}}))
		},
		"three bits": func(i *issuer) string {
			return i.sign("ec", "statuslist+jwt", i.list(claims{"status_list": claims{"bits": 3, "lst": deflate(i.t, []byte{0})}}))
		},
		"no bits": func(i *issuer) string {
			return i.sign("ec", "statuslist+jwt", i.list(claims{"status_list": claims{"lst": deflate(i.t, []byte{0})}}))
		},
		"no list": func(i *issuer) string {
			return i.sign("ec", "statuslist+jwt", i.list(claims{"status_list": nil}))
		},
		"no zlib": func(i *issuer) string {
			return i.sign("ec", "statuslist+jwt", i.list(claims{"status_list": claims{"bits": 1, "lst": "AAAA"}}))
		},
		"a large answer": func(*issuer) string { return strings.Repeat("x", 5<<20) },
		"HTML":           func(*issuer) string { return "<html>" },
		"nothing":        func(*issuer) string { return "" },
	} {
		bubble(t, func(t *testing.T, i *issuer) {
			v := i.ready()
			i.answer(listPath, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, make(i)) })
			wantRefused(t, v, i.token(at(1)), resourceserver.ErrUnavailable, "status list")
			if s := v.Status().Lists; len(s) != 1 || s[0].Error == nil {
				t.Errorf("%s: the status is %+v", name, s)
			}
			wantAccepted(t, i.ready(resourceserver.WithUnknownStatus()), i.token(at(1)))
		})
	}
}

func TestAnIndexThatTheListDoesNotHaveIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		wantAccepted(t, v, i.token(at(63)))
		wantRefused(t, v, i.token(at(64)), resourceserver.ErrInvalidToken, "no such entry")
		wantRefused(t, v, i.token(at(1<<40)), resourceserver.ErrInvalidToken, "no such entry")
		wantAccepted(t, i.ready(resourceserver.WithUnknownStatus()), i.token(at(64)))
	})
}

func TestListsAreFetchedFromWhereTheyMayBeAlone(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready(resourceserver.WithListHosts("lists.example:8443"))
		for _, uri := range []string{
			"https://other.example/1", "http://id.example/1", "https://id.example:8443/1", "https://id.example@other.example/1", "file:///etc/passwd",
			"https://id.example.other.example/", "/statuslists/1", "https://lists.example/1", "https://id.example/" + strings.Repeat("x", 3000), "\x00",
		} {
			wantRefused(t, v, i.token(atList(1, uri)), resourceserver.ErrInvalidToken, "")
		}
		i.mu.Lock()
		paths := len(i.requests)
		i.mu.Unlock()
		if paths != 2 {
			t.Errorf("%d addresses were asked", paths)
		}
		i.answer("https://lists.example:8443/1", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, i.sign("ec", "statuslist+jwt", i.list(claims{"sub": "https://lists.example:8443/1"})))
		})
		wantAccepted(t, v, i.token(atList(1, "https://lists.example:8443/1")))
	})
}

func TestAListCountsUntilItExpiresWhileItCannotBeFetched(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v, lenient := i.ready(), i.ready(resourceserver.WithUnknownStatus())
		revoked, live := i.token(at(1)), i.token(at(2))
		i.revoke(1)
		wantAccepted(t, v, live)
		wantAccepted(t, lenient, live)
		wantRefused(t, v, revoked, resourceserver.ErrRevoked, "")
		good := i.answers[listPath]
		i.answer(listPath, down)
		before := i.count(listPath)
		time.Sleep(90 * time.Second)
		wantAccepted(t, v, live)
		wantRefused(t, v, revoked, resourceserver.ErrRevoked, "")
		time.Sleep(30 * time.Second) // past "exp", which is at ten times the ttl, and the leeway
		wantRefused(t, v, live, resourceserver.ErrUnavailable, "expired")
		wantAccepted(t, lenient, live)
		wantRefused(t, lenient, revoked, resourceserver.ErrRevoked, "") // which is for ever
		if n := i.count(listPath) - before; n > 30 {
			t.Errorf("two verifiers asked %d times in two minutes", n)
		}
		i.answer(listPath, good)
		time.Sleep(31 * time.Second)
		wantAccepted(t, v, live)
	})
}

func TestAListWithoutExpiryCountsForItsTTL(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		token := i.token(at(1))
		i.answer(listPath, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, i.sign("ec", "statuslist+jwt", i.list(claims{"exp": nil})))
		})
		wantAccepted(t, v, token)
		i.answer(listPath, down)
		time.Sleep(11 * time.Second)
		wantRefused(t, v, token, resourceserver.ErrUnavailable, "expired")
	})
}

func TestAListThatIsTheSameIsNotSentAgain(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		token := i.token(at(1))
		first := i.sign("ec", "statuslist+jwt", i.list(claims{"exp": time.Now().Unix() + 300}))
		i.answer(listPath, func(w http.ResponseWriter, r *http.Request) { serve(w, r, "", `W/"1"`, []byte(first)) })
		for range 20 {
			wantAccepted(t, v, token)
			time.Sleep(10 * time.Second)
		}
		i.mu.Lock()
		tags := i.tags[listPath]
		i.mu.Unlock()
		if len(tags) < 20 || tags[0] != "" || tags[1] != `W/"1"` {
			t.Errorf("the entity tags are %q", tags)
		}
		time.Sleep(2 * time.Minute) // past its end, even though nothing changed
		if s := v.Status().Lists; s[0].Error == nil {
			t.Errorf("the status is %+v", s)
		}
		wantRefused(t, v, token, resourceserver.ErrUnavailable, "expired")
	})
}

func TestAListOfARevokedKeyIsFetchedAgainAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		i.ttl = 600
		v := i.ready()
		token := i.sign("ed", "at+jwt", access(at(1)))
		wantAccepted(t, v, token)
		before := i.count(listPath)
		i.answer(listPath, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, i.sign("ed", "statuslist+jwt", i.list(nil)))
		})
		i.setKeys(map[string]crypto.Signer{"ed": edKey()})
		time.Sleep(time.Minute)
		wantAccepted(t, v, token)
		if n := i.count(listPath) - before; n != 1 {
			t.Errorf("%d requests", n)
		}
		i.answer(listPath, down) // what a key has signed that is gone does not count, whatever its age
		i.setKeys(map[string]crypto.Signer{"ec": ecKey(), "rsa": rsaKey(), "other": otherK()})
		time.Sleep(time.Minute)
		wantRefused(t, v, i.sign("other", "at+jwt", access(at(1))), resourceserver.ErrUnavailable, "the key of its status list")
	})
}

func TestListsAreBoundedInNumberAndForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		i.ttl = 300
		v := i.ready()
		uri := func(n int) string { return fmt.Sprint(issuerURL, "/statuslists/many/", n) }
		for n := range 200 {
			i.answer(strings.TrimPrefix(uri(n), issuerURL), func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, i.sign("ec", "statuslist+jwt", i.list(claims{"sub": uri(n)})))
			})
		}
		for n := range 128 {
			wantAccepted(t, v, i.token(atList(1, uri(n))))
		}
		wantRefused(t, v, i.token(atList(1, uri(128))), resourceserver.ErrUnavailable, "too many")
		time.Sleep(2 * time.Minute)
		for n := range 200 { // those that are not used make room
			if n < 56 || n >= 128 {
				wantAccepted(t, v, i.token(atList(1, uri(n))))
			}
		}
		if n := len(v.Status().Lists); n != 128 {
			t.Errorf("%d lists are followed", n)
		}
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if n := len(v.Status().Lists); n != 0 {
			t.Errorf("%d lists are followed", n)
		}
		cached := i.token(atList(1, uri(0)))
		wantAccepted(t, v, cached)
		time.Sleep(9 * time.Minute)
		wantAccepted(t, v, cached)
	})
}
