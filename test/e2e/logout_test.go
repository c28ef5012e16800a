package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const (
	bye      = "https://app.example/bye?from=signet"
	plainBye = "https://app.example/bye"
)

// wantSignedIn fails unless somebody is signed in in this browser, or nobody.
func (b *browser) wantSignedIn(t *testing.T, want bool) {
	t.Helper()
	if p := b.open(b.server.url + "/account"); (p.url.Path == "/account") != want {
		t.Errorf("signed in: %v, want %v", !want, want)
	}
}

// signInForTokens signs alice in in this browser and returns the client's tokens.
func (s *shop) signInForTokens(t *testing.T, b *browser, c client) tokens {
	t.Helper()
	a := newAuthorization(c)
	p := b.authorize(a.query)
	return s.issued(t, s.post("/oauth2/token", c, a.exchange(s.secret(p.url.Query().Get("code")))))
}

func (s *server) logoutURL(pairs ...string) string {
	return s.url + "/oauth2/logout?" + with(url.Values{}, pairs...).Encode()
}

func TestAnApplicationSignsItsUserOutWithTheIDTokenOfTheSession(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		s.signet("client", "update", s.web.ID, "--post-logout-redirect-uri", bye, "--post-logout-redirect-uri", plainBye)
		for to, want := range map[string]string{bye: bye + "&state=a+b", plainBye: plainBye + "?state=a+b"} {
			b := newBrowser(t, s.server)
			got := s.signInForTokens(t, b, s.web)
			if sid, _ := claims(t, got.ID)["sid"].(string); sid == "" {
				t.Fatal("the ID token has no sid")
			} else if again := claims(t, s.issued(t, s.post("/oauth2/token", s.web, refresh(got.Refresh))).ID)["sid"]; again != sid {
				t.Errorf("after a refresh the sid is %v, not %v", again, sid)
			}
			p := b.open(s.logoutURL("id_token_hint", got.ID, "post_logout_redirect_uri", to, "state", "a b", "logout_hint", alice))
			if p.header.Get("Location") != want {
				t.Errorf("shown %s (%d): %s", p.url, p.status, p.text)
			}
			b.wantSignedIn(t, false)
			// Nobody is signed in any more: the way back is open all the same.
			if p = b.open(s.logoutURL("client_id", s.web.ID, "post_logout_redirect_uri", plainBye)); p.header.Get("Location") != plainBye {
				t.Errorf("shown %s (%d): %s", p.url, p.status, p.text)
			}
		}
		t.Run("by POST", func(t *testing.T) {
			b := newBrowser(t, s.server)
			got := s.signInForTokens(t, b, s.web)
			body := url.Values{"id_token_hint": {got.ID}, "post_logout_redirect_uri": {plainBye}, "unknown": {"x", "y"}}.Encode()
			r := s.request(http.MethodPost, "/oauth2/logout", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", "https://app.example")
			if p := b.follow(r); p.header.Get("Location") != plainBye {
				t.Errorf("shown %s (%d): %s", p.url, p.status, p.text)
			}
			b.wantSignedIn(t, false)
		})
		t.Run("without a way back", func(t *testing.T) {
			b := newBrowser(t, s.server)
			got := s.signInForTokens(t, b, s.web)
			if p := b.open(s.logoutURL("id_token_hint", got.ID)); p.left || p.url.Path != "/logout" || !strings.Contains(p.text, "You are signed out") {
				t.Errorf("shown %s (%d): %s", p.url, p.status, p.text)
			}
			b.wantSignedIn(t, false)
		})
	})
}

