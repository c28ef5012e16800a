package e2e

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestNoPageIsABarrier has axe-core look at the pages of the administration in both colour schemes, one of each kind, as they are with names
// of every sort.
func TestNoPageIsABarrier(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile(filepath.Join(interopDir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		missing(t, err)
	}
	s := openShop(t, newSQLiteDatabase(t))
	s.furnish()
	pages, _ := s.crawl(t, s.administer(t, "administrator", "/admin/").browser, "/admin/")
	ctx := newChromium(t)
	if err := chromedp.Do(ctx,
		chromedp.Navigate(s.url+"/admin/"),
		chromedp.WaitVisible(chromedp.CSS(`input[name=password]`)),
		chromedp.SetValue(chromedp.CSS(`input[name=username]`), "with-administrator"),
		chromedp.SendKeys(chromedp.CSS(`input[name=password]`), "a password of administrator"),
		chromedp.Submit(chromedp.CSS(`input[name=password]`)),
		chromedp.WaitVisible(chromedp.CSS(`nav`)),
	); err != nil {
		t.Fatal(err)
	}
	usePalette(ctx, t, s, string(axe))
	looked := map[string]bool{}
	for _, address := range slices.Sorted(maps.Keys(pages)) {
		p := pages[address]
		if looked[kind(p.url)] || !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") {
			continue
		}
		looked[kind(p.url)] = true
		if err := chromedp.Do(ctx, chromedp.Navigate(s.url+address), axeFindsNothing(t, address, string(axe))); err != nil {
			t.Fatalf("%s: %v", address, err)
		}
	}
}

// axeFindsNothing runs all rules of axe-core on a page, on a desk in light and on a phone in dark.
func axeFindsNothing(t *testing.T, address, axe string) step {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		for _, l := range []look{looks[0], looks[3]} {
			if _, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: l.scheme},
				{Name: "prefers-reduced-motion", Value: "reduce"}, // colours in transition have no contrast of their own
			}}); err != nil {
				return err
			}
			if _, err := chromedp.EmulateViewport(l.width, l.height)(ctx, tab); err != nil {
				return err
			}
			found, err := chromedp.Evaluate[string](`(async () => {`+axe+`;
				const {violations} = await axe.run(document);
				return JSON.stringify(violations.map(v => ({rule: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 150))})));
			})()`, chromedp.EvalAwaitPromise)(ctx, tab)
			if err != nil {
				return err
			}
			var violations []struct {
				Rule, Help string
				Nodes      []string
			}
			if err := json.Unmarshal([]byte(found), &violations); err != nil {
				return err
			}
			for _, v := range violations {
				t.Errorf("%s in %s: %s (%s): %q", address, l.name, v.Help, v.Rule, v.Nodes)
			}
		}
		return nil
	})
}
