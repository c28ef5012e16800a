package e2e

import (
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

// hostileNames are what people, or attackers, call things.
var hostileNames = map[string]string{
	"script":  `<script>document.title="owned"</script>`,
	"quote":   `"'><img src=x onerror=alert(1)>`,
	"right":   "txt.exe \u05d0\u05d1\u05d2 \u0645\u0631\u062d\u0628\u0627",
	"long":    strings.Repeat("W", 200),
	"picture": "\U0001F469\u200d\U0001F680 \U0001F3F3\ufe0f\u200d\U0001F308",
}

// furnish makes what each page of the administration can show.
func (s *shop) furnish() {
	for key, name := range hostileNames {
		s.signet("group", "create", "crew-"+key, "--description", name)
		s.signetWithInput("a password for "+key+"\n", "user", "create", "person-"+key, "--name", name, "--password-stdin")
		s.signet("group", "add", "crew-"+key, "person-"+key)
	}
	s.signet("client", "create", "--client-id", "named", "--name", hostileNames["script"], "--grant", "client_credentials", "--api", ordersAPI)
	s.signet("role", "create", "readers", "--grant", ordersAPI+"#orders:read", "--description", hostileNames["quote"])
	s.signet("assign", "readers", "--group", "crew-long", "--until", "2099-01-01")
	s.signet("assign", "readers", "--client", "named")
	s.signet("receiver", "create", s.orders.ID, "--poll")
	s.setPolicy(ordersPolicy)
	s.setPolicy("# " + hostileNames["long"] + " " + hostileNames["script"] + "\n" + ordersPolicy)
	s.signet("resource", "set", ordersAPI, "orders:"+hostileNames["long"], "--properties", `{"owner":`+strconv.Quote(hostileNames["script"])+`}`)
	s.signet("attribute", "create", "badge", "--description", hostileNames["right"])
}

// kind is which page an address leads to, whatever object it shows.
func kind(u *url.URL) string {
	segments := strings.Split(u.Path, "/") // "", admin, users, alice, edit
	if len(segments) > 3 && segments[2] != "new" {
		segments[3] = "*"
	}
	return strings.Join(segments, "/")
}

// shape is an address without the values of its query.
func shape(u *url.URL) string {
	keys := slices.Sorted(maps.Keys(u.Query()))
	return u.Path + "?" + strings.Join(keys, "&")
}

// change is the last one of a database, by its revision and by the audit log.
type change struct {
	revision, event int64
	actor           string
}

// lastChange opens the database and returns how to read which change was the last.
func (i *installation) lastChange(t *testing.T) func() change {
	t.Helper()
	db, err := store.Open(t.Context(), strings.TrimPrefix(i.env[0], "SIGNET_DATABASE_URL="), store.Options{MaxConns: 1, OpTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return func() change {
		_, revision, _, err := db.Changes(t.Context(), math.MaxInt32)
		if err != nil {
			t.Fatal(err)
		}
		events, err := db.FindEvents(t.Context(), domain.EventFilter{}, domain.Page{Limit: 1})
		if err != nil || len(events) == 0 {
			t.Fatalf("%d events: %v", len(events), err)
		}
		return change{revision, events[0].Seq, events[0].Actor}
	}
}

// crawl is what somebody finds from a page on: all pages that links lead to, by their addresses, and the first form for each action. No
// page changes anything by being opened.
func (s *server) crawl(t *testing.T, b *browser, from string) (pages map[string]*page, forms map[string]*form) {
	t.Helper()
	pages, forms = map[string]*page{}, map[string]*form{}
	seen, alike, queue := map[string]bool{}, map[string]int{}, []string{from}
	last := s.lastChange(t)
	for len(queue) > 0 {
		address := queue[0]
		queue = queue[1:]
		var p *page
		before, after := change{}, last()
		for tries := 0; tries < 5 && before != after; tries++ { // what the server does on its own, it does not do each time
			before = after
			p = b.open(s.url + address)
			if after = last(); after.event != before.event && after.actor != "system" {
				break
			}
		}
		if after != before {
			t.Errorf("GET %s changes something: %+v, then %+v", address, before, after)
		}
		if p.status != http.StatusOK {
			t.Errorf("a link leads to %s, which answers %d", address, p.status)
			continue
		}
		pages[address] = p
		for _, f := range p.forms {
			if action, err := p.url.Parse(f.action); err == nil && forms[action.RequestURI()] == nil && strings.HasPrefix(action.Path, from) {
				forms[action.RequestURI()] = f
			}
		}
		for _, link := range p.links {
			u, err := p.url.Parse(link)
			if err != nil {
				t.Errorf("%s has the link %q: %v", address, link, err)
				continue
			}
			if !s.has(u) || !strings.HasPrefix(u.Path, from) || seen[shape(u)] {
				continue
			}
			seen[shape(u)] = true
			if alike[kind(u)] < 3 {
				alike[kind(u)]++
				queue = append(queue, u.RequestURI())
			}
		}
	}
	return pages, forms
}

func TestEachRoleFindsWhatItMayAndNothingElse(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		s.furnish()
		administrator := s.administer(t, "administrator", "/admin/").browser
		pages, forms := s.crawl(t, administrator, "/admin/")
		if len(pages) < 60 || len(forms) < 20 {
			t.Errorf("the administrator finds %d pages and %d forms", len(pages), len(forms))
		}
		inJSON := strings.Trim(strconv.Quote(hostileNames["script"]), `"`)
		for address, p := range pages {
			if strings.Contains(p.text, "owned") && !strings.Contains(p.text, hostileNames["script"]) && !strings.Contains(p.text, inJSON) && strings.HasPrefix(p.header.Get("Content-Type"), "text/html") {
				t.Errorf("%s does not show a name as text", address)
			}
		}
		s.signet("role", "create", "token-reader", "--grant", "urn:signet:admin#tokens:read")
		for _, role := range []string{"operator", "auditor", "token-reader"} {
			b := s.administer(t, role, "/admin/").browser
			mine, myForms := s.crawl(t, b, "/admin/")
			if len(mine) < 2 || len(mine) >= len(pages) {
				t.Errorf("%s finds %d pages of %d", role, len(mine), len(pages))
			}
			found := map[string]bool{}
			for _, p := range mine {
				found[kind(p.url)] = true
			}
			for address, p := range pages {
				if found[kind(p.url)] {
					continue
				}
				if p := b.open(s.url + address); p.status != http.StatusForbidden && p.status != http.StatusNotFound {
					t.Errorf("%s finds no link to %s, but is answered %d", role, address, p.status)
				}
			}
			for action, f := range forms {
				if _, ok := myForms[action]; ok {
					continue
				}
				p := (&page{browser: b, url: pages["/admin/"].url, form: &form{action, f.fields}}).submit()
				if p.status != http.StatusForbidden && p.status != http.StatusNotFound {
					t.Errorf("%s has no form for %s, but its POST is answered %d", role, action, p.status)
				}
			}
			if did := s.changes("with-" + role); len(did) > 0 {
				t.Errorf("%s could do %q", role, did)
			}
		}
		for action, f := range forms {
			if strings.Contains(action, "with-administrator") {
				continue // who crawls
			}
			p := (&page{browser: administrator, url: pages["/admin/"].url, form: &form{action, f.fields}}).submit()
			if p.status >= http.StatusInternalServerError && p.status != http.StatusServiceUnavailable { // which a busy machine may answer
				t.Errorf("POST %s answers %d", action, p.status)
			}
		}
	})
}

// changes is what somebody did, but for signing in and what was refused.
func (s *shop) changes(name string) []string {
	s.t.Helper()
	var done []string
	for _, e := range signetJSON[[]struct{ Action, Target string }](s.installation, "audit", "list", "--actor", "user:"+name, "--limit", "0") {
		if !strings.HasPrefix(e.Action, "session.") && e.Action != "management.refuse" {
			done = append(done, e.Action+" "+e.Target)
		}
	}
	return done
}
