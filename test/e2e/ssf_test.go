package e2e

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// transmitter is what the Shared Signals Framework 1.0 §7.1 says of a server.
type transmitter struct {
	SpecVersion   string `json:"spec_version"`
	Issuer        string
	JWKSURI       string              `json:"jwks_uri"`
	Methods       []string            `json:"delivery_methods_supported"`
	Configuration string              `json:"configuration_endpoint"`
	Status        string              `json:"status_endpoint"`
	Add           string              `json:"add_subject_endpoint"`
	Remove        string              `json:"remove_subject_endpoint"`
	Verification  string              `json:"verification_endpoint"`
	Schemes       []map[string]string `json:"authorization_schemes"`
}

// stream is the configuration of one.
type stream struct {
	ID          string   `json:"stream_id"`
	Issuer      string   `json:"iss"`
	Audience    string   `json:"aud"`
	Supported   []string `json:"events_supported"`
	Delivered   []string `json:"events_delivered"`
	Delivery    map[string]string
	Interval    int `json:"min_verification_interval"`
	Description string
}

// transmit sends a request to an endpoint of a stream.
func (s *server) transmit(token, method, endpoint, body string) answer {
	s.t.Helper()
	r := s.request(method, strings.TrimPrefix(endpoint, s.issuer), strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return do(r)
}

// streamToken is an access token of a client for its stream, with a scope and without naming a resource, as receivers ask for it.
func (s *shop) streamToken(t *testing.T, by client, scope string) string {
	t.Helper()
	return s.issued(t, s.post("/oauth2/token", by, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})).Access
}

