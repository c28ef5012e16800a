// Package httpjson reads JSON requests, and writes the JSON answers of the OAuth endpoints and of the documents beside them.
package httpjson

import (
	"encoding/json"
	"net/http"

	"github.com/signet-auth/signet/internal/requestid"
)

// Error is an error as it leaves the server (RFC 6749 §5.2), with the HTTP status that it is sent with.
type Error struct {
	Code        string
	Description string
	Status      int
}

// What a caller is told of the server's own failures.
var (
	Unavailable = Error{"temporarily_unavailable", "The server cannot answer at the moment; try again.", http.StatusServiceUnavailable}
	ServerError = Error{"server_error", "The server failed; the failure is in its log.", http.StatusInternalServerError}
)

// errorBody is an Error as JSON. Clients ignore members that they do not know (RFC 6749 §5.1), as they may not know the last.
type errorBody struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
	RequestID   string `json:"request_id,omitempty"`
}

// WriteError answers with an error and the id of the request, which is in the answer's header already. A 503 says when to try again.
func WriteError(w http.ResponseWriter, e Error) {
	if e.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	Write(w, e.Status, errorBody{e.Code, e.Description, w.Header().Get(requestid.Header)})
}

// Write answers with JSON that no cache keeps, unless a 200 has a Cache-Control of its own. It panics if the body has no JSON form.
func Write(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err) // our own types
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if status != http.StatusOK || h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(encoded) //nolint:errcheck // the caller is gone
}
