package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// fetchKeySet fetches the key set as a service of a name.
func (s *server) fetchKeySet(t *testing.T, agent, holds string) (etag string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/.well-known/jwks.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", agent)
	if holds != "" {
		r.Header.Set("If-None-Match", holds)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.Header.Get("ETag")
}

// until opens a page again until it shows a text.
func (p *page) until(t *testing.T, text string) *page {
	t.Helper()
	for end := time.Now().Add(time.Minute); !strings.Contains(p.text, text); p = p.browser.open(p.url.String()) {
		if time.Now().After(end) {
			t.Fatalf("%s never shows %q:\n%s", p.url.Path, text, p.text)
		}
		time.Sleep(200 * time.Millisecond)
	}
	return p
}

func TestTheOverviewShowsHowSignetDoes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		p := s.administer(t, "administrator", "/admin/").shows(http.StatusOK, "Wants attention", "single administrator", "Tokens a minute", ordersAPI, "Last changes").until(t, "up to date")
		for _, span := range []string{"day", "fortnight", "hostile%00%ff"} {
			p.browser.open(s.url+"/admin/?span="+span).shows(http.StatusOK, "Tokens ")
		}
	})
}

func TestAKeyDrillFollowsTheRevocation(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		s.reportingToken(t)
		kid := signetJSON[[]struct{ KID string }](s.installation, "key", "list")[0].KID
		s.fetchKeySet(t, "payroll/1 <script>", "")
		p := s.administer(t, "administrator", "/admin/keys/"+kid+"/drill").shows(http.StatusOK, "Compromise drill", "reporting", "Live tokens: 1")
		p = p.until(t, "payroll/1 <script>")
		ask := p.browser.open(p.url.String()+"/revoke").shows(http.StatusOK, "Live tokens that end: 1")
		ask.submit("name", "another").shows(http.StatusUnprocessableEntity, "This is not the name.")
		after := ask.submit("name", kid[:8]).shows(http.StatusOK, "The key is revoked.", "Not everybody knows yet", "0 of 1 services")
		etag := s.fetchKeySet(t, "payroll/1 <script>", "")
		s.fetchKeySet(t, "payroll/1 <script>", etag)
		after.until(t, "1 of 1 services").until(t, "1 of 1 servers").until(t, "Everybody that is known knows")
		var drill struct {
			Converged bool
			Known     struct{ Current int } `json:"verifier_counts"`
		}
		if err := json.Unmarshal([]byte(s.signet("key", "drill", "-o", "json", "--", kid)), &drill); err != nil {
			t.Fatal(err)
		}
		if !drill.Converged || drill.Known.Current != 1 {
			t.Errorf("the command says %+v", drill)
		}
	})
}

