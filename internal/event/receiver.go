package event

import (
	"cmp"

	"github.com/signet-auth/signet/internal/domain"
)

// ReceiverDetails is what a receiver's events say; of the endpoint only scheme and host, since the rest may be secret.
type ReceiverDetails struct {
	AllowPrivate bool            `json:"allow_private"`
	Bearer       string          `json:"bearer_token,omitempty"` // what an update did with it: "replaced" or "removed"
	Description  string          `json:"description"`
	Endpoint     string          `json:"endpoint,omitempty"`
	Events       []string        `json:"events"`
	Method       domain.Delivery `json:"method"`
}

// ReceiverCreated says: a client became a receiver.
type ReceiverCreated struct {
	ClientID string `json:"-"`
	ReceiverDetails
}

// Kind implements Event.
func (ReceiverCreated) Kind() string { return "receiver.create" }

// Object implements Event.
func (e ReceiverCreated) Object() string { return "receiver:" + e.ClientID }

// ReceiverUpdated says: a receiver was changed.
type ReceiverUpdated struct {
	ClientID string `json:"-"`
	ReceiverDetails
}

// Kind implements Event.
func (ReceiverUpdated) Kind() string { return "receiver.update" }

// Object implements Event.
func (e ReceiverUpdated) Object() string { return "receiver:" + e.ClientID }

// ReceiverBearerRotated says: a receiver's pushes carry another bearer token.
type ReceiverBearerRotated struct {
	ClientID string `json:"-"`
}

// Kind implements Event.
func (ReceiverBearerRotated) Kind() string { return "receiver.rotate_bearer" }

// Object implements Event.
func (e ReceiverBearerRotated) Object() string { return "receiver:" + e.ClientID }

// VerificationSent says: a receiver is sent a verification event with a state (Shared Signals Framework 1.0 §8.1.4).
type VerificationSent struct {
	ClientID string `json:"-"`
	State    string `json:"state"`
}

// Kind implements Event.
func (VerificationSent) Kind() string { return "receiver.verify" }

// Object implements Event.
func (e VerificationSent) Object() string { return "receiver:" + e.ClientID }

// Signals implements ForServices.
func (e VerificationSent) Signals() []domain.SecurityEvent {
	return []domain.SecurityEvent{{
		Kind: domain.EventVerification, Reason: "A verification was asked for.",
		About: []domain.Concerned{{Kind: domain.ConcernsReceiver, Name: e.ClientID}},
	}}
}

// ReceiverPaused says: deliveries to a receiver were paused; Own, by itself.
type ReceiverPaused struct {
	ClientID string `json:"-"`
	Own      bool   `json:"-"`
	Reason   string `json:"reason,omitempty"`
}

// Kind implements Event.
func (ReceiverPaused) Kind() string { return "receiver.pause" }

// Object implements Event.
func (e ReceiverPaused) Object() string { return "receiver:" + e.ClientID }

// Signals implements ForServices.
func (e ReceiverPaused) Signals() []domain.SecurityEvent {
	if e.Own {
		return nil
	}
	return streamUpdated(e.ClientID, domain.StreamPaused, cmp.Or(e.Reason, "Deliveries were paused."))
}

// ReceiverStopped says: a receiver stopped its stream; its events are not kept.
type ReceiverStopped struct {
	ClientID string `json:"-"`
	Reason   string `json:"reason,omitempty"`
}

// Kind implements Event.
func (ReceiverStopped) Kind() string { return "receiver.stop" }

// Object implements Event.
func (e ReceiverStopped) Object() string { return "receiver:" + e.ClientID }

// ReceiverMissed says: events up to a seq were deleted, after the time that they are kept, before a receiver acknowledged them.
type ReceiverMissed struct {
	ClientID string              `json:"-"`
	Status   domain.StreamStatus `json:"-"`
	Through  int64               `json:"through"`
}

// Kind implements Event.
func (ReceiverMissed) Kind() string { return "receiver.miss" }

// Object implements Event.
func (e ReceiverMissed) Object() string { return "receiver:" + e.ClientID }

// Signals implements ForServices.
func (e ReceiverMissed) Signals() []domain.SecurityEvent {
	return streamUpdated(e.ClientID, e.Status, "Events were deleted that were not acknowledged in the time that they are kept.")
}

// ReceiverResumed says: deliveries to a receiver go on; Own, as it asked itself.
type ReceiverResumed struct {
	ClientID string `json:"-"`
	Own      bool   `json:"-"`
	Retry    bool   `json:"-"` // it was not paused: a failed delivery is repeated at once
}

// Kind implements Event.
func (ReceiverResumed) Kind() string { return "receiver.resume" }

// Object implements Event.
func (e ReceiverResumed) Object() string { return "receiver:" + e.ClientID }

// Signals implements ForServices.
func (e ReceiverResumed) Signals() []domain.SecurityEvent {
	if e.Own || e.Retry {
		return nil
	}
	return streamUpdated(e.ClientID, domain.StreamEnabled, "Deliveries go on.")
}

// ReceiverDeleted says: a client is a receiver no more.
type ReceiverDeleted struct {
	ClientID string `json:"-"`
}

// Kind implements Event.
func (ReceiverDeleted) Kind() string { return "receiver.delete" }

// Object implements Event.
func (e ReceiverDeleted) Object() string { return "receiver:" + e.ClientID }

// ReceiverRefused says: a receiver refused a token for good, with its error (RFC 8935 §2.4).
type ReceiverRefused struct {
	ClientID    string `json:"-"`
	Description string `json:"description"`
	Err         string `json:"err"`
	TokenID     string `json:"jti"`
}

// Kind implements Event.
func (ReceiverRefused) Kind() string { return "receiver.refuse" }

// Object implements Event.
func (e ReceiverRefused) Object() string { return "receiver:" + e.ClientID }

// ReceiverSubjectAdded says: a receiver added a user or client to its stream.
type ReceiverSubjectAdded struct {
	ClientID string `json:"-"`
	ByEmail  bool   `json:"by_email,omitempty"` // it named the e-mail address, which is not kept here
	Subject  string `json:"sub,omitempty"`
}

// Kind implements Event.
func (ReceiverSubjectAdded) Kind() string { return "receiver.add_subject" }

// Object implements Event.
func (e ReceiverSubjectAdded) Object() string { return "receiver:" + e.ClientID }

// ReceiverSubjectRemoved says: a receiver removed a user or client from its stream.
type ReceiverSubjectRemoved struct {
	ClientID string `json:"-"`
	ByEmail  bool   `json:"by_email,omitempty"` // it named the e-mail address, which is not kept here
	Subject  string `json:"sub,omitempty"`
}

// Kind implements Event.
func (ReceiverSubjectRemoved) Kind() string { return "receiver.remove_subject" }

// Object implements Event.
func (e ReceiverSubjectRemoved) Object() string { return "receiver:" + e.ClientID }
