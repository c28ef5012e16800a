package domain

// UserFilter chooses users.
type UserFilter struct {
	Disabled *bool // whether they are; nil: both
}

// GroupFilter chooses groups.
type GroupFilter struct {
	User string // the username of one who is in them; empty: all
}

// RoleFilter chooses roles.
type RoleFilter struct {
	Audience string // of an API at which they give permissions; empty: all
}

// ClientFilter chooses clients that fulfil all that is given.
type ClientFilter struct {
	Origin   ClientOrigin // empty: any
	Audience string       // of an API that they may ask for; empty: any
	Disabled *bool        // whether they are; nil: both
}

// RevocationFilter chooses revocations that fulfil all that is given.
type RevocationFilter struct {
	Kind RevocationKind // empty: any
	Done *bool          // whether the status of each of their tokens is set; nil: both
}
