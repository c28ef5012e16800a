package domain

import "time"

// Policy is the policy of an API: the text that decides, and which of its versions that is.
type Policy struct {
	Audience  string
	Number    int64  // of the version that decides; 0: the API has no policy, its permissions decide
	Text      string // see internal/decision
	Version   int64  // 0 if there never was one; each change adds one, deleting it too
	UpdatedAt time.Time
}

// PolicyVersion is a text that a policy has, or had.
type PolicyVersion struct {
	Number    int64 // 1 at first; each that is saved adds one, and none is given twice
	Text      string
	Author    string // as in the audit log
	CreatedAt time.Time
	Active    bool // it decides
}
