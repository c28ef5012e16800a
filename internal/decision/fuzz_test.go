package decision

import (
	"errors"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
)

// Cases that are read can be run, and say what a policy leaves untested.
func FuzzParseCases(f *testing.F) {
	for _, seed := range []string{
		"- name: a\n  subject: {type: user, id: u, permissions: [order:read], roles: [r], groups: [], claims: {a: 1}, properties: {}}\n  action: read\n  resource: order:42\n  context: {amount: 10}\n  now: 2026-01-31T12:00:00Z\n  expect: allow\n  rule: own\n",
		"- {name: a, subject: {type: user, id: u}, action: {name: read, properties: {a: [1, x, {b: null}]}}, resource: {type: order, id: 42, properties: {owner: u}}, expect: deny}",
		`[{"name":"a","subject":{"type":"client","id":"c"},"action":"read","resource":"order","expect":"allow"}]`,
		"- name: a\n  name: b\n", "- &a {name: *a}", "- <<: {}\n", "a: b", "[]", "- 1", "- name: !!binary aGk=\n", "\x00", "--- []\n--- []",
		"- name: a\n  now: 9999999999-01-01\n  context: {a: .nan, b: 0x1F, c: 1e999}\n",
	} {
		f.Add(seed)
	}
	policy, err := Compile(orders)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cases, err := ParseCases(text)
		if err != nil {
			if !errors.Is(err, domain.ErrInvalid) || err.Error() == "" {
				t.Errorf("%v", err)
			}
			return
		}
		results, untested := policy.Test(cases)
		if len(results) != len(cases) || len(cases) == 0 && len(untested) != len(policy.rules) {
			t.Errorf("%d results of %d cases, and untested %v", len(results), len(cases), untested)
		}
	})
}
