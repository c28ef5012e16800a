package domain

import (
	"net/url"
	"strings"
	"time"
)

// Delivery says how security events reach a receiver.
type Delivery string

// The ways of delivery.
const (
	DeliveryPoll Delivery = "poll" // RFC 8936
	DeliveryPush Delivery = "push" // RFC 8935
)

// URN is the delivery's name in the configuration of a stream (Shared Signals Framework 1.0 §6.1).
func (d Delivery) URN() string {
	if d == DeliveryPush {
		return "urn:ietf:rfc:8935"
	}
	return "urn:ietf:rfc:8936"
}

// The security events that Signet sends, of CAEP 1.0 (§3.1, §3.2, §3.3), RISC 1.0 (§2.2, §2.3, §2.4) and, the last, of no standard.
const (
	EventSessionRevoked    = "session-revoked"
	EventTokenClaimsChange = "token-claims-change"
	EventCredentialChange  = "credential-change"
	EventAccountPurged     = "account-purged"
	EventAccountDisabled   = "account-disabled"
	EventAccountEnabled    = "account-enabled"
	EventPolicyChange      = "policy-change"
)

// The events of a stream itself, which every receiver gets: that events reach it, and what state it is in (Shared Signals Framework 1.0
// §8.1.4, §8.1.5).
const (
	EventVerification  = "verification"
	EventStreamUpdated = "stream-updated"
)

// SecurityEvents are those that a receiver can choose.
var SecurityEvents = []string{
	EventSessionRevoked, EventTokenClaimsChange, EventCredentialChange, EventAccountDisabled, EventAccountEnabled, EventAccountPurged, EventPolicyChange,
}

// StreamStatus says whether events go over the stream of a receiver (Shared Signals Framework 1.0 §8.1.2).
type StreamStatus string

// What a stream can be.
const (
	StreamEnabled  StreamStatus = "enabled"
	StreamPaused   StreamStatus = "paused"   // events wait
	StreamDisabled StreamStatus = "disabled" // events are not kept
)

// Receiver is a client that gets security events about the audiences that it serves.
type Receiver struct {
	ID            int64
	ClientID      int64
	Client        string // client_id
	Description   string
	Method        Delivery
	Endpoint      string   // the URL for pushes
	SealedToken   []byte   // the bearer token for the endpoint, sealed; empty: none
	AllowPrivate  bool     // the endpoint may be at a private address
	Events        []string // kinds, beside those about the stream itself
	Progress      Progress
	Missed        int64     // the seq of the last event that was deleted before it was acknowledged; zero: none
	LeasedUntil   time.Time // a replica holds the lease until then; zero: none
	Attempts      int       // pushes that failed since the last that did not
	NextAttemptAt time.Time
	LastError     string // why the last push failed
	Verification  Verification
	Version       int64  // each change of the settings adds one
	ManagedBy     string // the set of files that it comes from; empty: none
	CreatedAt     time.Time
	UpdatedAt     time.Time
	PausedAt      time.Time // zero: the stream is enabled
	Disabled      bool      // it keeps no events; otherwise, and with PausedAt, it is paused
	StatusReason  string    // why it is so; empty: no reason was given
	StatusSeq     int64     // of the event in the audit log that says to the receiver what state its stream is in; zero: it needs not be sent
}

// Status is that of the stream.
func (r Receiver) Status() StreamStatus {
	switch {
	case r.PausedAt.IsZero():
		return StreamEnabled
	case r.Disabled:
		return StreamDisabled
	}
	return StreamPaused
}

