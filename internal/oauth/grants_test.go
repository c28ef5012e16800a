package oauth

import (
	"slices"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
)

func TestEachGrantTypeIsThereOnceAndNeedsOnlyOthersThatAre(t *testing.T) {
	names := domain.GrantTypeNames(GrantTypes())
	for i, g := range grants {
		if slices.Index(names, g.Name) != i {
			t.Errorf("%s is there twice", g.Name)
		}
		if g.With != "" && !slices.Contains(names, g.With) {
			t.Errorf("%s needs %s, which is none", g.Name, g.With)
		}
		if found, ok := findGrantType(g.Name); !ok || found.validate == nil || len(found.handlers(parts{})) == 0 {
			t.Errorf("%s is not served", g.Name)
		}
	}
}
