package ssf

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/outbound"
	"github.com/signet-auth/signet/internal/secevent"
)

// configuration is that of a stream (Shared Signals Framework 1.0 §8.1.1).
type configuration struct {
	StreamID        string   `json:"stream_id"`
	Issuer          string   `json:"iss"`
	Audience        string   `json:"aud"`
	EventsSupported []string `json:"events_supported"`
	EventsRequested []string `json:"events_requested"`
	EventsDelivered []string `json:"events_delivered"`
	Delivery        delivery `json:"delivery"`
	MinVerification int      `json:"min_verification_interval"` // seconds
	Description     string   `json:"description,omitempty"`
}

// delivery is how events reach the receiver (§6.1). The header is secret, and never shown.
type delivery struct {
	Method      string  `json:"method"`
	EndpointURL string  `json:"endpoint_url"`
	Header      *string `json:"authorization_header,omitempty"`
}

// streamRequest is a configuration as a receiver sends it. What the transmitter supplies may be there, and must be right.
type streamRequest struct {
	StreamID        string    `json:"stream_id"`
	Issuer          *string   `json:"iss"`
	Audience        any       `json:"aud"`
	EventsSupported *[]string `json:"events_supported"`
	EventsRequested *[]string `json:"events_requested"`
	EventsDelivered *[]string `json:"events_delivered"`
	Delivery        *delivery `json:"delivery"`
	MinVerification *int      `json:"min_verification_interval"`
	Inactivity      *int      `json:"inactivity_timeout"`
	Description     *string   `json:"description" empty:"allowed"`
}

func eventTypes(kinds []string) []string {
	types := make([]string, len(kinds))
	for i, kind := range kinds {
		types[i] = secevent.EventType(kind)
	}
	return types
}

func (s *surface) pollURL() string { return s.Issuer + domain.StreamsPath + "/poll" }

func (s *surface) show(r domain.Receiver) configuration {
	endpoint, kinds := s.pollURL(), eventTypes(r.Events)
	if r.Method == domain.DeliveryPush {
		endpoint = r.Endpoint
	}
	return configuration{
		StreamID: r.Client, Issuer: s.Issuer, Audience: r.Client, EventsSupported: eventTypes(domain.SecurityEvents),
		EventsRequested: kinds, EventsDelivered: kinds, Delivery: delivery{Method: r.Method.URN(), EndpointURL: endpoint},
		MinVerification: int(secevent.MinVerificationInterval.Seconds()), Description: r.Description,
	}
}

// readStreams shows the stream that is asked for, or all that the client has.
func (s *surface) readStreams(r request) (int, any, error) {
	named, err := r.namesStream()
	if err != nil {
		return 0, nil, err
	}
	found, err := s.Events.Find(r.Context(), r.client)
	switch {
	case !named && errors.Is(err, domain.ErrNotFound):
		return http.StatusOK, []configuration{}, nil
	case err != nil:
		return 0, nil, err
	case !named:
		return http.StatusOK, []configuration{s.show(found)}, nil
	}
	return http.StatusOK, s.show(found), nil
}

func (s *surface) createStream(r request) (int, any, error) {
	var wanted streamRequest
	if err := r.read(&wanted); err != nil {
		return 0, nil, err
	}
	receiver := domain.Receiver{Client: r.client, Method: domain.DeliveryPoll}
	if err := s.apply(&receiver, wanted); err != nil {
		return 0, nil, err
	}
	bearer, err := bearerOf(wanted.Delivery)
	if err != nil {
		return 0, nil, err
	}
	token := ""
	if bearer != nil {
		token = *bearer
	}
	made, err := s.Events.Create(r.Context(), receiver, token)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, s.show(made), nil
}

// updateStream changes what the request names.
func (s *surface) updateStream(r request) (int, any, error) {
	return s.change(r, func(*streamRequest) {})
}

// replaceStream changes all: what the request does not name is as in a new stream.
func (s *surface) replaceStream(r request) (int, any, error) {
	return s.change(r, func(w *streamRequest) {
		if w.EventsRequested == nil {
			w.EventsRequested = new(eventTypes(domain.SecurityEvents))
		}
		if w.Description == nil {
			w.Description = new("")
		}
		if w.Delivery == nil {
			w.Delivery = &delivery{Method: domain.DeliveryPoll.URN()}
		}
		if w.Delivery.Header == nil {
			w.Delivery.Header = new("")
		}
	})
}

