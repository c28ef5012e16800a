package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// jtiOf is that of a token, which is not verified.
func jtiOf(t *testing.T, token string) string {
	t.Helper()
	return claims(t, token)["jti"].(string)
}

func TestTokensAreManagedInTheBrowser(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		first, second := s.reportingToken(t), s.reportingToken(t)
		people := s.signIn(t, s.web)
		b := s.administer(t, "administrator", "/admin/tokens").shows(http.StatusOK, jtiOf(t, first), jtiOf(t, second), alice, "live").browser

		list := b.open(s.url+"/admin/tokens?client=reporting&state=live&size=50").shows(http.StatusOK, jtiOf(t, first), "The filters choose 2.", "Revoke all of these")
		if strings.Contains(list.text, alice) {
			t.Error("the list shows tokens that its filter does not choose")
		}
		b.open(s.url+"/admin/tokens?role=clerk").shows(http.StatusOK, jtiOf(t, first), jtiOf(t, second), "Revoke all of these")
		b.open(s.url+"/admin/tokens?role=auditor").shows(http.StatusOK, "There is nothing that the filters choose.")
		b.open(s.url+"/admin/tokens?user=nobody").shows(http.StatusOK, "There is nothing that the filters choose.")
		b.open(s.url+"/admin/tokens?user=alice&since=2999-01-01").shows(http.StatusOK, "There is nothing that the filters choose.")
		for _, filter := range []string{"client=reporting&state=revoked", "client=reporting&state=expired", "client=reporting&since=soon", "size=50", ""} {
			b.open(s.url + "/admin/new/revocation?" + filter).shows(http.StatusNotFound)
		}

		one := s.url + "/admin/tokens/" + jtiOf(t, first)
		b.open(one).shows(http.StatusOK, "reporting", ordersAPI, "issued without a grant").submit().shows(http.StatusOK, "The token was suspended.", "suspended")
		s.wantActive(t, s.orders, first, false)
		b.open(one).submit().shows(http.StatusOK, "The token is live again.")
		s.wantActive(t, s.orders, first, true)
		open := b.open(one)
		suspended := b.open(one).submit().shows(http.StatusOK, "The token was suspended.", "Undo")
		b.open(one+"/revoke").shows(http.StatusOK, "cannot be undone").submit().shows(http.StatusOK, "The token was revoked.", "Revoked")
		s.wantActive(t, s.orders, first, false)
		open.submit().shows(http.StatusUnprocessableEntity, "This was not done")
		suspended.undo().shows(http.StatusUnprocessableEntity, "The token is revoked, and stays so.")
		b.open(s.url+"/admin/tokens/"+jtiOf(t, people.Access)).shows(http.StatusOK, alice, "all its tokens", "usr_")

		all := b.open(s.url+"/admin/new/revocation?client=reporting").shows(http.StatusOK, "Live tokens that end: 1", "Grants end too")
		all.submit("name", "another").shows(http.StatusUnprocessableEntity, "This is not the name.")
		s.wantActive(t, s.orders, second, true)
		followed := all.submit("name", "reporting").shows(http.StatusOK, "Tokens of the client reporting", "The tokens are revoked.")
		s.wantActive(t, s.orders, second, false)
		followed.comesToShow("Live tokens marked1")
		b.open(s.url+"/admin/tokens?client=reporting&state=live").shows(http.StatusOK, "There is nothing")

		kept := b.open(s.url+"/admin/new/revocation?user=alice").submit("name", alice, "keep_grants", "yes").shows(http.StatusOK, "Tokens of the user alice")
		kept.comesToShow("Grants ended0")
		s.wantActive(t, s.orders, people.Access, false)
		s.issued(t, s.post("/oauth2/token", s.web, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {people.Refresh}}))
		s.revokesChosen(t, b)
		ended := b.open(s.url+"/admin/new/revocation?user=alice").submit("name", alice).shows(http.StatusOK, "Tokens of the user alice")
		ended.comesToShow("Grants ended1")
	})
}

