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

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// look is how a page is shown.
type look struct {
	name          string
	width, height int64
	dark          bool
}

var looks = []look{
	{"light", 1200, 800, false},
	{"dark", 1200, 800, true},
	{"phone", 390, 844, false},
	{"phone-dark", 390, 844, true},
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
	shot := func(name string) chromedp.Action { return screenshots(t, name) }
	const adminsSecret = "a long password for the first administrator"
	s.secret(adminsSecret)

	run := func(what string, actions ...chromedp.Action) {
		t.Helper()
		if err := chromedp.Run(ctx, actions...); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	run("set up",
		chromedp.Navigate(s.setupLink()),
		chromedp.WaitVisible(`input[name=password_again]`),
		shot("setup"),
		chromedp.SendKeys(`input[name=username]`, "admin"),
		chromedp.SendKeys(`input[name=name]`, "The Administrator"),
		chromedp.SendKeys(`input[name=email]`, "admin@people.example"),
		chromedp.SendKeys(`input[name=password]`, adminsSecret),
		chromedp.SendKeys(`input[name=password_again]`, adminsSecret),
		chromedp.Submit(`input[name=password_again]`),
		chromedp.WaitVisible(`form[action="/logout"], a[href="/logout"]`),
		shot("account"),
	)
	a := newAuthorization(s.web)
	a.query.Set("redirect_uri", back)
	a.query.Set("prompt", "login") // the setup signed in already
	run("sign in",
		chromedp.Navigate(s.url+"/oauth2/authorize?"+a.query.Encode()),
		chromedp.WaitVisible(`input[name=password]`),
		shot("login"),
		chromedp.SetValue(`input[name=username]`, "admin"),
		chromedp.SendKeys(`input[name=password]`, "wrong"),
		chromedp.Submit(`input[name=password]`),
		chromedp.WaitVisible(`[role=alert]`),
		shot("login-refused"),
		chromedp.SetValue(`input[name=username]`, "admin"),
		chromedp.SendKeys(`input[name=password]`, adminsSecret),
		chromedp.Submit(`input[name=password]`),
	)
	run("consent",
		chromedp.WaitVisible(`button[name=decision][value=allow]`),
		shot("consent"),
		chromedp.Click(`button[name=decision][value=allow]`),
	)
	select {
	case code := <-received:
		form := with(a.exchange(s.secret(code)), "redirect_uri", back)
		s.issued(t, s.post("/oauth2/token", s.web, form))
	case <-ctx.Done():
		t.Fatal("the browser did not come back to the application")
	}

	t.Run("the setup link works once", func(t *testing.T) {
		if p := newBrowser(t, s.server).open(s.setupLink()); p.status != http.StatusGone {
			t.Errorf("status %d, want 410", p.status)
		}
	})
}

// newChromium starts Debian's Chromium, or whatever goes by its name.
func newChromium(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium has none for root
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// screenshots keeps pictures of the page in every look (go test -artifacts), and fails if a phone would have to scroll sideways.
func screenshots(t *testing.T, name string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		for _, l := range looks {
			scheme := "light"
			if l.dark {
				scheme = "dark"
			}
			var picture []byte
			var overflow int
			err := chromedp.Run(ctx,
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
				chromedp.EmulateViewport(l.width, l.height),
				chromedp.Evaluate(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &overflow),
				chromedp.CaptureScreenshot(&picture),
			)
			if err != nil {
				return err
			}
			if overflow > 0 {
				t.Errorf("%s is %d pixels too wide for %s", name, overflow, l.name)
			}
			file := filepath.Join(t.ArtifactDir(), name+"-"+l.name+".png")
			if err := os.WriteFile(file, picture, 0o600); err != nil {
				return err
			}
		}
		return nil
	})
}
