package e2e

import (
	"bytes"
	"compress/zlib"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

const examplesDir = "../../examples"

// recipes are the services of examples that docs/tasks/services.md shows. All answer GET /orders to tokens with orders:read.
var recipes = []string{"go-service", "golang-jwt", "node/jose.js", "node/jsonwebtoken.js", "python/pyjwt.py"}

// recipe is one that runs.
type recipe struct {
	*running
	name string
}

func (s *shop) runRecipe(t *testing.T, name string) recipe {
	t.Helper()
	port := freePort(s.installation)
	var argv []string
	switch filepath.Ext(name) {
	case ".js":
		needs(t, filepath.Join(examplesDir, "node/node_modules/jose"))
		node, err := filepath.Abs(filepath.Join(interopDir, "node_modules/.bin/node"))
		check(t, err)
		needs(t, node)
		argv = []string{node, name}
	case ".py":
		needs(t, "/usr/lib/python3/dist-packages/jwt")
		needs(t, "/usr/lib/python3/dist-packages/flask")
		argv = []string{"/usr/bin/python3", name}
	default:
		argv = []string{build(t, filepath.Join(examplesDir, name), ".")}
		if name == "go-service" {
			argv = append(argv, "-issuer", s.issuer, "-audience", ordersAPI, "-listen", "127.0.0.1:"+port)
		}
	}
	cmd := exec.CommandContext(s.t.Context(), argv[0], argv[1:]...) // not until the end of the subtest that starts it
	cmd.Dir = examplesDir
	cmd.Env = append(os.Environ(), "ISSUER="+s.issuer, "AUDIENCE="+ordersAPI, "PORT="+port)
	return recipe{s.runUntilEnd(s.t, name, cmd, port), name}
}

// ask sends a request with this Authorization header, empty: with none.
func (r recipe) ask(t *testing.T, authorization string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(r.url, "localhost", "127.0.0.1", 1)+"/orders", nil)
	check(t, err)
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	return do(request)
}

// want fails unless a request with this Authorization header is answered so.
func (r recipe) want(t *testing.T, authorization string, status int, challenge string) {
	t.Helper()
	a := r.ask(t, authorization)
	if a.status != status || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), challenge) {
		t.Errorf("%s answers %d, %q, want %d, %q: %s", r.name, a.status, a.header.Get("WWW-Authenticate"), status, challenge, a.body)
	}
}

// front is an issuer: a server, whose key set has a key of the test too, and which can be down.
type front struct {
	*httptest.Server
	key    *ecdsa.PrivateKey
	lists  map[string]string       // of the test, by path
	server atomic.Pointer[url.URL] // nil: down
	failed atomic.Int64            // requests for status lists on account of requests to services
}

// movedList is the path of a status list that redirects to one that is good but for that.
const movedList = "/statuslists/moved"

