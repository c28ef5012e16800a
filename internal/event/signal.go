package event

import (
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// ForServices is implemented by events that services hear of too, as Security Event Tokens (RFC 8417).
type ForServices interface {
	Event
	// Signal says what services hear and whom it is about. One without subjects is not sent.
	Signal() domain.SecurityEvent
}

func revoked(reason string, about ...domain.Concerned) domain.SecurityEvent {
	return domain.SecurityEvent{Kind: domain.EventSessionRevoked, Reason: reason, About: about}
}

func changed(reason string, about ...domain.Concerned) domain.SecurityEvent {
	return domain.SecurityEvent{Kind: domain.EventTokenClaimsChange, Reason: reason, About: about}
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
