package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

// pollAnswer is the answer to a poll for events (RFC 8936 §2.3).
type pollAnswer struct {
	Sets          map[string]string `json:"sets"`
	MoreAvailable bool              `json:"moreAvailable"`
}

// poll asks for security events.
func (s *server) poll(by client, body string) answer {
	s.t.Helper()
	r := s.request(http.MethodPost, "/events/poll", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if by.ID != "" {
		r.SetBasicAuth(by.ID, by.Secret)
	}
	return do(r)
}

func TestAPollReturnsARevocation(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		s.signet("receiver", "create", s.orders.ID, "--poll")
		token := s.reportingToken(t)
		waiting := make(chan answer, 1)
		go func() { waiting <- s.poll(s.orders, `{}`) }()
		s.revoke(t, s.reporting, token)
		got := decode[pollAnswer](t, (<-waiting).wantStatus(t, 200))
		if len(got.Sets) != 1 || got.MoreAvailable {
			t.Fatalf("the answer is %+v", got)
		}
		for jti, set := range got.Sets {
			said, header := claims(t, set), joseHeader(t, set)
			if header["typ"] != "secevent+jwt" || said["jti"] != jti || said["aud"] != s.orders.ID || said["iss"] != s.issuer {
				t.Errorf("the token is %v %v", header, said)
			}
			if subject := said["sub_id"].(map[string]any); subject["jti"] != claims(t, token)["jti"] {
				t.Errorf("it is about %v", subject)
			}
			// It is no access token.
			s.wantActive(t, s.orders, set, false)
			s.get("/oauth2/userinfo", set).wantStatus(t, 401)
			if again := decode[pollAnswer](t, s.poll(s.orders, `{"returnImmediately":true,"ack":["`+jti+`"]}`).wantStatus(t, 200)); len(again.Sets) != 0 {
				t.Errorf("after it was acknowledged: %+v", again)
			}
		}

		s.poll(client{}, `{}`).wantError(t, 401, "invalid_client")
		s.poll(client{s.orders.ID, "wrong"}, `{}`).wantError(t, 401, "invalid_client")
		s.poll(s.invoices, `{"returnImmediately":true}`).wantError(t, 403, "access_denied")
		for body, member := range map[string]string{
			`{"ACK":["x"],"returnImmediately":true}`: "ack", `{"MAXEVENTS":1}`: "maxEvents", `{"maxEvents":null}`: "maxEvents", `{"ack":null}`: "ack",
			`{"ack":[""]}`: "ack", `{"ack":[null]}`: "ack", `{"returnImmediately":null}`: "returnImmediately", `{"maxEvents":"x"}`: "maxEvents",
			`{"setErrs":{"x":{"ERR":"y"}}}`: "setErrs.err", `{"ack":[],"ack":[]}`: "ack", `{"wait":true}`: "wait", `null`: "object",
		} {
			a := s.poll(s.orders, body)
			a.wantError(t, 400, "invalid_request")
			if !strings.Contains(a.body, member) {
				t.Errorf("%s: the answer does not name %s: %s", body, member, a.body)
			}
		}
		for body, status := range map[string]int{
			``: 400, `[]`: 400, `{"maxEvents":"x"}`: 400, `{"maxEvents":-1}`: 400, `{} {}`: 400,
			`{"ack":["` + strings.Repeat("x", 70<<10) + `"]}`: 413,
		} {
			s.poll(s.orders, body).wantError(t, status, "invalid_request")
		}
		s.post("/events/poll", s.orders, nil).wantError(t, 400, "invalid_request") // a form
	})
}

