package cli

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/signet-auth/signet/internal/admin"
)

func TestFutureTimesAreDatesTimesOrDurations(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]time.Time{
		"2027-01-01":                time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		"2027-01-01T12:00:00+02:00": time.Date(2027, 1, 1, 10, 0, 0, 0, time.UTC),
		"36h":                       now.Add(36 * time.Hour),
		"2026-07-01":                {}, // began already
		"-1h":                       {},
		"0s":                        {},
		"tomorrow":                  {},
		"":                          {},
	}
	for text, want := range tests {
		got, err := parseTime(text, now)
		if refused := want.IsZero(); refused != (err != nil) || !refused && !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestValuesOfPairsAreLiteral(t *testing.T) {
	var got map[string]string
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	pairsFlag(flags, &got, "with", "")
	args := []string{"--with", `a=1,b=2`, "--with", `quote="half`, "--with=equal=a=b", "--with", "none="}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "1,b=2", "quote": `"half`, "equal": "a=b", "none": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, wrong := range []string{"none", "=value", "a=again"} {
		if err := flags.Parse([]string{"--with", wrong}); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

func TestEditingAClientsAPIsNeverWidensThemByAccident(t *testing.T) {
	whole := []admin.ClientAPI{{Audience: "a", Permissions: []string{}}}
	single := []admin.ClientAPI{{Audience: "a", Permissions: []string{"r"}}}
	both := []admin.ClientAPI{{Audience: "a", Permissions: []string{"r", "w"}}}
	r, w, all := []reference{{"a", "r"}}, []reference{{"a", "w"}}, []reference{{"a", ""}}
	tests := []struct {
		name        string
		apis        []admin.ClientAPI
		remove, add []reference
		want        []admin.ClientAPI // nil: an error
	}{
		{"a permission is added", single, nil, w, both},
		{"the same permission is added", single, nil, r, single},
		{"a permission is removed", both, w, nil, single},
		{"the last permission is removed", single, r, nil, []admin.ClientAPI{}},
		{"the API is removed", both, all, nil, []admin.ClientAPI{}},
		{"all is narrowed", whole, all, r, single},
		{"single permissions become all", both, all, all, whole},
		{"a permission is removed from all", whole, r, nil, nil},
		{"a permission is added to all", whole, nil, r, nil},
		{"all is added to single permissions", single, nil, all, nil},
		{"all and a permission are named at once", nil, nil, []reference{{"a", ""}, {"a", "r"}}, nil},
		{"another API is removed", single, []reference{{"b", ""}}, nil, nil},
		{"another permission is removed", single, w, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := both[0].Permissions[0] + single[0].Permissions[0]
			got, err := editClientAPIs(test.apis, test.remove, test.add)
			if (test.want == nil) != (err != nil) {
				t.Fatal(got, err)
			}
			if diff := cmp.Diff(test.want, got); err == nil && diff != "" {
				t.Error(diff)
			}
			if both[0].Permissions[0]+single[0].Permissions[0] != before {
				t.Error("what was read from the registry was changed")
			}
		})
	}
}
