package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/signet-auth/signet/internal/domain"
)

func TestAPersonConnectsADeviceInARealBrowser(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t))
	tv := s.createTV()
	strange := s.createClient("strange", "--public", "--name", "<b>"+strings.Repeat("W", 150)+"</b> שלום 🎉", "--grant", domain.GrantDeviceCode, "--grant", "refresh_token", "--api", ordersAPI,
		"--claim", `cost_center="7"`)
	codes, other := s.beginDevice(t, tv), s.beginDevice(t, strange)
	ctx := newChromium(t)
	run := func(what string, steps ...step) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	wantPage := func(what, text string) {
		t.Helper()
		shown, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.title + " " + document.body.innerText`))
		if check(t, err); !strings.Contains(shown, text) {
			t.Errorf("%s does not show %q: %s", what, text, shown)
		}
	}
	const code, person, password = `input[name=user_code]`, `input[name=username]`, `input[name=password]`
	const allow, decline = `button[name=decision][value=allow]`, `button[name=decision][value=deny]`
	run("a wrong code",
		chromedp.Navigate(s.url+"/device"), chromedp.WaitVisible(chromedp.CSS(code)), screenshots(t, "device"),
		chromedp.SendKeys(chromedp.CSS(code), "no such code"), chromedp.Submit(chromedp.CSS(code)),
		chromedp.WaitVisible(chromedp.CSS(`[role=alert]`)), screenshots(t, "device-refused"),
	)
	run("the code as a person types it",
		chromedp.SetValue(chromedp.CSS(code), strings.ToLower(strings.ReplaceAll(codes.UserCode, "-", " "))), chromedp.Submit(chromedp.CSS(code)),
		chromedp.WaitVisible(chromedp.CSS(password)), chromedp.SetValue(chromedp.CSS(person), alice),
		chromedp.SendKeys(chromedp.CSS(password), alicesSecret), chromedp.Submit(chromedp.CSS(password)),
		chromedp.WaitVisible(chromedp.CSS(allow)), screenshots(t, "device-consent"),
	)
	wantPage("the consent page", codes.UserCode)
	run("allow", chromedp.Click(chromedp.CSS(allow)), chromedp.WaitNotPresent(chromedp.CSS(allow)), chromedp.WaitVisible(chromedp.CSS(`h1`)), screenshots(t, "device-allowed"))
	wantPage("the last page", "Your device goes on")
	got := s.issued(t, s.pollDevice(tv, codes))
	s.wantActive(t, s.orders, got.Access, true)

	run("a link, declined",
		chromedp.Navigate(strings.Replace(other.URIComplete, s.issuer, s.url, 1)), chromedp.WaitVisible(chromedp.CSS(code)), screenshots(t, "device-link"),
		chromedp.Submit(chromedp.CSS(code)), chromedp.WaitVisible(chromedp.CSS(decline)), screenshots(t, "device-consent-strange"),
	)
	wantPage("the consent page", "See your cost center")
	below, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.querySelector(".warning").getBoundingClientRect().bottom > innerHeight`))
	if check(t, err); below {
		t.Error("a long name pushes the warning out of sight")
	}
	run("decline", chromedp.Click(chromedp.CSS(decline)), chromedp.WaitNotPresent(chromedp.CSS(decline)), chromedp.WaitVisible(chromedp.CSS(`h1`)), screenshots(t, "device-declined"))
	wantPage("the last page", "You declined")
	s.pollDevice(strange, other).wantError(t, http.StatusBadRequest, "access_denied")

	run("the QR code", chromedp.Navigate(s.url+"/device/qr?user_code="+codes.UserCode), chromedp.WaitVisible(chromedp.CSS(`svg path`)), screenshots(t, "device-qr"))
}
