package login_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/event/eventtest"
)

func TestSetupLinkMakesTheFirstAdministratorOnce(t *testing.T) {
	each(t, func(w *world) {
		token, err := w.directory.NewSetupLink(eventtest.Context(t), time.Hour)
		w.check(err)
		b := w.browser().get("/setup?token="+token).wantPage(http.StatusOK, "Create the first administrator")
		late := w.browser().get("/setup?token=" + token)
		fill := func(b *browser, password, again string) *browser {
			return b.post("/setup", "token", token, "username", "root", "name", "Ruth", "email", "ruth@example.com",
				"password", password, "password_again", again)
		}
		fill(b, "short", "short").wantPage(http.StatusUnprocessableEntity, "Invalid password: use at least", `value="root"`, `value="Ruth"`)
		fill(b, password, password+"x").wantPage(http.StatusUnprocessableEntity, "not the same")
		fill(b, password, password).wantRedirect("/admin/")
		b.get("/account").wantPage(http.StatusOK, "Ruth", "ruth@example.com")

		count, _, err := w.db.CountAdministrators(eventtest.Context(t), w.now)
		w.check(err)
		if count != 1 {
			t.Errorf("%d administrators", count)
		}
		fill(late, password, password).wantPage(http.StatusNotFound, "not valid")
		late.get("/setup?token="+token).wantPage(http.StatusNotFound, "not valid")
	})
}

func TestUnknownSetupLinkOpensNothing(t *testing.T) {
	each(t, func(w *world) {
		token, err := w.directory.NewSetupLink(eventtest.Context(t), time.Hour)
		w.check(err)
		b := w.browser()
		b.get("/setup").wantPage(http.StatusNotFound, "not valid")
		b.get("/setup?token="+token+"x").wantPage(http.StatusNotFound, "not valid")
		w.now = w.now.Add(time.Hour)
		b.get("/setup?token="+token).wantPage(http.StatusNotFound, "not valid")
	})
}
