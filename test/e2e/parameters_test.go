package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestParametersAreKeptToTheByte(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		b := newBrowser(t, s.server)
		for _, value := range []string{"abc ", " lead", " ", "\t", "a+b", "a%20b", "ä ü", "a&b=c#d", "\r\n", "`'\"\\"} {
			a := newAuthorization(s.web)
			a.query.Set("state", value)
			a.query.Set("nonce", value)
			back := b.authorize(a.query).url.Query()
			if got := back.Get("state"); got != value {
				t.Errorf("state %q came back as %q", value, got)
			}
			got := s.issued(t, s.post("/oauth2/token", s.web, a.exchange(s.secret(back.Get("code")))))
			if nonce := claims(t, got.ID)["nonce"]; nonce != value {
				t.Errorf("nonce %q is in the ID token as %q", value, nonce)
			}
			a.query.Set("prompt", "unknown")
			if got := b.authorize(a.query).url.Query().Get("state"); got != value {
				t.Errorf("state %q came back with an error as %q", value, got)
			}
		}
	})
}

func TestATokenWithBlanksIsAnother(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		token, user := s.reportingToken(t), s.signIn(t, s.web)
		for _, blank := range []string{" ", "\t", "\n", "\r", "\r\n", "\u00a0", "+"} {
			middle := len(token) / 2
			for _, other := range []string{token + blank, blank + token, token[:middle] + blank + token[middle:]} {
				s.wantActive(t, s.orders, other, false)
				s.revoke(t, s.reporting, other)
			}
			for _, other := range []string{user.Refresh + blank, blank + user.Refresh, user.Refresh[:9] + blank + user.Refresh[9:]} {
				s.revoke(t, s.web, other)
				s.post("/oauth2/token", s.web, refresh(other)).wantError(t, http.StatusBadRequest, "invalid_grant")
			}
		}
		s.wantActive(t, s.orders, token, true)
		s.issued(t, s.post("/oauth2/token", s.web, refresh(user.Refresh)))
	})
}

func TestTheRegisteredRedirectURIComesBackToTheByte(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		for n, uri := range []string{
			"https://app.example/cb?a=1;b=2", "https://app.example/cb?flag", "https://app.example/cb?x=a%20b", "https://app.example/cb?z=1&a=2",
			"https://app.example/cb?x=a+b", "https://app.example/cb?", "https://app.example/cb?x=1&", "https://app.example/%7Ecb/%2F?b=%2f",
			"https://app.example", "https://APP.example:443/cb", "http://127.0.0.1:9999/cb?x=;",
		} {
			c := s.createClient("web-"+string(rune('a'+n)), "--grant", "authorization_code", "--grant", "refresh_token", "--api", ordersAPI, "--redirect-uri", uri)
			separator := "?"
			if strings.HasSuffix(uri, "?") || strings.HasSuffix(uri, "&") {
				separator = ""
			} else if strings.Contains(uri, "?") {
				separator = "&"
			}
			a := newAuthorization(c)
			a.query.Set("redirect_uri", uri)
			b := newBrowser(t, s.server)
			p := b.authorize(a.query)
			if got := p.header.Get("Location"); !strings.HasPrefix(got, uri+separator+"code=") {
				t.Errorf("%s: sent back to %s", uri, got)
			}
			p = b.authorize(with(a.query, "prompt", "unknown"))
			if got := p.header.Get("Location"); !strings.HasPrefix(got, uri+separator+"error=invalid_request&error_description=") {
				t.Errorf("%s: sent back to %s", uri, got)
			}
		}
	})
}

func TestRepeatedParameters(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		for _, name := range []string{
			"scope", "nonce", "response_type", "code_challenge", "code_challenge_method", "prompt", "max_age", "login_hint", "id_token_hint",
			"display", "claims",
		} {
			a := newAuthorization(s.web)
			again := a.query.Encode() + "&" + name + "=again&" + name + "=again"
			p := newBrowser(t, s.server).open(s.url + "/oauth2/authorize?" + again)
			p.wantErrorBack(t, s.issuer, "invalid_request")
			if got := p.url.Query(); got.Get("state") != a.query.Get("state") || !strings.Contains(got.Get("error_description"), "'"+name+"'") {
				t.Errorf("%s twice: sent back with %s", name, p.url.RawQuery)
			}
			r := s.request(http.MethodPost, "/oauth2/authorize", strings.NewReader(again))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			newBrowser(t, s.server).follow(r).wantErrorBack(t, s.issuer, "invalid_request")
		}
		query := newAuthorization(s.web).query.Encode()
		p := newBrowser(t, s.server).open(s.url + "/oauth2/authorize?" + query + "&state=other")
		p.wantErrorBack(t, s.issuer, "invalid_request")
		if p.url.Query().Has("state") {
			t.Error("one of two states came back:", p.url.RawQuery)
		}
		for _, name := range []string{"client_id", "redirect_uri"} {
			newBrowser(t, s.server).open(s.url + "/oauth2/authorize?" + query + "&" + name + "=" + url.QueryEscape(callback)).wantRefusedHere(t)
		}
		if p := newBrowser(t, s.server).open(s.url + "/oauth2/authorize?utm_source=a&" + query + "&utm_source=b&utm_source=c&code=1&code=2").signIn(); p.url.Query().Get("code") == "" {
			t.Errorf("with an unknown parameter twice: %s (%d) %s", p.url, p.status, p.text)
		}

		form := clientCredentials()
		form["utm_source"] = []string{"a", "b"}
		s.issued(t, s.post("/oauth2/token", s.reporting, form))
		form["scope"] = []string{"orders:read", "orders:read"}
		s.post("/oauth2/token", s.reporting, form).wantError(t, http.StatusBadRequest, "invalid_request")
	})
}

