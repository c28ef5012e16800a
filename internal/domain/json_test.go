package domain_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
)

func TestNumbersOfJSONAreExactWhereAFloatWouldRound(t *testing.T) {
	for text, want := range map[string]any{
		"0": 0.0, "-1": -1.0, "1.5": 1.5, "1e2": 100.0,
		"9007199254740991": 9007199254740991.0, "-9007199254740991": -9007199254740991.0,
		"9007199254740992": int64(9007199254740992), "9007199254740993": int64(9007199254740993), "-9007199254740992": int64(-9007199254740992), "-9007199254740993": int64(-9007199254740993),
		"9007199254740992.0": int64(9007199254740992), "9.007199254740992e15": int64(9007199254740992), "1e18": int64(1e18),
		"9223372036854775807": int64(math.MaxInt64), "-9223372036854775808": int64(math.MinInt64), "9223372036854775808": uint64(math.MaxInt64 + 1),
		"18446744073709551615": uint64(math.MaxUint64), "18446744073709551616": float64(1 << 64), "-9223372036854776833": -9223372036854777856.0, "1e300": 1e300,
	} {
		if got, err := domain.ParseNumber(text); err != nil || got != want {
			t.Errorf("%s is %T %v, want %T %v; error %v", text, got, got, want, want, err)
		}
		var object domain.JSONObject
		if err := json.Unmarshal([]byte(`{"a":[{"b":`+text+`}],"c":`+text+`}`), &object); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(domain.JSONObject{"a": []any{map[string]any{"b": want}}, "c": want}, object); diff != "" {
			t.Error(diff)
		}
	}
	if _, err := domain.ParseNumber("1e400"); err == nil {
		t.Error("1e400 is a number")
	}
	var object domain.JSONObject
	if err := json.Unmarshal([]byte(`{"a":{"b":1e400}}`), &object); err == nil {
		t.Errorf("1e400 is read as %v", object)
	}
}
