package adminui

func (s *surface) mountUserLink() {
	s.handle("GET /users/{name}/link", "user.link", linkUser)
	s.handle("POST /users/{name}/link", "user.link", linkUser)
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
	return v.showOnce(v.text("user.link.made", username), once{
		Of: link{Text: username, Path: address("users", username)}, Lead: v.text("user.link.give"),
		Label: v.text("user.link.url"), Secret: made.URL, ExpiresAt: made.ExpiresAt, Warning: v.text("user.link.once"),
	})
}
