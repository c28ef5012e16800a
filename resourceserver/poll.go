package resourceserver

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	maxPollAnswer = 16 << 20 // bytes
	maxPollEvents = 100
	pollTimeout   = 40 * time.Second // longer than the issuer lets a poll wait
	pollPace      = time.Second      // between polls that bring nothing new, in case the issuer does not let them wait
)

// poller fetches events by poll (RFC 8936).
type poller struct {
	*events
	fetch    *fetcher
	endpoint string
	secret   string
	log      *slog.Logger
}

// pollRequest is RFC 8936 §2.2.
type pollRequest struct {
	MaxEvents int                  `json:"maxEvents"`
	Ack       []string             `json:"ack,omitempty"`
	SetErrs   map[string]*setError `json:"setErrs,omitempty"`
}

// isNews reports whether an answer has events that the request has not acknowledged.
func (r pollRequest) isNews(sets map[string]string) bool {
	for id := range sets {
		if r.SetErrs[id] == nil && !slices.Contains(r.Ack, id) {
			return true
		}
	}
	return false
}

// run polls until ctx ends. What was applied is acknowledged with the next poll, which the issuer lets wait until there is news.
func (p *poller) run(ctx context.Context) {
	select {
	case <-p.keys.ready: // nothing can be verified before
	case <-ctx.Done():
		return
	}
	request := pollRequest{MaxEvents: maxPollEvents}
	for failures := 0; ; {
		began, news := time.Now(), false
		sets, err := p.poll(ctx, request)
		if err == nil {
			news = request.isNews(sets)
			request, err = p.handle(ctx, sets)
		}
		if ctx.Err() != nil {
			return
		}
		p.note(err)
		if err == nil {
			if failures > 0 {
				p.log.InfoContext(ctx, "security events are received again")
			}
			failures = 0
			if !news && !sleep(ctx, pollPace-time.Since(began), nil) {
				return
			}
			continue
		}
		if failures++; failures == 1 {
			p.log.WarnContext(ctx, "security events are not received", "endpoint", p.endpoint, "error", err)
		}
		if !sleep(ctx, backoff(failures), nil) {
			return
		}
	}
}

// poll sends a request, and returns the tokens of the answer by their ids.
func (p *poller) poll(ctx context.Context, request pollRequest) (sets map[string]string, err error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, p.endpoint, strings.NewReader(string(body)))
	if err != nil {
		return nil, fmt.Errorf("%q is no URL", p.endpoint)
	}
	post.Header.Set("Content-Type", "application/json")
	post.Header.Set("Accept", "application/json")
	(&receiverCredentials{p.clientID, p.secret}).authorize(post)
	a, err := p.fetch.do(post, maxPollAnswer)
	switch {
	case err != nil:
		return nil, err
	case a.status != http.StatusOK:
		return nil, &statusError{p.endpoint, a.status}
	}
	o, err := parseObject(a.body)
	if err != nil {
		return nil, errors.New("the answer to a poll for events is malformed")
	}
	all := o.object("sets")
	if all == nil {
		return nil, errors.New("the answer to a poll for events has no sets")
	}
	sets = map[string]string{}
	for _, m := range all.members {
		sets[m.name] = all.text(m.name)
	}
	if all.err != nil {
		return nil, errors.New("the answer to a poll for events is malformed")
	}
	return sets, nil
}

// handle applies events in the order in which they happened, and returns the request that acknowledges them. An error says that some could
// not be verified now; they come again.
func (p *poller) handle(ctx context.Context, sets map[string]string) (pollRequest, error) {
	next := pollRequest{MaxEvents: maxPollEvents, SetErrs: map[string]*setError{}}
	var read []event
	var later error
	for id, token := range sets {
		made, err := p.read(ctx, token)
		if err == nil && made.id != id {
			err = &setError{"invalid_request", "The jti is not the one that the answer gives it."}
		}
		switch refused := refusal(err); {
		case refused != nil:
			next.SetErrs[id] = refused
		case err != nil:
			later = err
		default:
			read = append(read, made)
		}
	}
	slices.SortFunc(read, func(a, b event) int { return cmp.Or(a.issued.Compare(b.issued), cmp.Compare(a.order, b.order)) })
	for _, made := range read {
		if refused := refusal(p.apply(made)); refused != nil {
			next.SetErrs[made.id] = refused
		} else {
			next.Ack = append(next.Ack, made.id)
		}
	}
	for id, refused := range next.SetErrs {
		p.log.WarnContext(ctx, "a security event is refused", "jti", id, "error", refused)
	}
	return next, later
}
