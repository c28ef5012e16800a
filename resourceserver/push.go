package resourceserver

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strings"
)

// receiver takes events by push (RFC 8935).
type receiver struct {
	*events
	bearer [sha256.Size]byte
}

// EventHandler takes the security events that are pushed to the service (RFC 8935), for [WithPushedEvents]. Without that option it answers 404.
func (v *Verifier) EventHandler() http.Handler {
	if v.receiver == nil {
		return http.NotFoundHandler()
	}
	return v.receiver
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	scheme, token, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	sent := sha256.Sum256([]byte(token))
	media, _, err := mime.ParseMediaType(request.Header.Get("Content-Type"))
	switch {
	case request.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(sent[:], r.bearer[:]) != 1:
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
		return
	case err != nil || media != "application/secevent+jwt":
		refuseEvent(w, &setError{"invalid_request", "Send the event as application/secevent+jwt."})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxEvent))
	if err != nil {
		refuseEvent(w, &setError{"invalid_request", "The event is too large, or was cut off."})
		return
	}
	made, err := r.read(request.Context(), strings.TrimSpace(string(body)))
	if err == nil {
		err = r.apply(made)
	}
	r.note(err)
	if refused := refusal(err); refused != nil {
		refuseEvent(w, refused)
		return
	}
	if err != nil { // the issuer sends it again
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// refuseEvent is RFC 8935 §2.3.
func refuseEvent(w http.ResponseWriter, refused *setError) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(refused) // the caller is gone
}
