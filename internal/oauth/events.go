package oauth

import (
	"context"
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
	var request secevent.Poll
	if err := readObject(w, r, &request); err != nil {
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
	ctx, clientID, err := p.authenticateReceiver(r)
	var answer secevent.Answer
	if err == nil {
		answer, err = p.Events.Poll(ctx, clientID, request)
	}
	switch {
	case errors.Is(err, domain.ErrNotFound), errors.Is(err, secevent.ErrNotPolling):
		err = fosite.ErrAccessDenied.WithDescription(ourWords + "The client is not registered to poll for events.")
	case errors.Is(err, domain.ErrInvalid):
		err = fosite.ErrInvalidRequest.WithHint(ourWords + "The member 'maxEvents' must not be negative.")
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	httpjson.Write(w, http.StatusOK, answer)
}

// addSubject and removeSubject are the endpoints by which a receiver changes the subjects of its stream (Shared Signals Framework 1.0
// §8.1.3.2, §8.1.3.3). It authenticates as for a poll.
func (p *Provider) addSubject(w http.ResponseWriter, r *http.Request) {
	p.changeSubject(w, r, p.Events.AddSubject, http.StatusOK)
}

func (p *Provider) removeSubject(w http.ResponseWriter, r *http.Request) {
	p.changeSubject(w, r, p.Events.RemoveSubject, http.StatusNoContent)
}

func (p *Provider) changeSubject(w http.ResponseWriter, r *http.Request,
	change func(ctx context.Context, clientID string, request secevent.StreamSubject) error, done int) {
	var request secevent.StreamSubject
	err := readObject(w, r, &request)
	if err == nil {
		var ctx context.Context
		var clientID string
		if ctx, clientID, err = p.authenticateReceiver(r); err == nil {
			err = change(ctx, clientID, request)
		}
	}
	switch {
	case errors.Is(err, secevent.ErrNotReceiver):
		err = fosite.ErrAccessDenied.WithDescription(ourWords + "The client is not registered to receive events.")
	case errors.Is(err, secevent.ErrTooManySubjects):
		err = fosite.ErrAccessDenied.WithDescription(ourWords + "There are too many subjects in the stream: remove some.")
	case errors.Is(err, secevent.ErrUnknownSubject):
		err = errUnknownSubject
	case errors.Is(err, domain.ErrInvalid):
		err = fosite.ErrInvalidRequest.WithHint(ourWords + "The subject must have the format iss_sub, with iss and sub; a stream_id must be the client_id.")
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(done)
}

// authenticateReceiver returns a ctx whose actor is the client that a request with a JSON body comes from, and its client_id.
func (p *Provider) authenticateReceiver(r *http.Request) (ctx context.Context, clientID string, err error) {
	// What follows proves nothing to the database: a secret must not have been withdrawn a moment ago.
	if err := p.Cache.Refresh(r.Context()); err != nil {
		return nil, "", err
	}
	var caller *domain.Client
	err = p.current(r.Context(), func(int64) error {
		caller, _, err = p.Clients.AuthenticateConfidential(r, url.Values{})
		return clientError(err)
	})
	if err != nil {
		return nil, "", err
	}
	return event.WithActor(r.Context(), event.Client(caller.ClientID)), caller.ClientID, nil
}

// readObject reads a body: one JSON object, bounded.
func readObject(w http.ResponseWriter, r *http.Request, to any) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return fosite.ErrInvalidRequest.WithHint(ourWords + "Send the request as application/json.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return errTooLarge
	}
	if err := httpjson.Decode(body, to); err != nil {
		return fosite.ErrInvalidRequest.WithHint(ourWords + err.Error())
	}
	return nil
}
