package e2e

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// hand is a person at a real browser, with scripts.
type hand struct {
	t   *testing.T
	ctx context.Context
	s   *shop
}

// do takes steps, and fails with where the browser is.
func (h hand) do(what string, steps ...step) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		where, _ := chromedp.Run(h.ctx, chromedp.Location())
		text, _ := chromedp.Run(h.ctx, chromedp.Evaluate[string](`document.body.innerText`))
		h.t.Fatalf("%s: %v, at %s\n%s", what, err, where, text)
	}
}

// open goes to a page of the administration, which has to have a title.
func (h hand) open(path, title string) hand {
	h.t.Helper()
	h.do("open "+path, chromedp.Navigate(h.s.url+path))
	return h.see(title)
}

// see waits until the page shows all of these.
func (h hand) see(texts ...string) hand {
	h.t.Helper()
	var body string
	defer func() {
		if h.t.Failed() {
			h.t.Log(body)
		}
	}()
	for _, text := range texts {
		await(h.t, fmt.Sprintf("the browser to show %q", text), func() bool {
			body, _ = chromedp.Run(h.ctx, chromedp.Evaluate[string](`document.readyState === 'complete' ? document.body.innerText : ''`)) // fails while the page changes
			return strings.Contains(body, text)
		})
	}
	return h
}

// fill types into a field in place of what it holds.
func (h hand) fill(name, value string) hand {
	h.t.Helper()
	field := chromedp.CSS(`[name="` + name + `"]`)
	h.do("fill "+name, chromedp.WaitVisible(field), selectAll(name), chromedp.SendKeys(field, value))
	if holds, err := chromedp.Run(h.ctx, chromedp.Value(field)); err != nil || holds != value {
		h.t.Fatalf("the field %s holds %q, %v", name, holds, err)
	}
	return h
}

// selectAll marks what a field holds, for the next key to replace.
func selectAll(name string) step {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := chromedp.Evaluate[bool](`(field => { field.focus(); field.select(); return true; })(document.getElementsByName(`+strconv.Quote(name)+`)[0])`)(ctx, tab)
		return err
	})
}

// press clicks the button or link of this text, and waits for the page that it leads to.
func (h hand) press(text string) hand {
	h.t.Helper()
	mark := chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := chromedp.Evaluate[bool](`document.before = true`)(ctx, tab)
		return err
	})
	h.do("press "+text, mark, click(text))
	await(h.t, "another page to come after "+text, func() bool {
		another, err := chromedp.Run(h.ctx, chromedp.Evaluate[bool](`!document.before && document.readyState === 'complete'`))
		return err == nil && another
	})
	return h
}

func click(text string) step {
	is := `normalize-space(.)="` + text + `"`
	return chromedp.Click(chromedp.Search(`//main//button[` + is + `] | //main//a[` + is + `]`))
}

// TestAnAdministratorWorksInARealBrowser goes through what administrators do, with scripts; the other tests of pages go without.
func TestAnAdministratorWorksInARealBrowser(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		const password = "a password of the administrator"
		s.signetWithInput(s.secret(password)+"\n", "user", "create", "root", "--password-stdin")
		s.signet("assign", "administrator", "--user", "root")
		h := hand{t, newChromium(t), s}
		check(t, chromedp.Do(h.ctx)) // the browser lives as long as this context
		h.open("/admin/roles", "Sign in").fill("username", "root").fill("password", password)
		h.do("sign in", chromedp.SendKeys(chromedp.CSS(`input[name=password]`), kb.Enter))
		h.see("clerk", "New role")

		t.Log("a person gets a role, and chooses a password by a link")
		h.press("New role").fill("name", "packer").fill("permissions", ordersAPI+"#orders:read\n"+ordersAPI+"#orders:write").press("Create role").see("The role was created.")
		h.open("/admin/new/user", "New user").fill("username", "bob").fill("email", "bob@people.example").press("Add user").see("A link for bob", "/password?token=")
		link, err := chromedp.Run(h.ctx, chromedp.Text(chromedp.CSS(`[data-copy] code`)))
		check(t, err)
		s.secret(link)
		h.do("copy the link", click("Copy"))
		h.see("Copied").press("I have copied it").see("bob@people.example")
		h.fill("role", "packer").press("Assign role").see("The role was assigned.")

		t.Log("a service is registered, and its secret is shown once")
		h.open("/admin/new/client", "Resource server").open("/admin/new/client/service", "New service").fill("client_id", "robot").fill("apis", ordersAPI).press("Register client").see("is registered", "client_secret", "curl")
		secret, err := chromedp.Run(h.ctx, chromedp.Text(chromedp.Search(`//*[normalize-space(text())="client_secret"]/following::code[1]`)))
		check(t, err)
		s.signet("assign", "packer", "--client", "robot")
		robot := client{ID: "robot", Secret: s.secret(secret)}
		issue := func() string {
			return s.issued(t, s.post("/oauth2/token", robot, url.Values{"grant_type": {"client_credentials"}, "resource": {ordersAPI}})).Access
		}
		carrying := issue()

		t.Log("who may what, and what a token would say")
		h.open("/admin/access", "Who may what").fill("api", ordersAPI).fill("permission", "orders:write").press("Show").see("robot", "packer")
		h.open("/admin/preview", "Nothing is issued.").fill("client", "robot").press("Show the tokens").see("a role gives it", "orders:write")

		t.Log("a role loses a permission, and exactly the tokens that carry it are revoked")
		h.open("/admin/roles/packer/edit", "packer").fill("permissions", ordersAPI+"#orders:read").press("Save").see("takes away", "orders:write")
		h.fill("typed", "packer").press("Save and revoke exactly those tokens").see("what the role packer gives no more")
		s.wantActive(t, s.orders, carrying, false)
		s.wantActive(t, s.orders, issue(), true)

		t.Log("all tokens of a client are revoked")
		token := s.reportingToken(t)
		h.open("/admin/tokens?client=reporting&state=live", jtiOf(t, token)).press("Revoke all of these").see("Live tokens that end: 1").fill("name", "reporting")
		h.press("Revoke these tokens").see("The tokens are revoked.", "Live tokens marked")
		s.wantActive(t, s.orders, token, false)

		t.Log("a client is locked in an emergency, and that is undone")
		token = s.reportingToken(t)
		h.open("/admin/clients/reporting", "reporting").press("Disable").fill("reason", "It leaked").press("Disable this client").see("It leaked", "Undo")
		s.wantActive(t, s.orders, token, false)
		h.press("Undo").see("reporting")

		t.Log("a key is found out to be stolen, and who still believes it is followed")
		kid := joseHeader(t, issue())["kid"].(string)
		h.open("/admin/keys/"+kid+"/drill", "Compromise drill").press("Revoke this key …").fill("name", kid[:8]).press("Revoke this key").see("The key is revoked.")

		t.Log("what was done is in the audit log")
		h.open("/admin/audit?kind=key.revoked", "root")
	})
}
