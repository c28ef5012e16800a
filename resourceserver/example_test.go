package resourceserver_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/signet-auth/signet/resourceserver"
	"github.com/signet-auth/signet/resourceserver/rstest"
)

// listOrders is a handler of a service. It has the claims of whoever asks.
func listOrders(w http.ResponseWriter, r *http.Request) {
	claims, _ := resourceserver.FromContext(r.Context())
	fmt.Fprintf(w, "orders of %s, for %s", claims.Subject, claims.ClientID)
}

func Example() {
	verifier, err := resourceserver.New("https://id.example", "https://orders.example",
		resourceserver.WithEvents("orders-svc", os.Getenv("CLIENT_SECRET"))) // revoked tokens are refused at once, not within seconds
	if err != nil {
		log.Fatal(err)
	}
	defer verifier.Close()

	mux := http.NewServeMux()
	mux.Handle("GET /orders", verifier.Require("orders:read")(http.HandlerFunc(listOrders)))
	mux.Handle("POST /refunds", verifier.Require("orders:write")(
		verifier.RequireSignIn(5*time.Minute)(http.HandlerFunc(listOrders)))) // by a user who signed in a moment ago
	mux.Handle(resourceserver.MetadataPath, verifier.MetadataHandler())
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if status := verifier.Status(); !status.Ready {
			http.Error(w, status.Reason, http.StatusServiceUnavailable)
		}
	})
	go http.ListenAndServe("127.0.0.1:8081", mux) //nolint:errcheck,gosec // an example
}

func ExampleVerifier_Require() {
	issuer := rstest.New(new(testing.T), "https://orders.example") // in a test, its own t
	service := httptest.NewServer(issuer.Verifier.Require("orders:read")(http.HandlerFunc(listOrders)))
	defer service.Close()

	for _, scope := range []string{"orders:read", "orders:write"} {
		request, _ := http.NewRequest(http.MethodGet, service.URL, nil)
		request.Header.Set("Authorization", "Bearer "+issuer.Token(rstest.Claims{"scope": scope}))
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			log.Fatal(err)
		}
		response.Body.Close()
		fmt.Printf("%d %q\n", response.StatusCode, response.Header.Get("WWW-Authenticate"))
	}
	// Output:
	// 200 ""
	// 403 "Bearer error=\"insufficient_scope\", error_description=\"The access token lacks a permission.\", scope=\"orders:read\", resource_metadata=\"https://orders.example/.well-known/oauth-protected-resource\""
}
