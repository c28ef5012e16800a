package oauth

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/token"
)

// claimsRequest is what the parameter "claims" asks for (OpenID Connect Core §5.5).
type claimsRequest struct {
	domain.SingleClaims
	subjects [][]any // of each of these lists the user must be in
	acrs     []any   // one of which the sign-in must have, nil: any (§5.5.1.1)
}

// singleClaim is how one claim is asked for (§5.5.1).
type singleClaim struct {
	Essential bool
	Value     any
	Values    []any
}

// wanted are the values that serve, nil: any.
func (c *singleClaim) wanted() []any {
	switch {
	case c == nil:
		return nil
	case c.Value != nil:
		return append(c.Values, c.Value)
	case len(c.Values) == 0:
		return nil
	}
	return c.Values
}

var errUnmetAuthentication = &fosite.RFC6749Error{ // OpenID Connect Core Unmet Authentication Requirements 1.0
	ErrorField: "unmet_authentication_requirements", DescriptionField: ourWords + "No sign-in here has an 'acr' that the request demands.",
	CodeField: http.StatusBadRequest,
}

// claimScopes are the claims that can be asked for one by one, with the scopes that ask for them, too.
var claimScopes = func() map[string]string {
	scopes := map[string]string{"groups": domain.ScopeGroups, "roles": domain.ScopeRoles}
	for _, c := range token.UserClaims {
		scopes[c.Name] = c.Scope
	}
	return scopes
}()

// parseClaims reads the parameter; the limit of the request bounds its size. Unknown members are ignored, and so are requested values of
// claims other than "sub" and "acr" (§5.5).
func parseClaims(text string) (c claimsRequest, err error) {
	if text == "" {
		return c, nil
	}
	malformed := fosite.ErrInvalidRequest.WithHint(ourWords + "The parameter 'claims' is not a JSON object as OpenID Connect Core 5.5 has it.")
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &members) != nil || members == nil {
		return c, malformed
	}
	for member, names := range map[string]*[]string{"id_token": &c.IDToken, "userinfo": &c.Userinfo} {
		var asked map[string]*singleClaim
		if given := members[member]; given != nil && json.Unmarshal(given, &asked) != nil {
			return c, malformed
		}
		for name, how := range asked {
			wanted := how.wanted()
			switch _, known := claimScopes[name]; {
			case known:
				*names = append(*names, name)
			case name == "sub" && wanted != nil:
				c.subjects = append(c.subjects, wanted)
			case name == "acr" && member == "id_token" && wanted != nil && how.Essential:
				c.acrs = wanted
			}
		}
		slices.Sort(*names)
	}
	if c.acrs != nil && !slices.ContainsFunc(domain.ACRs, c.takes) {
		return c, errUnmetAuthentication
	}
	return c, nil
}

// takes says whether the request takes a sign-in of this kind.
func (c *claimsRequest) takes(acr string) bool {
	return c.acrs == nil || slices.Contains(c.acrs, any(acr))
}

// beyond are the claims asked for that none of the scopes asks for.
func (c *claimsRequest) beyond(scopes []string) (claims []string) {
	for _, name := range slices.Concat(c.IDToken, c.Userinfo) {
		if !slices.Contains(scopes, claimScopes[name]) && !slices.Contains(claims, name) {
			claims = append(claims, name)
		}
	}
	return claims
}

// needsLogin says whether a user with this subject has to sign in (again) for what the request demands of "sub" and "acr".
func (c *claimsRequest) needsLogin(subject, acr string, fresh bool) (bool, error) {
	other := slices.ContainsFunc(c.subjects, func(list []any) bool { return !slices.Contains(list, any(subject)) })
	switch {
	case other && fresh:
		return false, fosite.ErrLoginRequired.WithHint(ourWords + "Another user than the one that 'claims' asks for has signed in.")
	case !c.takes(acr) && fresh:
		return false, errUnmetAuthentication
	}
	return other || !c.takes(acr), nil
}
