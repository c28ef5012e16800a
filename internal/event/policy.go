package event

import "github.com/signet-auth/signet/internal/domain"

// policyChanged says to the services of an API that it has another policy.
func policyChanged(audience string) []domain.SecurityEvent {
	about := []domain.Concerned{{Kind: domain.ConcernsAPI, Name: audience, Audience: audience}}
	return []domain.SecurityEvent{{Kind: domain.EventPolicyChange, Reason: "The policy of the API was changed.", About: about}}
}

// PolicySaved says: a new version of an API's policy decides.
type PolicySaved struct {
	Audience string `json:"-"`
	Number   int64  `json:"number"`
	Rules    int    `json:"rules"`
	SHA256   string `json:"sha256"` // of the text, in hexadecimal digits
}

// Kind implements Event.
func (PolicySaved) Kind() string { return "policy.set" }

// Object implements Event.
func (e PolicySaved) Object() string { return "api:" + e.Audience }

// Signals implements ForServices.
func (e PolicySaved) Signals() []domain.SecurityEvent { return policyChanged(e.Audience) }

// PolicyRolledBack says: an earlier version of an API's policy decides again.
type PolicyRolledBack struct {
	Audience string `json:"-"`
	From     int64  `json:"from"`
	Number   int64  `json:"number"`
}

// Kind implements Event.
func (PolicyRolledBack) Kind() string { return "policy.rollback" }

// Object implements Event.
func (e PolicyRolledBack) Object() string { return "api:" + e.Audience }

// Signals implements ForServices.
func (e PolicyRolledBack) Signals() []domain.SecurityEvent { return policyChanged(e.Audience) }

// PolicyDeleted says: an API has no policy any more; its permissions decide.
type PolicyDeleted struct {
	Audience string `json:"-"`
	Number   int64  `json:"number"`
}

// Kind implements Event.
func (PolicyDeleted) Kind() string { return "policy.delete" }

// Object implements Event.
func (e PolicyDeleted) Object() string { return "api:" + e.Audience }

// Signals implements ForServices.
func (e PolicyDeleted) Signals() []domain.SecurityEvent { return policyChanged(e.Audience) }
