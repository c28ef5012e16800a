// Package adminapi is the JSON API by which programs manage Signet, under /api/v1. Its callers present an access token of
// Signet's own, for the audience urn:signet:admin; each operation asks for one permission.
package adminapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/limits"
)

const (
	root    = domain.AdminPath
	maxBody = 64 << 10 // bytes
	bearer  = "bearer" // the security scheme
)

// Config is what the API is made of.
type Config struct {
	Issuer  string
	Callers Callers
	Admin   *admin.Service
	Failed  func(ctx context.Context, path string, err error) // is called with what a problem keeps to itself: an error of the server

	Limit *limits.Meter // of requests of each caller
}

// Callers finds out who sent a request. The errors of authn.Bearer.Authenticate.
type Callers interface {
	Authenticate(r *http.Request) (authn.Caller, error)
}

// LogTo makes a Config's Failed that logs. Not logged when the client closed the connection.
func LogTo(log *slog.Logger) func(ctx context.Context, path string, err error) {
	return func(ctx context.Context, path string, err error) {
		if !errors.Is(ctx.Err(), context.Canceled) {
			log.ErrorContext(ctx, "request failed", "path", path, "error", err)
		}
	}
}

type surface struct {
	Config
	api huma.API
}

// Mount adds the API to a mux, its description at /api/v1/openapi.json (OpenAPI 3.1) included. It is made with its first request: the
// schemas take memory, and most replicas serve none.
func Mount(mux *http.ServeMux, c Config) {
	api := sync.OnceValue(func() http.Handler {
		handler, _ := newAPI(c)
		return handler
	})
	mux.HandleFunc(root+"/", func(w http.ResponseWriter, r *http.Request) { api().ServeHTTP(w, r) })
}

// newAPI makes the API and its description.
func newAPI(c Config) (http.Handler, *huma.OpenAPI) {
	mux := http.NewServeMux()
	config := huma.DefaultConfig("Signet", "1")
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = root+"/openapi", "", ""
	config.Formats = formats()
	config.CreateHooks = nil // no links to schemas in answers
	config.Transformers = []huma.Transformer{identify}
	config.RejectUnknownQueryParameters = true
	config.Servers = []*huma.Server{{URL: c.Issuer}}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{bearer: {
		Type: "oauth2", Description: "An access token for the resource " + domain.AdminAudience + ".",
		Flows: &huma.OAuthFlows{ClientCredentials: &huma.OAuthFlow{TokenURL: c.Issuer + "/oauth2/token", Scopes: scopes()}},
	}}
	s := &surface{Config: c, api: humago.New(mux, config)}
	s.api.UseMiddleware(s.authenticate, s.limit, s.checkQuery)

	for _, mount := range []func(){
		s.mountFiles, s.mountEffects,
		s.mountPreview,
		s.mountSessions,
		s.mountUsers, s.mountAccess, s.mountAttributes, s.mountGroups, s.mountRoles, s.mountClients, s.mountInvitations, s.mountAPIs, s.mountPolicies, s.mountReceivers, s.mountTokens, s.mountRevocations, s.mountKeys, s.mountAudit, s.mountOverview,
	} {
		mount()
	}
	describe(s.api.OpenAPI())
	mux.HandleFunc(root+"/", s.notFound)
	finish := sync.OnceFunc(func() { exampleAnswers(s.api.OpenAPI()) }) // which takes a while, and few read it
	written := map[string]func(){}
	for _, form := range []string{".json", ".yaml", "-3.0.json", "-3.0.yaml"} {
		path := config.OpenAPIPath + form
		written[path] = sync.OnceFunc(func() {
			finish()
			mux.ServeHTTP(nowhere{http.Header{}}, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}})
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if write, ok := written[r.URL.Path]; ok {
			write() // huma keeps what it has written, but many first requests at once would each write it, in gigabytes
		}
		mux.ServeHTTP(w, r)
	}), s.api.OpenAPI()
}

// nowhere is an answer that nobody reads.
type nowhere struct{ header http.Header }

