// Command golang-jwt is an API whose requests need an access token of Signet, verified with golang-jwt and keyfunc. What the package
// resourceserver of Signet does beyond that: docs/tasks/services.md.
//
//	signet api create https://orders.example --permission orders:read
//	ISSUER=http://127.0.0.1:8080 AUDIENCE=https://orders.example PORT=8081 go run .
//	curl -H "Authorization: Bearer $token" http://127.0.0.1:8081/orders
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

var (
	issuer   = cmp.Or(os.Getenv("ISSUER"), "http://127.0.0.1:8080")
	audience = cmp.Or(os.Getenv("AUDIENCE"), "https://orders.example")
	keys     = documents[keyfunc.Keyfunc]{read: readKeys}
	lists    = documents[list]{read: readList}
)

func main() {
	mux := http.NewServeMux()
	mux.Handle("GET /orders", require("orders:read", http.HandlerFunc(listOrders)))
	server := &http.Server{Addr: "127.0.0.1:" + cmp.Or(os.Getenv("PORT"), "8081"), Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// listOrders answers with who asks.
func listOrders(w http.ResponseWriter, r *http.Request) {
	c, _ := r.Context().Value(contextKey{}).(*claims) // require has put them there
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"sub": c.Subject}) // the caller is gone
}

// claims are those of an access token (RFC 9068 §2.2).
type claims struct {
	jwt.RegisteredClaims
	ClientID     string          `json:"client_id"`
	Scope        string          `json:"scope"`
	Confirmation json.RawMessage `json:"cnf"`
	Status       struct {
		List statusRef `json:"status_list"`
	} `json:"status"`
}

// Validate lets golang-jwt refuse tokens that lack a claim, or are bound to a key, whose proof nobody checks here.
func (c *claims) Validate() error {
	switch {
	case c.Subject == "" || c.ClientID == "" || c.ID == "" || c.IssuedAt == nil:
		return errors.New("the token lacks a claim that RFC 9068 requires")
	case c.Confirmation != nil:
		return errors.New("the token is bound to a key")
	default:
		return nil
	}
}

type contextKey struct{}

// require lets requests through whose access token is valid (RFC 9068 §4) and has the scope.
func require(scope string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse := func(status int, challenge string) {
			w.Header().Set("WWW-Authenticate", challenge)
			http.Error(w, "refused", status)
		}
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			refuse(http.StatusUnauthorized, fmt.Sprintf("Bearer scope=%q", scope))
			return
		}
		c := &claims{}
		err := verify(r.Context(), strings.TrimSpace(token), "at+jwt", c, jwt.WithAudience(audience))
		if err == nil {
			err = checkStatus(r.Context(), c.Status.List)
		}
		switch {
		case errors.Is(err, errUnavailable):
			log.Print(err)
			w.Header().Set("Retry-After", "1")
			http.Error(w, "Access tokens cannot be judged at the moment.", http.StatusServiceUnavailable)
		case err != nil:
			refuse(http.StatusUnauthorized, `Bearer error="invalid_token"`)
		case !slices.Contains(strings.Fields(c.Scope), scope):
			refuse(http.StatusForbidden, fmt.Sprintf(`Bearer error="insufficient_scope", scope=%q`, scope))
		default:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, c)))
		}
	})
}

// verify reads the claims of a JWT that Signet signed. keyfunc sees to it that the algorithm is the key's.
func verify(ctx context.Context, token, typ string, c jwt.Claims, options ...jwt.ParserOption) error {
	set, err := keys.get(ctx, issuer+"/.well-known/jwks.json")
	if err != nil {
		return err
	}
	parsed, err := jwt.NewParser(append(options, jwt.WithValidMethods([]string{"ES256", "EdDSA", "RS256"}), jwt.WithIssuer(issuer),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(5*time.Second), jwt.WithStrictDecoding())...).
		ParseWithClaims(token, c, set.KeyfuncCtx(ctx))
	if err != nil {
		return err
	}
	if parsed.Header["typ"] != typ || parsed.Header["kid"] == nil || parsed.Header["crit"] != nil {
		return fmt.Errorf("it is not of the type %s", typ)
	}
	return nil
}

func readKeys(_ context.Context, _, text string) (set keyfunc.Keyfunc, ttl time.Duration, expires time.Time, err error) {
	set, err = keyfunc.NewJWKSetJSON(json.RawMessage(text))
	return set, time.Minute, time.Now().Add(time.Hour), err
}
