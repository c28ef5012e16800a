package event

import "github.com/signet-auth/signet/internal/domain"

// SessionStarted says: a user signed in, by the methods of RFC 8176, from an address; Via is the method of the first step.
type SessionStarted struct {
	Session string   `json:"-"`
	AMR     []string `json:"amr"`
	IP      string   `json:"ip"`
	Via     string   `json:"via"`
}

// Kind implements Event.
func (SessionStarted) Kind() string { return "session.start" }

// Object implements Event.
func (e SessionStarted) Object() string { return "session:" + e.Session }

// SessionRenewed says: a user signed in again in the browser of their session, which goes on. As SessionStarted.
type SessionRenewed struct {
	Session string   `json:"-"`
	AMR     []string `json:"amr"`
	IP      string   `json:"ip"`
	Via     string   `json:"via"`
}

// Kind implements Event.
func (SessionRenewed) Kind() string { return "session.renew" }

// Object implements Event.
func (e SessionRenewed) Object() string { return "session:" + e.Session }

// SessionEnded says: a session was ended; the session and its user are given by database id too.
type SessionEnded struct {
	Session   string `json:"-"`
	SessionID int64  `json:"-"`
	UserID    int64  `json:"user_id"`
}

// Kind implements Event.
func (SessionEnded) Kind() string { return "session.end" }

// Object implements Event.
func (e SessionEnded) Object() string { return "session:" + e.Session }

// Signals implements ForServices.
func (e SessionEnded) Signals() []domain.SecurityEvent {
	return revoked("The user's session was ended.", domain.Concerned{
		Kind: domain.ConcernsSession, ID: e.SessionID, Name: e.Session, UserID: e.UserID,
	})
}

// SignInFailed says: a sign-in under a name, which may be nobody's, was refused. Omitted counts the refusals before it, since the last
// that was recorded, that were not.
type SignInFailed struct {
	Username string `json:"-"`
	IP       string `json:"ip"`
	Omitted  int64  `json:"omitted"`
}

// Kind implements Event.
func (SignInFailed) Kind() string { return "signin.fail" }

// Object implements Event.
func (e SignInFailed) Object() string { return "user:" + e.Username }

// ConsentGiven says: a user allowed a client scopes at an audience.
type ConsentGiven struct {
	ClientID string   `json:"-"`
	Audience string   `json:"audience"`
	Scopes   []string `json:"scopes"`
}

// Kind implements Event.
func (ConsentGiven) Kind() string { return "consent.give" }

// Object implements Event.
func (e ConsentGiven) Object() string { return "client:" + e.ClientID }

// ConsentWithdrawn says: what a user allowed a client was taken back; the client's grants of the user ended.
type ConsentWithdrawn struct {
	ClientID string `json:"-"`
	User     string `json:"user"`
}

// Kind implements Event.
func (ConsentWithdrawn) Kind() string { return "consent.withdraw" }

// Object implements Event.
func (e ConsentWithdrawn) Object() string { return "client:" + e.ClientID }
