// Package pdp answers services that ask whether a subject may do something, as the AuthZEN Authorization API 1.0 says, under /access/v1.
// Its callers present an access token for urn:signet:admin with the permission to evaluate decisions.
package pdp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/limits"
	"github.com/signet-auth/signet/internal/policy"
	"github.com/signet-auth/signet/internal/requestid"
)

const (
	root        = "/access/v1"
	maxBody     = 1 << 20 // bytes
	maxAudience = 2000    // bytes

	evaluationCost = 1
	searchCost     = 10 // a search evaluates much
)

// Config is what the surface is made of.
type Config struct {
	Issuer   string
	Callers  Callers
	Limits   *limits.Limits
	Clients  Clients
	Admin    *admin.Service
	Policies *policy.Service
	Cache    *cache.Cache
	Log      *slog.Logger
	Now      func() time.Time
}

// Callers finds out who sent a request. The errors of authn.Bearer.Authenticate.
type Callers interface {
	Authenticate(r *http.Request) (authn.Caller, error)
}

type surface struct{ Config }

// Mount adds the endpoints and their metadata to a mux.
func Mount(mux *http.ServeMux, c Config) {
	s := &surface{c}
	mux.HandleFunc("POST "+root+"/evaluation", s.handle(evaluationCost, evaluation))
	mux.HandleFunc("POST "+root+"/evaluations", s.handle(evaluationCost, evaluations))
	mux.HandleFunc("POST "+root+"/search/subject", s.handle(searchCost, searchSubjects))
	mux.HandleFunc("POST "+root+"/search/resource", s.handle(searchCost, searchResources))
	mux.HandleFunc("POST "+root+"/search/action", s.handle(searchCost, searchActions))
	mux.HandleFunc("GET "+root+"/policy", s.bundle)
	mux.HandleFunc("GET /.well-known/authzen-configuration", s.metadata)
}

// metadata is what AuthZEN §9 says of the server.
func (s *surface) metadata(w http.ResponseWriter, r *http.Request) {
	echoRequestID(w, r)
	w.Header().Set("Cache-Control", "public, max-age=300")
	httpjson.Write(w, http.StatusOK, struct {
		Server      string `json:"policy_decision_point"`
		Evaluation  string `json:"access_evaluation_endpoint"`
		Evaluations string `json:"access_evaluations_endpoint"`
		Subjects    string `json:"search_subject_endpoint"`
		Resources   string `json:"search_resource_endpoint"`
		Actions     string `json:"search_action_endpoint"`
	}{
		s.Issuer, s.Issuer + root + "/evaluation", s.Issuer + root + "/evaluations",
		s.Issuer + root + "/search/subject", s.Issuer + root + "/search/resource", s.Issuer + root + "/search/action",
	})
}

// maxRequestID bounds an id that is sent back, in bytes.
const maxRequestID = 255

// echoRequestID sends back the id that the caller gave its request, unchanged (AuthZEN §10.1.3), if it is one and printable.
func echoRequestID(w http.ResponseWriter, r *http.Request) {
	if id := r.Header[requestid.Header]; len(id) == 1 && len(id[0]) <= maxRequestID && isPrintable(id[0]) {
		w.Header()[requestid.Header] = id
	}
}

func isPrintable(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' })
}

// question is a request, read and authorized.
type question struct {
	ctx       context.Context
	surface   *surface
	decisions admin.Decisions
	decider   *policy.Decider
	body      map[string]any
	explain   bool
}

// handle makes a handler of what answers a question with a JSON value, and counts as so many requests.
func (s *surface) handle(cost int, answer func(*question) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		echoRequestID(w, r)
		q, err := s.read(w, r, cost)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		body, err := answer(q)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		httpjson.Write(w, http.StatusOK, body)
	}
}

func (s *surface) read(w http.ResponseWriter, r *http.Request, cost int) (*question, error) {
	caller, err := s.Callers.Authenticate(r)
	if err == nil {
		err = s.Limits.Caller(caller.Subject(), caller.Client(), cost, s.Now())
	}
	if err != nil {
		return nil, err
	}
	decisions, err := s.Admin.Decisions(r.Context(), caller)
	if err != nil {
		return nil, err
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, malformed("Send JSON, with the Content-Type application/json.")
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, &refusal{http.StatusRequestEntityTooLarge, "The body is larger than 1 MiB."}
	} else if err != nil {
		return nil, malformed("The body cannot be read.")
	}
	body, err := readBody(text)
	if err != nil {
		return nil, err
	}
	q := &question{ctx: r.Context(), surface: s, decisions: decisions, body: body}
	if q.explain, err = explains(body); err != nil {
		return nil, err
	}
	audience, err := optionalText(body, "audience")
	if err != nil {
		return nil, err
	}
	if len(audience) > maxAudience {
		return nil, malformed(noSuchAPI)
	}
	q.decider, err = decisions.Decider(audience)
	return q, err
}

// refusal is an answer that is no decision: a status, and a sentence for the caller (AuthZEN §10.1.2).
type refusal struct {
	status int
	text   string
}

func (e *refusal) Error() string { return e.text }

const noSuchAPI = "There is no such API."

func malformed(text string) error { return &refusal{http.StatusBadRequest, text} }

// refusalOf is how an error is told; nil: it is the server's own failure, or temporary.
func refusalOf(err error) *refusal {
	if told, ok := errors.AsType[*refusal](err); ok {
		return told
	}
	switch {
	case errors.Is(err, policy.ErrNoAudience):
		return &refusal{http.StatusBadRequest, "Say with the member 'audience' which API this is about: you serve none, or several."}
	case errors.Is(err, policy.ErrPlace), errors.Is(err, admin.ErrCursor):
		return &refusal{http.StatusBadRequest, "Send with 'page.token' the next_token of another page of the same search, or none."}
	case errors.Is(err, domain.ErrNotFound):
		return &refusal{http.StatusBadRequest, noSuchAPI}
	}
	return nil
}

// fail answers without a decision. The body is a message, as a JSON string.
func (s *surface) fail(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Del("ETag")
	w.Header().Del("Cache-Control")
	told := refusalOf(err)
	wait, tooMany := errors.AsType[*domain.WaitError](err)
	switch {
	case told != nil:
	case tooMany:
		w.Header().Set("Retry-After", strconv.Itoa(wait.Seconds()))
		told = &refusal{http.StatusTooManyRequests, httpjson.TooManyRequests}
	case errors.Is(err, authn.ErrNoToken):
		w.Header().Set("WWW-Authenticate", "Bearer")
		told = &refusal{http.StatusUnauthorized, "Send an access token for " + domain.AdminAudience + " as Authorization: Bearer."}
	case errors.Is(err, authn.ErrInvalidToken):
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		told = &refusal{http.StatusUnauthorized, "The access token is not valid here."}
	case errors.Is(err, domain.ErrDenied):
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+admin.EvaluateDecisions+`"`)
		told = &refusal{http.StatusForbidden, "This needs the permission " + admin.EvaluateDecisions + " of " + domain.AdminAudience + "."}
	default:
		if !errors.Is(r.Context().Err(), context.Canceled) {
			s.Log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
		}
		told = &refusal{http.StatusInternalServerError, httpjson.ServerError.Description}
		if domain.IsTemporary(err) {
			w.Header().Set("Retry-After", "1")
			told = &refusal{http.StatusServiceUnavailable, httpjson.Unavailable.Description}
		}
	}
	httpjson.Write(w, told.status, told.text)
}
