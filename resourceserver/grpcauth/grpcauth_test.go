package grpcauth_test

import (
	"context"
	"net"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signet-auth/signet/resourceserver"
	"github.com/signet-auth/signet/resourceserver/grpcauth"
	"github.com/signet-auth/signet/resourceserver/rstest"
)

// dial starts a server with the health service, whose methods are protected, and a client.
func dial(t *testing.T, verifier *resourceserver.Verifier, methods grpcauth.Methods) healthpb.HealthClient {
	t.Helper()
	auth := grpcauth.New(verifier, methods)
	seen := func(ctx context.Context) {
		if _, ok := resourceserver.FromContext(ctx); ok == slices.Contains(methods["/grpc.health.v1.Health/*"], grpcauth.Public) {
			t.Errorf("there are claims: %v", ok)
		}
	}
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(auth.Unary, func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			seen(ctx)
			return handler(ctx, request)
		}),
		grpc.ChainStreamInterceptor(auth.Stream, func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			seen(stream.Context())
			return handler(server, stream)
		}))
	healthpb.RegisterHealthServer(server, health.NewServer())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(listener) //nolint:errcheck // until Stop
	t.Cleanup(server.Stop)
	connection, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return healthpb.NewHealthClient(connection)
}

// call is what a unary call and a stream come to with these authorizations; they must be the same.
func call(t *testing.T, client healthpb.HealthClient, authorization ...string) codes.Code {
	t.Helper()
	ctx := t.Context()
	for _, value := range authorization {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", value)
	}
	_, unary := client.Check(ctx, &healthpb.HealthCheckRequest{})
	stream, err := client.Watch(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = stream.Recv(); status.Code(err) != status.Code(unary) {
		t.Errorf("a unary call comes to %v, a stream to %v", unary, err)
	}
	return status.Code(unary)
}

func TestCallsAreServedByWhatTheirTokensPermit(t *testing.T) {
	issuer := rstest.New(t, "https://orders.example")
	good := issuer.Token(rstest.Claims{"scope": "orders:read"})
	revoked := issuer.Token(rstest.Claims{"scope": "orders:read"})
	issuer.Revoke(revoked)
	reading := dial(t, issuer.Verifier, grpcauth.Methods{"/grpc.health.v1.Health/*": {"orders:read"}})
	for _, c := range []struct {
		authorization []string
		code          codes.Code
	}{
		{[]string{"Bearer " + good}, codes.OK},
		{[]string{"bearer " + good}, codes.OK},
		{nil, codes.Unauthenticated},
		{[]string{""}, codes.Unauthenticated},
		{[]string{good}, codes.Unauthenticated},
		{[]string{"Basic " + good}, codes.Unauthenticated},
		{[]string{"Bearer " + good, "Bearer " + good}, codes.Unauthenticated},
		{[]string{"Bearer x"}, codes.Unauthenticated},
		{[]string{"Bearer " + revoked}, codes.Unauthenticated},
		{[]string{"Bearer " + issuer.Token(rstest.Claims{"scope": "orders:write"})}, codes.PermissionDenied},
	} {
		if got := call(t, reading, c.authorization...); got != c.code {
			t.Errorf("%.20q: %v, want %v", c.authorization, got, c.code)
		}
	}
	public := dial(t, issuer.Verifier, grpcauth.Methods{"/grpc.health.v1.Health/*": {grpcauth.Public}})
	if got := call(t, public); got != codes.OK {
		t.Errorf("a public method: %v", got)
	}
	any := dial(t, issuer.Verifier, grpcauth.Methods{"/grpc.health.v1.Health/*": {"orders:read"}, "/grpc.health.v1.Health/Check": nil, "/grpc.health.v1.Health/Watch": nil})
	if got := call(t, any, "Bearer "+issuer.Token(nil)); got != codes.OK {
		t.Errorf("a method for every token: %v", got)
	}
	if got := call(t, any); got != codes.Unauthenticated {
		t.Errorf("a method for every token, without one: %v", got)
	}
	none := dial(t, issuer.Verifier, grpcauth.Methods{"/grpc.health.v1.Health": nil, "/*": nil})
	if got := call(t, none, "Bearer "+good); got != codes.PermissionDenied {
		t.Errorf("a method that is not listed: %v", got)
	}
	down, err := resourceserver.New("http://127.0.0.1:1", "https://orders.example")
	if err != nil {
		t.Fatal(err)
	}
	defer down.Close()
	if got := call(t, dial(t, down, grpcauth.Methods{"/grpc.health.v1.Health/*": {"orders:read"}}), "Bearer "+good); got != codes.Unavailable {
		t.Errorf("while the issuer is down: %v", got)
	}
}
