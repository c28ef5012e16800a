// Package resourceserver verifies the access tokens of an authorization server where they arrive: in the service behind an API, without
// a call for each request.
//
//	verifier, err := resourceserver.New("https://id.example", "https://orders.example")
//	if err != nil {
//		return err
//	}
//	defer verifier.Close()
//	mux.Handle("GET /orders", verifier.Require("orders:read")(listOrders))
//
// A Verifier finds the issuer's keys by its metadata (RFC 8414), follows them as they change, and accepts what RFC 9068 §4 says an access
// token for the audience is. A token that refers to a Token Status List is refused within the list's ttl of its revocation, and within
// milliseconds with security events ([WithEvents], [WithPushedEvents]).
//
// What cannot be judged is never accepted: while there are no keys, or no status list that counts, [Verifier.Verify] fails with
// [ErrUnavailable], and the middleware answers 503. [Verifier.Status] says what is known, and since when.
//
// Tokens that are encrypted to the API, as a whole or in single claims, are decrypted with the service's own keys ([WithDecryption]).
//
// Everything that others send is bounded: tokens, documents, how long a fetch may take, how often one is made, and what is kept.
//
// Package decide says what a token's subject may do, by the policy of the API ([WithPolicy]).
//
// Package rstest mints tokens for tests of services, without a server. Package grpcauth has interceptors for gRPC.
package resourceserver