func TestNobodyIsSignedOutUnaskedWithoutAnIDTokenOfTheSession(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		s.signet("client", "update", s.web.ID, "--post-logout-redirect-uri", bye)
		other := s.signInForTokens(t, newBrowser(t, s.server), s.web) // another session of alice
		b := newBrowser(t, s.server)
		got := s.signInForTokens(t, b, s.web)
		forged := signed(t, joseHeader(t, got.ID), claims(t, got.ID))
		for name, pairs := range map[string][]string{
			"no hint":          {},
			"client alone":     {"client_id", s.web.ID, "post_logout_redirect_uri", bye},
			"another session":  {"id_token_hint", other.ID, "post_logout_redirect_uri", bye},
			"forged":           {"id_token_hint", forged, "client_id", s.web.ID, "post_logout_redirect_uri", bye},
			"an access token":  {"id_token_hint", got.Access, "client_id", s.web.ID},
			"no token":         {"id_token_hint", "x.y.z"},
			"another client's": {"id_token_hint", got.ID, "client_id", s.app.ID, "post_logout_redirect_uri", bye},
			"a hint of a name": {"logout_hint", alice},
		} {
			p := b.open(s.logoutURL(pairs...))
			if p.left || p.form == nil || p.form.action != "/oauth2/logout/confirm" || !strings.Contains(p.text, "Alice Example") {
				t.Errorf("%s: shown %s (%d): %s", name, p.url, p.status, p.text)
			}
			b.wantSignedIn(t, true)
		}
		attackers := newBrowser(t, s.server).open(s.url + "/login").form.fields.Get("csrf")
		if p := b.open(s.logoutURL()).submit("csrf", attackers); p.status != http.StatusForbidden {
			t.Errorf("a form from elsewhere: shown %s (%d)", p.url, p.status)
		}
		b.wantSignedIn(t, true)
		p := b.open(s.logoutURL("client_id", s.web.ID, "post_logout_redirect_uri", bye, "state", "x"))
		if !strings.Contains(p.text, s.web.ID) {
			t.Errorf("the page does not name the application: %s", p.text)
		}
		if p = p.submit(); p.header.Get("Location") != bye+"&state=x" {
			t.Errorf("shown %s (%d): %s", p.url, p.status, p.text)
		}
		b.wantSignedIn(t, false)
	})
}

func TestNobodyIsSentToAnAddressThatTheApplicationDidNotRegisterForIt(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		s.signet("client", "update", s.web.ID, "--post-logout-redirect-uri", bye)
		disabled := s.createClient("disabled", "--grant", "authorization_code", "--redirect-uri", callback, "--post-logout-redirect-uri", bye)
		s.signet("client", "disable", disabled.ID)
		b := newBrowser(t, s.server)
		got := s.signInForTokens(t, b, s.web)
		for name, pairs := range map[string][]string{
			"a redirect URI":        {"client_id", s.web.ID, "post_logout_redirect_uri", callback},
			"one character more":    {"client_id", s.web.ID, "post_logout_redirect_uri", bye + "x"},
			"elsewhere":             {"client_id", s.web.ID, "post_logout_redirect_uri", "https://evil.example/"},
			"no client":             {"post_logout_redirect_uri", bye},
			"an unknown client":     {"client_id", "nobody", "post_logout_redirect_uri", bye},
			"a disabled client":     {"client_id", disabled.ID, "post_logout_redirect_uri", bye},
			"another client's hint": {"client_id", s.app.ID, "id_token_hint", got.ID, "post_logout_redirect_uri", bye},
			"a script":              {"client_id", s.web.ID, "post_logout_redirect_uri", "javascript:alert(1)"},
		} {
			p := newBrowser(t, s.server).open(s.logoutURL(pairs...)) // nobody is signed in there
			if p.left || p.status != http.StatusBadRequest || !strings.Contains(p.text, "You are signed out") || !strings.Contains(p.text, "Technical reason") {
				t.Errorf("%s: shown %s (%d): %s", name, p.url, p.status, p.text)
			}
		}
		// Whoever has to be asked is told the same in the end.
		for reason, pairs := range map[string][]string{
			"is not that of the id_token_hint":     {"client_id", s.app.ID, "id_token_hint", got.ID, "post_logout_redirect_uri", bye},
			"not an ID token that this server can": {"id_token_hint", "x.y.z", "post_logout_redirect_uri", bye},
			"No such application":                  {"client_id", "nobody", "post_logout_redirect_uri", bye},
		} {
			asked := newBrowser(t, s.server)
			s.signInForTokens(t, asked, s.web)
			if p := asked.open(s.logoutURL(pairs...)).submit(); p.left || !strings.Contains(p.text, "You are signed out") || !strings.Contains(p.text, reason) {
				t.Errorf("shown %s (%d), want %q: %s", p.url, p.status, reason, p.text)
			}
		}
		// A person who asked to be signed out is, also where the way back is wrong.
		if p := b.open(s.logoutURL("id_token_hint", got.ID, "post_logout_redirect_uri", callback)); p.left || p.status != http.StatusBadRequest {
			t.Errorf("shown %s (%d)", p.url, p.status)
		}
		b.wantSignedIn(t, false)
		twice := newBrowser(t, s.server).open(s.url + "/oauth2/logout?state=a&state=b")
		if twice.status != http.StatusBadRequest || !strings.Contains(twice.text, "'state'") {
			t.Errorf("a parameter twice: shown %d: %s", twice.status, twice.text)
		}
		for _, bad := range []string{"javascript:alert(1)", "http://app.example/bye", "https://app.example/#x"} {
			s.refused("client", "update", s.web.ID, "--post-logout-redirect-uri", bad)
		}
	})
}

