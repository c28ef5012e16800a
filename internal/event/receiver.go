package event

import (
	"github.com/signet-auth/signet/internal/domain"
)

// ReceiverCreated says: a client became a receiver; of the endpoint only scheme and host, since the rest may be secret.
type ReceiverCreated struct {
	ClientID     string          `json:"-"`
	AllowPrivate bool            `json:"allow_private"`
	Endpoint     string          `json:"endpoint,omitempty"`
	Events       []string        `json:"events"`
	Method       domain.Delivery `json:"method"`
}

// Kind implements Event.
func (ReceiverCreated) Kind() string { return "receiver.create" }

// Object implements Event.
func (e ReceiverCreated) Object() string { return "receiver:" + e.ClientID }

// ReceiverPaused says: deliveries to a receiver were paused.
type ReceiverPaused struct {
	ClientID string `json:"-"`
}

// Kind implements Event.
func (ReceiverPaused) Kind() string { return "receiver.pause" }

// Object implements Event.
func (e ReceiverPaused) Object() string { return "receiver:" + e.ClientID }

// ReceiverResumed says: deliveries to a receiver go on.
type ReceiverResumed struct {
	ClientID string `json:"-"`
}

// Kind implements Event.
func (ReceiverResumed) Kind() string { return "receiver.resume" }

// Object implements Event.
func (e ReceiverResumed) Object() string { return "receiver:" + e.ClientID }

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
	Subject  string `json:"sub"`
}

// Kind implements Event.
func (ReceiverSubjectAdded) Kind() string { return "receiver.add_subject" }

// Object implements Event.
func (e ReceiverSubjectAdded) Object() string { return "receiver:" + e.ClientID }

// ReceiverSubjectRemoved says: a receiver removed a user or client from its stream.
type ReceiverSubjectRemoved struct {
	ClientID string `json:"-"`
	Subject  string `json:"sub"`
}

// Kind implements Event.
func (ReceiverSubjectRemoved) Kind() string { return "receiver.remove_subject" }

// Object implements Event.
func (e ReceiverSubjectRemoved) Object() string { return "receiver:" + e.ClientID }
