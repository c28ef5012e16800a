// Package grpcauth has gRPC interceptors that let calls through whose access token a resourceserver.Verifier accepts.
//
//	auth := grpcauth.New(verifier, grpcauth.Methods{
//		"/shop.Orders/List": {"orders:read"},
//		"/shop.Orders/*":    {"orders:write"},
//		"/grpc.health.v1.Health/*": {grpcauth.Public},
//	})
//	server := grpc.NewServer(grpc.UnaryInterceptor(auth.Unary), grpc.StreamInterceptor(auth.Stream))
package grpcauth

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signet-auth/signet/resourceserver"
)

// Methods says which permissions a token must have for a method: all of those named, none if the list is empty. A method is named
// "/package.Service/Method", or "/package.Service/*" for all of a service that are not named. A method that is not here is refused to everybody.
type Methods map[string][]string

// Public stands for the permissions of a method that takes no token. No token has it.
const Public = "\x00public"

// Interceptors are those of a server.
type Interceptors struct {
	verifier *resourceserver.Verifier
	methods  Methods
}

// New makes interceptors.
func New(verifier *resourceserver.Verifier, methods Methods) *Interceptors {
	return &Interceptors{verifier, methods}
}

// Unary is a grpc.UnaryServerInterceptor. A call without a token that is valid fails with Unauthenticated, one that lacks a permission with
// PermissionDenied, one whose token cannot be judged now with Unavailable. resourceserver.FromContext has the claims of the others.
func (i *Interceptors) Unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, err := i.authenticate(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return handler(ctx, request)
}

// Stream is a grpc.StreamServerInterceptor, and fails as Unary does. The token is judged when the stream begins: a stream that is to end with
// its token has to ask again.
func (i *Interceptors) Stream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, err := i.authenticate(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	return handler(server, authenticated{stream, ctx})
}

// authenticated is a stream whose context has claims.
type authenticated struct {
	grpc.ServerStream
	ctx context.Context
}

// Context implements grpc.ServerStream.
func (a authenticated) Context() context.Context { return a.ctx }

func (i *Interceptors) authenticate(ctx context.Context, method string) (context.Context, error) {
	permissions, known := i.methods[method]
	if !known {
		permissions, known = i.methods[method[:strings.LastIndexByte(method, '/')+1]+"*"]
	}
	if !known {
		return nil, status.Error(codes.PermissionDenied, "The method is not open to anybody.")
	}
	if len(permissions) == 1 && permissions[0] == Public {
		return ctx, nil
	}
	token, err := bearer(ctx)
	if err != nil {
		return nil, err
	}
	claims, err := i.verifier.Verify(ctx, token)
	switch {
	case errors.Is(err, resourceserver.ErrInvalidToken):
		return nil, status.Error(codes.Unauthenticated, "The access token is not valid.")
	case err != nil:
		return nil, status.Error(codes.Unavailable, "Access tokens cannot be judged at the moment; try again.")
	case !claims.Has(permissions...):
		return nil, status.Error(codes.PermissionDenied, "The access token lacks a permission.")
	}
	return resourceserver.NewContext(ctx, claims), nil
}

// bearer returns the token in the metadata of a call, "authorization: Bearer …".
func bearer(ctx context.Context) (string, error) {
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(values) > 1 {
		return "", status.Error(codes.Unauthenticated, "Send one authorization.")
	}
	if len(values) == 1 {
		if scheme, token, _ := strings.Cut(values[0], " "); strings.EqualFold(scheme, "Bearer") && token != "" {
			return token, nil
		}
	}
	return "", status.Error(codes.Unauthenticated, "Send an access token.")
}
