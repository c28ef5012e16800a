// Package ssf lets services manage the stream of security events that they get, as the Shared Signals Framework 1.0 §8.1 says, and poll it
// (RFC 8936), under /events. The stream of a client is what administrators call its receiver; its stream_id is the client_id.
package ssf

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/limits"
	"github.com/signet-auth/signet/internal/secevent"
)

const maxBody = 64 << 10 // bytes

// Config is what the surface is made of.
type Config struct {
	Issuer  string
	Callers Callers
	Limits  *limits.Limits
	Clients Clients
	Events  *secevent.Service
	Cache   *cache.Cache
	Log     *slog.Logger
	Now     func() time.Time
}

// Callers finds out who sent a request. The errors of authn.Bearer.Authenticate.
type Callers interface {
	Authenticate(r *http.Request) (authn.Caller, error)
}

// Clients authenticates clients. The errors of authn.Clients.AuthenticateConfidential.
type Clients interface {
	AuthenticateConfidential(r *http.Request, form url.Values) (*domain.Client, authn.Caller, error)
}

type surface struct{ Config }

// Mount adds the endpoints to a mux.
func Mount(mux *http.ServeMux, c Config) {
	s := &surface{c}
	read, manage := s.byToken(admin.ReadStream, admin.ManageStream), s.byToken(admin.ManageStream)
	const stream, status = domain.StreamsPath + "/stream", domain.StreamsPath + "/status"
	mux.HandleFunc("GET "+stream, s.handle(read, s.readStreams))
	mux.HandleFunc("POST "+stream, s.handle(manage, s.createStream))
	mux.HandleFunc("PATCH "+stream, s.handle(manage, s.updateStream))
	mux.HandleFunc("PUT "+stream, s.handle(manage, s.replaceStream))
	mux.HandleFunc("DELETE "+stream, s.handle(manage, s.deleteStream))
	mux.HandleFunc("GET "+status, s.handle(read, s.readStatus))
	mux.HandleFunc("POST "+status, s.handle(manage, s.updateStatus))
	mux.HandleFunc("POST "+domain.StreamsPath+"/verification", s.handle(manage, s.verify))
	mux.HandleFunc("POST "+domain.StreamsPath+"/subjects:add", s.handle(manage, s.addSubject))
	mux.HandleFunc("POST "+domain.StreamsPath+"/subjects:remove", s.handle(manage, s.removeSubject))
	mux.HandleFunc("POST "+domain.StreamsPath+"/poll", s.handle(s.orBySecret(read), s.poll))
}

// authentication finds out which client a request is of, and counts it in the client's limit.
type authentication func(r *http.Request) (authn.Caller, error)

// byToken wants an access token of the client with one of the permissions. One without fails with the first of them.
func (s *surface) byToken(permissions ...string) authentication {
	return func(r *http.Request) (authn.Caller, error) {
		caller, err := s.Callers.Authenticate(r)
		switch {
		case err != nil:
			return caller, err
		case caller.Client() == "" || caller.Subject() != "": // what a user may is not what the client may
			return caller, authn.ErrInvalidToken
		case !slices.ContainsFunc(permissions, caller.May):
			return caller, &deniedError{permissions[0]}
		}
		return caller, s.Limits.Caller("", caller.Client(), 1, s.Now())
	}
}

// orBySecret takes the client's own credentials too (client_secret_basic: the body is JSON): what it is a receiver of, somebody permitted.
func (s *surface) orBySecret(byToken authentication) authentication {
	return func(r *http.Request) (authn.Caller, error) {
		if scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
			return byToken(r)
		}
		// What follows proves nothing to the database: a secret must not have been withdrawn a moment ago.
		if err := s.Cache.Refresh(r.Context()); err != nil {
			return authn.Caller{}, err
		}
		_, caller, err := s.Clients.AuthenticateConfidential(r, url.Values{})
		return caller, err
	}
}

// request is one of a client.
type request struct {
	*http.Request
	w      http.ResponseWriter
	client string // client_id, and so the stream_id of its only stream
}

// handle makes a handler of what answers a request of a client; nil: with an empty body.
func (s *surface) handle(authenticate authentication, answer func(r request) (status int, body any, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		caller, err := authenticate(r)
		var status int
		var body any
		if err == nil {
			status, body, err = answer(request{r.WithContext(event.WithActor(r.Context(), caller.Actor())), w, caller.Client()})
		}
		switch {
		case err != nil:
			s.fail(w, r, err)
		case body == nil:
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(status)
		default:
			httpjson.Write(w, status, body)
		}
	}
}

