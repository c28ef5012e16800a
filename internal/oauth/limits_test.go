package oauth

import (
	"net/url"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/device"
	"github.com/signet-auth/signet/internal/domain"
)

func TestOnlyTheCodeOrTokenThatARequestIsJudgedByHoldsItsFailures(t *testing.T) {
	devices := device.New(device.Config{Key: make([]byte, 32), Now: time.Now})
	p := New(Config{Clients: &authn.Clients{}, Devices: devices, Secret: make([]byte, 32)})
	issued, _, err := p.strategy.GenerateAuthorizeCode(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := p.strategy.GenerateAuthorizeCode(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.issuedToken(t.Context(), url.Values{"token": {issued}}) == p.issuedToken(t.Context(), url.Values{"token": {other}}) {
		t.Error("two are one")
	}
	for _, c := range []struct {
		grantType, parameter, value string
		want                        bool
	}{
		{"", "token", issued, true},
		{"", "code", issued, false},
		{"", "token", "made up", false},
		{domain.GrantAuthorizationCode, "code", issued, true},
		{domain.GrantAuthorizationCode, "refresh_token", issued, false},
		{domain.GrantAuthorizationCode, "code", "made up", false},
		{domain.GrantRefreshToken, "refresh_token", issued, true},
		{domain.GrantRefreshToken, "token", issued, false},
		{domain.GrantJWTBearer, "token", issued, false},
		{domain.GrantJWTBearer, "", issued, false},
		{domain.GrantDeviceCode, "device_code", issued, false},
		{domain.GrantDeviceCode, "code", issued, false},
	} {
		form := url.Values{c.parameter: {c.value}}
		if c.grantType != "" {
			form.Set("grant_type", c.grantType)
		}
		if got := p.issuedToken(t.Context(), form) != ""; got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}
