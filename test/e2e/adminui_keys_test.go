package e2e

import (
	"net/http"
	"strings"
	"testing"
)

func TestKeysAreManagedInTheBrowser(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		token := s.reportingToken(t)
		kid := joseHeader(t, token)["kid"].(string)
		b := s.administer(t, "administrator", "/admin/keys").shows(http.StatusOK, "ES256", "RS256", kid, "active", "next", "Signs since").browser
		one := s.url + "/admin/keys/" + kid
		b.open(one).shows(http.StatusOK, "It signs what is issued now.", "Live tokens of it1")
		b.open(s.url + "/admin/keys/none").shows(http.StatusNotFound)
		b.open(s.url+"/admin/keys?search="+kid[:6]).shows(http.StatusOK, kid, "ES256").hides("RS256")
		b.open(s.url+"/admin/keys?search=-----").shows(http.StatusOK, "Nothing begins so.", "Clear the filters")

		rotate := b.open(s.url+"/admin/new/rotation").shows(http.StatusOK, "The next key signs from now on")
		rotate.submit("alg", "none").shows(http.StatusUnprocessableEntity, "This was not done")
		rotate.submit("alg", "ES256").shows(http.StatusOK, "The next key signs now.")
		if kid == joseHeader(t, s.reportingToken(t))["kid"] {
			t.Error("the key signs although it was rotated")
		}
		again := rotate.submit("alg", "ES256").shows(http.StatusConflict, "wait, or force it", "Rotate all the same")
		again.submit("alg", "ES256", "force", "yes").shows(http.StatusOK, "The next key signs now.")

		revoke := b.open(one+"/revoke").shows(http.StatusOK, "Live tokens that end: 1", "It signs no more")
		revoke.submit("name", kid).shows(http.StatusUnprocessableEntity, "This is not the name.")
		s.wantActive(t, s.orders, token, true)
		revoke.submit("name", kid[:8]).shows(http.StatusOK, "Tokens signed by the key "+kid).comesToShow("Live tokens marked1")
		s.wantActive(t, s.orders, token, false)
		revoke.submit("name", kid[:8]).shows(http.StatusUnprocessableEntity, "The key was revoked before.")
		if p := b.open(one).shows(http.StatusOK, "revoked", "Live tokens of it0"); strings.Contains(p.text, "Replaced") || len(p.forms) > 0 {
			t.Errorf("the page of a revoked key shows %s", p.text)
		}
	})
}

func TestPagesOfKeysShowWhatTheVisitorsRolesAllow(t *testing.T) {
	s := openShop(t, newSQLiteDatabase(t))
	kid := joseHeader(t, s.reportingToken(t))["kid"].(string)
	s.signet("role", "create", "reader", "--grant", "urn:signet:admin#keys:read")
	p := s.administer(t, "reader", "/admin/keys").shows(http.StatusOK, kid)
	if strings.Contains(p.text, "Rotate") || strings.Contains(p.browser.open(s.url+"/admin/keys/"+kid).text, "Live tokens") {
		t.Error("a reader of keys is offered what is refused")
	}
	for _, path := range []string{"/admin/new/rotation", "/admin/keys/" + kid + "/revoke", "/admin/tokens"} {
		p.browser.open(s.url + path).shows(http.StatusForbidden)
	}
}
