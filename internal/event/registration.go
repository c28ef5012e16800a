package event

import "strconv"

// MetadataRefused says: the metadata document of a client was not taken; before this, as many were left out of the log as Omitted says.
type MetadataRefused struct {
	ClientID string `json:"-"`
	Omitted  int64  `json:"omitted,omitempty"`
	Reason   string `json:"reason"`
}

// Kind implements Event.
func (MetadataRefused) Kind() string { return "client.refuse_metadata" }

// Object implements Event.
func (e MetadataRefused) Object() string { return "client:" + e.ClientID }

// InvitationCreated says: an invitation by which clients register themselves was made.
type InvitationCreated struct {
	Expires string `json:"expires_at"`
	MaxUses int    `json:"max_uses"`
	Note    string `json:"note"`
}

// Kind implements Event.
func (InvitationCreated) Kind() string { return "invitation.create" }

// Object implements Event.
func (e InvitationCreated) Object() string { return "invitation:" + e.Note }

// InvitationDeleted says: an invitation was taken back; the clients that were registered with it stay.
type InvitationDeleted struct {
	ID int64 `json:"-"`
}

// Kind implements Event.
func (InvitationDeleted) Kind() string { return "invitation.delete" }

// Object implements Event.
func (e InvitationDeleted) Object() string { return "invitation:" + strconv.FormatInt(e.ID, 10) }

// InvitationUsed says: a client was registered with an invitation.
type InvitationUsed struct {
	ID       int64  `json:"-"`
	ClientID string `json:"client_id"`
}

// Kind implements Event.
func (InvitationUsed) Kind() string { return "invitation.use" }

// Object implements Event.
func (e InvitationUsed) Object() string { return "invitation:" + strconv.FormatInt(e.ID, 10) }

// RegistrationRefused says: a client was not registered at the registration endpoint; Omitted as for MetadataRefused.
type RegistrationRefused struct {
	Address string `json:"address"`
	Omitted int64  `json:"omitted,omitempty"`
	Reason  string `json:"reason"`
}

// Kind implements Event.
func (RegistrationRefused) Kind() string { return "client.refuse_registration" }

// Object implements Event.
func (RegistrationRefused) Object() string { return "client:" }