func TestAReceiverIsManagedInTheBrowser(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		s.signet("client", "create", "billing", "--serves", ordersAPI)
		b := s.administer(t, "administrator", "/admin/receivers").shows(http.StatusOK, "New receiver").browser
		create := b.open(s.url + "/admin/new/receiver").shows(http.StatusOK)
		create.submit("client_id", "nobody").shows(http.StatusUnprocessableEntity, "There is no client of this client_id.")
		create.submit("client_id", "billing", "method", "poll", "endpoint", "https://x.example").shows(http.StatusUnprocessableEntity, "no endpoint")
		create.submit("client_id", "billing", "method", "push", "endpoint", "http://x.example").shows(http.StatusUnprocessableEntity, "use https")
		made := create.submit("client_id", "billing", "method", "push", "endpoint", "https://x.invalid/events", "bearer", "hidden-token").
			shows(http.StatusOK, "The receiver was created.", "https://x.invalid/events")
		create.submit("client_id", "billing", "method", "poll").shows(http.StatusUnprocessableEntity, "already exists")
		if strings.Contains(made.text, "hidden-token") {
			t.Error("the bearer token is shown")
		}
		post := func(act string) *page {
			made.form = &form{action: "/admin/receivers/billing/" + act, fields: b.open(s.url + "/admin/new/receiver").form.fields}
			return made.submit()
		}
		post("verify").shows(http.StatusOK, "A verification event was sent.", "none yet")
		edit := b.open(s.url+"/admin/receivers/billing/edit").shows(http.StatusOK, "it stays")
		edit.submit("endpoint", "http://x.invalid").shows(http.StatusUnprocessableEntity, "use https")
		edit.submit("description", "Bills <b>", "endpoint", "https://x.invalid/hooks").shows(http.StatusOK, "The receiver was changed.", "Bills <b>", "https://x.invalid/hooks")
		conflict := edit.submit("description", "Mine", "bearer", "typed-token").shows(http.StatusConflict, "Bills <b>", "https://x.invalid/hooks")
		if strings.Contains(conflict.text, "typed-token") {
			t.Error("the conflict shows the bearer token that was typed")
		}
		b.open(s.url+"/admin/receivers/billing/edit").submit("endpoint", "https://y.invalid").shows(http.StatusOK, "its bearer token was removed")
		rotate := b.open(s.url+"/admin/receivers/billing/bearer").shows(http.StatusOK, "none is lost")
		if bearer := rotate.submit().shows(http.StatusOK, "It is shown this once.").codes["Bearer token"]; !strings.HasPrefix(bearer, "signet_push_") {
			t.Errorf("the bearer token is %q", bearer)
		}
		rotate.submit().shows(http.StatusUnprocessableEntity, "No bearer token was made.")
		b.open(s.url+"/admin/receivers/billing/bearer/remove").submit().shows(http.StatusOK, "The bearer token was removed.")
		if receiver := s.signet("receiver", "show", "billing", "-o", "json"); !strings.Contains(receiver, `"has_bearer_token": false`) {
			t.Errorf("the receiver is %s", receiver)
		}
		post("pause").shows(http.StatusOK, "The receiver was paused.", "Events are kept for as long as events.retention says.")
		post("resume").shows(http.StatusOK, "The receiver was resumed.")
		drop := b.open(s.url + "/admin/receivers/billing/delete").shows(http.StatusOK)
		drop.submit("name", "x").shows(http.StatusUnprocessableEntity, "This is not the name.")
		drop.submit("name", "billing").shows(http.StatusOK, "The receiver was deleted.")
		drop.submit("name", "billing").shows(http.StatusNotFound)
	})
}

func TestSettingsAreShownWithWhereTheyComeFrom(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		s.administer(t, "auditor", "/admin/settings").shows(http.StatusOK, "tokens.access_ttl", "default", "environment", "How long an access token is valid")
	})
}

func TestStatisticsAndReplicasAreKnownToTheCommandLine(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		s.reportingToken(t)
		replicas := signetJSON[[]struct{ Publishes bool }](s.installation, "replicas")
		for end := time.Now().Add(time.Minute); len(replicas) == 0 && time.Now().Before(end); replicas = signetJSON[[]struct{ Publishes bool }](s.installation, "replicas") {
			time.Sleep(100 * time.Millisecond)
		}
		if len(replicas) != 1 || !replicas[0].Publishes {
			t.Errorf("replicas %+v", replicas)
		}
		s.server.stop()
		if left := signetJSON[[]struct{ Publishes bool }](s.installation, "replicas"); len(left) != 0 {
			t.Errorf("a server that was stopped is there: %+v", left)
		}
		issued := int64(0)
		for _, sum := range signetJSON[[]struct {
			Kind  string
			Count int64
		}](s.installation, "stats", "--step", "24h", "--past", "48h") {
			if sum.Kind == "issued.client_credentials" {
				issued += sum.Count
			}
		}
		if issued != 1 {
			t.Errorf("%d tokens were counted, of one that was issued before the server stopped", issued)
		}
	})
}
