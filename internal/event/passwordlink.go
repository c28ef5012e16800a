package event

// PasswordLinkMade says: a link was made with which a user sets a password, once, until a time (RFC 3339). One from before opens nothing
// any more.
type PasswordLinkMade struct {
	Username  string `json:"-"`
	ExpiresAt string `json:"expires_at"`
	Subject   string `json:"sub"`
}

// Kind implements Event.
func (PasswordLinkMade) Kind() string { return "user.link" }

// Object implements Event.
func (e PasswordLinkMade) Object() string { return "user:" + e.Username }