func TestParametersThatAreNoText(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		b := newBrowser(t, s.server)
		query := with(newAuthorization(s.web).query, "state", "", "nonce", "").Encode()
		for _, more := range []string{"&state=abcd;efgh", "&utm=a;b&state=abcd;efgh", "&;&state=abcd;efgh", "&x=%zz&%zz&state=abcd%3Befgh", "&x=%00&y=%ff&state=abcd;efgh"} {
			p := b.open(s.url + "/oauth2/authorize?" + query + more)
			if !p.left {
				p = p.signIn()
			}
			if got := p.url.Query(); got.Get("code") == "" || got.Get("state") != "abcd;efgh" {
				t.Errorf("%s: %s (%d) %s", more, p.url, p.status, p.text)
			}
		}
		for _, name := range []string{"state", "nonce", "scope", "prompt", "code_challenge", "resource", "response_mode", "response_type"} {
			for _, value := range []string{"%00", "%00abc", "%FFabc", "abc%zz", "%"} {
				for _, state := range []string{"", "&state=abcd;efgh"} {
					again := query + state + "&" + name + "=" + value
					p := b.open(s.url + "/oauth2/authorize?" + again)
					p.wantErrorBack(t, s.issuer, "invalid_request")
					got := p.url.Query()
					if kept := state != "" && name != "state"; kept != (got.Get("state") == "abcd;efgh") || !kept && got.Has("state") {
						t.Errorf("%s: sent back with the state %q", again, got["state"])
					}
					if !strings.Contains(got.Get("error_description"), "'"+name+"'") {
						t.Errorf("%s: %s", again, got.Get("error_description"))
					}
				}
			}
		}
		form := clientCredentials().Encode()
		for more, status := range map[string]int{"&x=%zz&;": http.StatusOK, "&scope=%ff": http.StatusBadRequest, "&resource=%00": http.StatusBadRequest} {
			r := s.request(http.MethodPost, "/oauth2/token", strings.NewReader(form+more))
			r.SetBasicAuth(s.reporting.ID, s.reporting.Secret)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if got := do(r); got.status != status {
				t.Errorf("%s: %d %s", more, got.status, got.body)
			}
		}
	})
}

func TestErrorsSayWhatIsMissing(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		a := newAuthorization(s.web)
		code := s.code(t, a)
		for name, c := range map[string]struct {
			form      url.Values
			code, say string
		}{
			"no grant_type":      {with(a.exchange(code), "grant_type", ""), "invalid_request", "grant_type"},
			"no code":            {with(a.exchange(code), "code", ""), "invalid_request", "'code' is missing"},
			"no refresh_token":   {with(refresh("x"), "refresh_token", ""), "invalid_request", "'refresh_token' is missing"},
			"wrong redirect_uri": {with(a.exchange(code), "redirect_uri", callback+"/"), "invalid_grant", "redirect_uri"},
			"no redirect_uri":    {with(a.exchange(code), "redirect_uri", ""), "invalid_request", "'redirect_uri' is missing"},
			"no code_verifier":   {with(a.exchange(code), "code_verifier", ""), "invalid_request", "'code_verifier' is missing"},
			"empty verifier":     {url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {""}}, "invalid_request", "'code_verifier' is missing"},
			"wrong verifier":     {with(a.exchange(code), "code_verifier", strings.Repeat("a", 43)), "invalid_grant", "code_verifier"},
		} {
			answer := s.post("/oauth2/token", s.web, c.form)
			answer.wantError(t, http.StatusBadRequest, c.code)
			if !strings.Contains(answer.body, c.say) {
				t.Errorf("%s: %s does not say %q", name, answer.body, c.say)
			}
			wantOwnWords(t, answer.body)
		}
		s.issued(t, s.post("/oauth2/token", s.web, a.exchange(code)))

		for _, c := range []struct{ name, value, code, say string }{
			{"response_type", "", "invalid_request", "response_type"},
			{"response_type", "token", "unsupported_response_type", "response_type"},
			{"response_type", "code id_token", "unsupported_response_type", "response_type"},
			{"response_mode", "jwt", "unsupported_response_mode", "response_mode"},
			{"code_challenge", "", "invalid_request", "code_challenge"},
			{"prompt", "never", "invalid_request", "prompt"},
			{"resource", "https://unknown.example", "invalid_target", "resource"},
			{"request", "x", "request_not_supported", "request"},
		} {
			p := newBrowser(t, s.server).authorize(with(a.query, c.name, c.value))
			p.wantErrorBack(t, s.issuer, c.code)
			if description := p.url.Query().Get("error_description"); !strings.Contains(description, c.say) {
				t.Errorf("%s=%s: %q does not say %q", c.name, c.value, description, c.say)
			} else {
				wantOwnWords(t, description)
			}
		}
	})
}

