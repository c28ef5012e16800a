package page

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestEveryPageCarriesTheSecurityHeaders(t *testing.T) {
	pages, _ := newPages(t, "https://id.example")
	for name, handler := range map[string]http.HandlerFunc{
		"page":  func(http.ResponseWriter, *http.Request) {},
		"error": func(w http.ResponseWriter, r *http.Request) { pages.Error(w, r, http.StatusTeapot, "a", "b") },
	} {
		header := serve(pages, httptest.NewRequest(http.MethodGet, "/", nil), handler).Header
		for key, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; " +
				"base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
			"Referrer-Policy":            "same-origin",
			"X-Content-Type-Options":     "nosniff",
			"X-Frame-Options":            "DENY",
			"Cross-Origin-Opener-Policy": "same-origin",
			"Cache-Control":              "no-store",
		} {
			if got := header.Get(key); got != want {
				t.Errorf("%s: %s is %q, want %q", name, key, got, want)
			}
		}
	}
}

func TestFormOfAFlowMayLeadAnywhereAndNothingElseIsLoosened(t *testing.T) {
	pages, _ := newPages(t, "https://id.example")
	header := serve(pages, httptest.NewRequest(http.MethodGet, "/", nil), func(w http.ResponseWriter, r *http.Request) {
		pages.AllowRedirect(w)
		pages.Error(w, r, http.StatusTeapot, "a", "b")
	}).Header
	want := "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; " +
		"base-uri 'none'; frame-ancestors 'none'"
	if got := header.Get("Content-Security-Policy"); got != want {
		t.Errorf("the policy is %q, want %q", got, want)
	}
}

// post sends a form as the given browser would.
func post(pages *Pages, cookie *http.Cookie, body string, header map[string]string) int {
	r := httptest.NewRequest(http.MethodPost, "https://id.example/login", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for key, value := range header {
		r.Header.Set(key, value)
	}
	if cookie != nil {
		r.AddCookie(cookie)
	}
	return serve(pages, r, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }).StatusCode
}

func TestPostNeedsATokenOfTheSameBrowser(t *testing.T) {
	pages, _ := newPages(t, "https://id.example")
	cookie, token := form(t, pages)
	_, foreign := form(t, pages)
	flipped, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	flipped[len(flipped)-1] ^= 1
	forged := *cookie
	forged.Value = "A" + cookie.Value[1:]

	for name, c := range map[string]struct {
		cookie *http.Cookie
		token  string
		want   int
	}{
		"its own":         {cookie, token, http.StatusNoContent},
		"none":            {cookie, "", http.StatusForbidden},
		"of another":      {cookie, foreign, http.StatusForbidden},
		"one bit off":     {cookie, base64.RawURLEncoding.EncodeToString(flipped), http.StatusForbidden},
		"cut short":       {cookie, token[:len(token)/2], http.StatusForbidden},
		"not base64":      {cookie, "%%%", http.StatusForbidden},
		"no cookie":       {nil, token, http.StatusForbidden},
		"a forged cookie": {&forged, token, http.StatusForbidden},
	} {
		if got := post(pages, c.cookie, url.Values{"csrf": {c.token}}.Encode(), nil); got != c.want {
			t.Errorf("token %s: status %d, want %d", name, got, c.want)
		}
	}
}

func TestTokenInTheURLDoesNotCount(t *testing.T) {
	pages, _ := newPages(t, "https://id.example")
	cookie, token := form(t, pages)
	r := httptest.NewRequest(http.MethodPost, "https://id.example/login?csrf="+token, strings.NewReader("a=b"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(cookie)
	response := serve(pages, r, func(http.ResponseWriter, *http.Request) { t.Error("the form got through") })
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", response.StatusCode)
	}
}

func TestTokensOfTwoPagesDiffer(t *testing.T) {
	pages, _ := newPages(t, "https://id.example")
	cookie, first := form(t, pages)
	r := httptest.NewRequest(http.MethodGet, "/login", nil)
	r.AddCookie(cookie)
	second, err := pages.csrfToken(httptest.NewRecorder(), r)
	if err != nil {
		t.Fatal(err)
	}
	if first == second {
		t.Error("the token is not masked afresh")
	}
	for _, token := range []string{first, second} {
		if got := post(pages, cookie, url.Values{"csrf": {token}}.Encode(), nil); got != http.StatusNoContent {
			t.Errorf("status %d", got)
		}
	}
}

func TestPostFromAnotherSiteIsRefusedEvenWithAToken(t *testing.T) {
	pages, _ := newPages(t, "https://id.example")
	cookie, token := form(t, pages)
	for name, c := range map[string]struct {
		header map[string]string
		want   int
	}{
		"same origin":          {map[string]string{"Sec-Fetch-Site": "same-origin"}, http.StatusNoContent},
		"cross site":           {map[string]string{"Sec-Fetch-Site": "cross-site"}, http.StatusForbidden},
		"a subdomain":          {map[string]string{"Sec-Fetch-Site": "same-site"}, http.StatusForbidden},
		"own Origin":           {map[string]string{"Origin": "https://id.example"}, http.StatusNoContent},
		"another Origin":       {map[string]string{"Origin": "https://evil.example"}, http.StatusForbidden},
		"a hidden Origin":      {map[string]string{"Origin": "null"}, http.StatusForbidden},
		"another Origin, none": {map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, http.StatusForbidden},
	} {
		if got := post(pages, cookie, url.Values{"csrf": {token}}.Encode(), c.header); got != c.want {
			t.Errorf("%s: status %d, want %d", name, got, c.want)
		}
	}
}

func TestOnlyPlainFormsOfABoundedSizeAreRead(t *testing.T) {
	pages, _ := newPages(t, "https://id.example")
	cookie, token := form(t, pages)
	own := url.Values{"csrf": {token}}.Encode()
	for name, c := range map[string]struct {
		body, mediaType string
		want            int
	}{
		"a form":          {own, "application/x-www-form-urlencoded; charset=utf-8", http.StatusNoContent},
		"the largest":     {own + "&a=" + strings.Repeat("a", maxBody-len(own)-3), "application/x-www-form-urlencoded", http.StatusNoContent},
		"one byte more":   {own + "&a=" + strings.Repeat("a", maxBody-len(own)-2), "application/x-www-form-urlencoded", http.StatusRequestEntityTooLarge},
		"a broken escape": {own + "&a=%zz", "application/x-www-form-urlencoded", http.StatusBadRequest},
		"multipart":       {own, "multipart/form-data; boundary=x", http.StatusUnsupportedMediaType},
		"JSON":            {`{"csrf":"` + token + `"}`, "application/json", http.StatusUnsupportedMediaType},
		"no type":         {own, "", http.StatusUnsupportedMediaType},
	} {
		if got := post(pages, cookie, c.body, map[string]string{"Content-Type": c.mediaType}); got != c.want {
			t.Errorf("%s: status %d, want %d", name, got, c.want)
		}
	}
}
