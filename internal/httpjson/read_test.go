package httpjson

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// usual is a parsed value as encoding/json has it; false if a part of it is Unusable for another reason than that it is null.
func usual(value any) (any, bool) {
	switch v := value.(type) {
	case Unusable:
		return nil, v.shown == nil
	case []any:
		for i := range v {
			var ok bool
			if v[i], ok = usual(v[i]); !ok {
				return nil, false
			}
		}
	case map[string]any:
		for name := range v {
			var ok bool
			if v[name], ok = usual(v[name]); !ok {
				return nil, false
			}
		}
	}
	return value, true
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,-2.5e3,true,false,null,"x"],"b":{},"c":[]}`, " \t\n{ \"a\" : [ 1 , \"\\u00e9\\n\\\"\" ] } ", `"\ud800"`, `"\\"`, `1e400`, `[[[]]]`, `{"a":1,"a":2}`, `"\u0000"`, `0`, `{}x`, "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Parse([]byte(text))
		var want any
		wrong := json.Unmarshal([]byte(text), &want)
		if err != nil {
			if wrong == nil && strings.ToValidUTF8(text, "") == text {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if wrong != nil {
			t.Errorf("%q is read, though %v", text, wrong)
		}
		if value, ok := usual(got); ok {
			if diff := cmp.Diff(want, value); diff != "" {
				t.Errorf("%q: %s", text, diff)
			}
		}
	})
}

func TestWhatReadersTakeDifferentlyIsUnusable(t *testing.T) {
	for text, want := range map[string]string{`{"a":1,"a":1}`: "given more than once", `{"\u0061":1,"a":2}`: "given more than once", `{"a":"\u0000"}`: "text with a NUL", `{"a":null}`: "null"} {
		got, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if unusable, ok := got.(map[string]any)["a"].(Unusable); !ok || unusable.String() != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
