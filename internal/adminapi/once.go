package adminapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

const (
	keyHeader = "Idempotency-Key"
	maxKey    = 255 // bytes
)

// keyParameter describes the header.
var keyParameter = &huma.Param{
	Name: keyHeader, In: "header", Example: "8e03978e-40d5-43dd-bc93-6894a57f9324",
	Description: "A text of the caller's choice, of 1 to 255 printable ASCII characters, bare or in double quotes (draft-ietf-httpapi-idempotency-key-header). " +
		"The same request with the same key makes nothing more: for 24 hours it gets the first answer again, with what that shows once. " +
		"Another request with the key gets 422, and 409 with Retry-After while the first is under way. A request that was refused is not remembered. " +
		"Keys belong to their caller",
	Schema: &huma.Schema{Type: huma.TypeString, MinLength: new(1), MaxLength: new(maxKey + 2)}, // with the quotes
}

// creating registers an operation that makes something. With an Idempotency-Key it makes it once.
func creating[In, Out any](
	s *surface, status int, path, name string, handler func(ctx context.Context, caller authn.Caller, in *In) (*Out, error),
) {
	registerOnce(s, s.operation(http.MethodPost, path, name), status, func(ctx context.Context, caller authn.Caller, in *In, m making[Out]) (*Out, error) {
		return m.in(ctx, func(ctx context.Context) (*Out, error) { return handler(ctx, caller, in) })
	})
}

// making is a request that makes something, nil of one without a key.
type making[Out any] struct{ once *admin.CarryingOut }

// in makes it in one transaction with its answer. It may run again from the start.
func (m making[Out]) in(ctx context.Context, make func(ctx context.Context) (*Out, error)) (out *Out, err error) {
	if m.once == nil {
		return make(ctx)
	}
	err = m.once.Tx(ctx, func(ctx context.Context) error {
		if out, err = make(ctx); err != nil {
			return err
		}
		return m.keep(ctx, out)
	})
	return out, err
}

// keep stores the answer in the transaction that ctx carries.
func (m making[Out]) keep(ctx context.Context, out *Out) error {
	if m.once == nil {
		return nil
	}
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return m.once.Keep(ctx, text)
}

// registerOnce is creating whose handler keeps its answer itself.
func registerOnce[In, Out any](
	s *surface, operation huma.Operation, status int,
	handler func(ctx context.Context, caller authn.Caller, in *In, m making[Out]) (*Out, error),
) {
	operation.DefaultStatus = status
	operation.Parameters = append(operation.Parameters, keyParameter)
	operation.Errors = append(operation.Errors, http.StatusBadRequest, http.StatusConflict)
	operation.Middlewares = append(operation.Middlewares, s.readKey)
	handle(s, operation, func(ctx context.Context, caller authn.Caller, in *In) (out *Out, err error) {
		key, given := ctx.Value(requestKey{}).(string)
		if !given {
			return handler(ctx, caller, in, making[Out]{})
		}
		request, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		answer, err := s.Admin.Once(ctx, caller, admin.Keyed{Operation: operation.OperationID, Key: key, Request: request},
			func(ctx context.Context, c *admin.CarryingOut) (err error) {
				out, err = handler(ctx, caller, in, making[Out]{c})
				return err
			})
		if err != nil || out != nil {
			return out, err
		}
		out = new(Out)
		return out, json.Unmarshal(answer, out)
	})
}

type requestKey struct{}

// readKey puts the Idempotency-Key of a request into its context.
func (s *surface) readKey(ctx huma.Context, next func(huma.Context)) {
	r, _ := humago.Unwrap(ctx)
	values := r.Header.Values(keyHeader)
	if len(values) == 0 {
		next(ctx)
		return
	}
	key, ok := parseKey(values)
	if !ok {
		s.refuse(ctx, problemOf(http.StatusBadRequest, "Send one Idempotency-Key of 1 to 255 printable ASCII characters, bare or in double quotes.",
			FieldProblem{Location: "header." + keyHeader, Rule: domain.RuleFormat, Message: "it is not such a text"}))
		return
	}
	next(huma.WithValue(ctx, requestKey{}, key))
}

// parseKey reads a key that is a String of RFC 8941 §3.3.3, or bare.
func parseKey(values []string) (key string, ok bool) {
	if len(values) != 1 {
		return "", false
	}
	key = values[0]
	if inner, quoted := strings.CutPrefix(key, `"`); quoted {
		if key, ok = unquote(inner); !ok {
			return "", false
		}
	}
	printable := strings.IndexFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	return key, printable && key != "" && len(key) <= maxKey
}

// unquote reads what follows an opening quote, up to the closing one at its end.
func unquote(inner string) (string, bool) {
	var text strings.Builder
	for i := 0; i < len(inner); i++ {
		switch inner[i] {
		case '"':
			return text.String(), i == len(inner)-1
		case '\\':
			if i++; i == len(inner) || inner[i] != '"' && inner[i] != '\\' {
				return "", false
			}
		}
		text.WriteByte(inner[i])
	}
	return "", false
}
