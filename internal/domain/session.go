package domain

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Authentication is how a user has signed in.
type Authentication struct {
	User    User
	Methods []string  // "amr" (RFC 8176), in the order of the steps
	ACR     string    // OpenID Connect Core §2
	At      time.Time // of the last step: "auth_time"
	Via     string    // the method of the first step, which named the user
}

// RecentSignIn is how long ago a sign-in may be of whoever does what cannot be undone, gives administrative permissions, or changes how to
// get into their account.
const RecentSignIn = 10 * time.Minute

// Session is a browser's sign-in, as stored: by a hash of the cookie's value.
type Session struct {
	ID         int64
	Hash       []byte // SHA-256 of the cookie's value
	SID        string // names it in ID tokens ("sid"), security events and the audit log
	Browser    []byte // SHA-256 of a secret of the browser, nil: none is known
	UserID     int64
	AuthTime   time.Time
	ACR        string
	AMR        []string // RFC 8176
	UserAgent  string
	IP         string
	CreatedAt  time.Time
	LastSeenAt time.Time
	ExpiresAt  time.Time // the absolute end
	EndedAt    time.Time
}

// FrontchannelLogout is where a browser tells a client of a sign-out (OpenID Connect Front-Channel Logout 1.0).
type FrontchannelLogout struct {
	URI         string
	WithSession bool // and of which session
}

// Consent is what a user allowed a client to ask for at an audience.
type Consent struct {
	UserID    int64
	ClientID  int64
	Audience  string
	Scopes    []string
	GrantedAt time.Time
}

// ACRPassword is the "acr" of a sign-in by password alone (OpenID Connect Core §2).
const ACRPassword = "1"

// ACRs are all that sign-ins have, weakest first.
var ACRs = []string{ACRPassword}

// SessionEntry is a session in a list, with whose it is.
type SessionEntry struct {
	Session
	Username string
}

// Place is the session's in lists, for Page: by when it was last seen.
func (e SessionEntry) Place() string {
	return fmt.Sprintf("%d.%d", e.LastSeenAt.UnixMicro(), e.ID)
}

// SessionFilter chooses sessions that have not ended by a time.
type SessionFilter struct {
	UserID    int64     // whose; zero: everybody's
	Now       time.Time // their time is not over by then
	SeenAfter time.Time // they were seen since
}

// GrantFilter chooses grants of a user that have not ended by a time.
type GrantFilter struct {
	UserID   int64
	ClientID int64 // at which client; zero: at any
	Now      time.Time
}

// ConsentEntry is a consent in a list, with who may ask.
type ConsentEntry struct {
	Consent
	Client     string // client_id
	ClientName string
}

// GrantEntry is a grant in a list, with whose it is.
type GrantEntry struct {
	Grant
	Client     string // client_id
	ClientName string
	LastUsedAt time.Time // when its newest refresh token was given, or the grant itself
}

// Place is the grant's in lists, for Page.
func (e GrantEntry) Place() string { return strconv.FormatInt(e.ID, 10) }

// Place is where a consent is in a list.
func (e ConsentEntry) Place() string { return e.Client + "\x00" + e.Audience }

// ParseConsentPlace reads what Place wrote.
func ParseConsentPlace(place string) (client, audience string) {
	client, audience, _ = strings.Cut(place, "\x00")
	return client, audience
}
