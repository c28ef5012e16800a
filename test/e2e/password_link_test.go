package e2e

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// link is one that the command line makes.
func (s *shop) link(t *testing.T, username string) string {
	t.Helper()
	made := signetJSON[struct{ URL string }](s.installation, "user", "link", username)
	parsed, err := url.Parse(made.URL)
	check(t, err)
	s.secret(parsed.Query().Get("token"))
	return s.url + parsed.RequestURI() // the command's configuration has no issuer
}

func TestAPersonSetsAPasswordByALink(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		const chosen = "battery staple of mine"
		s.signet("user", "create", "carol", "--name", "Carol <b>C</b>")
		link := s.link(t, "carol")
		for range 3 { // programs open links in mails
			newBrowser(t, s.server).open(link).shows(http.StatusOK, "Set your password", "Carol <b>C</b>")
			if a := s.get(strings.TrimPrefix(link, s.url), ""); a.status != http.StatusSeeOther && a.status != http.StatusOK {
				t.Errorf("the link answers %d", a.status)
			}
		}
		p := newBrowser(t, s.server).open(link)
		if p.url.Path != "/password" || p.url.Query().Has("token") {
			t.Errorf("the address is %s", p.url)
		}
		newBrowser(t, s.server).open(p.url.String()).shows(http.StatusNotFound, "This link is not valid") // it is another's browser
		p.submit("password", chosen, "password_again", "another").shows(http.StatusUnprocessableEntity, "not the same")
		p.submit("password", "short", "password_again", "short").shows(http.StatusUnprocessableEntity, "Invalid password")

		replay := newBrowser(t, s.server).open(link)
		s.secret(chosen)
		p.submit("password", chosen, "password_again", chosen).shows(http.StatusOK, "Your password is set")
		p.submit("password", chosen, "password_again", chosen).shows(http.StatusNotFound, "This link is not valid")
		replay.submit("password", "mallory was here too", "password_again", "mallory was here too").shows(http.StatusNotFound, "This link is not valid")
		newBrowser(t, s.server).open(link).shows(http.StatusNotFound, "This link is not valid")
		newBrowser(t, s.server).open(s.url+"/login").submit("username", "carol", "password", chosen).shows(http.StatusOK, "You are signed in")

		older := s.link(t, "carol")
		s.link(t, "carol")
		newBrowser(t, s.server).open(older).shows(http.StatusNotFound, "This link is not valid")
	})
}

func TestTheFormThatSetsAPasswordIsSentFromItsOwnPageAlone(t *testing.T) {
	s := openShop(t, newSQLiteDatabase(t))
	link := s.link(t, alice)
	p := newBrowser(t, s.server).open(link).shows(http.StatusOK)
	form := url.Values{"flow": {p.url.Query().Get("flow")}, "password": {"battery staple"}, "password_again": {"battery staple"}}
	s.post("/password", client{}, form).wantStatus(t, http.StatusForbidden)
	r := s.request(http.MethodGet, strings.TrimPrefix(link, s.url), nil)
	response, err := http.DefaultTransport.RoundTrip(r)
	check(t, err)
	response.Body.Close()
	for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	newBrowser(t, s.server).open(s.url+"/login").submit("username", alice, "password", alicesSecret).shows(http.StatusOK, "You are signed in")
}

func TestAnAdministratorMakesALinkInTheBrowser(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		b := s.administer(t, "administrator", "/admin/users").browser
		linkOn := func(p *page) string {
			t.Helper()
			shown := linkText.FindString(p.shows(http.StatusOK, "It is shown only now.").text)
			parsed, err := url.Parse(shown)
			check(t, err)
			s.secret(parsed.Query().Get("token"))
			return shown
		}
		first := linkOn(b.open(s.url+"/admin/new/user").submit("username", "dave").shows(http.StatusOK, "A link for dave"))
		if p := b.open(s.url + "/admin/users/dave"); strings.Contains(p.text, "token=") || !strings.Contains(p.text, "Password link") {
			t.Errorf("the user's page says %s", p.text)
		}
		second := linkOn(b.open(s.url+"/admin/users/dave/link").shows(http.StatusOK, "Make a link for dave?").submit())
		newBrowser(t, s.server).open(first).shows(http.StatusNotFound)
		newBrowser(t, s.server).open(second).submit("password", s.secret("battery staple of mine"), "password_again", "battery staple of mine").shows(http.StatusOK, "Your password is set")

		m := newManager(t, s, "users:write")
		made := decode[struct{ URL string }](t, m.call("POST", "/users/dave/password-link", "").wantStatus(t, http.StatusOK))
		newBrowser(t, s.server).open(made.URL).shows(http.StatusOK, "Set your password")
		opened := newBrowser(t, s.server).open(made.URL).shows(http.StatusOK, "Set your password")
		s.signet("assign", "auditor", "--user", "dave") // has what whoever made the link lacks
		newBrowser(t, s.server).open(made.URL).shows(http.StatusNotFound, "This link is not valid")
		opened.submit("password", "battery staple of theirs", "password_again", "battery staple of theirs").shows(http.StatusNotFound, "This link is not valid")
		s.signet("unassign", "auditor", "--user", "dave")
		newBrowser(t, s.server).open(made.URL).shows(http.StatusOK, "Set your password")
		s.signet("user", "disable", "dave")
		m.call("POST", "/users/dave/password-link", "").wantStatus(t, http.StatusUnprocessableEntity)
		newBrowser(t, s.server).open(made.URL).shows(http.StatusNotFound)
		b.open(s.url+"/admin/users/dave/link").submit().shows(http.StatusUnprocessableEntity, "the user is disabled")
		m.call("POST", "/users/nobody/password-link", "").wantStatus(t, http.StatusNotFound)
	})
}

var linkText = regexp.MustCompile(`http://[^ ]+/password\?token=[A-Za-z0-9_-]{43}`)