// deniedError says that an access token lacks a permission.
type deniedError struct{ permission string }

func (e *deniedError) Error() string { return "the access token lacks " + e.permission }

// refusal is an error as the caller is told it.
type refusal struct{ told httpjson.Error }

func (e *refusal) Error() string { return e.told.Description }

func malformed(description string) error {
	return &refusal{httpjson.Error{Code: "invalid_request", Description: description, Status: http.StatusBadRequest}}
}

// sentence is what an InvalidError says of the value.
func sentence(err *domain.InvalidError) string {
	return strings.TrimPrefix(err.Error(), domain.ErrInvalid.Error()+" ") + "."
}

var errNoStream = &refusal{httpjson.Error{Code: "not_found", Description: "You have no stream of this stream_id.", Status: http.StatusNotFound}}

// fail answers with an error, with the status that the tables of §8.1 say.
func (s *surface) fail(w http.ResponseWriter, r *http.Request, err error) {
	var told httpjson.Error
	refused, isRefusal := errors.AsType[*refusal](err)
	denied, isDenied := errors.AsType[*deniedError](err)
	invalid, isInvalid := errors.AsType[*domain.InvalidError](err)
	wait, tooMany := errors.AsType[*domain.WaitError](err)
	challenge := `Bearer resource_metadata="` + s.Issuer + "/.well-known/oauth-protected-resource" + domain.StreamsPath + `"`
	switch {
	case isRefusal:
		told = refused.told
	case tooMany:
		told = httpjson.TooMany(wait.Seconds())
	case isDenied:
		w.Header().Set("WWW-Authenticate", challenge+`, error="insufficient_scope", scope="`+denied.permission+`"`)
		told = httpjson.Error{Code: "insufficient_scope", Description: "This needs the permission " + denied.permission + ".", Status: http.StatusForbidden}
	case errors.Is(err, authn.ErrNoToken):
		w.Header().Set("WWW-Authenticate", challenge)
		told = httpjson.Error{Code: "invalid_token", Description: "Send an access token as Authorization: Bearer.", Status: http.StatusUnauthorized}
	case errors.Is(err, authn.ErrInvalidToken):
		w.Header().Set("WWW-Authenticate", challenge+`, error="invalid_token"`)
		told = httpjson.Error{Code: "invalid_token", Description: "The access token is not valid here.", Status: http.StatusUnauthorized}
	case errors.Is(err, authn.ErrInvalidClient), errors.Is(err, authn.ErrSeveralMethods), errors.Is(err, authn.ErrOtherClient):
		w.Header().Add("WWW-Authenticate", `Basic realm="signet"`)
		w.Header().Add("WWW-Authenticate", challenge)
		told = httpjson.Error{Code: "invalid_client", Description: "Client authentication failed.", Status: http.StatusUnauthorized}
	case errors.Is(err, secevent.ErrNotPolling):
		told = httpjson.Error{Code: "access_denied", Description: "The client is not registered to poll for events.", Status: http.StatusForbidden}
	case errors.Is(err, secevent.ErrTooManySubjects):
		told = httpjson.Error{Code: "access_denied", Description: "There are too many subjects in the stream.", Status: http.StatusForbidden}
	case errors.Is(err, secevent.ErrTooOften):
		told = httpjson.Error{
			Code: "too_many_requests", Description: "A verification was asked for a moment ago.", Status: http.StatusTooManyRequests,
			RetryAfter: int(secevent.MinVerificationInterval.Seconds()),
		}
	case errors.Is(err, domain.ErrExists):
		told = httpjson.Error{Code: "conflict", Description: "You have a stream: change or delete that.", Status: http.StatusConflict}
	case errors.Is(err, domain.ErrNotFound):
		told = errNoStream.told
	case isInvalid && invalid.Rule == domain.RuleState: // of the client
		told = httpjson.Error{Code: "access_denied", Description: sentence(invalid), Status: http.StatusForbidden}
	case isInvalid:
		told = httpjson.Error{Code: "invalid_request", Description: sentence(invalid), Status: http.StatusBadRequest}
	default:
		told = httpjson.ServerError
		if domain.IsTemporary(err) {
			told = httpjson.Unavailable
		}
		if !errors.Is(r.Context().Err(), context.Canceled) {
			s.Log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
		}
	}
	httpjson.WriteError(w, told)
}
