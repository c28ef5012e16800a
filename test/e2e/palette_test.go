package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// usePalette goes to pages by the command palette, with the keyboard alone, and undoes something, which screen readers announce.
func usePalette(ctx context.Context, t *testing.T, s *shop, axe string) {
	t.Helper()
	run := func(what string, steps ...step) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	// holds waits until an expression is true, on a page whose scripts have run.
	holds := func(expression string) step {
		return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			var err error
			for range 300 {
				var is bool
				if is, err = chromedp.Evaluate[bool](`document.readyState === "complete" && Boolean(`+expression+`)`)(ctx, tab); err == nil && is {
					return nil
				}
				time.Sleep(100 * time.Millisecond)
			}
			shown, _ := chromedp.Evaluate[string](`location.href + " " + document.getElementById("palette").innerText`)(ctx, tab)
			return fmt.Errorf("it never holds that %s, but the page is %s: %w", expression, shown, err)
		})
	}
	ctrlK := chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	const chosen = `document.querySelector("#palette [aria-selected=true]")`
	run("what is offered at first",
		ctrlK, holds(`document.getElementById("palette").open && `+chosen+`?.textContent === "Overview"`),
		axeFindsNothing(t, "the palette", axe),
		chromedp.KeyEvent(kb.ArrowDown), holds(chosen+`.textContent === "Users" && document.activeElement.getAttribute("aria-activedescendant") === `+chosen+`.id`),
		chromedp.KeyEvent(kb.ArrowUp), chromedp.KeyEvent(kb.ArrowUp), holds(chosen+`.textContent === "Verify the audit log"`),
		chromedp.KeyEvent(kb.Escape), holds(`!document.getElementById("palette").open`),
	)
	run("an object",
		ctrlK, chromedp.KeyEvent("crew-script"), holds(chosen+`?.textContent.startsWith("crew-script") && document.querySelector("#palette [role=status]").textContent === "1 result"`),
		chromedp.KeyEvent(kb.Enter), holds(`location.pathname === "/admin/groups/crew-script"`),
	)
	run("an action",
		ctrlK, chromedp.KeyEvent("new client"), holds(chosen+`?.textContent === "New client"`), chromedp.KeyEvent(kb.Enter), holds(`location.pathname === "/admin/new/client"`),
	)
	run("nothing, which is searched for",
		ctrlK, chromedp.KeyEvent("zzz"), holds(`document.querySelector("#palette [role=status]").textContent.startsWith("Nothing")`),
		chromedp.KeyEvent(kb.Enter), holds(`location.pathname === "/admin/search"`),
	)
	jti := claims(t, s.reportingToken(t))["jti"].(string)
	token := s.reportingToken(t)
	run("a token, which is in no address",
		ctrlK, chromedp.KeyEvent(token), holds(chosen+`?.textContent === `+"`"+claims(t, token)["jti"].(string)+"`"),
		chromedp.KeyEvent(kb.Escape), ctrlK, chromedp.KeyEvent(jti), holds(chosen+`?.textContent.startsWith("`+jti+`")`),
		chromedp.KeyEvent(kb.Enter), holds(`location.pathname === "/admin/tokens/`+jti+`"`),
	)
	run("take a user out of a group, and undo that",
		chromedp.Navigate(s.url+"/admin/groups/crew-script"), chromedp.Click(chromedp.CSS(`form[action$="/members/remove"] button`)),
		holds(`document.getElementById("live")?.textContent.includes("no longer in the group")`), holds(`location.search === ""`),
		chromedp.Click(chromedp.CSS(`form[action="/admin/undo"] button`)), holds(`document.getElementById("live")?.textContent === "It was undone."`),
	)
	if out := s.signet("group", "show", "crew-script"); !strings.Contains(out, "person-script") {
		t.Errorf("after undo the group is %s", out)
	}
}
