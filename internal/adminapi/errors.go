package adminapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/requestid"
)

// problem translates an error (RFC 9457). The words of an internal one stay in the log.
func (s *surface) problem(ctx context.Context, operation huma.Operation, err error) error {
	var told huma.StatusError
	var denied *admin.DeniedError
	wait, tooMany := errors.AsType[*domain.WaitError](err)
	switch {
	case tooMany:
		return huma.ErrorWithHeaders(huma.NewError(http.StatusTooManyRequests, httpjson.TooManyRequests),
			http.Header{"Retry-After": {strconv.Itoa(wait.Seconds())}})
	case domain.IsTemporary(err):
		s.Failed(ctx, operation.Path, err)
		return later(huma.Error503ServiceUnavailable("The server cannot answer at the moment; try again."))
	case errors.As(err, &told):
		return told
	case errors.As(err, &denied):
		says := "The access token lacks the scope " + denied.Permission + "."
		if denied.OfTarget() {
			says = "This concerns somebody or something that has the administrative permission " + denied.Permission + ", which the access token lacks."
		}
		return huma.ErrorWithHeaders(huma.Error403Forbidden(says),
			http.Header{"WWW-Authenticate": {`Bearer realm="signet", error="insufficient_scope", scope="` + denied.Permission + `", ` + s.resourceMetadata()}})
	case errors.Is(err, domain.ErrConflict):
		return huma.Error412PreconditionFailed("It was changed since you read it: read it again, and edit that.")
	case errors.Is(err, domain.ErrNotFound):
		return huma.Error404NotFound(err.Error())
	case errors.Is(err, admin.ErrCursor):
		return problemOf(http.StatusBadRequest, err.Error(), s.fieldProblems(operation, err)...)
	case errors.Is(err, admin.ErrKeyUsed):
		return problemOf(http.StatusUnprocessableEntity, err.Error(),
			FieldProblem{Location: "header." + keyHeader, Message: "it was sent with another request", Rule: domain.RuleUnique})
	case errors.Is(err, admin.ErrUnderWay):
		return later(huma.Error409Conflict(err.Error()))
	case errors.Is(err, domain.ErrInvalid):
		return problemOf(http.StatusUnprocessableEntity, err.Error(), s.fieldProblems(operation, err)...)
	case errors.Is(err, domain.ErrExists):
		return problemOf(http.StatusConflict, err.Error(), taken(operation, err)...)
	case errors.Is(err, domain.ErrRevoked), errors.Is(err, domain.ErrConsumed), errors.Is(err, domain.ErrTooSoon),
		errors.Is(err, domain.ErrReferenced):
		return huma.Error409Conflict(err.Error())
	default:
		s.Failed(ctx, operation.Path, err)
		return huma.Error500InternalServerError("The server failed; the failure is in its log.")
	}
}

// later adds when the request may be sent again, in seconds.
func later(err error) error { return huma.ErrorWithHeaders(err, http.Header{"Retry-After": {"1"}}) }

// challenge refuses a token as RFC 6750 §3 wants it.
func (s *surface) challenge(ctx huma.Context, status int, parameters, detail string) {
	ctx.SetHeader("WWW-Authenticate", `Bearer realm="signet"`+parameters+", "+s.resourceMetadata())
	s.refuse(ctx, huma.NewError(status, detail))
}

// resourceMetadata says where programs read how to get a token (RFC 9728 §5.1).
func (s *surface) resourceMetadata() string {
	return `resource_metadata="` + s.Issuer + "/.well-known/oauth-protected-resource" + root + `"`
}

// refuse ends a request with an error of problem's.
func (s *surface) refuse(ctx huma.Context, err error) {
	if with, ok := errors.AsType[huma.HeadersError](err); ok {
		for name, values := range with.GetHeaders() {
			ctx.SetHeader(name, values[0])
		}
	}
	status := http.StatusInternalServerError
	if told, ok := errors.AsType[huma.StatusError](err); ok {
		status = told.GetStatus()
	}
	_ = huma.WriteErr(s.api, ctx, status, err.Error()) // the caller is gone
}

// notFound answers to what is no operation.
func (s *surface) notFound(w http.ResponseWriter, r *http.Request) {
	problem := problemOf(http.StatusNotFound, "There is no such operation: see "+root+"/openapi.json.")
	problem.RequestID = requestid.Of(r.Context())
	body, err := json.Marshal(problem)
	if err != nil {
		panic(err) // our own types
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusNotFound)
	w.Write(body)
}
