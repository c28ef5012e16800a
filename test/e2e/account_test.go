package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestAPersonEndsSessionsAndTakesAccessBackOnTheAccountPage(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		got := s.signIn(t, s.web)
		s.signetWithInput("mallory's own password\n", "user", "create", "mallory", "--password-stdin")
		mallory := newBrowser(t, s.server)
		mallory.open(s.url+"/login").submit("username", "mallory", "password", "mallory's own password").shows(http.StatusOK, "You are signed in")
		other, b := newBrowser(t, s.server), newBrowser(t, s.server)
		for _, b := range []*browser{other, b} {
			b.open(s.url+"/login").submit("username", alice, "password", alicesSecret).shows(http.StatusOK, "You are signed in")
		}
		p := b.open(s.url+"/account").shows(http.StatusOK, "this browser", "Sign out everywhere else", "Applications with access", "Lock my account")

		all := s.sessionsOf(t, alice)
		theirs := mallory.open(s.url + "/account")
		theirs.form = &form{action: "/account/sessions/end", fields: url.Values{"csrf": {theirs.formTo("/logout").fields.Get("csrf")}}}
		theirs.submit("sid", all[0].SID)
		if left := s.sessionsOf(t, alice); len(left) != len(all) {
			t.Fatalf("somebody else ended a session: %d are left of %d", len(left), len(all))
		}
		s.post("/account/sessions/end", client{}, url.Values{"sid": {all[0].SID}}).wantStatus(t, http.StatusForbidden)

		p.form = p.formTo("/account/consents/withdraw")
		p.submit().shows(http.StatusOK, "No application has access")
		s.post("/oauth2/token", s.web, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.Refresh}}).wantStatus(t, http.StatusBadRequest)

		p.form = p.formTo("/account/sessions/end")
		p.submit("sid", "").shows(http.StatusOK, "this browser")
		if p := other.open(s.url + "/account"); p.url.Path != "/login" {
			t.Errorf("the other browser is at %s", p.url)
		}
		if left := s.sessionsOf(t, alice); len(left) != 1 {
			t.Errorf("alice has %d sessions", len(left))
		}
		mallory.open(s.url+"/account").shows(http.StatusOK, "You are signed in")

		const chosen = "battery staple of mine"
		s.secret(chosen)
		managed := b.open(s.url + "/.well-known/change-password")
		if managed.url.Path != "/account/password" {
			t.Fatalf("a password manager is led to %s", managed.url)
		}
		managed.submit("password", chosen, "password_again", chosen).shows(http.StatusOK, "Your password is set", "Every sign-in from before has ended")
		if p := b.open(s.url + "/account/lock"); p.url.Path != "/login" {
			t.Errorf("the browser that changed the password is at %s", p.url)
		}
		b.open(s.url+"/login").submit("username", alice, "password", alicesSecret).shows(http.StatusUnprocessableEntity, "do not match")

		lock := b.open(s.url+"/account/lock").submit("username", alice, "password", chosen).shows(http.StatusOK, "Only an administrator can unlock it")
		lock.submit("username", "another").shows(http.StatusUnprocessableEntity, "This is not your username")
		lock.submit("username", alice, "reason", strings.Repeat("ß", 200)).shows(http.StatusUnprocessableEntity, "Say it in fewer words")
		lock.submit("username", alice, "reason", "My <phone> was stolen")
		s.administer(t, "auditor", "/admin/users/alice").shows(http.StatusOK, "My <phone> was stolen")
		newBrowser(t, s.server).open(s.url+"/login").submit("username", alice, "password", chosen).shows(http.StatusUnprocessableEntity, "do not match")
		if p := b.open(s.url + "/account"); p.url.Path != "/login" {
			t.Errorf("a locked account is open: %s", p.url)
		}
		s.signet("user", "unlock", alice)
		newBrowser(t, s.server).open(s.url+"/login").submit("username", alice, "password", chosen).shows(http.StatusOK, "You are signed in")
		last := s.administer(t, "administrator", "/admin/").browser
		last.open(s.url+"/account/lock").submit("username", "with-administrator").shows(http.StatusUnprocessableEntity, "last administrator")
	})
}

func TestSessionsConsentsAndCredentialsAreManagedInTheBrowser(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		s.signIn(t, s.web)
		b := s.administer(t, "administrator", "/admin/sessions").shows(http.StatusOK, alice, "this browser", "web").browser
		b.open(s.url+"/admin/sessions?user=nobody").shows(http.StatusOK, "not found")
		b.open(s.url+"/admin/sessions?user=alice").shows(http.StatusOK, alice)
		user := s.url + "/admin/users/alice"
		b.open(user).shows(http.StatusOK, "Consents", ordersAPI, "Grants", "Signs in with", "Password", "End all")
		b.open(s.url+"/admin/sessions/"+s.sessionsOf(t, alice)[0].SID+"/end").shows(http.StatusOK, "of alice?").submit().shows(http.StatusOK, "The sessions have ended.")
		b.open(user+"/sessions/end").submit().shows(http.StatusOK, "The user is signed in nowhere.")
		b.open(user+"/consents/web/withdraw").shows(http.StatusOK, "Take back what web may do for alice?").submit().
			shows(http.StatusOK, "It was taken back.", "The user was not asked to allow anything.", "No application may get tokens")

		disable := b.open(user + "/disable").shows(http.StatusOK)
		if disable.submit("reason", "a\u202eb").shows(http.StatusUnprocessableEntity).wrong("reason") == "" {
			t.Error("a reason that changes the direction of text is taken")
		}
		undo := disable.submit("reason", "Left the <team>").shows(http.StatusOK, "The user was disabled.", "Undo", "Left the <team>")
		forged := b.open(user+"?done=user.disabled&undo=AAAA").shows(http.StatusOK, "The user was disabled.")
		if strings.Contains(forged.text, "Undo") {
			t.Error("a link makes a page offer to undo what nobody did")
		}
		undo.form = undo.formTo("/admin/undo")
		undo.submit().shows(http.StatusOK, "It was undone.")
		if strings.Contains(s.signet("user", "show", alice), "disabled_at") {
			t.Error("the user is disabled after undo")
		}
	})
}
