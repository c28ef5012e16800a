package oauth

import "github.com/ory/fosite"

// wording is what Signet says in place of one of fosite's errors. Fosite's own words name causes that are seldom the one, such as a
// redirect_uri that is not "whitelisted".
type wording struct {
	instead *fosite.RFC6749Error
	words   string
}

var wordings = map[string]wording{
	"invalid_request":            {fosite.ErrInvalidRequest, "The request is not valid."},
	"invalid_client":             {fosite.ErrInvalidClient, "The client is unknown, or did not prove who it is."},
	"unauthorized_client":        {fosite.ErrUnauthorizedClient, "The client is not registered for this."},
	"access_denied":              {fosite.ErrAccessDenied, "The user or the server did not allow it."},
	"invalid_scope":              {fosite.ErrInvalidScope, "The scope is unknown or not allowed."},
	"unsupported_grant_type":     {fosite.ErrUnsupportedGrantType, "The grant_type is not one that this server supports."},
	"unsupported_response_type":  {fosite.ErrUnsupportedResponseType, "The response_type must be 'code'."},
	"unsupported_response_mode":  {fosite.ErrUnsupportedResponseMode, "The response_mode must be 'query', 'fragment' or 'form_post'."},
	"invalid_grant":              {fosite.ErrInvalidGrant, errInvalidGrant.DescriptionField},
	"login_required":             {fosite.ErrLoginRequired, "The user has to sign in."},
	"consent_required":           {fosite.ErrConsentRequired, "The user has to consent."},
	"interaction_required":       {fosite.ErrInteractionRequired, "The user has to do something."},
	"request_not_supported":      {fosite.ErrRequestNotSupported, "The parameter 'request' is not supported."},
	"request_uri_not_supported":  {fosite.ErrRequestURINotSupported, "The parameter 'request_uri' is not supported."},
	"registration_not_supported": {fosite.ErrRegistrationNotSupported, "The parameter 'registration' is not supported."},
}

// describe says what an error is about: the hint alone where one was given with it, else words of our own.
func describe(e *fosite.RFC6749Error) string {
	description, hint := e.DescriptionField, e.HintField
	if w, ok := wordings[e.ErrorField]; ok {
		if hint == w.instead.HintField {
			hint = ""
		}
		if description == w.instead.DescriptionField {
			description = w.words
			if hint != "" {
				description = ""
			}
		}
	}
	if description != "" && hint != "" {
		description += " "
	}
	return printable(description + hint)
}