func newFront(t *testing.T) *front {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	f := &front{key: key, lists: map[string]string{}}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := f.server.Load()
		if to == nil {
			if strings.HasPrefix(r.URL.Path, "/statuslists/") && !strings.HasPrefix(r.UserAgent(), "signet-resourceserver") {
				f.failed.Add(1)
			}
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		if r.URL.Path == movedList {
			http.Redirect(w, r, movedList+"-elsewhere", http.StatusFound)
			return
		}
		if list := f.lists[r.URL.Path]; list != "" {
			w.Header().Set("Content-Type", statusListType)
			io.WriteString(w, list)
			return
		}
		proxy := httputil.NewSingleHostReverseProxy(to)
		if r.URL.Path == "/.well-known/jwks.json" {
			r.Header.Del("If-None-Match")
			r.Header.Del("Accept-Encoding")
			proxy.ModifyResponse = f.addKey
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *front) addKey(r *http.Response) error {
	set, err := jwk.ParseReader(r.Body)
	if err != nil {
		return err
	}
	own, err := jwk.FromRaw(&f.key.PublicKey)
	if err != nil {
		return err
	}
	for name, value := range map[string]string{"kid": "test", "alg": "ES256", "use": "sig"} {
		if err := own.Set(name, value); err != nil {
			return err
		}
	}
	if err := set.AddKey(own); err != nil {
		return err
	}
	text, err := json.Marshal(set)
	r.Body = io.NopCloser(strings.NewReader(string(text)))
	r.ContentLength = int64(len(text))
	r.Header.Set("Content-Length", "")
	r.Header.Del("Etag")
	return err
}

func TestRecipesOfServicesAcceptOnlyTokensThatCount(t *testing.T) {
	t.Parallel()
	issuer := newFront(t)
	i := newInstallation(t, newSQLiteDatabase(t))
	i.issuer = issuer.URL
	i.env = append(i.env, "SIGNET_TOKENS_STATUS_TTL=4s")
	s := i.openShop()
	token, revoked := s.reportingToken(t), s.reportingToken(t)

	var running []recipe
	for _, name := range recipes {
		t.Run("start "+name, func(t *testing.T) { running = append(running, s.runRecipe(t, name)) })
	}
	each := func(what string, test func(*testing.T, recipe)) {
		t.Helper()
		for _, r := range running {
			t.Run(what+" "+r.name, func(t *testing.T) { test(t, r) })
		}
	}
	each("started before the issuer", func(t *testing.T, r recipe) {
		r.want(t, "Bearer "+token, 503, "")
		r.want(t, "", 401, `Bearer scope="orders:read"`)
	})
	tokens := issuer.forged(t, token)
	at, err := url.Parse(s.url)
	check(t, err)
	issuer.server.Store(at)
	each("tokens", func(t *testing.T, r recipe) {
		r.await(func() bool { return r.ask(t, "Bearer "+token).status == 200 })
		for _, good := range []string{token, revoked, tokens["good"]} {
			if who := decode[map[string]any](t, r.ask(t, "Bearer "+good).wantStatus(t, 200)); who["sub"] != s.reporting.ID {
				t.Errorf("it answers %v", who)
			}
		}
		r.want(t, "bearer "+token, 200, "")
		for _, none := range []string{"Bearer", "Basic " + token, token} {
			r.want(t, none, 401, `Bearer scope="orders:read"`)
		}
		for what, bad := range tokens {
			switch {
			case what == "good":
			case strings.HasPrefix(what, "list"):
				r.want(t, "Bearer "+bad, 503, "")
			case strings.HasPrefix(what, "scope"):
				r.want(t, "Bearer "+bad, 403, `Bearer error="insufficient_scope"`)
			default:
				if a := r.ask(t, "Bearer "+bad); a.status != 401 || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), `Bearer error="invalid_token"`) {
					t.Errorf("a token %s is answered %d, %q", what, a.status, a.header.Get("WWW-Authenticate"))
				}
			}
		}
	})

	s.signet("key", "rotate")
	rotated := s.reportingToken(t)
	each("of the next key", func(t *testing.T, r recipe) {
		r.want(t, "Bearer "+rotated, 200, "")
		r.want(t, "Bearer "+token, 200, "")
	})

	s.revoke(t, s.reporting, revoked)
	each("a revoked token", func(t *testing.T, r recipe) {
		r.await(func() bool { return r.ask(t, "Bearer "+revoked).status != 200 })
		r.want(t, "Bearer "+revoked, 401, `Bearer error="invalid_token"`)
		r.want(t, "Bearer "+token, 200, "")
	})

	for _, r := range running {
		r.ask(t, "Bearer "+token) // so that its list is new
	}
	issuer.server.Store(nil)
	each("while the issuer is down", func(t *testing.T, r recipe) {
		if before := issuer.failed.Load(); r.name != "go-service" {
			r.await(func() bool { return r.ask(t, "Bearer "+token).status != 200 || issuer.failed.Load() > before })
		}
		r.want(t, "Bearer "+token, 200, "") // the list has not expired
		r.want(t, "Bearer "+revoked, 401, `Bearer error="invalid_token"`)
	})
}

