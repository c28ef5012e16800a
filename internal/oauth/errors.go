package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ory/fosite"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/token"
)

// Errors that fosite has no name for.
var (
	errInvalidTarget = &fosite.RFC6749Error{ // RFC 8707 §2
		ErrorField: "invalid_target", DescriptionField: ourWords + "The requested resource is not one that this client may use.",
		CodeField: http.StatusBadRequest,
	}
	errTooLarge = &fosite.RFC6749Error{
		ErrorField: "invalid_request", DescriptionField: ourWords + "The request is too large.",
		CodeField: http.StatusRequestEntityTooLarge,
	}
	errUnsupportedTokenType = &fosite.RFC6749Error{ // RFC 7009 §2.2.1
		ErrorField: "unsupported_token_type", DescriptionField: ourWords + "An ID token cannot be revoked: revoke the access or refresh token.",
		CodeField: http.StatusBadRequest,
	}
	errAuthorizationPending = &fosite.RFC6749Error{ // RFC 8628 §3.5, as the next three
		ErrorField: "authorization_pending", DescriptionField: ourWords + "The user has not answered yet: poll again after the interval.",
		CodeField: http.StatusBadRequest,
	}
	errSlowDown = &fosite.RFC6749Error{
		ErrorField: "slow_down", DescriptionField: ourWords + "The device polls too often: from now on, wait 5 seconds longer between two polls.",
		CodeField: http.StatusBadRequest,
	}
	errExpiredToken = &fosite.RFC6749Error{
		ErrorField: "expired_token", DescriptionField: ourWords + "The device_code has expired: begin anew.", CodeField: http.StatusBadRequest,
	}
	errDeviceDenied = &fosite.RFC6749Error{
		ErrorField: "access_denied", DescriptionField: ourWords + "The user did not allow it.", CodeField: http.StatusBadRequest,
	}
	errInvalidGrant = fosite.ErrInvalidGrant.WithDescription(
		ourWords + "The grant is not valid: it is unknown, expired, used, revoked, or was given to another client.")
)

// errExpired says that an interaction cannot be opened any more.
var errExpired = errors.New("the interaction is over")

// replayError says that a once-only code or refresh token of a grant came again.
type replayError struct {
	grantID  int64
	clientID string
}

func (e *replayError) Error() string { return "replayed" }

// Is makes every replay a domain.ErrConsumed.
func (e *replayError) Is(target error) bool { return target == domain.ErrConsumed }

// clientError translates what authn says of client authentication; wire the rest.
func clientError(err error) error {
	var assertion *authn.AssertionError
	switch {
	case errors.As(err, &assertion):
		return fosite.ErrInvalidClient.WithHint(ourWords + assertion.Problem)
	case errors.Is(err, authn.ErrInvalidClient):
		return fosite.ErrInvalidClient
	case errors.Is(err, authn.ErrSeveralMethods):
		return fosite.ErrInvalidRequest.WithHint(ourWords + "Use one way of client authentication, once.")
	case errors.Is(err, authn.ErrOtherClient):
		return fosite.ErrInvalidRequest.WithHint(ourWords + "The client_id is not that of the client that authenticates.")
	}
	return err
}

// wire translates an error. Signet's own errors are looked for first, anywhere in the chain, because fosite wraps those of a storage in
// errors of its own choice. The text of an internal error is never sent.
func wire(err error) httpjson.Error {
	var rfc *fosite.RFC6749Error
	var tooLarge *token.TooLargeError
	var wait *domain.WaitError
	switch {
	case errors.As(err, &wait):
		return httpjson.TooMany(wait.Seconds())
	case domain.IsTemporary(err):
		return httpjson.Unavailable
	case errors.Is(err, domain.ErrConsumed), errors.Is(err, domain.ErrRevoked):
		return httpjson.Error{Code: errInvalidGrant.ErrorField, Description: describe(errInvalidGrant), Status: errInvalidGrant.CodeField}
	case errors.Is(err, errExpired):
		return httpjson.Error{Code: "invalid_request", Status: http.StatusBadRequest,
			Description: "The link is damaged or too old. Go back to the application and start again."}
	case errors.Is(err, revocation.ErrNotYours):
		return httpjson.Error{Code: "unauthorized_client", Description: "The token was issued to another client.", Status: http.StatusBadRequest}
	case errors.As(err, &tooLarge):
		return httpjson.Error{Code: "invalid_scope", Status: http.StatusBadRequest, Description: describeTooLarge(tooLarge)}
	case errors.As(err, &rfc) && rfc.CodeField < http.StatusInternalServerError:
		return httpjson.Error{Code: rfc.ErrorField, Description: describe(rfc), Status: rfc.CodeField}
	default:
		return httpjson.ServerError
	}
}

// describeTooLarge says what fills an access token, and what can be done.
func describeTooLarge(e *token.TooLargeError) string {
	const fewerNames = "ask for it without the scopes 'roles' and 'groups', or have the API set to memberships 'relevant' or 'none'."
	switch {
	case e.Names > 0:
		return fmt.Sprintf("The access token would name %d roles or groups, and the limit is %d: %s", e.Names, token.MaxNames, fewerNames)
	case e.Named:
		return fmt.Sprintf("The access token would have %d bytes, and the limit is %d: most of it are names of roles and groups; %s", e.Size, e.Limit, fewerNames)
	default:
		return fmt.Sprintf("The access token would have %d bytes, and the limit is %d: most of it are scopes; ask for fewer.", e.Size, e.Limit)
	}
}

// fail answers with an error as JSON.
func (p *Provider) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := wire(err)
	p.logFailure(r, e, err)
	if e.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="signet", charset="UTF-8"`)
	}
	httpjson.WriteError(w, e)
}

// logFailure logs what is the server's fault, unless the client closed the connection.
func (p *Provider) logFailure(r *http.Request, e httpjson.Error, err error) {
	if e.Status >= http.StatusInternalServerError && !errors.Is(r.Context().Err(), context.Canceled) {
		p.Log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", innermost(err))
	}
}

// innermost finds the cause below fosite's errors, which print only their code.
func innermost(err error) error {
	var rfc *fosite.RFC6749Error
	for errors.As(err, &rfc) && rfc.Unwrap() != nil {
		err = rfc.Unwrap()
	}
	return err
}
