package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// client is an OAuth client as its developer sees it.
type client struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// answer is a response.
type answer struct {
	status int
	header http.Header
	body   string
}

// direct is a client of HTTP that shows redirects instead of following them.
var direct = &http.Client{
	Timeout:       time.Minute, // more than twice as long as a poll waits
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// do sends a request and reads the whole answer. Without one the status is 0 and the body says why.
func do(r *http.Request) answer {
	response, err := direct.Do(r)
	if err != nil {
		return answer{body: err.Error()}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{body: err.Error()}
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

func (s *server) request(method, path string, body io.Reader) *http.Request {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// get fetches a path, with a bearer token if there is one.
func (s *server) get(path, bearer string) answer {
	s.t.Helper()
	r := s.request(http.MethodGet, path, nil)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	return do(r)
}

// post sends a form; a client with a secret authenticates with client_secret_basic, one without by its client_id.
func (s *server) post(path string, by client, form url.Values) answer {
	s.t.Helper()
	if by.ID != "" && by.Secret == "" {
		form = with(form, "client_id", by.ID)
	}
	r := s.request(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if by.Secret != "" {
		// RFC 6749 §2.3.1: both halves are form-encoded first.
		r.SetBasicAuth(url.QueryEscape(by.ID), url.QueryEscape(by.Secret))
	}
	return do(r)
}

// with is a copy of the form with some values replaced: names and values in turn; an empty value removes the name.
func with(form url.Values, pairs ...string) url.Values {
	changed := maps.Clone(form)
	for n := 0; n < len(pairs); n += 2 {
		changed.Del(pairs[n])
		if pairs[n+1] != "" {
			changed.Set(pairs[n], pairs[n+1])
		}
	}
	return changed
}

// decode reads a JSON answer.
func decode[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("status %d with %q: %v", a.status, a.body, err)
	}
	return v
}

// claims reads the payload of a JWT without checking it.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %q", token)
	}
	return jsonObject(t, parts[1])
}

// joseHeader reads the header of a JWT.
func joseHeader(t *testing.T, token string) map[string]any {
	t.Helper()
	head, _, _ := strings.Cut(token, ".")
	return jsonObject(t, head)
}

func jsonObject(t *testing.T, encoded string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

// wantStatus fails unless the answer has the status.
func (a answer) wantStatus(t *testing.T, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// wantUnavailable fails unless each request is answered by 503 with Retry-After, before its client gives up: how soon depends on what else
// the machine does.
func wantUnavailable(t *testing.T, requests map[string]func() answer) {
	t.Helper()
	var all sync.WaitGroup // at once: one after another they would outlast what may be served from memory
	for what, send := range requests {
		all.Go(func() {
			a := send()
			if a.status != http.StatusServiceUnavailable {
				t.Errorf("%s: status %d, want 503: %s", what, a.status, a.body)
			} else if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || seconds < 1 {
				t.Errorf("%s: Retry-After %q, want seconds", what, a.header.Get("Retry-After"))
			}
			a.wantDiscreet(t)
		})
	}
	all.Wait()
}

// wantError fails unless the answer is this OAuth error (RFC 6749 §5.2) and betrays nothing of the inside.
func (a answer) wantError(t *testing.T, status int, code string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d: %s", a.status, status, a.body)
	}
	var body struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || body.Error != code {
		t.Errorf("got %q, want the error %q", a.body, code)
	}
	a.wantDiscreet(t)
}

// random is text that a key or chance made, such as the code that a device shows, in which any short word may stand.
var random = regexp.MustCompile(`[\w-]{32,}|\b[A-Z]{4}-[A-Z]{4}\b`)

// wantDiscreet fails if the answer shows what only a log may show.
func (a answer) wantDiscreet(t *testing.T) {
	t.Helper()
	said := random.ReplaceAllString(a.body, "")
	for _, inside := range []string{
		"SQL", "SELECT", "INSERT", "sqlite", "pgx", ".go:", "goroutine", "runtime error", "dial tcp",
		"OAuth 2.0 Client", "OAuth 2.0 Framework", "resource owner", "whitelisted", // fosite's words
	} {
		if strings.Contains(said, inside) {
			t.Errorf("the answer contains %q: %s", inside, a.body)
		}
	}
}

// compactJSON is the JSON without spaces between its parts.
func compactJSON(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return b.String()
}