// Header implements http.ResponseWriter.
func (n nowhere) Header() http.Header { return n.header }

// Write implements http.ResponseWriter.
func (n nowhere) Write(part []byte) (int, error) { return len(part), nil }

// WriteHeader implements http.ResponseWriter.
func (n nowhere) WriteHeader(int) {}

// scopes are the permissions of the API, with what they are for.
func scopes() map[string]string {
	scopes := map[string]string{}
	for _, p := range admin.Permissions {
		scopes[p.Name] = p.Description
	}
	return scopes
}

// register mounts an operation of internal/admin. What the handler fails with is told as RFC 9457 wants it.
func register[In, Out any](
	s *surface, method, path, name string, handler func(ctx context.Context, caller authn.Caller, in *In) (*Out, error),
) {
	handle(s, s.operation(method, path, name), handler)
}

// registerUpTo is register of an operation whose body may have so many bytes.
func registerUpTo[In, Out any](
	s *surface, limit int64, method, path, name string, handler func(ctx context.Context, caller authn.Caller, in *In) (*Out, error),
) {
	operation := s.operation(method, path, name)
	operation.MaxBodyBytes = limit
	handle(s, operation, handler)
}

// operation describes one of internal/admin.
func (s *surface) operation(method, path, name string) huma.Operation {
	declared := admin.OperationOf(name)
	if declared.Name == "" {
		panic("adminapi: no operation " + name)
	}
	object, _, _ := strings.Cut(name, ".")
	return huma.Operation{
		OperationID: name, Tags: []string{object},
		Method: method, Path: root + path, Summary: declared.Summary,
		Security:     []map[string][]string{{bearer: {declared.Permission}}},
		MaxBodyBytes: maxBody,
		Errors: []int{
			http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
			http.StatusServiceUnavailable,
		},
	}
}

func handle[In, Out any](s *surface, operation huma.Operation, handler func(ctx context.Context, caller authn.Caller, in *In) (*Out, error)) {
	huma.Register(s.api, operation, func(ctx context.Context, in *In) (*Out, error) {
		caller, _ := ctx.Value(callerKey{}).(authn.Caller)
		out, err := handler(ctx, caller, in)
		if err != nil {
			return nil, s.problem(ctx, operation, err)
		}
		return out, nil
	})
}

type callerKey struct{}

// authenticate lets a request pass whose access token is live and for this API (RFC 6750).
func (s *surface) authenticate(ctx huma.Context, next func(huma.Context)) {
	ctx.SetHeader("Cache-Control", "no-store")
	ctx.SetHeader("X-Content-Type-Options", "nosniff")
	r, _ := humago.Unwrap(ctx)
	caller, err := s.Callers.Authenticate(r)
	switch {
	case errors.Is(err, authn.ErrNoToken):
		s.challenge(ctx, http.StatusUnauthorized, "", "Send an access token for "+domain.AdminAudience+" as Authorization: Bearer.")
		return
	case errors.Is(err, authn.ErrInvalidToken):
		s.challenge(ctx, http.StatusUnauthorized, `, error="invalid_token"`, "The access token is not valid here.")
		return
	case err != nil:
		s.refuse(ctx, s.problem(ctx.Context(), huma.Operation{Path: r.URL.Path}, err))
		return
	}
	next(huma.WithValue(ctx, callerKey{}, caller))
}

// checkQuery refuses a query that cannot be read, and a parameter with no value or several: a filter that says nothing must not stand
// for everything.
func (s *surface) checkQuery(ctx huma.Context, next func(huma.Context)) {
	address := ctx.URL()
	query, err := url.ParseQuery(address.RawQuery)
	if err != nil {
		s.refuse(ctx, huma.Error422UnprocessableEntity("The query cannot be read."))
		return
	}
	for name, values := range query {
		if len(values) > 1 || values[0] == "" || !isText(values[0]) {
			name = strings.ToValidUTF8(name, "?")
			s.refuse(ctx, invalid("query."+name, domain.RuleFormat, "Give "+name+" one value that is text, or leave it out."))
			return
		}
	}
	next(ctx)
}
