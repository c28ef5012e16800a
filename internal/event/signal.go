package event

import (
	"cmp"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// ForServices is implemented by events that services hear of too, as Security Event Tokens (RFC 8417).
type ForServices interface {
	Event
	// Signals say what services hear and whom it is about, in one security event or several. One without subjects is not sent.
	Signals() []domain.SecurityEvent
}

func revoked(reason string, about ...domain.Concerned) []domain.SecurityEvent {
	return []domain.SecurityEvent{{Kind: domain.EventSessionRevoked, Reason: reason, About: about}}
}

func changed(reason string, about ...domain.Concerned) []domain.SecurityEvent {
	return []domain.SecurityEvent{{Kind: domain.EventTokenClaimsChange, Reason: reason, About: about}}
}

// account is an event of RISC 1.0 about a user's account.
func account(kind, reason string, user domain.Concerned) domain.SecurityEvent {
	return domain.SecurityEvent{Kind: kind, Reason: reason, About: []domain.Concerned{user}}
}

// How a credential changed (CAEP 1.0 §3.3.1, change_type).
const (
	credentialCreated = "create"
	credentialUpdated = "update"
	credentialDeleted = "delete"
)

// credentialTypes are CAEP's names of the kinds of credentials (CAEP 1.0 §3.3.1, credential_type).
var credentialTypes = map[domain.CredentialKind]string{domain.CredentialPassword: "password"}

func credentialChanged(kind domain.CredentialKind, change, reason string, user domain.Concerned) domain.SecurityEvent {
	e := account(domain.EventCredentialChange, reason, user)
	e.Members = map[string]string{"change_type": change, "credential_type": cmp.Or(credentialTypes[kind], string(kind))}
	return e
}

// streamUpdated says to a receiver what state its stream is in, for a reason (Shared Signals Framework 1.0 §8.1.5).
func streamUpdated(clientID string, status domain.StreamStatus, reason string) []domain.SecurityEvent {
	return []domain.SecurityEvent{{
		Kind: domain.EventStreamUpdated, Reason: reason, Members: map[string]string{"status": string(status), "reason": reason},
		About: []domain.Concerned{{Kind: domain.ConcernsReceiver, Name: clientID}},
	}}
}

func aboutUser(id int64, subject, username string) domain.Concerned {
	return domain.Concerned{Kind: domain.ConcernsUser, ID: id, Subject: subject, Name: username}
}

// aboutSubject reads "user:alice", "group:ops" and "client:reporting".
func aboutSubject(named string) []domain.Concerned {
	kind, name, _ := strings.Cut(named, ":")
	switch domain.SubjectKind(kind) {
	case domain.SubjectUser:
		return []domain.Concerned{{Kind: domain.ConcernsUser, Name: name}}
	case domain.SubjectGroup:
		return []domain.Concerned{{Kind: domain.ConcernsMembers, Name: name}}
	case domain.SubjectClient:
		return []domain.Concerned{{Kind: domain.ConcernsClient, Name: name}}
	default:
		return nil
	}
}

// initiator is CAEP's initiating_entity (CAEP 1.0 §2) for an actor, as others than the actor see it.
func (a Actor) initiator() string {
	switch kind, _, _ := strings.Cut(string(a), ":"); kind {
	case "user", "os":
		return domain.InitiatorAdmin
	default:
		return domain.InitiatorSystem
	}
}

// username is empty if the actor is no user.
func (a Actor) username() string {
	name, ok := strings.CutPrefix(string(a), "user:")
	if !ok {
		return ""
	}
	return name
}
