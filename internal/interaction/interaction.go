// Package interaction keeps an authorization request while a person signs in and answers it. Pages carry it sealed, so that the
// browser can neither read nor change it, and need not know what an OAuth query looks like.
package interaction

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/url"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Request is an authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1) that has been checked as far as it can be
// without a person.
type Request struct {
	ClientID        string
	RedirectURI     string            // where the answer goes
	RedirectOmitted bool              // the request did not name it (RFC 6749 §3.1.2.3)
	ResponseMode    string            // how it gets there
	APIs            []domain.GrantAPI // that are asked for, without scopes that mean nothing there: the person never sees these
	State           string            // to the byte
	Nonce           string            // to the byte
	CodeChallenge   string            // S256; empty: no PKCE
	Prompt          []string          // OpenID Connect Core §3.1.2.1
	MaxAge          time.Duration     // negative: not asked for
	Claims          string            // the parameter, to the byte (OpenID Connect Core §5.5)
	SingleClaims    []string          // that it asks for there, and by no scope
	LoginHint       string
	IDTokenHint     string
	Return          string // for the sign-in to Signet itself, whose ClientID is empty: the page that waits; empty: the account
}

// Interaction is a request in one browser, with what its person has done for it. Sessions are given by SID: a failover that loses a session
// gives its database id to another. In JSON they have names that servers of earlier versions, which wrote database ids, do not read.
type Interaction struct {
	Request
	ID        []byte    // 128 random bits, new with each act of the person: an act serves one answer
	Browser   []byte    // hash of the browser's secret
	CreatedAt time.Time // when the request came
	Steps     []Step    // that the person has passed of a sign-in that needs more of them
	SignedIn  string    `json:"SignedInSID"` // the session that the person began for this request, empty: none
	Chosen    string    `json:"ChosenSID"`   // the session as whose person they chose to go on with this request, empty: none
	Answered  string    `json:"AnsweredSID"` // the session in which the person answered the consent page of this request, empty: none
	Denied    bool      // and the answer was no
	UserCode  string    // of a device (RFC 8628), that the person entered in place of a request of a client; empty: none
	Device    int64     // the request of that device, once the code was found to be right

	Typed        url.Values // into the form of the page that waits, which it is shown in again; nil: nothing
	PasswordLink string     // the token of a link with which the person sets a password; empty: none
}

// Step is one that a person has passed of a sign-in (internal/signin).
type Step struct {
	Method string    // its name
	UserID int64     // who passed it
	AMR    []string  // what it adds to "amr" (RFC 8176)
	ACR    string    // that a sign-in has with it (OpenID Connect Core §2)
	Proof  string    // names the credential as it was: the step counts while that is unchanged
	At     time.Time // when it was passed
}

// New makes an interaction of a request that came at the given time from the browser with this secret.
func New(r Request, browser string, now time.Time) Interaction {
	return Interaction{Request: r, ID: newID(), Browser: hashBrowser(browser), CreatedAt: now}
}

// SignIn notes that the person signed in for this request, and so began the session.
func (i *Interaction) SignIn(session string) {
	i.ID, i.Steps, i.SignedIn, i.Chosen, i.Answered, i.Denied = newID(), nil, session, "", "", false
}

// Pass notes the steps that the person has passed of a sign-in that needs more of them.
func (i *Interaction) Pass(steps []Step) { i.ID, i.Steps = newID(), steps }

// Choose notes that the person goes on with this request as the one who is signed in with the session.
func (i *Interaction) Choose(session string) { i.ID, i.Chosen = newID(), session }

// Answer notes what the person in this session answered to the consent page of this request. The same page gives the same id however
// often its form is sent: it serves one answer.
func (i *Interaction) Answer(session string, allowed bool) {
	sum := sha256.Sum256(append([]byte("answered "), i.ID...))
	i.ID, i.Answered, i.Denied = sum[:16], session, !allowed
}

// Forget drops all that the person has done.
func (i *Interaction) Forget() {
	i.ID, i.Steps, i.SignedIn, i.Chosen, i.Answered, i.Denied = newID(), nil, "", "", "", false
	i.UserCode, i.Device, i.Typed, i.PasswordLink = "", 0, nil, ""
}

// SignedInBy says whether the session began by signing in for this request.
func (i *Interaction) SignedInBy(session string) bool { return session != "" && i.SignedIn == session }

// ChosenBy says whether the person chose to go on with this session.
func (i *Interaction) ChosenBy(session string) bool { return session != "" && i.Chosen == session }

// AllowedBy says whether the person in this session said yes to this request.
func (i *Interaction) AllowedBy(session string) bool {
	return session != "" && i.Answered == session && !i.Denied
}

// DeniedBy says whether the person in this session said no to this request.
func (i *Interaction) DeniedBy(session string) bool {
	return session != "" && i.Answered == session && i.Denied
}

// Acted says whether the person in this session has done something for this request.
func (i *Interaction) Acted(session string) bool {
	return i.SignedInBy(session) || i.ChosenBy(session) || session != "" && i.Answered == session
}

// Attended says whether the person has done anything for this request: it is more than a link that somebody has led them to.
func (i *Interaction) Attended() bool { return i.SignedIn != "" || i.Chosen != "" || i.Answered != "" }

// bind resets an interaction that was sealed in another browser: only the request is kept.
func (i *Interaction) bind(browser string) {
	hash := hashBrowser(browser)
	if subtle.ConstantTimeCompare(hash, i.Browser) != 1 {
		i.Forget()
		i.Browser = hash
	}
}

func newID() []byte {
	id := make([]byte, 16)
	rand.Read(id) // never fails
	return id
}

func hashBrowser(secret string) []byte {
	sum := sha256.Sum256([]byte("browser " + secret))
	return sum[:16]
}
