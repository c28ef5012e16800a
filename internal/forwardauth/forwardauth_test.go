package forwardauth

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"
)

func TestWhereABrowserWantsToGoIsOnItsHost(t *testing.T) {
	for to, want := range map[string]string{
		"/a/b?c=d#e": "/a/b?c=d#e", "/": "/", "": "/", "a": "/", "//x.example": "/", `/\x.example`: "/", `\/x.example`: "/", "https://x.example/": "/", "/a b": "/", "/\tx": "/", "/é": "/",
	} {
		if got := local(to); got != want {
			t.Errorf("%q leads to %q, want %q", to, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		to := rapid.StringMatching(`[/\\@:?#.a\t%]{0,8}`).Draw(t, "to")
		u, err := url.Parse("https://wiki.example" + local(to))
		if err == nil && u.Host != "wiki.example" {
			t.Errorf("%q leads to %s", to, u)
		}
	})
}

func TestNamesInHeadersAreReadBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringN(0, 50, 200).Draw(t, "name")
		escaped := escape(name, ",")
		for i := range len(escaped) {
			if c := escaped[i]; c < ' ' || c > '~' || c == ',' {
				t.Fatalf("%q is written %q", name, escaped)
			}
		}
		if back, err := url.PathUnescape(strings.Trim(escaped, " \t")); err != nil || back != name { // as readers of headers trim them
			t.Errorf("%q is written %q, which is %q", name, escaped, back)
		}
	})
}

func TestAListThatIsTooLongIsLeftOut(t *testing.T) {
	groups := make([]string, 1000)
	for i := range groups {
		groups[i] = "group"
	}
	if got := list(groups); got != "" {
		t.Errorf("a list of %d bytes is sent", len(got))
	}
}

func TestWhatIsSealedIsGoodForItsPurposeHostAndTimeAlone(t *testing.T) {
	s, err := newSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	other, err := newSealer(append(make([]byte, 31), 1))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	begun := ticket{Client: "wiki", Host: "wiki.example", Until: now.Add(ticketLife)}
	state, cookie := s.seal(sealedTicket, begun), s.seal(sealedSignIn, signIn{Host: "wiki.example", Grant: 1})
	for name, c := range map[string]struct {
		state, host string
		now         time.Time
		want        bool
	}{
		"good":              {state, "wiki.example", now, true},
		"with a long path":  {s.seal(sealedTicket, ticket{Host: "wiki.example", To: local("/" + strings.Repeat("&", maxTo-1)), Until: begun.Until}), "wiki.example", now, true},
		"at the last":       {state, "wiki.example", begun.Until.Add(-1), true},
		"too old":           {state, "wiki.example", begun.Until, false},
		"of another host":   {state, "notes.example", now, false},
		"a sign-in":         {cookie, "wiki.example", now, false},
		"of another server": {other.seal(sealedTicket, begun), "wiki.example", now, false},
		"none":              {"", "wiki.example", now, false},
		"too long":          {state + strings.Repeat("A", maxSealed), "wiki.example", now, false},
	} {
		if _, ok := s.openTicket(c.state, c.host, c.now); ok != c.want {
			t.Errorf("a ticket that is %s: %t", name, ok)
		}
	}
	if found, ok := s.openSignIn(cookie, "wiki.example"); !ok || found.Grant != 1 {
		t.Error("the sign-in is not good")
	}
	for name, c := range map[string][2]string{"of another host": {cookie, "notes.example"}, "a ticket": {state, "wiki.example"}} {
		if _, ok := s.openSignIn(c[0], c[1]); ok {
			t.Error("a sign-in is good that is", name)
		}
	}
}

func TestAHostIsTheOneThatAProxySaysAlone(t *testing.T) {
	for _, c := range []struct {
		proxy bool
		said  []string
		want  string
	}{
		{true, []string{"Wiki.example"}, "wiki.example"}, {true, nil, "id.example"}, {true, []string{"wiki.example", "notes.example"}, "id.example"},
		{false, []string{"wiki.example"}, "id.example"},
	} {
		ctx := t.Context()
		if c.proxy {
			ctx = FromProxy(ctx)
		}
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "https://ID.example/", nil)
		r.Header["X-Forwarded-Host"] = c.said
		if got := hostOf(r); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestNothingOnAnApplicationsHostSaysThatItSpeaksHTTPSForEver(t *testing.T) {
	mux := http.NewServeMux()
	(&Surface{}).Mount(mux)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/.signet/", http.StatusNotFound}, {http.MethodPost, signInPath, http.StatusNotFound}, {http.MethodHead, callbackPath, http.StatusMethodNotAllowed},
	} {
		w := httptest.NewRecorder()
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), c.method, c.path, nil))
		if said := w.Header().Get("Strict-Transport-Security"); w.Code != c.status || said != "" {
			t.Errorf("%s %s: %d, %q", c.method, c.path, w.Code, said)
		}
	}
}

func FuzzQuestionsOfEnvoy(f *testing.F) {
	header := appendText(appendText(nil, headerName, "authorization"), headerValue, "Bearer x")
	request := appendText(appendText(appendText(nil, httpMethod, "GET"), httpPath, "/"), httpHost, "wiki.example")
	request = appendMessage(request, httpHeaders, header)
	attributes := appendMessage(nil, attributesRequest, appendMessage(nil, requestHTTP, request))
	attributes = appendMessage(attributes, attributesExtensions, appendText(appendText(nil, headerName, "client"), headerValue, "wiki"))
	f.Add(appendMessage(nil, requestAttributes, attributes))
	f.Add(appendMessage(nil, requestAttributes, protowire.AppendTag(nil, 1, protowire.StartGroupType)))
	f.Add([]byte("\x0a\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, message []byte) {
		a, extensions, ok := decodeCheck(message)
		if !ok {
			return
		}
		if _, err := readNeeds(extensions); err != nil || a.check() != nil {
			return
		}
		a.path()
		a.navigates()
		a.presentsToken()
		cookies{}.value(a.header, cookieSignIn)
		if a.host == "" || a.method == "" || a.uri[0] != '/' {
			t.Errorf("judged: %+v", a)
		}
		(&answer{status: http.StatusOK, who: identity{subject: a.host}}).encode()
	})
}
