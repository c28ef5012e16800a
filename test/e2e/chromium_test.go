package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// look is how a page is shown.
type look struct {
	name          string
	width, height int64
	scheme        string // prefers-color-scheme
}

// step is one thing that a person does.
type step = chromedp.Action[chromedp.Void]

var looks = []look{
	{"light", 1200, 800, "light"},
	{"dark", 1200, 800, "dark"},
	{"phone", 390, 844, "light"},
	{"phone-dark", 390, 844, "dark"},
}

func TestAPersonSetsUpSignsInAndConsentsInARealBrowser(t *testing.T) {
	t.Parallel()
	received := make(chan string, 1)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/callback" {
			received <- r.URL.Query().Get("code")
		}
		fmt.Fprint(w, "<title>Back at the application</title>")
	}))
	t.Cleanup(app.Close)
	s := openShop(t, newSQLiteDatabase(t))
	back := app.URL + "/callback"
	s.signet("client", "update", s.web.ID, "--redirect-uri", back)
	ctx := newChromium(t)
	shot := func(name string) step { return screenshots(t, name) }
	const adminsSecret = "a long password for the first administrator"
	s.secret(adminsSecret)

	run := func(what string, steps ...step) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	run("set up",
		chromedp.Navigate(s.setupLink()),
		chromedp.WaitVisible(chromedp.CSS(`input[name=password_again]`)),
		shot("setup"),
		chromedp.SendKeys(chromedp.CSS(`input[name=username]`), "admin"),
		chromedp.SendKeys(chromedp.CSS(`input[name=name]`), "The Administrator"),
		chromedp.SendKeys(chromedp.CSS(`input[name=email]`), "admin@people.example"),
		chromedp.SendKeys(chromedp.CSS(`input[name=password]`), adminsSecret),
		chromedp.SendKeys(chromedp.CSS(`input[name=password_again]`), adminsSecret),
		chromedp.Submit(chromedp.CSS(`input[name=password_again]`)),
		chromedp.WaitVisible(chromedp.CSS(`form[action="/logout"], a[href="/logout"]`)),
		shot("account"),
	)
	a := newAuthorization(s.web)
	a.query.Set("redirect_uri", back)
	a.query.Set("prompt", "login") // the setup signed in already
	run("sign in",
		chromedp.Navigate(s.url+"/oauth2/authorize?"+a.query.Encode()),
		chromedp.WaitVisible(chromedp.CSS(`input[name=password]`)),
		shot("login"),
		chromedp.SetValue(chromedp.CSS(`input[name=username]`), "admin"),
		chromedp.SendKeys(chromedp.CSS(`input[name=password]`), "wrong"),
		chromedp.Submit(chromedp.CSS(`input[name=password]`)),
		chromedp.WaitVisible(chromedp.CSS(`[role=alert]`)),
		shot("login-refused"),
		chromedp.SetValue(chromedp.CSS(`input[name=username]`), "admin"),
		chromedp.SendKeys(chromedp.CSS(`input[name=password]`), adminsSecret),
		chromedp.Submit(chromedp.CSS(`input[name=password]`)),
	)
	run("consent",
		chromedp.WaitVisible(chromedp.CSS(`button[name=decision][value=allow]`)),
		shot("consent"),
		chromedp.Click(chromedp.CSS(`button[name=decision][value=allow]`)),
	)
	select {
	case code := <-received:
		form := with(a.exchange(s.secret(code)), "redirect_uri", back)
		s.issued(t, s.post("/oauth2/token", s.web, form))
	case <-ctx.Done():
		t.Fatal("the browser did not come back to the application")
	}

	t.Run("the setup link works once", func(t *testing.T) {
		if p := newBrowser(t, s.server).open(s.setupLink()); p.status != http.StatusGone && p.status != http.StatusNotFound {
			t.Errorf("status %d, want 404 or 410", p.status)
		}
	})
}

// newChromium starts Debian's Chromium, or whatever goes by its name.
func newChromium(t *testing.T, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		missing(t, err)
	}
	options := append(append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WSURLReadTimeout(2*time.Minute)), more...)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium has none for root
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// screenshots keeps pictures of the page in every look (go test -artifacts), and fails if one has to be scrolled sideways.
func screenshots(t *testing.T, name string) step {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		for _, l := range looks {
			if _, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}},
			}); err != nil {
				return err
			}
			if _, err := chromedp.EmulateViewport(l.width, l.height)(ctx, tab); err != nil {
				return err
			}
			overflow, err := chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`)(ctx, tab)
			if err != nil {
				return err
			}
			if overflow > 0 {
				t.Errorf("%s is %d pixels too wide for %s", name, overflow, l.name)
			}
			picture, err := chromedp.CaptureScreenshot()(ctx, tab)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(t.ArtifactDir(), name+"-"+l.name+".png"), picture, 0o600); err != nil {
				return err
			}
		}
		return nil
	})
}
