package resourceserver

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The security events that are applied (CAEP 1.0 §3.1, §3.2; the last is Signet's own).
const (
	sessionRevoked    = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	tokenClaimsChange = "https://schemas.openid.net/secevent/caep/event-type/token-claims-change"
	policyChange      = "urn:signet:event-type:policy-change"
)

const maxEvent = 256 << 10 // bytes of a Security Event Token

// events verify Security Event Tokens (RFC 8417) and apply them.
type events struct {
	issuer, audience string
	clientID         string // of the receiver, the "aud" of events
	keys             *keyring
	revocations      *revocations
	policyChanged    func() // is called when the policy of the audience has changed

	mu      sync.Mutex
	applied uint64
	last    time.Time // that an attempt succeeded
	err     error     // of the last attempt to receive events
}

// setError says why a token is refused, by the codes of RFC 8935 §2.4.
type setError struct {
	Code        string `json:"err"`
	Description string `json:"description"`
}

func (e *setError) Error() string { return e.Code + ": " + e.Description }

// event is a verified Security Event Token.
type event struct {
	id     string // "jti"
	issued time.Time
	order  int64 // "txn", where that is a number
	claims *object
}

// read verifies a Security Event Token. A setError if it will never be one of ours; any other error may pass.
func (e *events) read(ctx context.Context, token string) (event, error) {
	refuse := func(code, description string) (event, error) { return event{}, &setError{code, description} }
	if len(token) > maxEvent {
		return refuse("invalid_request", "The token is too large.")
	}
	j, err := parseJWS(token)
	if err != nil || !j.isType(typeSecurityEvent) {
		return refuse("invalid_request", "It is not a JWT of the type "+typeSecurityEvent+".")
	}
	signer, err := e.keys.find(ctx, j.kid)
	if err != nil {
		return event{}, fmt.Errorf("verify a security event: %w", err)
	}
	if !signer.verify(&j) {
		return refuse("invalid_key", "The signature is not by the key that the token names.")
	}
	_, o, err := j.claims()
	if err != nil {
		return refuse("invalid_request", "The claims are malformed.")
	}
	made := event{id: o.text("jti"), issued: o.time("iat"), claims: o}
	audience := o.textOrTexts("aud")
	switch {
	case o.err != nil || made.id == "" || !o.has("iat") || o.object("events") == nil || o.object("sub_id") == nil || o.err != nil:
		return refuse("invalid_request", "The claims are not those of a security event.")
	case o.text("iss") != e.issuer:
		return refuse("invalid_issuer", "The token is of another issuer.")
	case len(audience) != 1 || audience[0] != e.clientID:
		return refuse("invalid_audience", "The token is for another receiver.")
	case made.issued.After(time.Now().Add(maxLeeway)):
		return refuse("invalid_request", "The token was issued in the future.")
	}
	if made.order, err = strconv.ParseInt(o.text("txn"), 10, 64); err != nil {
		made.order = 0
	}
	return made, nil
}

// apply does what an event says. What is of no consequence for tokens of the audience is passed over.
func (e *events) apply(made event) error {
	all := made.claims.object("events")
	subject := made.claims.object("sub_id")
	if all == nil || subject == nil {
		return &setError{"invalid_request", "The claims are not those of a security event."}
	}
	if content := all.object(sessionRevoked); content != nil {
		if err := e.revoke(subject, happened(content, made)); err != nil {
			return err
		}
	}
	if content := all.object(tokenClaimsChange); content != nil {
		if err := e.change(subject, content.object("claims"), happened(content, made)); err != nil {
			return err
		}
	}
	if all.object(policyChange) != nil && subject.text("format") == formatURI && sameAudience(subject.text("uri"), e.audience) {
		e.policyChanged()
	}
	e.mu.Lock()
	e.applied++
	e.mu.Unlock()
	return nil
}

// happened is when an event was.
func happened(content *object, made event) time.Time {
	if at := content.time("event_timestamp"); content.err == nil && !at.IsZero() && at.Before(made.issued.Add(maxLeeway)) {
		return at
	}
	return made.issued
}

// Format names of RFC 9493 and the Shared Signals Framework 1.0 §3.4.1.
const (
	formatIssSub  = "iss_sub"
	formatJWTID   = "jwt_id"
	formatOpaque  = "opaque"
	formatURI     = "uri"
	formatComplex = "complex"
)

var errSubject = &setError{"invalid_request", "The sub_id is malformed."}

// revoke applies session-revoked.
func (e *events) revoke(subject *object, at time.Time) error {
	switch subject.text("format") {
	case formatJWTID:
		if subject.text("iss") == e.issuer && subject.text("jti") != "" {
			e.revocations.revokeToken(subject.text("jti"))
		}
	case formatOpaque: // a signing key
		if kid := subject.text("id"); kid != "" {
			e.keys.revoke(kid)
		}
	case formatURI:
		if uri := subject.text("uri"); uri == e.issuer || sameAudience(uri, e.audience) {
			e.revocations.revokeAll(at)
		}
	case formatComplex:
		return e.revokeOfUser(subject, at)
	case formatIssSub:
		if subject.text("iss") == e.issuer && subject.text("sub") != "" {
			e.revocations.revokeSubject(subject.text("sub"), at)
		}
	}
	if subject.err != nil {
		return errSubject
	}
	return nil
}

// revokeOfUser applies session-revoked to a session of a user, or to what a user has granted to a client.
func (e *events) revokeOfUser(subject *object, at time.Time) error {
	user, session, client := subject.object("user"), subject.object("session"), subject.object("application")
	about := session
	if about == nil {
		about = client
	}
	if subject.err != nil || user == nil || about == nil {
		return errSubject
	}
	issuer, name, id := user.text("iss"), user.text("sub"), about.text("id")
	switch {
	case user.err != nil || about.err != nil || issuer == "" || name == "" || id == "":
		return errSubject
	case issuer != e.issuer:
	case session != nil:
		e.revocations.endSession(id)
	default:
		e.revocations.revokeGranted(grantedTo{name, id}, at)
	}
	return nil
}

// change applies token-claims-change, if that is about the audience.
func (e *events) change(subject, claims *object, at time.Time) error {
	if claims == nil {
		return &setError{"invalid_request", "The event lacks the claims."}
	}
	c := change{at: at, roles: claims.texts("roles"), groups: claims.texts("groups"), entitlements: claims.texts("entitlements")}
	about := subject.text("sub")
	if subject.text("format") == formatURI {
		about = ""
	}
	if claims.err != nil || subject.err != nil {
		return errSubject
	}
	if sameAudience(claims.text("aud"), e.audience) && (about != "" || subject.text("format") == formatURI) {
		e.revocations.changeClaims(about, c)
	}
	return nil
}

// sameAudience takes an audience with and without a last slash for the same.
func sameAudience(a, b string) bool { return strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") }

// note keeps how an attempt to receive events ended.
func (e *events) note(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err = err; err == nil {
		e.last = time.Now()
	}
}

// refusal is the setError that an error is, if it is one.
func refusal(err error) *setError {
	refused, _ := errors.AsType[*setError](err)
	return refused
}
