package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/boombuler/barcode/qr"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/signet-auth/signet/internal/domain"
)

// deviceCodes are what a device is answered (RFC 8628 §3.2).
type deviceCodes struct {
	DeviceCode  string `json:"device_code"`
	UserCode    string `json:"user_code"`
	URI         string `json:"verification_uri"`
	URIComplete string `json:"verification_uri_complete"`
	ExpiresIn   int    `json:"expires_in"`
	Interval    int    `json:"interval"`
}

// createTV registers a public client for devices.
func (i *installation) createTV() client {
	i.t.Helper()
	return i.createClient("tv", "--public", "--name", "Example TV", "--grant", domain.GrantDeviceCode, "--grant", "refresh_token", "--api", ordersAPI)
}

func deviceRequest() url.Values {
	return url.Values{"scope": {"openid offline_access orders:read"}, "resource": {ordersAPI}, "nonce": {"n-1"}}
}

// beginDevice asks for codes; they must not be seen in a log from then on.
func (s *server) beginDevice(t *testing.T, by client) deviceCodes {
	t.Helper()
	codes := decode[deviceCodes](t, s.post("/oauth2/device", by, deviceRequest()).wantStatus(t, http.StatusOK))
	s.secret(codes.DeviceCode)
	s.secret(codes.UserCode)
	return codes
}

// pollDevice asks for the tokens.
func (s *server) pollDevice(by client, codes deviceCodes) answer {
	return s.post("/oauth2/token", by, url.Values{"grant_type": {domain.GrantDeviceCode}, "device_code": {codes.DeviceCode}})
}

// enterCode goes from the page of the code to the one that asks, signing alice in on the way if nobody is.
func (b *browser) enterCode(code string) *page {
	b.t.Helper()
	p := b.open(b.server.url+"/device").submit("user_code", code)
	if p.url.Path == "/login" {
		p = p.submit("username", alice, "password", alicesSecret)
	}
	return p
}

// wantShown fails unless the page is at a path and shows the texts.
func (p *page) wantShown(t *testing.T, status int, path string, texts ...string) *page {
	t.Helper()
	if p.left || p.url.Path != path || p.status != status {
		t.Fatalf("shown %s with %d, want %s with %d:\n%s", p.url, p.status, path, status, p.text)
	}
	for _, text := range texts {
		if !strings.Contains(p.text, text) {
			t.Errorf("%s does not say %q: %s", path, text, p.text)
		}
	}
	return p
}

