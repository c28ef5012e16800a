package oauth

import (
	"cmp"
	"strings"

	"github.com/ory/fosite"
)

// ourWords marks hints and descriptions that Signet itself wrote. Others are not sent: those of fosite seldom name the actual cause.
const ourWords = "\x00"

// words describe the errors that have no description of their own.
var words = map[string]string{
	"invalid_request":            "The request is not valid.",
	"invalid_client":             "The client is unknown, or did not prove who it is.",
	"unauthorized_client":        "The client is not registered for this.",
	"access_denied":              "The user or the server did not allow it.",
	"invalid_scope":              "The scope is unknown or not allowed.",
	"unsupported_grant_type":     "The grant_type is not one that this server supports.",
	"unsupported_response_type":  "The response_type must be 'code'.",
	"unsupported_response_mode":  "The response_mode must be 'query', 'fragment' or 'form_post'.",
	"invalid_grant":              strings.TrimPrefix(errInvalidGrant.DescriptionField, ourWords),
	"login_required":             "The user has to sign in.",
	"consent_required":           "The user has to consent.",
	"interaction_required":       "The user has to do something.",
	"request_not_supported":      "The parameter 'request' is not supported.",
	"request_uri_not_supported":  "The parameter 'request_uri' is not supported.",
	"registration_not_supported": "The parameter 'registration' is not supported.",
}

// describe says what an error is about: its own description, where it has one of ours, and the hint that was given with it; else the words
// for its code.
func describe(e *fosite.RFC6749Error) string {
	var said []string
	for _, text := range []string{e.DescriptionField, e.HintField} {
		if text, own := strings.CutPrefix(text, ourWords); own {
			said = append(said, text)
		}
	}
	if len(said) == 0 {
		said = append(said, cmp.Or(words[e.ErrorField], "The request was refused."))
	}
	return printable(strings.Join(said, " "))
}
