package event

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

// PolicyDeleted says: an API has no policy any more; its permissions decide.
type PolicyDeleted struct {
	Audience string `json:"-"`
	Number   int64  `json:"number"`
}

// Kind implements Event.
func (PolicyDeleted) Kind() string { return "policy.delete" }

// Object implements Event.
func (e PolicyDeleted) Object() string { return "api:" + e.Audience }