func TestThatARequestObjectIsNotSupportedComesBeforeAllElse(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		for name, code := range map[string]string{"request": "request_not_supported", "request_uri": "request_uri_not_supported"} {
			bare := with(newAuthorization(s.web).query, name, "x", "response_type", "", "code_challenge", "", "scope", "\x01")
			bare["nonce"] = []string{"1", "2"}
			newBrowser(t, s.server).authorize(bare).wantErrorBack(t, s.issuer, code)
			bare[name] = []string{"x", "y"}
			newBrowser(t, s.server).authorize(bare).wantErrorBack(t, s.issuer, code)
		}
	})
}

func TestPageThatEndsASignInSaysWhy(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		several := s.createClient("several", "--grant", "authorization_code", "--api", ordersAPI, "--redirect-uri", callback, "--redirect-uri", callback+"2")
		query := newAuthorization(s.web).query
		for name, c := range map[string]struct{ query, say string }{
			"unknown client":      {with(query, "client_id", "nobody").Encode(), "No such application is registered here."},
			"no client":           {with(query, "client_id", "").Encode(), "No such application is registered here."},
			"wrong redirect_uri":  {with(query, "redirect_uri", "https://evil.example").Encode(), "The redirect_uri is not one that is registered for this application."},
			"no redirect_uri":     {with(query, "redirect_uri", "", "client_id", several.ID).Encode(), "The redirect_uri is missing."},
			"two redirect_uris":   {query.Encode() + "&redirect_uri=x", "The parameter 'redirect_uri' is there more than once."},
			"not well-formed":     {with(query, "client_id", "").Encode() + "&client_id=%zz", "The parameter 'client_id' is not well-formed text."},
			"not text":            {with(query, "redirect_uri", "").Encode() + "&redirect_uri=%ff", "The parameter 'redirect_uri' is not well-formed text."},
			"too long":            {query.Encode() + "&a=" + strings.Repeat("a", 20000), "The request is too long."},
			"too many parameters": {query.Encode() + "&" + strings.Join(slices.Collect(names(70)), "=1&"), "There are too many parameters."},
			"request object":      {with(query, "client_id", several.ID, "redirect_uri", "", "request", "x").Encode(), "The parameter 'request' is not supported."},
			"request by URI":      {with(query, "client_id", "", "redirect_uri", "", "request_uri", "x").Encode(), "The parameter 'request_uri' is not supported."},
			"broken flow":         {"flow=x", "The link is damaged or too old."},
		} {
			p := newBrowser(t, s.server).open(s.url + "/oauth2/authorize?" + c.query)
			p.wantRefusedHere(t)
			if advice := "Go back to "; !strings.Contains(p.text, advice) {
				t.Errorf("%s: %q does not say what the person can do", name, p.text)
			}
			if !strings.Contains(p.text, c.say) {
				t.Errorf("%s: %q does not say %q", name, p.text, c.say)
			}
			wantOwnWords(t, p.text)
		}
		if p := newBrowser(t, s.server).open(s.url + "/login?flow=abc"); p.status != http.StatusBadRequest || !strings.Contains(p.text, "The link is damaged") {
			t.Errorf("a damaged link to the sign-in: %d %s", p.status, p.text)
		}
	})
}

func names(n int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield("p" + strings.Repeat("x", i)) {
				return
			}
		}
	}
}

// wantOwnWords fails if a text has the general advice of the library below.
func wantOwnWords(t *testing.T, text string) {
	t.Helper()
	for _, never := range []string{"whitelist", "trim your", "case sensitivity", "otherwise malformed", "`", "OAuth 2.0 Client"} {
		if strings.Contains(text, never) {
			t.Errorf("%q says %q", text, never)
		}
	}
}
