package oauth

import (
	"math"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/cors"
	"github.com/signet-auth/signet/internal/device"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/token"
)

// deviceAnswer is what a device is answered (RFC 8628 §3.2); times are in seconds.
type deviceAnswer struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int    `json:"expires_in"`
	Interval                int    `json:"interval"`
}

// device is the device authorization endpoint (RFC 8628 §3.1).
func (p *Provider) device(w http.ResponseWriter, r *http.Request) {
	cors.AllowAnyOrigin(w)
	codes, err := p.beginDevice(w, r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	page := p.Issuer + "/device"
	httpjson.Write(w, http.StatusOK, deviceAnswer{
		DeviceCode: codes.DeviceCode, UserCode: codes.UserCode,
		VerificationURI: page, VerificationURIComplete: page + "?" + url.Values{"user_code": {codes.UserCode}}.Encode(),
		ExpiresIn: int(codes.ExpiresIn / time.Second), Interval: int(math.Ceil(codes.Interval.Seconds())),
	})
}

// beginDevice judges a device's request as far as it does not depend on a person, and stores it.
func (p *Provider) beginDevice(w http.ResponseWriter, r *http.Request) (codes device.Codes, err error) {
	form, err := readForm(w, r)
	if err != nil {
		return codes, err
	}
	if len(form.Encode()) > maxRequest {
		return codes, fosite.ErrInvalidRequest.WithHint(ourWords + "The request is too long.")
	}
	if err := p.Cache.Refresh(r.Context()); err != nil {
		return codes, err
	}
	client, _, err := p.Clients.Authenticate(r, form)
	if err != nil {
		return codes, clientError(err)
	}
	if !slices.Contains(client.GrantTypes, domain.GrantDeviceCode) {
		return codes, fosite.ErrUnauthorizedClient.WithHint(ourWords + "The client is not registered for this grant type.")
	}
	if err := checkScopeForm(form); err != nil {
		return codes, err
	}
	targets, err := p.Registry.Targets(r.Context(), client, p.resources(form), renewable(client, token.SplitScopes(form.Get("scope"))))
	if err != nil {
		return codes, targetError(err)
	}
	return p.Devices.Begin(r.Context(), client, device.Ask{
		APIs: p.asked(targets), Nonce: form.Get("nonce"), Remote: r.RemoteAddr, UserAgent: r.UserAgent(),
	})
}
