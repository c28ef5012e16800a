package event

// SessionStarted says: a user signed in, by the methods of RFC 8176, from an address.
type SessionStarted struct {
	Session string   `json:"-"`
	AMR     []string `json:"amr"`
	IP      string   `json:"ip"`
}

// Kind implements Event.
func (SessionStarted) Kind() string { return "session.start" }

// Object implements Event.
func (e SessionStarted) Object() string { return "session:" + e.Session }

// SessionEnded says: a session was ended; its user is given by database id.
type SessionEnded struct {
	Session string `json:"-"`
	UserID  int64  `json:"user_id"`
}

// Kind implements Event.
func (SessionEnded) Kind() string { return "session.end" }

// Object implements Event.
func (e SessionEnded) Object() string { return "session:" + e.Session }

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
