// Command go-service is an API whose requests need an access token of Signet:
//
//	signet api create https://orders.example --permission orders:read --permission orders:write
//	signet client create orders-svc --serves https://orders.example     # prints client_secret, once
//	signet receiver create orders-svc --poll
//	CLIENT_SECRET=… go run ./examples/go-service -issuer http://127.0.0.1:8080 -client orders-svc
//	curl -H "Authorization: Bearer $token" http://127.0.0.1:8081/orders
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/signet-auth/signet/resourceserver"
)

func main() {
	issuer := flag.String("issuer", "http://127.0.0.1:8080", "the `URL` of Signet")
	audience := flag.String("audience", "https://orders.example", "the API, as Signet has it")
	client := flag.String("client", "", "client_id of the receiver of security events; its secret is in CLIENT_SECRET; empty: none")
	address := flag.String("listen", "127.0.0.1:8081", "`host:port`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *issuer, *audience, *client, *address); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, issuer, audience, client, address string) error {
	options := []resourceserver.Option{
		resourceserver.WithName("Orders"), resourceserver.WithScopes("orders:read", "orders:write"), resourceserver.WithLogger(slog.Default()),
	}
	if client != "" {
		options = append(options, resourceserver.WithEvents(client, os.Getenv("CLIENT_SECRET")))
	}
	verifier, err := resourceserver.New(issuer, audience, options...)
	if err != nil {
		return err
	}
	defer verifier.Close()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: routes(verifier), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	context.AfterFunc(ctx, func() {
		_ = server.Shutdown(context.WithoutCancel(ctx)) // Serve returns then
	})
	fmt.Println("listening on", listener.Addr())
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

func routes(verifier *resourceserver.Verifier) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /orders", verifier.Require("orders:read")(http.HandlerFunc(listOrders)))
	mux.Handle("POST /orders", verifier.Require("orders:write")(http.HandlerFunc(listOrders)))
	mux.Handle("POST /refunds", verifier.Require("orders:write")(verifier.RequireSignIn(5*time.Minute)(http.HandlerFunc(listOrders))))
	mux.Handle(resourceserver.MetadataPath, verifier.MetadataHandler())
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if status := verifier.Status(); !status.Ready {
			http.Error(w, status.Reason, http.StatusServiceUnavailable)
		}
	})
	return mux
}

// listOrders answers with who asks, and with what.
func listOrders(w http.ResponseWriter, r *http.Request) {
	claims, _ := resourceserver.FromContext(r.Context()) // Require has put them there
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // the caller is gone
		"sub": claims.Subject, "client_id": claims.ClientID, "roles": claims.Roles, "entitlements": claims.Entitlements,
	})
}
