package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// apiCall is an operation that is called with its example.
type apiCall struct {
	apiOperation
	method, path string
}

// calls are all operations, in an order in which each one succeeds: what takes something away comes at the end.
func (d apiDescription) calls() (calls []apiCall) {
	for path, methods := range d.Paths {
		for method, o := range methods {
			calls = append(calls, apiCall{o, strings.ToUpper(method), path})
		}
	}
	last := []string{"policy.rollback", "policy.delete", "audit.erase", "revocation.begin", "key.rotate", "key.revoke"}
	rank := func(c apiCall) int {
		return slices.Index([]string{"POST", "PUT", "PATCH", "GET", "DELETE"}, c.method) + 10*(slices.Index(last, c.OperationID)+1)
	}
	slices.SortFunc(calls, func(a, b apiCall) int {
		deeper := cmp.Compare(strings.Count(a.path, "/"), strings.Count(b.path, "/"))
		if a.method == "DELETE" { // what belongs to something goes before it does
			deeper = -deeper
		}
		return cmp.Or(cmp.Compare(rank(a), rank(b)), deeper, cmp.Compare(a.OperationID, b.OperationID))
	})
	return calls
}

// first is a member of the first element of a list, which there has to be.
func (m manager) first(list, member string) string {
	m.t.Helper()
	var page struct{ Items []map[string]any }
	if err := json.Unmarshal([]byte(m.call("GET", list, "").wantStatus(m.t, 200).body), &page); err != nil || len(page.Items) == 0 {
		m.t.Fatalf("%s is empty: %v", list, err)
	}
	return strings.Trim(fmt.Sprint(page.Items[0][member]), `"`)
}

// named are values for the parameters in the path of a call: of objects that there are when it is sent.
func (c apiCall) named(m manager, token, kid string) map[string]string {
	names := map[string]string{
		"users": "alice", "attributes": "badge", "groups": "sales", "roles": "reader", "clients": "web", "apis": ordersAPI, "receivers": "orders",
	}
	switch {
	case c.OperationID == "api.delete":
		names["apis"] = "https://bills.example"
	case c.method == "GET":
		names["attributes"], names["groups"], names["roles"] = "nickname", "ops-team", "clerk"
	}
	collection := strings.TrimPrefix(c.path, "/api/v1")
	values := map[string]string{
		"name": names[strings.Split(collection, "/")[1]], "user": "alice", "kind": "users", "subject": "alice", "client": "web", "jti": token, "kid": kid, "seq": "1", "number": "1", "type": "order", "resource": "1",
	}
	if list, found := strings.CutSuffix(collection, "/{id}"); found {
		values["id"] = m.first(strings.ReplaceAll(list, "{name}", "alice"), "id")
	}
	if strings.Contains(collection, "{sid}") {
		values["sid"] = m.first("/sessions?user=carol", "sid")
	}
	if strings.Contains(collection, "{secret}") || strings.Contains(collection, "{trust}") {
		var client struct{ Secrets, Trusts []struct{ ID int64 } }
		if err := json.Unmarshal([]byte(m.call("GET", "/clients/web", "").body), &client); err != nil || len(client.Secrets) == 0 || len(client.Trusts) == 0 {
			m.t.Fatalf("%s: %v, %+v", c.OperationID, err, client)
		}
		values["secret"], values["trust"] = fmt.Sprint(client.Secrets[0].ID), fmt.Sprint(client.Trusts[0].ID)
	}
	for name := range values {
		if !strings.Contains(c.path, "{"+name+"}") {
			delete(values, name)
		}
	}
	return values
}

// wantExamplesTaken calls every operation with its example, by a generated client. Each answers as it is described.
func (d apiDescription) wantExamplesTaken(t *testing.T, m manager, client *generatedClient) {
	t.Helper()
	kid := m.first("/keys?state=active", "kid")
	var issued struct{ Items []struct{ JTI string } }
	if err := json.Unmarshal([]byte(m.call("GET", "/tokens?client=reporting", "").wantStatus(t, 200).body), &issued); err != nil || len(issued.Items) < 3 {
		t.Fatalf("%v, %+v", err, issued)
	}
	for _, c := range d.calls() {
		token, body := issued.Items[0].JTI, json.RawMessage(c.example())
		switch c.OperationID {
		case "token.revoke":
			token = issued.Items[1].JTI
		case "token.revoke_chosen":
			body = json.RawMessage(`{"jti":["` + issued.Items[2].JTI + `"]}`)
		}
		path := c.named(m, token, kid)
		a := client.call(c.method, c.path, path, body)
		if a.Status >= 300 {
			t.Errorf("%s: %s %s %v %s: status %d: %.300s", c.OperationID, c.method, c.path, path, c.example(), a.Status, a.Body)
			continue
		}
		described, ok := c.Responses[fmt.Sprint(a.Status)]
		if !ok {
			t.Errorf("%s: status %d is not described", c.OperationID, a.Status)
		}
		if content, ok := described.Content["application/json"]; ok && strings.HasPrefix(a.Type, "application/json") {
			var value any
			if err := json.Unmarshal([]byte(a.Body), &value); err != nil {
				t.Errorf("%s: %v", c.OperationID, err)
			}
			for _, fault := range content.Schema.faults(d.schemas, "answer", value) {
				t.Errorf("%s: %s: %.300s", c.OperationID, fault, a.Body)
			}
		}
	}
}
