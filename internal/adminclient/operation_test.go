package adminclient

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/admin"
)

func TestEveryOperationCanBeCalled(t *testing.T) {
	ofTheDatabase := []string{"token.purge", "revocation.finish", "audit.verify"} // what every server does by itself, or what is to trust none
	for _, o := range admin.Operations {
		if _, ok := operationOf(o.Name); ok == slices.Contains(ofTheDatabase, o.Name) {
			t.Errorf("%s: it can be called is %v", o.Name, ok)
		}
	}
}

func TestNoNameIsTakenForAPlaceInThePath(t *testing.T) {
	o := operation{path: "/api/v1/roles/{name}/{kind}/{subject}"}
	path, ok := o.fill([]string{"a/b?c#d", "users", ".."})
	if want := "/api/v1/roles/a%2Fb%3Fc%23d/users/%2E%2E"; !ok || path != want {
		t.Errorf("got %q, %v, not %q", path, ok, want)
	}
	for _, values := range [][]string{{"a", "users"}, {"a", "users", "b", "c"}} {
		if path, ok := o.fill(values); ok {
			t.Errorf("%d values for three parameters: %q", len(values), path)
		}
	}
}

func TestABodyIsSentWhereTheAPITakesOne(t *testing.T) {
	c := &Client{base: &url.URL{Scheme: "https", Host: "id.example"}}
	for want, request := range map[string]Request{
		"has no body":       {Operation: "user.find", Path: []string{"alice"}, Body: map[string]any{}},
		"asks for a":        {Operation: "user.create"},
		"in no admin API":   {Operation: "user.conjure"},
		"is at /api/v1/us":  {Operation: "user.find"},
		"nil error, please": {Operation: "user.find", Path: []string{"alice"}},
	} {
		_, err := c.request(t.Context(), request)
		if got := text(err); !strings.Contains(got, want) {
			t.Errorf("%+v: %q does not say that it %s", request, got, want)
		}
	}
}

func text(err error) string {
	if err == nil {
		return "nil error, please"
	}
	return err.Error()
}