// Two applications hear of a sign-out in the browser, of which one never answers; then the person goes on.
func TestABrowserTellsApplicationsOfASignOut(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t))
	const tries = 5
	hangs := make(chan struct{})
	app := func(silent bool) (address string, told chan url.Values) {
		told = make(chan url.Values, 2*tries)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/front" {
				told <- r.URL.Query()
				if silent {
					<-hangs
				}
			}
			fmt.Fprintf(w, "<title>%s</title>", r.URL.Path)
		}))
		t.Cleanup(server.Close)
		return server.URL, told
	}
	quick, quickTold := app(false)
	silent, silentTold := app(true)
	t.Cleanup(func() { close(hangs) })
	s.signet("client", "update", s.web.ID, "--redirect-uri", quick+"/callback", "--frontchannel-logout-uri", quick+"/front?a=1", "--frontchannel-logout-session",
		"--post-logout-redirect-uri", quick+"/bye", "--first-party")
	other := s.createClient("other", "--grant", "authorization_code", "--redirect-uri", silent+"/callback", "--frontchannel-logout-uri", silent+"/front", "--first-party")
	ctx := newChromium(t)
	authorize := func(c client, back string) string {
		a := newAuthorization(c)
		a.query.Set("redirect_uri", back)
		a.query.Set("scope", "openid")
		a.query.Del("resource")
		return s.url + "/oauth2/authorize?" + a.query.Encode()
	}
	back := func(title string) step {
		return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			await(t, "the browser to come to "+title, func() bool {
				got, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.title`)) // fails while the page changes
				return got == title
			})
			return nil
		})
	}
	signOuts := 0
	signOut := func() {
		t.Helper()
		signOuts++
		check(t, chromedp.Do(ctx,
			chromedp.Navigate(authorize(s.web, quick+"/callback")),
			chromedp.WaitVisible(chromedp.CSS(`input[name=password]`)),
			chromedp.SendKeys(chromedp.CSS(`input[name=username]`), alice),
			chromedp.SendKeys(chromedp.CSS(`input[name=password]`), alicesSecret),
			chromedp.Submit(chromedp.CSS(`input[name=password]`)),
			back("/callback"),
			chromedp.Navigate(authorize(other, silent+"/callback")),
			back("/callback"),
			chromedp.Navigate(s.url+"/oauth2/logout?"+url.Values{"client_id": {s.web.ID}, "post_logout_redirect_uri": {quick + "/bye"}}.Encode()),
			chromedp.Click(chromedp.CSS(`form button.primary`)),
			back("/bye"),
		))
	}
	// hears signs out, again and again where a busy machine takes longer to load the frames than the page waits.
	hears := func(told chan url.Values) (query url.Values) {
		t.Helper()
		for {
			select {
			case query := <-told:
				return query
			case <-time.After(5 * time.Second):
			}
			if signOuts == tries {
				t.Fatalf("one of two applications hears of none of %d sign-outs", tries)
			}
			signOut()
		}
	}
	signOut()
	if got := hears(silentTold); len(got) != 0 {
		t.Errorf("who did not ask for the session hears %v", got)
	}
	if got := hears(quickTold); got.Get("a") != "1" || got.Get("iss") != s.issuer || got.Get("sid") == "" {
		t.Errorf("who asked for the session hears %v", got)
	}
	for _, told := range []chan url.Values{quickTold, silentTold} {
		if more := len(told); more >= signOuts { // one was received
			t.Errorf("told once more than there were sign-outs: %v", <-told)
		}
	}
}
