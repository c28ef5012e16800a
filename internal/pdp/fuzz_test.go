package pdp

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/internal/httpjson"
)

// What is read of a body says whom, what and on what, has no value that readers take differently, and is what encoding/json reads; all else
// is refused with a sentence.
func FuzzReadBody(f *testing.F) {
	for _, seed := range []string{
		`{"subject":{"type":"user","id":"usr_1","properties":{"a":[1,null,{"b":"c"}]}},"action":{"name":"read","properties":{}},"resource":{"type":"orders","id":"42"},"context":{"ip":"::1"},"options":{"explain":true},"audience":"https://orders.example"}`,
		`{"subject":{"type":"access_token","id":"e30.e30."},"action":{"name":"read"},"resource":{"type":"orders","id":"1"},"evaluations":[{"resource":{"type":"orders","id":"2"}},{"action":null},{},1,null,{"subject":{"type":"user","id":"a","id":"b"}}],"options":{"evaluations_semantic":"deny_on_first_deny"}}`,
		`{"subject":{"type":"user","id":"a"},"subject":{"type":"user","id":"b"},"action":{"name":"a"},"resource":{"type":"r","id":"1"}}`,
		`{"subject":{"type":"user","id":""},"action":{"name":1},"resource":[],"context":"x"}`, `{"evaluations":{}}`, `{"options":{"evaluations_semantic":"any"}}`,
		`{"evaluations":[[[[]]]],"context":{"a":"\u0000"}}`, `{"options":{"explain":1}}`, `{}`, `[]`, ``, `null`, `{"a":1e999}`, `{"subject":{"type":"user","id":"\ud800"}}`,
	} {
		f.Add(seed)
	}
	refused := func(t *testing.T, err error) {
		t.Helper()
		if told := refusalOf(err); told == nil || told.status != 400 || told.text == "" {
			t.Errorf("it is refused as %v", err)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		body, err := readBody([]byte(text))
		if err != nil {
			refused(t, err)
			return
		}
		var usual map[string]any
		if err := json.Unmarshal([]byte(text), &usual); err != nil {
			t.Fatalf("%q is read, though %v", text, err)
		}
		for _, read := range []func(map[string]any) error{
			func(body map[string]any) error { _, err := explains(body); return err },
			func(body map[string]any) error { _, err := semantic(body); return err },
			func(body map[string]any) error { _, err := optionalText(body, "audience"); return err },
			func(body map[string]any) error { _, err := readSearched(body, "subject"); return err },
			func(body map[string]any) error { _, err := readSearched(body, "resource"); return err },
		} {
			if err := read(body); err != nil {
				refused(t, err)
			}
		}
		judge := func(members map[string]any, usual any) {
			t.Helper()
			r, err := readRequest(members)
			if err != nil {
				refused(t, err)
				return
			}
			if r.Subject.Type == "" || r.Subject.ID == "" || r.Action.Name == "" || r.Resource.Type == "" || r.Resource.ID == "" {
				t.Errorf("%q is read as %+v", text, r)
			}
			for _, values := range values(r) {
				if _, ok := plain(values); !ok || unusable(values) {
					t.Errorf("%q: %v is read", text, values)
				}
			}
			if usual == nil {
				return
			}
			if diff := cmp.Diff(usual, any(members)); diff != "" {
				t.Errorf("%q is not what encoding/json reads: %s", text, diff)
			}
		}
		given, err := list(body, "evaluations")
		if err != nil {
			refused(t, err)
			return
		}
		if len(given) == 0 {
			judge(body, usual)
		}
		for _, item := range given {
			members, err := withDefaults(item, body)
			if err != nil {
				refused(t, err)
				continue
			}
			judge(members, nil)
		}
	})
}

// values are the objects of a request that conditions read.
func values(r decision.Request) []map[string]any {
	return []map[string]any{r.Subject.Properties, r.Action.Properties, r.Resource.Properties, r.Context}
}

// unusable reports whether something in a value is of no type.
func unusable(value any) bool {
	switch v := value.(type) {
	case httpjson.Unusable:
		return true
	case []any:
		return slices.ContainsFunc(v, unusable)
	case map[string]any:
		for _, one := range v {
			if unusable(one) {
				return true
			}
		}
	case nil, string, bool, float64:
	default:
		panic(fmt.Sprintf("%T", v))
	}
	return false
}