// revokesChosen revokes tokens that are chosen one by one, and those that meet several criteria.
func (s *shop) revokesChosen(t *testing.T, b *browser) {
	t.Helper()
	one, two, three := s.reportingToken(t), s.reportingToken(t), s.reportingToken(t)
	b.open(s.url+"/admin/tokens?client=reporting&state=live").shows(http.StatusOK, "Revoke the chosen", "Clear the filters")
	chosen := s.url + "/admin/new/revocation/chosen?jti="
	b.open(chosen).shows(http.StatusNotFound)
	b.open(s.url+"/admin/new/revocation/chosen").shows(http.StatusUnprocessableEntity, "No token was chosen.")
	b.open(chosen+jtiOf(t, one)+strings.Repeat("&jti="+jtiOf(t, two), 200)).shows(http.StatusUnprocessableEntity, "choose 1 to 200 at once")
	b.open(s.url+"/admin/tokens?search="+jtiOf(t, two)[:16]).shows(http.StatusOK, jtiOf(t, two), "jti begins with", "Clear the filters").hides("Revoke all of these")
	b.open(s.url + "/admin/new/revocation?client=reporting&search=" + jtiOf(t, two)[:16]).shows(http.StatusNotFound)
	b.open(chosen+jtiOf(t, one)+"&jti=AAAAAAAAAAAAAAAAAAAAAQ").shows(http.StatusUnprocessableEntity, "not found")
	b.open(chosen+jtiOf(t, one)+"&jti="+jtiOf(t, two)).shows(http.StatusOK, jtiOf(t, one), jtiOf(t, two), "2 tokens", "cannot be undone")
	kept := "client=reporting&search=" + jtiOf(t, one)[:4] + "&size=200&state=live"
	ask := b.open(chosen + jtiOf(t, one) + "&jti=" + jtiOf(t, two) + "&cursor=&" + kept)
	if cancel := ask.linkTo(t, "/admin/tokens"); !slices.Contains(ask.links, "/admin/tokens?"+kept) {
		t.Errorf("the page leads back to %s, and not to the list with its filters", cancel)
	}
	ask.submit("name", "3 tokens").shows(http.StatusUnprocessableEntity, "This is not the name.")
	s.wantActive(t, s.orders, one, true)
	if done := ask.submit("name", "2 tokens").shows(http.StatusOK, "The chosen tokens were revoked."); done.url.Query().Get("client") != "reporting" {
		t.Errorf("after the revocation %s is shown", done.url)
	}
	s.wantActive(t, s.orders, one, false)
	s.wantActive(t, s.orders, two, false)
	s.wantActive(t, s.orders, three, true)

	filter := "client=reporting&role=clerk&api=" + url.QueryEscape(ordersAPI) + "&since=2020-01-01"
	ask = b.open(s.url+"/admin/new/revocation?"+filter).shows(http.StatusOK,
		"Revoke tokens: client reporting, API "+ordersAPI+", holders of the role clerk, issued from 1 January 2020", "Live tokens that end: 1", "Grants stay")
	later := s.reportingToken(t)
	followed := ask.submit("name", "reporting").shows(http.StatusOK, "Tokens: client reporting, API "+ordersAPI)
	s.wantActive(t, s.orders, three, false)
	s.wantActive(t, s.orders, later, false)
	s.wantActive(t, s.orders, s.reportingToken(t), true)
	followed.comesToShow("Live tokens marked2")
	b.open(s.url+"/admin/revocations?done=yes").shows(http.StatusOK, "Tokens: client reporting", "Tokens of the client reporting")
	b.open(s.url+"/admin/revocations?search=REPORT").shows(http.StatusOK, "Name begins with", "Tokens: client reporting", "Tokens of the client reporting").hides("Tokens of the user")
	b.open(s.url+"/admin/revocations?search=eporting").shows(http.StatusOK, "Nothing begins so.")
	b.open(s.url+"/admin/revocations?done=no").shows(http.StatusOK, "There is nothing that the filters choose.")
}

