package oauth

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/secevent"
)

// pollLimit is how long a poll may take in all, waiting included.
const pollLimit = 40 * time.Second

// pollEvents is the endpoint from which services fetch security events (RFC 8936 §2). They authenticate with
// client_secret_basic: the body is JSON.
func (p *Provider) pollEvents(w http.ResponseWriter, r *http.Request) {
	request, err := readPoll(w, r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	// The server's own limits are for requests that do not wait.
	limits := http.NewResponseController(w)
	until := time.Now().Add(pollLimit)
	if err := errors.Join(limits.SetReadDeadline(until), limits.SetWriteDeadline(until)); err != nil {
		p.fail(w, r, err)
		return
	}
	// What follows proves nothing to the database: a secret must not have been withdrawn a moment ago.
	if err := p.Cache.Refresh(r.Context()); err != nil {
		p.fail(w, r, err)
		return
	}
	var caller *domain.Client
	err = p.current(r.Context(), func(int64) error {
		caller, _, err = p.Clients.AuthenticateConfidential(r, url.Values{})
		return clientError(err)
	})
	var answer secevent.Answer
	if err == nil {
		answer, err = p.Events.Poll(event.WithActor(r.Context(), event.Client(caller.ClientID)), caller.ClientID, request)
	}
	switch {
	case errors.Is(err, domain.ErrNotFound), errors.Is(err, secevent.ErrNotPolling):
		err = fosite.ErrAccessDenied.WithDescription("The client is not registered to poll for events.")
	case errors.Is(err, domain.ErrInvalid):
		err = fosite.ErrInvalidRequest.WithHint("The member 'maxEvents' must not be negative.")
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	httpjson.Write(w, http.StatusOK, answer)
}

// readPoll reads the body of a poll: one JSON object, bounded; members that mean nothing here are ignored.
func readPoll(w http.ResponseWriter, r *http.Request) (request secevent.Poll, err error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return request, fosite.ErrInvalidRequest.WithHint("Send the request as application/json.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return request, errTooLarge
	}
	if json.Unmarshal(body, &request) != nil {
		return request, fosite.ErrInvalidRequest.WithHint("The body is not a JSON object as in RFC 8936.")
	}
	return request, nil
}
