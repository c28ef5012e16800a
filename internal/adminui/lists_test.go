package adminui

import (
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/signet-auth/signet/internal/admin"
)

func TestAllTokensOfAPageCanBeRevokedAtOnce(t *testing.T) {
	if most := slices.Max(sizes); most > admin.MaxChosen {
		t.Errorf("a page shows %d tokens, of which %d can be chosen", most, admin.MaxChosen)
	}
}

func TestTheMenuShowsWhereAPageIs(t *testing.T) {
	for path, want := range map[string]string{
		"/admin/": "overview", "/admin/users/alice": "users", "/admin/revocations": "tokens", "/admin/revocations/7": "tokens", "/admin/new/revocation/chosen": "tokens",
		"/admin/invitations": "clients", "/admin/apis/a/resources": "apis", "/admin/user": "",
	} {
		v, got := &visit{r: httptest.NewRequest("GET", path, nil)}, ""
		for _, group := range navigation {
			for _, s := range group.sections {
				if v.inSection(s) {
					got += s.key
				}
			}
		}
		if got != want {
			t.Errorf("%s is in %q, not %q", path, got, want)
		}
	}
}
