// Package httpjson reads JSON requests, and writes the JSON answers of the OAuth endpoints and of the documents beside them.
package httpjson

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/signet-auth/signet/internal/requestid"
)

// Error is an error as it leaves the server (RFC 6749 §5.2), with the HTTP status that it is sent with.
type Error struct {
	Code        string
	Description string
	Status      int
	RetryAfter  int // seconds; 0: nothing is said of it
}

// What a caller is told of the server's own failures.
var (
	Unavailable = Error{Code: "temporarily_unavailable", Description: "The server cannot answer at the moment; try again.", Status: http.StatusServiceUnavailable, RetryAfter: 1}
	ServerError = Error{Code: "server_error", Description: "The server failed; the failure is in its log.", Status: http.StatusInternalServerError}
)

// TooMany is what somebody is told who has to wait for so many seconds. RFC 6749 has no code of its own for it.
func TooMany(seconds int) Error {
	return Error{Code: "temporarily_unavailable", Description: TooManyRequests, Status: http.StatusTooManyRequests, RetryAfter: seconds}
}

// TooManyRequests is said in all that is no page.
const TooManyRequests = "You send too many requests: wait, then go on."

// errorBody is an Error as JSON. Clients ignore members that they do not know (RFC 6749 §5.1), as they may not know the last.
type errorBody struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
	RequestID   string `json:"request_id,omitempty"`
}

// WriteError answers with an error and the id of the request, which is in the answer's header already. One that may pass says when to try
// again.
func WriteError(w http.ResponseWriter, e Error) {
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.RetryAfter))
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
