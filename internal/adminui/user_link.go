package adminui

import (
	"net/http"
	"time"
)

func (s *surface) mountUserLink() {
	s.handle("GET /users/{name}/link", "user.link", linkUser)
	s.handle("POST /users/{name}/link", "user.link", linkUser)
}

// passwordLink is the data of the page that shows a link with which a user sets a password.
type passwordLink struct {
	User      link
	URL       string
	ExpiresAt time.Time
}

func linkUser(v *visit) error {
	user, err := v.Admin.FindUser(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	c := confirmation{Lead: v.text("user.link.lead"), Submit: v.text("user.link.submit"), Cancel: address("users", user.Username), Harmless: true}
	if !v.confirmed(v.text("user.link", user.Username), c) {
		return nil
	}
	return v.showPasswordLink(user.Username)
}

// showPasswordLink answers with a new link, which no other page shows.
func (v *visit) showPasswordLink(username string) error {
	made, err := v.Admin.LinkPassword(v.ctx(), v.caller, username)
	if err != nil {
		return v.explained(err, address("users", username))
	}
	v.render(http.StatusOK, "admin/password_link", v.text("user.link.made", username), passwordLink{
		User: link{Text: username, Path: address("users", username)}, URL: made.URL, ExpiresAt: made.ExpiresAt,
	})
	return nil
}