// comesToShow waits until the page, opened again and again, has a text.
func (p *page) comesToShow(text string) {
	t := p.browser.t
	t.Helper()
	await(t, p.url.Path+" to show "+text, func() bool { return strings.Contains(p.browser.open(p.url.String()).text, text) })
}

func TestPagesOfTokensShowWhatTheVisitorsRolesAllow(t *testing.T) {
	s := openShop(t, newSQLiteDatabase(t))
	token := s.reportingToken(t)
	one := s.url + "/admin/tokens/" + jtiOf(t, token)
	s.signet("role", "create", "reader", "--grant", "urn:signet:admin#tokens:read")
	b := s.administer(t, "reader", "/admin/tokens?client=reporting").shows(http.StatusOK, jtiOf(t, token)).browser
	for _, path := range []string{"/admin/tokens?client=reporting", "/admin/tokens/" + jtiOf(t, token)} {
		if p := b.open(s.url + path); len(p.forms) > 0 || strings.Contains(p.text, "Revoke") {
			t.Errorf("a reader is offered at %s what is refused", path)
		}
	}
	b.open(s.url + "/admin/tokens?role=clerk").shows(http.StatusForbidden)
	b.open(one + "/revoke").shows(http.StatusForbidden)
	b.open(s.url + "/admin/new/revocation?client=reporting").shows(http.StatusForbidden)
	b.open(s.url + "/admin/new/revocation/chosen?jti=" + jtiOf(t, token)).shows(http.StatusForbidden)
}

func TestHostileValuesAreNoFailureOfTheAdministratorsPages(t *testing.T) {
	s := openShop(t, newSQLiteDatabase(t))
	s.reportingToken(t)
	b := s.administer(t, "administrator", "/admin/tokens").browser
	csrf := b.open(s.url + "/admin/new/group").form.fields["csrf"]
	for name, value := range hostileValues {
		for action, field := range map[string]string{"/admin/palette": "q", "/admin/search": "q", "/admin/undo": "undo", "/admin/receivers/orders/verify": "x", "/admin/assignments/remove": "kind"} {
			p := &page{browser: b, url: &url.URL{Scheme: "http", Host: strings.TrimPrefix(s.url, "http://")}, form: &form{action, url.Values{"csrf": csrf}}}
			if p := p.submit(field, value); p.status >= http.StatusInternalServerError {
				t.Errorf("%s: %s answers %d", name, action, p.status)
			}
		}
		for _, path := range []string{
			"/admin/access?api=", "/admin/access?permission=", "/admin/access?role=", "/admin/access/members?role=clerk&group=", "/admin/access/members?group=x&role=",
			"/admin/search?q=", "/admin/users?done=user.disabled&undo=",
			"/admin/tokens?user=", "/admin/tokens?role=", "/admin/tokens?client=", "/admin/tokens?api=", "/admin/tokens?kid=", "/admin/tokens?grant=", "/admin/tokens?state=", "/admin/tokens?since=",
			"/admin/tokens?before=", "/admin/tokens?cursor=", "/admin/keys/", "/admin/tokens/", "/admin/revocations/", "/admin/new/revocation?client=", "/admin/new/revocation?grant=",
			"/admin/new/revocation?role=", "/admin/new/revocation?since=", "/admin/new/revocation/chosen?jti=", "/admin/revocations?done=", "/admin/users?state=",
			"/admin/groups?user=", "/admin/roles?api=", "/admin/clients?api=", "/admin/clients?origin=", "/admin/users/alice/grants?client=",
		} {
			if p := b.open(s.url + path + url.QueryEscape(value)); p.status >= http.StatusInternalServerError {
				t.Errorf("%s: %s answers %d", name, path, p.status)
			}
		}
	}
}