func (s *surface) change(r request, complete func(*streamRequest)) (int, any, error) {
	var wanted streamRequest
	if err := r.read(&wanted); err != nil {
		return 0, nil, err
	}
	if err := r.checkStream(wanted.StreamID); err != nil {
		return 0, nil, err
	}
	complete(&wanted)
	bearer, err := bearerOf(wanted.Delivery)
	if err != nil {
		return 0, nil, err
	}
	changed, err := s.Events.Update(r.Context(), r.client, bearer, func(receiver *domain.Receiver) error {
		return s.apply(receiver, wanted)
	})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, s.show(changed), nil
}

func (s *surface) deleteStream(r request) (int, any, error) {
	if err := r.requireStream(); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, s.Events.Delete(r.Context(), r.client)
}

// apply makes a receiver what a request wants, once what the transmitter supplies is as it is.
func (s *surface) apply(r *domain.Receiver, wanted streamRequest) error {
	if err := s.matches(s.show(*r), wanted); err != nil {
		return err
	}
	if wanted.Description != nil {
		r.Description = *wanted.Description
	}
	if wanted.EventsRequested != nil {
		r.Events = known(*wanted.EventsRequested)
	}
	if wanted.Delivery == nil {
		return nil
	}
	switch was := r.Origin(); wanted.Delivery.Method {
	case domain.DeliveryPush.URN():
		r.Method, r.Endpoint = domain.DeliveryPush, wanted.Delivery.EndpointURL
		if r.Origin() != was { // what is not public is for administrators to allow, and they allowed another
			r.AllowPrivate = false
			if u, err := url.Parse(r.Endpoint); err != nil || u.Scheme != "https" || outbound.IsLoopback(u.Hostname()) {
				return malformed("The member 'delivery.endpoint_url' must be an https URL at a public address.")
			}
		}
	case domain.DeliveryPoll.URN():
		if endpoint := wanted.Delivery.EndpointURL; endpoint != "" && endpoint != s.pollURL() {
			return malformed("The member 'delivery.endpoint_url' is supplied by the transmitter for a stream that is polled.")
		}
		r.Method, r.Endpoint, r.AllowPrivate = domain.DeliveryPoll, "", false
	default:
		return malformed("The member 'delivery.method' must be " + domain.DeliveryPush.URN() + " or " + domain.DeliveryPoll.URN() + ".")
	}
	return nil
}

// known are the kinds of those events that Signet sends. Others are ignored (§8.1.1), even if nothing is left: events_delivered says so.
func known(types []string) []string {
	kinds := []string{}
	for _, kind := range domain.SecurityEvents {
		if slices.Contains(types, secevent.EventType(kind)) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// matches checks what the transmitter supplies, where a request has it.
func (s *surface) matches(is configuration, wanted streamRequest) error {
	wrong := ""
	switch {
	case wanted.Issuer != nil && *wanted.Issuer != is.Issuer:
		wrong = "iss"
	case wanted.Audience != nil && !isAudience(wanted.Audience, is.Audience):
		wrong = "aud"
	case wanted.EventsSupported != nil && !sameSet(*wanted.EventsSupported, is.EventsSupported):
		wrong = "events_supported"
	case wanted.EventsDelivered != nil && !sameSet(*wanted.EventsDelivered, is.EventsDelivered):
		wrong = "events_delivered"
	case wanted.MinVerification != nil && *wanted.MinVerification != is.MinVerification:
		wrong = "min_verification_interval"
	case wanted.Inactivity != nil:
		wrong = "inactivity_timeout"
	}
	if wrong != "" {
		return malformed("The member '" + wrong + "' is supplied by the transmitter, and another.")
	}
	return nil
}

func isAudience(given any, audience string) bool {
	if list, ok := given.([]any); ok && len(list) == 1 {
		given = list[0]
	}
	return given == any(audience)
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// bearerOf is the bearer token of a delivery's header: nil if it says nothing of one, empty if it has none.
func bearerOf(d *delivery) (*string, error) {
	if d == nil || d.Header == nil {
		return nil, nil
	}
	if *d.Header == "" {
		return d.Header, nil
	}
	scheme, token, _ := strings.Cut(*d.Header, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return nil, malformed("The member 'delivery.authorization_header' must be of the scheme Bearer.")
	}
	return &token, nil
}
