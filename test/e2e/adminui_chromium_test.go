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

// visitor is a person who uses the pages in Chromium, with scripts.
type visitor struct {
	t   *testing.T
	ctx context.Context
	s   *shop
}

// do takes steps, and fails with where the browser is.
func (v visitor) do(what string, steps ...step) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		where, _ := chromedp.Run(v.ctx, chromedp.Location())
		text, _ := chromedp.Run(v.ctx, chromedp.Evaluate[string](`document.body.innerText`))
		v.t.Fatalf("%s: %v, at %s\n%s", what, err, where, text)
	}
}

// open goes to a page of the administration, which has to have a title.
func (v visitor) open(path, title string) visitor {
	v.t.Helper()
	v.do("open "+path, chromedp.Navigate(v.s.url+path))
	return v.see(title)
}

// see waits until the page shows all of these.
func (v visitor) see(texts ...string) visitor {
	v.t.Helper()
	var body string
	defer func() {
		if v.t.Failed() {
			v.t.Log(body)
		}
	}()
	for _, text := range texts {
		await(v.t, fmt.Sprintf("the browser to show %q", text), func() bool {
			body, _ = chromedp.Run(v.ctx, chromedp.Evaluate[string](`document.readyState === 'complete' ? document.body.innerText : ''`)) // fails while the page changes
			return strings.Contains(body, text)
		})
	}
	return v
}

// fill types into a field in place of what it holds.
func (v visitor) fill(name, value string) visitor {
	v.t.Helper()
	field := chromedp.CSS(`[name="` + name + `"]`)
	v.do("fill "+name, chromedp.WaitVisible(field), selectAll(name), chromedp.SendKeys(field, value))
	if holds, err := chromedp.Run(v.ctx, chromedp.Value(field)); err != nil || holds != value {
		v.t.Fatalf("the field %s holds %q, %v", name, holds, err)
	}
	return v
}

// selectAll marks what a field holds, for the next key to replace.
func selectAll(name string) step {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := chromedp.Evaluate[bool](`(field => { field.focus(); field.select(); return true; })(document.getElementsByName(`+strconv.Quote(name)+`)[0])`)(ctx, tab)
		return err
	})
}

// press clicks the button or link of this text, and waits for the page that it leads to.
func (v visitor) press(text string) visitor {
	v.t.Helper()
	mark := chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := chromedp.Evaluate[bool](`document.before = true`)(ctx, tab)
		return err
	})
	v.do("press "+text, mark, click(text))
	await(v.t, "another page to come after "+text, func() bool {
		another, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool](`!document.before && document.readyState === 'complete'`))
		return err == nil && another
	})
	return v
}

func click(text string) step {
	is := `normalize-space(.)="` + text + `"`
	return chromedp.Click(chromedp.Search(`//main//button[` + is + `] | //main//a[` + is + `]`))
}

// TestAnAdministratorWorksInARealBrowser goes through what administrators do, with scripts; the other tests of pages go without.
func TestAnAdministratorWorksInARealBrowser(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		const password = "a password of the administrator"
		s.signetWithInput(s.secret(password)+"\n", "user", "create", "root", "--password-stdin")
		s.signet("assign", "administrator", "--user", "root")
		v := visitor{t, newChromium(t), s}
		check(t, chromedp.Do(v.ctx)) // the browser lives as long as this context
		v.open("/admin/roles", "Sign in").fill("username", "root").fill("password", password)
		v.do("sign in", chromedp.SendKeys(chromedp.CSS(`input[name=password]`), kb.Enter))
		v.see("clerk", "New role")

		t.Log("a person gets a role, and chooses a password by a link")
		v.press("New role").fill("name", "packer").fill("permissions", ordersAPI+"#orders:read\n"+ordersAPI+"#orders:write").press("Create role").see("The role was created.")
		v.open("/admin/new/user", "New user").fill("username", "bob").fill("email", "bob@people.example").press("Add user").see("A link for bob", "/password?token=")
		link, err := chromedp.Run(v.ctx, chromedp.Text(chromedp.CSS(`[data-copy] code`)))
		check(t, err)
		s.secret(link)
		v.do("copy the link", click("Copy"))
		v.see("Copied").press("I have copied it").see("bob@people.example")
		v.fill("role", "packer").press("Assign role").see("The role was assigned.")

		t.Log("a service is registered, and its secret is shown once")
		v.open("/admin/new/client", "Resource server").open("/admin/new/client/service", "New service").fill("client_id", "robot").fill("apis", ordersAPI).press("Register client").see("is registered", "client_secret", "curl")
		secret, err := chromedp.Run(v.ctx, chromedp.Text(chromedp.Search(`//*[normalize-space(text())="client_secret"]/following::code[1]`)))
		check(t, err)
		s.signet("assign", "packer", "--client", "robot")
		robot := client{ID: "robot", Secret: s.secret(secret)}
		issue := func() string {
			return s.issued(t, s.post("/oauth2/token", robot, url.Values{"grant_type": {"client_credentials"}, "resource": {ordersAPI}})).Access
		}
		carrying := issue()

		t.Log("who may what, and what a token would say")
		v.open("/admin/access", "Who may what").fill("api", ordersAPI).fill("permission", "orders:write").press("Show").see("robot", "packer")
		v.open("/admin/preview", "Nothing is issued.").fill("client", "robot").press("Show the tokens").see("a role gives it", "orders:write")

		t.Log("a role loses a permission, and exactly the tokens that carry it are revoked")
		v.open("/admin/roles/packer/edit", "packer").fill("permissions", ordersAPI+"#orders:read").press("Save").see("takes away", "orders:write")
		v.fill("typed", "packer").press("Save and revoke exactly those tokens").see("what the role packer gives no more")
		s.wantActive(t, s.orders, carrying, false)
		s.wantActive(t, s.orders, issue(), true)

		t.Log("all tokens of a client are revoked")
		token := s.reportingToken(t)
		v.open("/admin/tokens?client=reporting&state=live", jtiOf(t, token)).press("Revoke all of these").see("Live tokens that end: 1").fill("name", "reporting")
		v.press("Revoke these tokens").see("The tokens are revoked.", "Live tokens marked")
		s.wantActive(t, s.orders, token, false)

		t.Log("tokens are chosen one by one")
		one, two := s.reportingToken(t), s.reportingToken(t)
		v.open("/admin/tokens?client=reporting&state=live", jtiOf(t, one))
		v.do("choose all", click("Choose all on this page"))
		v.press("Revoke the chosen").see(jtiOf(t, one), jtiOf(t, two))
		v.fill("name", "2 tokens").press("Revoke these tokens").see("The chosen tokens were revoked.")
		s.wantActive(t, s.orders, one, false)

		t.Log("a client is locked in an emergency, and that is undone")
		token = s.reportingToken(t)
		v.open("/admin/clients/reporting", "reporting").press("Disable").fill("reason", "It leaked").press("Disable this client").see("It leaked", "Undo")
		s.wantActive(t, s.orders, token, false)
		v.press("Undo").see("reporting")

		t.Log("a key is found out to be stolen, and who still believes it is followed")
		kid := joseHeader(t, issue())["kid"].(string)
		v.open("/admin/keys/"+kid+"/drill", "Compromise drill").press("Revoke this key …").fill("name", kid[:8]).press("Revoke this key").see("The key is revoked.")

		t.Log("what was done is in the audit log")
		v.open("/admin/audit?kind=key.revoked", "root")
	})
}