func TestADeviceGetsTokensOnceItsUserHasAllowedIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		tv := s.createTV()
		tvBox := s.createClient("tv-box", "--first-party", "--grant", domain.GrantDeviceCode, "--grant", "refresh_token", "--api", ordersAPI)
		for _, c := range []client{tv, tvBox} {
			codes := s.beginDevice(t, c)
			if codes.URI != s.issuer+"/device" || codes.URIComplete != codes.URI+"?user_code="+codes.UserCode || codes.ExpiresIn != 600 || codes.Interval != 5 ||
				!regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`).MatchString(codes.UserCode) || len(codes.DeviceCode) < 43 {
				t.Errorf("the codes are %+v", codes)
			}
			s.pollDevice(c, codes).wantError(t, 400, "authorization_pending")

			b := newBrowser(t, s.server)
			p := b.enterCode(" " + strings.ToLower(strings.ReplaceAll(codes.UserCode, "-", " . ")))
			p.wantShown(t, 200, "/device/consent", codes.UserCode, c.ID, "127.0.0.1", "the network that you are using now", "Go-http-client",
				"started this yourself", "Stay connected", "orders:read", "Alice Example")
			if !regexp.MustCompile(`The device asked ?(just now|\d+ seconds ago|a minute ago)`).MatchString(p.text) {
				t.Errorf("it does not say when the device asked: %s", p.text)
			}
			p.submit("decision", "allow").wantShown(t, 200, "/device/done", "Your device goes on")

			got := s.issued(t, s.pollDevice(c, codes))
			id, access := claims(t, got.ID), claims(t, got.Access)
			if id["nonce"] != "n-1" || id["aud"] != c.ID || id["sub"] != access["sub"] || id["sid"] != nil || got.Refresh == "" || got.Scope != "openid offline_access orders:read" {
				t.Errorf("got %+v with the ID token %v", got, id)
			}
			if diff := cmp.Diff([]any{"pwd"}, id["amr"]); diff != "" || id["auth_time"] != access["auth_time"] || id["auth_time"] == nil {
				t.Errorf("signed in as %v: %s", id, diff)
			}
			// The device stays connected when its user signs out in the browser.
			b.open(s.url + "/logout").submit()
			b.wantSignedIn(t, false)
			s.wantActive(t, s.orders, got.Access, true)
			renewed := s.issued(t, s.post("/oauth2/token", c, refresh(got.Refresh)))
			s.wantActive(t, s.orders, renewed.Access, true)
			s.pollDevice(c, codes).wantError(t, 400, "invalid_grant")
			s.wantActive(t, s.orders, renewed.Access, true)
		}
	})
}

func TestTheLinkOfADeviceOnlyFillsInTheCode(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		tv := s.createTV()
		codes := s.beginDevice(t, tv)
		b := newBrowser(t, s.server)
		b.open(s.url+"/login").submit("username", alice, "password", alicesSecret)
		p := b.open(codes.URIComplete).wantShown(t, 200, "/device", "shows exactly this code")
		if got := p.form.fields.Get("user_code"); got != codes.UserCode {
			t.Errorf("filled in %q", got)
		}
		p = p.submit().wantShown(t, 200, "/device/consent", codes.UserCode)

		// What one browser has entered counts in no other: an attacker cannot spare the victim that page.
		victim := newBrowser(t, s.server)
		victim.open(s.url+"/login").submit("username", alice, "password", alicesSecret)
		victim.open(p.url.String()).wantShown(t, 200, "/device")
		victim.open(s.url+"/device/consent?flow="+url.QueryEscape(p.form.fields.Get("flow"))).wantShown(t, 200, "/device")
		other := victim.open(s.url + "/device")
		other.form.action = "/device/consent"
		other.submit("flow", p.form.fields.Get("flow"), "decision", "allow").wantShown(t, 200, "/device")
		s.pollDevice(tv, codes).wantError(t, 400, "authorization_pending")
	})
}

func TestADeviceIsToldWhatItsUserAnswered(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		tv := s.createTV()
		b := newBrowser(t, s.server)
		for _, answer := range []string{"deny", "", "ALLOW"} {
			codes := s.beginDevice(t, tv)
			asked := b.enterCode(codes.UserCode)
			asked.submit("decision", answer).wantShown(t, 200, "/device/done", "You declined")
			s.pollDevice(tv, codes).wantError(t, 400, "access_denied")
			s.pollDevice(tv, codes).wantError(t, 400, "access_denied")
			asked.submit("decision", "deny").wantShown(t, 200, "/device/done", "You declined") // a double click
			asked.submit("decision", "allow").wantShown(t, 422, "/device/consent", "not valid")
			s.pollDevice(tv, codes).wantError(t, 400, "access_denied")
			b.enterCode(codes.UserCode).wantShown(t, 422, "/device/consent", "not valid")
		}
		t.Run("yes, twice", func(t *testing.T) {
			codes := s.beginDevice(t, tv)
			asked := b.enterCode(codes.UserCode)
			asked.submit("decision", "allow").wantShown(t, 200, "/device/done", "goes on")
			asked.submit("decision", "allow").wantShown(t, 200, "/device/done", "goes on")
			asked.submit("decision", "deny").wantShown(t, 422, "/device/consent", "not valid")
			s.issued(t, s.pollDevice(tv, codes))
		})
		t.Run("what was revoked meanwhile", func(t *testing.T) {
			codes := s.beginDevice(t, tv)
			b.enterCode(codes.UserCode).submit("decision", "allow").wantShown(t, 200, "/device/done")
			s.signet("token", "revoke", "--user", alice)
			s.pollDevice(tv, codes).wantError(t, 400, "invalid_grant")
		})
		t.Run("the events", func(t *testing.T) {
			type event struct {
				Actor, Action, Target string
				Details               json.RawMessage
			}
			var seen []string
			for _, e := range signetJSON[[]event](s.installation, "audit", "list", "--limit", "1000") {
				if strings.HasPrefix(e.Action, "device.") {
					seen = append(seen, e.Action+" by "+e.Actor+" on "+e.Target)
				}
			}
			slices.Sort(seen)
			seen = slices.Compact(seen)
			want := []string{"device.approve by user:alice on client:tv", "device.deny by user:alice on client:tv", "device.request by client:tv on client:tv"}
			if diff := cmp.Diff(want, seen); diff != "" {
				t.Error(diff)
			}
		})
	})
}

func TestADeviceCodeIsBoundToItsClientAndTarget(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		tv := s.createTV()
		other := s.createClient("radio", "--grant", domain.GrantDeviceCode, "--api", ordersAPI)
		codes := s.beginDevice(t, tv)
		s.pollDevice(other, codes).wantError(t, 400, "invalid_grant")
		s.pollDevice(s.web, codes).wantError(t, 400, "unauthorized_client")
		s.pollDevice(tv, codes).wantError(t, 400, "authorization_pending") // the others' polls are none of this device
		newBrowser(t, s.server).enterCode(codes.UserCode).submit("decision", "allow")
		s.pollDevice(other, codes).wantError(t, 400, "invalid_grant")
		s.post("/oauth2/token", tv, url.Values{"grant_type": {domain.GrantDeviceCode}, "device_code": {codes.DeviceCode}, "resource": {invoicesAPI}}).
			wantError(t, 400, "invalid_target")
		s.post("/oauth2/token", tv, url.Values{"grant_type": {domain.GrantDeviceCode}}).wantError(t, 400, "invalid_request")
		s.post("/oauth2/token", tv, url.Values{"grant_type": {domain.GrantDeviceCode}, "device_code": {codes.UserCode}}).wantError(t, 400, "invalid_grant")
		s.issued(t, s.pollDevice(tv, codes))

		form := deviceRequest()
		s.post("/oauth2/device", s.web, form).wantError(t, 400, "unauthorized_client")
		s.post("/oauth2/device", client{ID: "nobody"}, form).wantError(t, 401, "invalid_client")
		s.post("/oauth2/device", client{ID: other.ID, Secret: "wrong"}, form).wantError(t, 401, "invalid_client")
		s.post("/oauth2/device", client{ID: other.ID}, form).wantError(t, 401, "invalid_client")
		s.post("/oauth2/device", tv, with(form, "scope", "invoices:read")).wantError(t, 400, "invalid_scope")
		s.post("/oauth2/device", tv, with(form, "resource", invoicesAPI)).wantError(t, 400, "invalid_target")
		s.signet("client", "disable", tv.ID)
		s.post("/oauth2/device", tv, form).wantError(t, 401, "invalid_client")
		if out := s.refused("client", "create", "lone", "--grant", "refresh_token"); !strings.Contains(out, domain.GrantDeviceCode) {
			t.Errorf("refused with %q", out)
		}
	})
}

func TestADeviceThatPollsTooOftenHasToSlowDownAtEveryReplica(t *testing.T) {
	eachDatabaseWith(t, []string{"SIGNET_DEVICES_INTERVAL=1m"}, func(t *testing.T, s *shop) {
		tv := s.createTV()
		other := s.serve()
		codes := s.beginDevice(t, tv)
		s.pollDevice(tv, codes).wantError(t, 400, "authorization_pending")
		other.pollDevice(tv, codes).wantError(t, 400, "slow_down")
		s.pollDevice(tv, codes).wantError(t, 400, "slow_down")
		newBrowser(t, s.server).enterCode(codes.UserCode).submit("decision", "allow")
		s.issued(t, other.pollDevice(tv, codes)) // there is nothing to wait for any more
	})
}

func TestOfFiftyPollsAtOnceOneGetsTokens(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		tv := s.createTV()
		other := s.serve()
		codes := s.beginDevice(t, tv)
		newBrowser(t, s.server).enterCode(codes.UserCode).submit("decision", "allow")
		answers := make([]answer, 50)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() {
				for range 20 { // as 503 says: SQLite writes one after the other
					answers[i] = []*server{s.server, other}[i%2].pollDevice(tv, codes)
					if answers[i].status != http.StatusServiceUnavailable {
						break
					}
				}
			})
		}
		wg.Wait()
		var got []tokens
		for _, a := range answers {
			if a.status == http.StatusOK {
				got = append(got, s.issued(t, a))
			} else {
				a.wantError(t, 400, "invalid_grant")
			}
		}
		if len(got) != 1 {
			t.Fatalf("%d polls got tokens", len(got))
		}
		s.wantActive(t, s.orders, got[0].Access, true)
		s.issued(t, s.post("/oauth2/token", tv, refresh(got[0].Refresh)))
	})
}

func TestAnAnswerSurvivesACrash(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		tv := s.createTV()
		codes := s.beginDevice(t, tv)
		newBrowser(t, s.server).enterCode(codes.UserCode).submit("decision", "allow").wantShown(t, 200, "/device/done")
		s.kill()
		s.server = s.serve()
		s.issued(t, s.pollDevice(tv, codes))
	})
}

func TestGuessingUserCodesStopsAtALimitAndKeepsNobodyElseOut(t *testing.T) {
	eachDatabaseWith(t, []string{"SIGNET_LIMITS_PAGES_PER_ADDRESS=0"}, func(t *testing.T, s *shop) { // all are at one address
		tv := s.createTV()
		other := s.serve()
		codes := s.beginDevice(t, tv)
		s.signetWithInput(s.secret("mallorys long password")+"\n", "user", "create", "mallory", "--password-stdin")

		// Who is not signed in learns of no code whether there is one.
		nobody := newBrowser(t, s.server)
		for _, code := range []string{codes.UserCode, "BBBB-BBBB"} {
			nobody.open(s.url+"/device").submit("user_code", code).wantShown(t, 200, "/login", "to connect a device")
		}

		var mu sync.Mutex
		outcomes := map[int]int{}
		var wg sync.WaitGroup
		for n := range 8 {
			b := newBrowser(t, []*server{s.server, other}[n%2])
			b.open(b.server.url+"/login").submit("username", "mallory", "password", "mallorys long password").wantShown(t, 200, "/account")
			form := b.open(b.server.url + "/device")
			wg.Go(func() {
				for range 250 {
					p := form.submit("user_code", randomUserCode())
					mu.Lock()
					outcomes[p.status]++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if tried := outcomes[422]; tried < 10 || tried > 20 || tried+outcomes[429]+outcomes[503] != 2000 {
			t.Errorf("2000 guesses were answered %v; want 10 to be tried, and few more", outcomes)
		}
		refusals := 0
		for _, e := range signetJSON[[]struct{ Action, Actor string }](s.installation, "audit", "list", "--limit", "1000") {
			if e.Action == "device.refuse_code" && e.Actor == "user:mallory" {
				refusals++
			}
		}
		if refusals < 1 || refusals > 60 {
			t.Errorf("the audit log has %d refusals", refusals)
		}
		newBrowser(t, other).enterCode(codes.UserCode).wantShown(t, 200, "/device/consent").submit("decision", "allow")
		s.issued(t, s.pollDevice(tv, codes))
	})
}

func randomUserCode() string {
	const alphabet = "BCDFGHJKLMNPQRSTVWXZ"
	var code strings.Builder
	for range 8 {
		code.WriteByte(alphabet[rand.N(len(alphabet))])
	}
	return code.String()
}

func TestTooManyRequestsOfDevicesFromOneNetworkHaveToWait(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		tv := s.createTV()
		refused := answer{}
		for range 100 {
			if a := s.post("/oauth2/device", tv, deviceRequest()); a.status != http.StatusOK {
				refused = a
				break
			}
		}
		refused.wantError(t, http.StatusTooManyRequests, "temporarily_unavailable")
		if refused.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	})
}

func TestGoClientsGetTokensForADevice(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		tv := s.createTV()
		provider, err := oidc.NewProvider(t.Context(), s.issuer)
		check(t, err)
		device := oauth2.Config{ClientID: tv.ID, Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID, oidc.ScopeOfflineAccess, "orders:read"}}
		codes, err := device.DeviceAuth(t.Context())
		check(t, err)
		newBrowser(t, s.server).enterCode(s.secret(codes.UserCode)).submit("decision", "allow")
		codes.Interval = 1
		got, err := device.DeviceAccessToken(t.Context(), codes)
		check(t, err)
		s.wantActive(t, s.orders, s.secret(got.AccessToken), true)
		raw, _ := got.Extra("id_token").(string)
		_, err = provider.Verifier(&oidc.Config{ClientID: tv.ID}).Verify(t.Context(), s.secret(raw))
		check(t, err)
	})
}

func TestOpenidClientGetsTokensForADevice(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t), "SIGNET_DEVICES_INTERVAL=1s")
	device := runScript(t, "openid-client-device.js", map[string]any{"issuer": s.issuer, "tv": s.createTV(), "scope": "orders:read"})
	b := newBrowser(t, s.server)
	b.open(s.url+"/login").submit("username", alice, "password", alicesSecret)
	b.open(device.readLine()).submit().submit("decision", "allow").wantShown(t, 200, "/device/done")
	s.wantActive(t, s.orders, s.secret(device.readLine()), true)
	check(t, device.wait())
}

// The picture holds the link that the device was answered, and says nothing of whether the code is known.
func TestADevicesLinkIsDrawnAsAQRCode(t *testing.T) {
	s := openShop(t, newSQLiteDatabase(t))
	tv := s.createTV()
	codes := decode[deviceCodes](t, s.post("/oauth2/device", tv, deviceRequest()).wantStatus(t, http.StatusOK))
	draw := func(code string) answer { return s.get("/device/qr?"+url.Values{"user_code": {code}}.Encode(), "") }
	a := draw(strings.ToLower(codes.UserCode)).wantStatus(t, http.StatusOK)
	if a.header.Get("Content-Type") != "image/svg+xml" || a.header.Get("Content-Security-Policy") != "default-src 'none'" {
		t.Errorf("answered with %v", a.header)
	}
	want, err := qr.Encode(codes.URIComplete, qr.M, qr.Auto)
	if err != nil {
		t.Fatal(err)
	}
	dark := 0
	for y := range want.Bounds().Dy() {
		for x := range want.Bounds().Dx() {
			if red, _, _, _ := want.At(x, y).RGBA(); red != 0 {
				continue
			}
			if dark++; !strings.Contains(a.body, fmt.Sprintf("M%d %dh1v1h-1z", x+4, y+4)) {
				t.Fatalf("the module at %d, %d is not dark", x, y)
			}
		}
	}
	if got := strings.Count(a.body, "h1v1h-1z"); got != dark {
		t.Errorf("%d modules are dark, want %d", got, dark)
	}
	draw("BBBB-BBBB").wantStatus(t, http.StatusOK) // of no device
	for _, code := range []string{"", "AEIO-UAEI", "BBBB-BBBB-B", "\x00", strings.Repeat("B", 5000)} {
		draw(code).wantStatus(t, http.StatusBadRequest)
	}
}
