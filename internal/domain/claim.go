package domain

// ClaimMapping gives a claim the value of an expression, in tokens of a client or an API.
type ClaimMapping struct {
	Claim      string `json:"claim"`
	Expression string `json:"expression"` // CEL, see internal/claimmap
}

// SingleClaims are claims about the user that a request asked for one by one (OpenID Connect Core §5.5).
type SingleClaims struct{ IDToken, Userinfo []string }

// ClaimsAudience stands where a consent names an API, for claims that were asked for one by one. No audience of an API has a space.
const ClaimsAudience = "user claims"

// ClaimSources are what the expressions of claim mappings may read.
type ClaimSources struct {
	User   *User // nil: the client acts for itself
	Client *Client
	Groups []string
	Roles  []string
}

// ClaimFailure says why a claim was left out.
type ClaimFailure struct {
	Claim  string
	Reason string
}

// ClaimMapper evaluates claim mappings.
type ClaimMapper interface {
	// Uses says whether an expression reads the groups, and the roles.
	Uses() (groups, roles bool)
	// Map returns the claims that have a value, and why others have none.
	Map(sources ClaimSources) (claims map[string]any, failures []ClaimFailure)
}