// forged are tokens that differ from a good one in what their names say.
func (f *front) forged(t *testing.T, token string) map[string]string {
	t.Helper()
	now := time.Now().Unix()
	header, payload := map[string]any{"typ": "at+jwt", "kid": "test"}, claims(t, token)
	change := func(of map[string]any, name string, value any) map[string]any {
		changed := maps.Clone(of)
		if changed[name] = value; value == nil {
			delete(changed, name)
		}
		return changed
	}
	status := func(uri string, index int) map[string]any {
		return map[string]any{"status_list": map[string]any{"uri": uri, "idx": index}}
	}
	listed := statusRefOf(t, token)
	all := map[string]string{
		"good":                    signedWith(t, f.key, header, payload),
		"that is no JWT":          "x",
		"of another type":         signedWith(t, f.key, change(header, "typ", "JWT"), payload),
		"of no type":              signedWith(t, f.key, change(header, "typ", nil), payload),
		"of an unknown key":       signedWith(t, f.key, change(header, "kid", "unknown"), payload),
		"of no key":               signedWith(t, f.key, change(header, "kid", nil), payload),
		"signed by somebody else": signed(t, joseHeader(t, token), payload),
		"with extensions":         signedWith(t, f.key, change(header, "crit", []string{"x"}), payload),
	}
	for what, changed := range map[string]map[string]any{
		"for another audience":                change(payload, "aud", invoicesAPI),
		"of another issuer":                   change(payload, "iss", "https://other.example"),
		"that has expired":                    change(payload, "exp", now-60),
		"that never expires":                  change(payload, "exp", nil),
		"that does not count yet":             change(payload, "nbf", now+3600),
		"without a subject":                   change(payload, "sub", nil),
		"without a client":                    change(payload, "client_id", nil),
		"bound to a key":                      change(payload, "cnf", map[string]any{"jkt": "x"}),
		"whose list is elsewhere":             change(payload, "status", status("http://127.0.0.1:1/statuslists/1", 0)),
		"whose list has no such entry":        change(payload, "status", status(listed.uri, 1<<30)),
		"whose list has no such entry either": change(payload, "status", status(listed.uri, -1)),
		"scope: none":                         change(payload, "scope", nil),
		"scope: another":                      change(payload, "scope", "openid orders:reader orders"),
	} {
		all[what] = signedWith(t, f.key, header, changed)
	}
	for what, list := range f.badLists(t) {
		all["list: "+what] = signedWith(t, f.key, header, change(payload, "status", status(list, 0)))
	}
	encode := func(v any) string {
		text, err := json.Marshal(v)
		check(t, err)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	parts := strings.Split(token, ".")
	all["that was changed"] = parts[0] + "." + encode(change(payload, "sub", "root")) + "." + parts[2]
	all["without a signature"] = parts[0] + "." + parts[1] + "."
	all["of the algorithm none"] = encode(change(header, "alg", "none")) + "." + encode(payload) + "."
	public, err := x509.MarshalPKIXPublicKey(&f.key.PublicKey)
	check(t, err)
	confused := encode(change(header, "alg", "HS256")) + "." + encode(payload)
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	mac.Write([]byte(confused))
	all["whose secret is the public key"] = confused + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	return all
}

// badLists are URIs of status lists that must not be used, though no token of theirs is revoked, by what is wrong with them.
func (f *front) badLists(t *testing.T) map[string]string {
	t.Helper()
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	bomb := packed(t, make([]byte, 64<<20))
	now, uris := time.Now().Unix(), map[string]string{}
	for what, change := range map[string]func(header, payload, list map[string]any) *ecdsa.PrivateKey{
		"signed by somebody else": func(_, _, _ map[string]any) *ecdsa.PrivateKey { return stranger },
		"another": func(_, payload, _ map[string]any) *ecdsa.PrivateKey {
			payload["sub"] = f.URL + "/statuslists/x"
			return f.key
		},
		"of another issuer": func(_, payload, _ map[string]any) *ecdsa.PrivateKey {
			payload["iss"] = "https://other.example"
			return f.key
		},
		"expired":         func(_, payload, _ map[string]any) *ecdsa.PrivateKey { payload["exp"] = now - 60; return f.key },
		"of another type": func(header, _, _ map[string]any) *ecdsa.PrivateKey { header["typ"] = "at+jwt"; return f.key },
		"not packed":      func(_, _, list map[string]any) *ecdsa.PrivateKey { list["lst"] = "AAAA"; return f.key },
		"of three bits":   func(_, _, list map[string]any) *ecdsa.PrivateKey { list["bits"] = 3; return f.key },
		"moved elsewhere": func(_, payload, _ map[string]any) *ecdsa.PrivateKey {
			payload["sub"] = f.URL + movedList
			return f.key
		},
		"of unknown size": func(_, _, list map[string]any) *ecdsa.PrivateKey { delete(list, "bits"); return f.key },
		"too large":       func(_, _, list map[string]any) *ecdsa.PrivateKey { list["lst"] = bomb; return f.key },
	} {
		path := "/statuslists/" + strings.ReplaceAll(what, " ", "-")
		list := map[string]any{"bits": 1, "lst": packed(t, make([]byte, 100))}
		header := map[string]any{"typ": "statuslist+jwt", "kid": "test"}
		payload := map[string]any{"iss": f.URL, "sub": f.URL + path, "iat": now, "exp": now + 600, "ttl": 60, "status_list": list}
		f.lists[path] = signedWith(t, change(header, payload, list), header, payload)
		uris[what] = f.URL + path
	}
	uris["moved elsewhere"] = f.URL + movedList
	return uris
}

func packed(t *testing.T, entries []byte) string {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, err := w.Write(entries)
	check(t, err)
	check(t, w.Close())
	return base64.RawURLEncoding.EncodeToString(b.Bytes())
}