func TestAServiceManagesItsOwnStreamOfEvents(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		s.signet("role", "create", "receiver", "--grant", "urn:signet:admin#ssf.read", "--grant", "urn:signet:admin#ssf.manage")
		stock := s.createClient("stock", "--grant", "client_credentials", "--api", "urn:signet:admin", "--serves", ordersAPI)
		other := s.createClient("other", "--grant", "client_credentials", "--api", "urn:signet:admin", "--serves", ordersAPI)
		idle := s.createClient("idle", "--grant", "client_credentials", "--api", "urn:signet:admin")
		for _, c := range []client{stock, other, idle} {
			s.signet("assign", "receiver", "--client", c.ID)
		}
		at := decode[transmitter](t, s.get("/.well-known/ssf-configuration", "").wantStatus(t, 200))
		if at.SpecVersion != "1_0" || at.Issuer != s.issuer || at.JWKSURI != s.issuer+"/.well-known/jwks.json" || len(at.Methods) != 2 ||
			len(at.Schemes) != 1 || at.Schemes[0]["spec_urn"] != "urn:ietf:rfc:6749" {
			t.Errorf("the metadata is %+v", at)
		}
		token, reader, others := s.streamToken(t, stock, "ssf.read ssf.manage"), s.streamToken(t, stock, "ssf.read"), s.streamToken(t, other, "ssf.manage")
		const push = `"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"https://stock.example/events","authorization_header":"Bearer abc"}`
		const revoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"

		// Who asks, and what for.
		s.transmit("", "GET", at.Configuration, "").wantError(t, 401, "invalid_token")
		s.transmit("x", "GET", at.Configuration, "").wantError(t, 401, "invalid_token")
		s.transmit(s.reportingToken(t), "GET", at.Configuration, "").wantError(t, 401, "invalid_token")
		portal := s.createClient("portal", "--grant", "authorization_code", "--redirect-uri", callback, "--api", "urn:signet:admin", "--serves", ordersAPI)
		s.signet("assign", "receiver", "--user", alice)
		a := askFor(portal, "ssf.manage", "urn:signet:admin")
		ofAlice := s.issued(t, s.post("/oauth2/token", portal, a.exchange(s.code(t, a)))).Access
		s.transmit(ofAlice, "GET", at.Configuration, "").wantError(t, 401, "invalid_token") // what she may is not what the client may
		denied := s.transmit(reader, "POST", at.Configuration, `{}`)
		denied.wantError(t, 403, "insufficient_scope")
		if challenge := denied.header.Get("WWW-Authenticate"); !strings.Contains(challenge, `scope="ssf.manage"`) || !strings.Contains(challenge, "resource_metadata=") {
			t.Errorf("the challenge is %s", challenge)
		}
		s.transmit(s.streamToken(t, idle, "ssf.manage"), "POST", at.Configuration, `{}`).wantError(t, 403, "access_denied")
		if none := s.transmit(reader, "GET", at.Configuration, "").wantStatus(t, 200); none.body != "[]" {
			t.Errorf("without a stream: %s", none.body)
		}
		s.transmit(reader, "GET", at.Configuration+"?stream_id=stock", "").wantError(t, 404, "not_found")
		s.transmit(token, "PATCH", at.Configuration, `{"stream_id":"stock"}`).wantError(t, 404, "not_found")

		for _, bad := range []string{
			``, `[]`, `{"events_requested":null}`, `{"iss":"https://other.example"}`, `{"aud":"other"}`, `{"description":null}`,
			`{"delivery":{"method":"urn:x","endpoint_url":"https://stock.example"}}`, `{"delivery":{"method":"urn:ietf:rfc:8935"}}`, `{"extra":1}`,
			`{"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"http://127.0.0.1:1/"}}`, `{"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"https://[::1]/"}}`,
			`{"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"https://localhost/"}}`, `{"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"file:///etc/passwd"}}`,
			`{"delivery":{"method":"urn:ietf:rfc:8936","endpoint_url":"https://stock.example"}}`, `{"delivery":{"method":"urn:ietf:rfc:8936","authorization_header":"Bearer x"}}`,
			`{"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"https://stock.example","authorization_header":"Basic eA=="}}`,
			`{"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"https://stock.example","authorization_header":"Bearer a\nX-Y: z"}}`,
		} {
			s.transmit(token, "POST", at.Configuration, bad).wantError(t, 400, "invalid_request")
		}

		// What is not known is ignored, also where nothing else is requested.
		nothing := s.transmit(token, "POST", at.Configuration, `{"events_requested":["urn:x"]}`).wantStatus(t, 201)
		if !strings.Contains(nothing.body, `"events_delivered":[]`) {
			t.Errorf("a stream of nothing that is known is %s", nothing.body)
		}
		if same := s.transmit(token, "PUT", at.Configuration, nothing.body).wantStatus(t, 200); same.body != nothing.body {
			t.Errorf("%s was made %s", nothing.body, same.body)
		}
		some := decode[stream](t, s.transmit(token, "PATCH", at.Configuration, `{"stream_id":"stock","events_requested":["`+revoked+`"]}`).wantStatus(t, 200))
		if len(some.Delivered) != 1 {
			t.Errorf("it was made %+v", some)
		}
		s.transmit(token, "DELETE", at.Configuration+"?stream_id=stock", "").wantStatus(t, 204)

		made := decode[stream](t, s.transmit(token, "POST", at.Configuration, `{}`).wantStatus(t, 201))
		if made.ID != "stock" || made.Issuer != s.issuer || made.Audience != "stock" || len(made.Delivered) != len(made.Supported) ||
			made.Delivery["method"] != "urn:ietf:rfc:8936" || made.Delivery["endpoint_url"] != s.issuer+"/events/poll" || made.Interval != 30 {
			t.Errorf("the stream is %+v", made)
		}
		s.transmit(token, "POST", at.Configuration, `{}`).wantError(t, 409, "conflict")
		if list := s.signet("receiver", "list"); !strings.Contains(list, "stock") {
			t.Errorf("the receivers are %s", list)
		}
		all := decode[[]stream](t, s.transmit(reader, "GET", at.Configuration, "").wantStatus(t, 200))
		one := decode[stream](t, s.transmit(reader, "GET", at.Configuration+"?stream_id=stock", "").wantStatus(t, 200))
		if len(all) != 1 || all[0].ID != one.ID || one.ID != "stock" {
			t.Errorf("the streams are %+v; the one is %+v", all, one)
		}

		// One client never sees another's.
		s.transmit(others, "GET", at.Configuration+"?stream_id=stock", "").wantError(t, 404, "not_found")
		s.transmit(others, "DELETE", at.Configuration+"?stream_id=stock", "").wantError(t, 404, "not_found")
		s.transmit(others, "GET", at.Status+"?stream_id=stock", "").wantError(t, 404, "not_found")
		for endpoint, body := range map[string]string{
			at.Status: `{"stream_id":"stock","status":"paused"}`, at.Verification: `{"stream_id":"stock"}`,
			at.Add: `{"stream_id":"stock","subject":{"format":"iss_sub","iss":"x","sub":"y"}}`, at.Remove: `{"stream_id":"stock","subject":{"format":"email","email":"y"}}`,
		} {
			s.transmit(others, "POST", endpoint, body).wantError(t, 404, "not_found")
			s.transmit(token, "POST", endpoint, `{}`).wantError(t, 400, "invalid_request")
			s.transmit(reader, "POST", endpoint, body).wantError(t, 403, "insufficient_scope")
		}
		s.transmit(others, "PUT", at.Configuration, `{"stream_id":"stock"}`).wantError(t, 404, "not_found")

		// What is sent back as it was read changes nothing; what is wrong is refused.
		read := s.transmit(reader, "GET", at.Configuration+"?stream_id=stock", "").body
		if same := s.transmit(token, "PUT", at.Configuration, read).wantStatus(t, 200); same.body != read {
			t.Errorf("%s was made %s", read, same.body)
		}
		patched := decode[stream](t, s.transmit(token, "PATCH", at.Configuration,
			`{"stream_id":"stock","description":"for stock","events_requested":["`+revoked+`","urn:unknown"],`+push+`}`).wantStatus(t, 200))
		if patched.Description != "for stock" || len(patched.Delivered) != 1 || patched.Delivery["endpoint_url"] != "https://stock.example/events" {
			t.Errorf("it was made %+v", patched)
		}
		if shown := s.signet("receiver", "show", "stock", "-o", "json"); !strings.Contains(shown, `"has_bearer_token": true`) || !strings.Contains(shown, `"allow_private": false`) {
			t.Errorf("the receiver is %s", shown)
		}
		s.signet("receiver", "update", "stock", "--push", "https://10.0.0.1/events", "--allow-private")
		s.transmit(token, "PATCH", at.Configuration, `{"stream_id":"stock","delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"https://10.0.0.2/events"}}`).wantStatus(t, 200)
		if shown := s.signet("receiver", "show", "stock", "-o", "json"); !strings.Contains(shown, `"allow_private": false`) {
			t.Errorf("the receiver may reach another private address: %s", shown)
		}
		s.transmit(token, "PATCH", at.Configuration, `{"stream_id":"stock","events_delivered":["urn:x"]}`).wantError(t, 400, "invalid_request")
		replaced := decode[stream](t, s.transmit(token, "PUT", at.Configuration, `{"stream_id":"stock"}`).wantStatus(t, 200))
		if replaced.Description != "" || len(replaced.Delivered) != len(replaced.Supported) || replaced.Delivery["method"] != "urn:ietf:rfc:8936" {
			t.Errorf("it was replaced by %+v", replaced)
		}

		// Its status, a verification, and what it polls with its access token.
		status := func(want string) {
			t.Helper()
			if got := s.transmit(reader, "GET", at.Status+"?stream_id=stock", "").wantStatus(t, 200); got.body != want {
				t.Errorf("the status is %s, want %s", got.body, want)
			}
		}
		status(`{"stream_id":"stock","status":"enabled"}`)
		s.transmit(token, "POST", at.Status, `{"stream_id":"stock","status":"paused","reason":"at night"}`).wantStatus(t, 200)
		status(`{"stream_id":"stock","status":"paused","reason":"at night"}`)
		s.revoke(t, s.reporting, s.reportingToken(t))
		for _, bad := range []string{`{"stream_id":"stock","status":"gone"}`, `{"stream_id":"stock"}`, `{"stream_id":"stock","status":"paused","reason":"` + strings.Repeat("x", 600) + `"}`} {
			s.transmit(token, "POST", at.Status, bad).wantError(t, 400, "invalid_request")
		}
		s.transmit(reader, "GET", at.Status, "").wantError(t, 400, "invalid_request")
		poll := func(body string) map[string]string {
			t.Helper()
			return decode[pollAnswer](t, s.transmit(reader, "POST", "/events/poll", body).wantStatus(t, 200)).Sets
		}
		if sets := poll(`{"returnImmediately":true}`); len(sets) != 0 {
			t.Errorf("while it is paused it gets %d events", len(sets))
		}
		s.transmit(token, "POST", at.Status, `{"stream_id":"stock","status":"enabled"}`).wantStatus(t, 200)
		s.transmit(token, "POST", at.Verification, `{"stream_id":"stock","state":"hello"}`).wantStatus(t, 204)
		tooOften := s.transmit(token, "POST", at.Verification, `{"stream_id":"stock"}`)
		tooOften.wantError(t, 429, "too_many_requests")
		if tooOften.header.Get("Retry-After") != "30" {
			t.Errorf("it may try again after %q", tooOften.header.Get("Retry-After"))
		}
		sets := poll(`{}`)
		var acked []string
		for jti, set := range sets {
			acked = append(acked, jti)
			said := claims(t, set)
			if events, ok := said["events"].(map[string]any); !ok || len(events) != 1 || said["aud"] != "stock" || said["txn"] == nil || said["sub"] != nil || said["exp"] != nil {
				t.Errorf("a token says %v", said)
			}
		}
		if len(sets) != 2 || !strings.Contains(strings.Join(verificationStates(t, sets), " "), "hello") {
			t.Errorf("it got %d events", len(sets))
		}
		ack, err := json.Marshal(map[string]any{"ack": acked, "maxEvents": 0})
		check(t, err)
		if left := poll(string(ack)); len(left) != 0 {
			t.Errorf("after the acknowledgement %d are left", len(left))
		}
		s.transmit(token, "POST", at.Add, `{"stream_id":"stock","subject":{"format":"iss_sub","iss":"`+s.issuer+`","sub":"reporting"}}`).wantStatus(t, 200)
		s.transmit(token, "POST", at.Remove, `{"stream_id":"stock","subject":{"format":"iss_sub","iss":"`+s.issuer+`","sub":"reporting"}}`).wantStatus(t, 204)

		for name, value := range hostileValues {
			escaped, err := json.Marshal(value)
			check(t, err)
			for _, text := range []string{string(escaped), `"` + value + `"`, `[` + string(escaped) + `]`} {
				for _, c := range []struct{ endpoint, members string }{
					{"PUT /events/stream", `"stream_id":` + text}, {"POST /events/status", `"stream_id":"stock","status":` + text},
					{"POST /events/status", `"stream_id":"stock","status":"enabled","reason":` + text}, {"POST /events/verification", `"stream_id":"stock","state":` + text},
					{"PATCH /events/stream", `"stream_id":"stock","description":` + text}, {"PATCH /events/stream", `"stream_id":"stock","aud":` + text},
					{"PATCH /events/stream", `"stream_id":"stock","events_requested":` + text},
					{"POST /events/subjects:add", `"subject":{"format":"email","email":` + text + `}`},
					{"POST /events/subjects:remove", `"subject":{"format":"iss_sub","iss":"` + s.issuer + `","sub":` + text + `}`},
					{"PATCH /events/stream", `"stream_id":"stock","delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":` + text + `,"authorization_header":` + text + `}`},
				} {
					method, path, _ := strings.Cut(c.endpoint, " ")
					s.wantNoFailure(t, name, s.transmit(token, method, path, "{"+c.members+"}"), c.endpoint+" "+c.members)
				}
			}
			s.wantNoFailure(t, name, s.get("/events/stream?stream_id="+url.QueryEscape(value), token), "stream_id")
			s.wantNoFailure(t, name, s.get("/events/status?stream_id="+url.QueryEscape(value), token), "stream_id")
		}

		s.transmit(token, "DELETE", at.Configuration, "").wantError(t, 400, "invalid_request")
		s.transmit(token, "DELETE", at.Configuration+"?stream_id=stock", "").wantStatus(t, 204)
		s.transmit(token, "DELETE", at.Configuration+"?stream_id=stock", "").wantError(t, 404, "not_found")
		if list := s.signet("receiver", "list"); strings.Contains(list, "stock") {
			t.Errorf("the receivers are %s", list)
		}
		if log := s.log.String(); strings.Contains(log, "level=ERROR") {
			t.Errorf("errors are logged:\n%s", firstLine(log, "level=ERROR"))
		}
	})
}

// verificationStates are those that verification events among tokens say.
func verificationStates(t *testing.T, sets map[string]string) (all []string) {
	t.Helper()
	for _, set := range sets {
		said := claims(t, set)["events"].(map[string]any)
		if verification, ok := said["https://schemas.openid.net/secevent/ssf/event-type/verification"].(map[string]any); ok {
			all = append(all, verification["state"].(string))
		}
	}
	return all
}