// Origin is all of the endpoint that may be told, scheme, host and port: its path and query may be secret. Empty: there is no endpoint.
func (r Receiver) Origin() string {
	u, err := url.Parse(r.Endpoint)
	if err != nil || r.Endpoint == "" {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// Verification is the last verification event that a receiver was sent.
type Verification struct {
	Seq        int64  // of the event in the audit log; zero: there was none
	State      string // which the event says
	At         time.Time
	AnsweredAt time.Time // zero: the receiver has neither acknowledged nor refused it
	Refusal    string    // why the receiver refused it; empty: it did not
}

// Progress is how far a receiver has acknowledged the events of the audit log.
type Progress struct {
	Acked  int64    // every event up to this seq is acknowledged
	Beyond []string // acknowledged events with a later seq
}

// StreamSubject names whom a receiver adds to its stream or removes: a user or client by its "sub", or the users with a verified e-mail
// address, at most MaxOfEmail.
type StreamSubject struct{ Subject, Email string }

// MaxOfEmail is how many users one e-mail address names.
const MaxOfEmail = 10

// Who began what a security event reports (CAEP 1.0 §2, initiating_entity).
const (
	InitiatorUser   = "user" // the user whom it is about
	InitiatorAdmin  = "admin"
	InitiatorSystem = "system"
)

// SecurityEvent is what an event says to services.
type SecurityEvent struct {
	Kind      string            // one of SecurityEvents, EventVerification or EventStreamUpdated
	Reason    string            // for the receiver's log
	Members   map[string]string // what the kind of event says beside
	About     []Concerned
	Initiator string // as others than the actor see it
	ActorName string // username of the actor; empty: no user
}

// ConcernedKind is the kind of a Concerned.
type ConcernedKind string

// What a security event can be about, and how it is selected.
const (
	ConcernsToken      ConcernedKind = "token"       // Name is the jti, Audience its audience
	ConcernsGrant      ConcernedKind = "grant"       // the user of the grant ID, at its audience
	ConcernsSession    ConcernedKind = "session"     // the session ID with the sid Name of the user UserID, at the audiences of its grants
	ConcernsUser       ConcernedKind = "user"        // by ID and Subject if it may be gone, by ID, or by Name
	ConcernsClient     ConcernedKind = "client"      // by ID, or by Name
	ConcernsMembers    ConcernedKind = "members"     // of the group Name
	ConcernsHolders    ConcernedKind = "holders"     // of the role Name: users, members of groups, clients
	ConcernsAPI        ConcernedKind = "api"         // by ID, or by Name, its audience
	ConcernsServed     ConcernedKind = "served"      // all APIs that receivers serve
	ConcernsDeletedAPI ConcernedKind = "deleted-api" // Name, its audience: for those who serve it now
	ConcernsKey        ConcernedKind = "key"         // by ID, or by Name, its kid
	ConcernsAll        ConcernedKind = "all"
	ConcernsReceiver   ConcernedKind = "receiver" // Name, its client_id: for it alone
)

// Concerned selects whom or what a security event is about.
type Concerned struct {
	Kind     ConcernedKind
	ID       int64
	Name     string
	Subject  string // "sub"
	UserID   int64
	Audience string // only for those who serve it; empty: any
	Client   string // client_id: what users have by it alone; empty: all
}

// The formats of subject identifiers (RFC 9493 §3.2, Shared Signals Framework 1.0 §3.4.1).
const (
	FormatIssSub  = "iss_sub" // a user or client
	FormatJWTID   = "jwt_id"  // a token
	FormatOpaque  = "opaque"  // a signing key, or a receiver
	FormatURI     = "uri"     // an API by its audience; all there is by the issuer, which is stored as an empty subject
	FormatComplex = "complex" // a session of a user, or what a user has granted to a client
)

// OutboxEntry is one subject of one security event in the outbox, for one audience.
type OutboxEntry struct {
	Seq       int64 // of the event in the audit log
	At        time.Time
	Kind      string // one of SecurityEvents, EventVerification or EventStreamUpdated
	Reason    string
	Members   map[string]string // what the kind of event says beside
	Initiator string
	Format    string
	Subject   string
	Session   string // sid; empty: no session
	Client    string // client_id by which the user has what it is about; empty: whichever
	UserID    int64  // database id; zero: no user
	Audience  string // empty: whatever a receiver serves
}