func TestAReceiverAddsSubjectsToItsStream(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		s.signet("role", "create", "receiver", "--grant", "urn:signet:admin#ssf.read", "--grant", "urn:signet:admin#ssf.manage")
		stock := s.createClient("stock", "--grant", "client_credentials", "--api", "urn:signet:admin", "--serves", ordersAPI)
		other := s.createClient("other", "--grant", "client_credentials", "--api", "urn:signet:admin", "--serves", ordersAPI)
		s.signet("assign", "receiver", "--client", stock.ID)
		s.signet("assign", "receiver", "--client", other.ID)
		s.signet("receiver", "create", stock.ID, "--poll")
		token, others := s.streamToken(t, stock, "ssf.manage"), s.streamToken(t, other, "ssf.manage")
		change := func(token, verb, body string) answer {
			t.Helper()
			return s.transmit(token, http.MethodPost, "/events/subjects:"+verb, body)
		}
		subject := func(issuer, sub string) string {
			return `{"subject":{"format":"iss_sub","iss":"` + issuer + `","sub":"` + sub + `"}}`
		}
		robot := s.createClient("robot", "--grant", "client_credentials", "--api", ordersAPI)
		heard := func() int {
			t.Helper()
			s.signet("assign", "clerk", "--client", robot.ID)
			sets := decode[pollAnswer](t, s.poll(stock, `{"returnImmediately":true}`).wantStatus(t, 200)).Sets
			for jti := range sets {
				s.poll(stock, `{"returnImmediately":true,"ack":["`+jti+`"]}`).wantStatus(t, 200)
			}
			return len(sets)
		}
		before := heard()
		added := change(token, "add", subject(s.issuer, robot.ID)).wantStatus(t, 200)
		with := heard()
		removed := change(token, "remove", subject(s.issuer, robot.ID)).wantStatus(t, 204)
		if after := heard(); before != 0 || with != 1 || after != 0 || added.body+removed.body != "" {
			t.Errorf("heard %d, %d once it was added, %d once it was removed; the answers are %q, %q", before, with, after, added.body, removed.body)
		}
		good := subject(s.issuer, robot.ID)
		withSecret := s.request(http.MethodPost, "/events/subjects:add", strings.NewReader(good))
		withSecret.Header.Set("Content-Type", "application/json")
		withSecret.SetBasicAuth(stock.ID, stock.Secret)
		do(withSecret).wantError(t, 401, "invalid_token") // it says nothing of what an administrator permitted
		change(s.streamToken(t, stock, "ssf.read"), "add", good).wantError(t, 403, "insufficient_scope")
		for _, who := range []string{good, subject(s.issuer, "nobody"), subject("https://other.example", robot.ID)} { // nobody finds out who exists
			for verb, status := range map[string]int{"add": 200, "remove": 204} {
				change(others, verb, who).wantError(t, 404, "not_found")
				if a := change(token, verb, who).wantStatus(t, status); a.body != "" {
					t.Errorf("%s %s: %s", verb, who, a.body)
				}
			}
		}
		change(token, "remove", strings.Replace(good, `{`, `{"verified":true,"stream_id":"`+stock.ID+`",`, 1)).wantStatus(t, 204)
		for _, body := range []string{``, `{}`, `[]`, `{"subject":null}`, `{"subject":{"format":"email"}}`, subject(s.issuer, ""),
			strings.Replace(good, "subject", "SUBJECT", 1), strings.Replace(good, "sub\"", "Sub\"", 1), strings.Replace(good, `{`, `{"verified":null,`, 1),
			strings.Replace(good, `{`, `{"stream_id":"",`, 1), strings.Replace(good, `"iss_sub"`, "null", 1)} {
			change(token, "add", body).wantError(t, 400, "invalid_request")
			change(token, "remove", body).wantError(t, 400, "invalid_request")
		}
		if log := s.signet("audit", "list"); !strings.Contains(log, "client:"+stock.ID) || !strings.Contains(log, "receiver.add_subject") {
			t.Errorf("the audit log is %s", log)
		}
	})
}

func TestAPollWaitsAndEndsWithTheServer(t *testing.T) {
	t.Parallel()
	s := openShop(t, pgtest.Database(t))
	s.signet("receiver", "create", s.orders.ID, "--poll")
	began := time.Now()
	if got := decode[pollAnswer](t, s.poll(s.orders, `{}`).wantStatus(t, 200)); len(got.Sets) != 0 || got.Sets == nil {
		t.Errorf("the answer is %+v", got)
	}
	if waited := time.Since(began); waited < 20*time.Second {
		t.Errorf("it waited for %v only", waited)
	}
	waiting := make(chan answer, 1)
	go func() { waiting <- s.poll(s.orders, `{}`) }()
	time.Sleep(200 * time.Millisecond) // for the request to arrive; without it the poll is refused, which is no failure
	s.stop()
	if got := <-waiting; got.status != 200 && got.status != 0 {
		t.Errorf("a server that stops answers %d %s", got.status, got.body)
	}
}
