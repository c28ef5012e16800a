package adminapi_test

import (
	"slices"
	"testing"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
)

func TestEveryOperationHasARoute(t *testing.T) {
	ofTheDatabase := []string{"token.purge", "revocation.finish", "audit.verify"} // what every server does by itself, or what is to trust none
	routes := adminapi.Routes()
	for _, o := range admin.Operations {
		if _, ok := routes[o.Name]; ok == slices.Contains(ofTheDatabase, o.Name) {
			t.Errorf("%s: it has a route is %v", o.Name, ok)
		}
	}
}

func TestNoNameIsTakenForAPlaceInThePath(t *testing.T) {
	route := adminapi.Route{Path: "/api/v1/roles/{name}/{kind}/{subject}"}
	path, ok := route.Fill([]string{"a/b?c#d", "users", ".."})
	if want := "/api/v1/roles/a%2Fb%3Fc%23d/users/%2E%2E"; !ok || path != want {
		t.Errorf("got %q, %v, not %q", path, ok, want)
	}
	for _, values := range [][]string{{"a", "users"}, {"a", "users", "b", "c"}} {
		if path, ok := route.Fill(values); ok {
			t.Errorf("%d values for three parameters: %q", len(values), path)
		}
	}
}
