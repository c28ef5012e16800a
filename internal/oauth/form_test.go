package oauth

import (
	"cmp"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
)

func TestReadFormRefusesWhatIsNotAPlainForm(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		target, media, body string
		status              int
		code                string // empty: invalid_request
	}{
		"parameter in the query": {"/t?client_secret=x", form, "a=b", http.StatusBadRequest, ""},
		"multipart":              {"/t", "multipart/form-data; boundary=x", "--x--", http.StatusBadRequest, ""},
		"JSON":                   {"/t", "application/json", "{}", http.StatusBadRequest, ""},
		"no content type":        {"/t", "", "a=b", http.StatusBadRequest, ""},
		"repeated parameter":     {"/t", form, "scope=a&scope=b", http.StatusBadRequest, ""},
		"broken escape":          {"/t", form, "client_id=%zz", http.StatusBadRequest, ""},
		"NUL":                    {"/t", form, "client_id=%00", http.StatusBadRequest, ""},
		"not UTF-8":              {"/t", form, "client_id=%ff", http.StatusBadRequest, ""},
		"too many parameters":    {"/t", form, manyParameters(), http.StatusBadRequest, ""},
		"too large":              {"/t", form, "a=" + strings.Repeat("b", maxBody), http.StatusRequestEntityTooLarge, ""},
		"too many scopes":        {"/t", form, "scope=" + strings.Repeat("x+", maxScopes) + "x", http.StatusBadRequest, "invalid_scope"},
		"too many resources":     {"/t", form, strings.Repeat("resource=x&", maxResources) + "audience=x", http.StatusBadRequest, "invalid_target"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, c.target, strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.media)
			_, err := readForm(httptest.NewRecorder(), r)
			if err == nil {
				t.Fatal("was read")
			}
			if e, want := wire(err), cmp.Or(c.code, "invalid_request"); e.Code != want || e.Status != c.status {
				t.Errorf("answered %d %s, want %d %s", e.Status, e.Code, c.status, want)
			}
		})
	}
}

func manyParameters() string {
	var b strings.Builder
	for i := range maxParameters + 1 {
		b.WriteString("&p" + strings.Repeat("x", i) + "=1")
	}
	return b.String()[1:]
}

func TestReadFormTakesSeveralResources(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/t", strings.NewReader("resource=a&resource=b&empty="))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	form, err := readForm(httptest.NewRecorder(), r)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(new(Provider).resources(form)); got != 2 {
		t.Errorf("%d resources, want 2", got)
	}
	if form.Has("empty") {
		t.Error("an empty parameter counts as present")
	}
}

func TestParametersAreReadToTheByte(t *testing.T) {
	known := []string{"state", "nonce", "scope"}
	for encoded, want := range map[string]string{ // what is read, and what is wrong
		"state=abcd;efgh&nonce=n":               "nonce=n&state=abcd%3Befgh",
		"state=a&utm=a;b&;&;=&a;b=c":            "a%3Bb=c&state=a&utm=a%3Bb",
		"state=a&x=%zz&%zz=x&%ff=x&y=%0":        "state=a",
		"state=a&x=%00&x=%ff&z%00=1&=1&":        "state=a",
		"st%61te=a=b&&nonce=+%20":               "nonce=++&state=a%3Db",
		"state=&nonce":                          "",
		"x=1&x=2&state=a&resource=1&resource=2": "resource=1&resource=2&state=a",
		"state=%00ab&scope=x":                   "scope=x wrong state",
		"state=%FFab&scope=x":                   "scope=x wrong state",
		"state=%&scope=x":                       "scope=x wrong state",
		"state=a&nonce=%00&scope=%f":            "state=a wrong nonce scope",
		"state=a&resource=%ff":                  "state=a wrong resource",
		"state=a&state=b&scope=x":               "scope=x wrong state",
		"state=a&state=%ff":                     " wrong state",
	} {
		values, wrong, err := parse(encoded, known)
		if err != nil {
			t.Errorf("%s: %v", encoded, err)
			continue
		}
		for name, value := range values {
			if len(value) == 0 {
				t.Errorf("%s: %s is there without a value", encoded, name)
			}
		}
		got := values.Encode()
		if names := slices.Sorted(maps.Keys(wrong)); len(names) > 0 {
			got += " wrong " + strings.Join(names, " ")
		}
		if got != want {
			t.Errorf("%s: read as %q, want %q", encoded, got, want)
		}
	}
}

func TestRedirectURIMatchesExactlyButForALoopbackPort(t *testing.T) {
	c := &domain.Client{RedirectURIs: []string{
		"https://app.example/cb", "http://127.0.0.1/cb", "http://[::1]:8000/cb?x=1", "http://localhost:3000/cb", "com.example.app:/cb",
	}}
	for uri, ok := range map[string]bool{
		"https://app.example/cb":          true,
		"https://app.example/cb/":         false,
		"https://app.example/CB":          false,
		"https://app.example/cb?x":        false,
		"https://app.example/cb#":         false,
		"https://app.example:443/cb":      false,
		"https://u@app.example/cb":        false,
		"https://app.example.evil/cb":     false,
		"http://app.example/cb":           false,
		"http://127.0.0.1/cb":             true,
		"http://127.0.0.1:4711/cb":        true,
		"http://127.0.0.1:4711/cb/x":      false,
		"http://127.0.0.1:/cb":            false,
		"http://127.0.0.1:1/cb":           true,
		"http://127.0.0.1:65535/cb":       true,
		"http://127.0.0.1:0/cb":           false,
		"http://127.0.0.1:65536/cb":       false,
		"http://127.0.0.1:70000/cb":       false,
		"http://127.0.0.1:00080/cb":       false,
		"http://127.0.0.1:+80/cb":         false,
		"http://[::1]:0/cb?x=1":           false,
		"http://127.0.0.1:80@evil/cb":     false,
		"http://u@127.0.0.1:4711/cb":      false,
		"http://127.0.0.1.evil:4711/cb":   false,
		"https://127.0.0.1:4711/cb":       false,
		"http://[::1]:9/cb?x=1":           true,
		"http://[::1]:9/cb":               false,
		"http://localhost:3000/cb":        true,
		"http://localhost:3001/cb":        true,
		"http://localhost/cb":             true,
		"http://localhost:0/cb":           false,
		"http://localhost.evil:3000/cb":   false,
		"http://localhost:3000@evil/cb":   false,
		"https://localhost:3000/cb":       false,
		"com.example.app:/cb":             true,
		"com.example.app:/cb2":            false,
		"javascript:alert(1)//127.0.0.1/": false,
	} {
		if to, err := redirectURI(c, uri); (err == nil) != ok || ok && to != uri {
			t.Errorf("%s: matched %v as %q, want %v", uri, err == nil, to, ok)
		}
	}
}

func TestPKCEVerifier(t *testing.T) {
	// RFC 7636 Appendix B.
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	for name, c := range map[string]struct {
		verifier, challenge string
		ok                  bool
	}{
		"right":             {verifier, challenge, true},
		"wrong":             {strings.Repeat("a", 43), challenge, false},
		"none":              {"", challenge, false},
		"none for none":     {"", "", false},
		"plain":             {verifier, verifier, false},
		"too short":         {verifier[:42], challenge, false},
		"too long":          {strings.Repeat("a", 129), challenge, false},
		"odd characters":    {verifier[:42] + "=", challenge, false},
		"missing challenge": {verifier, "", false},
	} {
		if got := verifies(c.verifier, c.challenge); got != c.ok {
			t.Errorf("%s: %v, want %v", name, got, c.ok)
		}
	}
}
