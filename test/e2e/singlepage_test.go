package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestASinglePageApplicationRenewsItsTokensByFrameAndByRefreshToken has application and issuer at two https origins of one site, as they
// are in production.
func TestASinglePageApplicationRenewsItsTokensByFrameAndByRefreshToken(t *testing.T) {
	t.Parallel()
	const file, address, issuer = "oidc-client-ts.html", "https://app.people.example", "https://id.people.example"
	needs(t, filepath.Join(interopDir, "node_modules/oidc-client-ts"))
	i := newInstallation(t, newSQLiteDatabase(t))
	i.issuer = issuer
	s := &shop{server: i.serve()}
	i.signetWithInput(i.secret(alicesSecret)+"\n", "user", "create", alice,
		"--name", "Alice Example", "--email", "alice@people.example", "--password-stdin")
	i.signet("group", "create", "sales")
	i.signet("group", "add", "sales", alice)
	c := s.register(t, file, address)

	target, err := url.Parse(s.url)
	check(t, err)
	id := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(target))
	t.Cleanup(id.Close)
	page, err := os.ReadFile(filepath.Join(interopDir, file))
	check(t, err)
	scope := "openid profile email groups"
	app := http.NewServeMux()
	app.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { w.Write(page) })
	app.Handle("GET /node_modules/", http.FileServer(http.Dir(interopDir)))
	app.HandleFunc("GET /bye", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`<p id="bye">Bye</p>`)) })
	app.HandleFunc("GET /settings.json", func(w http.ResponseWriter, _ *http.Request) {
		check(t, json.NewEncoder(w).Encode(map[string]string{"ISSUER": issuer, "CLIENT_ID": c.ID, "SCOPE": scope}))
	})
	web := httptest.NewTLSServer(app)
	t.Cleanup(web.Close)

	ctx := newChromium(t,
		chromedp.Flag("host-resolver-rules", "MAP id.people.example:443 "+id.Listener.Addr().String()+",MAP app.people.example:443 "+web.Listener.Addr().String()),
		chromedp.Flag("ignore-certificate-errors", true))
	run := func(what string, steps ...step) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	visible := func() (s shown) {
		t.Helper()
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.getElementById('shown').textContent`))
		check(t, err)
		check(t, json.Unmarshal([]byte(text), &s))
		return s
	}
	for _, also := range []string{"", " offline_access"} {
		scope += also
		run("sign in",
			chromedp.Navigate(address),
			chromedp.WaitVisible(chromedp.CSS(`input[name=password]`)),
			chromedp.SetValue(chromedp.CSS(`input[name=username]`), alice),
			chromedp.SendKeys(chromedp.CSS(`input[name=password]`), alicesSecret),
			chromedp.Submit(chromedp.CSS(`input[name=password]`)),
			chromedp.WaitVisible(chromedp.CSS(`button[name=decision][value=allow]`)),
			chromedp.Click(chromedp.CSS(`button[name=decision][value=allow]`)),
			chromedp.WaitVisible(chromedp.CSS(`#shown[data-renewals]`)),
		)
		first := visible()
		first.want(t, "email", "name", "groups")
		run("renew", chromedp.WaitVisible(chromedp.CSS(`#shown[data-renewals="2"]`)))
		if renewed := visible(); renewed.Access == first.Access {
			t.Error("renewing gave the same access token")
		}
		run("sign out", chromedp.Click(chromedp.CSS(`#logout`)), chromedp.WaitVisible(chromedp.CSS(`#bye`)))
	}
}
